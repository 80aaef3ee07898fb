/** rtnetlink as programs use it: requests by a socket, answers, errors with their sentences, news. */

import { expect, test } from "vitest";
import { EADDRNOTAVAIL, ENODEV, EPERM } from "../../../abi/errno.ts";
import { formatIpv4, parseIpv4, parseMac } from "../../../abi/inet.ts";
import {
  decodeAttributes,
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
} from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { AF_INET, AF_NETLINK, SOCK_RAW, SOL_NETLINK } from "../../../abi/socket.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { checkInvariants } from "../../../machine/invariants.ts";
import { Random } from "../../random.ts";
import { errnoOf, runKernel } from "../../testing.ts";

const NEW = NLM_F_CREATE | NLM_F_EXCL;

/** What came of a request: errno and sentence, or the messages. */
interface Outcome {
  readonly error: string;
  readonly messages: readonly NetlinkMessage[];
}

class Rtnl {
  private seq = 0;

  private constructor(
    private readonly sys: Sys,
    readonly fd: number,
  ) {}

  static *open(sys: Sys, groups = 0): Proc<Rtnl> {
    const fd = yield* sys.socket(AF_NETLINK, SOCK_RAW, 0);
    yield* sys.setsockopt(fd, SOL_NETLINK, R.NETLINK_EXT_ACK, 1);
    yield* sys.setsockopt(fd, SOL_NETLINK, R.NETLINK_GET_STRICT_CHK, 1);
    yield* sys.bind(fd, { family: AF_NETLINK, pid: 0, groups });
    return new Rtnl(sys, fd);
  }

  *ask(type: number, flags: number, fill: (w: NetlinkWriter) => NetlinkWriter): Proc<Outcome> {
    const payload = fill(new NetlinkWriter()).finish();
    const request = { type, flags: flags | NLM_F_REQUEST | NLM_F_ACK, seq: ++this.seq, pid: 0, payload };
    yield* this.sys.sendmsg(this.fd, encodeMessage(request), 0, { family: AF_NETLINK, pid: 0, groups: 0 });
    const messages: NetlinkMessage[] = [];
    for (;;) {
      for (const message of yield* this.news()) {
        if (message.type === NLMSG_DONE) return { error: "", messages };
        if (message.type !== NLMSG_ERROR) {
          messages.push(message);
          continue;
        }
        const errno = -new DataView(message.payload.buffer, message.payload.byteOffset).getInt32(0, true);
        const text = decodeAttributes(message.payload, 4 + 16 + (errno === 0 ? 0 : payload.length)).get(R.NLMSGERR_ATTR_MSG);
        return { error: errno === 0 ? "" : `${errno} ${text?.string ?? ""}`.trim(), messages };
      }
    }
  }

  *news(): Proc<NetlinkMessage[]> {
    const buf = new Uint8Array(65_536);
    const { length } = yield* this.sys.recvmsg(this.fd, buf, 0);
    return [...decodeMessages(buf.slice(0, length))];
  }
}

const ip = (text: string): number => parseIpv4(text) as number;

const link =
  (index: number, flags = 0, change = 0, fill: (w: NetlinkWriter) => void = () => {}) =>
  (w: NetlinkWriter): NetlinkWriter => {
    w.u8(0).u8(0).u16(0).u32(index).u32(flags).u32(change);
    fill(w);
    return w;
  };

const kind = (name: string, type: string, data: (w: NetlinkWriter) => void = () => {}) =>
  link(0, 0, 0, (w) => {
    w.attrString(R.IFLA_IFNAME, name);
    w.nest(R.IFLA_LINKINFO, () => {
      w.attrString(R.IFLA_INFO_KIND, type);
      w.nest(R.IFLA_INFO_DATA, () => data(w));
    });
  });

const veth = (name: string, peer: string) =>
  kind(name, "veth", (w) =>
    w.nest(R.VETH_INFO_PEER, () => {
      w.u32(0).u32(0).u32(0).u32(0);
      w.attrString(R.IFLA_IFNAME, peer);
    }),
  );

const address =
  (index: number, addr: string, length: number) =>
  (w: NetlinkWriter): NetlinkWriter =>
    w.u8(AF_INET).u8(length).u8(0).u8(0).u32(index).attrBe32(R.IFA_LOCAL, ip(addr)).attrBe32(R.IFA_ADDRESS, ip(addr));

const route =
  (dst: string, length: number, gateway: string) =>
  (w: NetlinkWriter): NetlinkWriter =>
    w.u8(AF_INET).u8(length).u8(0).u8(0).u8(254).u8(3).u8(0).u8(1).u32(0).attrBe32(R.RTA_DST, ip(dst)).attrBe32(R.RTA_GATEWAY, ip(gateway));

const names = (outcome: Outcome): string[] => outcome.messages.map((m) => decodeAttributes(m.payload, 16).get(R.IFLA_IFNAME)?.string ?? "");

test("links are made, listed, changed and deleted", () => {
  runKernel(function* (sys) {
    const rtnl = yield* Rtnl.open(sys);
    expect(names(yield* rtnl.ask(RTM_GETLINK, NLM_F_DUMP, link(0)))).toEqual(["lo"]);
    expect((yield* rtnl.ask(RTM_NEWLINK, NEW, veth("v0", "v1"))).error).toBe("");
    expect((yield* rtnl.ask(RTM_NEWLINK, NEW, veth("v0", "v2"))).error).toBe("17");
    expect((yield* rtnl.ask(RTM_NEWLINK, NEW, kind("br0", "bridge"))).error).toBe("");
    expect((yield* rtnl.ask(RTM_NEWLINK, NEW, kind("d0", "foobar"))).error).toBe("95 Unknown device type");
    expect(names(yield* rtnl.ask(RTM_GETLINK, NLM_F_DUMP, link(0)))).toEqual(["lo", "v1", "v0", "br0"]);
    const master = link(3, 1, 1, (w) => w.attrU32(R.IFLA_MASTER, 4));
    expect((yield* rtnl.ask(RTM_NEWLINK, 0, master)).error).toBe("");
    const [got] = (yield* rtnl.ask(RTM_GETLINK, 0, link(3))).messages;
    const attrs = decodeAttributes((got as NetlinkMessage).payload, 16);
    expect([attrs.get(R.IFLA_MASTER)?.u32, attrs.get(R.IFLA_LINK)?.u32, attrs.get(R.IFLA_QDISC)?.string]).toEqual([4, 2, "noqueue"]);
    expect(attrs.get(R.IFLA_LINKINFO)?.nested.get(R.IFLA_INFO_SLAVE_KIND)?.string).toBe("bridge");
    const mtu = link(3, 0, 0, (w) => w.attrU32(R.IFLA_MTU, 20));
    expect((yield* rtnl.ask(RTM_NEWLINK, 0, mtu)).error).toBe("22 mtu less than device minimum");
    expect((yield* rtnl.ask(RTM_DELLINK, 0, link(1))).error).toBe("95");
    expect((yield* rtnl.ask(RTM_DELLINK, 0, link(3))).error).toBe("");
    expect(names(yield* rtnl.ask(RTM_GETLINK, NLM_F_DUMP, link(0)))).toEqual(["lo", "br0"]);
    expect((yield* rtnl.ask(RTM_GETLINK, 0, link(9))).error).toBe("19");
  });
});

test("addresses bring routes along; routes are added, asked for and refused as Linux does", () => {
  runKernel(function* (sys) {
    const rtnl = yield* Rtnl.open(sys);
    yield* rtnl.ask(RTM_NEWLINK, NEW, veth("v0", "v1"));
    for (const index of [1, 2, 3]) yield* rtnl.ask(RTM_NEWLINK, 0, link(index, 1, 1));
    expect((yield* rtnl.ask(RTM_NEWADDR, NEW, address(3, "10.0.0.1", 24))).error).toBe("");
    expect((yield* rtnl.ask(RTM_NEWADDR, NEW, address(3, "10.0.0.1", 24))).error).toBe("17 ipv4: Address already assigned");
    expect((yield* rtnl.ask(RTM_NEWROUTE, NEW, route("0.0.0.0", 0, "10.0.0.254"))).error).toBe("");
    expect((yield* rtnl.ask(RTM_NEWROUTE, NEW, route("0.0.0.0", 0, "10.0.0.253"))).error).toBe("17");
    expect((yield* rtnl.ask(RTM_NEWROUTE, NEW, route("10.3.0.0", 16, "10.0.0.7"))).error).toBe("");
    expect((yield* rtnl.ask(RTM_NEWROUTE, NEW, route("10.3.0.1", 16, "10.0.0.2"))).error).toBe("22 Invalid prefix for given prefix length");
    const shown = (yield* rtnl.ask(RTM_GETROUTE, NLM_F_DUMP, (w) => w.u8(AF_INET).u8(0).u8(0).u8(0).u32(0).u32(0))).messages.map(
      ({ payload }) => {
        const attrs = decodeAttributes(payload, 12);
        return `${payload[4]} ${payload[7]} ${formatIpv4(attrs.get(R.RTA_DST)?.be32 ?? 0)}/${payload[1]}`;
      },
    );
    expect(shown).toEqual([
      ...["254 1 0.0.0.0/0", "254 1 10.0.0.0/24", "254 1 10.3.0.0/16"],
      ...["255 2 10.0.0.1/32", "255 3 10.0.0.255/32", "255 2 127.0.0.0/8", "255 2 127.0.0.1/32", "255 3 127.255.255.255/32"],
    ]);
    const asked = yield* rtnl.ask(RTM_GETROUTE, 0, (w) =>
      w.u8(AF_INET).u8(32).u8(0).u8(0).u32(0).u32(0).attrBe32(R.RTA_DST, ip("8.8.8.8")),
    );
    const answer = decodeAttributes((asked.messages[0] as NetlinkMessage).payload, 12);
    expect([answer.get(R.RTA_GATEWAY)?.be32, answer.get(R.RTA_PREFSRC)?.be32, answer.get(R.RTA_OIF)?.u32]).toEqual([
      ip("10.0.0.254"),
      ip("10.0.0.1"),
      3,
    ]);
    const addresses = (yield* rtnl.ask(RTM_GETADDR, NLM_F_DUMP, (w) => w.u32(AF_INET).u32(0))).messages;
    expect(addresses.map((m) => decodeAttributes(m.payload, 8).get(R.IFA_LABEL)?.string)).toEqual(["lo", "v0"]);
    expect((yield* rtnl.ask(RTM_GETRULE, NLM_F_DUMP, (w) => w.u32(0).u32(0).u32(0))).messages).toHaveLength(3);
    expect((yield* rtnl.ask(RTM_GETNEIGH, NLM_F_DUMP, (w) => w.u32(0).u32(0).u32(0))).messages).toEqual([]);
  });
});

test("who has joined a group hears of changes", () => {
  runKernel(function* (sys) {
    const watcher = yield* Rtnl.open(sys, 1 << (R.RTNLGRP_LINK - 1));
    const rtnl = yield* Rtnl.open(sys);
    yield* rtnl.ask(RTM_NEWLINK, NEW, kind("d0", "dummy"));
    const [message] = yield* watcher.news();
    expect([message?.type, decodeAttributes((message as NetlinkMessage).payload, 16).get(R.IFLA_IFNAME)?.string]).toEqual([
      RTM_NEWLINK,
      "d0",
    ]);
    yield* rtnl.ask(RTM_DELLINK, 0, link(2));
    expect((yield* watcher.news())[0]?.type).toBe(RTM_DELLINK);
  });
});

test("a hardware address that no device can have is refused, and so are strangers", () => {
  runKernel(function* (sys) {
    const rtnl = yield* Rtnl.open(sys);
    yield* rtnl.ask(RTM_NEWLINK, NEW, kind("d0", "dummy"));
    const group = link(2, 0, 0, (w) => w.attrMac(R.IFLA_ADDRESS, parseMac("01:00:00:00:00:01") as number));
    expect((yield* rtnl.ask(RTM_NEWLINK, 0, group)).error).toBe("99");
    yield* sys.setresuid(1000, 1000, 1000);
    expect((yield* rtnl.ask(RTM_DELLINK, 0, link(2))).error).toBe("1");
    expect(names(yield* rtnl.ask(RTM_GETLINK, NLM_F_DUMP, link(0)))).toEqual(["lo", "d0"]);
  });
});

test("a qdisc holds packets back", () => {
  runKernel(function* (sys) {
    const rtnl = yield* Rtnl.open(sys);
    yield* rtnl.ask(RTM_NEWLINK, 0, link(1, 1, 1));
    const netem = (w: NetlinkWriter): NetlinkWriter => {
      w.u32(0).u32(1).u32(0).u32(0xffff_ffff).u32(0).attrString(R.TCA_KIND, "netem");
      const options = new NetlinkWriter().u32(0).u32(1000).u32(0).u32(0).u32(0).u32(0).attrU64(R.TCA_NETEM_LATENCY64, 10_000_000);
      return w.attr(R.TCA_OPTIONS, options.finish());
    };
    expect((yield* rtnl.ask(RTM_NEWQDISC, NEW, netem)).error).toBe("");
    expect((yield* rtnl.ask(RTM_NEWQDISC, NEW, netem)).error).toBe("17 Exclusivity flag on, cannot modify");
    const [got] = (yield* rtnl.ask(RTM_GETQDISC, NLM_F_DUMP, (w) => w.u32(0).u32(0).u32(0).u32(0).u32(0))).messages;
    expect(decodeAttributes((got as NetlinkMessage).payload, 20).get(R.TCA_KIND)?.string).toBe("netem");
  });
});

test("a socket of any kind tells of devices, and changes them for who may", () => {
  runKernel(function* (sys) {
    const rtnl = yield* Rtnl.open(sys);
    yield* rtnl.ask(RTM_NEWLINK, NEW, kind("d0", "dummy"));
    const fd = rtnl.fd;
    yield* sys.ioctl(fd, "SIOCSIFADDR", { name: "d0", addr: ip("10.1.2.3") });
    yield* sys.ioctl(fd, "SIOCSIFNETMASK", { name: "d0", addr: ip("255.255.255.0") });
    yield* sys.ioctl(fd, "SIOCSIFFLAGS", { name: "d0", value: 0x83 });
    expect(yield* sys.ioctl(fd, "SIOCGIFCONF")).toEqual([{ name: "d0", addr: ip("10.1.2.3") }]);
    expect(formatIpv4(yield* sys.ioctl(fd, "SIOCGIFBRDADDR", "d0"))).toBe("10.1.2.255");
    expect((yield* sys.ioctl(fd, "SIOCGIFFLAGS", "d0")).toString(16)).toBe("c3");
    expect(yield* errnoOf(() => sys.ioctl(fd, "SIOCGIFADDR", "lo"))).toBe(EADDRNOTAVAIL);
    expect(yield* errnoOf(() => sys.ioctl(fd, "SIOCGIFINDEX", "x"))).toBe(ENODEV);
    yield* sys.setresuid(1000, 1000, 1000);
    expect(yield* errnoOf(() => sys.ioctl(fd, "SIOCSIFMTU", { name: "d0", value: 1400 }))).toBe(EPERM);
  });
});

test("messages of random bytes are answered with an error or taken, and break nothing", () => {
  const random = new Random(7);
  const types = [16, 17, 18, 19, 20, 21, 22, 24, 25, 26, 28, 29, 30, 32, 33, 34, 36, 37, 38, 88, 90, 200];
  runKernel(function* (sys, kernel) {
    const rtnl = yield* Rtnl.open(sys);
    yield* rtnl.ask(RTM_NEWLINK, NEW, veth("v0", "v1"));
    yield* rtnl.ask(RTM_NEWLINK, NEW, kind("br0", "bridge"));
    for (const index of [1, 2, 3, 4]) yield* rtnl.ask(RTM_NEWLINK, 0, link(index, 1, 1));
    for (let i = 0; i < 3_000; i++) {
      const flags = [0, NLM_F_DUMP, NEW, NLM_F_CREATE, 0x500][random.below(5)] as number;
      yield* rtnl.ask(types[random.below(types.length)] as number, flags, (w) => {
        const head = [8, 12, 16, 20][random.below(4)] as number;
        for (let at = 0; at < head; at++) w.u8(random.below(3) === 0 ? random.below(256) : random.below(12));
        for (let n = random.below(5); n > 0; n--) {
          const value = new Uint8Array([0, 1, 2, 4, 6, 8, 16, 20, 40][random.below(9)] as number);
          random.fill(value);
          if (random.below(2) === 0)
            w.attr(
              random.below(64),
              value.map((byte) => byte % 6),
            );
          else w.nest(random.below(30), () => w.attr(random.below(30), value));
        }
        return w;
      });
    }
    checkInvariants(kernel);
  });
});

/** Replays what `oracle/record-rtnl.py` has recorded of a real Linux: errors of ip(8), addresses, routes and links after each of many random changes. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errnos } from "../../abi/errno.ts";
import { formatIpv4, parseIpv4, prefixMask } from "../../abi/inet.ts";
import {
  decodeAttributes,
  decodeMessages,
  encodeMessage,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  RTM_DELADDR,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET, AF_NETLINK, SOCK_RAW, SOL_NETLINK } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { runKernel } from "../testing.ts";
import { fibOf } from "./ipv4/fib.ts";
import { IFA_F_SECONDARY } from "./ipv4/in-device.ts";
import { RT_SCOPE_NOWHERE } from "./ipv4/route-types.ts";
import { netCoreOf } from "./net.ts";
import type { NetNamespace } from "./net-namespace.ts";

interface State {
  readonly addresses: readonly unknown[];
  readonly routes: readonly unknown[];
  readonly links: readonly unknown[];
}

interface Step {
  readonly step: readonly string[];
  readonly error: string;
  readonly state?: State;
}

const sessions = JSON.parse(readFileSync(join(import.meta.dirname, "oracle/rtnl.golden.json"), "utf8")) as readonly (readonly Step[])[];

const ip = (text: string): number => parseIpv4(text) as number;
const SCOPES: Readonly<Record<number, string>> = { 0: "global", 253: "link", 254: "host" };
const TYPES: Readonly<Record<string, number>> = { unicast: 1, local: 2, broadcast: 3, blackhole: 6, unreachable: 7 };
const typeName = (type: number): string => Object.keys(TYPES).find((name) => TYPES[name] === type) as string;
const orEmpty = (addr: number): string => (addr === 0 ? "" : formatIpv4(addr));

function stateOf(ns: NetNamespace): State {
  const devices = [...ns.devices.values()].sort((a, b) => a.ifindex - b.ifindex);
  return {
    addresses: devices.flatMap((dev) =>
      (dev.ip?.addresses ?? []).map((a) => [
        dev.name,
        `${formatIpv4(a.local)}/${a.prefixLength}`,
        orEmpty(a.broadcast),
        SCOPES[a.scope],
        (a.flags & IFA_F_SECONDARY) !== 0 ? "secondary" : "",
      ]),
    ),
    routes: [254, 255].flatMap((table) =>
      fibOf(ns)
        .table(table)
        .all()
        .map((r) => [
          table === 254 ? "main" : "local",
          typeName(r.type),
          r.prefixLength === 0 ? "default" : `${formatIpv4(r.prefix)}${r.prefixLength === 32 ? "" : `/${r.prefixLength}`}`,
          orEmpty(r.gateway),
          r.dev?.name ?? "",
          orEmpty(r.prefSrc),
          r.priority,
          SCOPES[r.scope],
          r.protocol === 2 ? "kernel" : "boot",
          r.onlink ? "onlink" : "",
        ]),
    ),
    links: devices.map((dev) => [dev.name, dev.up, dev.mtu, dev.master?.name ?? ""]),
  };
}

class Ip {
  constructor(
    private readonly sys: Sys,
    private readonly fd: number,
    private readonly ns: NetNamespace,
  ) {}

  /** What ip(8) prints. */
  *send(type: number, flags: number, payload: Uint8Array): Proc<string> {
    yield* this.sys.sendmsg(this.fd, encodeMessage({ type, flags: flags | NLM_F_REQUEST | NLM_F_ACK, seq: 1, pid: 0, payload }), 0);
    const buf = new Uint8Array(8192);
    const { length } = yield* this.sys.recvmsg(this.fd, buf, 0);
    const [answer] = decodeMessages(buf.slice(0, length));
    if (answer?.type !== NLMSG_ERROR) throw new Error("no answer");
    const code = -new DataView(answer.payload.buffer, answer.payload.byteOffset).getInt32(0, true);
    if (code === 0) return "";
    const padded = (payload.length + 3) & ~3;
    const text = decodeAttributes(answer.payload, 20 + padded).get(R.NLMSGERR_ATTR_MSG)?.string;
    return text === undefined ? `RTNETLINK answers: ${errnos.find((e) => e.code === code)?.message}` : `Error: ${text}.`;
  }

  private index(name: string): number {
    return this.ns.findDevice(name)?.ifindex ?? 0;
  }

  link(name: string, flags: number, change: number, fill: (w: NetlinkWriter) => void = () => {}): Proc<string> {
    const w = new NetlinkWriter().u32(0).u32(this.index(name)).u32(flags).u32(change);
    fill(w);
    return this.send(RTM_NEWLINK, 0, w.finish());
  }

  create(name: string, kind: string, peer?: string): Proc<string> {
    const w = new NetlinkWriter().u32(0).u32(0).u32(0).u32(0).attrString(R.IFLA_IFNAME, name);
    w.nest(R.IFLA_LINKINFO, () => {
      w.attrString(R.IFLA_INFO_KIND, kind);
      if (peer === undefined) return;
      w.nest(R.IFLA_INFO_DATA, () => {
        w.nest(R.VETH_INFO_PEER, () => w.u32(0).u32(0).u32(0).u32(0).attrString(R.IFLA_IFNAME, peer));
      });
    });
    return this.send(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, w.finish());
  }

  address(verb: string, dev: string, text: string, broadcast: boolean): Proc<string> {
    const [addr, length] = text.split("/") as [string, string];
    const w = new NetlinkWriter().u8(AF_INET).u8(Number(length)).u8(0).u8(0).u32(this.index(dev));
    w.attrBe32(R.IFA_LOCAL, ip(addr)).attrBe32(R.IFA_ADDRESS, ip(addr));
    const bits = Number(length);
    if (broadcast && verb === "addr" && bits < 31) w.attrBe32(R.IFA_BROADCAST, (ip(addr) | ~prefixMask(bits)) >>> 0);
    return this.send(verb === "addr" ? RTM_NEWADDR : RTM_DELADDR, verb === "addr" ? NLM_F_CREATE | NLM_F_EXCL : 0, w.finish());
  }

  route([verb, type, prefix, via, dev, metric, src]: readonly string[]): Proc<string> {
    const flags: Readonly<Record<string, number>> = {
      ...{ add: NLM_F_CREATE | NLM_F_EXCL, append: NLM_F_CREATE | NLM_F_APPEND, replace: NLM_F_CREATE | NLM_F_REPLACE },
      ...{ prepend: NLM_F_CREATE, change: NLM_F_REPLACE, del: 0 },
    };
    const del = verb === "del";
    const [dst, length] = (prefix as string).split("/") as [string, string];
    const scope = del && type === "unicast" ? RT_SCOPE_NOWHERE : type === "unicast" && via === "" ? 253 : 0;
    // `del` without a type takes any.
    const number = del && type === "unicast" ? 0 : (TYPES[type as string] as number);
    const w = new NetlinkWriter().u8(AF_INET).u8(Number(length)).u8(0).u8(0).u8(254);
    w.u8(del ? 0 : 3)
      .u8(del && type !== "unicast" ? RT_SCOPE_NOWHERE : scope)
      .u8(number)
      .u32(0);
    if (length !== "0") w.attrBe32(R.RTA_DST, ip(dst));
    if (via !== "") w.attrBe32(R.RTA_GATEWAY, ip(via as string));
    if (dev !== "") w.attrU32(R.RTA_OIF, this.index(dev as string));
    if (metric !== "0") w.attrU32(R.RTA_PRIORITY, Number(metric));
    if (src !== "") w.attrBe32(R.RTA_PREFSRC, ip(src as string));
    return this.send(del ? RTM_DELROUTE : RTM_NEWROUTE, flags[verb as string] as number, w.finish());
  }

  run([kind, ...words]: readonly string[]): Proc<string> {
    const [dev = "", second = "", third = ""] = words;
    switch (kind) {
      case "up":
      case "down":
        return this.link(dev, kind === "up" ? 1 : 0, 1);
      case "master":
        return this.link(dev, 0, 0, (w) => w.attrU32(R.IFLA_MASTER, this.index("br0")));
      case "nomaster":
        return this.link(dev, 0, 0, (w) => w.attrU32(R.IFLA_MASTER, 0));
      case "mtu":
        return this.link(dev, 0, 0, (w) => w.attrU32(R.IFLA_MTU, Number(second)));
      case "addr":
      case "deladdr":
        return this.address(kind, dev, second, third === "brd");
      default:
        return this.route(words);
    }
  }
}

sessions.forEach((session, number) => {
  test(`recorded changes ${number}`, () => {
    runKernel(function* (sys, kernel) {
      const fd = yield* sys.socket(AF_NETLINK, SOCK_RAW, 0);
      yield* sys.setsockopt(fd, SOL_NETLINK, R.NETLINK_EXT_ACK, 1);
      const ns = netCoreOf(kernel).initNs;
      const ours = new Ip(sys, fd, ns);
      yield* ours.create("v0", "veth", "v1");
      yield* ours.create("v2", "veth", "v3");
      yield* ours.create("br0", "bridge");
      let state: State | undefined;
      for (const [at, step] of session.entries()) {
        const error = yield* ours.run(step.step);
        state = step.state ?? state;
        expect({ at, step: step.step, error, ...stateOf(ns) }).toEqual({ at, step: step.step, error: step.error, ...state });
      }
    });
  });
});

/**
 * Configures the network from /etc/network/interfaces, as ifup(8) does at boot: `auto`, `iface NAME inet loopback|static`, `address`, `gateway`. By
 * rtnetlink, without starting programs. Left out: DHCP, hooks, IPv6, everything else of interfaces(5).
 */

import { Errno } from "../../abi/errno.ts";
import { parseIpv4, prefixMask } from "../../abi/inet.ts";
import {
  decodeMessages,
  encodeMessage,
  NETLINK_ROUTE,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
} from "../../abi/netlink.ts";
import { IFA_ADDRESS, IFA_BROADCAST, IFA_LOCAL, IFLA_IFNAME, RTA_GATEWAY } from "../../abi/rtnetlink.ts";
import { AF_INET, AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { optional, readText } from "./unistd.ts";

const IFF_UP = 1;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;

interface Stanza {
  readonly name: string;
  readonly method: string;
  /** `address`, `gateway`. */
  readonly options: Map<string, string>;
}

/** The interfaces that are to come up by themselves. */
function parseInterfaces(text: string): Stanza[] {
  const auto = new Set<string>();
  const stanzas: Stanza[] = [];
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    const [first, second] = words;
    if (first === undefined || first === "" || first.startsWith("#")) continue;
    if (first === "auto") for (const name of words.slice(1)) auto.add(name);
    else if (first === "iface" && words[2] === "inet") stanzas.push({ name: second ?? "", method: words[3] ?? "", options: new Map() });
    else stanzas[stanzas.length - 1]?.options.set(first, second ?? "");
  }
  return stanzas.filter(({ name }) => auto.has(name));
}

/** Sends a request and gives the payload of the answer, if there is one. Throws away errors: what cannot be configured stays as it is. */
function* ask(sys: Sys, fd: number, type: number, flags: number, payload: Uint8Array): Proc<Uint8Array | undefined> {
  const bytes = encodeMessage({ type, flags: flags | NLM_F_REQUEST | NLM_F_ACK, seq: 1, pid: 0, payload });
  yield* sys.sendmsg(fd, bytes, 0, { family: AF_NETLINK, pid: 0, groups: 0 });
  const buf = new Uint8Array(4096);
  let answer: Uint8Array | undefined;
  for (;;) {
    const { length } = yield* sys.recvmsg(fd, buf, 0);
    for (const message of decodeMessages(buf.slice(0, length))) {
      if (message.type === NLMSG_ERROR) return answer;
      answer = message.payload;
    }
  }
}

function* setUp(sys: Sys, fd: number, { name, method, options }: Stanza): Proc<void> {
  const link = (flags: number): Uint8Array =>
    new NetlinkWriter().u32(0).u32(0).u32(flags).u32(flags).attrString(IFLA_IFNAME, name).finish();
  yield* ask(sys, fd, RTM_NEWLINK, 0, link(IFF_UP));
  const [address = "", length = "24"] = (options.get("address") ?? "").split("/");
  const local = parseIpv4(address);
  if (method !== "static" || local === undefined) return;
  const found = yield* ask(sys, fd, RTM_GETLINK, 0, link(0));
  if (found === undefined) return;
  const index = new DataView(found.buffer, found.byteOffset).getInt32(4, true);
  const bits = Number(length);
  const ifa = new NetlinkWriter().u8(AF_INET).u8(bits).u8(0).u8(0).u32(index);
  ifa.attrBe32(IFA_LOCAL, local).attrBe32(IFA_ADDRESS, local);
  ifa.attrBe32(IFA_BROADCAST, (local | ~prefixMask(bits)) >>> 0);
  yield* ask(sys, fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifa.finish());
  const gateway = parseIpv4(options.get("gateway") ?? "");
  if (gateway === undefined) return;
  const route = new NetlinkWriter().u8(AF_INET).u8(0).u8(0).u8(0).u8(RT_TABLE_MAIN).u8(RTPROT_BOOT).u8(0).u8(RTN_UNICAST).u32(0);
  yield* ask(sys, fd, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route.attrBe32(RTA_GATEWAY, gateway).finish());
}

/** ifup -a. */
export function* bringUpNetwork(sys: Sys): Proc<void> {
  const stanzas = parseInterfaces((yield* optional(readText(sys, "/etc/network/interfaces"))) ?? "");
  if (stanzas.length === 0) return;
  try {
    const fd = yield* sys.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    for (const stanza of stanzas) yield* setUp(sys, fd, stanza);
    yield* sys.close(fd);
  } catch (e) {
    // A kernel without a network.
    if (!(e instanceof Errno)) throw e;
  }
}

/** Network devices, their addresses and routes, by rtnetlink in the namespace of the calling thread. vishvananda/netlink, as libnetwork uses it. */

import { ENODEV } from "../../abi/errno.ts";
import { prefixMask } from "../../abi/inet.ts";
import {
  decodeAttributes,
  type NetlinkAttribute,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTM_SETLINK,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET, AF_INET6 } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { NetlinkFailure, NetlinkSocket } from "../../userland/libc/rtnetlink.ts";
import { systemError } from "../errors.ts";

const IFF_UP = 1;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`; empty for what has none. */
  readonly kind: string;
  /** Index of the bridge that it is a port of; 0 for none. */
  readonly master: number;
  /** Of a veth, the index of its peer. */
  readonly peer: number;
  readonly mac: number;
}

/** An address or a subnet: host order, and the length of the prefix. */
export interface Prefix {
  readonly addr: number;
  readonly length: number;
}

export const subnetOf = ({ addr, length }: Prefix): Prefix => ({ addr: (addr & prefixMask(length)) >>> 0, length });
export const lastOf = ({ addr, length }: Prefix): number => (addr | ~prefixMask(length)) >>> 0;
export const contains = (outer: Prefix, addr: number): boolean => (addr & prefixMask(outer.length)) >>> 0 === subnetOf(outer).addr;
export const overlaps = (a: Prefix, b: Prefix): boolean => contains(a, b.addr) || contains(b, a.addr);

type Attributes = ReadonlyMap<number, NetlinkAttribute>;

function readLink({ payload }: NetlinkMessage): Link {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attrs: Attributes = decodeAttributes(payload, 16);
  return {
    index: view.getInt32(4, true),
    name: attrs.get(R.IFLA_IFNAME)?.string ?? "",
    kind: attrs.get(R.IFLA_LINKINFO)?.nested.get(R.IFLA_INFO_KIND)?.string ?? "",
    master: attrs.get(R.IFLA_MASTER)?.u32 ?? 0,
    peer: attrs.get(R.IFLA_LINK)?.u32 ?? 0,
    mac: attrs.get(R.IFLA_ADDRESS)?.mac ?? 0,
  };
}

/** struct ifinfomsg. */
const ifinfo = (index: number, flags = 0, change = 0): NetlinkWriter => new NetlinkWriter().u32(0).u32(index).u32(flags).u32(change);

/** struct ifaddrmsg and the address. */
const ifaddr = (index: number, { addr, length }: Prefix): NetlinkWriter =>
  new NetlinkWriter().u8(AF_INET).u8(length).u8(0).u8(0).u32(index).attrBe32(R.IFA_LOCAL, addr).attrBe32(R.IFA_ADDRESS, addr);

/** What was refused, in Go's words. */
function* worded<T>(call: Proc<T>): Proc<T> {
  try {
    return yield* call;
  } catch (e) {
    if (e instanceof NetlinkFailure) throw systemError(e.errno?.message.toLowerCase() ?? "unknown error");
    throw e;
  }
}

export class Links {
  private constructor(private readonly socket: NetlinkSocket) {}

  /** Runs `body` with a socket of the thread's present namespace. */
  static *use<T>(sys: Sys, body: (links: Links) => Proc<T>): Proc<T> {
    const socket = yield* NetlinkSocket.open(sys);
    try {
      return yield* body(new Links(socket));
    } finally {
      yield* socket.close();
    }
  }

  *list(): Proc<Link[]> {
    return (yield* worded(this.socket.dump(RTM_GETLINK, ifinfo(0)))).map(readLink);
  }

  *find(name: string): Proc<Link | undefined> {
    try {
      const [answer] = yield* this.socket.request(RTM_GETLINK, 0, ifinfo(0).attrString(R.IFLA_IFNAME, name));
      return answer === undefined ? undefined : readLink(answer);
    } catch (e) {
      if (e instanceof NetlinkFailure && e.errno === ENODEV) return undefined;
      if (e instanceof NetlinkFailure) throw systemError(e.errno?.message.toLowerCase() ?? "unknown error");
      throw e;
    }
  }

  /** A new bridge with this hardware address. Without STP, as Linux makes them. */
  *addBridge(name: string, mac: number): Proc<void> {
    const writer = ifinfo(0).attrString(R.IFLA_IFNAME, name).attrU32(R.IFLA_TXQLEN, 0).attrMac(R.IFLA_ADDRESS, mac);
    writer.nest(R.IFLA_LINKINFO, (info) => info.attrString(R.IFLA_INFO_KIND, "bridge"));
    yield* worded(this.socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, writer));
  }

  *addVeth(name: string, peer: string): Proc<void> {
    const writer = ifinfo(0).attrString(R.IFLA_IFNAME, name).attrU32(R.IFLA_TXQLEN, 0);
    writer.nest(R.IFLA_LINKINFO, (info) =>
      info
        .attrString(R.IFLA_INFO_KIND, "veth")
        .nest(R.IFLA_INFO_DATA, (data) =>
          data.nest(R.VETH_INFO_PEER, (end) => end.u32(0).u32(0).u32(0).u32(0).attrString(R.IFLA_IFNAME, peer).attrU32(R.IFLA_TXQLEN, 0)),
        ),
    );
    yield* worded(this.socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, writer));
  }

  *remove(index: number): Proc<void> {
    yield* worded(this.socket.request(RTM_DELLINK, 0, ifinfo(index)));
  }

  setUp(index: number): Proc<void> {
    return this.change(ifinfo(index, IFF_UP, IFF_UP));
  }

  setDown(index: number): Proc<void> {
    return this.change(ifinfo(index, 0, IFF_UP));
  }

  setMaster(index: number, master: number): Proc<void> {
    return this.change(ifinfo(index).attrU32(R.IFLA_MASTER, master));
  }

  setMtu(index: number, mtu: number): Proc<void> {
    return this.change(ifinfo(index).attrU32(R.IFLA_MTU, mtu));
  }

  setMac(index: number, mac: number): Proc<void> {
    return this.change(ifinfo(index).attrMac(R.IFLA_ADDRESS, mac));
  }

  rename(index: number, name: string): Proc<void> {
    return this.change(ifinfo(index).attrString(R.IFLA_IFNAME, name));
  }

  /** Moves a device into the namespace behind a descriptor. */
  setNamespace(index: number, fd: number): Proc<void> {
    return this.change(ifinfo(index).attrU32(R.IFLA_NET_NS_FD, fd));
  }

  private *change(writer: NetlinkWriter): Proc<void> {
    yield* worded(this.socket.request(RTM_SETLINK, 0, writer));
  }

  /** IPv4 addresses of a device. */
  *addresses(index: number): Proc<Prefix[]> {
    const answers = yield* worded(this.socket.dump(RTM_GETADDR, new NetlinkWriter().u8(AF_INET).u8(0).u8(0).u8(0).u32(0)));
    return answers.flatMap(({ payload }) => {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      if (view.getUint32(4, true) !== index) return [];
      const attrs: Attributes = decodeAttributes(payload, 8);
      const addr = (attrs.get(R.IFA_LOCAL) ?? attrs.get(R.IFA_ADDRESS))?.be32;
      return addr === undefined ? [] : [{ addr, length: payload[1] as number }];
    });
  }

  /** Takes away the IPv6 addresses that the kernel gives by itself. */
  // Differs from Docker: that sets net.ipv6.conf.all.disable_ipv6 in the namespace; here only the addresses go.
  *removeIpv6(index: number): Proc<void> {
    for (const { payload } of yield* worded(this.socket.dump(RTM_GETADDR, new NetlinkWriter().u8(AF_INET6).u8(0).u8(0).u8(0).u32(0)))) {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      const address = decodeAttributes(payload, 8).get(R.IFA_ADDRESS);
      if (view.getUint32(4, true) !== index || address === undefined) continue;
      const writer = new NetlinkWriter()
        .u8(AF_INET6)
        .u8(payload[1] as number)
        .u8(0)
        .u8(0)
        .u32(index)
        .attr(R.IFA_ADDRESS, address.bytes);
      yield* worded(this.socket.request(RTM_DELADDR, 0, writer));
    }
  }

  *addAddress(index: number, prefix: Prefix): Proc<void> {
    const writer = ifaddr(index, prefix).attrBe32(R.IFA_BROADCAST, lastOf(prefix));
    yield* worded(this.socket.request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, writer));
  }

  *removeAddress(index: number, prefix: Prefix): Proc<void> {
    yield* worded(this.socket.request(RTM_DELADDR, 0, ifaddr(index, prefix)));
  }

  /** Destinations that are reached without a gateway. */
  *linkRoutes(): Proc<Prefix[]> {
    const writer = new NetlinkWriter().u8(AF_INET).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
    const answers = yield* worded(this.socket.dump(RTM_GETROUTE, writer));
    return answers.flatMap(({ payload }) => {
      const [, length = 0, , , table, , scope] = payload;
      const addr = decodeAttributes(payload, 12).get(R.RTA_DST)?.be32;
      return addr === undefined || scope !== RT_SCOPE_LINK || table !== RT_TABLE_MAIN ? [] : [{ addr, length }];
    });
  }

  *addDefaultRoute(gateway: number): Proc<void> {
    yield* worded(this.socket.request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, defaultRoute(gateway)));
  }

  *removeDefaultRoute(gateway: number): Proc<void> {
    yield* worded(this.socket.request(RTM_DELROUTE, 0, defaultRoute(gateway)));
  }
}

const defaultRoute = (gateway: number): NetlinkWriter =>
  new NetlinkWriter()
    .u8(AF_INET)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(RT_TABLE_MAIN)
    .u8(RTPROT_BOOT)
    .u8(RT_SCOPE_UNIVERSE)
    .u8(RTN_UNICAST)
    .u32(0)
    .attrBe32(R.RTA_GATEWAY, gateway);

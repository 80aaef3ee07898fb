/** Tracked connections of an address that is free again: whoever gets it next must not get their packets. libnetwork `iptables/conntrack.go`. */

import * as C from "../../abi/ctnetlink.ts";
import { decodeAttributes, NETLINK_NETFILTER, type NetlinkAttribute, NetlinkWriter } from "../../abi/netlink.ts";
import { AF_INET } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { NetlinkFailure, NetlinkSocket } from "../../userland/libc/rtnetlink.ts";

const NESTED = 0x8000;

/** struct nfgenmsg. */
const header = (): NetlinkWriter => new NetlinkWriter().u8(AF_INET).u8(0).u16(0);

function hasAddress(tuple: NetlinkAttribute | undefined, addr: number): boolean {
  const ip = tuple?.nested.get(C.CTA_TUPLE_IP)?.nested;
  return ip?.get(C.CTA_IP_V4_SRC)?.be32 === addr || ip?.get(C.CTA_IP_V4_DST)?.be32 === addr;
}

export function* forgetFlows(sys: Sys, addr: number): Proc<void> {
  const socket = yield* NetlinkSocket.open(sys, NETLINK_NETFILTER);
  try {
    for (const { payload } of yield* socket.dump(C.IPCTNL_MSG_CT_GET, header())) {
      const attributes = decodeAttributes(payload, C.NFGENMSG_SIZE);
      const original = attributes.get(C.CTA_TUPLE_ORIG);
      if (original === undefined || (!hasAddress(original, addr) && !hasAddress(attributes.get(C.CTA_TUPLE_REPLY), addr))) continue;
      yield* socket.request(C.IPCTNL_MSG_CT_DELETE, 0, header().attr(C.CTA_TUPLE_ORIG | NESTED, original.bytes));
    }
  } catch (e) {
    // One that has ended by itself meanwhile.
    if (!(e instanceof NetlinkFailure)) throw e;
  } finally {
    yield* socket.close();
  }
}

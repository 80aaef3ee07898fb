/** Every netlink protocol of the kernel, by number. */

import { NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_SOCK_DIAG } from "../../../abi/netlink.ts";
import { ctnetlink } from "../netfilter/ctnetlink.ts";
import type { NetlinkProtocol } from "./protocol.ts";
import { rtnetlink } from "./rtnetlink.ts";
import { sockDiag } from "./sock-diag.ts";

export const netlinkProtocols: ReadonlyMap<number, NetlinkProtocol> = new Map([
  [NETLINK_ROUTE, rtnetlink],
  [NETLINK_SOCK_DIAG, sockDiag],
  [NETLINK_NETFILTER, ctnetlink],
]);

/** Every netlink protocol of the kernel, by number. */

import { NETLINK_ROUTE } from "../../../abi/netlink.ts";
import type { NetlinkProtocol } from "./protocol.ts";
import { rtnetlink } from "./rtnetlink.ts";

export const netlinkProtocols: ReadonlyMap<number, NetlinkProtocol> = new Map([[NETLINK_ROUTE, rtnetlink]]);

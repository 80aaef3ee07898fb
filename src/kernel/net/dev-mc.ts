/** The group addresses that a device listens to: /proc/net/dev_mcast, Linux `net/core/dev_addr_lists.c`. They follow from what is joined above the link. */

import { BridgeDevice } from "./devices/bridge.ts";
import { IFF_MULTICAST, type NetDevice } from "./device.ts";
import { ipv6Addresses } from "./ipv6/addresses.ts";

const ALL_NODES_V6 = 0x333300000001;
const ALL_HOSTS_V4 = 0x01005e000001;
/** All-snoopers: a bridge that watches over multicast has joined it. */
const SNOOPERS_V4 = 0x01005e00006a;
const SNOOPERS_V6 = 0x33330000006a;

/** In the order in which they were joined. */
export function multicastAddresses(dev: NetDevice): number[] {
  if ((dev.flags & IFF_MULTICAST) === 0) return [];
  const list = [ALL_NODES_V6];
  if (!dev.up) return list;
  if (dev instanceof BridgeDevice) list.push(SNOOPERS_V4, SNOOPERS_V6);
  if (dev.ip !== undefined) {
    list.push(ALL_HOSTS_V4);
    for (const group of dev.ip.groups.keys()) list.push(0x01005e000000 + (group & 0x7fffff));
  }
  for (const { addr } of ipv6Addresses(dev)) {
    const solicited = 0x3333ff000000 + (((addr[6] as number) & 0xff) << 16) + (addr[7] as number);
    if (!list.includes(solicited)) list.push(solicited);
  }
  return list;
}

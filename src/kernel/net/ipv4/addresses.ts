/** Which of one's own addresses to use: Linux `net/ipv4/devinet.c`, inet_select_addr. */

import { addressMatches } from "./in-device.ts";
import type { NetDevice } from "../device.ts";
import { IFA_F_SECONDARY } from "./in-device.ts";
import { RT_SCOPE_LINK } from "./route-types.ts";

/** The address of `dev` to talk to `dst` (0: to anyone) from, of at least this scope; else one of another device; 0: none. */
export function selectAddress(dev: NetDevice, dst: number, scope: number): number {
  let first = 0;
  for (const ifa of dev.ip?.addresses ?? []) {
    if ((ifa.flags & IFA_F_SECONDARY) !== 0 || ifa.scope > scope) continue;
    if (dst === 0 || addressMatches(ifa, dst)) return ifa.local;
    if (first === 0) first = ifa.local;
  }
  if (first !== 0) return first;
  // Not loopback addresses on other links: only what is not of link scope itself.
  for (const other of dev.ns.devices.values()) {
    for (const ifa of other.ip?.addresses ?? []) {
      if ((ifa.flags & IFA_F_SECONDARY) === 0 && ifa.scope !== RT_SCOPE_LINK && ifa.scope <= scope) return ifa.local;
    }
  }
  return 0;
}

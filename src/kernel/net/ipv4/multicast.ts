/** Multicast groups that sockets join: ip(7) IP_ADD_MEMBERSHIP, Linux `net/ipv4/igmp.c`. Differs from Linux: routers are not told (no IGMP). */

import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENODEV, Errno } from "../../../abi/errno.ts";
import type { IpMreqn } from "../../../abi/sockopt.ts";
import type { NetDevice } from "../device.ts";
import { deviceOfAddress, isMulticast } from "./fib-lookup.ts";
import type { InetSock } from "./inet-sock.ts";
import { routeOutput } from "./route.ts";

export interface Membership {
  readonly group: number;
  readonly ifindex: number;
}

/** ip_mc_find_dev(): by index, by address, or the one that the group is routed to. */
function deviceFor(sock: InetSock, { group, address, ifindex }: IpMreqn): NetDevice | undefined {
  const { ns } = sock;
  if (ifindex !== 0) return ns.devices.get(ifindex);
  if (address !== 0) return deviceOfAddress(ns, address);
  try {
    return routeOutput(ns, { dst: group, src: 0, oif: 0, iif: 0, mark: 0, tos: 0 }).dev;
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}

/** Errors: EINVAL for no multicast address, ENODEV, EADDRINUSE. */
export function joinGroup(sock: InetSock, request: IpMreqn): void {
  if (!isMulticast(request.group)) throw EINVAL;
  const dev = deviceFor(sock, request);
  if (dev === undefined || dev.ip === undefined) throw ENODEV;
  const { ifindex } = dev;
  if (sock.memberships.some((m) => m.group === request.group && m.ifindex === ifindex)) throw EADDRINUSE;
  sock.memberships.push({ group: request.group, ifindex });
  count(sock, request.group, ifindex, 1);
}

/** Errors: EADDRNOTAVAIL where it is not a member. */
export function leaveGroup(sock: InetSock, request: IpMreqn): void {
  const dev = deviceFor(sock, request);
  if (dev === undefined) throw ENODEV;
  const at = sock.memberships.findIndex((m) => m.group === request.group && m.ifindex === dev.ifindex);
  if (at < 0) throw EADDRNOTAVAIL;
  sock.memberships.splice(at, 1);
  count(sock, request.group, dev.ifindex, -1);
}

/** A socket is gone. */
export function leaveGroups(sock: InetSock): void {
  for (const { group, ifindex } of sock.memberships.splice(0)) count(sock, group, ifindex, -1);
}

function count(sock: InetSock, group: number, ifindex: number, by: 1 | -1): void {
  const groups = sock.ns.devices.get(ifindex)?.ip?.groups;
  if (groups === undefined) return;
  const now = (groups.get(group) ?? 0) + by;
  if (now > 0) groups.set(group, now);
  else groups.delete(group);
}

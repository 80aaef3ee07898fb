/** Routes as the way of a packet uses them: rtnetlink(7), Linux `include/uapi/linux/rtnetlink.h`, `struct rtable`. */

import type { Errno } from "../../../abi/errno.ts";
import type { NetDevice } from "../device.ts";

export const RTN_UNSPEC = 0;
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_MULTICAST = 5;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;

export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_SITE = 200;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
export const RT_SCOPE_NOWHERE = 255;

export const RT_TABLE_DEFAULT = 253;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

export const RTPROT_UNSPEC = 0;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;

/** What a lookup is for: struct flowi4. 0 means "any". */
export interface Flow {
  readonly dst: number;
  readonly src: number;
  /** Index of the device that it must leave by. */
  readonly oif: number;
  /** Index of the device that it came in by; 0 for one's own. */
  readonly iif: number;
  readonly mark: number;
  readonly tos: number;
  /** Do not ask whether `src` is one's own (transparent sockets, ARP). */
  readonly anySource?: boolean;
}

/** The answer: what becomes of the packet. */
export interface Route {
  /** RTN_UNICAST, _LOCAL, _BROADCAST or _MULTICAST; with an error, RTN_UNREACHABLE. */
  readonly type: number;
  /** Goes out by it; for local input, the device that it came in by. */
  readonly dev: NetDevice;
  /** Next hop; 0: the destination itself is on the link. */
  readonly gateway: number;
  /** Address to send from, where the sender has not chosen one. */
  readonly src: number;
  /** Largest packet, bytes: of the route, of path MTU discovery, of the device. */
  readonly mtu: number;
  /** Input routes: for this host. Output routes: also for this host, besides the device (broadcast, multicast). */
  readonly local: boolean;
  /** Of an input route that leads nowhere: what ICMP tells the sender. */
  readonly error: Errno | undefined;
  /** Came in and goes out by the same device: the sender should know (ICMP redirect). */
  readonly redirect: boolean;
  /** The route found, as far as RTM_GETROUTE tells of it. Absent where none was looked up. */
  readonly fib: { readonly table: number; readonly prefixLength: number; readonly scope: number; readonly protocol: number } | undefined;
}

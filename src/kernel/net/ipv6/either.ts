/** What sockets send by, whichever family their addresses are of: an address that is a number goes by IPv4, one that is a string by IPv6. */

import { type Errno, ENETUNREACH } from "../../../abi/errno.ts";
import { type IpOptions, ipLocalOut, newPacket } from "../ipv4/output.ts";
import { routeOutput } from "../ipv4/route.ts";
import type { Route } from "../ipv4/route-types.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { SkBuff, TransportHeader } from "../skb.ts";
import { IN6_ANY, type IpAddr } from "./ip6.ts";
import { ip6LocalOut, newPacket6 } from "./output.ts";
import { type Route6, routeOutput6 } from "./route.ts";

export type AnyRoute = Route | Route6;

/** Bytes of the header before the transport header. */
export const ipHeaderLength = (addr: IpAddr): number => (typeof addr === "number" ? 20 : 40);

/** Source 0: as the route says. */
export function newPacketTo(ns: NetNamespace, route: AnyRoute, src: IpAddr, dst: IpAddr, options: IpOptions): SkBuff {
  if (typeof dst === "number") return newPacket(ns, route as Route, src as number, dst, options);
  const { protocol, ttl, tos } = options;
  return newPacket6(ns, route as Route6, typeof src === "number" ? undefined : src, dst, { protocol, ttl, tos });
}

export function newDatagramTo(
  ns: NetNamespace,
  route: AnyRoute,
  src: IpAddr,
  dst: IpAddr,
  options: IpOptions,
  transport: TransportHeader,
  payload: Uint8Array,
): SkBuff {
  const skb = newPacketTo(ns, route, src, dst, options);
  skb.transport = transport;
  skb.payload = payload;
  return skb;
}

/** As ipLocalOut of either family. */
export const localOut = (ns: NetNamespace, skb: SkBuff): Errno | undefined =>
  skb.network.kind === "ipv6" ? ip6LocalOut(ns, skb) : ipLocalOut(ns, skb);

export interface AnyFlow {
  readonly dst: IpAddr;
  readonly src: IpAddr;
  readonly oif: number;
  readonly mark: number;
  readonly tos: number;
  readonly anySource?: boolean;
}

/** Errors: those of routes; ENETUNREACH where the two addresses are of different families. */
export function routeOf(ns: NetNamespace, flow: AnyFlow): AnyRoute {
  const { dst, src, oif } = flow;
  if (typeof dst === "number") {
    if (typeof src !== "number") throw ENETUNREACH;
    return routeOutput(ns, { ...flow, dst, src, iif: 0 });
  }
  if (typeof src === "number" && src !== 0) throw ENETUNREACH;
  return routeOutput6(ns, { dst, src: typeof src === "number" || src === IN6_ANY ? undefined : src, oif });
}

/** RTM_NEWROUTE, _DELROUTE, _GETROUTE of IPv6: ip-route(8), Linux `net/ipv6/route.c`. */

import { EADDRNOTAVAIL, EHOSTUNREACH, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, EOPNOTSUPP, Errno } from "../../../abi/errno.ts";
import { decodeAttributes, NetlinkWriter, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTM_NEWROUTE } from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { AF_INET6 } from "../../../abi/socket.ts";
import type { NetDevice } from "../device.ts";
import { RT_SCOPE_UNIVERSE, RT_TABLE_MAIN, RTN_BLACKHOLE, RTN_LOCAL, RTN_PROHIBIT, RTN_UNICAST } from "../ipv4/route-types.ts";
import { deviceOfIp6 } from "../ipv6/addresses.ts";
import { bytesOfIp6, IN6_ANY, type Ip6, isLinkLocal6, networkOf, readIp6 } from "../ipv6/ip6.ts";
import { type Route6, refusal, routeInput6, routeOutput6 } from "../ipv6/route.ts";
import { addIpv6Route, deleteIpv6Route, findIpv6Route, type Ipv6Route } from "../ipv6/routes.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { NetlinkError, type NetlinkRequest } from "./protocol.ts";

const RTMSG = 12;
/** IP6_RT_PRIO_USER. */
const USER_PRIORITY = 1024;

/** struct rta_cacheinfo: of eight numbers only the error. */
const cacheInfo = (error: number): Uint8Array =>
  new NetlinkWriter()
    .u32(0)
    .u32(0)
    .u32(0)
    .u32(error >>> 0)
    .u32(0)
    .u32(0)
    .u32(0)
    .u32(0)
    .finish();

/** rt6_fill_node(). */
export function fillRoute6(route: Ipv6Route): Uint8Array {
  const { table, type, prefix, prefixLength, priority, dev } = route;
  const w = new NetlinkWriter();
  const refused = refusal(route);
  let flags = route.onlink === true ? R.RTNH_F_ONLINK : 0;
  if (!dev.carrier && refused === undefined) flags |= R.RTNH_F_LINKDOWN;
  w.u8(AF_INET6)
    .u8(prefixLength)
    .u8(0)
    .u8(0)
    .u8(table < 256 ? table : 252)
    .u8(route.protocol)
    .u8(RT_SCOPE_UNIVERSE)
    .u8(type)
    .u32(flags);
  w.attrU32(R.RTA_TABLE, table);
  if (prefixLength > 0) w.attr(R.RTA_DST, bytesOfIp6(prefix));
  if (route.prefSrc !== undefined) w.attr(R.RTA_PREFSRC, bytesOfIp6(route.prefSrc));
  const { mtu } = route;
  if (mtu !== undefined && mtu > 0) w.nest(R.RTA_METRICS, () => w.attrU32(R.RTAX_MTU, mtu));
  w.attrU32(R.RTA_PRIORITY, priority);
  if (route.gateway !== undefined) w.attr(R.RTA_GATEWAY, bytesOfIp6(route.gateway));
  w.attrU32(R.RTA_OIF, dev.ifindex);
  w.attr(R.RTA_CACHEINFO, cacheInfo(refused === undefined ? 0 : -refused.code));
  return w.attrU8(R.RTA_PREF, 0).finish();
}

interface Asked {
  readonly table: number;
  readonly type: number;
  readonly protocol: number;
  readonly prefix: Ip6;
  readonly prefixLength: number;
  readonly priority: number;
  readonly gateway: Ip6 | undefined;
  readonly prefSrc: Ip6 | undefined;
  readonly oif: number;
  readonly mtu: number;
  readonly flags: number;
}

/** rtm_to_fib6_config(). Errors: EINVAL. */
function parse(payload: Uint8Array): Asked {
  if (payload.length < RTMSG) throw EINVAL;
  const attrs = decodeAttributes(payload, RTMSG);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const address = (type: number): Ip6 | undefined => {
    const bytes = attrs.get(type)?.bytes;
    return bytes === undefined || bytes.length < 16 ? undefined : readIp6(bytes);
  };
  const prefixLength = view.getUint8(1);
  if (prefixLength > 128) throw new NetlinkError(EINVAL, "Invalid prefix length");
  if (attrs.has(R.RTA_MULTIPATH)) throw new NetlinkError(EOPNOTSUPP, "Routes with several next hops are not built");
  const table = attrs.get(R.RTA_TABLE)?.u32 ?? view.getUint8(4);
  return {
    ...{ table: table === 0 ? RT_TABLE_MAIN : table, protocol: view.getUint8(5), type: view.getUint8(7), flags: view.getUint32(8, true) },
    ...{ prefix: networkOf(address(R.RTA_DST) ?? IN6_ANY, prefixLength), prefixLength, prefSrc: address(R.RTA_PREFSRC) },
    ...{ priority: attrs.get(R.RTA_PRIORITY)?.u32 ?? 0, gateway: address(R.RTA_GATEWAY), oif: attrs.get(R.RTA_OIF)?.u32 ?? 0 },
    mtu: attrs.get(R.RTA_METRICS)?.nested.get(R.RTAX_MTU)?.u32 ?? 0,
  };
}

/** fib6_nh_init(): the device of the next hop. */
function deviceFor(ns: NetNamespace, { type, oif, gateway, flags }: Asked): NetDevice {
  if (type >= RTN_BLACKHOLE) return ns.loopback;
  const named = oif === 0 ? undefined : ns.devices.get(oif);
  if (oif !== 0 && named === undefined) throw ENODEV;
  if (named !== undefined && !named.up) throw new NetlinkError(ENETDOWN, "Nexthop device is not up");
  if (gateway === undefined) {
    if (named === undefined) throw ENODEV;
    return named;
  }
  if (deviceOfIp6(ns, gateway, named) !== undefined) throw new NetlinkError(EINVAL, "Gateway can not be a local address");
  if (isLinkLocal6(gateway)) {
    if (named === undefined) throw new NetlinkError(EINVAL, "Egress device not specified");
    return named;
  }
  if ((flags & R.RTNH_F_ONLINK) !== 0 && named !== undefined) return named;
  // ip6_route_check_nh(): on a link, not behind another gateway.
  const found = findIpv6Route(ns, gateway, oif);
  if (found === undefined || found.gateway !== undefined || refusal(found) !== undefined) throw EHOSTUNREACH;
  return found.dev;
}

export function newRoute6({ ns, message }: NetlinkRequest): void {
  const asked = parse(message.payload);
  const { table, type, protocol, prefix, prefixLength, gateway, prefSrc, mtu, flags } = asked;
  if (type !== RTN_UNICAST && type !== RTN_LOCAL && (type < RTN_BLACKHOLE || type > RTN_PROHIBIT))
    throw new NetlinkError(EINVAL, "Invalid route type");
  const dev = deviceFor(ns, asked);
  if (prefSrc !== undefined && deviceOfIp6(ns, prefSrc) === undefined) throw new NetlinkError(EINVAL, "Invalid source address");
  const has = (flag: number): boolean => (message.flags & flag) !== 0;
  const route: Ipv6Route = {
    ...{ table, type, protocol, prefix, prefixLength, dev, mtu, priority: asked.priority !== 0 ? asked.priority : USER_PRIORITY },
    ...(gateway === undefined ? {} : { gateway }),
    ...(prefSrc === undefined ? {} : { prefSrc }),
    onlink: (flags & R.RTNH_F_ONLINK) !== 0,
  };
  addIpv6Route(ns, route, { create: has(NLM_F_CREATE), exclusive: has(NLM_F_EXCL), replace: has(NLM_F_REPLACE) });
}

/** ip6_route_del(). Errors: ESRCH. */
export function deleteRoute6({ ns, message }: NetlinkRequest): void {
  const asked = parse(message.payload);
  deleteIpv6Route(
    ns,
    (r) =>
      r.table === asked.table &&
      r.prefixLength === asked.prefixLength &&
      r.prefix === asked.prefix &&
      (asked.oif === 0 || r.dev.ifindex === asked.oif) &&
      (asked.gateway === undefined || r.gateway === asked.gateway) &&
      (asked.priority === 0 || r.priority === asked.priority) &&
      (asked.protocol === 0 || r.protocol === asked.protocol) &&
      (asked.type === 0 || asked.type === RTN_UNICAST || r.type === asked.type),
  );
}

/** inet6_rtm_getroute(). */
export function getRoute6({ ns, message, reply }: NetlinkRequest): void {
  const attrs = decodeAttributes(message.payload, RTMSG);
  const address = (type: number): Ip6 | undefined => {
    const bytes = attrs.get(type)?.bytes;
    return bytes === undefined || bytes.length < 16 ? undefined : readIp6(bytes);
  };
  const dst = address(R.RTA_DST) ?? IN6_ANY;
  const iif = attrs.get(R.RTA_IIF)?.u32 ?? 0;
  let route: Route6;
  if (iif !== 0) {
    const dev = ns.devices.get(iif);
    if (dev === undefined) throw ENODEV;
    const found = routeInput6(ns, dst, dev);
    if (found === undefined || found instanceof Errno) throw found ?? EHOSTUNREACH;
    route = found;
  } else {
    try {
      route = routeOutput6(ns, { dst, src: address(R.RTA_SRC), oif: attrs.get(R.RTA_OIF)?.u32 ?? 0 });
    } catch (e) {
      throw e === EADDRNOTAVAIL ? ENETUNREACH : e;
    }
  }
  const { fib } = route;
  const w = new NetlinkWriter();
  w.u8(AF_INET6)
    .u8(128)
    .u8(128)
    .u8(0)
    .u8((fib?.table ?? RT_TABLE_MAIN) & 255)
    .u8(fib?.protocol ?? 0)
    .u8(RT_SCOPE_UNIVERSE);
  w.u8(route.type).u32(0);
  w.attrU32(R.RTA_TABLE, fib?.table ?? RT_TABLE_MAIN);
  w.attr(R.RTA_DST, bytesOfIp6(dst));
  w.attr(R.RTA_SRC, bytesOfIp6(address(R.RTA_SRC) ?? IN6_ANY));
  if (route.gateway !== undefined) w.attr(R.RTA_GATEWAY, bytesOfIp6(route.gateway));
  w.attrU32(R.RTA_OIF, route.dev.ifindex);
  if (iif !== 0) w.attrU32(R.RTA_IIF, iif);
  else w.attr(R.RTA_PREFSRC, bytesOfIp6(route.src));
  w.attrU32(R.RTA_PRIORITY, fib?.priority ?? 0);
  w.attr(R.RTA_CACHEINFO, cacheInfo(0));
  reply(RTM_NEWROUTE, w.attrU8(R.RTA_PREF, 0).finish());
}

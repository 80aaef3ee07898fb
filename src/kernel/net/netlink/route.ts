/** RTM_NEWROUTE, _DELROUTE, _GETROUTE of IPv4: ip-route(8), Linux `net/ipv4/fib_frontend.c`, `fib_semantics.c:fib_create_info`. */

import { EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ENOENT, EOPNOTSUPP, Errno, ESRCH } from "../../../abi/errno.ts";
import {
  decodeAttributes,
  NetlinkWriter,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from "../../../abi/netlink.ts";
import { prefixMask } from "../../../abi/inet.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { AF_INET, AF_INET6 } from "../../../abi/socket.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { SkBuff } from "../skb.ts";
import { fibOf, type FibRoute, isErrorType } from "../ipv4/fib.ts";
import { fibLookup, inetAddrType } from "../ipv4/fib-lookup.ts";
import { removeRoute } from "../ipv4/fib-frontend.ts";
import { routeInput, routeOutput } from "../ipv4/route.ts";
import {
  type Route,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
} from "../ipv4/route-types.ts";
import { ipv6Routes } from "../ipv6/routes.ts";
import type { Attributes } from "./link-kinds.ts";
import { NetlinkError, type NetlinkHandler, type NetlinkRequest } from "./protocol.ts";
import { deleteRoute6, fillRoute6, getRoute6, newRoute6 } from "./route6.ts";

const RTMSG = 12;
const NOTHING = RT_SCOPE_NOWHERE;

interface RtMsg {
  readonly family: number;
  readonly dstLength: number;
  readonly tos: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
  readonly flags: number;
  readonly attrs: Attributes;
}

function parse(payload: Uint8Array): RtMsg {
  if (payload.length < RTMSG) {
    return { family: payload[0] ?? 0, dstLength: 0, tos: 0, table: 0, protocol: 0, scope: 0, type: 0, flags: 0, attrs: new Map() };
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attrs = decodeAttributes(payload, RTMSG);
  return {
    family: view.getUint8(0),
    dstLength: view.getUint8(1),
    tos: view.getUint8(3),
    table: attrs.get(R.RTA_TABLE)?.u32 ?? view.getUint8(4),
    protocol: view.getUint8(5),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    flags: view.getUint32(8, true),
    attrs,
  };
}

function requireInet(family: number): void {
  if (family !== AF_INET) throw EOPNOTSUPP;
}

/** fib_dump_info(). */
export function fillRoute(route: FibRoute): Uint8Array {
  const { dev } = route;
  let flags = route.onlink ? R.RTNH_F_ONLINK : 0;
  if (dev !== undefined && !dev.carrier && route.nhScope !== NOTHING) flags |= R.RTNH_F_LINKDOWN;
  const w = new NetlinkWriter();
  w.u8(AF_INET)
    .u8(route.prefixLength)
    .u8(0)
    .u8(route.tos)
    .u8(route.table < 256 ? route.table : 252)
    .u8(route.protocol)
    .u8(route.scope)
    .u8(route.type)
    .u32(flags);
  w.attrU32(R.RTA_TABLE, route.table);
  if (route.prefixLength > 0) w.attrBe32(R.RTA_DST, route.prefix);
  if (route.priority !== 0) w.attrU32(R.RTA_PRIORITY, route.priority);
  fillMetrics(w, route);
  if (route.prefSrc !== 0) w.attrBe32(R.RTA_PREFSRC, route.prefSrc);
  if (route.gateway !== 0) w.attrBe32(R.RTA_GATEWAY, route.gateway);
  if (dev !== undefined) w.attrU32(R.RTA_OIF, dev.ifindex);
  return w.finish();
}

function fillMetrics(w: NetlinkWriter, route: FibRoute): void {
  if (route.mtu === 0 && route.metrics.size === 0) return;
  w.nest(R.RTA_METRICS, () => {
    if (route.mtu > 0) w.attrU32(R.RTAX_MTU, route.mtu);
    for (const [type, value] of route.metrics) w.attrU32(type, value);
  });
}

// ── Adding ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const fail = (errno: Errno, text: string): never => {
  throw new NetlinkError(errno, text);
};

/** rtm_to_fib_config(), fib_create_info(). */
function routeOf(ns: NetNamespace, msg: RtMsg): FibRoute {
  const { attrs, dstLength, type } = msg;
  if (dstLength > 32) fail(EINVAL, "Invalid prefix length");
  const dst = attrs.get(R.RTA_DST)?.be32 ?? 0;
  if ((dst & ~prefixMask(dstLength)) !== 0) fail(EINVAL, "Invalid prefix for given prefix length");
  if (type > RTN_MULTICAST + 3) fail(EINVAL, "Invalid type");
  if (attrs.has(R.RTA_MULTIPATH)) fail(EOPNOTSUPP, "Routes with several next hops are not built");
  if (attrs.has(R.RTA_VIA)) fail(EOPNOTSUPP, "IPv6 gateways of IPv4 routes are not built");
  const gateway = attrs.get(R.RTA_GATEWAY)?.be32 ?? 0;
  const oif = attrs.get(R.RTA_OIF)?.u32 ?? 0;
  const metrics = new Map<number, number>();
  let mtu = 0;
  for (const [metric, value] of attrs.get(R.RTA_METRICS)?.nested ?? []) {
    if (metric === R.RTAX_MTU) mtu = Math.min(value.u32, 65_535 - 15);
    else if (metric !== R.RTAX_LOCK) metrics.set(metric, value.u32);
  }
  const base = {
    table: msg.table === 0 ? 254 : msg.table,
    prefix: dst,
    prefixLength: dstLength,
    tos: msg.tos,
    type,
    scope: msg.scope,
    protocol: msg.protocol,
    priority: attrs.get(R.RTA_PRIORITY)?.u32 ?? 0,
    prefSrc: attrs.get(R.RTA_PREFSRC)?.be32 ?? 0,
    mtu,
    metrics,
  };
  if (isErrorType(type)) {
    if (gateway !== 0 || oif !== 0) fail(EINVAL, "Gateway, device and multipath can not be specified for this route type");
    return { ...base, gateway: 0, dev: undefined, nhScope: NOTHING, onlink: false };
  }
  if (type > RTN_MULTICAST) fail(EINVAL, "Invalid type");
  if (msg.scope > RT_SCOPE_HOST) fail(EINVAL, "Invalid scope");
  const hop =
    msg.scope === RT_SCOPE_HOST ? hostHop(ns, oif, gateway) : gateway !== 0 ? gatewayHop(ns, msg, gateway, oif) : linkHop(ns, oif);
  if (base.prefSrc !== 0 && !(type === RTN_LOCAL && base.prefSrc === dst) && inetAddrType(ns, base.prefSrc) !== RTN_LOCAL)
    fail(EINVAL, "Invalid prefsrc address");
  return { ...base, ...hop, gateway };
}

type Hop = Pick<FibRoute, "dev" | "nhScope" | "onlink">;

function hostHop(ns: NetNamespace, oif: number, gateway: number): Hop {
  if (gateway !== 0) fail(EINVAL, "Route with host scope can not have a gateway");
  const dev = ns.devices.get(oif);
  if (dev === undefined) throw ENODEV;
  return { dev, nhScope: RT_SCOPE_NOWHERE, onlink: false };
}

/** fib_check_nh_nongw(). */
function linkHop(ns: NetNamespace, oif: number): Hop {
  const dev = ns.devices.get(oif);
  if (dev === undefined || dev.ip === undefined) throw ENODEV;
  if (!dev.up) fail(ENETDOWN, "Device for nexthop is not up");
  return { dev, nhScope: RT_SCOPE_HOST, onlink: false };
}

/** fib_check_nh_v4_gw(): the gateway must be on a link. */
function gatewayHop(ns: NetNamespace, msg: RtMsg, gateway: number, oif: number): Hop {
  if (msg.scope >= RT_SCOPE_LINK) fail(EINVAL, "Nexthop has invalid scope");
  if ((msg.flags & R.RTNH_F_ONLINK) !== 0) {
    const dev = ns.devices.get(oif);
    if (dev === undefined) return fail(ENODEV, "Nexthop device required for onlink");
    if (!dev.up) fail(ENETDOWN, "Nexthop device is not up");
    if (inetAddrType(ns, gateway, dev) !== RTN_UNICAST) fail(EINVAL, "Nexthop has invalid gateway");
    return { dev, nhScope: RT_SCOPE_LINK, onlink: true };
  }
  const scope = Math.max(msg.scope + 1, RT_SCOPE_LINK);
  const found = fibLookup(ns, { dst: gateway, src: 0, oif, iif: ns.loopback.ifindex, mark: 0, tos: 0, scope });
  if (found instanceof Errno) return fail(ENETUNREACH, "Nexthop has invalid gateway");
  if (found.type !== RTN_UNICAST && found.type !== RTN_LOCAL) fail(EINVAL, "Nexthop has invalid gateway");
  const { dev } = found;
  if (dev === undefined) return fail(EINVAL, "No egress device for nexthop");
  if (!dev.up) throw ENETDOWN;
  return { dev, nhScope: found.scope, onlink: false };
}

function newRoute(request: NetlinkRequest): void {
  const { ns, message } = request;
  const msg = parse(message.payload);
  if (msg.family === AF_INET6) {
    newRoute6(request);
    return;
  }
  requireInet(msg.family);
  const route = routeOf(ns, msg);
  const fib = fibOf(ns);
  const has = (flag: number): boolean => (message.flags & flag) !== 0;
  const old = fib
    .table(route.table)
    .insert(route, { create: has(NLM_F_CREATE), exclusive: has(NLM_F_EXCL), replace: has(NLM_F_REPLACE), append: has(NLM_F_APPEND) });
  fib.changed();
  if (old !== route) ns.core.rtnl?.route("new", ns, route);
}

/** fib_table_delete(): the first that fits what the request names. Errors: ESRCH. */
function deleteRoute(request: NetlinkRequest): void {
  const { ns, message } = request;
  const msg = parse(message.payload);
  if (msg.family === AF_INET6) {
    deleteRoute6(request);
    return;
  }
  requireInet(msg.family);
  const { attrs, dstLength } = msg;
  const dst = attrs.get(R.RTA_DST)?.be32 ?? 0;
  if ((dst & ~prefixMask(dstLength)) !== 0) fail(EINVAL, "Invalid prefix for given prefix length");
  const gateway = attrs.get(R.RTA_GATEWAY)?.be32;
  const oif = attrs.get(R.RTA_OIF)?.u32 ?? 0;
  const priority = attrs.get(R.RTA_PRIORITY)?.u32;
  const src = attrs.get(R.RTA_PREFSRC)?.be32;
  const table = fibOf(ns).tables.get(msg.table === 0 ? 254 : msg.table);
  if (table === undefined) fail(ESRCH, "FIB table does not exist");
  const found = table
    ?.at(dst, dstLength)
    .find(
      (r) =>
        r.tos === msg.tos &&
        (msg.type === 0 || r.type === msg.type) &&
        (msg.scope === NOTHING || r.scope === msg.scope) &&
        (msg.protocol === 0 || r.protocol === msg.protocol) &&
        (src === undefined || r.prefSrc === src) &&
        (priority === undefined || r.priority === priority) &&
        (oif === 0 || r.dev?.ifindex === oif) &&
        (gateway === undefined || r.gateway === gateway),
    );
  if (found === undefined) throw ESRCH;
  removeRoute(ns, found);
}

// ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** inet_rtm_getroute(): the route that a packet would take. */
function getRoute(request: NetlinkRequest): void {
  const { ns, message, task, reply } = request;
  const { family, tos, attrs, flags } = parse(message.payload);
  if (family === AF_INET6) {
    getRoute6(request);
    return;
  }
  requireInet(family);
  const dst = attrs.get(R.RTA_DST)?.be32 ?? 0;
  const src = attrs.get(R.RTA_SRC)?.be32 ?? 0;
  const iif = attrs.get(R.RTA_IIF)?.u32 ?? 0;
  const oif = attrs.get(R.RTA_OIF)?.u32 ?? 0;
  const mark = attrs.get(R.RTA_MARK)?.u32 ?? 0;
  let route: Route | undefined;
  if (iif !== 0) {
    const dev = ns.devices.get(iif);
    if (dev === undefined) throw ENODEV;
    const skb = new SkBuff();
    skb.mark = mark;
    route = routeInput(ns, skb, dst, src, tos, dev);
    if (route === undefined) throw EINVAL;
    if (route.error !== undefined) throw route.error;
  } else {
    try {
      route = routeOutput(ns, { dst, src, oif, iif: 0, mark, tos });
    } catch (e) {
      // A source that is not one's own.
      if (e === EINVAL && src !== 0) throw ENETUNREACH;
      throw e;
    }
  }
  if ((flags & R.RTM_F_FIB_MATCH) !== 0) {
    const found = fibLookup(ns, { dst, src, oif, iif, mark, tos });
    if (found instanceof Errno) throw found;
    reply(RTM_NEWROUTE, fillRoute(found));
    return;
  }
  reply(
    RTM_NEWROUTE,
    fillAnswer(route, { dst, src, iif, mark, tos, uid: task.cred.euid, lookupTable: (flags & R.RTM_F_LOOKUP_TABLE) !== 0 }),
  );
}

interface Asked {
  readonly dst: number;
  readonly src: number;
  readonly iif: number;
  readonly mark: number;
  readonly tos: number;
  readonly uid: number;
  readonly lookupTable: boolean;
}

/** rt_fill_info(). */
function fillAnswer(route: Route, asked: Asked): Uint8Array {
  let flags = R.RTM_F_CLONED;
  if (route.type === RTN_BROADCAST) flags += R.RTCF_BROADCAST;
  if (route.type === RTN_MULTICAST) flags += R.RTCF_MULTICAST;
  if (route.redirect === true) flags += R.RTCF_DOREDIRECT;
  if (route.local) flags += R.RTCF_LOCAL;
  const table = asked.lookupTable ? (route.fib?.table ?? 0) : 254;
  const w = new NetlinkWriter();
  w.u8(AF_INET)
    .u8(32)
    .u8(asked.src !== 0 ? 32 : 0)
    .u8(asked.tos)
    .u8(table < 256 ? table : 252)
    .u8(0)
    .u8(RT_SCOPE_UNIVERSE)
    .u8(route.type)
    .u32(flags);
  w.attrU32(R.RTA_TABLE, table);
  w.attrBe32(R.RTA_DST, asked.dst !== 0 ? asked.dst : route.src);
  if (asked.src !== 0) w.attrBe32(R.RTA_SRC, asked.src);
  w.attrU32(R.RTA_OIF, route.dev.ifindex);
  if (asked.iif === 0 && asked.src === 0 && route.src !== 0) w.attrBe32(R.RTA_PREFSRC, route.src);
  if (route.gateway !== 0) w.attrBe32(R.RTA_GATEWAY, route.gateway);
  if (route.mtu !== route.dev.mtu) w.nest(R.RTA_METRICS, () => w.attrU32(R.RTAX_MTU, route.mtu));
  if (asked.mark !== 0) w.attrU32(R.RTA_MARK, asked.mark);
  w.attrU32(R.RTA_UID, asked.uid);
  w.attr(R.RTA_CACHEINFO, new Uint8Array(32));
  if (asked.iif !== 0) w.attrU32(R.RTA_IIF, asked.iif);
  return w.finish();
}

export const routeHandlers: readonly (readonly [number, NetlinkHandler])[] = [
  [RTM_NEWROUTE, { privileged: true, run: newRoute }],
  [RTM_DELROUTE, { privileged: true, run: deleteRoute }],
  [
    RTM_GETROUTE,
    {
      run: getRoute,
      *dump({ ns, message, strict }) {
        const { family, table, type, protocol, attrs } = parse(message.payload);
        const filtered = (
          r: { readonly table: number; readonly type: number; readonly dev: NetDevice | undefined },
          proto: number,
        ): boolean =>
          strict &&
          ((table !== 0 && r.table !== table) ||
            (type !== 0 && r.type !== type) ||
            (protocol !== 0 && proto !== protocol) ||
            (oif !== 0 && r.dev?.ifindex !== oif));
        const oif = attrs.get(R.RTA_OIF)?.u32 ?? 0;
        const fib = fibOf(ns);
        const v4 = family !== AF_INET6 ? [...fib.tables.values()] : [];
        if (strict && family === AF_INET && table !== 0 && !fib.tables.has(table)) fail(ENOENT, "ipv4: FIB table does not exist");
        // fib_table_hash: other tables by their number modulo 256 come with them.
        for (const t of v4.sort((a, b) => (a.id & 255) - (b.id & 255) || b.id - a.id)) {
          for (const route of t.all()) if (!filtered(route, route.protocol)) yield { type: RTM_NEWROUTE, payload: fillRoute(route) };
        }
        if (family === AF_INET) return;
        for (const route of ipv6Routes(ns)) if (!filtered(route, route.protocol)) yield { type: RTM_NEWROUTE, payload: fillRoute6(route) };
      },
    },
  ],
];

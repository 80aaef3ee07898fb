/** ip route: iproute2 `ip/iproute.c`. Left out: multipath, encapsulation, nexthop objects, metrics that are times or words (rtt, rttvar, rto_min, features), locks of metrics. */

import {
  decodeAttributes,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET, AF_UNSPEC } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { isBusybox, routeFields } from "./busybox.ts";
import { scopeName, scopeNumber } from "./address.ts";
import { formatAddress, type IpContext, type IpPrefix, matches, parseAddress, parsePrefix, Words } from "./context.ts";
import { help } from "./help.ts";
import type { Attributes } from "./link.ts";

const TYPES = [
  "none",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
  "nat",
  "xresolve",
];
const UNICAST = 1;
const LOCAL = 2;
const PROTOCOLS: Readonly<Record<number, string>> = {
  0: "unspec",
  1: "redirect",
  2: "kernel",
  3: "boot",
  4: "static",
  16: "dhcp",
  186: "bgp",
};
const TABLES: Readonly<Record<number, string>> = { 0: "unspec", 253: "default", 254: "main", 255: "local" };
const TABLE_MAIN = 254;
const TABLE_LOCAL = 255;
/** RTAX_…: metrics of a route, in order of printing. */
const METRICS: readonly (readonly [type: number, name: string])[] = [
  [R.RTAX_MTU, "mtu"],
  [3, "window"],
  [6, "ssthresh"],
  [7, "cwnd"],
  [8, "advmss"],
  [9, "reordering"],
  [10, "hoplimit"],
  [11, "initcwnd"],
  [14, "initrwnd"],
];
const PREFERENCES: Readonly<Record<number, string>> = { 0: "medium", 1: "high", 3: "low" };
const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
const SCOPE_HOST = 254;
const SCOPE_NOWHERE = 255;
const PROTO_BOOT = 3;

export const tableName = (table: number): string => TABLES[table] ?? String(table);

export function tableNumber(text: string): number | undefined {
  const found = Object.entries(TABLES).find(([, name]) => name === text);
  return found === undefined ? (/^\d+$/.test(text) ? Number(text) : undefined) : Number(found[0]);
}

interface Route {
  readonly attrs: Attributes;
  readonly family: number;
  readonly dstLength: number;
  readonly srcLength: number;
  readonly tos: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
  readonly flags: number;
}

function readRoute(message: NetlinkMessage): Route {
  const { payload } = message;
  const attrs = decodeAttributes(payload, 12);
  const byte = (at: number): number => payload[at] ?? 0;
  return {
    attrs,
    family: byte(0),
    dstLength: byte(1),
    srcLength: byte(2),
    tos: byte(3),
    table: attrs.get(R.RTA_TABLE)?.u32 ?? byte(4),
    protocol: byte(5),
    scope: byte(6),
    type: byte(7),
    flags: new DataView(payload.buffer, payload.byteOffset).getUint32(8, true),
  };
}

interface Filter {
  table: number | "all" | "cache";
  device?: string;
  protocol?: number;
  scope?: number;
  type?: number;
  via?: IpPrefix;
  src?: IpPrefix;
  exact?: IpPrefix;
  root?: IpPrefix;
  match?: IpPrefix;
}

function* number(ip: IpContext, text: string, parse: (text: string) => number | undefined, what: string): Proc<number> {
  return parse(text) ?? (yield* ip.die(`Error: argument "${text}" is wrong: ${what}`, 255));
}

const protocolNumber = (text: string): number | undefined => {
  const found = Object.entries(PROTOCOLS).find(([, name]) => name === text);
  return found === undefined ? (/^\d+$/.test(text) ? Number(text) : undefined) : Number(found[0]);
};

function* requirePrefix(ip: IpContext, text: string, family: number): Proc<IpPrefix> {
  const kind = family === AF_INET ? "inet" : "any valid";
  return parsePrefix(text, family) ?? (yield* ip.die(`Error: ${kind} prefix is expected rather than "${text}".`, 1));
}

function* parseFilter(ip: IpContext, words: Words): Proc<Filter> {
  const filter: Filter = { table: TABLE_MAIN };
  const family = ip.options.family;
  while (words.more) {
    const word = words.next();
    if (matches(word, "table")) {
      const text = yield* words.argument();
      if (text === "all" || text === "cache") filter.table = text;
      else filter.table = yield* number(ip, text, tableNumber, "table id value is invalid\n");
    } else if (word === "cached") filter.table = "cache";
    else if (word === "dev" || word === "oif" || word === "iif") filter.device = yield* words.argument();
    else if (word === "protocol" || matches(word, "proto"))
      filter.protocol = yield* number(ip, yield* words.argument(), protocolNumber, 'invalid "protocol"\n');
    else if (word === "scope") {
      const text = yield* words.argument();
      if (text !== "all") filter.scope = yield* number(ip, text, scopeNumber, 'invalid "scope"\n');
    } else if (word === "type")
      filter.type = yield* number(ip, yield* words.argument(), (text) => typeNumber(text), "node type value is invalid\n");
    else if (word === "via") filter.via = yield* requirePrefix(ip, yield* words.argument(), family);
    else if (word === "src") filter.src = yield* requirePrefix(ip, yield* words.argument(), family);
    else if (word === "root") filter.root = yield* requirePrefix(ip, yield* words.argument(), family);
    else if (word === "match") filter.match = yield* requirePrefix(ip, yield* words.argument(), family);
    else if (matches(word, "help")) return yield* help(ip, "route");
    else filter.exact = yield* requirePrefix(ip, word === "exact" || word === "to" ? yield* words.argument() : word, family);
  }
  return filter;
}

function typeNumber(text: string): number | undefined {
  const at = TYPES.indexOf(text);
  return at < 0 ? undefined : at;
}

function sharePrefix(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let bit = 0; bit < length; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((a[bit >> 3] ?? 0) & mask) !== ((b[bit >> 3] ?? 0) & mask)) return false;
  }
  return true;
}

function passes(filter: Filter, route: Route, index: number | undefined): boolean {
  const dst = route.attrs.get(R.RTA_DST)?.bytes ?? new Uint8Array(4);
  const { exact, root, match } = filter;
  if (typeof filter.table === "number" && route.table !== filter.table) return false;
  if (index !== undefined && route.attrs.get(R.RTA_OIF)?.u32 !== index) return false;
  if (filter.protocol !== undefined && route.protocol !== filter.protocol) return false;
  if (filter.scope !== undefined && route.scope !== filter.scope) return false;
  if (filter.type !== undefined && route.type !== filter.type) return false;
  const via = route.attrs.get(R.RTA_GATEWAY)?.bytes;
  if (filter.via !== undefined && (via === undefined || !sharePrefix(via, filter.via.bytes, filter.via.length))) return false;
  const src = route.attrs.get(R.RTA_PREFSRC)?.bytes;
  if (filter.src !== undefined && (src === undefined || !sharePrefix(src, filter.src.bytes, filter.src.length))) return false;
  if (exact !== undefined && !(exact.length === route.dstLength && sharePrefix(dst, exact.bytes, exact.length))) return false;
  if (root !== undefined && !(route.dstLength >= root.length && sharePrefix(dst, root.bytes, root.length))) return false;
  return match === undefined || (route.dstLength <= match.length && sharePrefix(dst, match.bytes, route.dstLength));
}

const routeRequest = (family: number): NetlinkWriter => new NetlinkWriter().u8(family).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);

function* show(ip: IpContext, words: Words): Proc<number> {
  const filter = yield* parseFilter(ip, words);
  const index = filter.device === undefined ? undefined : yield* ip.requireLink(filter.device);
  const family = ip.options.family === AF_UNSPEC ? (filter.table === "all" ? AF_UNSPEC : AF_INET) : ip.options.family;
  if (filter.table === "cache") return 0;
  const dump = yield* (yield* ip.netlink()).dump(RTM_GETROUTE, routeRequest(family));
  for (const message of dump) {
    const route = readRoute(message);
    if (!passes(filter, route, index)) continue;
    ip.out.begin();
    yield* printRoute(ip, route, filter);
    ip.out.textOnly("\n");
  }
  return 0;
}

/** A route that came as news. */
export function* printRouteNews(ip: IpContext, message: NetlinkMessage): Proc<void> {
  const route = readRoute(message);
  yield* printRoute(ip, route, { table: "all" });
  ip.out.textOnly("\n");
}

function* printRoute(ip: IpContext, route: Route, filter: Filter): Proc<void> {
  const { out, options } = ip;
  const { attrs, family, type } = route;
  if (type !== UNICAST || options.details) out.field("type", TYPES[type] ?? String(type), `${TYPES[type] ?? type} `);
  const address = (bytes: Uint8Array): string => formatAddress(family, bytes);
  const colour = family === AF_INET ? "inet" : "inet6";
  const dst = attrs.get(R.RTA_DST)?.bytes;
  const most = family === AF_INET ? 32 : 128;
  const dstText =
    dst !== undefined
      ? route.dstLength === most
        ? address(dst)
        : `${address(dst)}/${route.dstLength}`
      : route.dstLength > 0
        ? `0/${route.dstLength}`
        : "default";
  out.field("dst", dstText, dst === undefined ? `${dstText} ` : out.colour(colour, `${dstText} `));
  const src = attrs.get(R.RTA_SRC)?.bytes;
  if (src !== undefined) out.field("from", address(src), `from ${address(src)} `);
  const gateway = attrs.get(R.RTA_GATEWAY)?.bytes;
  if (gateway !== undefined) out.field("gateway", address(gateway), `via ${out.colour(colour, `${address(gateway)} `)}`);
  const oif = attrs.get(R.RTA_OIF)?.u32;
  if (oif !== undefined && (filter.device === undefined || isBusybox(ip))) {
    const name = yield* ip.linkName(oif);
    out.field("dev", name, `dev ${out.colour("ifname", `${name} `)}`);
  }
  const cloned = (route.flags & R.RTM_F_CLONED) !== 0;
  const prefsrc = attrs.get(R.RTA_PREFSRC)?.bytes;
  const metric = attrs.get(R.RTA_PRIORITY)?.u32;
  if (isBusybox(ip)) {
    const fields = {
      table: filter.table === "all" && route.table !== TABLE_MAIN ? tableName(route.table) : undefined,
      scope: cloned || route.scope === SCOPE_UNIVERSE || filter.scope !== undefined ? undefined : scopeName(route.scope),
      source: prefsrc === undefined ? undefined : address(prefsrc),
      metric,
      flags: flagWords(route),
    };
    out.textOnly(routeFields(fields));
    return;
  }
  // `ip route get` tells of a table that is neither of the two that everybody has.
  if ((cloned ? route.table !== TABLE_LOCAL : filter.table === "all" || options.details) && route.table !== TABLE_MAIN)
    out.field("table", tableName(route.table), `table ${tableName(route.table)} `);
  if (!cloned) {
    if ((route.protocol !== PROTO_BOOT || options.details) && filter.protocol === undefined)
      out.field("protocol", PROTOCOLS[route.protocol] ?? String(route.protocol), `proto ${PROTOCOLS[route.protocol] ?? route.protocol} `);
    if ((route.scope !== SCOPE_UNIVERSE || options.details) && filter.scope === undefined)
      out.field("scope", scopeName(route.scope), `scope ${scopeName(route.scope)} `);
  }
  if (prefsrc !== undefined) out.field("prefsrc", address(prefsrc), `src ${out.colour(colour, `${address(prefsrc)} `)}`);
  if (metric !== undefined) out.field("metric", metric, `metric ${metric} `);
  printFlags(ip, route);
  const mark = attrs.get(R.RTA_MARK)?.u32;
  if (mark !== undefined && mark !== 0) out.field("mark", mark, `mark 0x${mark.toString(16)} `);
  const uid = attrs.get(R.RTA_UID)?.u32;
  if (uid !== undefined) out.field("uid", uid, `uid ${uid} `);
  if (cloned) printCache(ip, route);
  printMetrics(ip, attrs);
  const preference = attrs.get(R.RTA_PREF)?.u8;
  if (preference !== undefined)
    out.field("pref", PREFERENCES[preference] ?? String(preference), `pref ${PREFERENCES[preference] ?? preference}`);
}

function printMetrics({ out }: IpContext, attrs: Attributes): void {
  const nested = attrs.get(R.RTA_METRICS)?.nested;
  if (nested === undefined) return;
  const values = METRICS.flatMap(([type, name]) => {
    const value = nested.get(type)?.u32;
    return value === undefined ? [] : [[name, value] as const];
  });
  out.field("metrics", [Object.fromEntries(values)], values.map(([name, value]) => `${name} ${value} `).join(""));
}

const ROUTE_FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [R.RTNH_F_DEAD, "dead"],
  [R.RTNH_F_ONLINK, "onlink"],
  [R.RTNH_F_LINKDOWN, "linkdown"],
];

const flagWords = ({ flags }: Route): string[] => ROUTE_FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);

function printFlags({ out }: IpContext, route: Route): void {
  const names = flagWords(route);
  out.field("flags", names, names.map((name) => `${name} `).join(""));
}

/** The second line of `ip route get`. */
function printCache({ out }: IpContext, { flags }: Route): void {
  const words: string[] = [];
  if ((flags & R.RTCF_LOCAL) !== 0) words.push("local");
  if ((flags & R.RTCF_BROADCAST) !== 0) words.push("brd");
  if ((flags & R.RTCF_MULTICAST) !== 0) words.push("mc");
  if ((flags & R.RTCF_DOREDIRECT) !== 0) words.push("redirect");
  out.newline();
  out.field("cache", words, `    cache ${words.length === 0 ? "" : `<${words.join(",")}> `}`);
}

function* change(ip: IpContext, words: Words, type: number, flags: number): Proc<number> {
  if (!words.more) return yield* help(ip, "route");
  let family = ip.options.family;
  let dst: IpPrefix | undefined;
  let kind: number | undefined;
  let table: number | undefined;
  let protocol: number | undefined;
  let scope: number | undefined;
  let device: string | undefined;
  let hasGateway = false;
  let routeFlags = 0;
  const attributes: ((writer: NetlinkWriter) => void)[] = [];
  const metrics = new Map<number, number>();
  const addressOf = function* (text: string): Proc<Uint8Array> {
    const address =
      parseAddress(text, family) ??
      (yield* ip.die(`Error: ${family === AF_INET ? "inet" : "any valid"} address is expected rather than "${text}".`, 1));
    if (family === AF_UNSPEC) family = address.family;
    return address.bytes;
  };
  while (words.more) {
    const word = words.next();
    if (word === "via") {
      const next = words.peek;
      if (next === "inet" || next === "inet6") words.next();
      const bytes = yield* addressOf(yield* words.argument());
      hasGateway = true;
      attributes.push((w) => void w.attr(R.RTA_GATEWAY, bytes));
    } else if (word === "src") {
      const bytes = yield* addressOf(yield* words.argument());
      attributes.push((w) => void w.attr(R.RTA_PREFSRC, bytes));
    } else if (word === "dev" || word === "oif") device = yield* words.argument();
    else if (word === "table") table = yield* number(ip, yield* words.argument(), tableNumber, '"table" value is invalid\n');
    else if (word === "metric" || word === "priority" || word === "preference") {
      const metric = yield* words.number('"metric" value is invalid\n');
      attributes.push((w) => void w.attrU32(R.RTA_PRIORITY, metric));
    } else if (word === "scope") scope = yield* number(ip, yield* words.argument(), scopeNumber, 'invalid "scope" value\n');
    else if (word === "proto" || word === "protocol")
      protocol = yield* number(ip, yield* words.argument(), protocolNumber, '"protocol" value is invalid\n');
    else if (METRICS.some(([, name]) => name === word)) {
      const [metric = 0] = METRICS.find(([, name]) => name === word) ?? [];
      metrics.set(metric, yield* words.number(`"${word}" value is invalid\n`));
    } else if (word === "onlink") routeFlags |= R.RTNH_F_ONLINK;
    else if (word === "nexthop" || word === "encap" || word === "nhid") yield* ip.die(`ip route ${word} is not supported in Drydock`, 255);
    else if (matches(word, "help")) return yield* help(ip, "route");
    else {
      let text = word === "to" ? yield* words.argument() : word;
      const named = typeNumber(text);
      if (named !== undefined && named > 0) {
        kind = named;
        text = yield* words.argument();
      }
      if (dst !== undefined) yield* ip.die(`Error: either "to" is duplicate, or "${text}" is a garbage.`, 255);
      dst = yield* requirePrefix(ip, text, family);
      if (family === AF_UNSPEC) family = dst.family;
    }
  }
  if (family === AF_UNSPEC) family = AF_INET;
  if (device !== undefined) {
    const index = yield* ip.requireLink(device);
    attributes.push((w) => void w.attrU32(R.RTA_OIF, index));
  }
  const routeType = kind ?? (type === RTM_DELROUTE ? 0 : UNICAST);
  const deleting = type === RTM_DELROUTE;
  const writer = new NetlinkWriter()
    .u8(family)
    .u8(dst?.length ?? 0)
    .u8(0)
    .u8(0)
    .u8(table === undefined ? (routeType === LOCAL || routeType === 3 ? 255 : TABLE_MAIN) : Math.min(table, 255))
    .u8(protocol ?? (deleting ? 0 : PROTO_BOOT))
    .u8(scope ?? defaultScope(routeType, hasGateway, deleting))
    .u8(routeType)
    .u32(routeFlags);
  if (dst !== undefined && dst.length > 0) writer.attr(R.RTA_DST, dst.bytes);
  if (table !== undefined && table > 255) writer.attrU32(R.RTA_TABLE, table);
  for (const write of attributes) write(writer);
  if (metrics.size > 0)
    writer.nest(R.RTA_METRICS, () => {
      for (const [metric, value] of metrics) writer.attrU32(metric, value);
    });
  yield* (yield* ip.netlink()).request(type, flags, writer);
  return 0;
}

function defaultScope(type: number, hasGateway: boolean, deleting: boolean): number {
  if (type === LOCAL || type === 10) return SCOPE_HOST;
  if (type === 3 || type === 5 || type === 4) return SCOPE_LINK;
  if (type === UNICAST || type === 0) {
    if (deleting) return SCOPE_NOWHERE;
    return hasGateway ? SCOPE_UNIVERSE : SCOPE_LINK;
  }
  return SCOPE_UNIVERSE;
}

function* get(ip: IpContext, words: Words): Proc<number> {
  let dst: IpPrefix | undefined;
  const attributes: ((writer: NetlinkWriter) => void)[] = [];
  let src: IpPrefix | undefined;
  let flags = R.RTM_F_LOOKUP_TABLE;
  while (words.more) {
    const word = words.next();
    if (word === "from") src = yield* requirePrefix(ip, yield* words.argument(), ip.options.family);
    else if (word === "oif" || word === "dev" || word === "iif") {
      const index = yield* ip.requireLink(yield* words.argument());
      attributes.push((w) => void w.attrU32(word === "iif" ? R.RTA_IIF : R.RTA_OIF, index));
    } else if (word === "mark") {
      const mark = yield* words.number('invalid "mark"\n');
      attributes.push((w) => void w.attrU32(R.RTA_MARK, mark));
    } else if (word === "fibmatch") flags |= R.RTM_F_FIB_MATCH;
    else if (matches(word, "help")) return yield* help(ip, "route");
    else dst = yield* requirePrefix(ip, word === "to" ? yield* words.argument() : word, ip.options.family);
  }
  if (dst === undefined) return yield* ip.die("need at least a destination address", 255);
  const writer = new NetlinkWriter()
    .u8(dst.family)
    .u8(dst.length)
    .u8(src?.length ?? 0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u32(flags);
  writer.attr(R.RTA_DST, dst.bytes);
  if (src !== undefined) writer.attr(R.RTA_SRC, src.bytes);
  for (const write of attributes) write(writer);
  const [answer] = yield* (yield* ip.netlink()).request(RTM_GETROUTE, 0, writer);
  if (answer === undefined) return 2;
  ip.out.begin();
  const route = readRoute(answer);
  // IPv6 answers with the route that it found.
  yield* printRoute(ip, route, { table: route.family === AF_INET ? TABLE_MAIN : "all" });
  ip.out.textOnly("\n");
  return 0;
}

function* flush(ip: IpContext, words: Words): Proc<number> {
  if (!words.more) yield* ip.die('"ip route flush" requires arguments.', 255);
  const filter = yield* parseFilter(ip, words);
  const index = filter.device === undefined ? undefined : yield* ip.requireLink(filter.device);
  if (filter.table === "cache") return 0;
  const socket = yield* ip.netlink();
  for (const message of yield* socket.dump(RTM_GETROUTE, routeRequest(ip.options.family === AF_UNSPEC ? AF_INET : ip.options.family))) {
    if (!passes(filter, readRoute(message), index)) continue;
    yield* ip.trying(socket.request(RTM_DELROUTE, 0, new NetlinkWriter().raw(message.payload)));
  }
  return 0;
}

export function* route(ip: IpContext, args: readonly string[]): Proc<number> {
  const words = new Words(args.slice(1), ip);
  const verb = args[0] ?? "show";
  if (matches(verb, "add")) return yield* change(ip, words, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  if (matches(verb, "change") || verb === "chg") return yield* change(ip, words, RTM_NEWROUTE, NLM_F_REPLACE);
  if (matches(verb, "replace")) return yield* change(ip, words, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  if (matches(verb, "append")) return yield* change(ip, words, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND);
  if (matches(verb, "delete")) return yield* change(ip, words, RTM_DELROUTE, 0);
  if (matches(verb, "get")) return yield* get(ip, words);
  if (matches(verb, "flush")) return yield* flush(ip, words);
  if (matches(verb, "show") || matches(verb, "lst") || matches(verb, "list")) return yield* show(ip, words);
  if (matches(verb, "help")) return yield* help(ip, "route");
  return yield* ip.die(`Command "${verb}" is unknown, try "ip route help".`, 255);
}

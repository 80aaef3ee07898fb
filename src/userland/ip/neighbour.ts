/** ip neighbour: the ARP table. iproute2 `ip/ipneigh.c`. */

import { formatMac, parseMac } from "../../abi/inet.ts";
import {
  decodeAttributes,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { formatAddress, type IpAddress, type IpContext, indexOf, matches, parseAddress, parsePrefix, Words } from "./context.ts";
import { help } from "./help.ts";

const STATES: readonly (readonly [bit: number, name: string])[] = [
  [0x01, "INCOMPLETE"],
  [0x02, "REACHABLE"],
  [0x04, "STALE"],
  [0x08, "DELAY"],
  [0x10, "PROBE"],
  [0x20, "FAILED"],
  [0x40, "NOARP"],
  [0x80, "PERMANENT"],
];
const PERMANENT = 0x80;
const NOARP = 0x40;
const FAILED = 0x20;
const NTF_ROUTER = 0x80;

const stateNumber = (text: string): number | undefined => STATES.find(([, name]) => name.toLowerCase() === text)?.[0];

interface Filter {
  device?: string;
  state?: number;
  to?: IpAddress & { readonly length: number };
  unused?: boolean;
}

function* parseFilter(ip: IpContext, words: Words): Proc<Filter> {
  const filter: Filter = {};
  while (words.more) {
    const word = words.next();
    if (word === "dev") filter.device = yield* words.argument();
    else if (word === "nud") {
      const text = yield* words.argument();
      if (text === "all") filter.state = 0xff;
      else
        filter.state =
          (filter.state ?? 0) | (stateNumber(text) ?? (yield* ip.die(`Error: argument "${text}" is wrong: nud state is bad`, 255)));
    } else if (word === "unused") filter.unused = true;
    else if (matches(word, "help")) return yield* help(ip, "neighbour");
    else {
      const text = word === "to" ? yield* words.argument() : word;
      const prefix =
        parsePrefix(text, ip.options.family) ?? (yield* ip.die(`Error: any valid prefix is expected rather than "${text}".`, 1));
      filter.to = prefix;
    }
  }
  return filter;
}

function* show(ip: IpContext, words: Words, flushing: boolean): Proc<number> {
  const { out, options } = ip;
  if (flushing && !words.more) yield* ip.die("Flush requires arguments.", 255);
  const filter = yield* parseFilter(ip, words);
  const index = filter.device === undefined ? undefined : yield* ip.requireLink(filter.device);
  const socket = yield* ip.netlink();
  const dump = yield* socket.dump(RTM_GETNEIGH, new NetlinkWriter().u8(options.family).u8(0).u16(0).u32(0).u16(0).u8(0).u8(0));
  // Those that need no resolving are shown only where they are asked for.
  const shown = filter.state ?? 0xff & ~NOARP;
  for (const message of dump) {
    const { payload } = message;
    const view = new DataView(payload.buffer, payload.byteOffset);
    const state = view.getUint16(8, true);
    if (index !== undefined && indexOf(message) !== index) continue;
    if ((state & shown) === 0 && !(state === 0 && filter.state !== undefined)) continue;
    const attrs = decodeAttributes(payload, 12);
    const family = payload[0] ?? AF_INET;
    const dst = attrs.get(R.NDA_DST)?.bytes;
    if (dst === undefined) continue;
    const text = formatAddress(family, dst);
    if (filter.to !== undefined && filter.to.length === filter.to.bytes.length * 8 && formatAddress(family, filter.to.bytes) !== text)
      continue;
    if (flushing) {
      if ((state & (PERMANENT | NOARP)) !== 0) continue;
      yield* ip.trying(socket.request(RTM_DELNEIGH, 0, new NetlinkWriter().raw(payload.slice(0, 12)).attr(R.NDA_DST, dst)));
      continue;
    }
    out.begin();
    yield* printNeighbour(ip, message, filter.device === undefined);
  }
  return 0;
}

/** One neighbour's line. `named`: with its device. */
export function* printNeighbour(ip: IpContext, message: NetlinkMessage, named: boolean): Proc<void> {
  const { out, options } = ip;
  const { payload } = message;
  const attrs = decodeAttributes(payload, 12);
  const family = payload[0] ?? AF_INET;
  const state = new DataView(payload.buffer, payload.byteOffset).getUint16(8, true);
  const text = formatAddress(family, attrs.get(R.NDA_DST)?.bytes ?? new Uint8Array(4));
  const mac = attrs.get(R.NDA_LLADDR);
  if (options.brief) {
    const name = yield* ip.linkName(indexOf(message));
    out.field("dst", text, out.colour(family === AF_INET ? "inet" : "inet6", `${text.padEnd(39)} `));
    out.field("dev", name, out.colour("ifname", `${name.padEnd(16)} `));
    if (mac !== undefined) out.field("lladdr", formatMac(mac.mac), out.colour("mac", formatMac(mac.mac)));
    out.textOnly("\n");
    return;
  }
  out.field("dst", text, out.colour(family === AF_INET ? "inet" : "inet6", `${text} `));
  if (named) {
    const name = yield* ip.linkName(indexOf(message));
    out.field("dev", name, `dev ${out.colour("ifname", `${name} `)}`);
  }
  if (mac !== undefined) {
    out.textOnly("lladdr ");
    out.field("lladdr", formatMac(mac.mac), out.colour("mac", `${formatMac(mac.mac)} `));
  }
  if (((payload[10] ?? 0) & NTF_ROUTER) !== 0) out.field("router", null, "router ");
  if (((payload[10] ?? 0) & R.NTF_PROXY) !== 0) out.field("proxy", null, "proxy ");
  if (options.stats > 0) printStats(ip, attrs);
  const names = STATES.filter(([bit]) => (state & bit) !== 0).map(([, name]) => name);
  if (names.length > 0) out.field("state", names, names.map((name) => `${name} `).join(""));
  out.textOnly("\n");
}

function printStats({ out }: IpContext, attrs: ReturnType<typeof decodeAttributes>): void {
  const cache = attrs.get(R.NDA_CACHEINFO)?.bytes;
  if (cache !== undefined) {
    const view = new DataView(cache.buffer, cache.byteOffset, cache.byteLength);
    const [confirmed, used, updated] = [0, 4, 8].map((at) => Math.floor(view.getUint32(at, true) / 100)) as [number, number, number];
    const count = view.getUint32(12, true);
    if (count !== 0) out.field("refcnt", count, ` ref ${count}`);
    out.jsonOnly("used", used);
    out.jsonOnly("confirmed", confirmed);
    out.jsonOnly("updated", updated);
    out.textOnly(` used ${used}/${confirmed}/${updated}`);
  }
  const probes = attrs.get(R.NDA_PROBES)?.u32;
  if (probes !== undefined) out.field("probes", probes, `probes ${probes} `);
}

function* change(ip: IpContext, words: Words, type: number, flags: number): Proc<number> {
  let dst: IpAddress | undefined;
  let device: string | undefined;
  let mac: number | undefined;
  let proxy = false;
  let state = PERMANENT;
  while (words.more) {
    const word = words.next();
    if (word === "lladdr") {
      const text = yield* words.argument();
      mac = parseMac(text) ?? (yield* ip.die(`"${text}" is invalid lladdr.`, 1));
    } else if (word === "nud") {
      const text = yield* words.argument();
      state = stateNumber(text) ?? (yield* ip.die(`Error: argument "${text}" is wrong: nud state is bad`, 255));
    } else if (word === "dev") device = yield* words.argument();
    else if (word === "proxy") {
      proxy = true;
      dst = yield* requireAddress(ip, yield* words.argument());
    } else if (matches(word, "help")) return yield* help(ip, "neighbour");
    else {
      if (dst !== undefined) yield* ip.die(`Error: either "to" is duplicate, or "${word}" is a garbage.`, 255);
      dst = yield* requireAddress(ip, word === "to" ? yield* words.argument() : word);
    }
  }
  if (device === undefined || dst === undefined) return yield* ip.die("Device and destination are required arguments.", 255);
  const index = yield* ip.requireLink(device);
  const writer = new NetlinkWriter()
    .u8(dst.family)
    .u8(0)
    .u16(0)
    .u32(index)
    .u16(type === RTM_DELNEIGH ? FAILED : state)
    .u8(proxy ? R.NTF_PROXY : 0)
    .u8(0)
    .attr(R.NDA_DST, dst.bytes);
  if (mac !== undefined) writer.attrMac(R.NDA_LLADDR, mac);
  yield* (yield* ip.netlink()).request(type, flags, writer);
  return 0;
}

function* requireAddress(ip: IpContext, text: string): Proc<IpAddress> {
  return parseAddress(text, ip.options.family) ?? (yield* ip.die(`Error: any valid address is expected rather than "${text}".`, 1));
}

export function* neighbour(ip: IpContext, args: readonly string[]): Proc<number> {
  const words = new Words(args.slice(1), ip);
  const verb = args[0] ?? "show";
  if (matches(verb, "add")) return yield* change(ip, words, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL);
  if (matches(verb, "change") || verb === "chg") return yield* change(ip, words, RTM_NEWNEIGH, NLM_F_REPLACE);
  if (matches(verb, "replace")) return yield* change(ip, words, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  if (matches(verb, "delete")) return yield* change(ip, words, RTM_DELNEIGH, 0);
  if (matches(verb, "flush")) return yield* show(ip, words, true);
  if (matches(verb, "show") || matches(verb, "lst") || matches(verb, "list")) return yield* show(ip, words, false);
  if (matches(verb, "help")) return yield* help(ip, "neighbour");
  return yield* ip.die(`Command "${verb}" is unknown, try "ip neighbour help".`, 255);
}

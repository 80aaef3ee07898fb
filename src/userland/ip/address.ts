/** ip address: iproute2 `ip/ipaddress.c`. */

import { prefixMask } from "../../abi/inet.ts";
import {
  decodeAttributes,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET, AF_INET6, AF_UNSPEC } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import {
  bytesOfIpv4,
  formatAddress,
  indexOf,
  type IpContext,
  type IpPrefix,
  ipv4Of,
  matches,
  parseAddress,
  parsePrefix,
  Words,
} from "./context.ts";
import { help } from "./help.ts";
import { type Attributes, listLinks, parseFilter, printBrief, printLink } from "./link.ts";

const SCOPES: Readonly<Record<number, string>> = { 0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere" };

export function scopeName(scope: number): string {
  return SCOPES[scope] ?? String(scope);
}

export function scopeNumber(name: string): number | undefined {
  const found = Object.entries(SCOPES).find(([, text]) => text === name);
  return found === undefined ? (/^\d+$/.test(name) ? Number(name) : undefined) : Number(found[0]);
}

const IFA_F_SECONDARY = 1;
/** In order of printing. */
const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [0x02, "nodad"],
  [0x04, "optimistic"],
  [0x08, "dadfailed"],
  [0x10, "home"],
  [0x20, "deprecated"],
  [0x40, "tentative"],
  [0x80, "permanent"],
  [0x100, "mngtmpaddr"],
  [0x200, "noprefixroute"],
  [0x400, "autojoin"],
];
const IFA_F_PERMANENT = 0x80;
const FOREVER = 0xffffffff;

interface Address {
  readonly message: NetlinkMessage;
  readonly attrs: Attributes;
  readonly family: number;
  readonly length: number;
  readonly scope: number;
  readonly local: Uint8Array;
}

function* listAddresses(ip: IpContext): Proc<Address[]> {
  const dump = yield* (yield* ip.netlink()).dump(RTM_GETADDR, new NetlinkWriter().u8(ip.options.family).u8(0).u8(0).u8(0).u32(0));
  return dump.map(readAddress);
}

function readAddress(message: NetlinkMessage): Address {
  const attrs = decodeAttributes(message.payload, 8);
  const { payload } = message;
  const local = (attrs.get(R.IFA_LOCAL) ?? attrs.get(R.IFA_ADDRESS))?.bytes ?? new Uint8Array(0);
  return { message, attrs, family: payload[0] ?? 0, length: payload[1] ?? 0, scope: payload[3] ?? 0, local };
}

/** An address that came as news: in the line of its device. */
export function* printAddressNews(ip: IpContext, message: NetlinkMessage): Proc<void> {
  const index = viewIndex(message);
  const name = yield* ip.linkName(index);
  ip.out.field("index", index, `${index}: `);
  ip.out.field("dev", name, `${name}`);
  printFields(ip, readAddress(message));
  ip.out.textOnly("\n");
}

function covers(prefix: IpPrefix, family: number, bytes: Uint8Array): boolean {
  if (prefix.family !== family) return false;
  for (let bit = 0; bit < prefix.length; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((prefix.bytes[bit >> 3] ?? 0) & mask) !== ((bytes[bit >> 3] ?? 0) & mask)) return false;
  }
  return true;
}

function* show(ip: IpContext, words: Words): Proc<number> {
  const { out, options } = ip;
  const filter = yield* parseFilter(ip, words);
  if (filter.name !== undefined && (yield* ip.findLink(filter.name)) === 0) yield* ip.die(`Device "${filter.name}" does not exist.`, 1);
  const to = filter.to === undefined ? undefined : parsePrefix(filter.to, options.family);
  if (filter.to !== undefined && to === undefined) yield* ip.die(`Error: any valid prefix is expected rather than "${filter.to}".`, 1);
  const scope = filter.scope === undefined ? undefined : scopeNumber(filter.scope);
  const all = (yield* listAddresses(ip)).filter(
    (address) =>
      (to === undefined || covers(to, address.family, address.local)) &&
      (scope === undefined || address.scope === scope) &&
      (filter.label === undefined || address.attrs.get(R.IFA_LABEL)?.string === filter.label),
  );
  // A prefix or a label stands for its family: then the hardware is left out, and with a label the whole head.
  const family = to?.family ?? (filter.label === undefined ? options.family : AF_INET);
  const narrowed = to !== undefined || scope !== undefined || filter.label !== undefined || options.family !== AF_UNSPEC;
  for (const { message, attrs } of yield* listLinks(ip, filter)) {
    const own = all.filter((address) => viewIndex(address.message) === indexOf(message));
    if (narrowed && own.length === 0) continue;
    out.begin();
    if (options.brief) {
      yield* printBrief(ip, attrs);
      out.jsonOnly("addr_info", []);
      for (const address of own) printBriefAddress(ip, address);
      out.textOnly("\n");
      continue;
    }
    if ((!options.oneline && filter.label === undefined) || out.json) {
      yield* printLink(ip, message, attrs, false, family === AF_UNSPEC);
      out.textOnly("\n");
    }
    out.jsonOnly("addr_info", []);
    for (const address of own) {
      if (options.oneline) out.textOnly(`${indexOf(message)}: ${attrs.get(R.IFLA_IFNAME)?.string ?? ""}`);
      printAddress(ip, address);
    }
  }
  return 0;
}

const viewIndex = ({ payload }: NetlinkMessage): number => new DataView(payload.buffer, payload.byteOffset).getUint32(4, true);

function printBriefAddress({ out }: IpContext, { family, local, length }: Address): void {
  const text = formatAddress(family, local);
  if (out.json)
    out.item("addr_info", () => {
      out.jsonOnly("local", text);
      out.jsonOnly("prefixlen", length);
    });
  else out.textOnly(`${out.colour(family === AF_INET ? "inet" : "inet6", text)}/${length} `);
}

function printAddress(ip: IpContext, address: Address): void {
  const { out } = ip;
  if (out.json) {
    out.item("addr_info", () => printFields(ip, address));
    return;
  }
  printFields(ip, address);
  out.textOnly("\n");
}

function printFields({ out, options }: IpContext, { attrs, family, length, scope, local, message }: Address): void {
  const name = family === AF_INET ? "inet" : "inet6";
  const flags = attrs.get(R.IFA_FLAGS)?.u32 ?? message.payload[2] ?? 0;
  out.field("family", name, `    ${name} `);
  const text = formatAddress(family, local);
  const peer = attrs.get(R.IFA_ADDRESS)?.bytes;
  if (peer !== undefined && formatAddress(family, peer) !== text) {
    out.field("local", text, out.colour(name, text));
    out.field("address", formatAddress(family, peer), ` peer ${out.colour(name, formatAddress(family, peer))}`);
  } else out.field("local", text, out.colour(name, text));
  out.field("prefixlen", length, `/${length} `);
  const broadcast = attrs.get(R.IFA_BROADCAST)?.bytes;
  if (broadcast !== undefined)
    out.field("broadcast", formatAddress(family, broadcast), `brd ${out.colour(name, formatAddress(family, broadcast))} `);
  out.field("scope", scopeName(scope), `scope ${scopeName(scope)} `);
  if ((flags & IFA_F_SECONDARY) !== 0) {
    const word = family === AF_INET6 ? "temporary" : "secondary";
    out.field(word, true, `${word} `);
  }
  for (const [bit, word] of FLAGS) if (bit !== IFA_F_PERMANENT && (flags & bit) !== 0) out.field(word, true, `${word} `);
  if ((flags & IFA_F_PERMANENT) === 0) out.field("dynamic", true, "dynamic ");
  const label = attrs.get(R.IFA_LABEL)?.string;
  if (label !== undefined) out.field("label", label, label);
  const cache = attrs.get(R.IFA_CACHEINFO)?.bytes;
  if (cache === undefined) return;
  const view = new DataView(cache.buffer, cache.byteOffset, cache.byteLength);
  const life = (seconds: number): string => (seconds === FOREVER ? "forever" : `${seconds}sec`);
  out.textOnly(options.oneline ? "\\" : "\n");
  out.field("valid_life_time", view.getUint32(4, true), `       valid_lft ${life(view.getUint32(4, true))}`);
  out.field("preferred_life_time", view.getUint32(0, true), ` preferred_lft ${life(view.getUint32(0, true))}`);
}

function* change(ip: IpContext, words: Words, type: number, flags: number): Proc<number> {
  let prefix: IpPrefix | undefined;
  let peer: IpPrefix | undefined;
  let device: string | undefined;
  let broadcast: string | undefined;
  let label: string | undefined;
  let scope: number | undefined;
  let bits = 0;
  while (words.more) {
    const word = words.next();
    if (word === "dev") device = yield* words.argument();
    else if (word === "brd" || matches(word, "broadcast")) broadcast = yield* words.argument();
    else if (word === "label") label = yield* words.argument();
    else if (word === "scope") {
      const text = yield* words.argument();
      scope = scopeNumber(text) ?? (yield* ip.die(`Error: argument "${text}" is wrong: invalid scope value.`, 255));
    } else if (word === "peer" || word === "remote") peer = yield* requirePrefix(ip, yield* words.argument());
    else if (word === "noprefixroute" || word === "nodad" || word === "home")
      bits |= word === "noprefixroute" ? 0x200 : word === "nodad" ? 2 : 0x10;
    else if (matches(word, "help")) return yield* help(ip, "address");
    else {
      if (prefix !== undefined) yield* ip.die(`Error: either "local" is duplicate, or "${word}" is a garbage.`, 255);
      prefix = yield* requirePrefix(ip, word === "local" ? yield* words.argument() : word);
    }
  }
  if (device === undefined) return yield* ip.die('Not enough information: "dev" argument is required.', 1);
  if (label !== undefined && !label.startsWith(device)) return yield* ip.die(`"dev" (${device}) must match "label" (${label}).`, 1);
  const index = yield* ip.requireLink(device);
  const local = prefix ?? { family: AF_INET, bytes: new Uint8Array(4), length: 32, explicit: false };
  const writer = new NetlinkWriter()
    .u8(local.family)
    .u8((peer ?? local).length)
    .u8(bits & 0xff)
    .u8(scope ?? defaultScope(local))
    .u32(index);
  if (prefix !== undefined) writer.attr(R.IFA_LOCAL, local.bytes).attr(R.IFA_ADDRESS, (peer ?? local).bytes);
  if (broadcast !== undefined) writer.attr(R.IFA_BROADCAST, yield* broadcastOf(ip, broadcast, peer ?? local));
  if (label !== undefined) writer.attrString(R.IFA_LABEL, label);
  if (bits > 0xff) writer.attrU32(R.IFA_FLAGS, bits);
  yield* (yield* ip.netlink()).request(type, flags, writer);
  return 0;
}

function defaultScope({ family, bytes }: IpPrefix): number {
  return family === AF_INET && bytes[0] === 127 ? 254 : 0;
}

function* requirePrefix(ip: IpContext, text: string): Proc<IpPrefix> {
  const kind = ip.options.family === AF_INET ? "inet" : ip.options.family === AF_INET6 ? "inet6" : "any valid";
  return parsePrefix(text, ip.options.family) ?? (yield* ip.die(`Error: ${kind} prefix is expected rather than "${text}".`, 1));
}

/** `+` sets the bits behind the prefix, `-` clears them. */
function* broadcastOf(ip: IpContext, text: string, prefix: IpPrefix): Proc<Uint8Array> {
  if (text === "+" || text === "-") {
    const mask = prefixMask(prefix.length);
    const addr = ipv4Of(prefix.bytes);
    return bytesOfIpv4(text === "+" ? (addr | ~mask) >>> 0 : (addr & mask) >>> 0);
  }
  const address = parseAddress(text, prefix.family);
  return address === undefined ? yield* ip.die(`Error: any valid address is expected rather than "${text}".`, 1) : address.bytes;
}

function* flush(ip: IpContext, words: Words): Proc<number> {
  const filter = yield* parseFilter(ip, words);
  if (filter.name === undefined && filter.to === undefined && filter.scope === undefined && filter.label === undefined)
    yield* ip.die("Flush requires arguments.", 1);
  const to = filter.to === undefined ? undefined : parsePrefix(filter.to, ip.options.family);
  const index = filter.name === undefined ? undefined : yield* ip.findLink(filter.name);
  if (index === 0) yield* ip.die(`Device "${filter.name ?? ""}" does not exist.`, 1);
  const scope = filter.scope === undefined ? undefined : scopeNumber(filter.scope);
  const socket = yield* ip.netlink();
  for (const { message, family, length, local, scope: own } of yield* listAddresses(ip)) {
    if (index !== undefined && viewIndex(message) !== index) continue;
    if ((to !== undefined && !covers(to, family, local)) || (scope !== undefined && own !== scope)) continue;
    const writer = new NetlinkWriter().u8(family).u8(length).u8(0).u8(own).u32(viewIndex(message)).attr(R.IFA_LOCAL, local);
    // A secondary address may be gone with its primary one.
    yield* ip.trying(socket.request(RTM_DELADDR, 0, writer));
  }
  return 0;
}

export function* address(ip: IpContext, args: readonly string[]): Proc<number> {
  const words = new Words(args.slice(1), ip);
  const verb = args[0] ?? "show";
  if (matches(verb, "add")) return yield* change(ip, words, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  if (matches(verb, "change") || verb === "chg") return yield* change(ip, words, RTM_NEWADDR, NLM_F_REPLACE);
  if (matches(verb, "replace")) return yield* change(ip, words, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  if (matches(verb, "delete")) return yield* change(ip, words, RTM_DELADDR, 0);
  if (matches(verb, "flush")) return yield* flush(ip, words);
  if (matches(verb, "show") || matches(verb, "lst") || matches(verb, "list")) return yield* show(ip, words);
  if (matches(verb, "help")) return yield* help(ip, "address");
  return yield* ip.die(`Command "${verb}" is unknown, try "ip address help".`, 255);
}

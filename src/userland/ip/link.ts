/** ip link: network devices. iproute2 `ip/ipaddress.c`, `ip/iplink.c`. */

import { formatMac, parseMac } from "../../abi/inet.ts";
import {
  decodeAttributes,
  type NetlinkAttribute,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_UNSPEC } from "../../abi/socket.ts";
import { O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { NetlinkFailure } from "../libc/rtnetlink.ts";
import { open, optional } from "../libc/unistd.ts";
import { indexOf, type IpContext, linkRequest, matches, viewOf, Words } from "./context.ts";
import { isBusybox, linkFields } from "./busybox.ts";
import { linkDetails } from "./link-details.ts";
import { help } from "./help.ts";
import { linkStats } from "./link-stats.ts";
import { namespaceNames, NETNS_DIR } from "./netns.ts";

export interface LinkFilter {
  readonly name?: string;
  readonly up?: boolean;
  readonly master?: number;
  readonly noMaster?: boolean;
  readonly type?: string;
}

const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [0x8, "LOOPBACK"],
  [0x2, "BROADCAST"],
  [0x10, "POINTOPOINT"],
  [0x1000, "MULTICAST"],
  [0x80, "NOARP"],
  [0x200, "ALLMULTI"],
  [0x100, "PROMISC"],
  [0x1, "UP"],
  [0x10000, "LOWER_UP"],
  [0x20000, "DORMANT"],
];

const OPERSTATES = ["UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"];

export type Attributes = ReadonlyMap<number, NetlinkAttribute>;

/** All links that the filter lets through, with their attributes. */
export function* listLinks(ip: IpContext, filter: LinkFilter): Proc<{ message: NetlinkMessage; attrs: Attributes }[]> {
  const socket = yield* ip.netlink();
  const dump = yield* socket.dump(RTM_GETLINK, linkRequest(0, AF_UNSPEC, ip.options.stats > 0));
  return dump
    .map((message) => ({ message, attrs: decodeAttributes(message.payload, 16) }))
    .filter(({ message, attrs }) => {
      if (filter.name !== undefined && attrs.get(R.IFLA_IFNAME)?.string !== filter.name) return false;
      if (filter.up === true && (viewOf(message).getUint32(8, true) & 1) === 0) return false;
      if (filter.master !== undefined && attrs.get(R.IFLA_MASTER)?.u32 !== filter.master) return false;
      if (filter.noMaster === true && attrs.has(R.IFLA_MASTER)) return false;
      return filter.type === undefined || attrs.get(R.IFLA_LINKINFO)?.nested.get(R.IFLA_INFO_KIND)?.string === filter.type;
    });
}

function* flagNames(ip: IpContext, flags: number, attrs: Attributes): Proc<string[]> {
  const names: string[] = [];
  if ((flags & 1) !== 0 && (flags & 0x10000) === 0) names.push("NO-CARRIER");
  for (const [bit, name] of FLAGS) if ((flags & bit) !== 0) names.push(name);
  // The other end is in this namespace too, and is down.
  const peer = attrs.get(R.IFLA_LINK)?.u32 ?? 0;
  if (peer !== 0 && (!attrs.has(R.IFLA_LINK_NETNSID) || isBusybox(ip))) {
    const [other] = yield* listLinks(ip, { name: yield* ip.linkName(peer) });
    // busybox does not know of namespaces, and takes what it does not find to be down.
    const up = other === undefined ? !isBusybox(ip) : (viewOf(other.message).getUint32(8, true) & 1) !== 0;
    if (!up) names.push("M-DOWN");
  }
  return names;
}

/** `v0@v1`: its name, and what it is tied to. */
function* tie(
  ip: IpContext,
  attrs: Attributes,
): Proc<{ readonly text: string; readonly link: string | undefined; readonly index: number | undefined }> {
  const peer = attrs.get(R.IFLA_LINK)?.u32;
  if (peer === undefined) return { text: "", link: undefined, index: undefined };
  if (peer === 0) return { text: "@NONE", link: "null", index: undefined };
  if (attrs.has(R.IFLA_LINK_NETNSID) && !isBusybox(ip)) return { text: `@if${peer}`, link: undefined, index: peer };
  const name = yield* ip.linkName(peer);
  return { text: `@${name}`, link: name, index: undefined };
}

/** The first lines of a link, as `ip link` and `ip addr` print them. `mode`: with the link's mode. `hardware`: with the second line. */
/** `news`: without the length of the queue, as in `ip monitor`. */
export function* printLink(
  ip: IpContext,
  message: NetlinkMessage,
  attrs: Attributes,
  mode: boolean,
  hardware: boolean,
  news = false,
): Proc<void> {
  const { out } = ip;
  const view = viewOf(message);
  const name = attrs.get(R.IFLA_IFNAME)?.string ?? "";
  const tied = yield* tie(ip, attrs);
  out.field("ifindex", indexOf(message), `${indexOf(message)}: `);
  if (tied.link !== undefined) out.jsonOnly("link", tied.link === "null" ? null : tied.link);
  if (tied.index !== undefined) out.jsonOnly("link_index", tied.index);
  out.field("ifname", name, out.colour("ifname", `${name}${tied.text}: `));
  const flags = yield* flagNames(ip, view.getUint32(8, true), attrs);
  out.field("flags", flags, `<${flags.join(",")}> `);
  const mtu = attrs.get(R.IFLA_MTU)?.u32;
  const qlen = attrs.get(R.IFLA_TXQLEN)?.u32 ?? 0;
  if (isBusybox(ip)) {
    const masterOf = attrs.get(R.IFLA_MASTER)?.u32;
    const master = masterOf === undefined ? undefined : yield* ip.linkName(masterOf);
    out.textOnly(linkFields({ mtu, qdisc: attrs.get(R.IFLA_QDISC)?.string, master, qlen }));
    if (hardware) yield* printHardware(ip, message, attrs);
    return;
  }
  if (mtu !== undefined) out.field("mtu", mtu, `mtu ${mtu} `);
  const qdisc = attrs.get(R.IFLA_QDISC)?.string;
  if (qdisc !== undefined) out.field("qdisc", qdisc, `qdisc ${qdisc} `);
  const master = attrs.get(R.IFLA_MASTER)?.u32;
  if (master !== undefined) {
    const masterName = yield* ip.linkName(master);
    out.field("master", masterName, `master ${masterName} `);
  }
  const state = OPERSTATES[attrs.get(R.IFLA_OPERSTATE)?.u8 ?? 0] ?? "UNKNOWN";
  out.field(
    "operstate",
    state,
    `state ${state === "UP" ? out.colour("up", "UP") : state === "DOWN" ? out.colour("down", "DOWN") : state} `,
  );
  if (mode) out.field("linkmode", "DEFAULT", "mode DEFAULT ");
  const group = attrs.get(R.IFLA_GROUP)?.u32 ?? 0;
  out.field("group", group === 0 ? "default" : String(group), `group ${group === 0 ? "default" : group} `);
  if (qlen !== 0 && !news) out.field("txqlen", qlen, `qlen ${qlen}`);
  if (hardware) yield* printHardware(ip, message, attrs);
  if (ip.options.details) linkDetails(out, attrs);
  const alias = attrs.get(R.IFLA_IFALIAS)?.string;
  if (alias !== undefined) {
    out.newline();
    out.field("ifalias", alias, `    alias ${alias}`);
  }
  if (ip.options.stats > 0) linkStats(ip, attrs);
}

function* printHardware(ip: IpContext, message: NetlinkMessage, attrs: Attributes): Proc<void> {
  const { out } = ip;
  out.newline();
  const type = viewOf(message).getUint16(2, true) === R.ARPHRD_LOOPBACK ? "loopback" : "ether";
  out.field("link_type", type, `    link/${type} `);
  const mac = attrs.get(R.IFLA_ADDRESS);
  if (mac !== undefined) out.field("address", formatMac(mac.mac), out.colour("mac", formatMac(mac.mac)));
  const broadcast = attrs.get(R.IFLA_BROADCAST);
  if (broadcast !== undefined) {
    out.textOnly(" brd ");
    out.field("broadcast", formatMac(broadcast.mac), out.colour("mac", formatMac(broadcast.mac)));
  }
  const nsid = attrs.get(R.IFLA_LINK_NETNSID);
  if (nsid !== undefined && !isBusybox(ip)) {
    const id = nsid.u32 | 0;
    const name = (yield* namespaceNames(ip)).get(id);
    if (name !== undefined) out.field("link_netns", name, ` link-netns ${name}`);
    else if (id >= 0) out.field("link_netnsid", id, ` link-netnsid ${id}`);
    else out.textOnly(" link-netnsid unknown");
  }
}

/** `-br`: name, state, and what is asked for, in columns. */
export function* printBrief(ip: IpContext, attrs: Attributes): Proc<void> {
  const { out } = ip;
  const name = attrs.get(R.IFLA_IFNAME)?.string ?? "";
  const tied = yield* tie(ip, attrs);
  if (tied.link !== undefined) out.jsonOnly("link", tied.link);
  if (tied.index !== undefined) out.jsonOnly("link_index", tied.index);
  out.field("ifname", name, out.colour("ifname", `${`${name}${tied.text}`.padEnd(16)} `));
  const state = OPERSTATES[attrs.get(R.IFLA_OPERSTATE)?.u8 ?? 0] ?? "UNKNOWN";
  const text = `${state.padEnd(14)} `;
  out.field("operstate", state, state === "UP" ? out.colour("up", text) : state === "DOWN" ? out.colour("down", text) : text);
}

function* show(ip: IpContext, words: Words): Proc<number> {
  const filter = yield* parseFilter(ip, words);
  if (filter.name !== undefined && (yield* ip.findLink(filter.name)) === 0) yield* ip.die(`Device "${filter.name}" does not exist.`, 1);
  const { out } = ip;
  for (const { message, attrs } of yield* listLinks(ip, filter)) {
    out.begin();
    if (ip.options.brief) {
      yield* printBrief(ip, attrs);
      const mac = formatMac(attrs.get(R.IFLA_ADDRESS)?.mac ?? 0);
      out.field("address", mac, out.colour("mac", `${mac} `));
      const flags = yield* flagNames(ip, viewOf(message).getUint32(8, true), attrs);
      out.field("flags", flags, `<${flags.join(",")}> `);
      out.textOnly("\n");
      continue;
    }
    yield* printLink(ip, message, attrs, true, true);
    out.textOnly("\n");
  }
  return 0;
}

export function* parseFilter(
  ip: IpContext,
  words: Words,
): Proc<LinkFilter & { readonly to?: string; readonly scope?: string; readonly label?: string }> {
  let filter: LinkFilter & { to?: string; scope?: string; label?: string } = {};
  while (words.more) {
    const word = words.next();
    if (word === "up") filter = { ...filter, up: true };
    else if (word === "dev") filter = { ...filter, name: yield* words.argument() };
    else if (word === "master") filter = { ...filter, master: yield* masterIndex(ip, yield* words.argument()) };
    else if (word === "nomaster") filter = { ...filter, noMaster: true };
    else if (word === "type") filter = { ...filter, type: yield* words.argument() };
    else if (word === "to") filter = { ...filter, to: yield* words.argument() };
    else if (word === "scope") filter = { ...filter, scope: yield* words.argument() };
    else if (word === "label") filter = { ...filter, label: yield* words.argument() };
    else if (matches(word, "help")) return yield* help(ip, "link");
    else if (filter.name !== undefined) yield* ip.die(`Error: either "dev" is duplicate, or "${word}" is a garbage.`, 255);
    else filter = { ...filter, name: word };
  }
  return filter;
}

function* masterIndex(ip: IpContext, name: string): Proc<number> {
  const index = yield* ip.findLink(name);
  return index === 0 ? yield* ip.die(`Error: argument "${name}" is wrong: Device does not exist\n`, 255) : index;
}

// ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a command asks of one link. */
interface Request {
  name: string | undefined;
  flags: number;
  change: number;
  /** Attributes in order. */
  readonly attributes: ((writer: NetlinkWriter) => void)[];
  type: string | undefined;
  typeWords: readonly string[];
  newName: string | undefined;
  index: number;
}

const SWITCHES: Readonly<Record<string, readonly [bit: number, inverted: boolean]>> = {
  arp: [0x80, true],
  multicast: [0x1000, false],
  allmulticast: [0x200, false],
  promisc: [0x100, false],
};

/** Reads `[dev] NAME`, options and `type …`. */
function* parseRequest(ip: IpContext, words: Words, adding: boolean): Proc<Request> {
  const request: Request = {
    name: undefined,
    flags: 0,
    change: 0,
    attributes: [],
    type: undefined,
    typeWords: [],
    newName: undefined,
    index: 0,
  };
  while (words.more) {
    const word = words.next();
    if (word === "up" || word === "down") {
      request.change |= 1;
      request.flags = word === "up" ? request.flags | 1 : request.flags & ~1;
    } else if (Object.hasOwn(SWITCHES, word)) yield* parseSwitch(ip, words, request, word);
    else if (word === "type") {
      request.type = yield* words.argument();
      request.typeWords = words.rest;
      break;
    } else if (word === "dev") request.name = yield* words.argument();
    else if (word === "name") {
      const name = yield* words.argument();
      if (name.length > 15) yield* ip.die(`Error: argument "${name}" is wrong: "name" not a valid ifname`, 255);
      if (adding) request.name = name;
      else request.newName = name;
    } else if (!(yield* parseAttribute(ip, words, request, word))) {
      if (matches(word, "help")) return yield* help(ip, "link");
      if (request.name !== undefined) yield* ip.die(`Error: either "dev" is duplicate, or "${word}" is a garbage.`, 255);
      request.name = word;
    }
  }
  return request;
}

function* parseSwitch(ip: IpContext, words: Words, request: Request, word: string): Proc<void> {
  const [bit, inverted] = SWITCHES[word] as readonly [number, boolean];
  const value = yield* words.argument();
  if (value !== "on" && value !== "off") yield* ip.die(`Error: argument of "${word}" must be one of "on", "off", not "${value}"`, 255);
  request.change |= bit;
  if ((value === "on") !== inverted) request.flags |= bit;
  else request.flags &= ~bit;
}

function* parseAttribute(ip: IpContext, words: Words, request: Request, word: string): Proc<boolean> {
  const { attributes } = request;
  switch (word) {
    case "mtu": {
      const mtu = yield* words.number('Invalid "mtu" value');
      attributes.push((w) => void w.attrU32(R.IFLA_MTU, mtu));
      return true;
    }
    case "txqueuelen":
    case "qlen": {
      const length = yield* words.number('Invalid "txqueuelen" value');
      attributes.push((w) => void w.attrU32(R.IFLA_TXQLEN, length));
      return true;
    }
    case "address":
    case "broadcast": {
      const text = yield* words.argument();
      const mac = parseMac(text);
      if (mac === undefined) return yield* ip.die(`"${text}" is invalid lladdr.`, 1);
      attributes.push((w) => void w.attrMac(word === "address" ? R.IFLA_ADDRESS : R.IFLA_BROADCAST, mac));
      return true;
    }
    case "alias": {
      const alias = yield* words.argument();
      attributes.push((w) => void w.attrString(R.IFLA_IFALIAS, alias));
      return true;
    }
    case "master": {
      const index = yield* masterIndex(ip, yield* words.argument());
      attributes.push((w) => void w.attrU32(R.IFLA_MASTER, index));
      return true;
    }
    case "nomaster":
      attributes.push((w) => void w.attrU32(R.IFLA_MASTER, 0));
      return true;
    case "link": {
      const index = yield* ip.requireLink(yield* words.argument());
      attributes.push((w) => void w.attrU32(R.IFLA_LINK, index));
      return true;
    }
    case "index":
      request.index = yield* words.number('Invalid "index" value');
      return true;
    case "group": {
      const text = yield* words.argument();
      attributes.push((w) => void w.attrU32(R.IFLA_GROUP, text === "default" ? 0 : Number(text)));
      return true;
    }
    case "netns":
      attributes.push(yield* netnsAttribute(ip, yield* words.argument()));
      return true;
    default:
      return false;
  }
}

/** By the name of a file in /run/netns, or by the process that is in it. */
function* netnsAttribute(ip: IpContext, text: string): Proc<(writer: NetlinkWriter) => void> {
  const fd = yield* optional(open(ip.c.sys, text.includes("/") ? text : `${NETNS_DIR}/${text}`, O_RDONLY | O_CLOEXEC));
  if (fd !== undefined) return (w) => void w.attrU32(R.IFLA_NET_NS_FD, fd);
  if (!/^\d+$/.test(text)) yield* ip.die(`Error: argument "${text}" is wrong: Invalid "netns" value\n`, 255);
  return (w) => void w.attrU32(R.IFLA_NET_NS_PID, Number(text));
}

/** What stands behind `type KIND`: IFLA_INFO_DATA. */
function* kindData(ip: IpContext, { type, typeWords }: Request): Proc<(writer: NetlinkWriter) => void> {
  const words = new Words(typeWords, ip);
  if (type === "veth") return yield* vethData(ip, words);
  const attributes: ((writer: NetlinkWriter) => void)[] = [];
  while (words.more) {
    const word = words.next();
    if (type === "bridge") attributes.push(yield* bridgeOption(ip, word, words));
    else if (type === "macvlan" && word === "mode") {
      const mode = yield* words.argument();
      const modes: Readonly<Record<string, number>> = { private: 1, vepa: 2, bridge: 4, passthru: 8 };
      if (modes[mode] === undefined)
        yield* ip.die(`Error: argument of "mode" must be "private", "vepa", "bridge", "passthru" or "source", not "${mode}"`, 255);
      attributes.push((w) => void w.attrU32(R.IFLA_MACVLAN_MODE, modes[mode] as number));
    } else yield* ip.die(`Garbage instead of arguments "${word} ...". Try "ip link help".`, 255);
  }
  return (w) => {
    for (const write of attributes) write(w);
  };
}

const BRIDGE_OPTIONS: Readonly<Record<string, readonly [attribute: number, size: 8 | 16 | 32]>> = {
  forward_delay: [R.IFLA_BR_FORWARD_DELAY, 32],
  hello_time: [R.IFLA_BR_HELLO_TIME, 32],
  max_age: [R.IFLA_BR_MAX_AGE, 32],
  ageing_time: [R.IFLA_BR_AGEING_TIME, 32],
  stp_state: [R.IFLA_BR_STP_STATE, 32],
  priority: [R.IFLA_BR_PRIORITY, 16],
  vlan_filtering: [R.IFLA_BR_VLAN_FILTERING, 8],
  group_fwd_mask: [R.IFLA_BR_GROUP_FWD_MASK, 16],
  mcast_snooping: [R.IFLA_BR_MCAST_SNOOPING, 8],
};

function* bridgeOption(ip: IpContext, word: string, words: Words): Proc<(writer: NetlinkWriter) => void> {
  const option = Object.hasOwn(BRIDGE_OPTIONS, word) ? BRIDGE_OPTIONS[word] : undefined;
  if (option === undefined) return yield* ip.die(`bridge: unknown option "${word}"?`, 255);
  const value = yield* words.number(`invalid ${word}`);
  const [attribute, size] = option;
  return (w) => void (size === 8 ? w.attrU8(attribute, value) : size === 16 ? w.attrU16(attribute, value) : w.attrU32(attribute, value));
}

function* vethData(ip: IpContext, words: Words): Proc<(writer: NetlinkWriter) => void> {
  if (!words.more) return () => {};
  const word = words.next();
  if (word !== "peer") return yield* ip.die(`Garbage instead of arguments "${word} ...". Try "ip link help".`, 255);
  const peer = yield* parseRequest(ip, words, true);
  return (w) =>
    void w.nest(R.VETH_INFO_PEER, () => {
      w.u8(0).u8(0).u16(0).u32(peer.index).u32(peer.flags).u32(peer.change);
      if (peer.name !== undefined) w.attrString(R.IFLA_IFNAME, peer.name);
      for (const write of peer.attributes) write(w);
    });
}

function* change(ip: IpContext, words: Words, type: number, flags: number): Proc<number> {
  const adding = (flags & NLM_F_CREATE) !== 0;
  const request = yield* parseRequest(ip, words, adding);
  if (request.name === undefined && !(adding && request.type !== undefined))
    yield* ip.die('Not enough information: "dev" argument is required.', 255);
  if (adding && request.type === undefined) yield* ip.die('Not enough information: "type" argument is required', 1);
  const index = adding ? request.index : yield* ip.requireLink(request.name as string);
  const data = request.type === undefined ? undefined : yield* kindData(ip, request);
  const writer = new NetlinkWriter().u8(0).u8(0).u16(0).u32(index).u32(request.flags).u32(request.change);
  if (adding && request.name !== undefined) writer.attrString(R.IFLA_IFNAME, request.name);
  if (request.newName !== undefined) writer.attrString(R.IFLA_IFNAME, request.newName);
  for (const write of request.attributes) write(writer);
  if (data !== undefined) {
    const slave = request.type?.endsWith("_slave") === true;
    const kind = slave ? (request.type as string).slice(0, -"_slave".length) : (request.type as string);
    writer.nest(R.IFLA_LINKINFO, (w) => {
      w.attrString(slave ? R.IFLA_INFO_SLAVE_KIND : R.IFLA_INFO_KIND, kind);
      w.nest(slave ? R.IFLA_INFO_SLAVE_DATA : R.IFLA_INFO_DATA, data);
    });
  }
  try {
    yield* (yield* ip.netlink()).request(type, flags, writer);
  } catch (e) {
    if (!(e instanceof NetlinkFailure) || ip.c.voice !== "busybox" || type !== RTM_NEWLINK || adding) throw e;
    // Differs from Linux: busybox changes a link by ioctl(2), and only its words do here.
    const call = request.newName !== undefined ? "SIOCSIFNAME" : request.change !== 0 ? "SIOCSIFFLAGS" : undefined;
    if (call === undefined) throw e;
    yield* ip.die(`${call}: ${e.errno?.message ?? ""}`, 2);
  }
  ip.forget();
  return 0;
}

export function* link(ip: IpContext, args: readonly string[]): Proc<number> {
  const words = new Words(args.slice(1), ip);
  const verb = args[0] ?? "show";
  if (matches(verb, "add")) return yield* change(ip, words, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  if (matches(verb, "set") || matches(verb, "change")) return yield* change(ip, words, RTM_NEWLINK, 0);
  if (matches(verb, "delete")) return yield* change(ip, words, RTM_DELLINK, 0);
  if (matches(verb, "show") || matches(verb, "lst") || matches(verb, "list")) return yield* show(ip, words);
  if (matches(verb, "help")) return yield* help(ip, "link");
  return yield* ip.die(`Command "${verb}" is unknown, try "ip link help".`, 255);
}

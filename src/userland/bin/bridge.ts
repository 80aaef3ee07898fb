/** bridge(8) of iproute2 6.1: ports of bridges and their forwarding tables, over rtnetlink(7). Left out: vlan, mdb, monitor, VXLAN destinations. */

import { Errno } from "../../abi/errno.ts";
import { formatMac, parseMac } from "../../abi/inet.ts";
import {
  decodeAttributes,
  NetlinkWriter,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELNEIGH,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  RTM_SETLINK,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { IpContext, indexOf, matches, viewOf, Words } from "../ip/context.ts";
import { switchTo } from "../ip/netns.ts";
import { Printer } from "../ip/print.ts";
import { type Command, command } from "../libc/command.ts";
import { NetlinkFailure } from "../libc/rtnetlink.ts";

const usage = `Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { link | fdb }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -n[etns] name | -p[retty] -j[son] }`;

const linkUsage = `Usage: bridge link set dev DEV [ cost COST ] [ priority PRIO ] [ state STATE ]
                               [ hairpin {on | off} ] [ learning {on | off} ] [ flood {on | off} ]
                               [ mcast_flood {on | off} ] [ bcast_flood {on | off} ] [ isolated {on | off} ]
       bridge link show [dev DEV]`;

const fdbUsage = `Usage: bridge fdb { add | append | del | replace } ADDR dev DEV
              [ self ] [ master ] [ local | static | dynamic ]
       bridge fdb [ show [ br BRDEV ] [ brport DEV ] [ dynamic ] ]`;

const STATES = ["disabled", "listening", "learning", "forwarding", "blocking"];

const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  ...([
    [0x8, "LOOPBACK"],
    [0x2, "BROADCAST"],
    [0x10, "POINTOPOINT"],
    [0x1000, "MULTICAST"],
    [0x80, "NOARP"],
    [0x200, "ALLMULTI"],
  ] as const),
  ...([
    [0x100, "PROMISC"],
    [0x400, "MASTER"],
    [0x800, "SLAVE"],
    [0x1, "UP"],
    [0x10000, "LOWER_UP"],
  ] as const),
];

/** Switches of a port in the order of `-d`; those that the kernel does not tell are off. */
const SWITCHES: readonly (readonly [name: string, attribute: number | undefined])[] = [
  ["hairpin", R.IFLA_BRPORT_MODE],
  ["guard", R.IFLA_BRPORT_GUARD],
  ["root_block", R.IFLA_BRPORT_PROTECT],
  ["fastleave", R.IFLA_BRPORT_FAST_LEAVE],
  ["learning", R.IFLA_BRPORT_LEARNING],
  ["flood", R.IFLA_BRPORT_UNICAST_FLOOD],
  ["mcast_flood", R.IFLA_BRPORT_MCAST_FLOOD],
  ["bcast_flood", R.IFLA_BRPORT_BCAST_FLOOD],
];
const LATER_SWITCHES: typeof SWITCHES = [
  ["mcast_to_unicast", undefined],
  ["neigh_suppress", R.IFLA_BRPORT_NEIGH_SUPPRESS],
  ["vlan_tunnel", undefined],
  ["isolated", R.IFLA_BRPORT_ISOLATED],
  ["locked", undefined],
];

function* showLinks(ip: IpContext, words: Words): Proc<number> {
  let device: string | undefined;
  while (words.more) {
    const word = words.next();
    if (word === "dev") device = yield* words.argument();
    else return yield* ip.die(linkUsage, 255);
  }
  const wanted = device === undefined ? undefined : yield* requireLink(ip, device);
  const request = new NetlinkWriter().u8(R.AF_BRIDGE).u8(0).u16(0).u32(0).u32(0).u32(0);
  const { out } = ip;
  for (const message of yield* (yield* ip.netlink()).dump(RTM_GETLINK, request)) {
    if (wanted !== undefined && indexOf(message) !== wanted) continue;
    const attrs = decodeAttributes(message.payload, 16);
    const name = attrs.get(R.IFLA_IFNAME)?.string ?? "";
    const port = attrs.get(R.IFLA_PROTINFO)?.nested;
    if (port === undefined) continue;
    out.begin();
    out.field("ifindex", indexOf(message), `${indexOf(message)}: `);
    const link = attrs.get(R.IFLA_LINK)?.u32;
    const names = yield* ip.linkNames();
    const peer = link === undefined ? undefined : (names.get(link) ?? `if${link}`);
    if (peer !== undefined) out.jsonOnly("link", peer);
    out.field("ifname", name, `${name}${peer === undefined ? "" : `@${peer}`}: `);
    const flags = viewOf(message).getUint32(8, true);
    const words = [
      ...((flags & 1) !== 0 && (flags & 0x40) === 0 ? ["NO-CARRIER"] : []),
      ...FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, text]) => text),
    ];
    out.field("flags", words, `<${words.join(",")}> `);
    const mtu = attrs.get(R.IFLA_MTU)?.u32 ?? 0;
    out.field("mtu", mtu, `mtu ${mtu} `);
    const master = names.get(attrs.get(R.IFLA_MASTER)?.u32 ?? 0);
    if (master !== undefined) out.field("master", master, `master ${master} `);
    const state = STATES[port.get(R.IFLA_BRPORT_STATE)?.u8 ?? 0] ?? "unknown";
    out.field("state", state, `state ${state} `);
    const priority = port.get(R.IFLA_BRPORT_PRIORITY)?.u16 ?? 0;
    out.field("priority", priority, `priority ${priority} `);
    const cost = port.get(R.IFLA_BRPORT_COST)?.u32 ?? 0;
    out.field("cost", cost, `cost ${cost} `);
    if (ip.options.details) {
      out.textOnly("\n    ");
      const print = ([key, attribute]: (typeof SWITCHES)[number]): void => {
        const on = attribute !== undefined && (port.get(attribute)?.u8 ?? 0) !== 0;
        out.field(key, on, `${key} ${on ? "on" : "off"} `);
      };
      SWITCHES.forEach(print);
      out.field("mcast_router", 1, "mcast_router 1 ");
      LATER_SWITCHES.forEach(print);
    }
    out.textOnly("\n");
  }
  return 0;
}

function* requireLink(ip: IpContext, name: string): Proc<number> {
  const index = yield* ip.findLink(name);
  return index === 0 ? yield* ip.die(`Cannot find device "${name}"`, 255) : index;
}

function* setLink(ip: IpContext, words: Words): Proc<number> {
  let device: string | undefined;
  const port = new NetlinkWriter();
  while (words.more) {
    const word = words.next();
    const found = [...SWITCHES, ...LATER_SWITCHES].find(([name]) => name === word);
    if (word === "dev") device = yield* words.argument();
    else if (word === "cost") port.attrU32(R.IFLA_BRPORT_COST, yield* words.number("invalid cost"));
    else if (word === "priority") port.attrU16(R.IFLA_BRPORT_PRIORITY, yield* words.number("invalid priority"));
    else if (word === "state") {
      const text = yield* words.argument();
      const state = /^\d+$/.test(text) ? Number(text) : STATES.indexOf(text);
      if (state < 0) yield* ip.die("Error: invalid STP port state", 255);
      port.attrU8(R.IFLA_BRPORT_STATE, state);
    } else if (found?.[1] !== undefined) {
      const text = yield* words.argument();
      if (text !== "on" && text !== "off") yield* ip.die(`Error: argument of "${word}" must be "on" or "off", not "${text}"`, 255);
      port.attrU8(found[1], text === "on" ? 1 : 0);
    } else return yield* ip.die(linkUsage, 255);
  }
  if (device === undefined) return yield* ip.die("Device is a required argument.", 255);
  const index = yield* requireLink(ip, device);
  const writer = new NetlinkWriter().u8(R.AF_BRIDGE).u8(0).u16(0).u32(index).u32(0).u32(0);
  writer.attr(R.IFLA_PROTINFO | 0x8000, port.finish());
  yield* (yield* ip.netlink()).request(RTM_SETLINK, 0, writer);
  return 0;
}

const NUD_REACHABLE = 2;
const NUD_STALE = 4;
const NUD_NOARP = 0x40;
const NUD_PERMANENT = 0x80;

const stateText = (state: number): string =>
  (state & NUD_PERMANENT) !== 0 ? "permanent" : (state & NUD_NOARP) !== 0 ? "static" : (state & NUD_STALE) !== 0 ? "stale" : "";

function* showFdb(ip: IpContext, words: Words): Proc<number> {
  let bridgeName: string | undefined;
  let device: string | undefined;
  let dynamic = false;
  while (words.more) {
    const word = words.next();
    if (word === "br") bridgeName = yield* words.argument();
    else if (word === "brport" || word === "dev") device = yield* words.argument();
    else if (word === "dynamic") dynamic = true;
    else return yield* ip.die(fdbUsage, 255);
  }
  const bridge = bridgeName === undefined ? undefined : yield* requireLink(ip, bridgeName);
  const port = device === undefined ? undefined : yield* requireLink(ip, device);
  const request = new NetlinkWriter().u8(R.AF_BRIDGE).u8(0).u16(0).u32(0).u16(0).u8(0).u8(0);
  const dump = yield* (yield* ip.netlink()).dump(RTM_GETNEIGH, request);
  const masters = yield* mastersOf(ip);
  for (const message of dump) {
    const index = indexOf(message);
    if (port !== undefined && index !== port) continue;
    if (bridge !== undefined && index !== bridge && masters.get(index) !== bridge) continue;
    const state = viewOf(message).getUint16(8, true);
    if (dynamic && (state & (NUD_PERMANENT | NUD_NOARP)) !== 0) continue;
    yield* printEntry(ip, message.payload, state, index, device === undefined);
  }
  return 0;
}

function* mastersOf(ip: IpContext): Proc<ReadonlyMap<number, number>> {
  const masters = new Map<number, number>();
  const dump = yield* (yield* ip.netlink()).dump(RTM_GETLINK, new NetlinkWriter().u8(R.AF_BRIDGE).u8(0).u16(0).u32(0).u32(0).u32(0));
  for (const message of dump) masters.set(indexOf(message), decodeAttributes(message.payload, 16).get(R.IFLA_MASTER)?.u32 ?? 0);
  return masters;
}

function* printEntry(ip: IpContext, payload: Uint8Array, state: number, index: number, named: boolean): Proc<void> {
  const { out } = ip;
  const attrs = decodeAttributes(payload, 12);
  const mac = formatMac(attrs.get(R.NDA_LLADDR)?.mac ?? 0);
  out.begin();
  out.field("mac", mac, `${mac} `);
  if (named) {
    const name = yield* ip.linkName(index);
    out.field("ifname", name, `dev ${name} `);
  }
  const cache = attrs.get(R.NDA_CACHEINFO)?.bytes;
  if (ip.options.stats > 0 && cache !== undefined) {
    const view = new DataView(cache.buffer, cache.byteOffset, cache.byteLength);
    // Of the bridge, `used` and `updated` have changed places for ages.
    const [used, updated] = [0, 8].map((at) => Math.floor(view.getUint32(at, true) / 100)) as [number, number];
    out.field("used", used, `used ${used}`);
    out.field("updated", updated, `/${updated} `);
  }
  const flags = payload[10] ?? 0;
  const words = [
    ...((flags & R.NTF_SELF) !== 0 ? ["self"] : []),
    ...((flags & R.NTF_MASTER) !== 0 ? ["master"] : []),
    ...((flags & R.NTF_EXT_LEARNED) !== 0 ? ["extern_learn"] : []),
    ...((flags & R.NTF_STICKY) !== 0 ? ["sticky"] : []),
  ];
  out.jsonOnly("flags", words);
  out.textOnly(words.map((word) => `${word} `).join(""));
  const master = attrs.get(R.NDA_MASTER)?.u32;
  if (master !== undefined) {
    const name = yield* ip.linkName(master);
    out.field("master", name, `master ${name} `);
  }
  out.field("state", stateText(state), `${stateText(state)}\n`);
}

const FDB_VERBS: readonly (readonly [name: string, type: number, flags: number])[] = [
  ["add", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL],
  ["append", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND],
  ["replace", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE],
  ["delete", RTM_DELNEIGH, 0],
];

function* changeFdb(ip: IpContext, words: Words, type: number, nlmFlags: number): Proc<number> {
  let text: string | undefined;
  let device: string | undefined;
  let flags = 0;
  let state = 0;
  while (words.more) {
    const word = words.next();
    if (word === "dev") device = yield* words.argument();
    else if (matches(word, "self")) flags |= R.NTF_SELF;
    else if (matches(word, "master")) flags |= R.NTF_MASTER;
    else if (matches(word, "local") || matches(word, "permanent")) state |= NUD_PERMANENT;
    else if (matches(word, "static") || matches(word, "temp")) state |= NUD_REACHABLE | NUD_NOARP;
    else if (matches(word, "dynamic")) state |= NUD_REACHABLE;
    else if (["dst", "vlan", "vni", "via", "port", "nhid", "src_vni"].includes(word)) yield* ip.die(`bridge: ${word} is not built`, 255);
    else if (matches(word, "help")) yield* ip.die(fdbUsage, 255);
    else text = word === "to" ? yield* words.argument() : word;
  }
  if (text === undefined || device === undefined) return yield* ip.die("Device and address are required arguments.", 255);
  const mac = parseMac(text) ?? (yield* ip.die(`Invalid mac address ${text}`, 255));
  if ((flags & (R.NTF_SELF | R.NTF_MASTER)) === 0) flags |= R.NTF_SELF;
  if ((state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE)) === 0) state |= NUD_PERMANENT;
  const index = yield* requireLink(ip, device);
  const writer = new NetlinkWriter().u8(R.AF_BRIDGE).u8(0).u16(0).u32(index).u16(state).u8(flags).u8(0).attrMac(R.NDA_LLADDR, mac);
  yield* (yield* ip.netlink()).request(type, nlmFlags, writer);
  return 0;
}

const shows = (verb: string): boolean => ["show", "list", "lst"].some((name) => matches(verb, name));

function* runObject(ip: IpContext, object: "link" | "fdb", args: readonly string[]): Proc<number> {
  const words = new Words(args.slice(1), ip);
  const verb = args[0] ?? "show";
  if (matches(verb, "help")) return yield* ip.die(object === "link" ? linkUsage : fdbUsage, 255);
  if (shows(verb)) return yield* object === "link" ? showLinks(ip, words) : showFdb(ip, words);
  if (object === "link" && (matches(verb, "set") || matches(verb, "change"))) return yield* setLink(ip, words);
  const found = object === "fdb" ? FDB_VERBS.find(([name]) => matches(verb, name)) : undefined;
  if (found === undefined) return yield* ip.die(`Command "${verb}" is unknown, try "bridge ${object} help".`, 255);
  return yield* changeFdb(ip, words, found[1], found[2]);
}

function* run(c: Command): Proc<number> {
  const has = new Set<string>();
  let netns: string | undefined;
  let i = 0;
  const known = ["-Version", "-statistics", "-stats", "-details", "-json", "-pretty", "-netns", "-help", "-color", "-oneline"];
  for (; i < c.args.length && (c.args[i] as string).startsWith("-"); i++) {
    const word = (c.args[i] as string).replace(/^--/, "-");
    const option = known.find((name) => matches(word, name));
    if (option === undefined || word === "-") {
      yield* c.eprint(`Option "${word}" is unknown, try "bridge help".\n`);
      return 255;
    }
    if (option === "-netns") netns = c.args[++i];
    else has.add(option === "-stats" ? "-statistics" : option);
  }
  if (has.has("-Version")) {
    yield* c.print("bridge utility, 6.1.0\n");
    return 0;
  }
  const options = {
    family: R.AF_BRIDGE,
    details: has.has("-details"),
    stats: has.has("-statistics") ? 1 : 0,
    numeric: true,
    brief: false,
    oneline: false,
  };
  const json = has.has("-json");
  const out = new Printer({ ...options, json, pretty: has.has("-pretty"), colour: false });
  const ip = new IpContext(c, { ...options, json }, out, false);
  if (netns !== undefined) yield* switchTo(ip, netns);
  const [object, ...rest] = c.args.slice(i);
  if (object === undefined || has.has("-help") || matches(object, "help")) return yield* ip.die(usage, 255);
  const name = (["link", "fdb"] as const).find((candidate) => matches(object, candidate));
  if (name === undefined) return yield* ip.die(`Object "${object}" is unknown, try "bridge help".`, 255);
  try {
    const status = yield* runObject(ip, name, rest);
    yield* c.print(out.finishList(shows(rest[0] ?? "show")));
    return status;
  } catch (e) {
    if (e instanceof NetlinkFailure) return yield* ip.die(e.message, 255);
    if (e instanceof Errno) return yield* ip.die(`Cannot open rtnetlink: ${e.message}`, 1);
    throw e;
  }
}

export const bridge: Executable = {
  name: "bridge",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/bridge"],
  needed: ["libbpf.so.1", "libelf.so.1", "libmnl.so.0", "libbsd.so.0", "libcap.so.2", "libc.so.6"],
  sizeBytes: 156_200,
};

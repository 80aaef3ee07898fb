/** brctl(8) of bridge-utils 1.7: bridges, their ports and learned addresses, over rtnetlink(7). Left out: hairpin, priorities, path costs, showstp. */

import { formatMac } from "../../abi/inet.ts";
import {
  decodeAttributes,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_NEWLINK,
  RTM_SETLINK,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { indexOf, linkRequest, viewOf } from "../ip/context.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { NetlinkFailure, NetlinkSocket } from "../libc/rtnetlink.ts";

interface Link {
  readonly index: number;
  readonly name: string;
  readonly kind: string | undefined;
  readonly master: number;
  readonly up: boolean;
  /** `8000.` and the address, of a bridge. */
  readonly id: string;
  readonly stp: boolean;
  /** Number of a port in its bridge. */
  readonly port: number;
}

function* links(socket: NetlinkSocket): Proc<Link[]> {
  return (yield* socket.dump(RTM_GETLINK, linkRequest(0, 0))).map((message) => {
    const attrs = decodeAttributes(message.payload, 16);
    const info = attrs.get(R.IFLA_LINKINFO)?.nested;
    const data = info?.get(R.IFLA_INFO_DATA)?.nested;
    const id = [...(data?.get(R.IFLA_BR_BRIDGE_ID)?.bytes ?? [])].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return {
      index: indexOf(message),
      name: attrs.get(R.IFLA_IFNAME)?.string ?? "",
      kind: info?.get(R.IFLA_INFO_KIND)?.string,
      master: attrs.get(R.IFLA_MASTER)?.u32 ?? 0,
      up: (viewOf(message).getUint32(8, true) & 1) !== 0,
      id: `${id.slice(0, 4)}.${id.slice(4)}`,
      stp: (data?.get(R.IFLA_BR_STP_STATE)?.u32 ?? 0) !== 0,
      port: info?.get(R.IFLA_INFO_SLAVE_DATA)?.nested.get(R.IFLA_BRPORT_NO)?.u16 ?? 0,
    };
  });
}

type Verb = (c: Command, socket: NetlinkSocket, args: readonly string[]) => Proc<number>;

/** All complaints of brctl go to stderr and end it with 1. */
function* die(c: Command, message: string): Proc<never> {
  yield* c.eprint(`${message}\n`);
  throw new Exit(1);
}

const HEAD = "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n";

function bridgeText(bridge: Link, all: readonly Link[]): string {
  const ports = all.filter(({ master }) => master === bridge.index).map(({ name }) => name);
  return `${bridge.name}\t\t${bridge.id}\t${bridge.stp ? "yes" : "no"}\t\t${ports.sort().join("\n\t\t\t\t\t\t\t")}\n`;
}

function* show(c: Command, socket: NetlinkSocket, args: readonly string[]): Proc<number> {
  const all = yield* links(socket);
  const bridges = all.filter(({ kind }) => kind === "bridge").sort((a, b) => (a.name < b.name ? -1 : 1));
  let text = HEAD;
  for (const name of args.length === 0 ? bridges.map((bridge) => bridge.name) : args) {
    const bridge = bridges.find((candidate) => candidate.name === name);
    if (bridge === undefined) return yield* die(c, `bridge ${name} does not exist!`);
    text += bridgeText(bridge, all);
  }
  if (text !== HEAD) yield* c.print(text);
  return 0;
}

function* addbr(c: Command, socket: NetlinkSocket, [name = ""]: readonly string[]): Proc<number> {
  if ((yield* links(socket)).some((link) => link.name === name))
    yield* die(c, `device ${name} already exists; can't create bridge with the same name`);
  const writer = linkRequest(0, 0, true).attrString(R.IFLA_IFNAME, name);
  writer.nest(R.IFLA_LINKINFO, (info) => info.attrString(R.IFLA_INFO_KIND, "bridge"));
  yield* refused(c, socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, writer), "add bridge failed");
  return 0;
}

function* refused(c: Command, call: Proc<unknown>, what: string): Proc<void> {
  try {
    yield* call;
  } catch (e) {
    if (!(e instanceof NetlinkFailure)) throw e;
    yield* die(c, `${what}: ${e.errno?.message ?? ""}`);
  }
}

function* delbr(c: Command, socket: NetlinkSocket, [name = ""]: readonly string[]): Proc<number> {
  const link = (yield* links(socket)).find((candidate) => candidate.name === name);
  if (link === undefined) return yield* die(c, `bridge ${name} doesn't exist; can't delete it`);
  if (link.kind !== "bridge") return yield* die(c, `can't delete bridge ${name}: Operation not permitted`);
  if (link.up) return yield* die(c, `bridge ${name} is still up; can't delete it`);
  yield* refused(c, socket.request(RTM_DELLINK, 0, linkRequest(link.index, 0, true)), `can't delete bridge ${name}`);
  return 0;
}

const setMaster = (socket: NetlinkSocket, port: number, master: number): Proc<unknown> =>
  socket.request(RTM_SETLINK, 0, linkRequest(port, 0, true).attrU32(R.IFLA_MASTER, master));

function* addif(c: Command, socket: NetlinkSocket, [name = "", ...ports]: readonly string[]): Proc<number> {
  const all = yield* links(socket);
  for (const device of ports) {
    const port = all.find((link) => link.name === device);
    const bridge = all.find((link) => link.name === name);
    if (port === undefined) return yield* die(c, `interface ${device} does not exist!`);
    if (bridge === undefined) return yield* die(c, `bridge ${name} does not exist!`);
    if (port.master !== 0) return yield* die(c, `device ${device} is already a member of a bridge; can't add it to bridge ${name}.`);
    yield* refused(c, setMaster(socket, port.index, bridge.index), `can't add ${device} to bridge ${name}`);
  }
  return 0;
}

function* delif(c: Command, socket: NetlinkSocket, [name = "", ...ports]: readonly string[]): Proc<number> {
  const all = yield* links(socket);
  for (const device of ports) {
    const port = all.find((link) => link.name === device);
    const bridge = all.find((link) => link.name === name);
    if (port === undefined) return yield* die(c, `interface ${device} does not exist!`);
    if (bridge === undefined) return yield* die(c, `bridge ${name} does not exist!`);
    if (port.master !== bridge.index) return yield* die(c, `device ${device} is not a port of ${name}`);
    yield* refused(c, setMaster(socket, port.index, 0), `can't delete ${device} from ${name}`);
  }
  return 0;
}

/** Sets one option of a bridge by netlink. */
function* setOption(c: Command, socket: NetlinkSocket, name: string, what: string, fill: (w: NetlinkWriter) => void): Proc<number> {
  const bridge = (yield* links(socket)).find((link) => link.name === name);
  if (bridge === undefined) return yield* die(c, `${what} failed: No such device`);
  const writer = linkRequest(bridge.index, 0, true);
  writer.nest(R.IFLA_LINKINFO, (info) => info.attrString(R.IFLA_INFO_KIND, "bridge").nest(R.IFLA_INFO_DATA, fill));
  yield* refused(c, socket.request(RTM_NEWLINK, 0, writer), `${what} failed`);
  return 0;
}

function* stp(c: Command, socket: NetlinkSocket, [name = "", word = ""]: readonly string[]): Proc<number> {
  const on = ["on", "yes", "1"].includes(word);
  if (!on && !["off", "no", "0"].includes(word)) return yield* die(c, "expect on/off for argument");
  return yield* setOption(c, socket, name, "set stp status", (w) => w.attrU32(R.IFLA_BR_STP_STATE, on ? 1 : 0));
}

/** A verb that sets a time in seconds, which the kernel takes in hundredths. */
function setTime(attribute: number, what: string): Verb {
  return function* (c, socket, [name = "", text = ""]) {
    if (!/^\d+(\.\d*)?$/.test(text)) return yield* die(c, "bad time value");
    return yield* setOption(c, socket, name, what, (w) => w.attrU32(attribute, Math.round(Number(text) * 100)));
  };
}

function* showmacs(c: Command, socket: NetlinkSocket, [name = ""]: readonly string[]): Proc<number> {
  const all = yield* links(socket);
  const bridge = all.find((link) => link.name === name);
  if (bridge === undefined) return yield* die(c, "read of forward table failed: No such device");
  const request = new NetlinkWriter().u8(R.AF_BRIDGE).u8(0).u16(0).u32(0).u16(0).u8(0).u8(0);
  const rows: { port: number; mac: string; local: boolean; age: number }[] = [];
  for (const message of yield* socket.dump(RTM_GETNEIGH, request)) {
    const port = all.find(({ index }) => index === indexOf(message));
    const attrs = decodeAttributes(message.payload, 12);
    if (port?.master !== bridge.index || attrs.get(R.NDA_MASTER)?.u32 !== bridge.index) continue;
    const cache = attrs.get(R.NDA_CACHEINFO)?.bytes;
    const local = (viewOf(message).getUint16(8, true) & 0xc0) !== 0;
    const updated = cache === undefined || local ? 0 : new DataView(cache.buffer, cache.byteOffset).getUint32(8, true);
    rows.push({ port: port.port, mac: formatMac(attrs.get(R.NDA_LLADDR)?.mac ?? 0), local, age: updated / 100 });
  }
  rows.sort((a, b) => (a.mac < b.mac ? -1 : a.mac > b.mac ? 1 : 0));
  yield* c.print("port no\tmac addr\t\tis local?\tageing timer\n");
  for (const { port, mac, local, age } of rows)
    yield* c.print(`${String(port).padStart(3)}\t${mac}\t${local ? "yes" : "no"}\t\t${age.toFixed(2).padStart(7)}\n`);
  return 0;
}

/** Name, how many arguments at least, what it does, usage. */
const VERBS: readonly (readonly [name: string, least: number, run: Verb, usage: string])[] = [
  ["addbr", 1, addbr, "<bridge>\t\tadd bridge"],
  ["delbr", 1, delbr, "<bridge>\t\tdelete bridge"],
  ["addif", 2, addif, "<bridge> <device>\tadd interface to bridge"],
  ["delif", 2, delif, "<bridge> <device>\tdelete interface from bridge"],
  ["setageing", 2, setTime(R.IFLA_BR_AGEING_TIME, "set ageing time"), "<bridge> <time>\t\tset ageing time"],
  ["setfd", 2, setTime(R.IFLA_BR_FORWARD_DELAY, "set forward delay"), "<bridge> <time>\t\tset bridge forward delay"],
  ["sethello", 2, setTime(R.IFLA_BR_HELLO_TIME, "set hello timer"), "<bridge> <time>\t\tset hello time"],
  ["setmaxage", 2, setTime(R.IFLA_BR_MAX_AGE, "set max age"), "<bridge> <time>\t\tset max message age"],
  ["show", 0, show, "[ <bridge> ]\t\tshow a list of bridges"],
  ["showmacs", 1, showmacs, "<bridge>\t\tshow a list of mac addrs"],
  ["stp", 2, stp, "<bridge> {on|off}\tturn stp on/off"],
];

const usage = `Usage: brctl [commands]\ncommands:\n${VERBS.map(([name, , , text]) => `\t${name.padEnd(10)}\t${text}\n`).join("")}`;

function* run(c: Command): Proc<number> {
  const [name, ...args] = c.args;
  if (name === undefined) return yield* die(c, usage.trimEnd());
  if (name === "-h" || name === "--help") {
    yield* c.eprint(usage);
    return 0;
  }
  if (name === "-V" || name === "--version") {
    yield* c.print("bridge-utils, 1.7\n");
    return 0;
  }
  const found = VERBS.find(([verb]) => verb === name);
  if (found === undefined) return yield* die(c, `never heard of command [${name}]\n${usage.trimEnd()}`);
  if (args.length < found[1]) return yield* die(c, `Incorrect number of arguments for command\nUsage: brctl ${name} ${found[3]}`);
  const socket = yield* NetlinkSocket.open(c.sys);
  return yield* found[2](c, socket, args);
}

export const brctl: Executable = {
  name: "brctl",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/brctl"],
  sizeBytes: 39_448,
  applet: "/usr/sbin/brctl",
};

/** tc(8) of iproute2 6.1: queueing disciplines at the root of a device, over rtnetlink(7). Left out: classes, filters, actions; kinds but netem, tbf, pfifo_fast and noqueue. */

import { Errno } from "../../abi/errno.ts";
import {
  decodeAttributes,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type NetlinkMessage,
  RTM_DELQDISC,
  RTM_GETQDISC,
  RTM_NEWQDISC,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { IpContext, indexOf, matches, viewOf, Words } from "../ip/context.ts";
import { switchTo } from "../ip/netns.ts";
import { Printer } from "../ip/print.ts";
import { type Command, command } from "../libc/command.ts";
import { NetlinkFailure } from "../libc/rtnetlink.ts";
import { parseNetem, parseTbf, printNetem, printTbf } from "../tc/kinds.ts";

const usage = `Usage:	tc [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { qdisc | class | filter }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -j[son] | -p[retty] | -n[etns] name }`;

const qdiscUsage = `Usage: tc qdisc [ add | del | replace | change | show ] dev STRING
       [ handle QHANDLE ] [ root ]
       [ [ QDISC_KIND ] [ help | OPTIONS ] ]

       tc qdisc { show | list } [ dev STRING ]
Where:
QDISC_KIND := { pfifo_fast | tbf | netem | noqueue }
OPTIONS := ... try tc qdisc add <desired QDISC_KIND> help`;

const VERBS: readonly (readonly [name: string, type: number, flags: number])[] = [
  ["add", RTM_NEWQDISC, NLM_F_EXCL | NLM_F_CREATE],
  ["change", RTM_NEWQDISC, 0],
  ["replace", RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE],
  ["link", RTM_NEWQDISC, NLM_F_REPLACE],
  ["delete", RTM_DELQDISC, 0],
];

/** `10:` and `10:1` in hexadecimal. */
function parseHandle(text: string): number | undefined {
  const match = /^([0-9a-f]{1,4}):?([0-9a-f]{0,4})$/i.exec(text);
  return match === null ? undefined : Number.parseInt(match[1] as string, 16) * 0x10000 + Number.parseInt(match[2] || "0", 16);
}

function* change(ip: IpContext, words: Words, type: number, flags: number): Proc<number> {
  let device: string | undefined;
  let handle = 0;
  let parent = 0;
  let kind: string | undefined;
  let options: Uint8Array | undefined;
  while (words.more) {
    const word = words.next();
    if (word === "dev") device = yield* words.argument();
    else if (word === "handle") {
      const text = yield* words.argument();
      handle = parseHandle(text.replace(/:$/, "")) ?? (yield* ip.die(`Error: argument "${text}" is wrong: invalid qdisc ID`, 255));
    } else if (word === "root") parent = R.TC_H_ROOT;
    else if (word === "parent") {
      const text = yield* words.argument();
      parent = parseHandle(text) ?? (yield* ip.die(`Error: argument "${text}" is wrong: invalid parent ID`, 255));
    } else if (matches(word, "help")) {
      yield* ip.c.print(`${qdiscUsage}\n`);
      return 0;
    } else {
      kind = word;
      // A kind that is unknown here may have options: the kernel says what is wrong.
      if (kind === "netem") options = yield* parseNetem(ip, words);
      else if (kind === "tbf" && (type !== RTM_DELQDISC || words.more)) options = yield* parseTbf(ip, words);
      else if (words.more) return yield* ip.die(`What is "${words.peek}"?`, 1);
      break;
    }
  }
  const index = device === undefined ? 0 : yield* requireLink(ip, device);
  const writer = new NetlinkWriter().u8(0).u8(0).u16(0).u32(index).u32(handle).u32(parent).u32(0);
  if (kind !== undefined) writer.attrString(R.TCA_KIND, kind);
  if (options !== undefined) writer.attr(R.TCA_OPTIONS, options);
  yield* (yield* ip.netlink()).request(type, flags, writer);
  return 0;
}

function* requireLink(ip: IpContext, name: string): Proc<number> {
  const index = yield* ip.findLink(name);
  return index === 0 ? yield* ip.die(`Cannot find device "${name}"`, 1) : index;
}

function* show(ip: IpContext, words: Words): Proc<number> {
  let device: string | undefined;
  while (words.more) {
    const word = words.next();
    if (word === "dev") device = yield* words.argument();
    else if (matches(word, "help")) {
      yield* ip.c.print(`${qdiscUsage}\n`);
      return 0;
    } else if (word !== "root") return yield* ip.die(`What is "${word}"? Try "tc qdisc help".`, 255);
  }
  const index = device === undefined ? 0 : yield* requireLink(ip, device);
  const request = new NetlinkWriter().u8(0).u8(0).u16(0).u32(index).u32(0).u32(0).u32(0);
  for (const message of yield* (yield* ip.netlink()).dump(RTM_GETQDISC, request)) {
    if (index === 0 || indexOf(message) === index) yield* print(ip, message, index === 0);
  }
  return 0;
}

function* print(ip: IpContext, message: NetlinkMessage, named: boolean): Proc<void> {
  const { out } = ip;
  const view = viewOf(message);
  const attrs = decodeAttributes(message.payload, 20);
  const kind = attrs.get(R.TCA_KIND)?.string ?? "";
  const handle = `${(view.getUint32(8, true) >>> 16).toString(16)}:`;
  out.begin();
  out.field("kind", kind, `qdisc ${kind} `);
  out.field("handle", handle, `${handle} `);
  if (named) {
    const name = yield* ip.linkName(indexOf(message));
    out.field("dev", name, `dev ${name} `);
  }
  out.field("root", true, "root ");
  const references = view.getUint32(16, true);
  if (references !== 1) out.field("refcnt", references, `refcnt ${references} `);
  const options = attrs.get(R.TCA_OPTIONS)?.bytes;
  out.nest("options", () => {
    if (options === undefined) return;
    if (kind === "netem") printNetem(out, options);
    else if (kind === "tbf") printTbf(out, options);
    else if (kind === "pfifo_fast") printBands(out, options);
  });
  out.textOnly("\n");
  if (ip.options.stats > 0) printStats(out, attrs.get(R.TCA_STATS2)?.nested);
}

function printBands(out: Printer, options: Uint8Array): void {
  const bands = options[0] ?? 0;
  const map = [...options.slice(4, 20)];
  out.field("bands", bands, `bands ${bands} `);
  out.field("priomap", map, `priomap ${map.join(" ")}`);
  // Cards that do the queueing themselves: there are none.
  out.jsonOnly("multiqueue", false);
}

function printStats(out: Printer, stats: ReturnType<typeof decodeAttributes> | undefined): void {
  const basic = stats?.get(R.TCA_STATS_BASIC)?.bytes;
  const queue = stats?.get(R.TCA_STATS_QUEUE)?.bytes;
  if (basic === undefined || queue === undefined) return;
  const b = new DataView(basic.buffer, basic.byteOffset, basic.byteLength);
  const q = new DataView(queue.buffer, queue.byteOffset, queue.byteLength);
  const bytes = b.getUint32(0, true) + b.getUint32(4, true) * 2 ** 32;
  const [qlen, backlog, drops, requeues, overlimits] = [0, 4, 8, 12, 16].map((at) => q.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const values = { bytes, packets: b.getUint32(8, true), drops, overlimits, requeues, backlog, qlen };
  for (const [key, value] of Object.entries(values)) out.jsonOnly(key, value);
  out.textOnly(` Sent ${bytes} bytes ${values.packets} pkt (dropped ${drops}, overlimits ${overlimits} requeues ${requeues}) \n`);
  out.textOnly(` backlog ${backlogText(backlog)} ${qlen}p requeues ${requeues}\n`);
}

function backlogText(bytes: number): string {
  if (bytes >= 1024 * 1024) return `${Math.floor(bytes / (1024 * 1024))}Mb`;
  return bytes >= 1024 ? `${Math.floor(bytes / 1024)}Kb` : `${bytes}b`;
}

function* qdisc(ip: IpContext, args: readonly string[]): Proc<number> {
  const words = new Words(args.slice(1), ip);
  const verb = args[0] ?? "show";
  if (["show", "list", "lst"].some((name) => matches(verb, name))) return yield* show(ip, words);
  if (matches(verb, "help")) {
    yield* ip.c.print(`${qdiscUsage}\n`);
    return 0;
  }
  const found = VERBS.find(([name]) => matches(verb, name));
  if (found === undefined) return yield* ip.die(`Command "${verb}" is unknown, try "tc qdisc help".`, 255);
  return yield* change(ip, words, found[1], found[2]);
}

function* run(c: Command): Proc<number> {
  const has = new Set<string>();
  let stats = 0;
  let netns: string | undefined;
  let i = 0;
  const known = ["-Version", "-statistics", "-stats", "-details", "-json", "-pretty", "-netns", "-help", "-oneline", "-raw", "-Numeric"];
  for (; i < c.args.length && (c.args[i] as string).startsWith("-"); i++) {
    const word = (c.args[i] as string).replace(/^--/, "-");
    const option = known.find((name) => matches(word, name));
    if (option === undefined || word === "-") {
      yield* c.eprint(`Option "${word}" is unknown, try "tc -help".\n`);
      return 255;
    }
    if (option === "-stats" || option === "-statistics") stats++;
    else if (option === "-netns") netns = c.args[++i];
    else has.add(option);
  }
  if (has.has("-Version")) {
    yield* c.print("tc utility, iproute2-6.1.0, libbpf 1.1.2\n");
    return 0;
  }
  const options = { family: 0, details: has.has("-details"), stats, numeric: true, brief: false, oneline: has.has("-oneline") };
  const out = new Printer({ ...options, json: has.has("-json"), pretty: has.has("-pretty"), colour: false });
  const ip = new IpContext(c, { ...options, json: has.has("-json") }, out, false);
  if (netns !== undefined) yield* switchTo(ip, netns);
  const [object, ...rest] = c.args.slice(i);
  if (object === undefined || has.has("-help") || matches(object, "help")) {
    yield* object === undefined || has.has("-help") ? c.print(`${usage}\n`) : c.eprint(`${usage}\n`);
    return 0;
  }
  try {
    if (matches(object, "qdisc")) {
      const status = yield* qdisc(ip, rest);
      yield* c.print(out.finishList(rest[0] === undefined || ["show", "list", "lst"].some((name) => matches(rest[0] as string, name))));
      return status;
    }
    if (matches(object, "class") || matches(object, "filter")) {
      // There are none to show, and none can be made.
      if (rest[0] === undefined || matches(rest[0], "show") || matches(rest[0], "list")) return 0;
      return yield* ip.die("Error: Classes and filters are not built.", 2);
    }
    return yield* ip.die(`Object "${object}" is unknown, try "tc help".`, 255);
  } catch (e) {
    if (e instanceof NetlinkFailure) return yield* ip.die(e.message, 2);
    if (e instanceof Errno) return yield* ip.die(`Cannot open rtnetlink: ${e.message}`, 1);
    throw e;
  }
}

export const tc: Executable = {
  name: "tc",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/tc"],
  needed: ["libbpf.so.1", "libelf.so.1", "libmnl.so.0", "libbsd.so.0", "libcap.so.2", "libm.so.6", "libc.so.6"],
  sizeBytes: 587_776,
};

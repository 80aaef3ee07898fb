/** ip rule: which routing table is asked when. iproute2 `ip/iprule.c`. */

import {
  decodeAttributes,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET, AF_UNSPEC } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { formatAddress, type IpContext, type IpPrefix, matches, parsePrefix, Words } from "./context.ts";
import { help } from "./help.ts";
import { tableName, tableNumber } from "./route.ts";

const ACTIONS: Readonly<Record<number, string>> = { 0: "", 1: "", 6: "blackhole", 7: "unreachable", 8: "prohibit" };

function* show(ip: IpContext): Proc<number> {
  const family = ip.options.family === AF_UNSPEC ? AF_INET : ip.options.family;
  const dump = yield* (yield* ip.netlink()).dump(RTM_GETRULE, ruleHeader(family, 0, 0, 0, 0, 0));
  for (const message of dump) {
    ip.out.begin();
    printRule(ip, message);
  }
  return 0;
}

export function printRule(ip: IpContext, { payload }: NetlinkMessage): void {
  const { out } = ip;
  const attrs = decodeAttributes(payload, 12);
  const [, dstLength = 0, srcLength = 0] = payload;
  const flags = new DataView(payload.buffer, payload.byteOffset).getUint32(8, true);
  const priority = attrs.get(R.FRA_PRIORITY)?.u32 ?? 0;
  out.field("priority", priority, `${priority}:\t`);
  if ((flags & R.FIB_RULE_INVERT) !== 0) out.field("not", null, "not ");
  printEnd(ip, "src", "srclen", "from ", attrs.get(R.FRA_SRC)?.bytes, srcLength, true);
  printEnd(ip, "dst", "dstlen", "to ", attrs.get(R.FRA_DST)?.bytes, dstLength, false);
  const mark = attrs.get(R.FRA_FWMARK)?.u32;
  if (mark !== undefined) {
    const mask = attrs.get(R.FRA_FWMASK)?.u32 ?? 0xffffffff;
    out.field("fwmark", `0x${mark.toString(16)}`, `fwmark 0x${mark.toString(16)}`);
    if (mask !== 0xffffffff) out.field("fwmask", `0x${mask.toString(16)}`, `/0x${mask.toString(16)}`);
    out.textOnly(" ");
  }
  for (const [attribute, key] of [
    [R.FRA_IIFNAME, "iif"],
    [R.FRA_OIFNAME, "oif"],
  ] as const) {
    const name = attrs.get(attribute)?.string;
    if (name !== undefined) out.field(key, name, `${key} ${out.colour("ifname", name)} `);
  }
  const action = payload[7] ?? 1;
  const table = attrs.get(R.FRA_TABLE)?.u32 ?? payload[4] ?? 0;
  if (table !== 0 && action === R.FR_ACT_TO_TBL) out.field("table", tableName(table), `lookup ${tableName(table)}`);
  else if ((ACTIONS[action] ?? "") !== "") out.field("action", ACTIONS[action] as string, ACTIONS[action] as string);
  out.textOnly("\n");
}

function printEnd(
  { out }: IpContext,
  key: string,
  lengthKey: string,
  word: string,
  bytes: Uint8Array | undefined,
  length: number,
  always: boolean,
): void {
  if (bytes === undefined) {
    if (always) out.field(key, "all", `${word}all `);
    return;
  }
  const text = formatAddress(AF_INET, bytes);
  out.jsonOnly(key, text);
  if (length !== 32) out.jsonOnly(lengthKey, length);
  out.textOnly(`${word}${out.colour("inet", text)}${length === 32 ? "" : `/${length}`} `);
}

function ruleHeader(family: number, dst: number, src: number, table: number, action: number, flags: number): NetlinkWriter {
  return new NetlinkWriter().u8(family).u8(dst).u8(src).u8(0).u8(Math.min(table, 255)).u8(0).u8(0).u8(action).u32(flags);
}

function* change(ip: IpContext, words: Words, type: number): Proc<number> {
  let src: IpPrefix | undefined;
  let dst: IpPrefix | undefined;
  let table = 0;
  let flags = 0;
  let action = type === RTM_NEWRULE ? R.FR_ACT_TO_TBL : 0;
  const attributes: ((writer: NetlinkWriter) => void)[] = [];
  const prefix = function* (text: string): Proc<IpPrefix> {
    return parsePrefix(text, ip.options.family) ?? (yield* ip.die(`Error: any valid prefix is expected rather than "${text}".`, 1));
  };
  while (words.more) {
    const word = words.next();
    if (word === "not") flags |= R.FIB_RULE_INVERT;
    else if (word === "from") src = yield* prefix(yield* words.argument());
    else if (word === "to") dst = yield* prefix(yield* words.argument());
    else if (word === "priority" || word === "preference" || word === "order" || word === "pref") {
      const priority = yield* words.number("preference value is invalid\n");
      attributes.push((w) => void w.attrU32(R.FRA_PRIORITY, priority));
    } else if (word === "fwmark") {
      const [mark = "", mask] = (yield* words.argument()).split("/");
      if (!/^(0x[0-9a-f]+|\d+)$/i.test(mark)) yield* ip.die(`Error: argument "${mark}" is wrong: fwmark value is invalid\n`, 255);
      attributes.push((w) => void w.attrU32(R.FRA_FWMARK, Number(mark)));
      if (mask !== undefined) attributes.push((w) => void w.attrU32(R.FRA_FWMASK, Number(mask)));
    } else if (word === "dev" || word === "iif" || word === "oif") {
      const name = yield* words.argument();
      attributes.push((w) => void w.attrString(word === "oif" ? R.FRA_OIFNAME : R.FRA_IIFNAME, name));
    } else if (word === "table" || word === "lookup") {
      const text = yield* words.argument();
      table = tableNumber(text) ?? (yield* ip.die(`Error: argument "${text}" is wrong: invalid table ID\n`, 255));
      action = R.FR_ACT_TO_TBL;
    } else if (word === "blackhole" || word === "unreachable" || word === "prohibit")
      action = { blackhole: 6, unreachable: 7, prohibit: 8 }[word];
    else if (matches(word, "help")) return yield* help(ip, "rule");
    else yield* ip.die(`Error: argument "${word}" is wrong: Failed to parse rule type`, 255);
  }
  if (type === RTM_NEWRULE && action === R.FR_ACT_TO_TBL && table === 0) table = 254;
  const family = (src ?? dst)?.family ?? (ip.options.family === AF_UNSPEC ? AF_INET : ip.options.family);
  const writer = ruleHeader(family, dst?.length ?? 0, src?.length ?? 0, table, action, flags);
  if (src !== undefined && src.length > 0) writer.attr(R.FRA_SRC, src.bytes);
  if (dst !== undefined && dst.length > 0) writer.attr(R.FRA_DST, dst.bytes);
  if (table > 255) writer.attrU32(R.FRA_TABLE, table);
  for (const write of attributes) write(writer);
  yield* (yield* ip.netlink()).request(type, type === RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0, writer);
  return 0;
}

export function* rule(ip: IpContext, args: readonly string[]): Proc<number> {
  const words = new Words(args.slice(1), ip);
  const verb = args[0] ?? "show";
  if (matches(verb, "add")) return yield* change(ip, words, RTM_NEWRULE);
  if (matches(verb, "delete")) return yield* change(ip, words, RTM_DELRULE);
  if (matches(verb, "show") || matches(verb, "lst") || matches(verb, "list")) return yield* show(ip);
  if (matches(verb, "help")) return yield* help(ip, "rule");
  return yield* ip.die(`Command "${verb}" is unknown, try "ip rule help".`, 255);
}

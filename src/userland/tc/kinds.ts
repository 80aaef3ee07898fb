/** Options of the queueing disciplines that are built: netem and tbf. iproute2 `tc/q_netem.c`, `tc/q_tbf.c`. */

import { decodeAttributes, NetlinkWriter } from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import type { Proc } from "../../abi/sys.ts";
import type { IpContext, Words } from "../ip/context.ts";
import { matches } from "../ip/context.ts";
import type { Printer } from "../ip/print.ts";
import { formatPercent, formatRate, formatSize, formatTime, parsePercent, parseRate, parseSize, parseTimeNs, share } from "./units.ts";

/** What the kernel counts times in: 64 ns. */
const TICK_NS = 64;

const netemUsage = `Usage: ... netem [ limit PACKETS ]
                 [ delay TIME [ JITTER [CORRELATION]]]
                 [ corrupt PERCENT [CORRELATION]]
                 [ duplicate PERCENT [CORRELATION]]
                 [ loss random PERCENT [CORRELATION]]
                 [ reorder PERCENT [CORRELATION] [ gap DISTANCE ]]
                 [ rate RATE ]`;

const tbfUsage = `Usage: ... tbf limit BYTES burst BYTES[/BYTES] rate KBPS [ mtu BYTES[/BYTES] ]
	[ peakrate KBPS ] [ latency TIME ] [ overhead BYTES ] [ linklayer TYPE ]`;

/** The next word, if it reads as a value. */
function optional(words: Words, parse: (text: string) => number | undefined): number | undefined {
  const value = words.more && /^[\d.]/.test(words.peek) ? parse(words.peek) : undefined;
  if (value !== undefined) words.next();
  return value;
}

function* required(ip: IpContext, words: Words, what: string, parse: (text: string) => number | undefined): Proc<number> {
  const text = yield* words.argument();
  return parse(text) ?? (yield* ip.die(`Illegal "${what}"`, 1));
}

const wholeNumber = (text: string): number | undefined => (/^\d+$/.test(text) ? Number(text) : undefined);

export function* parseNetem(ip: IpContext, words: Words): Proc<Uint8Array> {
  const o = { latency: 0, jitter: 0, delayCorr: 0, limit: 1000, loss: 0, lossCorr: 0, duplicate: 0, duplicateCorr: 0, gap: 0 };
  const pairs = new Map<number, readonly [number, number]>();
  let rate: number | undefined;
  while (words.more) {
    const word = words.next();
    if (matches(word, "limit")) o.limit = yield* required(ip, words, "limit", wholeNumber);
    else if (matches(word, "latency") || matches(word, "delay")) {
      o.latency = yield* required(ip, words, "latency", parseTimeNs);
      const jitter = optional(words, parseTimeNs);
      if (jitter !== undefined) {
        o.jitter = jitter;
        o.delayCorr = optional(words, parsePercent) ?? 0;
      }
    } else if (matches(word, "loss") || matches(word, "drop")) {
      if (words.peek === "random") words.next();
      else if (words.peek === "state" || words.peek === "gemodel") yield* ip.die(`tc: loss ${words.peek} is not built`, 1);
      o.loss = yield* required(ip, words, "loss percent", parsePercent);
      o.lossCorr = optional(words, parsePercent) ?? 0;
    } else if (matches(word, "duplicate")) {
      o.duplicate = yield* required(ip, words, "duplicate", parsePercent);
      o.duplicateCorr = optional(words, parsePercent) ?? 0;
    } else if (matches(word, "reorder"))
      pairs.set(R.TCA_NETEM_REORDER, [yield* required(ip, words, "reorder", parsePercent), optional(words, parsePercent) ?? 0]);
    else if (matches(word, "corrupt"))
      pairs.set(R.TCA_NETEM_CORRUPT, [yield* required(ip, words, "corrupt", parsePercent), optional(words, parsePercent) ?? 0]);
    else if (matches(word, "gap")) o.gap = yield* required(ip, words, "gap", wholeNumber);
    else if (matches(word, "rate")) rate = yield* required(ip, words, "rate", parseRate);
    else if (word === "distribution" || word === "slot" || word === "ecn") yield* ip.die(`tc: netem ${word} is not built`, 1);
    else yield* ip.die(word === "help" ? netemUsage : `What is "${word}"?\n${netemUsage}`, 1);
  }
  if (pairs.has(R.TCA_NETEM_REORDER) && o.latency === 0)
    yield* ip.die(`reordering not possible without specifying some delay\n${netemUsage}`, 1);
  const gap = pairs.has(R.TCA_NETEM_REORDER) && o.gap === 0 ? 1 : o.gap;
  const ticks = (ns: number): number => Math.min(0xffff_ffff, Math.round(ns / TICK_NS));
  const w = new NetlinkWriter().u32(ticks(o.latency)).u32(o.limit).u32(o.loss).u32(gap).u32(o.duplicate).u32(ticks(o.jitter));
  const nums = (...values: number[]): Uint8Array => values.reduce((inner, value) => inner.u32(value), new NetlinkWriter()).finish();
  if (o.delayCorr + o.lossCorr + o.duplicateCorr > 0) w.attr(R.TCA_NETEM_CORR, nums(o.delayCorr, o.lossCorr, o.duplicateCorr));
  for (const [type, [probability, correlation]] of pairs) w.attr(type, nums(probability, correlation));
  if (o.latency > 0) w.attrU64(R.TCA_NETEM_LATENCY64, o.latency).attrU64(R.TCA_NETEM_JITTER64, o.jitter);
  if (rate !== undefined) {
    if (rate > 0xffff_ffff) w.attrU64(R.TCA_NETEM_RATE64, rate);
    w.attr(R.TCA_NETEM_RATE, nums(Math.min(rate, 0xffff_ffff), 0, 0, 0));
  }
  return w.finish();
}

export function* parseTbf(ip: IpContext, words: Words): Proc<Uint8Array> {
  let rate: number | undefined;
  let burst: number | undefined;
  let limit: number | undefined;
  let latencyNs: number | undefined;
  while (words.more) {
    const word = words.next();
    if (matches(word, "limit")) limit = yield* required(ip, words, "limit", parseSize);
    else if (matches(word, "latency")) latencyNs = yield* required(ip, words, "latency", parseTimeNs);
    else if (["buffer", "burst", "maxburst"].some((name) => matches(word, name))) burst = yield* required(ip, words, "buffer", parseSize);
    else if (word === "rate") rate = yield* required(ip, words, "rate", parseRate);
    else if (["mtu", "minburst", "mpu", "peakrate", "overhead", "linklayer"].includes(word))
      yield* ip.die(`tc: tbf ${word} is not built`, 1);
    else yield* ip.die(word === "help" ? tbfUsage : `What is "${word}"?\n${tbfUsage}`, 1);
  }
  const missing = [
    ...(rate === undefined ? ['tbf: the "rate" parameter is mandatory.'] : []),
    ...(burst === undefined ? ['tbf: the "burst" parameter is mandatory.'] : []),
    ...(limit === undefined && latencyNs === undefined ? ['tbf: either "limit" or "latency" is required.'] : []),
  ];
  if (rate === undefined || burst === undefined || missing.length > 0) return yield* ip.die(`${missing.join("\n")}\n${tbfUsage}`, 1);
  const most = limit ?? Math.floor((rate * (latencyNs ?? 0)) / 1e9 + burst);
  const parms = new NetlinkWriter().u8(0).u8(1).u16(0).u16(0xffff).u16(0).u32(Math.min(rate, 0xffff_ffff));
  parms
    .raw(new Uint8Array(12))
    .u32(most)
    .u32(Math.round((burst * 1e9) / rate / TICK_NS))
    .u32(0);
  const w = new NetlinkWriter().attr(R.TCA_TBF_PARMS, parms.finish()).attrU32(R.TCA_TBF_BURST, burst);
  if (rate > 0xffff_ffff) w.attrU64(R.TCA_TBF_RATE64, rate);
  return w.finish();
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function printNetem(out: Printer, bytes: Uint8Array): void {
  const view = viewOf(bytes);
  const attrs = decodeAttributes(bytes, 24);
  const pair = (type: number): readonly [number, number] => {
    const value = attrs.get(type)?.bytes;
    return value === undefined || value.length < 8 ? [0, 0] : [viewOf(value).getUint32(0, true), viewOf(value).getUint32(4, true)];
  };
  const corr = attrs.get(R.TCA_NETEM_CORR)?.bytes;
  const correlation = (i: number): number => (corr === undefined ? 0 : viewOf(corr).getUint32(4 * i, true));
  const latency = attrs.get(R.TCA_NETEM_LATENCY64)?.u64 ?? view.getUint32(0, true) * TICK_NS;
  const jitter = attrs.get(R.TCA_NETEM_JITTER64)?.u64 ?? view.getUint32(20, true) * TICK_NS;
  out.field("limit", view.getUint32(4, true), `limit ${view.getUint32(4, true)}`);
  if (latency > 0)
    out.nest("delay", () => {
      out.field("delay", latency / 1e9, ` delay ${formatTime(latency)}`);
      if (jitter > 0) out.textOnly(`  ${formatTime(jitter)}${correlation(0) > 0 ? ` ${formatPercent(correlation(0))}` : ""}`);
      out.jsonOnly("jitter", jitter / 1e9);
      out.jsonOnly("correlation", share(correlation(0)));
    });
  const chance = (object: string, key: string, value: number, corrValue: number): void => {
    if (value === 0) return;
    out.nest(object, () => {
      out.field(key, share(value), ` ${key} ${formatPercent(value)}`);
      out.field("correlation", share(corrValue), corrValue > 0 ? ` ${formatPercent(corrValue)}` : "");
    });
  };
  chance("loss-random", "loss", view.getUint32(8, true), correlation(1));
  chance("duplicate", "duplicate", view.getUint32(16, true), correlation(2));
  chance("reorder", "reorder", ...pair(R.TCA_NETEM_REORDER));
  chance("corrupt", "corrupt", ...pair(R.TCA_NETEM_CORRUPT));
  const rate = attrs.get(R.TCA_NETEM_RATE64)?.u64 ?? attrs.get(R.TCA_NETEM_RATE)?.u32 ?? 0;
  if (rate > 0) out.nest("rate", () => out.field("rate", rate, ` rate ${formatRate(rate)}`));
  const gap = view.getUint32(12, true);
  out.jsonOnly("ecn", false);
  out.field("gap", gap, gap > 0 ? ` gap ${gap}` : "");
}

export function printTbf(out: Printer, bytes: Uint8Array): void {
  const attrs = decodeAttributes(bytes);
  const parms = attrs.get(R.TCA_TBF_PARMS)?.bytes;
  if (parms === undefined) return;
  const view = viewOf(parms);
  const rate = attrs.get(R.TCA_TBF_RATE64)?.u64 ?? view.getUint32(8, true);
  const burst = Math.round((view.getUint32(28, true) * TICK_NS * rate) / 1e9);
  const latencyNs = Math.max(0, Math.round((view.getUint32(24, true) / rate) * 1e9 - view.getUint32(28, true) * TICK_NS));
  out.field("rate", rate, `rate ${formatRate(rate)} `);
  out.field("burst", burst, `burst ${formatSize(burst)} `);
  out.field("lat", Math.round(latencyNs / 1000), `lat ${formatTime(Math.round(latencyNs / 1000) * 1000)} `);
}

/** Commands on sorted sets: Redis `t_zset.c`. Left out: lexicographic ranges, unions and intersections, ZPOPMIN and ZPOPMAX that block. */

import { type Reply, ReplyError } from "../resp.ts";
import { ELEMENT_BYTES } from "../store.ts";
import { bounds, type Call, type CommandTable, float, formatFloat, pairs, reads, small, SYNTAX, word, writes } from "./command.ts";

const scoresOf = ({ db }: Call, key: string): ReadonlyMap<string, number> => db.findOf(key, "zset")?.scores ?? new Map();

/** Members with their scores, the lowest first; with the same score by their bytes. */
const sorted = (call: Call, key: string): (readonly [string, number])[] =>
  [...scoresOf(call, key)].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));

function put(call: Call, key: string, member: string, score: number): boolean {
  const { scores } = call.db.make(key, "zset", () => ({ type: "zset", scores: new Map() }));
  const fresh = !scores.has(member);
  if (fresh) call.db.weigh(key, member.length + 2 * ELEMENT_BYTES);
  scores.set(member, score);
  call.changed();
  return fresh;
}

function remove(call: Call, key: string, members: readonly string[]): number {
  const scores = call.db.findOf(key, "zset")?.scores;
  if (scores === undefined) return 0;
  const gone = members.filter((member) => scores.delete(member));
  for (const member of gone) call.db.weigh(key, -(member.length + 2 * ELEMENT_BYTES));
  if (scores.size === 0) call.db.delete(key);
  call.changed(gone.length);
  return gone.length;
}

function zadd(call: Call): Reply {
  const key = word(call, 0);
  const flags = new Set<string>();
  let at = 1;
  for (; /^(nx|xx|gt|lt|ch|incr)$/i.test(word(call, at)); at++) flags.add(word(call, at).toUpperCase());
  if (at >= call.args.length) throw new ReplyError(SYNTAX);
  const all = pairs(call.args, at, SYNTAX).map(([score, member]) => [float(score), member] as const);
  if (flags.has("NX") && flags.has("XX")) throw new ReplyError("ERR XX and NX options at the same time are not compatible");
  if ((flags.has("GT") && (flags.has("LT") || flags.has("NX"))) || (flags.has("LT") && flags.has("NX")))
    throw new ReplyError("ERR GT, LT, and/or NX options at the same time are not compatible");
  if (flags.has("INCR") && all.length > 1) throw new ReplyError("ERR INCR option supports a single increment-element pair");
  let [added, changed] = [0, 0];
  let last: number | null = null;
  for (const [given, member] of all) {
    const old = scoresOf(call, key).get(member);
    const score = flags.has("INCR") ? (old ?? 0) + given : given;
    if (Number.isNaN(score)) throw new ReplyError("ERR resulting score is not a number (NaN)");
    last = null;
    if (old === undefined ? flags.has("XX") : flags.has("NX")) continue;
    if (old !== undefined && ((flags.has("GT") && score <= old) || (flags.has("LT") && score >= old))) continue;
    last = score;
    if (old === score) continue;
    if (put(call, key, member, score)) added++;
    else changed++;
  }
  if (flags.has("INCR")) return last === null ? null : formatFloat(last);
  return flags.has("CH") ? added + changed : added;
}

const shown = (range: readonly (readonly [string, number])[], withScores: boolean): Reply =>
  range.flatMap(([member, score]) => (withScores ? [member, formatFloat(score)] : [member]));

/** `5`, `(5`, `-inf`. Errors: ERR. */
function limit(text: string): (score: number, side: "min" | "max") => boolean {
  const open = text.startsWith("(");
  const bound = float(open ? text.slice(1) : text, "ERR min or max is not a float");
  return (score, side) => (side === "min" ? (open ? score > bound : score >= bound) : open ? score < bound : score <= bound);
}

interface Range {
  readonly byScore: boolean;
  readonly reverse: boolean;
  /** Words after key, start and stop. */
  readonly options: readonly string[];
}

function range(call: Call, { byScore, reverse, options }: Range): Reply {
  const [key = "", start = "", stop = ""] = call.args;
  let [withScores, offset, count, scored, reversed] = [false, 0, -1, byScore, reverse];
  for (let i = 0; i < options.length; i++) {
    const option = (options[i] as string).toUpperCase();
    if (option === "WITHSCORES") withScores = true;
    else if (option === "BYSCORE") scored = true;
    else if (option === "REV") reversed = true;
    else if (option === "LIMIT" && options[i + 2] !== undefined)
      [offset, count] = [small(options[++i] as string), small(options[++i] as string)];
    else throw new ReplyError(option === "BYLEX" ? "ERR BYLEX is not in Drydock yet" : SYNTAX);
  }
  if (!scored) {
    if (count !== -1) throw new ReplyError("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    const [from, to] = [small(start), small(stop)];
    const all = sorted(call, key);
    if (reversed) all.reverse();
    return shown(all.slice(...bounds(from, to, all.length)), withScores);
  }
  const [min, max] = reversed ? [limit(stop), limit(start)] : [limit(start), limit(stop)];
  const all = sorted(call, key).filter(([, score]) => min(score, "min") && max(score, "max"));
  if (reversed) all.reverse();
  return shown(all.slice(offset, count < 0 ? undefined : offset + count), withScores);
}

function rank(call: Call, reverse: boolean): Reply {
  const all = sorted(call, word(call, 0));
  if (reverse) all.reverse();
  const at = all.findIndex(([member]) => member === word(call, 1));
  return at < 0 ? null : at;
}

function pop(call: Call, highest: boolean): Reply {
  const count = call.args[1] === undefined ? 1 : small(word(call, 1), "ERR value is out of range, must be positive");
  const all = sorted(call, word(call, 0));
  if (highest) all.reverse();
  const taken = all.slice(0, count);
  remove(
    call,
    word(call, 0),
    taken.map(([member]) => member),
  );
  return shown(taken, true);
}

export const zsetCommands: CommandTable = {
  zadd: writes(-4, zadd),
  zcard: reads(2, (call) => scoresOf(call, word(call, 0)).size),
  zcount: reads(4, (call) => {
    const [min, max] = [limit(word(call, 1)), limit(word(call, 2))];
    return [...scoresOf(call, word(call, 0)).values()].filter((score) => min(score, "min") && max(score, "max")).length;
  }),
  zincrby: writes(4, (call) => {
    const [key = "", by = "", member = ""] = call.args;
    const score = float(by) + (scoresOf(call, key).get(member) ?? 0);
    put(call, key, member, score);
    return formatFloat(score);
  }),
  zpopmax: writes(-2, (call) => pop(call, true)),
  zpopmin: writes(-2, (call) => pop(call, false)),
  zrange: reads(-4, (call) => range(call, { byScore: false, reverse: false, options: call.args.slice(3) })),
  zrangebyscore: reads(-4, (call) => range(call, { byScore: true, reverse: false, options: call.args.slice(3) })),
  zrank: reads(-3, (call) => rank(call, false)),
  zrem: writes(-3, (call) => remove(call, word(call, 0), call.args.slice(1))),
  zrevrange: reads(-4, (call) => range(call, { byScore: false, reverse: true, options: call.args.slice(3) })),
  zrevrangebyscore: reads(-4, (call) => range(call, { byScore: true, reverse: true, options: call.args.slice(3) })),
  zrevrank: reads(-3, (call) => rank(call, true)),
  zscore: reads(3, (call) => {
    const score = scoresOf(call, word(call, 0)).get(word(call, 1));
    return score === undefined ? null : formatFloat(score);
  }),
};

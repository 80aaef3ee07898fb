/** Commands on strings: Redis `t_string.c`. Left out: bitmaps, LCS, GETEX. */

import { OK, type Reply, ReplyError } from "../resp.ts";
import {
  bounds,
  type Call,
  type CommandTable,
  float,
  formatFloat,
  integer,
  overflowing,
  pairs,
  reads,
  small,
  SYNTAX,
  word,
  writes,
} from "./command.ts";

const get = ({ db }: Call, key: string): string | undefined => db.findOf(key, "string")?.data;

function store(call: Call, key: string, data: string, expireMs?: number): void {
  call.db.put(key, { type: "string", data }, expireMs);
  call.changed();
}

/** The end that EX, PX, EXAT, PXAT say. Errors: ERR. */
function endOf(option: string, text: string, nowMs: number, command: string): number {
  const n = integer(text);
  if (n <= 0n || n > 10n ** 15n) throw new ReplyError(`ERR invalid expire time in '${command}' command`);
  const ms = Number(n) * (option.startsWith("EX") ? 1000 : 1);
  return option.endsWith("AT") ? ms : nowMs + ms;
}

function set(call: Call): Reply {
  const [key = "", data = "", ...options] = call.args;
  let [condition, ends, keeps, gets] = ["", undefined as number | undefined, false, false];
  for (let i = 0; i < options.length; i++) {
    const option = (options[i] as string).toUpperCase();
    if ((option === "NX" || option === "XX") && (condition === "" || condition === option)) condition = option;
    else if (option === "GET") gets = true;
    else if (option === "KEEPTTL" && ends === undefined) keeps = true;
    else if (["EX", "PX", "EXAT", "PXAT"].includes(option) && ends === undefined && !keeps && options[i + 1] !== undefined)
      ends = endOf(option, options[++i] as string, call.nowMs, "set");
    else throw new ReplyError(SYNTAX);
  }
  const before = gets ? (get(call, key) ?? null) : null;
  if (condition !== "" && call.db.has(key) !== (condition === "XX")) return before;
  store(call, key, data, keeps ? call.db.expireMs(key) : ends);
  return gets ? before : OK;
}

function add(call: Call, delta: bigint): Reply {
  const key = word(call, 0);
  const n = overflowing(integer(get(call, key) ?? "0") + delta);
  store(call, key, String(n), call.db.expireMs(key));
  return n;
}

function addFloat(call: Call): Reply {
  const key = word(call, 0);
  const n = float(get(call, key) ?? "0") + float(word(call, 1));
  if (!Number.isFinite(n)) throw new ReplyError("ERR increment would produce NaN or Infinity");
  // Differs from Linux: a double where Redis has 80 bits; the noise of the last digits is cut off.
  const text = formatFloat(Number(n.toPrecision(15)));
  store(call, key, text, call.db.expireMs(key));
  return text;
}

function append(call: Call): Reply {
  const [key = "", more = ""] = call.args;
  const value = call.db.make(key, "string", () => ({ type: "string", data: "" }));
  value.data += more;
  call.db.weigh(key, more.length);
  call.changed();
  return value.data.length;
}

function mset(call: Call): void {
  for (const [key, data] of pairs(call.args, 0, "ERR wrong number of arguments for 'mset' command")) store(call, key, data);
}

function msetnx(call: Call): Reply {
  const all = pairs(call.args, 0, "ERR wrong number of arguments for 'msetnx' command");
  if (all.some(([key]) => call.db.has(key))) return 0;
  for (const [key, data] of all) store(call, key, data);
  return 1;
}

function setEx(option: string, command: string): (call: Call) => Reply {
  return (call) => {
    store(call, word(call, 0), word(call, 2), endOf(option, word(call, 1), call.nowMs, command));
    return OK;
  };
}

function setRange(call: Call): Reply {
  const [key = "", at = "", piece = ""] = call.args;
  const offset = small(at);
  if (offset < 0) throw new ReplyError("ERR offset is out of range");
  if (offset + piece.length > 512 * 1024 * 1024) throw new ReplyError("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  const old = get(call, key) ?? "";
  if (piece === "") return old.length;
  const data = old.slice(0, offset).padEnd(offset, "\0") + piece + old.slice(offset + piece.length);
  store(call, key, data, call.db.expireMs(key));
  return data.length;
}

export const stringCommands: CommandTable = {
  append: writes(3, append),
  decr: writes(2, (call) => add(call, -1n)),
  decrby: writes(3, (call) => add(call, -integer(word(call, 1)))),
  get: reads(2, (call) => get(call, word(call, 0)) ?? null),
  getdel: writes(2, (call) => {
    const found = get(call, word(call, 0)) ?? null;
    if (call.db.delete(word(call, 0))) call.changed();
    return found;
  }),
  getrange: reads(4, (call) => {
    const text = get(call, word(call, 0)) ?? "";
    return text.slice(...bounds(small(word(call, 1)), small(word(call, 2)), text.length));
  }),
  getset: writes(3, (call) => {
    const before = get(call, word(call, 0)) ?? null;
    store(call, word(call, 0), word(call, 1));
    return before;
  }),
  incr: writes(2, (call) => add(call, 1n)),
  incrby: writes(3, (call) => add(call, integer(word(call, 1)))),
  incrbyfloat: writes(3, addFloat),
  mget: reads(-2, (call) => call.args.map((key) => (call.db.find(key)?.type === "string" ? (get(call, key) ?? null) : null))),
  mset: writes(-3, (call) => {
    mset(call);
    return OK;
  }),
  msetnx: writes(-3, msetnx),
  psetex: writes(4, setEx("PX", "psetex")),
  set: writes(-3, set),
  setex: writes(4, setEx("EX", "setex")),
  setnx: writes(3, (call) => {
    if (call.db.has(word(call, 0))) return 0;
    store(call, word(call, 0), word(call, 1));
    return 1;
  }),
  setrange: writes(4, setRange),
  strlen: reads(2, (call) => get(call, word(call, 0))?.length ?? 0),
};

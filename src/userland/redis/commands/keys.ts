/** Commands on keys whatever they hold: Redis `db.c`, `expire.c`. Left out: SORT, DUMP, RESTORE, MIGRATE, COPY, MOVE. */

import { OK, type Reply, ReplyError, Status } from "../resp.ts";
import { type Call, type CommandTable, integer, matcher, reads, small, SYNTAX, word, writes } from "./command.ts";

function del(call: Call): Reply {
  let n = 0;
  for (const key of call.args) if (call.db.has(key) && call.db.delete(key)) n++;
  call.changed(n);
  return n;
}

/** EXPIRE and its kin: `unitMs` of the number, counted from `base`. */
function expire(call: Call, command: string, unitMs: number, fromNow: boolean): Reply {
  const [key = "", text = "", ...options] = call.args;
  const n = integer(text);
  const flags = options.map((option) => option.toUpperCase());
  for (const flag of flags)
    if (!["NX", "XX", "GT", "LT"].includes(flag)) throw new ReplyError(`ERR Unsupported option ${flag.toLowerCase()}`);
  if (flags.includes("NX") && flags.length > 1) throw new ReplyError("ERR NX and XX, GT or LT options at the same time are not compatible");
  if (flags.includes("GT") && flags.includes("LT")) throw new ReplyError("ERR GT and LT options at the same time are not compatible");
  if (n > 10n ** 15n || n < -(10n ** 15n)) throw new ReplyError(`ERR invalid expire time in '${command}' command`);
  const end = Number(n) * unitMs + (fromNow ? call.nowMs : 0);
  if (!call.db.has(key)) return 0;
  const present = call.db.expireMs(key);
  if (flags.includes("NX") && present !== undefined) return 0;
  if (flags.includes("XX") && present === undefined) return 0;
  if (flags.includes("GT") && (present === undefined || end <= present)) return 0;
  if (flags.includes("LT") && present !== undefined && end >= present) return 0;
  if (end <= call.nowMs) call.db.delete(key);
  else call.db.setExpire(key, end);
  call.changed();
  return 1;
}

function timeLeft(call: Call, unitMs: number): Reply {
  const key = word(call, 0);
  if (!call.db.has(key)) return -2;
  const end = call.db.expireMs(key);
  return end === undefined ? -1 : Math.round((end - call.nowMs) / unitMs);
}

/** Differs from Linux: the cursor counts keys in the order of their making instead of walking a hash table. */
function scan(call: Call): Reply {
  const [cursor = "", ...options] = call.args;
  const from = small(cursor, "ERR invalid cursor");
  let [count, matches, type] = [10, (_: string) => true, ""];
  for (let i = 0; i < options.length; i += 2) {
    const [option, value] = [(options[i] as string).toUpperCase(), options[i + 1]];
    if (value === undefined) throw new ReplyError(SYNTAX);
    if (option === "COUNT") {
      count = small(value);
      if (count < 1) throw new ReplyError(SYNTAX);
    } else if (option === "MATCH") matches = matcher(value);
    else if (option === "TYPE") type = value.toLowerCase();
    else throw new ReplyError(SYNTAX);
  }
  const all = call.db.keys();
  const page = all.slice(from, from + count).filter((key) => matches(key) && (type === "" || call.db.find(key)?.type === type));
  return [String(from + count >= all.length ? 0 : from + count), page];
}

function rename(call: Call, overwrites: boolean): Reply {
  const [from = "", to = ""] = call.args;
  const value = call.db.find(from);
  if (value === undefined) throw new ReplyError("ERR no such key");
  if (!overwrites && call.db.has(to)) return 0;
  if (from !== to) {
    const end = call.db.expireMs(from);
    const before = call.db.bytes;
    call.db.delete(from);
    const weight = before - call.db.bytes;
    call.db.delete(to);
    const without = call.db.bytes;
    call.db.put(to, value, end);
    call.db.weigh(to, weight - from.length + to.length - (call.db.bytes - without));
  }
  call.changed();
  return overwrites ? OK : 1;
}

export const keyCommands: CommandTable = {
  del: writes(-2, del),
  exists: reads(-2, ({ db, args }) => args.filter((key) => db.has(key)).length),
  expire: writes(-3, (call) => expire(call, "expire", 1000, true)),
  expireat: writes(-3, (call) => expire(call, "expireat", 1000, false)),
  expiretime: reads(2, (call) => {
    const key = word(call, 0);
    return call.db.has(key) ? Math.floor((call.db.expireMs(key) ?? -1000) / 1000) : -2;
  }),
  keys: reads(2, (call) => call.db.keys().filter(matcher(word(call, 0)))),
  persist: writes(2, (call) => {
    if (call.db.expireMs(word(call, 0)) === undefined) return 0;
    call.db.setExpire(word(call, 0), undefined);
    call.changed();
    return 1;
  }),
  pexpire: writes(-3, (call) => expire(call, "pexpire", 1, true)),
  pexpireat: writes(-3, (call) => expire(call, "pexpireat", 1, false)),
  pttl: reads(2, (call) => timeLeft(call, 1)),
  rename: writes(3, (call) => rename(call, true)),
  renamenx: writes(3, (call) => rename(call, false)),
  scan: reads(-2, scan),
  touch: reads(-2, ({ db, args }) => args.filter((key) => db.has(key)).length),
  ttl: reads(2, (call) => timeLeft(call, 1000)),
  type: reads(2, (call) => new Status(call.db.find(word(call, 0))?.type ?? "none")),
  unlink: writes(-2, del),
};

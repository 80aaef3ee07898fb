/** Commands on lists, sets and hashes: Redis `t_list.c`, `t_set.c`, `t_hash.c`. Left out: those that block, SPOP and SRANDMEMBER, HSCAN, SSCAN. */

import { NO_ARRAY, OK, type Reply, ReplyError } from "../resp.ts";
import { ELEMENT_BYTES, type ValueOf } from "../store.ts";
import { bounds, type Call, type CommandTable, integer, overflowing, pairs, reads, small, word, writes } from "./command.ts";

const weightOf = (...texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length + ELEMENT_BYTES, 0);

// ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const listOf = ({ db }: Call, key: string): ValueOf<"list"> | undefined => db.findOf(key, "list");

function push(call: Call, end: "left" | "right", must = false): Reply {
  const [key = "", ...items] = call.args;
  if (must && listOf(call, key) === undefined) return 0;
  const list = call.db.make(key, "list", () => ({ type: "list", items: [] })).items;
  for (const item of items) end === "left" ? list.unshift(item) : list.push(item);
  call.db.weigh(key, weightOf(...items));
  call.changed(items.length);
  return list.length;
}

function pop(call: Call, end: "left" | "right"): Reply {
  const [key = "", text] = call.args;
  const count = text === undefined ? 1 : small(text, "ERR value is out of range, must be positive");
  if (count < 0) throw new ReplyError("ERR value is out of range, must be positive");
  const list = listOf(call, key)?.items;
  if (list === undefined) return text === undefined ? null : NO_ARRAY;
  const taken = end === "left" ? list.splice(0, count) : list.splice(Math.max(0, list.length - count)).reverse();
  call.db.weigh(key, -weightOf(...taken));
  if (list.length === 0) call.db.delete(key);
  call.changed(taken.length);
  return text === undefined ? (taken[0] ?? null) : taken;
}

const place = (list: readonly string[], text: string): number => {
  const index = small(text);
  return index < 0 ? list.length + index : index;
};

function lset(call: Call): Reply {
  const [key = "", index = "", item = ""] = call.args;
  const list = listOf(call, key)?.items;
  if (list === undefined) throw new ReplyError("ERR no such key");
  const at = place(list, index);
  const old = list[at];
  if (old === undefined) throw new ReplyError("ERR index out of range");
  list[at] = item;
  call.db.weigh(key, item.length - old.length);
  call.changed();
  return OK;
}

function lrem(call: Call): Reply {
  const [key = "", text = "", item = ""] = call.args;
  const count = small(text);
  const list = listOf(call, key)?.items;
  if (list === undefined) return 0;
  let removed = 0;
  const step = count < 0 ? -1 : 1;
  for (let i = count < 0 ? list.length - 1 : 0; i >= 0 && i < list.length && (count === 0 || removed < Math.abs(count)); i += step) {
    if (list[i] !== item) continue;
    list.splice(i, 1);
    removed++;
    if (step > 0) i--;
  }
  call.db.weigh(key, -removed * weightOf(item));
  if (list.length === 0) call.db.delete(key);
  call.changed(removed);
  return removed;
}

function ltrim(call: Call): Reply {
  const key = word(call, 0);
  const [start, stop] = [small(word(call, 1)), small(word(call, 2))];
  const list = listOf(call, key)?.items;
  if (list === undefined) return OK;
  const before = weightOf(...list);
  const kept = list.slice(...bounds(start, stop, list.length));
  list.splice(0, list.length, ...kept);
  call.db.weigh(key, weightOf(...kept) - before);
  if (kept.length === 0) call.db.delete(key);
  call.changed();
  return OK;
}

const lists: CommandTable = {
  lindex: reads(3, (call) => {
    const list = listOf(call, word(call, 0))?.items ?? [];
    return list[place(list, word(call, 1))] ?? null;
  }),
  llen: reads(2, (call) => listOf(call, word(call, 0))?.items.length ?? 0),
  lpop: writes(-2, (call) => pop(call, "left")),
  lpush: writes(-3, (call) => push(call, "left")),
  lpushx: writes(-3, (call) => push(call, "left", true)),
  lrange: reads(4, (call) => {
    const [start, stop] = [small(word(call, 1)), small(word(call, 2))];
    const list = listOf(call, word(call, 0))?.items ?? [];
    return list.slice(...bounds(start, stop, list.length));
  }),
  lrem: writes(4, lrem),
  lset: writes(4, lset),
  ltrim: writes(4, ltrim),
  rpop: writes(-2, (call) => pop(call, "right")),
  rpush: writes(-3, (call) => push(call, "right")),
  rpushx: writes(-3, (call) => push(call, "right", true)),
};

// ── Sets ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const membersOf = ({ db }: Call, key: string): ReadonlySet<string> => db.findOf(key, "set")?.members ?? new Set();

function sadd(call: Call): Reply {
  const [key = "", ...members] = call.args;
  const set = call.db.make(key, "set", () => ({ type: "set", members: new Set() })).members;
  const fresh = [...new Set(members)].filter((member) => !set.has(member));
  for (const member of fresh) set.add(member);
  call.db.weigh(key, weightOf(...fresh));
  call.changed(fresh.length);
  return fresh.length;
}

function srem(call: Call): Reply {
  const [key = "", ...members] = call.args;
  const set = call.db.findOf(key, "set")?.members;
  if (set === undefined) return 0;
  const gone = members.filter((member) => set.delete(member));
  call.db.weigh(key, -weightOf(...gone));
  if (set.size === 0) call.db.delete(key);
  call.changed(gone.length);
  return gone.length;
}

/** What several sets give together. */
function combine(how: "union" | "inter" | "diff"): (call: Call) => Reply {
  return (call) => {
    const [first = new Set<string>(), ...others] = call.args.map((key) => membersOf(call, key));
    if (how === "union") return [...new Set([first, ...others].flatMap((set) => [...set]))];
    return [...first].filter((member) => others[how === "inter" ? "every" : "some"]((set) => set.has(member)) === (how === "inter"));
  };
}

const sets: CommandTable = {
  sadd: writes(-3, sadd),
  scard: reads(2, (call) => membersOf(call, word(call, 0)).size),
  sdiff: reads(-2, combine("diff")),
  sinter: reads(-2, combine("inter")),
  sismember: reads(3, (call) => Number(membersOf(call, word(call, 0)).has(word(call, 1)))),
  smembers: reads(2, (call) => [...membersOf(call, word(call, 0))]),
  smismember: reads(-3, (call) => call.args.slice(1).map((member) => Number(membersOf(call, word(call, 0)).has(member)))),
  srem: writes(-3, srem),
  sunion: reads(-2, combine("union")),
};

// ── Hashes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const fieldsOf = ({ db }: Call, key: string): ReadonlyMap<string, string> => db.findOf(key, "hash")?.fields ?? new Map();

function put(call: Call, key: string, fields: readonly (readonly [string, string])[]): number {
  const hash = call.db.make(key, "hash", () => ({ type: "hash", fields: new Map() })).fields;
  let added = 0;
  for (const [field, value] of fields) {
    const old = hash.get(field);
    if (old === undefined) added++;
    call.db.weigh(key, old === undefined ? weightOf(field, value) : value.length - old.length);
    hash.set(field, value);
  }
  call.changed(fields.length);
  return added;
}

function hdel(call: Call): Reply {
  const [key = "", ...fields] = call.args;
  const hash = call.db.findOf(key, "hash")?.fields;
  if (hash === undefined) return 0;
  let gone = 0;
  for (const field of fields) {
    const value = hash.get(field);
    if (value === undefined) continue;
    hash.delete(field);
    call.db.weigh(key, -weightOf(field, value));
    gone++;
  }
  if (hash.size === 0) call.db.delete(key);
  call.changed(gone);
  return gone;
}

const hset = (call: Call, command: string): number =>
  put(call, word(call, 0), pairs(call.args, 1, `ERR wrong number of arguments for '${command}' command`));

const hashes: CommandTable = {
  hdel: writes(-3, hdel),
  hexists: reads(3, (call) => Number(fieldsOf(call, word(call, 0)).has(word(call, 1)))),
  hget: reads(3, (call) => fieldsOf(call, word(call, 0)).get(word(call, 1)) ?? null),
  hgetall: reads(2, (call) => [...fieldsOf(call, word(call, 0))].flat()),
  hincrby: writes(4, (call) => {
    const [key = "", field = "", by = ""] = call.args;
    const delta = integer(by);
    const n = overflowing(integer(fieldsOf(call, key).get(field) ?? "0", "ERR hash value is not an integer") + delta);
    put(call, key, [[field, String(n)]]);
    return n;
  }),
  hkeys: reads(2, (call) => [...fieldsOf(call, word(call, 0)).keys()]),
  hlen: reads(2, (call) => fieldsOf(call, word(call, 0)).size),
  hmget: reads(-3, (call) => call.args.slice(1).map((field) => fieldsOf(call, word(call, 0)).get(field) ?? null)),
  hmset: writes(-4, (call) => {
    hset(call, "hmset");
    return OK;
  }),
  hset: writes(-4, (call) => hset(call, "hset")),
  hsetnx: writes(4, (call) => {
    if (fieldsOf(call, word(call, 0)).has(word(call, 1))) return 0;
    return put(call, word(call, 0), [[word(call, 1), word(call, 2)]]);
  }),
  hstrlen: reads(3, (call) => fieldsOf(call, word(call, 0)).get(word(call, 1))?.length ?? 0),
  hvals: reads(2, (call) => [...fieldsOf(call, word(call, 0)).values()]),
};

export const collectionCommands: CommandTable = { ...lists, ...sets, ...hashes };

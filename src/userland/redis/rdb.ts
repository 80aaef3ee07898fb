/**
 * dump.rdb: what a Redis server writes of its databases, and reads when it starts; Redis `rdb.c`. Version 11 of the format, values in its plain encodings, the
 * checksum switched off (all zero), as the format allows. Left out: compressed and packed encodings, so files of a real server are refused where they hold these.
 */

import { fromBinary, toBinary } from "./resp.ts";
import { type Database, ELEMENT_BYTES, type Value } from "./store.ts";

const AUX = 0xfa;
const EXPIRE_MS = 0xfc;
const RESIZE_DB = 0xfb;
const SELECT_DB = 0xfe;
const EOF = 0xff;
const TYPES = { string: 0, list: 1, set: 2, hash: 4, zset: 5 } as const;

const byte = (n: number): string => String.fromCharCode(n & 0xff);

function lengthOf(n: number): string {
  if (n < 64) return byte(n);
  if (n < 16_384) return byte(0x40 | (n >> 8)) + byte(n);
  return byte(0x80) + byte(n >>> 24) + byte(n >>> 16) + byte(n >>> 8) + byte(n);
}

const str = (text: string): string => lengthOf(text.length) + text;

function double(n: number): string {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, n, true);
  return toBinary(bytes);
}

function milliseconds(n: number): string {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(n), true);
  return toBinary(bytes);
}

function body(value: Value): string {
  switch (value.type) {
    case "string":
      return str(value.data);
    case "list":
      return lengthOf(value.items.length) + value.items.map(str).join("");
    case "set":
      return lengthOf(value.members.size) + [...value.members].map(str).join("");
    case "hash":
      return lengthOf(value.fields.size) + [...value.fields].map(([f, v]) => str(f) + str(v)).join("");
    case "zset":
      return lengthOf(value.scores.size) + [...value.scores].map(([m, score]) => str(m) + double(score)).join("");
  }
}

/** The file. `aux` says by whom and when. */
export function writeRdb(databases: readonly Database[], aux: Readonly<Record<string, string>>): Uint8Array {
  const parts = ["REDIS0011"];
  for (const [name, value] of Object.entries(aux)) parts.push(byte(AUX) + str(name) + str(value));
  databases.forEach((db, index) => {
    const keys = db.keys();
    if (keys.length === 0) return;
    parts.push(byte(SELECT_DB) + lengthOf(index) + byte(RESIZE_DB) + lengthOf(keys.length) + lengthOf(db.expires));
    for (const key of keys) {
      const value = db.find(key) as Value;
      const expireMs = db.expireMs(key);
      if (expireMs !== undefined) parts.push(byte(EXPIRE_MS) + milliseconds(expireMs));
      parts.push(byte(TYPES[value.type]) + str(key) + body(value));
    }
  });
  return fromBinary(`${parts.join("")}${byte(EOF)}${"\0".repeat(8)}`);
}

/** What is wrong with a file. */
export class RdbError extends Error {}

export interface RdbContent {
  readonly aux: ReadonlyMap<string, string>;
  readonly loaded: number;
  readonly expired: number;
}

/** Reads a file into databases. Errors: RdbError. */
export function readRdb(bytes: Uint8Array, databases: readonly Database[], nowMs: number): RdbContent {
  const r = new RdbReader(bytes);
  if (!/^REDIS\d{4}$/.test(r.take(9))) throw new RdbError("Wrong signature trying to load DB from file");
  const aux = new Map<string, string>();
  let [loaded, expired, expireMs] = [0, 0, undefined as number | undefined];
  let db = databases[0] as Database;
  for (;;) {
    const code = r.byte();
    if (code === EOF) return { aux, loaded, expired };
    if (code === AUX) aux.set(r.string(), r.string());
    else if (code === RESIZE_DB) {
      r.length();
      r.length();
    } else if (code === SELECT_DB) {
      const index = r.length();
      const found = databases[index];
      if (found === undefined)
        throw new RdbError(
          `FATAL: Data file was created with a Redis server configured to handle more than ${databases.length} databases.`,
        );
      db = found;
    } else if (code === EXPIRE_MS) expireMs = Number(r.view(8).getBigUint64(0, true));
    else {
      const key = r.string();
      const [value, weight] = r.value(code);
      if (expireMs !== undefined && expireMs <= nowMs) expired++;
      else {
        db.put(key, value, expireMs);
        if (value.type !== "string") db.weigh(key, weight);
        loaded++;
      }
      expireMs = undefined;
    }
  }
}

class RdbReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  view(length: number): DataView {
    if (this.at + length > this.bytes.length) throw new RdbError("Unexpected EOF reading RDB file");
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, length);
    this.at += length;
    return view;
  }

  take(length: number): string {
    const from = this.at;
    this.view(length);
    return toBinary(this.bytes.subarray(from, this.at));
  }

  byte(): number {
    return this.view(1).getUint8(0);
  }

  length(): number {
    const first = this.byte();
    if (first >> 6 === 0) return first;
    if (first >> 6 === 1) return ((first & 63) << 8) | this.byte();
    if (first === 0x80) return this.view(4).getUint32(0);
    throw new RdbError("Unknown length encoding");
  }

  string(): string {
    const first = this.bytes[this.at] ?? 0;
    if (first >> 6 !== 3) return this.take(this.length());
    this.at++;
    if (first === 0xc0) return String(this.view(1).getInt8(0));
    if (first === 0xc1) return String(this.view(2).getInt16(0, true));
    if (first === 0xc2) return String(this.view(4).getInt32(0, true));
    throw new RdbError("Unknown RDB string encoding type");
  }

  /** A value, and what its elements weigh. */
  value(code: number): readonly [Value, number] {
    if (code === TYPES.string) return [{ type: "string", data: this.string() }, 0];
    if (!(Object.values(TYPES) as number[]).includes(code)) throw new RdbError(`Unknown RDB encoding type ${code}`);
    const n = this.length();
    let weight = 0;
    const one = (): string => {
      const text = this.string();
      weight += text.length + ELEMENT_BYTES;
      return text;
    };
    const value: Value =
      code === TYPES.list
        ? { type: "list", items: [] }
        : code === TYPES.set
          ? { type: "set", members: new Set() }
          : code === TYPES.hash
            ? { type: "hash", fields: new Map() }
            : { type: "zset", scores: new Map() };
    for (let i = 0; i < n; i++) {
      if (value.type === "list") value.items.push(one());
      else if (value.type === "set") value.members.add(one());
      else if (value.type === "hash") value.fields.set(one(), one());
      else if (value.type === "zset") value.scores.set(one(), this.view(8).getFloat64(0, true));
    }
    return [value, weight];
  }
}

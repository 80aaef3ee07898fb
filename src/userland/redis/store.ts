/** What a Redis server holds: databases of keys, each with a value of one type, some with an end. */

import { ReplyError } from "./resp.ts";

export type Value =
  | { readonly type: "string"; data: string }
  | { readonly type: "list"; readonly items: string[] }
  | { readonly type: "set"; readonly members: Set<string> }
  | { readonly type: "hash"; readonly fields: Map<string, string> }
  | { readonly type: "zset"; readonly scores: Map<string, number> };

export type ValueType = Value["type"];
export type ValueOf<T extends ValueType> = Extract<Value, { type: T }>;

interface Entry {
  readonly value: Value;
  /** Milliseconds since 1970. */
  expireMs: number | undefined;
  /** What it weighs, without its key. Written by `Database.weigh`. */
  bytes: number;
}

/** Of a key with its entry, and of an element in a collection. */
const KEY_BYTES = 72;
export const ELEMENT_BYTES = 24;

const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";

export class Database {
  private readonly entries = new Map<string, Entry>();
  /** Bytes of keys and values together. */
  bytes = 0;
  /** Milliseconds since 1970, as of the present command. */
  nowMs = 0;
  expired = 0;

  private live(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry?.expireMs === undefined || entry.expireMs > this.nowMs) return entry;
    this.expired++;
    this.delete(key);
    return undefined;
  }

  has(key: string): boolean {
    return this.live(key) !== undefined;
  }

  find(key: string): Value | undefined {
    return this.live(key)?.value;
  }

  /** Errors: WRONGTYPE. */
  findOf<T extends ValueType>(key: string, type: T): ValueOf<T> | undefined {
    const value = this.live(key)?.value;
    if (value !== undefined && value.type !== type) throw new ReplyError(WRONG_TYPE);
    return value as ValueOf<T> | undefined;
  }

  /** The value of a key, a new one if there is none. Errors: WRONGTYPE. */
  make<T extends ValueType>(key: string, type: T, empty: () => ValueOf<T>): ValueOf<T> {
    const found = this.findOf(key, type);
    if (found !== undefined) return found;
    const value = empty();
    this.put(key, value);
    return value;
  }

  /** Sets a key, without an end. */
  put(key: string, value: Value, expireMs?: number): void {
    this.delete(key);
    this.entries.set(key, { value, expireMs, bytes: 0 });
    this.bytes += KEY_BYTES + key.length;
    if (value.type === "string") this.weigh(key, value.data.length);
  }

  /** A value has become heavier, or lighter. */
  weigh(key: string, delta: number): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    entry.bytes += delta;
    this.bytes += delta;
  }

  delete(key: string): boolean {
    const entry = this.entries.get(key);
    if (entry === undefined) return false;
    this.bytes -= entry.bytes + KEY_BYTES + key.length;
    return this.entries.delete(key);
  }

  expireMs(key: string): number | undefined {
    return this.live(key)?.expireMs;
  }

  setExpire(key: string, expireMs: number | undefined): void {
    const entry = this.live(key);
    if (entry !== undefined) entry.expireMs = expireMs;
  }

  /** Every key that is still alive. */
  keys(): string[] {
    return [...this.entries.keys()].filter((key) => this.live(key) !== undefined);
  }

  get size(): number {
    return this.keys().length;
  }

  get expires(): number {
    return this.keys().filter((key) => this.entries.get(key)?.expireMs !== undefined).length;
  }

  clear(): void {
    this.entries.clear();
    this.bytes = 0;
  }
}

/** What a command of Redis is: its name, how many words it takes, whether it changes something, what it does. */

import { type Reply, ReplyError } from "../resp.ts";
import type { Database } from "../store.ts";

export interface Call {
  readonly db: Database;
  /** Without the command's name. */
  readonly args: readonly string[];
  readonly nowMs: number;
  /** Counts a change of the data. */
  changed(times?: number): void;
}

export interface RedisCommand {
  /** Words with the name; a negative number is the least. */
  readonly arity: number;
  readonly writes?: boolean;
  readonly run: (call: Call) => Reply;
}

export type CommandTable = Readonly<Record<string, RedisCommand>>;

export const reads = (arity: number, run: RedisCommand["run"]): RedisCommand => ({ arity, run });
export const writes = (arity: number, run: RedisCommand["run"]): RedisCommand => ({ arity, writes: true, run });

export const SYNTAX = "ERR syntax error";
const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
const MAX = 2n ** 63n - 1n;

/** The word at `index`; arity has seen to it that it is there. */
export const word = ({ args }: Call, index: number): string => args[index] ?? "";

/** A 64-bit integer. Errors: ERR. */
export function integer(text: string, message = NOT_AN_INTEGER): bigint {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) throw new ReplyError(message);
  const n = BigInt(text);
  if (n > MAX || n < -MAX - 1n) throw new ReplyError(message);
  return n;
}

/** A number of things or a place among them. Errors: ERR. */
export const small = (text: string, message?: string): number => Number(integer(text, message));

export function overflowing(n: bigint): bigint {
  if (n > MAX || n < -MAX - 1n) throw new ReplyError("ERR increment or decrement would overflow");
  return n;
}

/** A double. Errors: ERR. */
export function float(text: string, message = "ERR value is not a valid float"): number {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw new ReplyError(message);
  return Number(text);
}

export const formatFloat = (n: number): string =>
  n === Number.POSITIVE_INFINITY ? "inf" : n === Number.NEGATIVE_INFINITY ? "-inf" : Object.is(n, -0) ? "-0" : String(n);

/** The pairs of words from `from` on. Errors: ERR where one is left alone. */
export function pairs(args: readonly string[], from: number, message: string): (readonly [string, string])[] {
  if ((args.length - from) % 2 !== 0) throw new ReplyError(message);
  const all: (readonly [string, string])[] = [];
  for (let i = from; i < args.length; i += 2) all.push([args[i] as string, args[i + 1] as string]);
  return all;
}

/** Start and stop, from the end where negative, as half-open bounds in `length` things. */
export function bounds(start: number, stop: number, length: number): readonly [from: number, to: number] {
  const from = Math.max(0, start < 0 ? length + start : start);
  const to = Math.min(length, (stop < 0 ? length + stop : stop) + 1);
  return from >= to ? [0, 0] : [from, to];
}

/** A glob-style pattern of stringmatchlen(). */
export function matcher(pattern: string): (text: string) => boolean {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c === "*") source += "[^]*";
    else if (c === "?") source += "[^]";
    else if (c === "[") {
      const end = pattern.indexOf("]", i + 1);
      if (end < 0) source += "\\[";
      else {
        const inside = pattern.slice(i + 1, end);
        const negated = inside.startsWith("^");
        source += `[${negated ? "^" : ""}${inside.slice(negated ? 1 : 0).replace(/[\\[\]^]/g, "\\$&")}]`;
        i = end;
      }
    } else source += (c === "\\" && i + 1 < pattern.length ? (pattern[++i] as string) : c).replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  }
  const expression = new RegExp(`^${source}$`);
  return (text) => expression.test(text);
}

/**
 * Flags of one command: how they are declared, and what their values mean. Real counterparts: spf13/pflag and docker/cli `opts`. A flag is one line in a
 * command's table; `parse` throws an Error whose text stands behind `invalid argument "x" for "--name" flag: `.
 */

import { ramInBytes } from "./format/units.ts";
import { parseBool, parseDurationNs, parseFloat64, parseInteger, parseRational, parseUnsigned } from "./strconv.ts";

export interface Flag<T> {
  /** As help names it; empty for switches. */
  readonly type: string;
  readonly usage: string;
  readonly short?: string;
  /** What it is where it is not given. */
  readonly initial: T;
  /** What help says behind "default"; nothing where that is the natural zero. */
  readonly shown?: string;
  /** The text that it takes where it is given without one. */
  readonly bare?: string;
  /** Not in help. */
  readonly hidden?: boolean;
  /** Needs at least this version of the API; not in help of an older engine. */
  readonly since?: string;
  /** Only where the engine runs so: experimental, in a swarm, on Windows, or where the client itself is experimental. */
  readonly only?: "experimental" | "swarm" | "windows" | "experimental client";
  /** What to use instead. */
  readonly deprecated?: string;
  /** The value after one more occurrence. `given` tells whether there was one before. Errors: Error. */
  parse(text: string, before: T, given: boolean): T;
}

export type Flags = Readonly<Record<string, Flag<unknown>>>;
export type ValueOf<F> = F extends Flag<infer T> ? T : never;
export type Values<F extends Flags> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** What every kind of flag can be told. */
export interface FlagOptions<T> {
  readonly short?: string;
  readonly default?: T;
  /** Help's words for the default where they are not the value. */
  readonly shown?: string;
  readonly hidden?: boolean;
  readonly since?: string;
  readonly only?: Flag<unknown>["only"];
  readonly deprecated?: string;
  /** Throws an Error if the text is not acceptable; what it returns is taken. */
  readonly check?: (text: string) => string;
}

/** A flag without the parts that are absent. */
function flag<T>(
  type: string,
  usage: string,
  o: FlagOptions<T>,
  initial: T,
  shown: string,
  parse: Flag<T>["parse"],
  bare?: string,
): Flag<T> {
  const text = o.shown ?? shown;
  return {
    type,
    usage,
    initial: o.default ?? initial,
    parse,
    ...(text === "" ? {} : { shown: text }),
    ...(o.short === undefined ? {} : { short: o.short }),
    ...(bare === undefined ? {} : { bare }),
    ...(o.hidden === undefined ? {} : { hidden: o.hidden }),
    ...(o.since === undefined ? {} : { since: o.since }),
    ...(o.only === undefined ? {} : { only: o.only }),
    ...(o.deprecated === undefined ? {} : { deprecated: o.deprecated }),
  };
}

export const bool = (usage: string, o: FlagOptions<boolean> = {}): Flag<boolean> =>
  flag("", usage, o, false, o.default === true ? "true" : "", parseBool, "true");

/** A switch that takes words as well: `--type=x`. */
export const string = (usage: string, o: FlagOptions<string> = {}): Flag<string> =>
  flag("string", usage, o, "", o.default === undefined || o.default === "" ? "" : JSON.stringify(o.default), (text) =>
    o.check === undefined ? text : o.check(text),
  );

const number =
  (type: string, parse: (text: string) => number) =>
  (usage: string, o: FlagOptions<number> = {}): Flag<number> =>
    flag(type, usage, o, 0, o.default === undefined || o.default === 0 ? "" : String(o.default), parse);

export const int = number("int", (text) => parseInteger(text, 64));
export const uint = number("uint", (text) => parseUnsigned(text, 64));
export const uint16 = number("uint16", (text) => parseUnsigned(text, 16));
export const uint32 = number("uint32", (text) => parseUnsigned(text, 32));
export const float = number("float", parseFloat64);

/** A number that may be absent: undefined where it was not given. */
export const nullable = <T>(base: Flag<T>): Flag<T | undefined> => ({
  ...base,
  initial: undefined,
  parse: (text) => base.parse(text, base.initial, false),
});

/** Nanoseconds. */
export const duration = (usage: string, o: FlagOptions<number> = {}): Flag<number> => flag("duration", usage, o, 0, "", parseDurationNs);

/** Bytes, from `64m` and the like. `-1` only where `unlimited`. */
export const bytes = (usage: string, o: FlagOptions<number> & { readonly unlimited?: true } = {}): Flag<number> =>
  flag("bytes", usage, o, 0, "", (text) => (o.unlimited === true && text === "-1" ? -1 : ramInBytes(text)));

/** Billionths, from a decimal number such as `1.5`. */
export const decimal = (usage: string, o: FlagOptions<number> = {}): Flag<number> => flag("decimal", usage, o, 0, "", parseRational);

/** May be given several times. */
export const list = (usage: string, o: FlagOptions<readonly string[]> & { readonly type?: string } = {}): Flag<readonly string[]> =>
  flag(o.type ?? "list", usage, o, [], "", (text, before) => [...before, o.check === undefined ? text : o.check(text)]);

/** May be given several times, several items at once separated by commas. The first occurrence replaces the default. */
export const strings = (usage: string, o: FlagOptions<readonly string[]> = {}): Flag<readonly string[]> =>
  flag("strings", usage, o, [], "", (text, before, given) => [...(given ? before : []), ...(text === "" ? [] : readCsv(text))]);

/** `key=value`, several times. */
export const map = (
  usage: string,
  o: FlagOptions<ReadonlyMap<string, string>> & { readonly type?: string } = {},
): Flag<ReadonlyMap<string, string>> =>
  flag(o.type ?? "map", usage, o, new Map(), o.shown ?? "map[]", (text, before) => {
    const [key, value] = cut(o.check === undefined ? text : o.check(text), "=");
    return new Map([...before, [key, value ?? ""]]);
  });

/** Conditions on what is listed: name → values. */
export type FilterValues = Readonly<Record<string, readonly string[]>>;

export const filter = (usage: string, o: FlagOptions<FilterValues> = {}): Flag<FilterValues> =>
  flag<FilterValues>("filter", usage, o, {}, "", (text, before) => {
    if (text === "") return before;
    const [name, value] = cut(text, "=");
    if (value === undefined) throw new Error("bad format of filter (expected name=value)");
    const key = name.trim().toLowerCase();
    const values = before[key] ?? [];
    return { ...before, [key]: values.includes(value.trim()) ? values : [...values, value.trim()] };
  });

/** A kind of its own: the texts as they were given, checked one by one. */
export const custom = <T>(type: string, usage: string, parse: (text: string) => T, o: FlagOptions<readonly T[]> = {}): Flag<readonly T[]> =>
  flag<readonly T[]>(type, usage, o, [], o.shown ?? "", (text, before) => [...before, parse(text)]);

/** The text before and after the first `separator`; undefined after where there is none. */
export function cut(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The fields of one line of comma-separated values. Errors: Error, by the words of Go's encoding/csv. */
export function readCsv(line: string): string[] {
  const fields: string[] = [];
  let at = 0;
  if (line === "") throw new Error("EOF");
  for (;;) {
    if (line[at] === '"') {
      let field = "";
      for (at++; ; at++) {
        const c = line[at];
        if (c === undefined) throw new Error(`parse error on line 1, column ${at + 1}: extraneous or missing " in quoted-field`);
        if (c !== '"') field += c;
        else if (line[at + 1] === '"') field += line[at++];
        else break;
      }
      at++;
      if (at < line.length && line[at] !== ",")
        throw new Error(`parse error on line 1, column ${at}: extraneous or missing " in quoted-field`);
      fields.push(field);
    } else {
      const comma = line.indexOf(",", at);
      const end = comma < 0 ? line.length : comma;
      const field = line.slice(at, end);
      const quote = field.indexOf('"');
      if (quote >= 0) throw new Error(`parse error on line 1, column ${at + quote + 1}: bare " in non-quoted-field`);
      fields.push(field);
      at = end;
    }
    if (at >= line.length) return fields;
    at++;
  }
}

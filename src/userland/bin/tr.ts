/** tr(1) of coreutils 9.1, and busybox tr: translates, squeezes or deletes bytes. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { toByteString } from "../libc/lines.ts";
import { extraOperand } from "../libc/operands.ts";
import { quote } from "../libc/quotearg.ts";

const usage = `tr [OPTION]... STRING1 [STRING2]
Translate, squeeze, or delete characters from standard input, writing to standard output.

  -c, -C, --complement    the complement of STRING1
  -d, --delete            delete the characters of STRING1
  -s, --squeeze-repeats   one of each run of a character of the last STRING
  -t, --truncate-set1     cut STRING1 to the length of STRING2
      --help              show this help and exit

STRINGs may have \\NNN \\\\ \\a \\b \\f \\n \\r \\t \\v, ranges A-Z, [CHAR*] and [CHAR*REPEAT] (in STRING2),
[:alnum:] and the other classes, and [=CHAR=].`;

const busyboxUsage = `tr [-cds] STRING1 [STRING2]

Translate, squeeze, or delete characters from stdin, writing to stdout

\t-c\tTake complement of STRING1
\t-d\tDelete input characters coded STRING1
\t-s\tSqueeze multiple output characters of STRING2 into one character`;

const classes: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[\t ]/,
  cntrl: /[\0-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[\t-\r ]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

const simple: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, "\\": 92 };

interface TrSet {
  readonly bytes: number[];
  /** Where `[c*]` stands: the byte is repeated there to fill up. */
  readonly fill: { readonly at: number; readonly byte: number } | undefined;
  /** Classes other than upper and lower stand in it. */
  readonly classed: boolean;
  /** The positions where [:upper:] or [:lower:] begin. */
  readonly cases: readonly { readonly at: number; readonly name: string }[];
}

/** Errors: UsageError, in the words of tr. */
function parseSet(text: string, second: boolean): TrSet {
  const units: { readonly byte: number; readonly escaped: boolean }[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") {
      units.push({ byte: text.charCodeAt(i), escaped: false });
      continue;
    }
    const octal = /^[0-7]{1,3}/.exec(text.slice(i + 1))?.[0];
    const next = text[i + 1];
    if (octal !== undefined) {
      const digits = Number.parseInt(octal, 8) > 255 ? octal.slice(0, 2) : octal;
      units.push({ byte: Number.parseInt(digits, 8), escaped: true });
      i += digits.length;
    } else if (next === undefined) units.push({ byte: 92, escaped: true });
    else {
      units.push({ byte: simple[next] ?? next.charCodeAt(0), escaped: true });
      i++;
    }
  }
  const is = (at: number, c: string): boolean => units[at]?.byte === c.charCodeAt(0) && units[at]?.escaped === false;
  const bytes: number[] = [];
  const cases: { at: number; name: string }[] = [];
  let fill: { at: number; byte: number } | undefined;
  let classed = false;
  for (let i = 0; i < units.length; ) {
    const unit = units[i] as { byte: number };
    if (is(i, "[") && (is(i + 1, ":") || is(i + 1, "="))) {
      const kind = String.fromCharCode((units[i + 1] as { byte: number }).byte);
      let end = i + 2;
      while (end < units.length - 1 && !(is(end, kind) && is(end + 1, "]"))) end++;
      if (is(end, kind) && is(end + 1, "]")) {
        const name = units
          .slice(i + 2, end)
          .map((u) => String.fromCharCode(u.byte))
          .join("");
        if (kind === ":") {
          const set = classes[name];
          if (set === undefined)
            throw new UsageError(name === "" ? "missing character class name '[::]'" : `invalid character class ${quote(name)}`);
          if (name === "upper" || name === "lower") cases.push({ at: bytes.length, name });
          else classed = true;
          for (let b = 0; b < 128; b++) if (set.test(String.fromCharCode(b))) bytes.push(b);
        } else {
          if (name.length !== 1)
            throw new UsageError(
              name === "" ? "missing equivalence class character '[==]'" : `${name}: equivalence class operand must be a single character`,
            );
          bytes.push(name.charCodeAt(0));
        }
        i = end + 2;
        continue;
      }
    }
    if (is(i, "[") && is(i + 2, "*")) {
      let end = i + 3;
      while (end < units.length && !is(end, "]")) end++;
      const count = units
        .slice(i + 3, end)
        .map((u) => String.fromCharCode(u.byte))
        .join("");
      if (end < units.length && /^[0-9]*$/.test(count)) {
        if (!second) throw new UsageError("the [c*] repeat construct may not appear in string1");
        const byte = (units[i + 1] as { byte: number }).byte;
        const times = count === "" ? 0 : Number.parseInt(count, count.startsWith("0") ? 8 : 10);
        if (times === 0) {
          if (fill !== undefined) throw new UsageError("only one [c*] repeat construct may appear in string2");
          fill = { at: bytes.length, byte };
        } else for (let n = 0; n < times; n++) bytes.push(byte);
        i = end + 1;
        continue;
      }
    }
    const high = units[i + 2];
    if (is(i + 1, "-") && high !== undefined) {
      if (high.byte < unit.byte) {
        const show = (b: number): string => (b < 32 || b > 126 ? `\\${b.toString(8).padStart(3, "0")}` : String.fromCharCode(b));
        throw new UsageError(`range-endpoints of '${show(unit.byte)}-${show(high.byte)}' are in reverse collating sequence order`);
      }
      for (let b = unit.byte; b <= high.byte; b++) bytes.push(b);
      i += 3;
      continue;
    }
    bytes.push(unit.byte);
    i++;
  }
  return { bytes, fill, classed, cases };
}

interface Tables {
  readonly map: Uint8Array | undefined;
  readonly deleted: Uint8Array | undefined;
  readonly squeezed: Uint8Array | undefined;
}

const members = (bytes: readonly number[]): Uint8Array => {
  const table = new Uint8Array(256);
  for (const b of bytes) table[b] = 1;
  return table;
};

function makeTables(
  c: Command,
  set1: TrSet,
  set2: TrSet | undefined,
  flags: { complement: boolean; delete: boolean; squeeze: boolean; truncate: boolean },
): Tables {
  let from = set1.bytes;
  if (flags.complement) {
    const inside = members(from);
    from = Array.from({ length: 256 }, (_, b) => b).filter((b) => inside[b] === 0);
  }
  if (flags.delete)
    return { map: undefined, deleted: members(from), squeezed: flags.squeeze && set2 !== undefined ? members(set2.bytes) : undefined };
  if (set2 === undefined) return { map: undefined, deleted: undefined, squeezed: members(from) };
  if (c.voice === "gnu") checkTranslation(set1, set2, flags.complement);
  let to = [...set2.bytes];
  if (set2.fill !== undefined) {
    const { at, byte } = set2.fill;
    to.splice(at, 0, ...new Array<number>(Math.max(from.length - to.length, 0)).fill(byte));
  }
  if (to.length === 0) {
    if (!flags.truncate && from.length > 0)
      throw new UsageError(c.voice === "gnu" ? "when not truncating set1, string2 must be non-empty" : "STRING2 cannot be empty");
    to = [];
  }
  const map = new Uint8Array(256);
  for (let b = 0; b < 256; b++) map[b] = b;
  const last = to.at(-1) ?? 0;
  const length = flags.truncate ? Math.min(from.length, to.length) : from.length;
  // A byte that stands twice in STRING1 is translated by its last place.
  for (let i = 0; i < length; i++) map[from[i] as number] = to[i] ?? last;
  return { map, deleted: undefined, squeezed: flags.squeeze ? members(to) : undefined };
}

function checkTranslation(set1: TrSet, set2: TrSet, complement: boolean): void {
  if (set2.classed)
    throw new UsageError("when translating, the only character classes that may appear in\nstring2 are 'upper' and 'lower'");
  for (const { at } of set2.cases) {
    if (complement || !set1.cases.some((one) => one.at === at)) throw new UsageError("misaligned [:upper:] and/or [:lower:] construct");
  }
}

function apply(bytes: Uint8Array, tables: Tables, state: { last: number }): Uint8Array {
  const { map, deleted, squeezed } = tables;
  if (map !== undefined && squeezed === undefined) {
    const out = new Uint8Array(bytes.length);
    for (let i = 0; i < bytes.length; i++) out[i] = map[bytes[i] as number] as number;
    return out;
  }
  const out = new Uint8Array(bytes.length);
  let n = 0;
  let last = state.last;
  for (let i = 0; i < bytes.length; i++) {
    let b = bytes[i] as number;
    if (deleted !== undefined && deleted[b] === 1) continue;
    if (map !== undefined) b = map[b] as number;
    if (squeezed !== undefined && b === last && squeezed[b] === 1) continue;
    out[n++] = b;
    last = b;
  }
  state.last = last;
  return out.subarray(0, n);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "+cCdst" : "+Ccdst",
    long: [
      { name: "complement", as: "c" },
      { name: "delete", as: "d" },
      { name: "squeeze-repeats", as: "s" },
      { name: "truncate-set1", as: "t" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const flags = { complement: has("c") || has("C"), delete: has("d"), squeeze: has("s"), truncate: has("t") };
  const [first, second, third] = operands;
  if (first === undefined) throw new UsageError(gnu ? "missing operand" : "");
  const needed = flags.delete === flags.squeeze ? 2 : 1;
  if (operands.length < needed) {
    if (!gnu) throw new UsageError("");
    const why = flags.squeeze
      ? "Two strings must be given when both deleting and squeezing repeats."
      : "Two strings must be given when translating.";
    throw new UsageError(`missing operand after ${quote(first)}\n${why}`);
  }
  const most = flags.delete && !flags.squeeze ? 1 : 2;
  if (operands.length > most) {
    const extra = most === 1 ? (second as string) : (third as string);
    const error = extraOperand(c, extra);
    throw most === 1 && gnu && operands.length === 2
      ? new UsageError(`${error.message}\nOnly one string may be given when deleting without squeezing repeats.`)
      : error;
  }
  let tables: Tables;
  try {
    const set1 = parseSet(toByteString(first), false);
    const set2 = second === undefined ? undefined : parseSet(toByteString(second), true);
    tables = makeTables(c, set1, set2, flags);
  } catch (e) {
    // These are errors of the strings, not of the usage: no hint follows.
    if (e instanceof UsageError) return yield* c.fail(e.message);
    throw e;
  }
  for (const text of [first, second ?? ""]) {
    if (gnu && /(?<!\\)(?:\\\\)*\\$/.test(text)) yield* c.warn("warning: an unescaped backslash at end of string is not portable");
  }
  const state = { last: -1 };
  for (;;) {
    const bytes = yield* c.stdin.read();
    if (bytes === undefined) return 0;
    yield* c.sys.spend(100 + bytes.length * 2);
    yield* c.stdout.write(apply(bytes, tables, state));
  }
}

export const tr: Executable = {
  name: "tr",
  paths: ["/usr/bin/tr"],
  sizeBytes: 56208,
  applet: "/usr/bin/tr",
  main: command({ help: help(usage, busyboxUsage), writeError: { during: (why) => [`write error: ${why}`, "write error"] } }, run),
};

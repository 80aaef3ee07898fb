/**
 * POSIX regular expressions: regcomp(3), regexec(3) as in glibc, leftmost-longest.
 *
 * Two engines run the tree of `regex-syntax.ts`. JavaScript's own RegExp backtracks and takes the first alternative, so it is used
 * alone only where that gives the same answer: where at each character only one continuation is possible (Glushkov's construction is
 * deterministic), or where only single characters repeat and there is no choice. Otherwise it finds *where* the leftmost match begins
 * (both rules agree on that) and re2js, which is linear, finds the longest one there. Where backtracking could explode, re2js does all.
 *
 * Differs from Linux: among equally long matches the groups are those a backtracking search finds first, as in RE2 and Go.
 * Differs from Linux: back-references run on RegExp alone, so alternatives before them are tried in order, not by length.
 */

import { RE2JS } from "re2js";
import {
  type AssertKind,
  type CharSet,
  type ClassName,
  type ParsedRegex,
  parseRegex,
  type RegexNode,
  type SyntaxOptions,
} from "./regex-syntax.ts";

export { isWordChar, RegexError } from "./regex-syntax.ts";

export interface RegexOptions extends SyntaxOptions {
  readonly icase?: boolean | undefined;
  /** REG_NEWLINE: `^` and `$` match at line ends too, and neither `.` nor `[^…]` matches a newline. */
  readonly newline?: boolean | undefined;
  /** The match must be a whole line, or be bounded by non-word characters: grep's -x and -w. */
  readonly whole?: "line" | "word" | undefined;
}

/** The beginning (end) of the text is not the beginning (end) of a line. */
export const REG_NOTBOL = 1;
export const REG_NOTEOL = 2;

export interface Match {
  readonly start: number;
  readonly end: number;
  /** The whole match and the groups; undefined where a group took no part. */
  readonly groups: readonly (string | undefined)[];
}

/** Compiles. Errors: RegexError. */
export function regcomp(pattern: string, options: RegexOptions = {}): Regex {
  const key = `${options.extended ? "E" : "B"}${options.icase ? "i" : ""}${options.newline ? "n" : ""}${options.dialect ?? ""}${options.whole ?? ""}:${pattern}`;
  let regex = cache.get(key);
  if (regex === undefined) {
    regex = new Regex(wrap(parseRegex(pattern, options), options.whole), options);
    if (cache.size >= 500) cache.clear();
    cache.set(key, regex);
  }
  return regex;
}

const cache = new Map<string, Regex>();

function wrap(parsed: ParsedRegex, whole: "line" | "word" | undefined): ParsedRegex {
  if (whole === undefined) return parsed;
  const assert = (kind: AssertKind): RegexNode => ({ type: "assert", kind });
  const [before, after] = whole === "line" ? (["bol", "eol"] as const) : (["noWordBefore", "noWordAfter"] as const);
  return { ...parsed, root: { type: "cat", items: [assert(before), parsed.root, assert(after)] } };
}

type Strategy = "native" | "both" | "re2";

export class Regex {
  readonly groupCount: number;
  readonly warnings: readonly string[];
  private readonly strategy: Strategy;
  private readonly natives: (RegExp | undefined)[] = [];
  private readonly re2s: (RE2JS | undefined)[] = [];

  constructor(
    private readonly parsed: ParsedRegex,
    private readonly options: RegexOptions,
  ) {
    this.groupCount = parsed.groups;
    this.warnings = parsed.warnings;
    this.strategy = chooseStrategy(parsed, options.icase ?? false);
  }

  /** Whether there is a match at or after `from`; what stands before it is seen by `^`, `\b` and the like. */
  test(text: string, from = 0, flags = 0): boolean {
    if (this.strategy === "re2") return this.re2(flags).matcher(text).find(from);
    const native = this.native(flags);
    native.lastIndex = from;
    return native.test(text);
  }

  /** The leftmost-longest match at or after `from`. */
  exec(text: string, from = 0, flags = 0): Match | undefined {
    let start = from;
    if (this.strategy !== "re2") {
      const native = this.native(flags);
      native.lastIndex = from;
      const found = native.exec(text);
      if (found === null) return undefined;
      if (this.strategy === "native") return { start: found.index, end: found.index + found[0].length, groups: found };
      start = found.index;
    }
    const matcher = this.re2(flags).matcher(text);
    if (!matcher.find(start)) return undefined;
    const groups: (string | undefined)[] = [];
    for (let i = 0; i <= this.groupCount; i++) groups.push(matcher.group(i) ?? undefined);
    return { start: matcher.start(), end: matcher.end(), groups };
  }

  private native(flags: number): RegExp {
    let native = this.natives[flags];
    if (native === undefined) {
      native = new RegExp(emit(this.parsed.root, { ...this.emitOptions(flags), target: "native" }), this.options.icase ? "giu" : "gu");
      this.natives[flags] = native;
    }
    return native;
  }

  private re2(flags: number): RE2JS {
    let re2 = this.re2s[flags];
    if (re2 === undefined) {
      const source = emit(this.parsed.root, { ...this.emitOptions(flags), target: "re2" });
      re2 = RE2JS.compile(source, RE2JS.LONGEST_MATCH | (this.options.icase ? RE2JS.CASE_INSENSITIVE : 0));
      this.re2s[flags] = re2;
    }
    return re2;
  }

  private emitOptions(flags: number): Omit<EmitOptions, "target"> {
    return {
      bytes: this.options.dialect === "awk",
      newline: this.options.newline ?? false,
      notBol: (flags & REG_NOTBOL) !== 0,
      notEol: (flags & REG_NOTEOL) !== 0,
    };
  }
}

// ── From the tree to the engines' syntax ─────────────────────────────────────────────────────────────────────────────────────────────

interface EmitOptions {
  readonly target: "native" | "re2";
  readonly bytes: boolean;
  readonly newline: boolean;
  readonly notBol: boolean;
  readonly notEol: boolean;
}

/** Both engines know Unicode's general categories; the ASCII members of each class are exact. */
const classSources: Readonly<Record<ClassName, string>> = {
  alpha: "\\p{L}",
  digit: "0-9",
  alnum: "\\p{L}\\p{Nd}",
  upper: "\\p{Lu}",
  lower: "\\p{Ll}",
  space: "\\t-\\r \u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000",
  blank: "\\t \u1680\u2000-\u2006\u2008-\u200a\u205f\u3000",
  punct: "\\p{P}\\p{S}",
  cntrl: "\u0000-\u001f\u007f-\u009f",
  graph: "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}",
  print: " \\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Zs}",
  xdigit: "0-9A-Fa-f",
};

/** The classes of a dialect that works on bytes: none above 0x7f is a letter. */
const byteClassSources: Readonly<Record<ClassName, string>> = {
  ...classSources,
  alpha: "a-zA-Z",
  alnum: "0-9a-zA-Z",
  upper: "A-Z",
  lower: "a-z",
  space: "\\t-\\r ",
  blank: "\\t ",
  punct: "!-\\/:-@\\[-`\\{-~",
  cntrl: "\u0000-\u001f\u007f",
  graph: "!-~",
  print: " -~",
};

const IN_WORD = "[\\p{L}\\p{Nd}_]";
const NEVER = { native: "(?!)", re2: "[^\\x00-\\x{10FFFF}]" };

function emit(node: RegexNode, o: EmitOptions): string {
  switch (node.type) {
    case "set":
      return emitSet(node.set, o);
    case "cat":
      return node.items.map((item) => (item.type === "alt" ? `(?:${emit(item, o)})` : emit(item, o))).join("");
    case "alt": {
      // A branch that may be empty goes last where that renumbers nothing: the first branch that fits wins in RegExp.
      const items =
        o.target === "native" && canReorder(node) ? [...node.items].sort((a, b) => Number(nullable(a)) - Number(nullable(b))) : node.items;
      return items.map((item) => emit(item, o)).join("|");
    }
    case "group":
      return `(${emit(node.body, o)})`;
    case "repeat": {
      const body = emit(node.body, o);
      const atom = node.body.type === "set" || node.body.type === "group" ? body : `(?:${body})`;
      return atom + emitCount(node.min, node.max, o);
    }
    case "backref":
      return `(?:\\${node.index})`;
    case "assert":
      return emitAssert(node.kind, o);
  }
}

function emitCount(min: number, max: number, o: EmitOptions): string {
  if (max === Number.POSITIVE_INFINITY && min < 2) return min === 0 ? "*" : "+";
  if (min === 0 && max === 1) return "?";
  // re2js refuses counts above 1000. Differs from Linux: such an interval is then cut to 1000 where RegExp alone does not serve.
  const limit = (n: number): number => (o.target === "re2" ? Math.min(n, 1000) : n);
  if (max === Number.POSITIVE_INFINITY) return `{${limit(min)},}`;
  return min === max ? `{${limit(min)}}` : `{${limit(min)},${limit(max)}}`;
}

function emitAssert(kind: (RegexNode & { type: "assert" })["kind"], o: EmitOptions): string {
  const native = o.target === "native";
  switch (kind) {
    case "bol":
      if (!o.newline) return o.notBol ? NEVER[o.target] : native ? "^" : "\\A";
      if (o.notBol) return native ? "(?<=\\n)" : NEVER.re2;
      return native ? "(?<![^\\n])" : "(?m:^)";
    case "eol":
      if (!o.newline) return o.notEol ? NEVER[o.target] : native ? "$" : "\\z";
      if (o.notEol) return native ? "(?=\\n)" : NEVER.re2;
      return native ? "(?![^\\n])" : "(?m:$)";
    case "textStart":
      return native ? "(?<![^])" : "\\A";
    case "textEnd":
      return native ? "(?![^])" : "\\z";
    case "wordEdge":
      return native ? `(?:(?<=${IN_WORD})(?!${IN_WORD})|(?<!${IN_WORD})(?=${IN_WORD}))` : "\\b";
    case "noWordEdge":
      return native ? `(?:(?<=${IN_WORD})(?=${IN_WORD})|(?<!${IN_WORD})(?!${IN_WORD}))` : "\\B";
    case "noWordBefore":
      return native ? `(?<!${IN_WORD})` : "\\b";
    case "noWordAfter":
      return native ? `(?!${IN_WORD})` : "\\b";
    case "wordStart":
      return native ? `(?<!${IN_WORD})(?=${IN_WORD})` : "\\b";
    case "wordEnd":
      return native ? `(?<=${IN_WORD})(?!${IN_WORD})` : "\\b";
  }
}

function emitSet(set: CharSet, o: EmitOptions): string {
  if (set.ranges.length === 0 && set.classes.length === 0) {
    if (!set.negated) return NEVER[o.target];
    return o.newline ? "[^\\n]" : o.target === "native" ? "[^]" : "(?s:.)";
  }
  const only = set.ranges[0];
  if (!set.negated && set.classes.length === 0 && set.ranges.length === 1 && only !== undefined && only[0] === only[1]) {
    return emitChar(only[0]);
  }
  const parts = set.ranges.map(([low, high]) => (low === high ? emitChar(low) : `${emitChar(low)}-${emitChar(high)}`));
  for (const name of set.classes) parts.push((o.bytes ? byteClassSources : classSources)[name]);
  if (set.negated && o.newline) parts.push("\\n");
  return `[${set.negated ? "^" : ""}${parts.join("")}]`;
}

function emitChar(code: number): string {
  if (code === 10) return "\\n";
  const c = String.fromCodePoint(code);
  // A hyphen needs its backslash only inside brackets, and RegExp refuses it elsewhere: both take it as a hexadecimal escape.
  if (c === "-") return "\\x2d";
  return /[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c;
}

// ── Which engine ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The characters of a set, exact for ASCII; for others only whether there may be some. */
interface Mask {
  readonly bits: readonly [number, number, number, number];
  readonly others: boolean;
}

const POSITIONS_MAX = 250;

function chooseStrategy(parsed: ParsedRegex, icase: boolean): Strategy {
  if (parsed.hasBackrefs) return "native";
  if (!/"type":"(?:alt|repeat)"/.test(JSON.stringify(parsed.root))) return "native";
  if (isDeterministic(parsed.root, icase) && !hasBadEmptyBranch(parsed.root)) return "native";
  const loops = countLoops(parsed.root);
  if (loops <= 4 && isSimple(parsed.root)) return "native";
  if (hasWordEnds(parsed.root)) return "native";
  return loops <= 4 && !mayExplode(parsed.root, icase) ? "both" : "re2";
}

/** Only single characters repeat, and there are no alternatives: then the greedy match is the longest. */
function isSimple(node: RegexNode): boolean {
  switch (node.type) {
    case "set":
    case "assert":
      return true;
    case "cat":
      return node.items.every(isSimple);
    case "group":
      return isSimple(node.body);
    case "repeat":
      return node.body.type === "set" || (node.body.type === "group" && node.body.body.type === "set");
    default:
      return false;
  }
}

const children = (node: RegexNode): readonly RegexNode[] =>
  node.type === "cat" || node.type === "alt" ? node.items : node.type === "group" || node.type === "repeat" ? [node.body] : [];

function countLoops(node: RegexNode): number {
  let n = node.type === "repeat" && node.max > 20 ? 1 : 0;
  for (const child of children(node)) n += countLoops(child);
  return n;
}

/** `\<` and `\>` have no exact form in re2js. */
function hasWordEnds(node: RegexNode): boolean {
  return (
    (node.type === "assert" && ["wordStart", "wordEnd", "noWordBefore", "noWordAfter"].includes(node.kind)) ||
    children(node).some(hasWordEnds)
  );
}

/** A repetition of something that is ambiguous in itself, or may be empty: RegExp could take exponential time. */
function mayExplode(node: RegexNode, icase: boolean): boolean {
  if (node.type === "repeat" && node.max > 3 && node.body.type !== "set") {
    if (nullable(node.body) || !isDeterministic({ ...node, min: 0, max: Number.POSITIVE_INFINITY }, icase)) return true;
  }
  return children(node).some((child) => mayExplode(child, icase));
}

function nullable(node: RegexNode): boolean {
  switch (node.type) {
    case "set":
      return false;
    case "cat":
      return node.items.every(nullable);
    case "alt":
      return node.items.some(nullable);
    case "group":
      return nullable(node.body);
    case "repeat":
      return node.min === 0 || nullable(node.body);
    default:
      return true;
  }
}

const hasGroup = (node: RegexNode): boolean => node.type === "group" || children(node).some(hasGroup);
const canReorder = (node: RegexNode & { type: "alt" }): boolean => node.items.some(nullable) && !node.items.some(hasGroup);

/** A branch that may be empty and cannot be moved to the end, or a repeated body that may be empty. */
function hasBadEmptyBranch(node: RegexNode): boolean {
  if (node.type === "alt") {
    const empty = node.items.filter(nullable).length;
    if (empty > 1 || (empty === 1 && !canReorder(node) && !nullable(node.items.at(-1) as RegexNode))) return true;
  }
  if (node.type === "repeat" && node.max > 1 && nullable(node.body)) return true;
  return children(node).some(hasBadEmptyBranch);
}

interface Glushkov {
  readonly nullable: boolean;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** Whether at most one position of the expression can take each next character. */
function isDeterministic(root: RegexNode, icase: boolean): boolean {
  const masks: Mask[] = [];
  const follow: number[][] = [];
  const link = (from: readonly number[], to: readonly number[]): void => {
    for (const f of from) for (const t of to) if (!follow[f]?.includes(t)) follow[f]?.push(t);
  };
  const none: Glushkov = { nullable: true, first: [], last: [] };
  const join = (a: Glushkov, b: Glushkov): Glushkov => {
    link(a.last, b.first);
    return {
      nullable: a.nullable && b.nullable,
      first: a.nullable ? [...a.first, ...b.first] : a.first,
      last: b.nullable ? [...a.last, ...b.last] : b.last,
    };
  };
  const optional = (g: Glushkov): Glushkov => ({ ...g, nullable: true });
  const visit = (node: RegexNode): Glushkov => {
    if (masks.length > POSITIONS_MAX) return none;
    switch (node.type) {
      case "set": {
        masks.push(maskOf(node.set, icase));
        follow.push([]);
        return { nullable: false, first: [masks.length - 1], last: [masks.length - 1] };
      }
      case "cat":
        return node.items.map(visit).reduce(join, none);
      case "alt": {
        const parts = node.items.map(visit);
        return { nullable: parts.some((p) => p.nullable), first: parts.flatMap((p) => p.first), last: parts.flatMap((p) => p.last) };
      }
      case "group":
        return visit(node.body);
      case "repeat":
        return visitRepeat(node);
      default:
        return none;
    }
  };
  const visitRepeat = (node: RegexNode & { type: "repeat" }): Glushkov => {
    const copies = Math.min(node.max === Number.POSITIVE_INFINITY ? Math.max(node.min, 1) : node.max, POSITIONS_MAX);
    let all: Glushkov | undefined;
    let tail: Glushkov | undefined;
    // x{2,4} is x x (x (x)?)?: built from its end.
    for (let i = copies; i >= 1; i--) {
      let part = visit(node.body);
      if (i === copies && node.max === Number.POSITIVE_INFINITY) link(part.last, part.first);
      if (tail !== undefined) part = join(part, tail);
      tail = i > node.min ? optional(part) : part;
      all = tail;
    }
    return all ?? none;
  };
  const whole = visit(root);
  if (masks.length > POSITIONS_MAX) return false;
  return [whole.first, ...follow].every((set) => areDisjoint(set, masks));
}

function areDisjoint(positions: readonly number[], masks: readonly Mask[]): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  let others = false;
  for (const position of positions) {
    const mask = masks[position] as Mask;
    const [e, f, g, h] = mask.bits;
    if (a & e || b & f || c & g || d & h || (others && mask.others)) return false;
    [a, b, c, d] = [a | e, b | f, c | g, d | h];
    others ||= mask.others;
  }
  return true;
}

const asciiClasses: Readonly<Record<ClassName, RegExp>> = {
  alpha: /[A-Za-z]/,
  digit: /[0-9]/,
  alnum: /[A-Za-z0-9]/,
  upper: /[A-Z]/,
  lower: /[a-z]/,
  space: /[\t-\r ]/,
  blank: /[\t ]/,
  punct: /[!-/:-@[-`{-~]/,
  cntrl: /[\0-\x1f\x7f]/,
  graph: /[!-~]/,
  print: /[ -~]/,
  xdigit: /[0-9A-Fa-f]/,
};
const asciiOnly: readonly ClassName[] = ["digit", "xdigit"];

function maskOf(set: CharSet, icase: boolean): Mask {
  const has = (code: number): boolean =>
    set.ranges.some(([low, high]) => code >= low && code <= high) ||
    set.classes.some((name) => asciiClasses[name].test(String.fromCharCode(code)));
  const bits: [number, number, number, number] = [0, 0, 0, 0];
  for (let code = 0; code < 128; code++) {
    const c = String.fromCharCode(code);
    const inside = has(code) || (icase && (has(c.toUpperCase().charCodeAt(0)) || has(c.toLowerCase().charCodeAt(0))));
    if (inside !== set.negated) bits[code >> 5] = (bits[code >> 5] as number) | (1 << (code & 31));
  }
  const others = set.negated || set.ranges.some(([, high]) => high > 127) || set.classes.some((name) => !asciiOnly.includes(name));
  // With REG_ICASE, K and S also meet the Kelvin sign and the long s.
  return { bits, others: others || (icase && (has(0x6b) || has(0x4b) || has(0x73) || has(0x53))) };
}

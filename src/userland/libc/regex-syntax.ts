/**
 * The syntax of POSIX regular expressions: regex(7), with the GNU extensions (`\w \s \b \< \> \` \'`, `\+ \? \|` in basic ones),
 * read into a tree. The words of the errors are those of glibc's regerror(3). `regex.ts` runs the tree.
 *
 * Left out: multi-character collating elements (there are none in the C locales).
 */

/** A regular expression that regcomp(3) refuses. */
export class RegexError {
  constructor(readonly message: string) {}
}

export const classNames = [
  "alpha",
  "digit",
  "alnum",
  "upper",
  "lower",
  "space",
  "blank",
  "punct",
  "cntrl",
  "graph",
  "print",
  "xdigit",
] as const;
export type ClassName = (typeof classNames)[number];

export interface CharSet {
  readonly negated: boolean;
  /** Inclusive code points. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly classes: readonly ClassName[];
}

/** `noWordBefore` and `noWordAfter` have no syntax: they are grep's -w. */
export type AssertKind =
  | "noWordBefore"
  | "noWordAfter"
  | "bol"
  | "eol"
  | "wordEdge"
  | "noWordEdge"
  | "wordStart"
  | "wordEnd"
  | "textStart"
  | "textEnd";

export type RegexNode =
  | { readonly type: "set"; readonly set: CharSet }
  | { readonly type: "cat"; readonly items: readonly RegexNode[] }
  | { readonly type: "alt"; readonly items: readonly RegexNode[] }
  | { readonly type: "repeat"; readonly body: RegexNode; readonly min: number; readonly max: number }
  | { readonly type: "group"; readonly body: RegexNode; readonly index: number }
  | { readonly type: "assert"; readonly kind: AssertKind }
  | { readonly type: "backref"; readonly index: number };

export interface SyntaxOptions {
  readonly extended?: boolean | undefined;
  /**
   * `posix` is regcomp(3); `grep` forgives what GNU grep forgives (a lone `{`, `)`, a leading `*`), with warnings; `sed` also knows
   * `\n \t \xHH …`; `awk` is mawk's: escapes work inside brackets too, and there are no intervals and no GNU operators.
   */
  readonly dialect?: "posix" | "grep" | "sed" | "awk" | undefined;
}

export interface ParsedRegex {
  readonly root: RegexNode;
  readonly groups: number;
  readonly hasBackrefs: boolean;
  readonly warnings: readonly string[];
}

const RE_DUP_MAX = 0x7fff;
const WORD: CharSet = { negated: false, ranges: [[0x5f, 0x5f]], classes: ["alnum"] };
const SPACE: CharSet = { negated: false, ranges: [], classes: ["space"] };
export const ANY: CharSet = { negated: true, ranges: [], classes: [] };
const EMPTY: RegexNode = { type: "cat", items: [] };

export const isWordChar = (char: string): boolean => /[\p{L}\p{Nd}_]/u.test(char);

/** Errors: RegexError in the words of regerror(3), or of mawk for its dialect. */
export function parseRegex(pattern: string, options: SyntaxOptions): ParsedRegex {
  return new Parser(pattern, options).parse();
}

class Parser {
  private readonly chars: readonly string[];
  private readonly extended: boolean;
  private readonly dialect: "posix" | "grep" | "sed" | "awk";
  private at = 0;
  private groups = 0;
  private readonly closed = new Set<number>();
  private hasBackrefs = false;
  private readonly warnings: string[] = [];

  constructor(pattern: string, options: SyntaxOptions) {
    this.chars = pattern.length === 0 ? [] : Array.from(pattern);
    this.dialect = options.dialect ?? "posix";
    this.extended = (options.extended ?? false) || this.dialect === "awk";
  }

  parse(): ParsedRegex {
    const root = this.alternatives(0);
    if (this.at < this.chars.length) throw new RegexError("Unmatched ) or \\)");
    return { root, groups: this.groups, hasBackrefs: this.hasBackrefs, warnings: this.warnings };
  }

  private peek(ahead = 0): string | undefined {
    return this.chars[this.at + ahead];
  }

  /** Whether the operator `op` stands here, written bare in extended and with a backslash in basic expressions. */
  private sees(op: string): boolean {
    if (this.extended) return this.peek() === op;
    return this.peek() === "\\" && this.peek(1) === op;
  }

  private skipOp(): void {
    this.at += this.extended ? 1 : 2;
  }

  private alternatives(depth: number): RegexNode {
    const items = [this.branch(depth)];
    while (this.sees("|")) {
      this.skipOp();
      items.push(this.branch(depth));
    }
    return items.length === 1 ? (items[0] as RegexNode) : { type: "alt", items };
  }

  private branch(depth: number): RegexNode {
    const items: RegexNode[] = [];
    while (this.at < this.chars.length && !this.sees("|")) {
      if (this.sees(")")) {
        if (depth > 0) break;
        if (!(this.extended && (this.dialect === "grep" || this.dialect === "awk"))) break;
      }
      const atom = this.atom(depth, items);
      if (atom !== undefined) items.push(this.repeats(atom));
    }
    if (items.length === 0 && this.dialect === "awk") {
      if (depth > 0 || this.at < this.chars.length || this.chars[this.at - 1] === "|") throw new RegexError("missing operand");
    }
    return items.length === 1 ? (items[0] as RegexNode) : { type: "cat", items };
  }

  /** One atom; undefined where a forgiven operator was skipped. `before` is what the branch has so far. */
  private atom(depth: number, before: readonly RegexNode[]): RegexNode | undefined {
    const c = this.chars[this.at] as string;
    const first = before.length === 0;
    if (this.sees("(")) return this.group(depth);
    if (c === "[") return this.bracket();
    if (c === ".") {
      this.at++;
      return { type: "set", set: ANY };
    }
    if (c === "^" && (this.extended || first)) {
      this.at++;
      return { type: "assert", kind: "bol" };
    }
    if (c === "$" && (this.extended || this.endsBranch())) {
      this.at++;
      return { type: "assert", kind: "eol" };
    }
    const afterAnchor = first || (before.length === 1 && isBol(before[0]));
    if (this.extended) {
      if (c === "*" || c === "+" || c === "?" || (c === "{" && this.dialect !== "awk")) return this.strayRepeat(c);
    } else if (c === "\\" && afterAnchor && this.peek(1) === "{") {
      if (this.dialect !== "grep") throw new RegexError("Invalid preceding regular expression");
      this.at += 2;
      return char("{");
    }
    if (c === "\\") return this.escape();
    this.at++;
    return char(c);
  }

  /** A `*` with nothing before it, in an extended expression. */
  private strayRepeat(c: string): RegexNode | undefined {
    if (this.dialect === "awk") throw new RegexError("missing operand");
    if (c === "{") {
      if (this.dialect === "grep") {
        if (this.interval(1) !== undefined) this.warnings.push("{...} at start of expression");
        this.at++;
        return char("{");
      }
    } else if (this.dialect === "grep") {
      this.warnings.push(`${c} at start of expression`);
      this.at++;
      return undefined;
    }
    throw new RegexError("Invalid preceding regular expression");
  }

  private endsBranch(): boolean {
    const next = this.peek(1);
    return next === undefined || (next === "\\" && (this.peek(2) === ")" || this.peek(2) === "|"));
  }

  private group(depth: number): RegexNode {
    this.skipOp();
    const index = ++this.groups;
    const body = this.alternatives(depth + 1);
    if (!this.sees(")")) throw new RegexError(this.dialect === "awk" ? "missing ')'" : "Unmatched ( or \\(");
    this.skipOp();
    this.closed.add(index);
    return { type: "group", body, index };
  }

  private repeats(atom: RegexNode): RegexNode {
    let node = atom;
    for (;;) {
      const c = this.peek();
      let min = 0;
      let max = Number.POSITIVE_INFINITY;
      const anchored = !this.extended && isBol(node);
      if (c === "*" && !anchored) this.at++;
      else if (this.sees("+") && this.dialect !== "awk" ? !anchored : c === "+" && this.extended) {
        min = 1;
        this.skipOp();
      } else if (this.sees("?") && !anchored) {
        max = 1;
        this.skipOp();
      } else if (this.sees("{") && this.dialect !== "awk" && !anchored) {
        const interval = this.interval(this.extended ? 1 : 2);
        if (interval === undefined) return node;
        [min, max] = [interval.min, interval.max];
        this.at = interval.end;
      } else return node;
      if (this.extended && isBol(node)) {
        if (this.dialect === "grep") {
          this.warnings.push(`${c} at start of expression`);
          continue;
        }
        if (this.dialect !== "awk") throw new RegexError("Invalid preceding regular expression");
      }
      node = max === 0 ? EMPTY : repeat(node, min, max);
    }
  }

  /** The interval that begins `skip` characters ahead; undefined where GNU grep takes the brace for itself. */
  private interval(skip: number): { min: number; max: number; end: number } | undefined {
    const close = this.extended ? "}" : "\\}";
    let end = this.at + skip;
    const number = (): number | undefined => {
      let digits = "";
      while (/^[0-9]$/.test(this.chars[end] ?? "")) digits += this.chars[end++];
      return digits === "" ? undefined : Number(digits);
    };
    const lower = number();
    let upper = lower;
    let comma = false;
    if (this.chars[end] === ",") {
      comma = true;
      end++;
      upper = number();
    }
    const closed = this.extended ? this.chars[end] === close : this.chars[end] === "\\" && this.chars[end + 1] === "}";
    if (!closed || (lower === undefined && !comma)) {
      if (this.dialect === "grep" && this.extended) return undefined;
      throw new RegexError(this.chars.slice(end).join("").includes(close) ? "Invalid content of \\{\\}" : "Unmatched \\{");
    }
    const min = lower ?? 0;
    const max = comma ? (upper ?? Number.POSITIVE_INFINITY) : min;
    if (max < min) throw new RegexError("Invalid content of \\{\\}");
    if (min > RE_DUP_MAX || (max !== Number.POSITIVE_INFINITY && max > RE_DUP_MAX)) throw new RegexError("Regular expression too big");
    return { min, max, end: end + (this.extended ? 1 : 2) };
  }

  private escape(): RegexNode {
    const next = this.peek(1);
    if (next === undefined) {
      if (this.dialect === "awk") {
        this.at++;
        return char("\\");
      }
      throw new RegexError("Trailing backslash");
    }
    if (this.dialect === "awk") return char(this.awkEscape());
    this.at += 2;
    const special = gnuEscapes[next];
    if (special !== undefined) return special;
    if (next >= "1" && next <= "9") {
      const index = Number(next);
      if (!this.closed.has(index)) throw new RegexError("Invalid back reference");
      this.hasBackrefs = true;
      return { type: "backref", index };
    }
    if (next === "{" && !this.extended) return char("{");
    if (this.dialect === "sed") {
      this.at -= 2;
      const value = this.sedEscape();
      if (value !== undefined) return char(value);
      this.at += 2;
    }
    return char(next);
  }

  /** `\n \t \dNNN …` of GNU sed; undefined (and nothing read) where it is none. */
  private sedEscape(): string | undefined {
    const next = this.peek(1) ?? "";
    const simple = simpleEscapes[next];
    if (simple !== undefined && next !== "b") {
      this.at += 2;
      return simple;
    }
    const found = sedNumericEscape(this.chars.slice(this.at, this.at + 5).join(""));
    if (found === undefined) return undefined;
    this.at += found.length;
    return found.value;
  }

  private awkEscape(): string {
    const next = this.peek(1) as string;
    const simple = simpleEscapes[next];
    this.at += 2;
    if (simple !== undefined) return simple;
    if (next >= "0" && next <= "7") {
      let digits = next;
      while (digits.length < 3 && /^[0-7]$/.test(this.peek() ?? "")) digits += this.chars[this.at++];
      return String.fromCharCode(Number.parseInt(digits, 8) & 0xff);
    }
    return next;
  }

  private bracket(): RegexNode {
    const start = this.at;
    const text = this.chars;
    const awk = this.dialect === "awk";
    const unmatched = (): RegexError => new RegexError(awk ? "bad class -- [], [^] or [" : "Unmatched [, [^, [:, [., or [=");
    let at = start + 1;
    const negated = text[at] === "^";
    if (negated) at++;
    const ranges: [number, number][] = [];
    const classes: ClassName[] = [];
    const first = at;
    /** One element; a class gives undefined. */
    const element = (): number | undefined => {
      const c = text[at] as string;
      if (c === "[" && (text[at + 1] === ":" || text[at + 1] === "." || text[at + 1] === "=")) {
        const kind = text[at + 1] as string;
        let end = at + 2;
        while (end < text.length && !(text[end] === kind && text[end + 1] === "]")) end++;
        if (end >= text.length) throw unmatched();
        const name = text.slice(at + 2, end);
        at = end + 2;
        if (kind === ":") {
          const known = classNames.find((n) => n === name.join(""));
          if (known === undefined) throw awk ? unmatched() : new RegexError("Invalid character class name");
          classes.push(known);
          return undefined;
        }
        if (name.length !== 1) throw new RegexError("Invalid collation character");
        return codeOf(name[0] as string);
      }
      if (c === "\\" && (awk || this.dialect === "sed") && at + 1 < text.length) {
        this.at = at;
        const value = awk ? this.awkEscape() : this.sedEscape();
        if (value !== undefined) {
          at = this.at;
          return codeOf(value);
        }
      }
      at++;
      return codeOf(c);
    };
    while (at < text.length && (text[at] !== "]" || at === first)) {
      const low = element();
      if (low === undefined) continue;
      if (text[at] === "-" && text[at + 1] !== undefined && text[at + 1] !== "]") {
        at++;
        const high = element();
        if (high === undefined) throw new RegexError("Invalid range end");
        if (high < low && !awk) throw new RegexError("Invalid range end");
        ranges.push(high < low ? [high, low] : [low, high]);
      } else ranges.push([low, low]);
    }
    if (at >= text.length) throw unmatched();
    this.at = at + 1;
    const body = text.slice(start + 1, at);
    if (!negated && this.dialect !== "awk" && this.dialect !== "posix" && body.length > 2 && body[0] === ":" && body.at(-1) === ":")
      throw new RegexError("character class syntax is [[:space:]], not [:space:]");
    return { type: "set", set: { negated, ranges, classes } };
  }
}

const simpleEscapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  f: "\f",
  v: "\v",
  a: "\x07",
  b: "\b",
};

/** `\dNNN`, `\oNNN`, `\xHH` and `\cX` of GNU sed at the start of `text`. */
export function sedNumericEscape(text: string): { value: string; length: number } | undefined {
  const found = /^\\(?:d([0-9]{3})|o([0-7]{3})|x([0-9a-fA-F]{2})|c([\s\S]))/.exec(text);
  if (found === null) return undefined;
  const [all, dec, oct, hex, control] = found;
  if (control !== undefined) return { value: String.fromCharCode(control.toUpperCase().charCodeAt(0) ^ 0x40), length: all.length };
  const code = dec !== undefined ? Number(dec) : oct !== undefined ? Number.parseInt(oct, 8) : Number.parseInt(hex ?? "", 16);
  // A byte above 0x7f is no character of its own in UTF-8: it stays the byte (see utf8.ts).
  return { value: String.fromCharCode((code & 0xff) < 0x80 ? code & 0xff : 0xdc00 + (code & 0xff)), length: all.length };
}

const assert = (kind: AssertKind): RegexNode => ({ type: "assert", kind });
const gnuEscapes: Readonly<Record<string, RegexNode>> = {
  w: { type: "set", set: WORD },
  W: { type: "set", set: { ...WORD, negated: true } },
  s: { type: "set", set: SPACE },
  S: { type: "set", set: { ...SPACE, negated: true } },
  b: assert("wordEdge"),
  B: assert("noWordEdge"),
  "<": assert("wordStart"),
  ">": assert("wordEnd"),
  "`": assert("textStart"),
  "'": assert("textEnd"),
};

const codeOf = (c: string): number => c.codePointAt(0) as number;
const char = (c: string): RegexNode => ({ type: "set", set: { negated: false, ranges: [[codeOf(c), codeOf(c)]], classes: [] } });
const isBol = (node: RegexNode | undefined): boolean => node?.type === "assert" && node.kind === "bol";

/** A repetition; one of a repetition of a single character is folded, so that `a**` costs what `a*` does. */
function repeat(body: RegexNode, min: number, max: number): RegexNode {
  if (body.type === "assert") return min === 0 ? EMPTY : body;
  if (body.type === "repeat" && body.min <= 1 && min <= 1) {
    const single = (body.max === 1 || body.max === Number.POSITIVE_INFINITY) && (max === 1 || max === Number.POSITIVE_INFINITY);
    if (single) return { type: "repeat", body: body.body, min: body.min * min, max: Math.max(body.max, max) };
  }
  return { type: "repeat", body, min, max };
}

/**
 * Shell arithmetic: bash's expr.c and dash's arith_yacc.c. An expression is compiled once to closures; the texts of
 * errors, with bash's "error token", are those of the flavour that is spoken.
 */

import {
  add,
  bitAnd,
  bitNot,
  bitOr,
  bitXor,
  divide,
  type Int,
  multiply,
  negate,
  parseDigits,
  power,
  remainder,
  shiftLeft,
  shiftRight,
  subtract,
} from "./integer.ts";

/** What an expression needs of the shell around it. */
export interface ArithmeticScope {
  /** The value as an integer; evaluates the text of the variable as an expression where it is not a plain number. */
  getInt(name: string, subscript: string | undefined): Int;
  setInt(name: string, subscript: string | undefined, value: Int): void;
}

export type Evaluate = (scope: ArithmeticScope) => Int;

/** A failed expression: message as in bash, and the text from the offending token on. */
export class ArithmeticError extends Error {
  constructor(
    readonly words: string,
    readonly token: string,
    readonly dashWords: string,
    /** What bash shows as the expression, where that is not the whole. */
    readonly shown?: string,
  ) {
    super(words);
  }
}

interface Target {
  readonly name: string;
  readonly subscript: string | undefined;
}

type Token =
  | { readonly kind: "number"; readonly value: Int }
  | { readonly kind: "name"; readonly name: string; readonly subscript: string | undefined }
  | { readonly kind: "op"; readonly op: string }
  | { readonly kind: "bad" }
  | { readonly kind: "end" };

/** What dash does not know. */
const BASH_ONLY = new Set(["**", "++", "--"]);
const OPERATORS = [
  "<<=",
  ">>=",
  "**",
  "++",
  "--",
  "<<",
  ">>",
  "<=",
  ">=",
  "==",
  "!=",
  "&&",
  "||",
  "+=",
  "-=",
  "*=",
  "/=",
  "%=",
  "&=",
  "^=",
  "|=",
];
const SINGLE = "+-*/%<>=!~&|^?:,()";

const binary: Readonly<Record<string, (a: Int, b: Int) => Int>> = {
  "+": add,
  "-": subtract,
  "*": multiply,
  "<<": shiftLeft,
  ">>": shiftRight,
  "&": bitAnd,
  "|": bitOr,
  "^": bitXor,
  "<": (a, b) => (a < b ? 1 : 0),
  ">": (a, b) => (a > b ? 1 : 0),
  "<=": (a, b) => (a <= b ? 1 : 0),
  ">=": (a, b) => (a >= b ? 1 : 0),
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint never equals a number by identity, and both are normalised.
  "==": (a, b) => (a == b ? 1 : 0),
  // biome-ignore lint/suspicious/noDoubleEquals: as above.
  "!=": (a, b) => (a != b ? 1 : 0),
};

const LEVELS: readonly (readonly string[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];

class Parser {
  private at = 0;
  private tokenStart = 0;
  /** Start of the last token that is not the end, for error messages (`lasttp` of expr.c). */
  private lastStart = 0;
  private token: Token = { kind: "end" };

  constructor(
    private readonly text: string,
    private readonly posix: boolean,
  ) {
    this.next();
  }

  parse(): Evaluate {
    if (this.kind() === "end") return () => 0;
    const e = this.comma();
    const rest = this.kind();
    if (rest === "bad") throw this.error("syntax error: invalid arithmetic operator", "expecting EOF");
    if (rest !== "end") throw this.error("syntax error in expression", "expecting EOF");
    return e;
  }

  private kind(): Token["kind"] {
    return this.token.kind;
  }

  private error(words: string, dashWords: string, from = this.lastStart): ArithmeticError {
    return new ArithmeticError(words, this.text.slice(from), dashWords);
  }

  private next(): void {
    const { text } = this;
    while (this.at < text.length && " \t\n\r".includes(text[this.at] as string)) this.at++;
    const start = this.at;
    this.tokenStart = start;
    if (start >= text.length) {
      this.token = { kind: "end" };
      return;
    }
    this.lastStart = start;
    const c = text[start] as string;
    if (/[A-Za-z_]/.test(c)) {
      while (this.at < text.length && /[A-Za-z0-9_]/.test(text[this.at] as string)) this.at++;
      const name = text.slice(start, this.at);
      this.token = { kind: "name", name, subscript: text[this.at] === "[" ? this.subscript() : undefined };
      return;
    }
    if (c >= "0" && c <= "9") {
      while (this.at < text.length && /[A-Za-z0-9_#@]/.test(text[this.at] as string)) this.at++;
      this.token = { kind: "number", value: this.number(text.slice(start, this.at)) };
      return;
    }
    for (const op of OPERATORS) {
      if (!text.startsWith(op, start) || (this.posix && BASH_ONLY.has(op))) continue;
      this.at += op.length;
      this.token = { kind: "op", op };
      return;
    }
    if (!SINGLE.includes(c)) {
      this.token = { kind: "bad" };
      return;
    }
    this.at++;
    this.token = { kind: "op", op: c };
  }

  private subscript(): string {
    let depth = 0;
    const start = this.at + 1;
    for (; this.at < this.text.length; this.at++) {
      const c = this.text[this.at];
      if (c === "[") depth++;
      else if (c === "]" && --depth === 0) return this.text.slice(start, this.at++);
    }
    throw this.error("bad array subscript", "expecting primary");
  }

  private number(text: string): Int {
    const bad = (words: string): ArithmeticError =>
      new ArithmeticError(words, text, "expecting EOF", this.text.slice(0, this.at).trimStart());
    const hash = text.indexOf("#");
    let value: Int | undefined;
    if (hash > 0) {
      const base = Number(text.slice(0, hash));
      if (!Number.isInteger(base) || base < 2 || base > 64) throw bad("invalid arithmetic base");
      if (hash === text.length - 1) throw bad("invalid integer constant");
      value = parseDigits(text.slice(hash + 1), base);
    } else if (/^0[xX]/.test(text)) value = parseDigits(text.slice(2), 16);
    else if (text.length > 1 && text[0] === "0") value = parseDigits(text.slice(1), 8);
    else value = parseDigits(text, 10);
    if (value === undefined) throw bad("value too great for base");
    return value;
  }

  private isOp(op: string): boolean {
    return this.token.kind === "op" && this.token.op === op;
  }

  private comma(): Evaluate {
    let left = this.assignment();
    while (this.isOp(",") && !this.posix) {
      this.next();
      const before = left;
      const right = this.assignment();
      left = (s) => {
        before(s);
        return right(s);
      };
    }
    return left;
  }

  private assignment(): Evaluate {
    const token = this.token;
    if (token.kind !== "name") {
      const e = this.conditional();
      if (this.token.kind === "op" && /^([-+*/%&^|]|<<|>>)?=$/.test(this.token.op))
        throw this.error("attempted assignment to non-variable", "expecting EOF");
      return e;
    }
    const saved = [this.at, this.tokenStart, this.lastStart] as const;
    this.next();
    const op = this.token.kind === "op" ? this.token.op : "";
    if (!/^([-+*/%&^|]|<<|>>)?=$/.test(op)) {
      [this.at, this.tokenStart, this.lastStart] = saved;
      this.token = token;
      return this.conditional(true);
    }
    this.next();
    const operandStart = this.tokenStart;
    const value = this.assignment();
    const { name, subscript } = token;
    if (op === "=")
      return (s) => {
        const v = value(s);
        s.setInt(name, subscript, v);
        return v;
      };
    const operate = this.operation(op.slice(0, -1), operandStart);
    return (s) => {
      const old = s.getInt(name, subscript);
      const v = operate(old, value(s));
      s.setInt(name, subscript, v);
      return v;
    };
  }

  private operation(op: string, operandStart: number): (a: Int, b: Int) => Int {
    if (op === "/" || op === "%") {
      const fail = this.error("division by 0", "division by zero", operandStart);
      const calculate = op === "/" ? divide : remainder;
      return (a, b) => {
        if (b === 0) throw fail;
        return calculate(a, b);
      };
    }
    return binary[op] as (a: Int, b: Int) => Int;
  }

  private conditional(afterName = false): Evaluate {
    const test = this.or();
    if (this.isOp("?")) {
      this.next();
      if (this.isOp(":")) throw this.error("expression expected", "expecting primary");
      const yes = this.comma();
      if (!this.isOp(":")) throw this.error("`:' expected for conditional expression", "expecting ':'");
      this.next();
      if (this.token.kind === "end") throw this.error("expression expected", "expecting primary");
      const no = this.conditional();
      return (s) => (test(s) !== 0 ? yes(s) : no(s));
    }
    if (afterName && this.token.kind === "op" && /^([-+*/%&^|]|<<|>>)?=$/.test(this.token.op))
      throw this.error("attempted assignment to non-variable", "expecting EOF");
    return test;
  }

  private or(): Evaluate {
    let left = this.and();
    while (this.isOp("||")) {
      this.next();
      const a = left;
      const b = this.and();
      left = (s) => (a(s) !== 0 || b(s) !== 0 ? 1 : 0);
    }
    return left;
  }

  private and(): Evaluate {
    let left = this.level(0);
    while (this.isOp("&&")) {
      this.next();
      const a = left;
      const b = this.level(0);
      left = (s) => (a(s) !== 0 && b(s) !== 0 ? 1 : 0);
    }
    return left;
  }

  private level(n: number): Evaluate {
    const ops = LEVELS[n];
    if (ops === undefined) return this.exponent();
    let left = this.level(n + 1);
    while (this.token.kind === "op" && ops.includes(this.token.op)) {
      const op = this.token.op;
      this.next();
      const start = this.tokenStart;
      const a = left;
      const b = this.level(n + 1);
      const operate = this.operation(op, start);
      left = (s) => operate(a(s), b(s));
    }
    return left;
  }

  private exponent(): Evaluate {
    const base = this.unary();
    if (!this.isOp("**")) return base;
    this.next();
    const exponent = this.exponent();
    const fail = this.error("exponent less than 0", "expecting primary");
    return (s) => {
      const a = base(s);
      const b = exponent(s);
      if (b < 0) throw fail;
      return power(a, b);
    };
  }

  private unary(): Evaluate {
    if (this.token.kind === "op") {
      const op = this.token.op;
      if (op === "!" || op === "~" || op === "-" || op === "+") {
        this.next();
        const e = this.unary();
        if (op === "!") return (s) => (e(s) === 0 ? 1 : 0);
        if (op === "~") return (s) => bitNot(e(s));
        return op === "-" ? (s) => negate(e(s)) : e;
      }
      if (op === "++" || op === "--") return this.prefix(op);
    }
    return this.primary();
  }

  private prefix(op: "++" | "--"): Evaluate {
    this.next();
    const token = this.token;
    if (token.kind === "name") {
      this.next();
      return step(token, op === "++" ? 1 : -1, true);
    }
    // `--5` is a double negation, as in bash.
    const e = this.unary();
    return e;
  }

  private primary(): Evaluate {
    const token = this.token;
    if (token.kind === "number") {
      this.next();
      const { value } = token;
      return () => value;
    }
    if (token.kind === "name") {
      this.next();
      if (this.token.kind === "op" && (this.token.op === "++" || this.token.op === "--")) {
        const delta = this.token.op === "++" ? 1 : -1;
        this.next();
        return step(token, delta, false);
      }
      const { name, subscript } = token;
      return (s) => s.getInt(name, subscript);
    }
    if (this.isOp("(")) {
      this.next();
      const e = this.comma();
      if (!this.isOp(")")) throw this.error("missing `)'", "expecting ')'");
      this.next();
      return e;
    }
    throw this.error("syntax error: operand expected", "expecting primary");
  }
}

function step(target: Target, delta: number, before: boolean): Evaluate {
  const { name, subscript } = target;
  return (s) => {
    const old = s.getInt(name, subscript);
    const value = add(old, delta);
    s.setInt(name, subscript, value);
    return before ? value : old;
  };
}

const cache = new Map<string, Evaluate>();
const CACHE_ENTRIES = 2000;

/** Compiles an expression; the same text is compiled once. Throws ArithmeticError. */
export function compileArithmetic(text: string, posix = false): Evaluate {
  const key = posix ? `posix ${text}` : text;
  let found = cache.get(key);
  if (found === undefined) {
    if (/^[0-9]{1,15}$/.test(text) && (text.length === 1 || text[0] !== "0")) {
      const value = Number(text);
      return () => value;
    }
    found = new Parser(text, posix).parse();
    if (cache.size >= CACHE_ENTRIES) cache.clear();
    cache.set(key, found);
  }
  return found;
}

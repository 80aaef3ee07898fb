/** Expressions of awk, from the loosest binding to the tightest; `parser.ts` has the statements. */

import type { Voice } from "../../abi/sys.ts";
import type { BinaryOperator, Expr, FunctionDefinition, LValue } from "./ast.ts";
import { AwkSyntaxError, Lexer, type Token } from "./lexer.ts";

const comparisons = new Set(["<", "<=", "==", "!=", ">", ">="]);
const assignments: Readonly<Record<string, BinaryOperator | "=">> = {
  "=": "=",
  "+=": "+",
  "-=": "-",
  "*=": "*",
  "/=": "/",
  "%=": "%",
  "^=": "^",
};
export const isLValue = (e: Expr): e is LValue => e.type === "var" || e.type === "field" || e.type === "element";

export class ExpressionParser {
  protected readonly lexer: Lexer;
  protected token: Token;
  protected readonly functions = new Map<string, FunctionDefinition>();
  protected readonly calls: { name: string; line: number }[] = [];
  /** In the arguments of a print without parentheses `>` is a redirection. */
  protected noGreater = false;
  protected inFunction = false;
  protected inMain = false;

  constructor(
    source: string,
    protected readonly voice: Voice,
  ) {
    this.lexer = new Lexer(source, voice);
    this.token = this.lexer.next(true);
  }

  // ── Tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Goes on. After an operand a slash is a division. */
  protected advance(operand = true): Token {
    const token = this.token;
    this.token = this.lexer.next(operand);
    return token;
  }

  protected is(text: string): boolean {
    return this.token.kind === "operator" && this.token.text === text;
  }

  protected isKeyword(text: string): boolean {
    return this.token.kind === "keyword" && this.token.text === text;
  }

  /** The present token's kind, for where the compiler believes that it is still the one tested before. */
  protected get kind(): Token["kind"] {
    return this.token.kind;
  }

  protected error(): AwkSyntaxError {
    const { kind, text, line } = this.token;
    if (this.voice === "busybox") return new AwkSyntaxError("Unexpected token", line);
    if (kind === "end") return new AwkSyntaxError("missing } near end of file", line + 1);
    const shown = kind === "newline" ? "end of line" : kind === "string" ? `"${text}"` : kind === "regex" ? `/${text}/` : text;
    return new AwkSyntaxError(`syntax error at or near ${shown}`, line);
  }

  protected expect(text: string, operand = true): void {
    if (!this.is(text)) throw this.error();
    this.advance(operand);
  }

  protected skipNewlines(): void {
    while (this.token.kind === "newline") this.advance();
  }

  protected skipTerminators(): void {
    while (this.token.kind === "newline" || this.is(";")) this.advance();
  }

  // ── Expressions, from the loosest binding to the tightest ──────────────────────────────────────────────────────────

  protected expression(): Expr {
    const left = this.ternary();
    const operator = this.token.kind === "operator" ? assignments[this.token.text] : undefined;
    if (operator === undefined || !isLValue(left)) return left;
    this.advance();
    this.skipNewlines();
    return { type: "assign", operator, target: left, value: this.expression() };
  }

  private ternary(): Expr {
    const test = this.or();
    if (!this.is("?")) return test;
    this.advance();
    this.skipNewlines();
    const yes = this.expression();
    this.skipNewlines();
    this.expect(":");
    this.skipNewlines();
    return { type: "cond", test, yes, no: this.expression() };
  }

  private or(): Expr {
    let left = this.and();
    while (this.is("||")) {
      this.advance();
      this.skipNewlines();
      left = { type: "or", left, right: this.and() };
    }
    return left;
  }

  private and(): Expr {
    let left = this.membership();
    while (this.is("&&")) {
      this.advance();
      this.skipNewlines();
      left = { type: "and", left, right: this.membership() };
    }
    return left;
  }

  private membership(): Expr {
    let left = this.matching();
    while (this.isKeyword("in")) {
      this.advance();
      if (this.token.kind !== "name") throw this.error();
      const name = this.advance(false).text;
      const list = (left as Expr & { readonly list?: readonly Expr[] }).list;
      left = { type: "in", name, subscripts: list ?? [left] };
    }
    return left;
  }

  private matching(): Expr {
    let left = this.comparison();
    while (this.is("~") || this.is("!~")) {
      const negated = this.advance().text === "!~";
      left = { type: "match", negated, left, right: this.comparison() };
    }
    return left;
  }

  private comparison(): Expr {
    let left = this.concatenation(true);
    for (;;) {
      if (this.token.kind === "operator" && comparisons.has(this.token.text) && !(this.noGreater && this.is(">"))) {
        const operator = this.advance().text as BinaryOperator;
        left = { type: "binary", operator, left, right: this.concatenation(true) };
      } else return left;
    }
  }

  /** `cmd | getline` binds here: the command is a whole concatenation. */
  protected concatenation(pipes: boolean): Expr {
    let left = this.additive();
    for (;;) {
      if (pipes && this.is("|")) {
        const piped = this.pipedGetline(left);
        if (piped === undefined) return left;
        left = piped;
      } else if (this.startsOperand()) left = { type: "binary", operator: "concat", left, right: this.additive() };
      else return left;
    }
  }

  /** `| getline [lvalue]`; undefined where the pipe is an output redirection. */
  private pipedGetline(command: Expr): Expr | undefined {
    if (!this.lexer.isBeforeGetline()) return undefined;
    this.advance();
    this.advance(false);
    return { type: "getline", from: "command", source: command, target: this.optionalLValue() };
  }

  private startsOperand(): boolean {
    switch (this.token.kind) {
      case "number":
      case "string":
      case "name":
      case "function":
      case "builtin":
      case "regex":
        return true;
      case "operator":
        return ["$", "!", "(", "++", "--"].some((t) => this.is(t));
      default:
        return false;
    }
  }

  private additive(): Expr {
    let left = this.multiplicative();
    while (this.is("+") || this.is("-")) {
      const operator = this.advance().text as BinaryOperator;
      left = { type: "binary", operator, left, right: this.multiplicative() };
    }
    return left;
  }

  private multiplicative(): Expr {
    let left = this.unary();
    while (this.is("*") || this.is("/") || this.is("%")) {
      const operator = this.advance().text as BinaryOperator;
      left = { type: "binary", operator, left, right: this.unary() };
    }
    return left;
  }

  private unary(): Expr {
    if (this.is("!")) {
      this.advance();
      return { type: "not", operand: this.unary() };
    }
    if (this.is("-")) {
      this.advance();
      return { type: "negate", operand: this.unary() };
    }
    if (this.is("+")) {
      this.advance();
      return { type: "plus", operand: this.unary() };
    }
    return this.power();
  }

  private power(): Expr {
    const left = this.postfix();
    if (!this.is("^")) return left;
    this.advance();
    // 2^-3 and 2^3^2: the right side may have a sign, and binds to the right.
    const sign = this.is("-") || this.is("+") || this.is("!") ? this.unary() : this.power();
    return { type: "binary", operator: "^", left, right: sign };
  }

  private postfix(): Expr {
    if (this.is("++") || this.is("--")) {
      const delta = this.advance().text === "++" ? 1 : -1;
      const target = this.primary();
      if (!isLValue(target)) throw this.error();
      return { type: "increment", target, delta, prefix: true };
    }
    const operand = this.primary();
    if (isLValue(operand) && (this.is("++") || this.is("--"))) {
      const delta = this.advance(false).text === "++" ? 1 : -1;
      return { type: "increment", target: operand, delta, prefix: false };
    }
    return operand;
  }

  private primary(): Expr {
    const token = this.token;
    switch (token.kind) {
      case "number":
        this.advance(false);
        return { type: "number", value: Number(token.text) };
      case "string":
        this.advance(false);
        return { type: "string", value: token.text };
      case "regex":
        this.advance(false);
        return { type: "regex", source: token.text };
      case "name":
        return this.variable();
      case "function": {
        this.advance(false);
        this.calls.push({ name: token.text, line: token.line });
        return { type: "call", name: token.text, args: this.argumentList(), line: token.line };
      }
      case "builtin":
        return this.builtin();
      case "keyword":
        if (token.text === "getline") return this.simpleGetline();
        throw this.error();
      case "operator":
        if (token.text === "$") {
          this.advance();
          const index =
            this.is("++") || this.is("--") ? this.postfix() : this.is("-") || this.is("+") || this.is("!") ? this.unary() : this.primary();
          return { type: "field", index };
        }
        if (token.text === "(") return this.grouping();
        throw this.error();
      default:
        throw this.error();
    }
  }

  private variable(): LValue {
    const name = this.advance(false).text;
    if (!this.is("[")) return { type: "var", name };
    return { type: "element", name, subscripts: this.subscripts() };
  }

  protected subscripts(): Expr[] {
    this.expect("[");
    const outer = this.noGreater;
    this.noGreater = false;
    const list = [this.expression()];
    while (this.is(",")) {
      this.advance();
      this.skipNewlines();
      list.push(this.expression());
    }
    this.noGreater = outer;
    this.expect("]", false);
    return list;
  }

  /** `( … )`, and `(a, b) in c`, and the list of a print with parentheses, which is kept as `list`. */
  private grouping(): Expr {
    this.advance();
    const outer = this.noGreater;
    this.noGreater = false;
    this.skipNewlines();
    const list = [this.expression()];
    while (this.is(",")) {
      this.advance();
      this.skipNewlines();
      list.push(this.expression());
    }
    this.skipNewlines();
    this.noGreater = outer;
    this.expect(")", false);
    const operand = list[0] as Expr;
    if (list.length === 1) return { type: "group", operand };
    const grouped: Expr & { readonly list: readonly Expr[] } = { type: "group", operand, list };
    if (!this.isKeyword("in") && !this.noGreater) throw this.error();
    return grouped;
  }

  private argumentList(): Expr[] {
    this.expect("(");
    const outer = this.noGreater;
    this.noGreater = false;
    const args: Expr[] = [];
    this.skipNewlines();
    while (!this.is(")")) {
      args.push(this.expression());
      this.skipNewlines();
      if (!this.is(",")) break;
      this.advance();
      this.skipNewlines();
    }
    this.noGreater = outer;
    this.expect(")", false);
    return args;
  }

  private builtin(): Expr {
    const name = this.advance(false).text;
    if (!this.is("(")) {
      if (name !== "length") throw this.error();
      return { type: "builtin", name, args: [] };
    }
    const args = this.argumentList();
    const [least, most] = argumentCounts[name] ?? [0, 9];
    if (args.length < least || args.length > most) {
      if (this.voice === "busybox")
        throw new AwkSyntaxError(args.length < least ? "Too few arguments" : "Unexpected token", this.token.line);
      throw new AwkSyntaxError(`wrong number of arguments in call to ${name}`, this.token.line);
    }
    return { type: "builtin", name, args };
  }

  /** `getline [lvalue] [< file]`. */
  private simpleGetline(): Expr {
    this.advance(false);
    const target = this.optionalLValue();
    if (!this.is("<")) return { type: "getline", from: "input", source: undefined, target };
    this.advance();
    return { type: "getline", from: "file", source: this.postfix(), target };
  }

  private optionalLValue(): LValue | undefined {
    if (this.token.kind === "name") return this.variable();
    if (!this.is("$")) return undefined;
    const field = this.primary();
    return isLValue(field) ? field : undefined;
  }
}

const argumentCounts: Readonly<Record<string, readonly [number, number]>> = {
  length: [0, 1],
  substr: [2, 3],
  index: [2, 2],
  split: [2, 3],
  sub: [2, 3],
  gsub: [2, 3],
  match: [2, 2],
  sprintf: [1, Number.POSITIVE_INFINITY],
  sin: [1, 1],
  cos: [1, 1],
  atan2: [2, 2],
  exp: [1, 1],
  log: [1, 1],
  sqrt: [1, 1],
  int: [1, 1],
  rand: [0, 0],
  srand: [0, 1],
  tolower: [1, 1],
  toupper: [1, 1],
  system: [1, 1],
  close: [1, 1],
  fflush: [0, 1],
  strftime: [0, 3],
  mktime: [1, 1],
  systime: [0, 0],
  and: [2, 2],
  or: [2, 2],
  xor: [2, 2],
  compl: [1, 1],
  lshift: [2, 2],
  rshift: [2, 2],
  gensub: [3, 4],
};

/** The grammar of awk: POSIX's, with the precedence that mawk and busybox give. Errors in the words of either. */

import type { Voice } from "../../abi/sys.ts";
import type { BinaryOperator, Expr, FunctionDefinition, LValue, Pattern, ProgramTree, Redirect, Rule, Stmt } from "./ast.ts";
import { AwkSyntaxError, Lexer, type Token } from "./lexer.ts";

/** Errors: AwkSyntaxError. */
export function parseAwk(source: string, voice: Voice): ProgramTree {
  return new Parser(source, voice).program();
}

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
const isLValue = (e: Expr): e is LValue => e.type === "var" || e.type === "field" || e.type === "element";

class Parser {
  private readonly lexer: Lexer;
  private token: Token;
  private readonly functions = new Map<string, FunctionDefinition>();
  private readonly calls: { name: string; line: number }[] = [];
  /** In the arguments of a print without parentheses `>` is a redirection. */
  private noGreater = false;
  private inFunction = false;
  private inMain = false;

  constructor(
    source: string,
    private readonly voice: Voice,
  ) {
    this.lexer = new Lexer(source, voice);
    this.token = this.lexer.next(true);
  }

  program(): ProgramTree {
    const rules: Rule[] = [];
    this.skipTerminators();
    while (this.token.kind !== "end") {
      if (this.isKeyword("function")) this.functionDefinition();
      else rules.push(this.rule());
      this.skipTerminators();
    }
    for (const call of this.calls) {
      if (!this.functions.has(call.name)) {
        const message = this.voice === "gnu" ? `function ${call.name} never defined` : "Call to undefined function";
        throw new AwkSyntaxError(message, this.voice === "gnu" ? this.token.line + 1 : call.line);
      }
    }
    return { rules, functions: this.functions };
  }

  // ── Tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Goes on. After an operand a slash is a division. */
  private advance(operand = true): Token {
    const token = this.token;
    this.token = this.lexer.next(operand);
    return token;
  }

  private is(text: string): boolean {
    return this.token.kind === "operator" && this.token.text === text;
  }

  private isKeyword(text: string): boolean {
    return this.token.kind === "keyword" && this.token.text === text;
  }

  /** The present token's kind, for where the compiler believes that it is still the one tested before. */
  private get kind(): Token["kind"] {
    return this.token.kind;
  }

  private error(): AwkSyntaxError {
    const { kind, text, line } = this.token;
    if (this.voice === "busybox") return new AwkSyntaxError("Unexpected token", line);
    if (kind === "end") return new AwkSyntaxError("missing } near end of file", line + 1);
    const shown = kind === "newline" ? "end of line" : kind === "string" ? `"${text}"` : kind === "regex" ? `/${text}/` : text;
    return new AwkSyntaxError(`syntax error at or near ${shown}`, line);
  }

  private expect(text: string, operand = true): void {
    if (!this.is(text)) throw this.error();
    this.advance(operand);
  }

  private skipNewlines(): void {
    while (this.token.kind === "newline") this.advance();
  }

  private skipTerminators(): void {
    while (this.token.kind === "newline" || this.is(";")) this.advance();
  }

  // ── Rules and statements ───────────────────────────────────────────────────────────────────────────────────────────

  private functionDefinition(): void {
    this.advance();
    if (this.token.kind !== "name" && this.token.kind !== "function") throw this.error();
    const name = this.advance().text;
    this.expect("(");
    const parameters: string[] = [];
    while (!this.is(")")) {
      if (this.token.kind !== "name" || this.token.text === name) throw this.error();
      parameters.push(this.advance().text);
      this.skipNewlines();
      if (!this.is(",")) break;
      this.advance();
      this.skipNewlines();
    }
    this.expect(")");
    this.skipNewlines();
    this.inFunction = true;
    const body = this.block();
    this.inFunction = false;
    this.functions.set(name, { name, parameters, body });
  }

  private rule(): Rule {
    let pattern: Pattern;
    this.inMain = true;
    if (this.isKeyword("BEGIN") || this.isKeyword("END")) {
      pattern = { type: this.advance().text as "BEGIN" | "END" };
      this.inMain = false;
      if (!this.is("{")) throw this.error();
    } else if (this.is("{")) pattern = { type: "always" };
    else {
      const test = this.expression();
      if (this.is(",")) {
        this.advance();
        this.skipNewlines();
        pattern = { type: "range", from: test, to: this.expression() };
      } else pattern = { type: "when", test };
    }
    const action = this.is("{") ? this.block() : undefined;
    return { pattern, action };
  }

  private block(): Stmt {
    this.expect("{");
    const body: Stmt[] = [];
    this.skipTerminators();
    while (!this.is("}")) {
      if (this.token.kind === "end") {
        throw new AwkSyntaxError(
          this.voice === "gnu" ? "missing } near end of file" : "Unexpected token",
          this.token.line + (this.voice === "gnu" ? 1 : 0),
        );
      }
      body.push(this.statement());
      this.skipTerminators();
    }
    this.advance();
    return { type: "block", body };
  }

  /** The end of a simple statement: `;`, a newline, or a `}` that is left for the block. */
  private endStatement(): void {
    if (this.token.kind === "newline" || this.is(";")) this.advance();
    else if (!this.is("}") && this.token.kind !== "end") throw this.error();
  }

  private simpleOrBlock(): Stmt {
    this.skipNewlines();
    if (this.is(";")) {
      this.advance();
      return { type: "block", body: [] };
    }
    return this.statement();
  }

  private statement(): Stmt {
    if (this.is("{")) return this.block();
    if (this.token.kind === "keyword") {
      switch (this.token.text) {
        case "if":
          return this.ifStatement();
        case "while": {
          this.advance();
          const test = this.condition();
          if (this.is(";")) {
            this.advance();
            return { type: "while", test, body: { type: "block", body: [] } };
          }
          return { type: "while", test, body: this.simpleOrBlock() };
        }
        case "do": {
          this.advance();
          const body = this.simpleOrBlock();
          this.skipTerminators();
          if (!this.isKeyword("while")) throw this.error();
          this.advance();
          const test = this.condition();
          this.endStatement();
          return { type: "do", test, body };
        }
        case "for":
          return this.forStatement();
      }
    }
    const statement = this.simpleStatement();
    this.endStatement();
    return statement;
  }

  private condition(): Expr {
    this.expect("(");
    const test = this.expression();
    this.expect(")");
    return test;
  }

  private ifStatement(): Stmt {
    this.advance();
    const test = this.condition();
    const yes = this.simpleOrBlock();
    // An else may stand after newlines and a semicolon.
    const wasAtTerminator = this.token.kind === "newline" || this.is(";");
    if (wasAtTerminator) this.skipTerminators();
    if (!this.isKeyword("else")) return { type: "if", test, yes, no: undefined };
    this.advance();
    return { type: "if", test, yes, no: this.simpleOrBlock() };
  }

  private forStatement(): Stmt {
    this.advance();
    this.expect("(");
    let init: Stmt | undefined;
    if (!this.is(";")) {
      init = this.simpleStatement();
      if (this.is(")") && init.type === "expr") {
        const e = init.expr.type === "group" ? init.expr.operand : init.expr;
        const key = e.type === "in" && e.subscripts.length === 1 ? e.subscripts[0] : undefined;
        if (e.type !== "in" || key === undefined || !isLValue(key)) throw this.error();
        this.advance();
        return { type: "forIn", variable: key, name: e.name, body: this.simpleOrBlock() };
      }
    }
    this.expect(";");
    this.skipNewlines();
    const test = this.is(";") ? undefined : this.expression();
    this.expect(";");
    this.skipNewlines();
    const step = this.is(")") ? undefined : this.simpleStatement();
    this.expect(")");
    return { type: "for", init, test, step, body: this.simpleOrBlock() };
  }

  private simpleStatement(): Stmt {
    if (this.token.kind !== "keyword") return { type: "expr", expr: this.expression() };
    const word = this.token.text;
    switch (word) {
      case "print":
      case "printf":
        return this.printStatement(word);
      case "next":
      case "nextfile":
        if (!this.inMain && !this.inFunction && this.voice === "gnu") throw new AwkSyntaxError(`improper use of ${word}`, this.token.line);
        this.advance();
        return { type: word };
      case "break":
      case "continue":
        this.advance();
        return { type: word };
      case "exit":
      case "return": {
        if (word === "return" && !this.inFunction) {
          throw new AwkSyntaxError(this.voice === "gnu" ? "return outside function body" : "Unexpected token", this.token.line);
        }
        this.advance();
        const bare = this.kind === "newline" || this.kind === "end" || this.is(";") || this.is("}");
        return { type: word, value: bare ? undefined : this.expression() };
      }
      case "delete": {
        this.advance();
        const grouped = this.is("(");
        if (grouped) this.advance();
        if (this.kind !== "name") throw this.error();
        const name = this.advance(false).text;
        const subscripts = this.is("[") ? this.subscripts() : undefined;
        if (grouped) this.expect(")");
        return { type: "delete", name, subscripts };
      }
      default:
        return { type: "expr", expr: this.expression() };
    }
  }

  private printStatement(type: "print" | "printf"): Stmt {
    this.advance();
    let args: Expr[] = [];
    const outer = this.noGreater;
    this.noGreater = true;
    if (!this.endsPrint()) {
      args.push(this.expression());
      const only = args[0] as Expr & { readonly list?: readonly Expr[] };
      if (only.list !== undefined) args = [...only.list];
      while (this.is(",")) {
        this.advance();
        this.skipNewlines();
        args.push(this.expression());
      }
    }
    this.noGreater = outer;
    if (type === "printf" && args.length === 0) throw this.error();
    let redirect: Redirect | undefined;
    let to: Expr | undefined;
    if (this.is(">") || this.is(">>") || this.is("|")) {
      redirect = this.advance().text as Redirect;
      const before = this.noGreater;
      this.noGreater = true;
      to = this.concatenation(redirect !== "|");
      this.noGreater = before;
    }
    return { type, args, redirect, to };
  }

  private endsPrint(): boolean {
    return this.token.kind === "newline" || this.token.kind === "end" || [";", "}", ">", ">>", "|"].some((t) => this.is(t));
  }

  // ── Expressions, from the loosest binding to the tightest ──────────────────────────────────────────────────────────

  private expression(): Expr {
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
  private concatenation(pipes: boolean): Expr {
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

  private subscripts(): Expr[] {
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

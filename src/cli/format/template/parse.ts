/** Templates as trees. Go `text/template/parse/parse.go`. */

import { lexTemplate, lineOf, TemplateError, type Token, type TokenKind } from "./lex.ts";
import type { GoValue } from "./value.ts";
import { GoFloat } from "./value.ts";

/** An operand as Go prints it in errors. */
export function operandText(operand: Operand): string {
  const fields = (names: readonly string[]): string => names.map((name) => `.${name}`).join("");
  switch (operand.kind) {
    case "constant":
      return operand.text;
    case "dot":
      return ".";
    case "field":
      return fields(operand.names);
    case "variable":
      return operand.name + fields(operand.names);
    case "function":
      return operand.name;
    case "pipeline":
      return `(${operand.pipeline.commands.map((command) => command.map(operandText).join(" ")).join(" | ")})${fields(operand.names)}`;
  }
}

/** What can stand as an argument. `at` is its place in the source. */
export type Operand = { readonly at: number } & (
  | { readonly kind: "constant"; readonly value: GoValue; readonly text: string }
  | { readonly kind: "dot" }
  | { readonly kind: "field"; readonly names: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "pipeline"; readonly pipeline: Pipeline; readonly names: readonly string[] }
);

export type Command = readonly Operand[];

export interface Pipeline {
  readonly commands: readonly Command[];
  readonly declares: readonly string[];
  readonly assigns: boolean;
  readonly at: number;
}

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly body: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    }
  | { readonly kind: "template"; readonly name: string; readonly pipeline: Pipeline | undefined; readonly at: number }
  | { readonly kind: "break" | "continue" };

export interface Template {
  readonly source: string;
  readonly nodes: readonly TemplateNode[];
  /** By `define` and `block`. */
  readonly defined: ReadonlyMap<string, readonly TemplateNode[]>;
}

/** Errors: TemplateError. `isFunction` says which names may be called. */
export function parseTemplate(source: string, isFunction: (name: string) => boolean): Template {
  return new Parser(source, isFunction).parse();
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly defined = new Map<string, readonly TemplateNode[]>();
  private at = 0;
  private variables: string[] = ["$"];
  private rangeDepth = 0;

  constructor(
    private readonly source: string,
    private readonly isFunction: (name: string) => boolean,
  ) {
    this.tokens = lexTemplate(source);
  }

  parse(): Template {
    const { nodes, end } = this.list();
    if (end !== "eof") this.fail(`unexpected {{${end}}}`);
    return { source: this.source, nodes, defined: this.defined };
  }

  private fail(message: string, token: Token = this.peek): never {
    throw new TemplateError(`template: :${lineOf(this.source, token.at)}: ${message}`);
  }

  private get peek(): Token {
    return this.tokens[this.at] as Token;
  }

  private kindHere(): TokenKind {
    return this.peek.kind;
  }

  private next(): Token {
    return this.tokens[this.at++] as Token;
  }

  private skipSpace(): void {
    while (this.peek.kind === "space") this.at++;
  }

  private expect(kind: TokenKind, context: string): Token {
    this.skipSpace();
    const token = this.next();
    if (token.kind !== kind) this.fail(`unexpected ${describe(token)} in ${context}`, token);
    return token;
  }

  /** Nodes up to an `end`, an `else` or the end. */
  private list(): { readonly nodes: TemplateNode[]; readonly end: "end" | "else" | "eof" } {
    const nodes: TemplateNode[] = [];
    for (;;) {
      const token = this.next();
      if (token.kind === "eof") {
        this.at--;
        return { nodes, end: "eof" };
      }
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      this.skipSpace();
      if (this.peek.kind !== "keyword") {
        nodes.push({ kind: "action", pipeline: this.pipeline("command", "right") });
        continue;
      }
      const { text: keyword } = this.next();
      if (keyword === "end" || keyword === "else") {
        if (keyword === "end") this.expect("right", "end");
        return { nodes, end: keyword };
      }
      const node = this.control(keyword);
      if (node !== undefined) nodes.push(node);
    }
  }

  private control(keyword: string): TemplateNode | undefined {
    switch (keyword) {
      case "if":
      case "with":
      case "range":
        return this.branch(keyword);
      case "break":
      case "continue":
        this.expect("right", `{{${keyword}}}`);
        if (this.rangeDepth === 0) this.fail(`{{${keyword}}} outside {{range}}`);
        return { kind: keyword };
      case "define":
        this.define();
        return undefined;
      default: {
        this.skipSpace();
        const { at } = this.peek;
        const name = unquote(this.expect("string", `${keyword} clause`).text);
        this.skipSpace();
        const pipeline = this.peek.kind === "right" ? undefined : this.pipeline(`${keyword} clause`, "right");
        if (pipeline === undefined) this.next();
        if (keyword === "block") this.body(name);
        return { kind: "template", name, pipeline, at };
      }
    }
  }

  private define(): void {
    const name = unquote(this.expect("string", "define clause").text);
    this.expect("right", "define clause");
    this.body(name);
  }

  private body(name: string): void {
    const outer = this.variables;
    this.variables = ["$"];
    const { nodes, end } = this.list();
    if (end !== "end") this.fail(`unexpected ${end === "eof" ? "EOF" : "{{else}}"}`);
    this.variables = outer;
    this.defined.set(name, nodes);
  }

  private branch(kind: "if" | "with" | "range"): TemplateNode {
    const depth = this.variables.length;
    const pipeline = this.pipeline(kind, "right");
    if (kind === "range") this.rangeDepth++;
    const { nodes: body, end } = this.list();
    if (kind === "range") this.rangeDepth--;
    let otherwise: readonly TemplateNode[] = [];
    if (end === "eof") this.fail("unexpected EOF");
    if (end === "else") {
      this.skipSpace();
      // `{{else if}}` is an if in the else, and shares its end.
      if (this.peek.kind === "keyword" && this.peek.text === kind && kind !== "range") {
        this.next();
        otherwise = [this.branch(kind)];
      } else {
        this.expect("right", "else");
        const rest = this.list();
        if (rest.end !== "end") this.fail(rest.end === "else" ? "expected end; found {{else}}" : "unexpected EOF");
        otherwise = rest.nodes;
      }
    }
    this.variables.length = depth;
    return { kind, pipeline, body, otherwise };
  }

  private pipeline(context: string, end: "right" | ")"): Pipeline {
    this.skipSpace();
    const { at } = this.peek;
    const { names, assigns } = this.declarations(context);
    const commands: Command[] = [];
    for (;;) {
      this.skipSpace();
      const token = this.peek;
      if (token.kind === end) {
        this.next();
        if (commands.length === 0) this.fail(`missing value for ${context}`, token);
        this.checkStages(commands);
        if (!assigns) this.variables.push(...names);
        return { commands, declares: names, assigns, at };
      }
      if (token.kind === "right" || token.kind === "eof" || token.kind === ")")
        this.fail(`unexpected ${describe(token)} in ${context}`, token);
      commands.push(this.command(context));
    }
  }

  private checkStages(commands: readonly Command[]): void {
    commands.slice(1).forEach((command, i) => {
      const first = command[0] as Operand;
      if (first.kind === "constant" || first.kind === "dot") this.fail(`non executable command in pipeline stage ${i + 2}`);
    });
  }

  private declarations(context: string): { readonly names: string[]; readonly assigns: boolean } {
    const start = this.at;
    const names: string[] = [];
    for (;;) {
      if (this.peek.kind !== "variable") break;
      names.push(this.next().text);
      this.skipSpace();
      const kind = this.kindHere();
      if (kind === "declare" || kind === "assign") {
        this.next();
        if (names.length > (context === "range" ? 2 : 1)) this.fail(`too many declarations in ${context}`);
        return { names, assigns: kind === "assign" };
      }
      if (kind !== "," || context !== "range") break;
      this.next();
      this.skipSpace();
    }
    this.at = start;
    return { names: [], assigns: false };
  }

  private command(context: string): Command {
    const operands: Operand[] = [];
    for (;;) {
      this.skipSpace();
      const { kind } = this.peek;
      if (kind === "right" || kind === ")") break;
      if (kind === "pipe") {
        this.next();
        break;
      }
      operands.push(this.operand(context));
      const after = this.peek;
      if (!["space", "right", ")", "pipe"].includes(after.kind)) this.fail(`unexpected ${describe(after)} in operand`, after);
    }
    if (operands.length === 0) this.fail("empty command");
    return operands;
  }

  private operand(context: string): Operand {
    const token = this.next();
    const { at, text } = token;
    switch (token.kind) {
      case "dot":
        return { kind: "dot", at };
      case "nil":
        return { kind: "constant", value: null, text, at };
      case "bool":
        return { kind: "constant", value: text === "true", text, at };
      case "string":
        return { kind: "constant", value: unquote(text), text, at };
      case "char":
        return { kind: "constant", value: unquote(`"${text.slice(1, -1)}"`).codePointAt(0) ?? 0, text, at };
      case "number":
        return { kind: "constant", value: parseNumber(text), text, at };
      case "field":
        // A chain stands where its second name does.
        return { kind: "field", at: this.peek.kind === "field" ? this.peek.at : at, names: [text.slice(1), ...this.fieldNames()] };
      case "variable":
        if (!this.variables.includes(text)) this.fail(`undefined variable ${JSON.stringify(text)}`, token);
        return { kind: "variable", name: text, names: this.fieldNames(), at };
      case "identifier":
        if (!this.isFunction(text)) this.fail(`function ${JSON.stringify(text)} not defined`, token);
        return { kind: "function", name: text, at };
      case "(": {
        const pipeline = this.pipeline("parenthesized pipeline", ")");
        return { kind: "pipeline", pipeline, names: this.fieldNames(), at };
      }
      default:
        return this.fail(`unexpected ${describe(token)} in ${context}`, token);
    }
  }

  private fieldNames(): string[] {
    const names: string[] = [];
    while (this.peek.kind === "field") names.push(this.next().text.slice(1));
    return names;
  }
}

function describe(token: Token): string {
  if (token.kind === "eof") return "EOF";
  if (token.kind === "keyword") return `<${token.text}>`;
  return token.text.length > 10 ? `${JSON.stringify(token.text.slice(0, 10))}...` : JSON.stringify(token.text);
}

function parseNumber(text: string): GoValue {
  const plain = text.replaceAll("_", "");
  const value = /^[+-]?0[0-7]+$/.test(plain) ? Number.parseInt(plain, 8) : Number(plain);
  // `1e3` is an integer too, `1.0` is not.
  return plain.includes(".") || !Number.isInteger(value) ? new GoFloat(value) : value;
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/** Go's strconv.Unquote() for strings. */
export function unquote(text: string): string {
  if (text.startsWith("`")) return text.slice(1, -1).replaceAll("\r", "");
  return text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/gs, (_, escape: string) => {
    if (/^[xuU]./.test(escape)) return String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
    if (/^[0-7]{3}/.test(escape)) return String.fromCodePoint(Number.parseInt(escape, 8));
    return SIMPLE[escape] ?? escape;
  });
}

/** Tokens of a template: text and what stands between `{{` and `}}`. Go `text/template/parse/lex.go`. */

export type TokenKind =
  | "text"
  | "left"
  | "right"
  | "space"
  | "identifier"
  | "field"
  | "variable"
  | "dot"
  | "string"
  | "char"
  | "number"
  | "bool"
  | "nil"
  | "keyword"
  | "pipe"
  | "(" // each stands for itself
  | ")"
  | ","
  | "assign"
  | "declare"
  | "eof";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** From the start of the template. */
  readonly at: number;
}

/** A template that cannot be read. */
export class TemplateError extends Error {}

export const KEYWORDS = new Set(["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"]);

export function lineOf(source: string, at: number): number {
  return source.slice(0, at).split("\n").length;
}

/** Errors: TemplateError, in Go's words. */
export function lexTemplate(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  for (;;) {
    const open = source.indexOf("{{", at);
    const trimBefore = open >= 0 && /^\{\{-[ \t\r\n]/.test(source.slice(open, open + 4));
    let text = source.slice(at, open < 0 ? source.length : open);
    if (trimNext) text = text.replace(/^[ \t\r\n]+/, "");
    if (trimBefore) text = text.replace(/[ \t\r\n]+$/, "");
    if (text !== "") tokens.push({ kind: "text", text, at });
    if (open < 0) break;
    const inside = open + (trimBefore ? 3 : 2);
    const comment = /^\s*\/\*/.exec(source.slice(inside));
    if (comment !== null) {
      const end = source.indexOf("*/", inside);
      const close = end < 0 ? null : /^\s*(-?)\}\}/.exec(source.slice(end + 2));
      if (end < 0) fail(source, open, "unclosed comment");
      if (close === null) fail(source, open, "comment ends before closing delimiter");
      trimNext = close?.[1] === "-";
      at = end + 2 + (close as RegExpExecArray)[0].length;
      continue;
    }
    tokens.push({ kind: "left", text: "{{", at: open });
    [at, trimNext] = lexAction(source, inside, open, tokens);
  }
  tokens.push({ kind: "eof", text: "", at: source.length });
  return tokens;
}

function fail(source: string, at: number, message: string): never {
  throw new TemplateError(`template: :${lineOf(source, at)}: ${message}`);
}

const NUMBER = /^[+-]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?)/;

/** Tokens up to the closing delimiter: where it ends, and whether it trims what follows. */
function lexAction(source: string, from: number, open: number, tokens: Token[]): [number, boolean] {
  let at = from;
  let parens = 0;
  for (;;) {
    const rest = source.slice(at);
    const close = /^(\s+-)?\}\}/.exec(rest);
    if (close !== null) {
      if (parens > 0) fail(source, at, "unclosed left paren");
      tokens.push({ kind: "right", text: "}}", at });
      return [at + close[0].length, close[1] !== undefined];
    }
    if (rest === "") fail(source, open, "unclosed action");
    const token = lexToken(source, rest, at);
    if (token.kind === "(") parens++;
    if (token.kind === ")" && --parens < 0) fail(source, at, "unexpected right paren");
    tokens.push(token);
    at += token.text.length;
  }
}

function lexToken(source: string, rest: string, at: number): Token {
  const make = (kind: TokenKind, text: string): Token => ({ kind, text, at });
  const match = (pattern: RegExp): string | undefined => pattern.exec(rest)?.[0];
  const space = match(/^[ \t\r\n]+/);
  if (space !== undefined) return make("space", space);
  if (rest.startsWith(":=")) return make("declare", ":=");
  const ch = rest[0] as string;
  if (ch === "=") return make("assign", ch);
  if (ch === "|") return make("pipe", ch);
  if (ch === "(" || ch === ")" || ch === ",") return make(ch, ch);
  if (ch === '"') return make("string", match(/^"(\\.|[^"\\\n])*"/s) ?? fail(source, at, "unterminated quoted string"));
  if (ch === "`") return make("string", match(/^`[^`]*`/) ?? fail(source, at, "unterminated raw quoted string"));
  if (ch === "'") return make("char", match(/^'(\\.|[^'\\\n])*'/s) ?? fail(source, at, "unterminated character constant"));
  const number = match(NUMBER);
  if (number !== undefined) {
    if (/^[\p{L}\p{Nd}_]/u.test(rest.slice(number.length)))
      fail(source, at, `bad number syntax: ${JSON.stringify(number + rest[number.length])}`);
    return make("number", number);
  }
  const field = match(/^\.[\p{L}_][\p{L}\p{Nd}_]*/u);
  if (field !== undefined) return make("field", field);
  if (ch === ".") return make("dot", ch);
  const variable = match(/^\$[\p{L}\p{Nd}_]*/u);
  if (variable !== undefined) return make("variable", variable);
  const word = match(/^[\p{L}_][\p{L}\p{Nd}_]*/u);
  if (word === undefined) fail(source, at, `unexpected ${JSON.stringify(ch)} in command`);
  if (word === "true" || word === "false") return make("bool", word);
  if (word === "nil") return make("nil", word);
  return make(KEYWORDS.has(word) ? "keyword" : "identifier", word);
}

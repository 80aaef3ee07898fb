/**
 * The one door to the parser library (unbash): source text to its tree, whether the text is complete, and where and how
 * it is wrong. The library knows Bash only; what dash and ash do not know is refused or undone here and in compile.ts.
 */

import {
  type CommandExpansionPart,
  forEachChild,
  type HereDocBody,
  type ParseError,
  type ParsedScript,
  type ProcessSubstitutionPart,
  parse,
  type Statement,
  type SyntaxNode,
  type Word,
} from "unbash";
import type { Piece } from "./node.ts";
import type { Flavour } from "./shell.ts";

/** What compiling a word needs of what compiles commands. */
export interface Compiler {
  readonly flavour: Flavour;
  /** Brace expansion is on. */
  readonly braces: boolean;
  /** For a word that is made of a part of the source, or of braces: its places are those in `text`. */
  within(text: string): Compiler;
  lineAt(pos: number): number;
  substitution(part: CommandExpansionPart, quoted: boolean): Piece;
  process(part: ProcessSubstitutionPart, quoted: boolean): Piece;
}

export interface SyntaxFailure {
  /** Where the offending token begins. */
  readonly pos: number;
  /** The token, or what is missing at the end of the text. */
  readonly kind: "token" | "end" | "quote";
  /** The token; for `quote` the closing delimiter. */
  readonly token: string;
  /** The keyword that would have been right, if one is known. */
  readonly expecting: string | undefined;
  /** What dash and ash say instead of naming a token. */
  readonly words?: string;
}

export interface ParsedSource {
  readonly source: string;
  readonly statements: readonly Statement[];
  readonly failure: SyntaxFailure | undefined;
  /** The text ends in the middle of a command: more lines may complete it. */
  readonly incomplete: boolean;
}

/** Parses a text. With `trailing`, a backslash before the end counts as unfinished. */
export function parseSource(source: string): ParsedSource {
  const script = parse(source);
  const failure = findFailure(source, script);
  const continued = /(^|[^\\])(\\\\)*\\\n?$/.test(source) && source.endsWith("\\\n");
  const incomplete =
    continued ||
    (failure !== undefined && failure.kind !== "token") ||
    (failure === undefined && source.includes("<<") && hasOpenHereDocument(script));
  return { source, statements: script.commands, failure, incomplete };
}

/** The single word that a text is, or undefined if it is not one. */
export function parseWord(text: string): Word | undefined {
  const script = parse(`: ${text}`);
  const command = script.commands[0]?.command;
  if (script.errors !== undefined || command?.type !== "Command" || command.suffix.length !== 1) return undefined;
  const word = command.suffix[0];
  return word?.type === "Word" ? word : undefined;
}

/** A text as if it were the body of a here-document with an unquoted delimiter. */
export function parseHereBody(text: string): HereDocBody {
  const script = parse(`:<<__drydock_end__\n${text}\n__drydock_end__\n`);
  const command = script.commands[0]?.command;
  const doc = command?.type === "Command" ? command.redirects[0] : undefined;
  if (doc?.type !== "HereDoc") return { type: "HereDocBody", pos: 0, end: 0, text, parts: undefined };
  const { body } = doc;
  // The newline before the delimiter is not part of the text.
  if (body.parts === undefined) return { ...body, parts: undefined, text };
  const parts = [...body.parts];
  const last = parts[parts.length - 1];
  if (last?.type === "Literal") parts[parts.length - 1] = { ...last, value: last.value.slice(0, -1), text: last.text.slice(0, -1) };
  return { ...body, text, parts };
}

function hasOpenHereDocument(node: SyntaxNode): boolean {
  let open = false;
  const visit = (n: SyntaxNode): void => {
    if (open) return;
    if (n.type === "HereDoc") {
      if (n.closing === undefined) open = true;
      return;
    }
    if (n.type === "Word" || n.type === "Assignment") return;
    forEachChild(n, visit);
  };
  visit(node);
  return open;
}

/** What is wrong with a script, as the shells put it; the first error only. */
export function findFailure(source: string, script: ParsedScript): SyntaxFailure | undefined {
  const errors = script.errors;
  const first = errors?.[0];
  if (errors === undefined || first === undefined) return undefined;
  const quote = findQuote(first);
  if (quote !== undefined)
    return {
      pos: first.message.includes("command substitution") ? source.length : first.pos,
      kind: "quote",
      token: quote,
      expecting: undefined,
    };
  let pos = first.pos;
  if (/^expected command in (brace group|subshell)$/.test(first.message)) pos++;
  let token = readToken(source, pos, /target|binary/.test(first.message));
  // A keyword where a command was awaited: the library reads it as a command's name.
  const swallowed = /^expected '(then|do|in)/.test(first.message)
    ? /(?:^|[;\n&|]\s*)(fi|done|esac|else|elif|then|do|\})\s*$/.exec(source.slice(0, first.pos))
    : null;
  if (swallowed !== null) token = { text: swallowed[1] as string, pos: swallowed.index + swallowed[0].indexOf(swallowed[1] as string) };
  // Where a word must follow on the same line, the end of the text counts as a newline.
  const before = source.slice(0, first.pos);
  if (token.text === "" && /(^|[;\n&|]\s*)(for|select|case|function)[ \t]*$/.test(before)) {
    const bad = /(for|select)[ \t]*$/.test(before) ? { words: "bad for loop variable" } : {};
    return { pos: first.pos, kind: "token", token: "newline", expecting: undefined, ...bad };
  }
  if (token.text === "" && /\bin[ \t]+[^\s()]+[ \t]*$/.test(before) && /\bcase\b[^\n]*$/.test(before) && /esac/.test(first.message)) {
    return { pos: first.pos, kind: "token", token: "newline", expecting: ")" };
  }
  const closing = errors.find((e) => /^expected '/.test(e.message)) ?? first;
  if (token.text === "" && /esac/.test(closing.message) && !/\)[^()]*$/.test(source.slice(source.lastIndexOf("case"))))
    return { pos: source.length, kind: "end", token: "", expecting: ")" };
  const named = /^expected '([^']+)'/.exec(token.text === "" ? closing.message : first.message)?.[1];
  if (token.text === "" && !/redirect target/.test(first.message)) return { pos: source.length, kind: "end", token: "", expecting: named };
  const parenthesis = token.text === ")" ? findStrayParenthesis(source, token.pos) : undefined;
  if (parenthesis !== undefined) return { ...parenthesis, kind: "token", expecting: undefined };
  return { pos: token.pos, kind: "token", token: token.text === "" ? "newline" : token.text, expecting: named };
}

/** For `echo foo(bar)` the shells complain about the `(`, which the library took for part of a word. */
function findStrayParenthesis(source: string, pos: number): { pos: number; token: string } | undefined {
  const line = source.slice(source.lastIndexOf("\n", pos - 1) + 1, pos);
  const m = /^[^'"`$]*?([^\s;|&('"`$]+)( *)\(\s*([^\s()'"`$]+)[^()'"`$]*$/.exec(line);
  if (m === null) return undefined;
  const open = pos - line.length + line.lastIndexOf("(");
  return { pos: open, token: m[2] === "" && /\s/.test(line.trim()) ? "(" : (m[3] as string) };
}

function findQuote(e: ParseError): string | undefined {
  if (!e.message.startsWith("unterminated")) return undefined;
  if (e.message.includes("single quote")) return "'";
  if (e.message.includes("double quote")) return '"';
  if (e.message.includes("backtick")) return "`";
  if (e.message.includes("parameter expansion")) return "}";
  if (e.message.includes("arithmetic expansion")) return "))";
  return ")";
}

/** The token at `pos`; newlines are skipped unless they matter. Empty at the end. */
function readToken(source: string, pos: number, newlineMatters: boolean): { text: string; pos: number } {
  let i = pos;
  for (;;) {
    const c = source[i];
    if (c === " " || c === "\t") i++;
    else if (c === "\\" && source[i + 1] === "\n") i += 2;
    else if (c === "\n" && !newlineMatters) i++;
    else if (c === "#") {
      const end = source.indexOf("\n", i);
      i = end < 0 ? source.length : end;
    } else break;
  }
  if (i >= source.length) return { text: "", pos: i };
  if (source[i] === "\n") return { text: "newline", pos: i };
  const operator = /^(;;&|;;|;&|&&|\|\||\|&|<<<|<<-|<<|>>|<&|>&|<>|>\||&>>|&>|[;&|<>()])/.exec(source.slice(i, i + 3));
  if (operator !== null) return { text: operator[0], pos: i };
  const word = /^[^\s;&|<>()]+/.exec(source.slice(i));
  return { text: word?.[0] ?? (source[i] as string), pos: i };
}

const RESERVED = new Set(["if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "in", "{", "}", "!"]);

/** The words of a failure in dash and ash, without prefix. */
export function describePosix(f: SyntaxFailure, flavour: Flavour): string {
  if (f.words !== undefined)
    return flavour === "dash" ? `Syntax error: ${f.words.charAt(0).toUpperCase()}${f.words.slice(1)}` : `syntax error: ${f.words}`;
  const word = (text: string): string =>
    flavour === "dash" ? `Syntax error: ${text}` : `syntax error: ${text.charAt(0).toLowerCase()}${text.slice(1)}`;
  const unexpected = (what: string): string =>
    flavour === "dash" ? `Syntax error: ${what} unexpected` : `syntax error: unexpected ${what}`;
  if (f.kind === "quote") {
    if (f.token === "`")
      return flavour === "dash" ? "Syntax error: EOF in backquote substitution" : "syntax error: EOF in backquote substitution";
    if (f.token === "}") return word("Missing '}'");
    if (f.token === "))") return word("Missing '))'");
    if (f.token === ")") return `${unexpected("end of file")} (expecting ")")`;
    return word("Unterminated quoted string");
  }
  const expecting = f.expecting === undefined ? "" : ` (expecting "${f.expecting}")`;
  if (f.kind === "end") return unexpected("end of file") + expecting;
  if (f.token === "newline") return unexpected("newline") + expecting;
  if (/^[<>]|&>/.test(f.token)) return unexpected("redirection");
  if (RESERVED.has(f.token) || /^[;&|()]/.test(f.token)) return unexpected(`"${f.token}"`) + expecting;
  return unexpected("word") + expecting;
}

/** The words of a failure in bash, without prefix: one or two messages. */
export function describeBash(f: SyntaxFailure, source: string): string[] {
  if (f.kind === "quote") return [`unexpected EOF while looking for matching \`${f.token === "))" ? ")" : f.token}'`];
  if (f.kind === "end") return ["syntax error: unexpected end of file"];
  const start = source.lastIndexOf("\n", f.pos - 1) + 1;
  const end = source.indexOf("\n", f.pos);
  return [`syntax error near unexpected token \`${f.token}'`, `\`${source.slice(start, end < 0 ? undefined : end)}'`];
}

/** The line that a message about a failure names. */
export function lineOfFailure(f: SyntaxFailure, source: string, flavour: Flavour): number {
  if (f.kind === "end" || (f.kind === "quote" && f.pos === source.length)) {
    const lines = source.split("\n").length;
    return flavour === "bash" && !source.endsWith("\n") ? lines + 1 : lines;
  }
  let line = 1;
  for (let i = source.indexOf("\n"); i >= 0 && i < f.pos; i = source.indexOf("\n", i + 1)) line++;
  return line;
}

/**
 * Replaces aliases in a text: the first word of a command that is no quoted, and the next one after a value that ends
 * in a blank. Works by splicing and parsing again, as the library knows no aliases.
 */
export function expandAliases(source: string, aliases: ReadonlyMap<string, string>): string {
  let text = source;
  /** Stretches of `text` that stem from an alias, which is not expanded in there again. */
  let regions: { start: number; end: number; name: string }[] = [];
  for (let rounds = 0; rounds < 100; rounds++) {
    const found = findAlias(text, aliases, regions);
    if (found === undefined) return text;
    const value = aliases.get(found.name) as string;
    const delta = value.length - (found.end - found.start);
    regions = regions.map((r) => ({
      name: r.name,
      start: r.start >= found.end ? r.start + delta : r.start,
      end: r.end >= found.end ? r.end + delta : r.end,
    }));
    regions.push({ start: found.start, end: found.start + value.length, name: found.name });
    text = text.slice(0, found.start) + value + text.slice(found.end);
  }
  return text;
}

function findAlias(
  text: string,
  aliases: ReadonlyMap<string, string>,
  regions: readonly { start: number; end: number; name: string }[],
): { start: number; end: number; name: string } | undefined {
  let found: { start: number; end: number; name: string } | undefined;
  const consider = (word: Word | undefined): void => {
    if (word === undefined || !aliases.has(word.text)) return;
    if (regions.some((r) => r.name === word.text && word.pos >= r.start && word.end <= r.end)) return;
    if (found === undefined || word.pos < found.start) found = { start: word.pos, end: word.end, name: word.text };
  };
  const visit = (n: SyntaxNode): void => {
    if (n.type === "Command") {
      consider(n.name);
      for (const r of regions) {
        if (!/[ \t]$/.test(aliases.get(r.name) ?? "")) continue;
        const next = n.args.find((w) => w.pos >= r.end);
        if (next?.type === "Word" && /^[ \t]*$/.test(text.slice(r.end, next.pos))) consider(next);
      }
      return;
    }
    forEachChild(n, visit);
  };
  visit(parse(text));
  return found;
}

/** Compiles the parser's words to pieces. Quoting is decided here, once; the expander sees flags. */

import type { ParameterExpansionPart, ParameterOperation, Word, WordPart } from "unbash";
import { escapePattern, hasGlob } from "../libc/fnmatch.ts";
import { expandBraces } from "./brace.ts";
import { ansiUnescape } from "./escapes.ts";
import type { Arithmetic, CompiledWord, Expansion, Literal, Operation, Piece } from "./node.ts";
import { type Compiler, parseHereBody, parseWord } from "./parse.ts";

interface Context {
  readonly quoted: boolean;
  /** Inside `${x:-…}`. */
  readonly operand: boolean;
}

const PLAIN: Context = { quoted: false, operand: false };
const QUOTED: Context = { quoted: true, operand: false };

export function literalWord(text: string): CompiledWord {
  return { text, literal: text, pieces: [{ kind: "literal", text, quoted: true, split: false }], pure: true, bare: false };
}

/** The words that a word stands for: several after brace expansion. */
export function compileWords(word: Word, c: Compiler): CompiledWord[] {
  if (c.flavour === "bash" && c.braces && word.text.includes("{") && /\{[\s\S]*(,|\.\.)[\s\S]*\}/.test(word.text)) {
    const texts = expandBraces(word.text);
    if (texts.length !== 1 || texts[0] !== word.text) return texts.map((text) => compileText(text, c));
  }
  return [compileWord(word, c)];
}

/** A word from its source text. */
export function compileText(text: string, c: Compiler, assignment = false): CompiledWord {
  if (/^[A-Za-z0-9_./:,%@=+-]+$/.test(text)) return { text, literal: text, pieces: [literal(text, false, PLAIN)], pure: true, bare: true };
  if (text === "") return literalWord("");
  const word = parseWord(text);
  if (word === undefined) return literalWord(text);
  return compileWord(word, c.within(text), assignment);
}

export function compileWord(word: Word, c: Compiler, assignment = false): CompiledWord {
  const pieces = word.parts === undefined ? literals(word.text, PLAIN) : compileParts(word.parts, c, PLAIN);
  return finish(word.text, tildes(pieces, c, assignment), word.parts);
}

function finish(text: string, pieces: readonly Piece[], parts: readonly WordPart[] | undefined): CompiledWord {
  let value: string | undefined = "";
  let pattern = "";
  for (const p of pieces) {
    if (p.kind !== "literal") {
      value = undefined;
      break;
    }
    value += p.text;
    pattern += p.quoted ? escapePattern(p.text) : p.text;
  }
  if (value !== undefined && (hasGlob(pattern, true) || /(^|[^\\])\(/.test(pattern))) value = undefined;
  const bare = !/["'\\$`]/.test(text);
  return { text, literal: value, pieces, pure: pieces.every(isPure), bare: bare && (parts === undefined || value !== undefined) };
}

/** Names whose reading asks the kernel. */
const clocked = new Set(["SECONDS", "EPOCHSECONDS", "EPOCHREALTIME", "SRANDOM"]);

function isPure(p: Piece): boolean {
  switch (p.kind) {
    case "literal":
      return true;
    case "parameter":
      return !clocked.has(p.name);
    case "tilde":
      return p.user === "" || p.user === "+" || p.user === "-";
    case "arithmetic":
    case "expansion":
      return p.pure;
    case "command":
    case "process":
      return false;
  }
}

function literal(text: string, quoted: boolean, x: Context): Literal {
  return { kind: "literal", text, quoted: quoted || x.quoted, split: x.operand && !quoted && !x.quoted };
}

/** Unquoted source text: a backslash quotes the next character, before a newline both vanish. */
function literals(text: string, x: Context): Piece[] {
  if (!text.includes("\\")) return text === "" ? [] : [literal(text, false, x)];
  const pieces: Piece[] = [];
  let plain = "";
  const flush = (): void => {
    if (plain !== "") pieces.push(literal(plain, false, x));
    plain = "";
  };
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") plain += text[i];
    else if (text[i + 1] === "\n") i++;
    else if (i + 1 === text.length) plain += "\\";
    else {
      flush();
      pieces.push(literal(text[++i] as string, true, x));
    }
  }
  flush();
  return pieces;
}

function compileParts(parts: readonly WordPart[], c: Compiler, x: Context): Piece[] {
  const pieces: Piece[] = [];
  for (const part of parts) compilePart(part, c, x, pieces);
  return pieces;
}

function compilePart(part: WordPart, c: Compiler, x: Context, out: Piece[]): void {
  switch (part.type) {
    case "Literal":
      if (x.quoted) out.push(literal(part.value, true, x));
      else out.push(...literals(part.text, x));
      return;
    case "Glob":
      if (part.parts === undefined) out.push(literal(part.text, false, x));
      else {
        out.push(literal("[", false, x));
        out.push(...compileParts(part.parts, c, x));
        out.push(literal("]", false, x));
      }
      return;
    case "SingleQuoted":
      out.push(literal(part.value, true, QUOTED));
      return;
    case "AnsiCQuoted":
      if (c.flavour === "dash") out.push(literal("$", false, x), literal(part.text.slice(2, -1), true, QUOTED));
      else out.push(literal(ansiUnescape(part.text.slice(2, -1)), true, QUOTED));
      return;
    case "LocaleString":
      if (c.flavour !== "bash") out.push(literal("$", false, x));
      doubleQuoted(part.parts, c, x, out);
      return;
    case "DoubleQuoted":
      doubleQuoted(part.parts, c, x, out);
      return;
    case "SimpleExpansion":
      out.push({ kind: "parameter", name: part.text.slice(1), quoted: x.quoted });
      return;
    case "ParameterExpansion":
      out.push(compileExpansion(part, c, x));
      return;
    case "CommandExpansion":
      out.push(c.substitution(part, x.quoted));
      return;
    case "ArithmeticExpansion": {
      if (part.text.startsWith("$[") && c.flavour !== "bash") out.push(literal(part.text, false, x));
      else out.push(compileArithmeticText(part.text.startsWith("$[") ? part.text.slice(2, -1) : part.text.slice(3, -2), c, x.quoted));
      return;
    }
    case "ProcessSubstitution":
      out.push(c.process(part, x.quoted));
      return;
    case "ExtendedGlob":
      out.push(literal(`${part.operator}(`, false, x));
      if (part.parts === undefined) out.push(...literals(part.pattern, x));
      else out.push(...compileParts(part.parts, c, x));
      out.push(literal(")", false, x));
      return;
    case "BraceExpansion":
      if (part.parts === undefined) out.push(...literals(part.text, x));
      else {
        out.push(literal("{", false, x));
        out.push(...compileParts(part.parts, c, x));
        out.push(literal("}", false, x));
      }
  }
}

function doubleQuoted(parts: readonly WordPart[], c: Compiler, x: Context, out: Piece[]): void {
  if (parts.length === 0) out.push(literal("", true, QUOTED));
  else out.push(...compileParts(parts, c, { quoted: true, operand: x.operand }));
}

/** Finds the tildes of a word: at its start, and in assignments after `=` and `:`. */
function tildes(pieces: readonly Piece[], c: Compiler, assignment: boolean): readonly Piece[] {
  const first = pieces[0];
  if (first === undefined) return pieces;
  const looksAssigned = c.flavour === "bash" && first.kind === "literal" && !first.quoted && /^[A-Za-z_][A-Za-z0-9_]*\+?=/.test(first.text);
  if (!pieces.some((p) => p.kind === "literal" && !p.quoted && p.text.includes("~"))) return pieces;
  const out: Piece[] = [];
  pieces.forEach((p, n) => {
    if (p.kind !== "literal" || p.quoted || !p.text.includes("~")) {
      out.push(p);
      return;
    }
    const isLast = n === pieces.length - 1;
    const pattern = assignment
      ? /(^|:)~([A-Za-z0-9_.+-]*)(?=[/:]|$)/g
      : looksAssigned && n === 0
        ? /(^|[=:])~([A-Za-z0-9_.+-]*)(?=[/:]|$)/g
        : /^()~([A-Za-z0-9_.+-]*)(?=\/|$)/g;
    let at = 0;
    for (const m of p.text.matchAll(pattern)) {
      if (m.index === 0 && n > 0 && m[1] === "") continue;
      const end = m.index + m[0].length;
      if (end === p.text.length && !isLast) continue;
      const before = p.text.slice(at, m.index) + (m[1] ?? "");
      if (before !== "") out.push({ ...p, text: before });
      out.push({ kind: "tilde", user: m[2] ?? "" });
      at = end;
    }
    if (at < p.text.length) out.push(at === 0 ? p : { ...p, text: p.text.slice(at) });
  });
  return out;
}

function operandPieces(word: Word, c: Compiler, x: Context): Piece[] {
  const inner: Context = { quoted: x.quoted, operand: true };
  if (word.parts !== undefined) return tildes(compileParts(word.parts, c, inner), c, false) as Piece[];
  if (!x.quoted) return tildes(literals(word.text, inner), c, false) as Piece[];
  return word.text === "" ? [] : [literal(word.text.replace(/\\([$`"\\}])/g, "$1"), true, inner)];
}

/** A pattern or replacement inside an expansion: its quotes count even inside double quotes. */
function operandWord(word: Word, c: Compiler): CompiledWord {
  const pieces = word.parts === undefined ? literals(word.text, PLAIN) : compileParts(word.parts, c, PLAIN);
  return finish(word.text, pieces, word.parts);
}

function compileExpansion(part: ParameterExpansionPart, c: Compiler, x: Context): Piece {
  const index =
    part.index === undefined
      ? undefined
      : part.index.text === "@" || part.index.text === "*"
        ? part.index.text
        : compileWord(part.index, c);
  const name = part.parameter;
  const known = /^([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])$/.test(name);
  if (known && part.prefix === undefined && index === undefined && part.operation === undefined)
    return { kind: "parameter", name, quoted: x.quoted };
  const operation = part.operation === undefined ? undefined : compileOperation(part.operation, c, x);
  const kind = typeof operation === "object" ? operation.type : undefined;
  const dashBad =
    c.flavour === "dash" && (index !== undefined || part.prefix === "!" || (kind !== undefined && kind !== "default" && kind !== "remove"));
  const ashBad = c.flavour === "ash" && (index !== undefined || part.prefix === "!" || kind === "case" || kind === "transform");
  const bad = !known || dashBad || ashBad || operation === "unknown" || (part.prefix === "#" && operation !== undefined);
  const e: Omit<Expansion, "pure"> = {
    kind: "expansion",
    quoted: x.quoted,
    text: part.text,
    name,
    indirect: part.prefix === "!",
    length: part.prefix === "#",
    index,
    operation: operation === "unknown" ? undefined : operation,
    bad,
  };
  return { ...e, pure: isPureExpansion(e) };
}

function isPureExpansion(e: Omit<Expansion, "pure">): boolean {
  if (clocked.has(e.name) || (typeof e.index === "object" && !e.index.pure)) return false;
  const o = e.operation;
  switch (o?.type) {
    case "default":
      return o.pieces.every(isPure);
    case "remove":
      return o.pattern.pure;
    case "replace":
      return o.pattern.pure && o.replacement.pure;
    case "slice":
      return o.offset.pure && (o.length?.pure ?? true);
    case "case":
      return o.pattern?.pure ?? true;
    case "transform":
      return o.letter !== "P";
    case "names":
    case undefined:
      return true;
  }
}

function compileOperation(o: ParameterOperation, c: Compiler, x: Context): Operation | "unknown" {
  switch (o.type) {
    case "Default":
      return { type: "default", operator: o.operator, pieces: operandPieces(o.operand, c, x) };
    case "Remove":
      return { type: "remove", operator: o.operator, pattern: operandWord(o.operand, c) };
    case "Replace":
      return { type: "replace", operator: o.operator, pattern: operandWord(o.pattern, c), replacement: operandWord(o.replacement, c) };
    case "Slice":
      return {
        type: "slice",
        offset: compileArithmeticText(o.offset.text, c, true),
        length: o.length === undefined ? undefined : compileArithmeticText(o.length.text, c, true),
      };
    case "CaseModification":
      return { type: "case", operator: o.operator, pattern: o.operand === undefined ? undefined : operandWord(o.operand, c) };
    case "Transform":
      return /^[QEPAaUuLKk]$/.test(o.operand.text) ? { type: "transform", letter: o.operand.text } : "unknown";
    case "Names":
      return { type: "names", star: o.operator === "*" };
    case "Unknown":
      return "unknown";
  }
}

/** An arithmetic expression from its source text. */
export function compileArithmeticText(text: string, c: Compiler, quoted: boolean): Arithmetic {
  const pure = !/\b(SECONDS|EPOCH[A-Z]+|SRANDOM)\b/.test(text);
  if (!/[$`\\"]/.test(text)) return { kind: "arithmetic", quoted, text, pieces: [], direct: undefined, pure, evaluate: undefined };
  const pieces: Piece[] = [];
  for (const p of compileHereText(text, c)) {
    // Inside an expression double quotes are dropped: it is expanded as if it were quoted itself.
    if (p.kind === "literal" && c.flavour !== "dash") pieces.push({ ...p, text: p.text.replace(/"/g, "") });
    else pieces.push(p);
  }
  return {
    kind: "arithmetic",
    quoted,
    text: undefined,
    pieces,
    direct: findDirect(pieces),
    pure: pure && pieces.every(isPure),
    evaluate: undefined,
  };
}

/** `$i + 1` as an expression in which `$i` is an operand, if no literal touches a parameter. */
function findDirect(pieces: readonly Piece[]): Arithmetic["direct"] {
  let text = "";
  const names: string[] = [];
  for (const p of pieces) {
    if (p.kind === "literal") {
      if (names.length > 0 && text.endsWith("\0") && /^[\w#[.$]/.test(p.text)) return undefined;
      text += p.text;
    } else if (p.kind === "parameter" && /^([A-Za-z_]\w*|[0-9]+|#|\?)$/.test(p.name) && !/[\w#\0.]$/.test(text)) {
      names.push(p.name);
      text += `$${p.name}\0`;
    } else return undefined;
  }
  return { text: text.replaceAll("\0", " "), names };
}

/** The pieces of a here-document's body, or of other text that is expanded like one. */
export function compileHereText(text: string, c: Compiler): readonly Piece[] {
  const body = parseHereBody(text);
  if (body.parts === undefined) return [literal(body.text, true, QUOTED)];
  return compileParts(body.parts, c, QUOTED);
}

/** The pieces of a here-document that was parsed in place. */
export function compileHereParts(parts: readonly WordPart[], c: Compiler): readonly Piece[] {
  return compileParts(parts, c, QUOTED);
}

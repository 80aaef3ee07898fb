/**
 * Word expansion: tilde, parameters, command substitution, arithmetic, field splitting, file names, quote removal
 * (POSIX 2.6). A sink decides what becomes of each result: fields, one string, or a pattern.
 */

import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Proc } from "../../abi/sys.ts";
import { escapePattern, hasGlob } from "../libc/fnmatch.ts";
import { glob } from "../libc/glob.ts";
import { compileArithmetic } from "./arithmetic/expression.ts";
import type { Int } from "./arithmetic/integer.ts";
import type { Arithmetic, CompiledWord, Piece } from "./node.ts";
import { expandParameter } from "./parameter.ts";
import { runProcessSubstitution, runSubstitution } from "./substitution.ts";
import { type Shell, ShellError } from "./shell.ts";
import { findHome } from "./users.ts";

/** Takes the results of the pieces of a word. */
export interface Sink {
  literal(text: string, quoted: boolean): void;
  /** The result of an expansion: split where it is not quoted. */
  value(text: string, quoted: boolean): void;
  /** The elements of `$@`, or of `$*` with `star`. */
  list(values: readonly string[], quoted: boolean, star: boolean): void;
}

/** Collects fields, each with the pattern that it is for file names. */
export class FieldSink implements Sink {
  readonly fields: string[] = [];
  /** Indexes of fields that may match file names, with their patterns. */
  readonly patterns = new Map<number, string>();
  private text = "";
  private pattern = "";
  /** Something stands here, if only empty quotes. */
  private begun = false;
  private globs = false;
  /** The last field was ended by white space that a delimiter may still follow. */
  private blankEnded = false;

  constructor(
    private readonly ifs: string,
    private readonly extglob: boolean,
  ) {}

  literal(text: string, quoted: boolean): void {
    this.begun = true;
    this.blankEnded = false;
    this.text += text;
    if (quoted) this.pattern += escapePattern(text);
    else this.addPattern(text);
  }

  private addPattern(text: string): void {
    this.pattern += text;
    if (!this.globs && /[*?[]|[+@!]\(/.test(text)) this.globs = true;
  }

  value(text: string, quoted: boolean): void {
    if (quoted) {
      this.literal(text, true);
      return;
    }
    const { ifs } = this;
    if (text === "") return;
    if (ifs === "") {
      this.begun = true;
      this.text += text;
      this.addPattern(text);
      return;
    }
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text[i] as string;
      if (!ifs.includes(c)) continue;
      this.take(text, start, i);
      start = i + 1;
      if (c === " " || c === "\t" || c === "\n") {
        if (this.begun) {
          this.end();
          this.blankEnded = true;
        }
      } else if (this.blankEnded) this.blankEnded = false;
      else {
        this.end();
        this.blankEnded = false;
      }
    }
    this.take(text, start, text.length);
  }

  private take(text: string, start: number, end: number): void {
    if (start === end) return;
    const part = start === 0 && end === text.length ? text : text.slice(start, end);
    this.begun = true;
    this.blankEnded = false;
    this.text += part;
    this.addPattern(part);
  }

  list(values: readonly string[], quoted: boolean, star: boolean): void {
    if (quoted && star) {
      this.literal(values.join(this.ifs.slice(0, 1)), true);
      return;
    }
    const separator = this.ifs[0];
    if (!quoted && separator !== undefined && !/[ \t\n]/.test(separator)) {
      this.value(values.join(separator), false);
      return;
    }
    for (let i = 0; i < values.length; i++) {
      if (i > 0 && this.begun) this.end();
      else if (i > 0 && quoted) this.end();
      this.value(values[i] as string, quoted);
    }
  }

  /** Ends the present field, even an empty one. */
  private end(): void {
    if (this.globs && hasGlob(this.pattern, this.extglob)) this.patterns.set(this.fields.length, this.pattern);
    this.fields.push(this.text);
    this.text = "";
    this.pattern = "";
    this.begun = false;
    this.globs = false;
  }

  /** Ends the word: a field that has begun is added. */
  finish(): void {
    if (this.begun) this.end();
    this.blankEnded = false;
  }
}

/** Joins everything: assignments, here-documents, the word of `case`. */
export class StringSink implements Sink {
  text = "";

  constructor(private readonly ifs: string) {}

  literal(text: string): void {
    this.text += text;
  }

  value(text: string): void {
    this.text += text;
  }

  list(values: readonly string[], _quoted: boolean, star: boolean): void {
    this.text += values.join(star ? this.ifs.slice(0, 1) : " ");
  }
}

/** Makes a pattern, in which what was quoted matches itself. */
export class PatternSink implements Sink {
  text = "";

  constructor(
    private readonly ifs: string,
    private readonly escape: (text: string) => string = escapePattern,
  ) {}

  literal(text: string, quoted: boolean): void {
    this.text += quoted ? this.escape(text) : text;
  }

  value(text: string, quoted: boolean): void {
    this.literal(text, quoted);
  }

  list(values: readonly string[], quoted: boolean, star: boolean): void {
    this.literal(values.join(star ? this.ifs.slice(0, 1) : " "), quoted);
  }
}

/** Runs a generator that makes no system call to its end. */
export function drive<T>(proc: Proc<T>): T {
  const step = proc[Symbol.iterator]().next();
  if (step.done !== true) throw new Error("a pure expansion tried to sleep");
  return step.value;
}

/** The value of `$name`; undefined if unset. Lists (`@`, `*`) are the caller's. */
export function parameterValue(sh: Shell, name: string): string | undefined {
  const c = name.charCodeAt(0);
  if (c >= 48 && c <= 57) {
    const n = Number(name);
    return n === 0 ? sh.arg0 : sh.positional[n - 1];
  }
  if (name.length === 1) {
    switch (name) {
      case "?":
        return String(sh.status);
      case "#":
        return String(sh.positional.length);
      case "$":
        return String(sh.pid);
      case "!":
        return sh.lastBackground === 0 ? undefined : String(sh.lastBackground);
      case "-":
        return sh.options.letters(`${sh.interactive ? "i" : ""}${sh.readsStdin ? "s" : ""}${sh.commandString ? "c" : ""}`);
      case "_":
        if (sh.flavour === "bash") return sh.lastArgument;
    }
  }
  return sh.get(name);
}

export function* refreshClock(sh: Shell): Proc<void> {
  const now = yield* sh.sys.clock_gettime(CLOCK_REALTIME);
  sh.nowNs = now.sec * 1e9 + now.nsec;
}

/** Expands pieces in order into a sink. */
export function* expandPieces(sh: Shell, pieces: readonly Piece[], sink: Sink): Proc<void> {
  for (const p of pieces) {
    switch (p.kind) {
      case "literal":
        if (p.split) sink.value(p.text, false);
        else sink.literal(p.text, p.quoted);
        break;
      case "parameter":
        if (p.name === "@" || p.name === "*") sink.list(sh.positional, p.quoted, p.name === "*");
        else {
          if (p.name.length > 6 && (p.name === "SECONDS" || p.name === "SRANDOM" || p.name.startsWith("EPOCH"))) yield* refreshClock(sh);
          simpleParameter(sh, p.name, p.quoted, sink);
        }
        break;
      case "tilde":
        sink.literal((yield* expandTilde(sh, p.user)) ?? `~${p.user}`, true);
        break;
      case "arithmetic":
        sink.value(String(yield* evaluateArithmetic(sh, p)), p.quoted);
        break;
      case "command":
        sink.value(yield* runSubstitution(sh, p), p.quoted);
        break;
      case "process":
        sink.literal(yield* runProcessSubstitution(sh, p), true);
        break;
      case "expansion":
        yield* expandParameter(sh, p, sink);
    }
  }
}

function simpleParameter(sh: Shell, name: string, quoted: boolean, sink: Sink): void {
  const value = parameterValue(sh, name);
  if (value !== undefined) sink.value(value, quoted);
  else if (sh.options.nounset && name !== "!") throw sh.unbound(name);
  else if (sh.options.nounset) throw sh.unbound("!");
  else if (quoted) sink.value("", true);
}

function* expandTilde(sh: Shell, user: string): Proc<string | undefined> {
  if (user === "") return sh.get("HOME") ?? (yield* findHome(sh.sys, undefined));
  if (sh.flavour === "bash" && user === "+") return sh.get("PWD");
  if (sh.flavour === "bash" && user === "-") return sh.get("OLDPWD");
  return yield* findHome(sh.sys, user);
}

/** The value of `$((…))`. */
export function* evaluateArithmetic(sh: Shell, a: Arithmetic, command?: string): Proc<Int> {
  if (!a.pure && a.text !== undefined) yield* refreshClock(sh);
  const quick = evaluateQuick(sh, a, command);
  if (quick !== undefined) return quick;
  const sink = new StringSink(sh.ifs);
  yield* expandPieces(sh, a.pieces, sink);
  return evaluateText(sh, sink.text, command);
}

function evaluateText(sh: Shell, text: string, command: string | undefined): Int {
  if (sh.flavour !== "bash" && text.trim() === "" && sh.flavour === "dash")
    throw new ShellError(`arithmetic expression: expecting primary: "${text}"`, 2, "shell");
  return sh.evaluate(text, command);
}

/** The value where no expansion inside it needs the long way; undefined otherwise. */
export function evaluateQuick(sh: Shell, a: Arithmetic, command?: string): Int | undefined {
  if (a.text !== undefined) {
    if (a.evaluate === undefined || command !== undefined) return evaluateFirst(sh, a, command);
    try {
      return a.evaluate(sh);
    } catch {
      // The long way words the error.
      return evaluateText(sh, a.text, command);
    }
  }
  if (a.direct === undefined) return undefined;
  for (const name of a.direct.names) {
    const value = parameterValue(sh, name);
    if (value === undefined || value.length > 15 || !/^(0|[1-9][0-9]*)$/.test(value)) return undefined;
  }
  let text = a.direct.text;
  if (a.evaluate === undefined) {
    for (const name of a.direct.names) if (!/^[A-Za-z_]/.test(name)) return undefined;
    text = text.replaceAll("$", "");
    try {
      a.evaluate = compileArithmetic(text, sh.flavour === "dash");
    } catch {
      return undefined;
    }
  }
  try {
    return a.evaluate(sh);
  } catch {
    return undefined;
  }
}

function evaluateFirst(sh: Shell, a: Arithmetic, command: string | undefined): Int {
  const text = a.text as string;
  const value = evaluateText(sh, text, command);
  a.evaluate = compileArithmetic(text, sh.flavour === "dash");
  return value;
}

/** Quick answer for words that are one plain value; undefined where the long way is needed. */
function quickField(sh: Shell, w: CompiledWord): string | undefined {
  if (w.literal !== undefined) return w.literal;
  if (w.pieces.length !== 1) return undefined;
  const p = w.pieces[0] as Piece;
  if (p.kind === "parameter" && p.name !== "@" && p.name !== "*") {
    if (!w.pure) return undefined;
    const value = parameterValue(sh, p.name);
    if (value === undefined) return p.quoted && !sh.options.nounset ? "" : undefined;
    return p.quoted || isPlain(value, sh.ifs) ? value : undefined;
  }
  if (p.kind === "arithmetic" && p.pure && (p.quoted || sh.ifs === " \t\n")) {
    const value = evaluateQuick(sh, p);
    return value === undefined ? undefined : String(value);
  }
  return undefined;
}

/** Whether an unquoted value is just one field that matches no file names. */
export function isPlain(value: string, ifs: string): boolean {
  const n = value.length;
  if (n === 0 || n > 64 || ifs !== " \t\n") return false;
  for (let i = 0; i < n; i++) {
    const c = value.charCodeAt(i);
    // Blanks, newline, * ? [ \ and the brackets of extended patterns.
    if (c <= 32 || c === 42 || c === 63 || c === 91 || c === 92 || c === 40) return false;
  }
  return true;
}

/** Fields without system calls, or undefined (nothing done) where that cannot be. Words must have no side effects but arithmetic. */
export function expandSync(sh: Shell, words: readonly CompiledWord[]): string[] | undefined {
  const fields: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const w = words[i] as CompiledWord;
    const field = quickField(sh, w);
    if (field === undefined) return undefined;
    fields.push(field);
  }
  return fields;
}

/** Expands words to the arguments of a command. */
export function* expandWords(sh: Shell, words: readonly CompiledWord[]): Proc<string[]> {
  const out: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const w = words[i] as CompiledWord;
    const quick = quickField(sh, w);
    if (quick !== undefined) out.push(quick);
    else yield* expandFields(sh, w, out);
  }
  return out;
}

function* expandFields(sh: Shell, w: CompiledWord, out: string[]): Proc<void> {
  const sink = new FieldSink(sh.ifs, sh.options.extglob);
  yield* expandPieces(sh, w.pieces, sink);
  sink.finish();
  if (sink.patterns.size === 0 || sh.options.noglob) {
    for (const f of sink.fields) out.push(f);
    return;
  }
  for (let i = 0; i < sink.fields.length; i++) {
    const pattern = sink.patterns.get(i);
    const field = sink.fields[i] as string;
    if (pattern === undefined) out.push(field);
    else yield* expandNames(sh, field, pattern, out);
  }
}

function* expandNames(sh: Shell, field: string, pattern: string, out: string[]): Proc<void> {
  const o = sh.options;
  const names = yield* glob(sh.sys, pattern, {
    extglob: o.extglob,
    dotglob: o.shopt("dotglob"),
    skipDots: sh.flavour === "bash" && o.shopt("globskipdots"),
    globstar: o.shopt("globstar"),
    ignoreCase: o.shopt("nocaseglob"),
  });
  if (names.length > 0) for (const n of names) out.push(n);
  else if (o.shopt("failglob")) throw new ShellError(`no match: ${field}`, 1);
  else if (!o.shopt("nullglob")) out.push(field);
}

/** Expands a word without splitting: the value of an assignment, the word of `case`. */
export function* expandString(sh: Shell, w: CompiledWord): Proc<string> {
  if (w.literal !== undefined) return w.literal;
  const sink = new StringSink(sh.ifs);
  yield* expandPieces(sh, w.pieces, sink);
  return sink.text;
}

/** As expandString for a word that makes no system calls. */
export function expandStringSync(sh: Shell, w: CompiledWord): string {
  if (w.literal !== undefined) return w.literal;
  if (w.pieces.length === 1) {
    const p = w.pieces[0] as Piece;
    if (p.kind === "arithmetic") {
      const value = evaluateQuick(sh, p);
      if (value !== undefined) return String(value);
    } else if (p.kind === "parameter" && p.name !== "@" && p.name !== "*") {
      const value = parameterValue(sh, p.name);
      if (value !== undefined) return value;
    }
  }
  return drive(expandString(sh, w));
}

/** Expands a word to a pattern. */
export function* expandPattern(sh: Shell, w: CompiledWord): Proc<string> {
  const sink = new PatternSink(sh.ifs);
  yield* expandPieces(sh, w.pieces, sink);
  return sink.text;
}

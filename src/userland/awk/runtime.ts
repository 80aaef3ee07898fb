/** The state of a running awk program: variables, the record and its fields, the main input, random numbers. */

import { Errno } from "../../abi/errno.ts";
import type { Proc, Voice } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Command } from "../libc/command.ts";
import { fromByteString, toByteString } from "../libc/lines.ts";
import { type Regex, RegexError, regcomp } from "../libc/regex.ts";
import { Input } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";
import { formatPrintf } from "./format.ts";
import { AwkStreams } from "./io.ts";
import { unescapeString } from "./lexer.ts";
import { GlibcRandom } from "./random.ts";
import { RecordReader, type RecordSeparator, recordSeparator } from "./records.ts";
import { type AwkArray, type NumberFormat, StrNum, toNumber, toText, type Value } from "./value.ts";

/** Ends the program with a message, as `mawk: run time error: …`. */
export class AwkRuntimeError {
  constructor(readonly message: string) {}
}

/** The program's input cannot be opened: fatal in mawk. */
export class InputError {
  constructor(
    readonly name: string,
    readonly errno: Errno,
  ) {}
}

export const MAWK_MAX_INTEGER = 2147483647;

export class Runtime {
  readonly streams: AwkStreams;
  readonly globals: Value[] = [];
  readonly arrays: AwkArray[] = [];
  /** The parameters of the function that runs. */
  frame: (Value | AwkArray)[] = [];
  returnValue: Value;
  exitStatus = 0;
  nr: Value = 0;
  fnr: Value = 0;
  ofs = " ";
  ors = "\n";
  subsep = "\x1c";
  readonly convfmt: NumberFormat;
  readonly ofmt: NumberFormat;
  readonly random: GlibcRandom;
  seed: Value;
  readonly voice: Voice;

  private record: Value = undefined;
  private recordValid = true;
  private fields: Value[] = [];
  private fieldsValid = true;
  private splitter: Splitter = { kind: "blanks" };
  private separator: RecordSeparator = { kind: "char", char: "\n" };
  private mainReader: RecordReader | undefined;
  private mainInput: Input | undefined;
  private argAt = 1;
  private usedFile = false;
  private inputEnded = false;

  constructor(
    readonly c: Command,
    /** Slots of the global variables and arrays by name; the compiler adds to them. */
    readonly slots: Map<string, number>,
    readonly arraySlots: Map<string, number>,
    seed: number,
  ) {
    this.voice = c.voice;
    this.streams = new AwkStreams(c);
    const maxInteger = c.voice === "gnu" ? MAWK_MAX_INTEGER : 2 ** 63;
    this.convfmt = { format: "%.6g", maxInteger };
    this.ofmt = { format: "%.6g", maxInteger };
    this.random = new GlibcRandom(seed);
    this.seed = seed;
  }

  // ── Variables ──────────────────────────────────────────────────────────────────────────────────────────────────────

  getGlobal(name: string): Value {
    switch (name) {
      case "NR":
        return this.nr;
      case "FNR":
        return this.fnr;
      case "NF":
        return this.fieldCount();
      default: {
        const slot = this.slots.get(name);
        return slot === undefined ? undefined : this.globals[slot];
      }
    }
  }

  setGlobal(name: string, value: Value): void {
    switch (name) {
      case "NR":
        this.nr = value;
        return;
      case "FNR":
        this.fnr = value;
        return;
      case "NF":
        this.setFieldCount(Math.trunc(toNumber(value)));
        return;
    }
    let slot = this.slots.get(name);
    if (slot === undefined) {
      slot = this.slots.size;
      this.slots.set(name, slot);
    }
    this.globals[slot] = value;
    const text = (): string => toText(value, this.convfmt);
    switch (name) {
      case "FS":
        this.splitter = makeSplitter(text(), (source) => this.regex(source));
        break;
      case "RS":
        this.separator = recordSeparator(text(), (source) => this.regex(source));
        break;
      case "OFS":
        this.ofs = text();
        break;
      case "ORS":
        this.ors = text();
        break;
      case "SUBSEP":
        this.subsep = text();
        break;
      case "CONVFMT":
        this.convfmt.format = text();
        break;
      case "OFMT":
        this.ofmt.format = text();
        break;
    }
  }

  array(name: string): AwkArray {
    let slot = this.arraySlots.get(name);
    if (slot === undefined) {
      slot = this.arraySlots.size;
      this.arraySlots.set(name, slot);
    }
    let array = this.arrays[slot];
    if (array === undefined) {
      array = new Map();
      this.arrays[slot] = array;
    }
    return array;
  }

  /** `name=value` of -v and of operands. */
  assignText(assignment: string): void {
    const at = assignment.indexOf("=");
    this.setGlobal(assignment.slice(0, at), new StrNum(unescapeString(toByteString(assignment.slice(at + 1)))));
  }

  text(v: Value): string {
    return toText(v, this.convfmt);
  }

  /** As print writes a value: numbers by OFMT. */
  outputText(v: Value): string {
    return typeof v === "number" ? toText(v, this.ofmt) : toText(v, this.convfmt);
  }

  /** Compiles. Errors: RegexError with the whole of what mawk or busybox says. */
  regex(source: string): Regex {
    try {
      return this.voice === "gnu" ? regcomp(source, { dialect: "awk" }) : regcomp(source, { dialect: "sed", extended: true });
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      const shown = fromByteString(source);
      throw new RegexError(
        this.voice === "gnu" ? `regular expression compile failed (${e.message})\n${shown}` : `bad regex '${shown}': ${e.message}`,
      );
    }
  }

  format(args: readonly Value[], what: string): string {
    const [format, ...values] = args;
    const text = this.text(format);
    const made = formatPrintf(text, values, this.convfmt, this.voice === "busybox");
    if (typeof made !== "string") {
      // What came before the missing argument is printed.
      if (what === "printf") this.streams.print(made.before);
      throw new AwkRuntimeError(`not enough arguments passed to ${what}("${text}")`);
    }
    return made;
  }

  // ── The record ─────────────────────────────────────────────────────────────────────────────────────────────────────

  setRecord(text: string): void {
    this.record = new StrNum(text);
    this.recordValid = true;
    this.fieldsValid = false;
  }

  private fieldCount(): number {
    this.split();
    return this.fields.length;
  }

  getField(index: number): Value {
    if (index === 0) {
      if (!this.recordValid) {
        this.record = new StrNum(this.fields.map((f) => this.text(f)).join(this.ofs));
        this.recordValid = true;
      }
      return this.record;
    }
    if (index < 0) throw new AwkRuntimeError(this.voice === "gnu" ? `negative field index $${index}` : "Access to negative field");
    this.split();
    return this.fields[index - 1];
  }

  setField(index: number, value: Value): void {
    if (index === 0) {
      const text = this.text(value);
      this.setRecord(text);
      if (typeof value === "string") this.record = new StrNum(text);
      return;
    }
    if (index < 0) throw new AwkRuntimeError(this.voice === "gnu" ? `negative field index $${index}` : "Access to negative field");
    this.split();
    while (this.fields.length < index) this.fields.push("");
    this.fields[index - 1] = value;
    this.recordValid = false;
  }

  private setFieldCount(count: number): void {
    this.split();
    while (this.fields.length < count) this.fields.push("");
    this.fields.length = Math.max(count, 0);
    this.recordValid = false;
  }

  private split(): void {
    if (this.fieldsValid) return;
    this.fieldsValid = true;
    const parts = splitText(this.text(this.record), this.splitter, this.voice === "busybox" && this.separator.kind === "paragraph");
    const fields: Value[] = new Array(parts.length);
    for (let i = 0; i < parts.length; i++) fields[i] = new StrNum(parts[i] as string);
    this.fields = fields;
  }

  // ── Input ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  get recordSeparator(): RecordSeparator {
    return this.separator;
  }

  /** The next record of the main input if it needs no read(2). */
  bufferedRecord(): string | undefined {
    const record = this.mainReader?.buffered(this.separator);
    if (record !== undefined) this.count();
    return record;
  }

  /** The next record of the main input; undefined at its end. Blocks. Throws InputError. */
  *nextRecord(): Proc<string | undefined> {
    for (;;) {
      if (this.mainReader === undefined) {
        if (this.inputEnded || !(yield* this.openNext())) {
          this.inputEnded = true;
          return undefined;
        }
      }
      // On a terminal what was printed shows before more is waited for.
      yield* this.streams.drain();
      const record = yield* (this.mainReader as RecordReader).next(this.separator);
      if (record !== undefined) {
        this.count();
        return record;
      }
      yield* this.closeMain();
    }
  }

  private count(): void {
    this.nr = toNumber(this.nr) + 1;
    this.fnr = toNumber(this.fnr) + 1;
  }

  *closeMain(): Proc<void> {
    if (this.mainInput !== undefined && this.mainInput !== this.c.stdin) yield* this.c.sys.close(this.mainInput.fd);
    this.mainInput = undefined;
    this.mainReader = undefined;
  }

  private *openNext(): Proc<boolean> {
    const argv = this.array("ARGV");
    for (;;) {
      const argc = toNumber(this.getGlobal("ARGC"));
      if (this.argAt >= argc) {
        if (this.usedFile) return false;
        this.usedFile = true;
        this.begin("-", this.c.stdin);
        if (this.voice === "busybox") this.setGlobal("FILENAME", "");
        return true;
      }
      const key = `${this.argAt++}`;
      if (!argv.has(key)) continue;
      const operand = this.text(argv.get(key));
      if (operand === "") continue;
      if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(operand)) {
        this.assignText(fromByteString(operand));
        continue;
      }
      this.usedFile = true;
      if (operand === "-" || operand === "/dev/stdin") {
        this.begin(operand, this.c.stdin);
        return true;
      }
      try {
        this.begin(operand, new Input(this.c.sys, yield* open(this.c.sys, fromByteString(operand))));
        return true;
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        throw new InputError(operand, e);
      }
    }
  }

  private begin(name: string, input: Input): void {
    this.setGlobal("FILENAME", name);
    this.fnr = 0;
    this.mainInput = input;
    this.mainReader = new RecordReader(this.c.sys, input);
  }

  *now(): Proc<number> {
    return (yield* this.c.sys.clock_gettime(CLOCK_REALTIME)).sec;
  }
}

// ── Splitting ────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Splitter =
  | { readonly kind: "blanks" }
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "chars" }
  | { readonly kind: "regex"; readonly regex: Regex };

/** The meaning of FS and of split's third argument. Errors: RegexError. */
export function makeSplitter(fs: string, compile: (source: string) => Regex): Splitter {
  if (fs === " ") return { kind: "blanks" };
  if (fs === "") return { kind: "chars" };
  if (fs.length === 1 && fs !== "\\") return { kind: "char", char: fs };
  return { kind: "regex", regex: compile(fs) };
}

/** The fields of `text`; in paragraph mode a newline separates fields as well. */
export function splitText(text: string, splitter: Splitter, paragraph = false): string[] {
  if (splitter.kind === "blanks") return text.match(/[^ \t\n]+/g) ?? [];
  if (text === "") return [];
  if (paragraph) return text.split("\n").flatMap((line) => (line === "" ? [""] : splitText(line, splitter)));
  if (splitter.kind === "char") return text.split(splitter.char);
  if (splitter.kind === "chars") return text.split("");
  const parts: string[] = [];
  let start = 0;
  for (let from = 0; from <= text.length; ) {
    const match = splitter.regex.exec(text, from);
    if (match === undefined || match.start >= text.length) break;
    if (match.end === match.start) {
      from = match.end + 1;
      continue;
    }
    parts.push(text.slice(start, match.start));
    start = match.end;
    from = match.end;
  }
  parts.push(text.slice(start));
  return parts;
}

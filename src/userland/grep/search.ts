/** Searching one input and printing what was found, with context, in blocks. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { byteLength } from "../../abi/utf8.ts";
import { LineReader } from "../libc/lines.ts";
import type { Output } from "../libc/stdio.ts";
import type { ByteSource } from "../libc/stream.ts";
import type { Matcher, Span } from "./matcher.ts";
import type { GrepOptions } from "./options.ts";

/** How things are coloured: GREP_COLORS' defaults, or not at all. */
const paint = (code: string, text: string): string => `\x1b[${code}m\x1b[K${text}\x1b[m\x1b[K`;
const MATCH = "01;31";
const NAME = "35";
const NUMBER = "32";
const SEPARATOR = "36";

/** Bytes that are no UTF-8 (see utf8.ts). */
const badText = /[\udc80-\udcff]/u;

export class Search {
  /** A group of context was printed: the next one needs a `--`. */
  private printedGroup = false;
  private readonly delimiter: string;

  constructor(
    private readonly sys: Sys,
    private readonly out: Output,
    private readonly matcher: Matcher,
    private readonly o: GrepOptions,
    private readonly withNames: boolean,
    private readonly color: boolean,
    private readonly noteBinary: (name: string) => Proc<void>,
  ) {
    this.delimiter = o.nulData ? "\0" : "\n";
  }

  /** Searches `source`; returns how many lines were selected. */
  *file(source: ByteSource, name: string, named = this.withNames): Proc<number> {
    const run = new FileSearch(this.o, this.matcher, new LineFormat(this.o, name, named, this.color, this.delimiter));
    let sawNul = false;
    const watching: ByteSource = {
      *read() {
        const bytes = yield* source.read();
        if (bytes !== undefined && !sawNul && bytes.includes(0)) sawNul = true;
        return bytes;
      },
    };
    const reader = new LineReader(this.sys, this.o.nulData ? source : watching, {
      delimiter: this.o.nulData ? 0 : 10,
      encoding: "utf8",
      nsPerByte: 3,
    });
    const printsLines = !this.o.quiet && !this.o.count && this.o.list === "none";
    let binary = false;
    while (!run.done) {
      const lines = yield* reader.read();
      if (lines === undefined) break;
      const text: string[] = [];
      if (this.o.binary !== "text") {
        if (sawNul && this.o.binary === "skip") return 0;
        if (sawNul) run.binary = true;
      }
      run.block(lines, text, this.printedGroup);
      this.printedGroup ||= run.printed;
      if (text.length > 0) yield* this.out.print(text.join(""));
      if (this.o.lineBuffered) yield* this.out.flush();
      if (run.binaryMatch && printsLines) {
        binary = true;
        break;
      }
    }
    if (binary && this.o.binary === "note") yield* this.noteBinary(name);
    yield* this.summary(run, name, named);
    return run.selected;
  }

  private *summary(run: FileSearch, name: string, named: boolean): Proc<void> {
    if (this.o.quiet) return;
    const shown = this.color ? paint(NAME, name) : name;
    const separator = this.color ? paint(SEPARATOR, ":") : ":";
    if (this.o.count) {
      const prefix = named ? shown + (this.o.nulAfterName ? "\0" : separator) : "";
      yield* this.out.print(`${prefix}${run.selected}\n`);
    }
    if (this.o.list === "matching" ? run.selected > 0 : this.o.list === "others" && run.selected === 0) {
      yield* this.out.print(shown + (this.o.nulAfterName ? "\0" : "\n"));
    }
  }
}

/** The prefix and the colours of an output line. */
class LineFormat {
  private readonly name: string;

  constructor(
    private readonly o: GrepOptions,
    name: string,
    withNames: boolean,
    readonly color: boolean,
    readonly delimiter: string,
  ) {
    this.name = withNames ? (color ? paint(NAME, name) : name) : "";
  }

  prefix(number: number, offset: number, separator: ":" | "-"): string {
    const mark = this.color ? paint(SEPARATOR, separator) : separator;
    let text = "";
    if (this.name !== "") text += this.name + (this.o.nulAfterName ? "\0" : mark);
    if (this.o.lineNumbers) text += (this.color ? paint(NUMBER, `${number}`) : number) + mark;
    if (this.o.byteOffsets) text += (this.color ? paint(NUMBER, `${offset}`) : offset) + mark;
    return text;
  }

  get groupSeparator(): string {
    return `${this.color ? paint(SEPARATOR, "--") : "--"}\n`;
  }
}

/** The state of the search in one file. */
class FileSearch {
  selected = 0;
  done = false;
  printed = false;
  binary = false;
  /** A line was selected that must not be printed as it is. */
  binaryMatch = false;
  private number = 0;
  private offset = 0;
  /** Lines of trailing context still to come. */
  private after = 0;
  private lastPrinted = 0;
  private readonly before: { line: string; number: number; offset: number }[] = [];
  private readonly lines: boolean;

  constructor(
    private readonly o: GrepOptions,
    private readonly matcher: Matcher,
    private readonly format: LineFormat,
  ) {
    this.lines = !o.quiet && !o.count && o.list === "none";
    if (o.max === 0) this.done = true;
  }

  block(lines: readonly string[], out: string[], groupBefore: boolean): void {
    const { matcher, o } = this;
    const plain = this.lines && o.before === 0 && o.after === 0 && !o.only && !o.byteOffsets && !this.format.color;
    for (const line of lines) {
      this.number++;
      const hit = matcher.test(line) !== o.invert;
      if (hit && this.selected < o.max) {
        this.selected++;
        if (!this.lines) {
          if (o.quiet || o.list !== "none") this.done = true;
        } else if (o.binary !== "text" && (this.binary || badText.test(line))) {
          this.binaryMatch = true;
          this.done = true;
        } else if (plain) out.push(this.format.prefix(this.number, 0, ":"), line, this.format.delimiter);
        else this.hit(line, out, groupBefore);
        if (this.selected >= o.max) {
          this.after = o.after;
          if (this.after === 0 || !this.lines) this.done = true;
        }
      } else if (!plain && this.lines) this.miss(line, out);
      if (this.done) return;
      if (o.byteOffsets) this.offset += byteLength(line) + 1;
    }
  }

  private hit(line: string, out: string[], groupBefore: boolean): void {
    const { o, format } = this;
    if (o.before > 0 || o.after > 0) {
      const first = this.before[0]?.number ?? this.number;
      if ((this.lastPrinted > 0 ? first > this.lastPrinted + 1 : groupBefore) && (groupBefore || this.printed))
        out.push(format.groupSeparator);
      for (const held of this.before.splice(0)) this.context(held.line, held.number, held.offset, out);
    }
    this.printed = true;
    this.lastPrinted = this.number;
    this.after = o.after;
    if (o.only) this.matches(line, out);
    else {
      const text = format.color && !o.invert ? this.painted(line) : line;
      out.push(format.prefix(this.number, this.offset, ":"), text, format.delimiter);
    }
  }

  private miss(line: string, out: string[]): void {
    if (this.after > 0) {
      this.after--;
      this.lastPrinted = this.number;
      this.context(line, this.number, this.offset, out);
      if (this.after === 0 && this.selected >= this.o.max) this.done = true;
    } else if (this.o.before > 0) {
      this.before.push({ line, number: this.number, offset: this.offset });
      if (this.before.length > this.o.before) this.before.shift();
    }
  }

  private context(line: string, number: number, offset: number, out: string[]): void {
    if (this.o.only) return;
    const text = this.format.color && this.o.invert ? this.painted(line) : line;
    out.push(this.format.prefix(number, offset, "-"), text, this.format.delimiter);
  }

  private matches(line: string, out: string[]): void {
    if (this.o.invert) return;
    for (const span of this.spans(line)) {
      const text = line.slice(span.start, span.end);
      const offset = this.o.byteOffsets ? this.offset + byteLength(line.slice(0, span.start)) : 0;
      out.push(this.format.prefix(this.number, offset, ":"), this.format.color ? paint(MATCH, text) : text, this.format.delimiter);
    }
  }

  private painted(line: string): string {
    let text = "";
    let at = 0;
    for (const span of this.spans(line)) {
      text += line.slice(at, span.start) + paint(MATCH, line.slice(span.start, span.end));
      at = span.end;
    }
    return text + line.slice(at);
  }

  /** The matches that are not empty, from left to right. */
  private spans(line: string): Span[] {
    const spans: Span[] = [];
    for (let from = 0; from <= line.length; ) {
      const span = this.matcher.find(line, from);
      if (span === undefined) break;
      if (span.end > span.start) spans.push(span);
      from = span.end > span.start ? span.end : Math.max(span.end, from) + 1;
    }
    return spans;
  }
}

/** Reading records: by RS, which is a newline, another character, a regular expression, or empty for paragraphs. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { latin1 } from "../libc/lines.ts";
import type { Regex } from "../libc/regex.ts";
import type { ByteSource } from "../libc/stream.ts";

export type RecordSeparator =
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "regex"; readonly regex: Regex }
  | { readonly kind: "paragraph" };

const NEWLINE: RecordSeparator = { kind: "char", char: "\n" };

/** The meaning of RS. Errors: RegexError. */
export function recordSeparator(rs: string, compile: (source: string) => Regex): RecordSeparator {
  if (rs === "\n") return NEWLINE;
  if (rs === "") return { kind: "paragraph" };
  if (rs.length === 1) return { kind: "char", char: rs };
  return { kind: "regex", regex: compile(rs) };
}

const NS_PER_BYTE = 12;

/** Records of one stream. Blocks that hold whole lines are kept split, so that most records cost no search. */
export class RecordReader {
  private buffer = "";
  private at = 0;
  private ended = false;

  constructor(
    private readonly sys: Sys,
    private readonly source: ByteSource,
  ) {}

  /** The next record if it is there already, without reading; undefined where `next` must be asked. */
  buffered(separator: RecordSeparator): string | undefined {
    if (separator.kind !== "char") return undefined;
    const end = this.buffer.indexOf(separator.char, this.at);
    if (end < 0) return undefined;
    const record = this.buffer.slice(this.at, end);
    this.at = end + 1;
    return record;
  }

  /** The next record; undefined at the end. Blocks. */
  *next(separator: RecordSeparator): Proc<string | undefined> {
    if (separator.kind === "char") {
      for (;;) {
        const record = this.buffered(separator);
        if (record !== undefined) return record;
        if (!(yield* this.more())) return this.rest();
      }
    }
    if (separator.kind === "paragraph") return yield* this.paragraph();
    for (;;) {
      const found = separator.regex.exec(this.buffer, this.at);
      // A match that reaches the end of what was read might be longer with what follows.
      if (found !== undefined && found.end > found.start && (found.end < this.buffer.length || this.ended)) {
        const record = this.buffer.slice(this.at, found.start);
        this.at = found.end;
        return record;
      }
      if (!(yield* this.more())) {
        if (found !== undefined && found.end > found.start) continue;
        return this.rest();
      }
    }
  }

  private *paragraph(): Proc<string | undefined> {
    for (;;) {
      while (this.buffer[this.at] === "\n") this.at++;
      if (this.at < this.buffer.length || !(yield* this.more())) break;
    }
    for (;;) {
      const end = this.buffer.indexOf("\n\n", this.at);
      if (end >= 0) {
        const record = this.buffer.slice(this.at, end);
        this.at = end + 2;
        return record;
      }
      if (!(yield* this.more())) return this.rest()?.replace(/\n$/, "");
    }
  }

  private rest(): string | undefined {
    if (this.at >= this.buffer.length) return undefined;
    const record = this.buffer.slice(this.at);
    this.at = this.buffer.length;
    return record;
  }

  private *more(): Proc<boolean> {
    if (this.ended) return false;
    const bytes = yield* this.source.read();
    if (bytes === undefined) {
      this.ended = true;
      return false;
    }
    yield* this.sys.spend(bytes.length * NS_PER_BYTE);
    this.buffer = this.buffer.slice(this.at) + latin1(bytes);
    this.at = 0;
    return true;
  }
}

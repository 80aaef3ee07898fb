/** A file or pipe as less holds it: lines that are read as far as somebody looks. */

import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Input } from "../libc/stdio.ts";
import type { Key, Terminal } from "../tui/terminal.ts";

/**
 * What is kept of a document at most. Differs from Linux: less holds as much as there is memory; here what comes after this is
 * not read.
 */
const MAX_BYTES = 32 << 20;
const MAX_LINES = 1_000_000;

export class Document {
  readonly lines: string[] = [];
  /** The end of the input was met. */
  complete = false;
  bytes = 0;
  private rest = "";
  private carry = new Uint8Array(0) as Uint8Array;

  constructor(
    readonly name: string,
    /** undefined: there is nothing (more) to read. */
    private readonly input: Input | undefined,
    /** For statistics and percentages; undefined for pipes. */
    readonly size: number | undefined,
  ) {
    if (input === undefined) this.complete = true;
  }

  /** The descriptor to wait for while the input is not complete. */
  get fd(): number | undefined {
    return this.complete ? undefined : this.input?.fd;
  }

  /** Reads once. Blocks until there is something. */
  *readSome(): Proc<void> {
    if (this.complete || this.input === undefined) return;
    if (this.bytes > MAX_BYTES || this.lines.length > MAX_LINES) {
      this.complete = true;
      return;
    }
    const part = yield* this.input.read();
    if (part === undefined) {
      this.complete = true;
      if (this.carry.length > 0) this.rest += decodeUtf8(this.carry);
      if (this.rest !== "") this.lines.push(this.rest);
      this.rest = "";
      return;
    }
    this.bytes += part.length;
    const all = new Uint8Array(this.carry.length + part.length);
    all.set(this.carry);
    all.set(part, this.carry.length);
    // What stands behind the last newline may end inside a character.
    const end = all.lastIndexOf(10) + 1;
    if (end === 0) {
      this.carry = all;
      return;
    }
    const text = this.rest + decodeUtf8(all, 0, end - 1);
    this.rest = "";
    this.carry = all.slice(end);
    for (const line of text.split("\n")) this.lines.push(line);
  }

  /** Reads until there are `count` lines or no more. Blocks. */
  *need(count: number): Proc<void> {
    while (this.lines.length < count && !this.complete) yield* this.readSome();
  }
}

/**
 * Reads until there are `count` lines or no more, or until a key is typed meanwhile: that key is returned. A pipe whose writer
 * says nothing must not make the pager deaf.
 */
export function* needOrKey(terminal: Terminal, document: Document, count: number): Proc<Key | undefined> {
  while (document.lines.length < count && !document.complete) {
    const key = yield* terminal.key(-1, document.fd);
    if (key !== "<input>") return key;
    yield* document.readSome();
  }
  return undefined;
}

/** How xargs takes its input apart: findutils `xargs.c`, read_line() and read_string(). */

import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Input } from "../libc/stdio.ts";

export interface Item {
  readonly text: string;
  /** Nothing but an end of line follows, and the line does not continue (it does where it ends in a blank). */
  readonly endsLine: boolean;
}

/** The input cannot be taken apart. */
export class ItemError {
  constructor(readonly message: string) {}
}

export interface ItemOptions {
  /** Items end at this byte and nothing is special; undefined for blanks and quotes. */
  readonly delimiter: number | undefined;
  /** -I: items are lines, without their leading blanks. */
  readonly lines: boolean;
  /** -E: an item that ends the input. */
  readonly eof: string | undefined;
  readonly busybox: boolean;
  /** No item may be longer: it would not fit into a command line. */
  readonly maxBytes: number;
}

const NEWLINE = 10;
const isBlank = (b: number): boolean => b === 32 || b === 9;
const isSpace = (b: number): boolean => isBlank(b) || b === NEWLINE || (b >= 11 && b <= 13);

export class Items {
  private chunk = new Uint8Array(0) as Uint8Array;
  private at = 0;
  private ended = false;
  /** A NUL byte was met among quoted items, where it cannot be passed on. */
  sawNul = false;

  constructor(
    private readonly input: Input,
    private readonly options: ItemOptions,
  ) {}

  private *byte(): Proc<number> {
    if (this.at === this.chunk.length) {
      const next = yield* this.input.read();
      if (next === undefined) return -1;
      this.chunk = next;
      this.at = 0;
    }
    return this.chunk[this.at++] as number;
  }

  /** The next item; undefined at the end. Throws ItemError. */
  *next(): Proc<Item | undefined> {
    if (this.ended) return undefined;
    const { delimiter } = this.options;
    const item = delimiter === undefined ? yield* this.quoted() : yield* this.delimited(delimiter);
    if (item === undefined || (delimiter === undefined && item.text === this.options.eof)) {
      this.ended = true;
      return undefined;
    }
    return item;
  }

  private *delimited(delimiter: number): Proc<Item | undefined> {
    const bytes: number[] = [];
    for (;;) {
      const b = yield* this.byte();
      if (b === delimiter) return { text: decodeUtf8(Uint8Array.from(bytes)), endsLine: true };
      if (b === -1) {
        this.ended = true;
        return bytes.length === 0 ? undefined : { text: decodeUtf8(Uint8Array.from(bytes)), endsLine: true };
      }
      bytes.push(b);
      this.checkLength(bytes);
    }
  }

  private checkLength(bytes: readonly number[]): void {
    if (bytes.length > this.options.maxBytes) throw new ItemError("argument line too long");
  }

  private *quoted(): Proc<Item | undefined> {
    const { lines } = this.options;
    const bytes: number[] = [];
    let started = false;
    let quote = 0;
    for (;;) {
      const b = yield* this.byte();
      this.checkLength(bytes);
      if (b === -1) {
        if (quote !== 0) throw this.unmatched(quote);
        this.ended = true;
        return started ? this.item(bytes, true) : undefined;
      }
      if (quote !== 0) {
        if (b === NEWLINE) throw this.unmatched(quote);
        if (b === quote) quote = 0;
        else bytes.push(b);
      } else if (b === 0x22 || b === 0x27) {
        quote = b;
        started = true;
      } else if (b === 0x5c) {
        const next = yield* this.byte();
        if (next !== -1) bytes.push(next);
        started = true;
      } else if (!started && isSpace(b)) {
        // Blanks and empty lines before an item.
      } else if (b === NEWLINE) return this.item(bytes, true);
      else if (!lines && isSpace(b)) return this.item(bytes, false);
      else {
        started = true;
        if (b === 0) this.sawNul = true;
        bytes.push(b);
      }
    }
  }

  private item(bytes: number[], endsLine: boolean): Item {
    const text = decodeUtf8(Uint8Array.from(bytes));
    // An argument ends at a NUL, as every C string does.
    const nul = text.indexOf("\0");
    return { text: nul < 0 ? text : text.slice(0, nul), endsLine };
  }

  private unmatched(quote: number): ItemError {
    const kind = quote === 0x22 ? "double" : "single";
    if (this.options.busybox) return new ItemError(`unmatched ${kind} quote`);
    return new ItemError(`unmatched ${kind} quote; by default quotes are special to xargs unless you use the -0 option`);
  }
}

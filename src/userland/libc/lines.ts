/**
 * Text in big pieces: the input files of a filter one after another, and their lines as blocks, one block a read(2).
 * So a stream of 100,000 lines costs a few calls for each 64 KiB, and a terminal's line is still handled as it comes.
 *
 * Byte strings: coreutils work on bytes, so such tools hold each byte as one character U+0000…U+00FF ("latin1"), whose order
 * is also that of the C locale. Tools that know characters (sed, grep, column) use UTF-8 text instead.
 */

import { Errno } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import type { Command } from "./command.ts";
import { quotef } from "./quotearg.ts";
import { concat, Input } from "./stdio.ts";
import type { ByteSource } from "./stream.ts";
import { open } from "./unistd.ts";

/** The byte string of `bytes`. */
export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start <= 8192) return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
  const parts: string[] = [];
  for (let at = start; at < end; at += 8192) {
    parts.push(String.fromCharCode.apply(null, bytes.subarray(at, Math.min(end, at + 8192)) as unknown as number[]));
  }
  return parts.join("");
}

/** The bytes of a byte string. */
export function fromLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text);

/** The byte string of an argument (UTF-8 text). */
export const toByteString = (text: string): string => (isAscii(text) ? text : latin1(encodeUtf8(text)));

/** The text of a byte string. */
export const fromByteString = (text: string): string => (isAscii(text) ? text : decodeUtf8(fromLatin1(text)));

/** Prints a byte string. */
export function* printBytes(c: Command, text: string): Proc<void> {
  if (text !== "") yield* isAscii(text) ? c.stdout.print(text) : c.stdout.write(fromLatin1(text));
}

export interface LineReaderOptions {
  /** Ends a line; newline (10) unless given. */
  readonly delimiter?: number;
  readonly encoding?: "utf8" | "latin1";
  /** User-mode cost of a byte: what the program does with it. */
  readonly nsPerByte?: number;
}

/** Lines without their delimiters, in blocks. */
export class LineReader {
  /** Set with the block that holds the end of an input whose last line is not terminated. */
  unterminated = false;
  private rest: Uint8Array[] = [];
  private ended = false;
  private readonly delimiter: number;
  private readonly decode: (bytes: Uint8Array, start?: number, end?: number) => string;
  private readonly separator: string;
  private readonly nsPerByte: number;

  constructor(
    private readonly sys: Sys,
    private readonly source: ByteSource,
    options: LineReaderOptions = {},
  ) {
    this.delimiter = options.delimiter ?? 10;
    this.separator = String.fromCharCode(this.delimiter);
    this.decode = options.encoding === "utf8" ? decodeUtf8 : latin1;
    this.nsPerByte = options.nsPerByte ?? 2;
  }

  /** The next lines, at least one; undefined at the end. Blocks as read(2) does. */
  *read(): Proc<string[] | undefined> {
    for (;;) {
      const bytes = this.ended ? undefined : yield* this.source.read();
      if (bytes === undefined) {
        this.ended = true;
        if (this.rest.length === 0) return undefined;
        const last = concat(this.rest);
        this.rest = [];
        this.unterminated = true;
        return [this.decode(last)];
      }
      yield* this.sys.spend(100 + bytes.length * this.nsPerByte);
      const end = bytes.lastIndexOf(this.delimiter);
      if (end < 0) {
        this.rest.push(bytes.slice());
        continue;
      }
      let text: string;
      if (this.rest.length === 0) text = this.decode(bytes, 0, end);
      else text = this.decode(concat([...this.rest, bytes.subarray(0, end)]));
      this.rest = end + 1 < bytes.length ? [bytes.slice(end + 1)] : [];
      return text.split(this.separator);
    }
  }
}

/** The input files of a filter: opens one after the other, reports those that fail, and goes on. */
export class InputFiles {
  /** 1 once a file could not be opened or read. */
  status = 0;
  private at = 0;
  private current: OpenFile | undefined;
  private readonly names: readonly string[];

  constructor(
    readonly c: Command,
    operands: readonly string[],
    /** How a file is called in messages. */
    readonly describe: (name: string) => string = c.voice === "gnu" ? quotef : (name) => name,
  ) {
    this.names = operands.length === 0 ? ["-"] : operands;
  }

  /** The next file that can be opened (`-` is standard input), after closing the one before; undefined at the end. */
  *next(): Proc<OpenFile | undefined> {
    yield* this.close();
    for (;;) {
      const name = this.names[this.at++];
      if (name === undefined) return undefined;
      if (name === "-") return (this.current = new OpenFile(this, name, this.c.stdin));
      try {
        const fd = yield* open(this.c.sys, name);
        return (this.current = new OpenFile(this, name, new Input(this.c.sys, fd)));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* this.fail(name, e);
      }
    }
  }

  *fail(name: string, e: Errno): Proc<void> {
    this.status = 1;
    yield* this.c.perror(this.describe(name), e);
  }

  private *close(): Proc<void> {
    if (this.current !== undefined && this.current.input !== this.c.stdin) yield* this.c.sys.close(this.current.input.fd);
    this.current = undefined;
  }
}

/** One of them, as a source whose read errors are reported and end it. */
export class OpenFile implements ByteSource {
  constructor(
    private readonly files: InputFiles,
    readonly name: string,
    readonly input: Input,
  ) {}

  *read(): Proc<Uint8Array | undefined> {
    try {
      return yield* this.input.read();
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.files.fail(this.name, e);
      return undefined;
    }
  }
}

/** All files as one stream of lines: what follows an unterminated last line of a file begins a new line, as in most filters. */
export class FileLines {
  /** Set with the block that ends the last file without a newline. */
  unterminated = false;
  private reader: LineReader | undefined;

  constructor(
    readonly files: InputFiles,
    private readonly options: LineReaderOptions = {},
  ) {}

  *read(): Proc<string[] | undefined> {
    for (;;) {
      if (this.reader === undefined) {
        const file = yield* this.files.next();
        if (file === undefined) return undefined;
        this.reader = new LineReader(this.files.c.sys, file, this.options);
      }
      const lines = yield* this.reader.read();
      if (lines !== undefined) {
        this.unterminated = this.reader.unterminated;
        return lines;
      }
      this.reader = undefined;
    }
  }
}

/** All files as one stream of bytes. */
export class FileBytes implements ByteSource {
  private file: OpenFile | undefined;
  private started = false;

  constructor(readonly files: InputFiles) {}

  *read(): Proc<Uint8Array | undefined> {
    if (!this.started) {
      this.started = true;
      this.file = yield* this.files.next();
    }
    while (this.file !== undefined) {
      const bytes = yield* this.file.read();
      if (bytes !== undefined) return bytes;
      this.file = yield* this.files.next();
    }
    return undefined;
  }
}

/** Drops the first `count` bytes of what `source` will deliver; returns how many there were. */
export function* skipBytes(source: { some(limit: number): Proc<Uint8Array | undefined> }, count: number): Proc<number> {
  let skipped = 0;
  while (skipped < count) {
    const part = yield* source.some(count - skipped);
    if (part === undefined) break;
    skipped += part.length;
  }
  return skipped;
}

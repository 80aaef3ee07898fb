/** The input of sed: the lines of all files as one stream (or file by file, for -s and -i), with a look at what follows for `$`. */

import { Errno } from "../../abi/errno.ts";
import { isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import { LineReader } from "../libc/lines.ts";
import { Input } from "../libc/stdio.ts";
import type { ByteSource } from "../libc/stream.ts";
import { open } from "../libc/unistd.ts";

export interface InputHooks {
  /** More input is about to be waited for: what was printed should be out. */
  waiting(): Proc<void>;
  /** A file was opened, or is used up: in-place editing changes its output here. */
  opened(name: string, fd: number): Proc<void>;
  closed(name: string): Proc<void>;
}

export class SedInput {
  /** Lines read so far; of the present file where files are separate. */
  lineNumber = 0;
  line = "";
  /** The line ended in a newline. */
  terminated = true;
  fileName = "-";
  status = 0;
  private lines: readonly string[] = [];
  private at = 0;
  private reader: LineReader | undefined;
  private current: Input | undefined;
  private fileAt = 0;

  constructor(
    private readonly c: Command,
    private readonly files: readonly string[],
    private readonly separate: boolean,
    private readonly inPlace: boolean,
    private readonly delimiter: number,
    private readonly hooks: InputHooks,
  ) {}

  /** Makes the next line the present one; false at the end. */
  *next(): Proc<boolean> {
    while (this.at >= this.lines.length) {
      if (!(yield* this.fill())) {
        yield* this.closeFile();
        if (!(yield* this.openNext())) return false;
        if (this.separate) this.lineNumber = 0;
      }
    }
    this.line = this.lines[this.at++] as string;
    this.lineNumber++;
    this.terminated = !(this.reader?.unterminated && this.at >= this.lines.length);
    return true;
  }

  /** Whether the present line is the last one. Reads ahead, so it may block. */
  *isLast(): Proc<boolean> {
    if (this.at < this.lines.length) return false;
    if (yield* this.fill()) return false;
    if (this.separate) return true;
    for (;;) {
      yield* this.closeFile();
      if (!(yield* this.openNext())) return true;
      if (yield* this.fill()) return false;
    }
  }

  /** Closes what is open, at `q` too. */
  *close(): Proc<void> {
    yield* this.closeFile();
  }

  private *fill(): Proc<boolean> {
    if (this.reader === undefined) return false;
    yield* this.hooks.waiting();
    const lines = yield* this.reader.read();
    if (lines === undefined) {
      this.reader = undefined;
      return false;
    }
    this.lines = lines;
    this.at = 0;
    return true;
  }

  private *closeFile(): Proc<void> {
    if (this.current === undefined) return;
    if (this.current !== this.c.stdin) yield* this.c.sys.close(this.current.fd);
    this.current = undefined;
    this.reader = undefined;
    this.lines = [];
    this.at = 0;
    yield* this.hooks.closed(this.fileName);
  }

  private *openNext(): Proc<boolean> {
    const gnu = this.c.voice === "gnu";
    for (;;) {
      const name = this.files[this.fileAt++];
      if (name === undefined) return false;
      try {
        if (name === "-" && !this.inPlace) this.current = this.c.stdin;
        else {
          const fd = yield* open(this.c.sys, name);
          if (this.inPlace && !isReg((yield* this.c.sys.fstat(fd)).mode)) {
            yield* this.c.sys.close(fd);
            this.status = 4;
            yield* this.c.warn(gnu ? `couldn't edit ${name}: not a regular file` : `${name}: not a regular file`);
            continue;
          }
          this.current = new Input(this.c.sys, fd);
        }
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        this.status = gnu ? 2 : 1;
        yield* this.c.warn(gnu ? `can't read ${name}: ${e.message}` : `${name}: ${e.message}`);
        continue;
      }
      this.fileName = name;
      this.reader = new LineReader(this.c.sys, this.source(this.current, name), {
        delimiter: this.delimiter,
        encoding: "utf8",
        nsPerByte: 6,
      });
      yield* this.hooks.opened(name, this.current.fd);
      return true;
    }
  }

  private source(input: Input, name: string): ByteSource {
    const failed = (e: Errno): Proc<void> => {
      this.status = this.c.voice === "gnu" ? 2 : 1;
      return this.c.warn(this.c.voice === "gnu" ? `read error on ${name}: ${e.message}` : `${name}: ${e.message}`);
    };
    return {
      *read() {
        try {
          return yield* input.read();
        } catch (e) {
          if (!(e instanceof Errno)) throw e;
          yield* failed(e);
          return undefined;
        }
      },
    };
  }
}

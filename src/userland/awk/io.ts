/** The streams of an awk program: output by name, input by name, pipes to and from commands. */

import { Errno } from "../../abi/errno.ts";
import { O_APPEND, O_CLOEXEC, O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { wExitStatus, wIfExited, wTermSig } from "../../abi/wait.ts";
import type { Command } from "../libc/command.ts";
import { fromByteString, fromLatin1 } from "../libc/lines.ts";
import { type Pipe, pclose, popen, system } from "../libc/popen.ts";
import { Input, Output } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";
import type { Redirect } from "./ast.ts";
import { RecordReader } from "./records.ts";

/** Text collected for one stream. */
class Sink {
  private parts: string[] = [];
  size = 0;

  constructor(
    private readonly output: Output,
    readonly pipe: Pipe | undefined,
  ) {}

  add(text: string): void {
    this.parts.push(text);
    this.size += text.length;
  }

  *flush(through: boolean): Proc<void> {
    if (this.size > 0) {
      const text = this.parts.join("");
      this.parts = [];
      this.size = 0;
      if (/[^\0-\x7f]/.test(text)) yield* this.output.write(fromLatin1(text));
      else yield* this.output.print(text);
    }
    if (through) yield* this.output.flush();
  }

  get fd(): number {
    return this.output.fd;
  }
}

interface Source {
  readonly reader: RecordReader;
  readonly input: Input;
  readonly pipe: Pipe | undefined;
}

const FLUSH_AT = 16384;

/** An output file that cannot be opened ends the program. */
export class OpenError {
  constructor(
    readonly name: string,
    readonly errno: Errno,
  ) {}
}

export class AwkStreams {
  private readonly stdout: Sink;
  private readonly sinks = new Map<string, Sink>();
  private readonly sources = new Map<string, Source>();
  /** Something waits to be written. */
  private pending = false;

  constructor(private readonly c: Command) {
    this.stdout = new Sink(c.stdout, undefined);
  }

  /** Prints on standard output; the text may wait until `drain`. */
  print(text: string): void {
    this.stdout.add(text);
    if (this.stdout.size >= FLUSH_AT) this.pending = true;
  }

  /** Whether `drain` should be called soon. */
  get isFull(): boolean {
    return this.pending;
  }

  *drain(): Proc<void> {
    this.pending = false;
    yield* this.stdout.flush(false);
  }

  /** Prints on a named stream, which is opened at its first use. */
  *printTo(redirect: Redirect, name: string, text: string): Proc<void> {
    let sink = this.sinks.get(name);
    if (sink === undefined) {
      sink = yield* this.openSink(redirect, name);
      this.sinks.set(name, sink);
    }
    sink.add(text);
    if (sink.size >= FLUSH_AT || sink.fd === 2) yield* sink.flush(sink.fd === 2);
  }

  private *openSink(redirect: Redirect, name: string): Proc<Sink> {
    const text = fromByteString(name);
    if (redirect === "|") {
      yield* this.flush();
      const pipe = yield* popen(this.c.sys, text, "w", this.c.env);
      return new Sink(new Output(this.c.sys, pipe.fd, "full"), pipe);
    }
    if (text === "/dev/stdout" || text === "-") return this.stdout;
    if (text === "/dev/stderr") return new Sink(new Output(this.c.sys, 2, "none"), undefined);
    try {
      const fd = yield* open(this.c.sys, text, O_WRONLY | O_CREAT | O_CLOEXEC | (redirect === ">" ? O_TRUNC : O_APPEND));
      return new Sink(new Output(this.c.sys, fd), undefined);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      throw new OpenError(name, e);
    }
  }

  /** The reader of a file or of a command's output; undefined where the file cannot be opened. */
  *reader(from: "file" | "command", name: string): Proc<RecordReader | undefined> {
    const text = fromByteString(name);
    // A prompt shows before the answer is read.
    if (text === "-" || text === "/dev/stdin") yield* this.stdout.flush(true);
    const known = this.sources.get(name);
    if (known !== undefined) return known.reader;
    let input: Input;
    let pipe: Pipe | undefined;
    if (from === "command") {
      yield* this.flush();
      pipe = yield* popen(this.c.sys, text, "r", this.c.env);
      input = new Input(this.c.sys, pipe.fd);
    } else if (text === "-" || text === "/dev/stdin") input = this.c.stdin;
    else {
      try {
        input = new Input(this.c.sys, yield* open(this.c.sys, text));
      } catch (e) {
        if (e instanceof Errno) return undefined;
        throw e;
      }
    }
    const reader = new RecordReader(this.c.sys, input);
    this.sources.set(name, { reader, input, pipe });
    return reader;
  }

  /** Closes what bears the name. Returns the command's status, 0 for a file, -1 where nothing is open. */
  *close(name: string): Proc<number> {
    let result = -1;
    const sink = this.sinks.get(name);
    if (sink !== undefined) {
      this.sinks.delete(name);
      result = yield* this.closeSink(sink);
    }
    const source = this.sources.get(name);
    if (source !== undefined) {
      this.sources.delete(name);
      if (source.pipe !== undefined) result = this.exitValue(yield* pclose(this.c.sys, source.pipe));
      else {
        if (source.input !== this.c.stdin) yield* this.c.sys.close(source.input.fd);
        result = 0;
      }
    }
    return result;
  }

  private *closeSink(sink: Sink): Proc<number> {
    yield* sink.flush(true);
    if (sink === this.stdout || sink.fd === 2) return 0;
    if (sink.pipe !== undefined) return this.exitValue(yield* pclose(this.c.sys, sink.pipe));
    yield* this.c.sys.close(sink.fd);
    return 0;
  }

  /** The value of system() and close(): the exit status, or 256 and the signal. */
  private exitValue(status: number): number {
    return wIfExited(status) ? wExitStatus(status) : 256 + wTermSig(status);
  }

  *system(command: string): Proc<number> {
    yield* this.flush();
    return this.exitValue(yield* system(this.c.sys, fromByteString(command), this.c.env));
  }

  /** Flushes one stream, or all. Returns 0, or -1 where there is none of that name. */
  *flush(name?: string): Proc<number> {
    if (name !== undefined) {
      const sink = this.sinks.get(name) ?? (name === "" || name === "/dev/stdout" ? this.stdout : undefined);
      if (sink === undefined) return -1;
      yield* sink.flush(true);
      return 0;
    }
    this.pending = false;
    yield* this.stdout.flush(true);
    for (const sink of this.sinks.values()) yield* sink.flush(true);
    return 0;
  }

  /** At the program's end: everything is written, and commands are waited for. */
  *closeAll(): Proc<void> {
    yield* this.stdout.flush(true);
    for (const [name, sink] of [...this.sinks]) {
      this.sinks.delete(name);
      yield* this.closeSink(sink);
    }
    for (const name of [...this.sources.keys()]) yield* this.close(name);
  }
}

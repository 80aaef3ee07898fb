/** A client on the streams of a process: what it writes goes to stdin, what the process writes to it, until either ends or the client types the detach keys. moby `daemon/attach.go`, `container/stream/attach.go`. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { SocketStream } from "../../userland/libc/inet.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import { invalidParameter } from "../errors.ts";
import type { Daemon } from "../daemon.ts";
import { frame } from "../server/stdcopy.ts";
import { Condition, startThread } from "../sync.ts";
import type { Listener, StreamHub, StreamName } from "./stream-hub.ts";

/** ctrl-p, ctrl-q. */
const DEFAULT_KEYS = [16, 17];

/** `ctrl-a,b` as bytes. Errors: invalidParameter. */
export function parseDetachKeys(text: string | undefined): number[] {
  if (text === undefined || text === "") return DEFAULT_KEYS;
  return text.split(",").map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control === undefined) throw invalidParameter(`Invalid escape keys (${text}) provided: Unknown character: '${key}'`);
    return control === "@" ? 0 : "abcdefghijklmnopqrstuvwxyz[\\]^_".indexOf(control) + 1;
  });
}

export interface Attachment {
  readonly daemon: Daemon;
  readonly hub: StreamHub;
  readonly input: ByteSource;
  readonly output: SocketStream;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
  /** Without a terminal, output in frames. */
  readonly framed: boolean;
  readonly detachKeys: readonly number[];
  /** The client's end of input is that of the process. */
  readonly closeStdin: (() => Proc<void>) | undefined;
  /** Blocks until the process can be written to; false if that will never be. */
  readonly ready: () => Proc<boolean>;
}

export class AttachSession implements Listener {
  readonly stdout: boolean;
  readonly stderr: boolean;
  private over = false;
  detached = false;
  private readonly changed: Condition;

  constructor(private readonly a: Attachment) {
    this.stdout = a.stdout;
    this.stderr = a.stderr && !a.tty;
    this.changed = new Condition(a.daemon.sys);
    a.hub.add(this);
  }

  *write(stream: StreamName, bytes: Uint8Array): Proc<void> {
    try {
      yield* this.a.output.write(this.a.framed ? frame(stream, bytes) : bytes);
    } catch (e) {
      if (e instanceof Errno) yield* this.ended();
      throw e;
    }
  }

  *ended(): Proc<void> {
    this.over = true;
    yield* this.changed.broadcast();
  }

  /** Blocks until it is over. Returns whether the client has detached. */
  *run(): Proc<boolean> {
    const { a } = this;
    if (a.stdin) yield* startThread(a.daemon.sys, () => this.copyInput());
    while (!this.over) yield* this.changed.wait();
    a.hub.remove(this);
    return this.detached;
  }

  private *copyInput(): Proc<number> {
    const { a } = this;
    const escape = new EscapeKeys(a.detachKeys);
    try {
      for (;;) {
        const some = yield* a.input.read();
        if (some === undefined) break;
        const bytes = a.tty ? escape.pass(some) : some;
        if (bytes === undefined) {
          this.detached = true;
          break;
        }
        if (bytes.length === 0) continue;
        if (!(yield* a.ready())) break;
        yield* a.hub.writeStdin(bytes);
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    if (this.detached || this.over) yield* this.ended();
    else if (a.closeStdin !== undefined && !a.tty) {
      if (yield* a.ready()) yield* a.closeStdin();
    }
    // Without that, the end of the client's input is the end of its attachment.
    else yield* this.ended();
    return 0;
  }
}

/** Holds back the beginning of the detach keys. */
class EscapeKeys {
  private matched = 0;

  constructor(private readonly keys: readonly number[]) {}

  /** What is to be passed on; undefined once all keys were typed. */
  pass(bytes: Uint8Array): Uint8Array | undefined {
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte === this.keys[this.matched]) {
        this.matched++;
        if (this.matched === this.keys.length) return undefined;
        continue;
      }
      out.push(...this.keys.slice(0, this.matched));
      this.matched = byte === this.keys[0] ? 1 : 0;
      if (this.matched === 0) out.push(byte);
    }
    return Uint8Array.from(out);
  }
}

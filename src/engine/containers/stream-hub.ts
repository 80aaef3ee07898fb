/**
 * The streams of a process as the daemon has them: its ends of the named pipes of the shim, given on to the log and to all who are attached. moby `container/stream`.
 */

import { EEXIST, EINTR, ENOENT, ENOTEMPTY, ENXIO, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, F_SETFL, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { S_IFIFO } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { open, optional, unlink } from "../../userland/libc/unistd.ts";
import { makeDirs } from "../files.ts";
import type { StreamPaths } from "../shim/protocol.ts";
import { Condition, Mutex, startThread } from "../sync.ts";

export type StreamName = "stdout" | "stderr";

/** Someone who gets what the process writes. */
export interface Listener {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Errors: Errno; then it gets no more. */
  write(stream: StreamName, bytes: Uint8Array): Proc<void>;
  /** The process has closed its streams. */
  ended(): Proc<void>;
}

export class StreamHub {
  private readonly listeners = new Set<Listener>();
  private readonly writing: Mutex;
  private readonly drained: Condition;
  private copying = 0;
  private stdin: number | undefined;
  private dir = "";
  private paths: StreamPaths = { terminal: false };
  private readers: { readonly name: StreamName; readonly fd: number }[] = [];

  constructor(private readonly sys: Sys) {
    this.writing = new Mutex(sys);
    this.drained = new Condition(sys);
  }

  /** Makes the named pipes in `dir`, and opens the ends that can be opened before someone is at the other. */
  *make(dir: string, prefix: string, wanted: { stdin: boolean; stdout: boolean; stderr: boolean; terminal: boolean }): Proc<StreamPaths> {
    const { sys } = this;
    yield* makeDirs(sys, dir, 0o700);
    const names = (["stdin", "stdout", "stderr"] as const).filter((name) => wanted[name] && !(wanted.terminal && name === "stderr"));
    const paths: Record<string, string> = {};
    for (const name of names) {
      paths[name] = `${dir}/${prefix}-${name}`;
      yield* optional(unlink(sys, paths[name] as string));
      yield* optional(sys.mknodat(AT_FDCWD, paths[name] as string, S_IFIFO | 0o700, 0), [EEXIST]);
    }
    this.dir = dir;
    this.paths = { ...paths, terminal: wanted.terminal };
    yield* this.openReaders();
    return this.paths;
  }

  /** After a restart of the daemon: the pipes of a process that runs. */
  *reopen(dir: string, paths: StreamPaths): Proc<void> {
    this.dir = dir;
    this.paths = paths;
    yield* this.openReaders();
  }

  private *openReaders(): Proc<void> {
    const { sys, paths } = this;
    for (const name of ["stdout", "stderr"] as const) {
      const path = paths[name];
      if (path === undefined) continue;
      const fd = yield* optional(open(sys, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
      if (fd !== undefined) this.readers.push({ name, fd });
    }
  }

  /** The shim has opened its ends: copying begins. */
  *begin(): Proc<void> {
    const { sys, paths } = this;
    for (const { name, fd } of this.readers) {
      yield* sys.fcntl(fd, F_SETFL, 0);
      this.copying++;
      yield* startThread(sys, () => this.copy(name, fd));
    }
    this.readers = [];
    if (paths.stdin !== undefined) this.stdin = yield* optional(open(sys, paths.stdin, O_WRONLY | O_NONBLOCK | O_CLOEXEC), [ENOENT, ENXIO]);
    if (this.stdin !== undefined) yield* sys.fcntl(this.stdin, F_SETFL, 0);
  }

  /** Nothing came of it, or it has ended. */
  *close(): Proc<void> {
    const { sys, paths } = this;
    for (const { fd } of this.readers) yield* sys.close(fd);
    this.readers = [];
    yield* this.closeStdin();
    if (this.copying === 0) {
      for (const listener of [...this.listeners]) yield* listener.ended();
      this.listeners.clear();
    }
    for (const path of [paths.stdin, paths.stdout, paths.stderr]) if (path !== undefined) yield* optional(unlink(sys, path));
    if (this.dir !== "") yield* optional(sys.unlinkat(AT_FDCWD, this.dir, AT_REMOVEDIR), [ENOENT, ENOTEMPTY]);
    this.paths = { terminal: false };
  }

  private *copy(name: StreamName, fd: number): Proc<number> {
    const { sys } = this;
    const buf = new Uint8Array(32_768);
    for (;;) {
      let n: number;
      try {
        n = yield* sys.read(fd, buf);
      } catch (e) {
        if (e === EINTR) continue;
        if (e instanceof Errno) break;
        throw e;
      }
      if (n === 0) break;
      yield* this.give(name, buf.subarray(0, n));
    }
    yield* sys.close(fd);
    this.copying--;
    if (this.copying === 0) {
      for (const listener of [...this.listeners]) yield* listener.ended();
      this.listeners.clear();
      yield* this.drained.broadcast();
    }
    return 0;
  }

  /** To all, in the order in which they came; who cannot take it any more is left out. */
  private *give(name: StreamName, bytes: Uint8Array): Proc<void> {
    yield* this.writing.lock();
    for (const listener of [...this.listeners]) {
      if (!listener[name]) continue;
      try {
        yield* listener.write(name, bytes);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        this.listeners.delete(listener);
      }
    }
    yield* this.writing.unlock();
  }

  /** Whether there is anything to listen to. */
  get active(): boolean {
    return this.copying > 0 || this.readers.length > 0;
  }

  add(listener: Listener): void {
    this.listeners.add(listener);
  }

  /** Before all others: it sees what they see, and never later. */
  addFirst(listener: Listener): void {
    const others = [...this.listeners];
    this.listeners.clear();
    for (const one of [listener, ...others]) this.listeners.add(one);
  }

  remove(listener: Listener): void {
    this.listeners.delete(listener);
  }

  /** Blocks until all that the process wrote was given on, or for `timeoutNs`. */
  *drain(timeoutNs: number): Proc<void> {
    while (this.copying > 0) if (!(yield* this.drained.wait(timeoutNs))) return;
  }

  /** For the process to read. Blocks while it does not. Errors: EPIPE. */
  *writeStdin(bytes: Uint8Array): Proc<void> {
    if (this.stdin !== undefined) yield* writeAll(this.sys, this.stdin, bytes);
  }

  get hasStdin(): boolean {
    return this.stdin !== undefined;
  }

  /** Our end; the shim's is closed by closeStdin of its protocol. */
  *closeStdin(): Proc<void> {
    const fd = this.stdin;
    this.stdin = undefined;
    if (fd !== undefined) yield* this.sys.close(fd);
  }
}

/** The streams of a process in the shim: pipes or a terminal on its side, named pipes on dockerd's. containerd `pkg/process/io.go`. */

import { EINTR, Errno } from "../../abi/errno.ts";
import { F_DUPFD_CLOEXEC, F_SETFL, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { open } from "../../userland/libc/unistd.ts";
import { startThread, WaitGroup } from "../sync.ts";
import type { StreamPaths } from "./protocol.ts";

/** The process's own ends. */
export interface ProcessEnds {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

export class Streams {
  /** Ours of the process's pipes, in the order in, out, err; undefined: none. */
  private ours: (number | undefined)[] = [];
  private theirs: number[] = [];
  /** Our own writing end of the pipe that dockerd writes stdin to: as long as it is open, stdin does not end. */
  private stdinHolder: number | undefined;
  /** Master end of the terminal. */
  console: number | undefined;
  /** Copies of what the process writes. */
  private readonly outputs: WaitGroup;

  constructor(
    private readonly sys: Sys,
    readonly paths: StreamPaths,
  ) {
    this.outputs = new WaitGroup(sys);
  }

  /** Makes the pipes for a process without a terminal; with one, it gets /dev/null until it makes its own. */
  *open(): Proc<ProcessEnds> {
    const { sys, paths } = this;
    if (paths.terminal) {
      const nothing = yield* open(sys, "/dev/null", O_RDWR | O_CLOEXEC);
      this.theirs = [nothing];
      return { stdin: nothing, stdout: nothing, stderr: nothing };
    }
    const ends: number[] = [];
    for (const [i, path] of [paths.stdin, paths.stdout, paths.stderr].entries()) {
      if (path === undefined) {
        ends.push(yield* open(sys, "/dev/null", (i === 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC));
        this.ours.push(undefined);
        continue;
      }
      const [reader, writer] = yield* sys.pipe2(O_CLOEXEC);
      ends.push(i === 0 ? reader : writer);
      this.ours.push(i === 0 ? writer : reader);
    }
    this.theirs = ends;
    return { stdin: ends[0] as number, stdout: ends[1] as number, stderr: ends[2] as number };
  }

  /** The process has its ends: ours are dropped, and copying begins. */
  *begin(): Proc<void> {
    const { sys, paths, console } = this;
    for (const fd of this.theirs) yield* sys.close(fd);
    this.theirs = [];
    if (console !== undefined) {
      const writer = yield* sys.fcntl(console, F_DUPFD_CLOEXEC, 3);
      if (paths.stdin !== undefined) yield* this.copyIn(paths.stdin, writer);
      else yield* sys.close(writer);
      if (paths.stdout !== undefined) yield* this.copyOut(console, paths.stdout, false);
      return;
    }
    const [stdin, stdout, stderr] = this.ours;
    if (stdin !== undefined && paths.stdin !== undefined) yield* this.copyIn(paths.stdin, stdin);
    if (stdout !== undefined && paths.stdout !== undefined) yield* this.copyOut(stdout, paths.stdout, true);
    if (stderr !== undefined && paths.stderr !== undefined) yield* this.copyOut(stderr, paths.stderr, true);
  }

  /** Nothing came of it. */
  *abandon(): Proc<void> {
    for (const fd of [...this.theirs, ...this.ours]) if (fd !== undefined) yield* this.sys.close(fd);
    this.theirs = [];
    this.ours = [];
  }

  /** Once dockerd has written its last: the process reads the end. */
  *closeStdin(): Proc<void> {
    const holder = this.stdinHolder;
    this.stdinHolder = undefined;
    if (holder !== undefined) yield* this.sys.close(holder);
  }

  /** Blocks until dockerd has all that the process wrote, or for `timeoutNs`. */
  *settle(timeoutNs: number): Proc<void> {
    yield* this.outputs.wait(timeoutNs);
  }

  private *copyIn(path: string, to: number): Proc<void> {
    const { sys } = this;
    const from = yield* open(sys, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    this.stdinHolder = yield* open(sys, path, O_WRONLY | O_CLOEXEC);
    yield* sys.fcntl(from, F_SETFL, 0);
    yield* startThread(sys, function* () {
      yield* copy(sys, from, to);
      yield* sys.close(from);
      yield* sys.close(to);
      return 0;
    });
  }

  /** A reading end of ours keeps the pipe whole while there is no dockerd: what is written waits there. */
  private *copyOut(from: number, path: string, closeFrom: boolean): Proc<void> {
    const { sys, outputs } = this;
    const keeper = yield* open(sys, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const to = yield* open(sys, path, O_WRONLY | O_CLOEXEC);
    outputs.add();
    yield* startThread(sys, function* () {
      yield* copy(sys, from, to);
      yield* sys.close(to);
      yield* sys.close(keeper);
      if (closeFrom) yield* sys.close(from);
      yield* outputs.finish();
      return 0;
    });
  }
}

/** Until the end of either. Blocks. */
function* copy(sys: Sys, from: number, to: number): Proc<void> {
  const buf = new Uint8Array(32_768);
  for (;;) {
    let n: number;
    try {
      n = yield* sys.read(from, buf);
    } catch (e) {
      if (e === EINTR) continue;
      // EIO: the terminal's last process has gone.
      if (e instanceof Errno) return;
      throw e;
    }
    if (n === 0) return;
    try {
      yield* writeAll(sys, to, buf.subarray(0, n));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return;
    }
  }
}

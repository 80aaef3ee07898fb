/** What the shim does: the container's first process and its execs, by running runc; who has ended, and how. containerd `runtime/v2/runc`, `pkg/process`. */

import { ECHILD, EIO, ENOTTY, Errno, ESRCH } from "../../abi/errno.ts";
import { F_SETFD, FD_CLOEXEC } from "../../abi/fcntl.ts";
import { SIG_SETMASK, SIG_DFL, SIGCHLD, SIGKILL, SIGPIPE, sigSet } from "../../abi/signal.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "../../abi/socket.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { WNOHANG, wExitStatus, wIfExited, wTermSig } from "../../abi/wait.ts";
import type { Resources, SpecProcess } from "../../runtime/spec.ts";
import { DEFAULT_PATH, optional, readText, unlink, writeFile } from "../../userland/libc/unistd.ts";
import { Condition } from "../sync.ts";
import type { ExitReport, ShimState, StreamPaths } from "./protocol.ts";
import { type ProcessEnds, Streams } from "./streams.ts";

/** A failure of runc, in its own words. */
export class TaskError extends Error {}

interface Process {
  pid: number;
  started: boolean;
  readonly streams: Streams;
}

/** How long a process's last words may take to reach dockerd. containerd `pkg/process/init.go` delete. */
const SETTLE_NS = 2e9;

/** A child of ours that has ended. */
interface Ended {
  readonly status: number;
  readonly sec: number;
  readonly nsec: number;
}

export class Task {
  private readonly ended = new Map<number, Ended>();
  private readonly changed: Condition;
  /** Children whose end someone asks for. */
  private readonly awaited = new Set<number>();
  /** Runs of runc: what is born in one may end before it is known by number. */
  private running = 0;
  private init: Process | undefined;
  private readonly execs = new Map<string, Process>();
  private serial = 0;

  constructor(
    private readonly sys: Sys,
    private readonly id: string,
    private readonly bundle: string,
    private readonly runcRoot: string,
  ) {
    this.changed = new Condition(sys);
  }

  // ── Children ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reaps whoever ends, the container's orphans among them. Never returns. */
  *reap(): Proc<never> {
    const { sys } = this;
    for (;;) {
      yield* sys.rt_sigtimedwait(sigSet(SIGCHLD));
      for (;;) {
        const found = yield* optional(sys.wait4(-1, WNOHANG), [ECHILD]);
        if (found === undefined || found.pid === 0) break;
        if (this.running === 0 && !this.awaited.has(found.pid)) continue;
        const { sec, nsec } = yield* sys.clock_gettime(CLOCK_REALTIME);
        const status = wIfExited(found.status) ? wExitStatus(found.status) : 128 + wTermSig(found.status);
        this.ended.set(found.pid, { status, sec, nsec });
        yield* this.changed.broadcast();
      }
    }
  }

  /** Blocks until a child has ended. */
  private *waitFor(pid: number): Proc<Ended> {
    this.awaited.add(pid);
    for (;;) {
      const ended = this.ended.get(pid);
      if (ended !== undefined) return ended;
      yield* this.changed.wait();
    }
  }

  /** Runs runc to its end. Errors: TaskError with what it has logged. */
  private *runc(args: readonly string[], ends?: ProcessEnds): Proc<void> {
    const { sys } = this;
    const log = `${this.bundle}/log${this.serial++}.json`;
    this.running++;
    try {
      const argv = ["runc", "--root", this.runcRoot, "--log", log, "--log-format", "json", ...args];
      const pid = yield* sys.fork(() => become(sys, argv, ends));
      const { status } = yield* this.waitFor(pid);
      this.ended.delete(pid);
      this.awaited.delete(pid);
      if (status !== 0) throw new TaskError(yield* lastError(sys, log, status));
    } finally {
      this.running--;
      yield* optional(unlink(sys, log));
    }
  }

  // ── The container ──────────────────────────────────────────────────────────────────────────────────────────────────

  *create(paths: StreamPaths): Proc<number> {
    this.init = yield* this.begin(paths, `${this.bundle}/init.pid`, (more) => ["create", "--bundle", this.bundle, ...more, this.id]);
    return this.init.pid;
  }

  *start(): Proc<void> {
    yield* this.runc(["start", this.id]);
    this.require(undefined).started = true;
  }

  /** Errors: TaskError. Returns the PID as the shim sees it. */
  *exec(name: string, process: SpecProcess, paths: StreamPaths): Proc<number> {
    const file = `${this.bundle}/${name}.json`;
    yield* writeFile(this.sys, file, JSON.stringify(process), 0o600);
    try {
      const started = yield* this.begin(paths, `${this.bundle}/${name}.pid`, (more) => [
        "exec",
        "--process",
        file,
        "--detach",
        ...more,
        this.id,
      ]);
      started.started = true;
      this.execs.set(name, started);
      return started.pid;
    } finally {
      yield* optional(unlink(this.sys, file));
    }
  }

  private *begin(paths: StreamPaths, pidFile: string, argv: (more: readonly string[]) => string[]): Proc<Process> {
    const { sys } = this;
    const streams = new Streams(sys, paths);
    const ends = yield* streams.open();
    const socket = paths.terminal ? yield* this.consoleSocket() : undefined;
    try {
      const console = socket === undefined ? [] : ["--console-socket", socket.path];
      this.running++;
      yield* this.runc(argv(["--pid-file", pidFile, ...console]), ends);
      if (socket !== undefined) streams.console = yield* receiveConsole(sys, socket.fd);
      const pid = Number(yield* readText(sys, pidFile));
      this.awaited.add(pid);
      yield* streams.begin();
      return { pid, started: false, streams };
    } catch (e) {
      yield* streams.abandon();
      throw e;
    } finally {
      this.running--;
      if (socket !== undefined) {
        yield* sys.close(socket.fd);
        yield* optional(unlink(sys, socket.path));
      }
    }
  }

  private *consoleSocket(): Proc<{ path: string; fd: number }> {
    const { sys } = this;
    const path = `/run/containerd/s/pty-${yield* sys.getpid()}-${this.serial++}`;
    const fd = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    yield* sys.bind(fd, { family: AF_UNIX, path });
    yield* sys.listen(fd, 1);
    return { path, fd };
  }

  private require(exec: string | undefined): Process {
    const found = exec === undefined ? this.init : this.execs.get(exec);
    if (found === undefined) throw new TaskError(exec === undefined ? "container not created: not found" : `exec ${exec}: not found`);
    return found;
  }

  *kill(exec: string | undefined, signal: number, all: boolean): Proc<void> {
    const process = this.require(exec);
    if (this.ended.has(process.pid)) throw new TaskError("process already finished: not found");
    if (exec === undefined) yield* this.runc(["kill", ...(all ? ["--all"] : []), this.id, String(signal)]);
    else yield* optional(this.sys.kill(process.pid, signal), [ESRCH]);
  }

  pause(): Proc<void> {
    return this.runc(["pause", this.id]);
  }

  resume(): Proc<void> {
    return this.runc(["resume", this.id]);
  }

  *resize(exec: string | undefined, rows: number, cols: number): Proc<void> {
    const { console } = this.require(exec).streams;
    if (console !== undefined) yield* optional(this.sys.ioctl(console, "TIOCSWINSZ", { rows, cols }), [EIO, ENOTTY]);
  }

  *closeStdin(exec: string | undefined): Proc<void> {
    yield* this.require(exec).streams.closeStdin();
  }

  *update(resources: Resources): Proc<void> {
    const file = `${this.bundle}/resources.json`;
    yield* writeFile(this.sys, file, JSON.stringify(resources), 0o600);
    yield* this.runc(["update", "--resources", file, this.id]);
  }

  /** Blocks until the process has ended. */
  *wait(exec: string | undefined): Proc<ExitReport> {
    const { pid } = this.require(exec);
    return report(yield* this.waitFor(pid));
  }

  state(): ShimState {
    const { init } = this;
    const execs = [...this.execs.keys()];
    if (init === undefined) return { pid: 0, started: false, execs };
    const ended = this.ended.get(init.pid);
    return {
      pid: ended === undefined ? init.pid : 0,
      started: init.started,
      execs,
      ...(ended === undefined ? {} : { exit: report(ended) }),
    };
  }

  *delete(exec: string | undefined): Proc<void> {
    if (exec !== undefined) {
      const process = this.execs.get(exec);
      if (process === undefined) return;
      this.execs.delete(exec);
      this.ended.delete(process.pid);
      this.awaited.delete(process.pid);
      yield* process.streams.closeStdin();
      if (process.streams.console !== undefined) yield* this.sys.close(process.streams.console);
      yield* optional(unlink(this.sys, `${this.bundle}/${exec}.pid`));
      return;
    }
    // What is left of it, and what it has left behind.
    yield* this.runc(["delete", "--force", this.id]);
    if (this.init === undefined) return;
    yield* this.init.streams.settle(SETTLE_NS);
    yield* this.init.streams.closeStdin();
  }

  /** Before the shim ends: nothing that runs is left without a parent that knows it. */
  *abort(): Proc<void> {
    if (this.init !== undefined && !this.ended.has(this.init.pid)) yield* optional(this.sys.kill(this.init.pid, SIGKILL), [ESRCH]);
  }
}

const report = ({ status, sec, nsec }: Ended): ExitReport => ({ status, exitedSec: sec, exitedNsec: nsec });

/** In the child: becomes runc, with the streams of what it is to start. */
function* become(sys: Sys, argv: readonly string[], ends: ProcessEnds | undefined): Proc<number> {
  if (ends !== undefined) for (const [fd, from] of [ends.stdin, ends.stdout, ends.stderr].entries()) yield* sys.dup2(from, fd);
  yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
  yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_DFL, flags: 0, mask: 0n });
  try {
    return yield* sys.execve("/usr/sbin/runc", argv, new Map([["PATH", DEFAULT_PATH]]));
  } catch (e) {
    if (e instanceof Errno) return 127;
    throw e;
  }
}

/** The message of the last error in runc's log. */
function* lastError(sys: Sys, log: string, status: number): Proc<string> {
  const lines = ((yield* optional(readText(sys, log))) ?? "").split("\n");
  let message = status === 127 ? 'exec: "runc": executable file not found in $PATH' : "unknown error";
  for (const line of lines) {
    if (line === "") continue;
    const entry = JSON.parse(line) as { level: string; msg: string };
    if (entry.level === "error") message = entry.msg;
  }
  return message;
}

/** The terminal's master end, that runc has sent before it ended. */
function* receiveConsole(sys: Sys, listener: number): Proc<number> {
  const { fd } = yield* sys.accept4(listener, SOCK_CLOEXEC);
  const { fds } = yield* sys.recvmsg(fd, new Uint8Array(64), 0);
  yield* sys.close(fd);
  const console = fds[0];
  if (console === undefined) throw new TaskError("console socket: no file descriptor was sent");
  // What is executed later does not get it.
  yield* sys.fcntl(console, F_SETFD, FD_CLOEXEC);
  return console;
}

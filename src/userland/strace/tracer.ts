/** The loop of strace: waits for what its tracees do, and writes it down. */

import { ECHILD, EINTR, Errno, ESRCH } from "../../abi/errno.ts";
import type { PtraceStop } from "../../abi/ptrace.ts";
import { syscalls } from "../../abi/syscall-table.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { wCoreDump, wExitStatus, wIfExited, wIfStopped, wStopSig, wTermSig } from "../../abi/wait.ts";
import type { Output } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { type DecodeOptions, decodeEntry, decodeExit, descriptorsOf, madeDescriptor, siginfoText } from "./decode.ts";
import { signalText } from "./flags.ts";
import type { Summary } from "./summary.ts";

const WALL = 0x40000000;

export interface TraceOptions {
  readonly decode: DecodeOptions;
  readonly trace: (name: string) => boolean;
  readonly signal: (sig: number) => boolean;
  /** Which outcomes are shown; undefined for all. */
  readonly status: ReadonlySet<string> | undefined;
  /** -y. */
  readonly paths: boolean;
  readonly follow: boolean;
  /** 0 none, 1 -t, 2 -tt, 3 -ttt. */
  readonly stamp: 0 | 1 | 2 | 3;
  readonly relative: boolean;
  readonly spent: boolean;
  readonly numbers: boolean;
  readonly column: number;
  readonly quiet: number;
  /** Output into a file: the PID always stands in front with -f. */
  readonly toFile: boolean;
  readonly summary: Summary | undefined;
  /** -c: nothing but the table. */
  readonly summaryOnly: boolean;
}

interface Pending {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly atNs: number;
  readonly shown: boolean;
}

interface Tracee {
  readonly pid: number;
  pending: Pending | undefined;
  /** Its last call, whose number -n shows also where it ends. */
  lastName: string;
  /** The entry was written, then another tracee's line came between. */
  interrupted: boolean;
  /** strace's own child before its execve: nothing of it is shown. */
  hidden: boolean;
}

export class Tracer {
  private readonly tracees = new Map<number, Tracee>();
  /** Whose entry stands at the end of the output, without its newline. */
  private open: Tracee | undefined;
  private column = 0;
  private lastNs: number | undefined;
  /** Set from a signal handler: let go of all. */
  stopped = false;

  constructor(
    private readonly sys: Sys,
    private readonly out: Output,
    private readonly err: Output,
    private readonly o: TraceOptions,
  ) {}

  /** Starts to follow a process; `hidden` is our own child until it calls execve. */
  *attach(pid: number, ptraceOptions: number, hidden: boolean): Proc<void> {
    yield* this.sys.ptrace("PTRACE_SEIZE", pid, ptraceOptions);
    yield* this.sys.ptrace("PTRACE_SYSCALL", pid, 0);
    this.tracees.set(pid, { pid, pending: undefined, lastName: "", interrupted: false, hidden });
  }

  /** Until none is left. Returns the wait status of `child`. */
  *run(child: number | undefined): Proc<number> {
    let childStatus = 0;
    while (!this.stopped) {
      let pid: number;
      let status: number;
      try {
        ({ pid, status } = yield* this.sys.wait4(-1, WALL));
      } catch (e) {
        if (e === EINTR) continue;
        if (e === ECHILD) break;
        throw e;
      }
      if (wIfStopped(status)) {
        yield* this.stop(pid, wStopSig(status));
        continue;
      }
      if (pid === child) childStatus = status;
      const tracee = this.tracees.get(pid);
      if (tracee !== undefined) yield* this.ended(tracee, status);
    }
    if (this.stopped) yield* this.detachAll();
    return childStatus;
  }

  private *detachAll(): Proc<void> {
    yield* this.interrupt();
    for (const { pid } of this.tracees.values()) {
      try {
        yield* this.sys.ptrace("PTRACE_DETACH", pid);
        if (this.o.quiet === 0) yield* this.say(`strace: Process ${pid} detached\n`);
      } catch (e) {
        if (e !== ESRCH) throw e;
      }
    }
  }

  private *say(text: string): Proc<void> {
    yield* this.err.print(text);
    yield* this.err.flush();
  }

  private *stop(pid: number, sig: number): Proc<void> {
    let tracee = this.tracees.get(pid);
    if (tracee === undefined) {
      tracee = { pid, pending: undefined, lastName: "", interrupted: false, hidden: false };
      this.tracees.set(pid, tracee);
      if (this.o.quiet === 0 && !this.o.toFile && !this.o.summaryOnly) {
        yield* this.interrupt();
        yield* this.say(`strace: Process ${pid} attached\n`);
      }
    }
    let stop: PtraceStop | undefined;
    try {
      stop = yield* this.sys.ptrace("PTRACE_GET_SYSCALL_INFO", pid);
    } catch (e) {
      if (e !== ESRCH) throw e;
    }
    let deliver = 0;
    if (stop?.op === "entry") yield* this.entry(tracee, stop.name, stop.args, stop.atNs);
    else if (stop?.op === "exit") yield* this.exit(tracee, stop.name, stop.args, stop.result, stop.atNs);
    else if (stop?.op === "signal") {
      deliver = sig;
      yield* this.signal(tracee, stop);
    }
    try {
      yield* this.sys.ptrace("PTRACE_SYSCALL", pid, deliver);
    } catch (e) {
      if (e !== ESRCH) throw e;
    }
  }

  private *signal(tracee: Tracee, { sig, info }: PtraceStop & { op: "signal" }): Proc<void> {
    if (tracee.hidden || this.o.summaryOnly || !this.o.signal(sig)) return;
    yield* this.line(tracee, `--- ${signalText(sig)} ${info === undefined ? `{si_signo=${signalText(sig)}}` : siginfoText(info)} ---`);
  }

  private *entry(tracee: Tracee, name: string, args: readonly unknown[], atNs: number): Proc<void> {
    // An execve that worked has no exit of its own: the new program's first call tells.
    if (tracee.pending?.name.startsWith("execve")) yield* this.exit(tracee, tracee.pending.name, tracee.pending.args, undefined, atNs);
    if (tracee.hidden) {
      if (!name.startsWith("execve")) return;
      tracee.hidden = false;
    }
    const shown = this.o.trace(name);
    tracee.lastName = name;
    tracee.pending = { name, args, atNs, shown };
    const final = name === "exit_group" || name === "exit";
    if (!shown) return;
    if (final) {
      this.o.summary?.add(name, 0, false);
      if (!this.o.summaryOnly && (this.o.status?.has("unfinished") ?? true)) {
        yield* this.interrupt();
        yield* this.begin(tracee, decodeEntry(name, args, this.o.decode, yield* this.fdsOf(tracee.pid, name, args)), name);
        yield* this.finish(") ", "?", "");
      }
      tracee.pending = undefined;
      return;
    }
    if (this.o.summaryOnly || this.o.status !== undefined) return;
    yield* this.interrupt();
    yield* this.begin(tracee, decodeEntry(name, args, this.o.decode, yield* this.fdsOf(tracee.pid, name, args)), name);
    this.open = tracee;
  }

  private *exit(tracee: Tracee, name: string, args: readonly unknown[], result: unknown, atNs: number): Proc<void> {
    const pending = tracee.pending;
    tracee.pending = undefined;
    if (tracee.hidden || !this.o.trace(name)) return;
    const failed = result instanceof Errno;
    const startNs = pending?.atNs ?? atNs;
    this.o.summary?.add(name, atNs - startNs, failed);
    if (this.o.summaryOnly) return;
    if (this.o.status !== undefined && !this.o.status.has(failed ? "failed" : "successful")) return;
    const fds = new Map(yield* this.fdsOf(tracee.pid, name, args));
    const made = this.o.paths ? madeDescriptor(name, result) : undefined;
    if (made !== undefined) yield* this.resolve(tracee.pid, made, fds);
    const text = decodeExit(name, args, result, this.o.decode, fds);
    if (this.open !== tracee) {
      yield* this.interrupt();
      if (tracee.interrupted || (pending === undefined && this.o.status === undefined))
        yield* this.begin(tracee, `<... ${name} resumed>`, name);
      else yield* this.begin(tracee, decodeEntry(name, args, this.o.decode, fds), name);
    }
    tracee.interrupted = false;
    this.open = undefined;
    const spent = this.o.spent ? ` <${((atNs - startNs) / 1e9).toFixed(6)}>` : "";
    yield* this.finish(`${text.rest}) `, text.result, spent);
  }

  private *ended(tracee: Tracee, status: number): Proc<void> {
    this.tracees.delete(tracee.pid);
    if (tracee.hidden) return;
    if (tracee.pending !== undefined && this.open === tracee) {
      // Killed in the middle of a call.
      yield* this.finish(") ", "?", "");
      this.open = undefined;
    }
    if (this.o.quiet > 1 || this.o.summaryOnly) return;
    const text = wIfExited(status)
      ? `+++ exited with ${wExitStatus(status)} +++`
      : `+++ killed by ${signalText(wTermSig(status))}${wCoreDump(status) ? " (core dumped)" : ""} +++`;
    yield* this.line(tracee, text, 1);
  }

  /** With -y: what the descriptors among the arguments stand for. */
  private *fdsOf(pid: number, name: string, args: readonly unknown[]): Proc<ReadonlyMap<number, string>> {
    const fds = new Map<number, string>();
    if (this.o.paths) for (const fd of descriptorsOf(name, args)) yield* this.resolve(pid, fd, fds);
    return fds;
  }

  private *resolve(pid: number, fd: number, into: Map<number, string>): Proc<void> {
    try {
      into.set(fd, yield* this.sys.readlinkat(-100, fd === -100 ? `/proc/${pid}/cwd` : `/proc/${pid}/fd/${fd}`));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }

  // ── Lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Ends the line of a call that has not returned yet. */
  private *interrupt(): Proc<void> {
    if (this.open === undefined) return;
    this.open.interrupted = true;
    this.open = undefined;
    yield* this.out.print(" <unfinished ...>\n");
  }

  private *begin(tracee: Tracee, text: string, name: string, ended = 0): Proc<void> {
    let lead = "";
    if (this.o.follow && this.o.toFile) lead = `${String(tracee.pid).padEnd(5)} `;
    else if (this.tracees.size + ended > 1) lead = `[pid ${String(tracee.pid).padStart(5)}] `;
    lead += yield* this.time();
    if (this.o.numbers) lead += `[${String(syscalls.get(name)?.number ?? "").padStart(4)}] `;
    this.column = lead.length + text.length;
    yield* this.out.print(lead + text);
  }

  private *finish(rest: string, result: string, tail: string): Proc<void> {
    const pad = " ".repeat(Math.max(0, this.o.column - this.column - rest.length));
    yield* this.out.print(`${rest}${pad}= ${result}${tail}\n`);
    yield* this.out.flush();
  }

  private *line(tracee: Tracee, text: string, ended = 0): Proc<void> {
    yield* this.interrupt();
    yield* this.begin(tracee, text, tracee.lastName, ended);
    yield* this.out.print("\n");
    yield* this.out.flush();
  }

  private *time(): Proc<string> {
    if (this.o.stamp === 0 && !this.o.relative) return "";
    const now = yield* this.sys.clock_gettime(CLOCK_REALTIME);
    const usec = String(Math.floor(now.nsec / 1000)).padStart(6, "0");
    let text = "";
    if (this.o.relative) {
      const ns = now.sec * 1e9 + now.nsec;
      const since = this.lastNs === undefined ? 0 : ns - this.lastNs;
      this.lastNs = ns;
      text += `${(since / 1e9).toFixed(6).padStart(13)} `;
    }
    if (this.o.stamp === 3) text += `${now.sec}.${usec} `;
    else if (this.o.stamp > 0) text += `${strftime("%H:%M:%S", now)}${this.o.stamp === 2 ? `.${usec}` : ""} `;
    return text;
  }
}

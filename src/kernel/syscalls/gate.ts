/**
 * The gate between programs and the kernel: Linux `arch/x86/entry/common.c`, `kernel/entry/common.c`.
 *
 * `createSys` makes the `Sys` object of a machine from the table of handlers. A call that need not sleep runs as a plain
 * function and answers with a shared iterable that is at its end, so `yield*` costs no generator. What must sleep, deliver a
 * signal, be traced or give up the CPU takes the slow way, a generator.
 */

import { EINTR, EINVAL, ENOSYS, Errno } from "../../abi/errno.ts";
import { SIGSYS, SIGTRAP } from "../../abi/signal.ts";
import type { Proc, Sys, SyscallName, Wait } from "../../abi/sys.ts";
import { stoppedStatus } from "../../abi/wait.ts";
import { Blocked } from "../blocked.ts";
import { SYSCALL_COST_NS, SYSCALL_NS } from "../params.ts";
import { ERESTARTNOHAND, ERESTARTSYS } from "../restart.ts";
import { exitTask, groupExit } from "../task/exit.ts";
import { ELOADING } from "../task/module.ts";
import { errnoOf } from "../task/seccomp.ts";
import { never } from "../task/signals.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

type AnyHandler = (system: System, task: Task, ...args: unknown[]) => unknown;

/** Thrown through a program when the kernel itself failed: the machine has panicked, nothing runs any more. */
export class KernelPanic {
  constructor(readonly text: string) {}
}

/** An iterable that has ended already. One a machine: the caller's `yield*` takes the value before anything else runs. */
class Ready {
  private readonly result: IteratorReturnResult<unknown> = { done: true, value: undefined };

  with(value: unknown): this {
    this.result.value = value;
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorReturnResult<unknown> {
    return this.result;
  }
}

/** As Ready, for a call that failed: it throws where the caller delegates to it, inside the caller's own try. */
class Failed {
  private errno!: Errno;

  with(errno: Errno): this {
    this.errno = errno;
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): never {
    throw this.errno;
  }
}

/** The system calls of one machine. */
export function createSys(system: System, handlers: Handlers<SyscallName>): Sys {
  const ready = new Ready();
  const failed = new Failed();
  const calls: Record<string, unknown> = { spend: makeSpend(system, ready), touch: makeTouch(system, ready) };
  for (const [name, handler] of Object.entries(handlers)) calls[name] = makeCall(system, ready, failed, name, handler as AnyHandler);
  return calls as unknown as Sys;
}

function makeCall(system: System, ready: Ready, failed: Failed, name: string, handler: AnyHandler): unknown {
  const { sched, trace } = system;
  const cost = SYSCALL_COST_NS[name] ?? SYSCALL_NS;
  return (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown): unknown => {
    const task = sched.current as Task;
    if (trace.syscalls || task.ptrace !== undefined || task.seccomp !== undefined)
      return traced(system, task, name, handler, cost, [a, b, c, d, e, f]);
    task.syscall = name;
    sched.clockNs += cost;
    let result: unknown;
    try {
      result = handler(system, task, a, b, c, d, e, f);
    } catch (thrown) {
      if (!(thrown instanceof Errno)) throw panic(system, name, thrown);
      const leaves = thrown !== ERESTARTSYS && thrown !== ERESTARTNOHAND && thrown !== ELOADING;
      if (leaves && sched.clockNs < sched.quantumEndNs && !task.signalPending) {
        task.syscall = "";
        return failed.with(thrown);
      }
      return finish(system, task, handler, [a, b, c, d, e, f], failing(thrown));
    }
    if (result instanceof Blocked) return finish(system, task, handler, [a, b, c, d, e, f], result.run);
    task.syscall = "";
    if (sched.clockNs >= sched.quantumEndNs || task.signalPending) return leave(system, task, result);
    return ready.with(result);
  };
}

function* failing(thrown: Errno): Generator<Wait, never, void> {
  throw thrown;
}

/** Runs the sleeping part of a call, restarts it after signals, and leaves the kernel. */
function* finish(
  system: System,
  task: Task,
  handler: AnyHandler,
  args: unknown[],
  first: Generator<Wait, unknown, void>,
): Generator<Wait, unknown, void> {
  const name = task.syscall;
  let run = first;
  for (;;) {
    try {
      const value = yield* run;
      task.restartDeadlineNs = undefined;
      task.syscall = "";
      yield* pause(system, task);
      return value;
    } catch (thrown) {
      if (!(thrown instanceof Errno)) throw thrown instanceof KernelPanic ? thrown : panic(system, name, thrown);
      if (thrown === ELOADING) {
        yield* system.sched.stall();
        run = begin(system, task, handler, args);
        continue;
      }
      if (thrown === ERESTARTSYS || thrown === ERESTARTNOHAND) {
        const again = yield* system.signals.deliver(task, thrown);
        if (!again) {
          task.restartDeadlineNs = undefined;
          task.syscall = "";
          throw EINTR;
        }
        task.syscall = name;
        run = begin(system, task, handler, args);
        continue;
      }
      task.restartDeadlineNs = undefined;
      task.syscall = "";
      yield* pause(system, task);
      throw thrown;
    }
  }
}

/** The call once more, from its beginning. */
function* begin(system: System, task: Task, handler: AnyHandler, args: unknown[]): Generator<Wait, unknown, void> {
  const result = handler(system, task, ...args);
  return result instanceof Blocked ? yield* result.run : result;
}

function* leave(system: System, task: Task, value: unknown): Generator<Wait, unknown, void> {
  yield* pause(system, task);
  return value;
}

/** What happens at the return to user mode: signals, and giving up the CPU at the end of the quantum. */
function* pause(system: System, task: Task): Generator<Wait, void, void> {
  if (task.signalPending) yield* system.signals.deliver(task, undefined);
  while (system.sched.clockNs >= system.sched.quantumEndNs) {
    yield;
    if (task.signalPending) yield* system.signals.deliver(task, undefined);
  }
}

/** The call under the eyes of strace, of a view, or of a filter. */
function* traced(
  system: System,
  task: Task,
  name: string,
  handler: AnyHandler,
  cost: number,
  all: unknown[],
): Generator<Wait, unknown, void> {
  const { sched, trace, signals } = system;
  let count = all.length;
  while (count > 0 && all[count - 1] === undefined) count--;
  const args = all.slice(0, count);
  if (task.ptrace?.syscalls === true) {
    yield* signals.ptraceStop(task, { op: "entry", name, args, atNs: sched.clockNs }, stoppedStatus(SIGTRAP | 0x80));
    if (task.killPending) yield* signals.deliver(task, undefined);
  }
  if (trace.syscalls) trace.emit({ name: "sys_enter", pid: task.pid.nr, syscall: name, args });
  task.syscall = name;
  sched.clockNs += cost;
  let result: unknown;
  try {
    if (task.seccomp !== undefined) yield* filter(system, task, name);
    result = yield* finish(system, task, handler, args, begin(system, task, handler, args));
  } catch (thrown) {
    if (thrown instanceof KernelPanic) throw thrown;
    yield* tracedExit(system, task, name, args, thrown);
    throw thrown;
  }
  yield* tracedExit(system, task, name, args, result);
  return result;
}

/** __secure_computing(). Errors: what the filter says; a task that it kills does not return. */
function* filter(system: System, task: Task, name: string): Generator<Wait, void, void> {
  const { action, errno } = (task.seccomp as NonNullable<Task["seccomp"]>).decide(name);
  if (action === "allow" || action === "log") return;
  if (action === "errno") throw errnoOf(errno) ?? EINVAL;
  if (action === "trap") {
    system.signals.sendToTask(SIGSYS, task);
    yield* system.signals.deliver(task, undefined);
    throw ENOSYS;
  }
  if (action === "kill_thread") exitTask(task, SIGSYS);
  else groupExit(task, SIGSYS | 0x80);
  yield* never();
}

function* tracedExit(system: System, task: Task, name: string, args: readonly unknown[], result: unknown): Generator<Wait, void, void> {
  const { sched, trace, signals } = system;
  if (trace.syscalls) trace.emit({ name: "sys_exit", pid: task.pid.nr, syscall: name, result });
  if (task.ptrace?.syscalls !== true) return;
  yield* signals.ptraceStop(task, { op: "exit", name, args, result, atNs: sched.clockNs }, stoppedStatus(SIGTRAP | 0x80));
  yield* pause(system, task);
}

function panic(system: System, name: string, thrown: unknown): KernelPanic {
  if (thrown instanceof KernelPanic) return thrown;
  const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  system.panic ??= `Kernel panic - not syncing: ${name}: ${detail}`;
  return new KernelPanic(system.panic);
}

// ── What is not a system call of Linux ───────────────────────────────────────────────────────────────────────────────

function makeSpend(system: System, ready: Ready): Sys["spend"] {
  const { sched } = system;
  return (ns: number): Proc<void> => {
    const task = sched.current as Task;
    const end = sched.clockNs + ns;
    if (end < sched.quantumEndNs && !task.signalPending) {
      sched.clockNs = end;
      task.utimeNs += ns;
      return ready.with(undefined) as unknown as Proc<void>;
    }
    return spendSlowly(system, task, ns);
  };
}

function* spendSlowly(system: System, task: Task, ns: number): Generator<Wait, void, void> {
  const { sched } = system;
  let left = ns;
  for (;;) {
    // A single step is the whole stretch, to the end of the quantum that it would have had.
    const end = sched.single ? sched.realQuantumEndNs : sched.quantumEndNs;
    const some = Math.min(left, Math.max(0, end - sched.clockNs));
    sched.clockNs += some;
    task.utimeNs += some;
    left -= some;
    yield* pause(system, task);
    if (left <= 0) return;
  }
}

/** Touching memory is no system call but may fault, and a fault may end the task. */
function makeTouch(system: System, ready: Ready): Sys["touch"] {
  return (addr: number, length: number): Proc<void> => {
    const task = system.sched.current as Task;
    const delayNs = system.memoryFault(task, addr, length);
    if (delayNs > 0) return holdBack(system, task, delayNs);
    if (system.sched.clockNs < system.sched.quantumEndNs && !task.signalPending) return ready.with(undefined) as unknown as Proc<void>;
    return leave(system, task, undefined) as Generator<Wait, void, void>;
  };
}

/** memory.high: who allocates beyond it sleeps for a while. A signal ends the sleep. */
function* holdBack(system: System, task: Task, delayNs: number): Generator<Wait, void, void> {
  const { cgroup } = task;
  system.cgroups.noteMemoryStall(cgroup, 1);
  try {
    yield* system.sched.sleep([], system.sched.clockNs + delayNs);
  } catch (e) {
    if (e !== ERESTARTSYS) throw e;
  }
  system.cgroups.noteMemoryStall(cgroup, -1);
  yield* pause(system, task);
}

/** For calls that do not return: exit, execve. */
export function noReturn(): Blocked<never> {
  return new Blocked(never());
}

/**
 * The job table: which processes belong to which pipeline, their statuses, and the words in which changes are told:
 * bash's jobs.c, dash's jobs.c. Every wait goes through `reap`, so that no status is lost whoever waited for it.
 */

import { ECHILD, EINTR } from "../../abi/errno.ts";
import { strsignal, SIGINT, SIGPIPE } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import {
  WCONTINUED,
  WNOHANG,
  WUNTRACED,
  wExitStatus,
  wIfContinued,
  wIfSignaled,
  wIfStopped,
  wCoreDump,
  wStopSig,
  wTermSig,
} from "../../abi/wait.ts";

export type JobState = "running" | "stopped" | "done";

export interface JobProcess {
  readonly pid: number;
  readonly text: string;
  /** As wait4 gave it; undefined while it runs. */
  status: number | undefined;
  stopped: boolean;
}

export interface Job {
  readonly id: number;
  readonly pgid: number;
  readonly processes: JobProcess[];
  readonly text: string;
  foreground: boolean;
  /** The user has been told of the present state. */
  told: boolean;
  /** SIGHUP is not passed on (`disown -h`). */
  keep: boolean;
  /** Where it was started, if that is not where the shell is. */
  readonly cwd: string;
  /** Order of use: the highest is `%+`. */
  used: number;
}

export function stateOf(job: Job): JobState {
  if (job.processes.every((p) => p.status !== undefined)) return "done";
  return job.processes.some((p) => p.stopped) && job.processes.every((p) => p.stopped || p.status !== undefined) ? "stopped" : "running";
}

/** The shell's exit status for a wait status. */
export function exitStatusOf(status: number): number {
  if (wIfStopped(status)) return 128 + wStopSig(status);
  return wIfSignaled(status) ? 128 + wTermSig(status) : wExitStatus(status);
}

export class Jobs {
  list: Job[] = [];
  /** Statuses of finished children that belong to no job, until somebody asks. */
  private readonly statuses = new Map<number, number>();
  private clock = 0;
  /** A blocking wait is under way: the SIGCHLD handler must leave the child to it, or the restarted wait would wait for another one. */
  waiting = false;

  constructor(private readonly sys: Sys) {}

  /** A child knows its parent's jobs only to print them. */
  fork(): Jobs {
    const child = new Jobs(this.sys);
    child.list = this.list.map((j) => ({ ...j, processes: j.processes.map((p) => ({ ...p })), told: true }));
    return child;
  }

  add(pgid: number, processes: readonly { pid: number; text: string }[], text: string, foreground: boolean, cwd: string): Job {
    let id = 1;
    for (const j of this.list) if (j.id >= id) id = j.id + 1;
    const job: Job = {
      id,
      pgid,
      processes: processes.map((p) => ({ ...p, status: undefined, stopped: false })),
      text,
      foreground,
      told: foreground,
      keep: false,
      cwd,
      used: ++this.clock,
    };
    for (const p of job.processes) {
      // It may have ended before it was entered here.
      const status = this.statuses.get(p.pid);
      if (status === undefined) continue;
      this.statuses.delete(p.pid);
      p.status = status;
    }
    this.list.push(job);
    return job;
  }

  remove(job: Job): void {
    this.list = this.list.filter((j) => j !== job);
  }

  touch(job: Job): void {
    job.used = ++this.clock;
  }

  /** `%+`: stopped jobs come before running ones. */
  get current(): Job | undefined {
    return this.ranked()[0];
  }

  get previous(): Job | undefined {
    return this.ranked()[1];
  }

  private ranked(): Job[] {
    const rank = (j: Job): number => (stateOf(j) === "stopped" ? 1 : 0);
    return this.list.filter((j) => !j.foreground).sort((a, b) => rank(b) - rank(a) || b.used - a.used);
  }

  markOf(job: Job): string {
    return job === this.current ? "+" : job === this.previous ? "-" : " ";
  }

  findByPid(pid: number): Job | undefined {
    return this.list.find((j) => j.processes.some((p) => p.pid === pid));
  }

  /** Takes the status of a child that is no job's. */
  take(pid: number): number | undefined {
    const status = this.statuses.get(pid);
    if (status !== undefined) this.statuses.delete(pid);
    return status;
  }

  private record(pid: number, status: number): void {
    for (const job of this.list) {
      const p = job.processes.find((x) => x.pid === pid);
      if (p === undefined) continue;
      const before = stateOf(job);
      if (wIfContinued(status)) p.stopped = false;
      else if (wIfStopped(status)) p.stopped = true;
      else {
        p.status = status;
        p.stopped = false;
      }
      if (stateOf(job) !== before && !job.foreground) job.told = false;
      if (stateOf(job) === "stopped" && before !== "stopped") this.touch(job);
      return;
    }
    if (!wIfContinued(status)) this.statuses.set(pid, status);
  }

  /** Waits for any child. Returns its pid; 0 where nothing is to be had (with `hang` false), -1 without children, -2 interrupted. */
  *reap(hang: boolean, untraced: boolean): Proc<number> {
    this.waiting = hang;
    try {
      const r = yield* this.sys.wait4(-1, (hang ? 0 : WNOHANG) | (untraced ? WUNTRACED | WCONTINUED : 0));
      if (r.pid > 0) this.record(r.pid, r.status);
      return r.pid;
    } catch (e) {
      if (e === ECHILD) return -1;
      if (e === EINTR) return -2;
      throw e;
    } finally {
      this.waiting = false;
    }
  }

  /** Takes what has ended, without blocking. */
  *poll(untraced: boolean): Proc<void> {
    while ((yield* this.reap(false, untraced)) > 0);
  }

  /** Blocks until the child ends; its wait status. Signals do not end the wait. */
  *waitFor(pid: number): Proc<number> {
    for (;;) {
      const status = this.take(pid);
      if (status !== undefined) return status;
      if ((yield* this.reap(true, false)) === -1) return this.take(pid) ?? 127 << 8;
    }
  }

  /** Blocks until the job ends or stops; a signal handler does not end the wait. */
  *waitJob(job: Job, untraced: boolean): Proc<void> {
    while (stateOf(job) === "running") {
      if ((yield* this.reap(true, untraced)) !== -1) continue;
      for (const p of job.processes) p.status ??= 127 << 8;
    }
  }

  /** `[1]+  Running                 sleep 100 &`, as bash prints it. */
  describe(job: Job, here: string, long = false): string {
    const state = stateOf(job);
    const mark = `[${job.id}]${this.markOf(job)} `;
    const away = job.cwd !== here ? `  (wd: ${job.cwd})` : "";
    const last = job.processes[job.processes.length - 1] as JobProcess;
    const tail = state === "running" ? " &" : "";
    if (!long) return `${mark} ${describeState(state, last).padEnd(24)}${job.text}${tail}${away}\n`;
    return job.processes
      .map(
        (p, i) =>
          `${i === 0 ? mark : "     "}${String(p.pid).padStart(5)} ${(i === 0 ? describeState(state, last) : "").padEnd(24)}${i === 0 ? "" : "| "}${p.text}${i === job.processes.length - 1 ? tail + away : ""}\n`,
      )
      .join("");
  }

  /** As dash and ash print it. */
  describePosix(job: Job, long = false): string {
    const state = stateOf(job);
    const last = job.processes[job.processes.length - 1] as JobProcess;
    const words = state === "running" ? "Running" : state === "stopped" ? "Stopped" : describeEnd(last.status ?? 0, true);
    const pid = long ? `${job.processes[0]?.pid} ` : "";
    return `${`[${job.id}] ${this.markOf(job)} ${pid}${words}`.padEnd(33)}${job.text}\n`;
  }
}

function describeState(state: JobState, p: JobProcess): string {
  if (state === "running") return "Running";
  if (state === "stopped") return "Stopped";
  return describeEnd(p.status ?? 0, false);
}

function describeEnd(status: number, posix: boolean): string {
  if (wIfSignaled(status))
    return `${strsignal(wTermSig(status))}${wCoreDump(status) ? (posix ? " (core dumped)" : "         (core dumped)") : ""}`;
  const code = wExitStatus(status);
  return code === 0 ? "Done" : posix ? `Done(${code})` : `Exit ${code}`;
}

/** What a shell says when a foreground program dies of a signal; undefined where it keeps silent. */
export function describeDeath(status: number): string | undefined {
  if (!wIfSignaled(status)) return undefined;
  const sig = wTermSig(status);
  if (sig === SIGINT || sig === SIGPIPE) return undefined;
  return `${strsignal(sig)}${wCoreDump(status) ? " (core dumped)" : ""}`;
}

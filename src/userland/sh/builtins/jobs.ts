/** jobs, fg, bg, wait, disown, kill, suspend: job control. */

import { EINVAL, EPERM, ESRCH, Errno } from "../../../abi/errno.ts";
import { findSignalName, findSignalNumber, SIGCONT, SIGSTOP, SIGTERM } from "../../../abi/signal.ts";
import { wTermSig } from "../../../abi/wait.ts";
import type { Proc } from "../../../abi/sys.ts";
import { describeDeath, exitStatusOf, type Job, stateOf } from "../jobs.ts";
import { sayDeath } from "../nodes-simple.ts";
import { waitForeground } from "../pipeline.ts";
import { attend } from "../run.ts";
import { type Shell, ShellError } from "../shell.ts";
import { type Builtin, type Call, has, valueOf } from "./call.ts";
import { signalTable } from "./flow.ts";

/** The job that `%1`, `%+`, `%name`, `%?text` means; undefined where there is none, "ambiguous" where there are several. */
export function findJob(sh: Shell, spec: string): Job | "ambiguous" | undefined {
  const { jobs } = sh;
  const list = jobs.list.filter((j) => !j.foreground);
  const text = spec.startsWith("%") ? spec.slice(1) : spec;
  if (text === "" || text === "+" || text === "%") return jobs.current;
  if (text === "-") return jobs.previous ?? jobs.current;
  if (/^[0-9]+$/.test(text)) return list.find((j) => j.id === Number(text));
  const matches = text.startsWith("?") ? list.filter((j) => j.text.includes(text.slice(1))) : list.filter((j) => j.text.startsWith(text));
  return matches.length > 1 ? "ambiguous" : matches[0];
}

function* requireJob(c: Call, spec: string | undefined): Proc<Job | undefined> {
  const job = findJob(c.sh, spec ?? "%");
  if (job === "ambiguous") {
    yield* c.fail(`${(spec ?? "").replace(/^%/, "")}: ambiguous job spec`);
    return undefined;
  }
  if (job !== undefined) return job;
  if (c.sh.flavour === "bash") yield* c.fail(`${spec ?? "current"}: no such job`);
  else if (c.sh.flavour === "dash") yield* c.fail(spec === undefined ? "No current job" : `No such job: ${spec}`, 2);
  else yield* c.fail(spec === undefined ? "No current job" : `${spec}: no such job`, 2);
  return undefined;
}

/** Tells what has changed, as before a prompt, and forgets finished jobs. */
export function* notify(sh: Shell): Proc<void> {
  yield* sh.jobs.poll(sh.options.monitor);
  for (const job of [...sh.jobs.list]) {
    if (job.told || job.foreground) continue;
    const state = stateOf(job);
    if (state === "running") continue;
    job.told = true;
    if (sh.interactive) yield* sh.eprint(sh.flavour === "bash" ? sh.jobs.describe(job, sh.cwd) : sh.jobs.describePosix(job));
    if (state === "done") sh.jobs.remove(job);
  }
}

export const jobs: Builtin = {
  name: "jobs",
  usage: "[-lnprs] [jobspec ...] or jobs -x command [args]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options(sh.flavour === "bash" ? "lnprs" : "lp");
    if (o === undefined) return 2;
    if (sh.subshellDepth === 0) yield* sh.jobs.poll(sh.options.monitor);
    let list = sh.jobs.list.filter((j) => !j.foreground);
    if (o.operands.length > 0) {
      list = [];
      for (const spec of o.operands) {
        const job = yield* requireJob(c, spec);
        if (job === undefined) return sh.flavour === "bash" ? 1 : 2;
        list.push(job);
      }
    }
    if (has(o, "r")) list = list.filter((j) => stateOf(j) === "running");
    if (has(o, "s")) list = list.filter((j) => stateOf(j) === "stopped");
    if (has(o, "n")) list = list.filter((j) => !j.told);
    for (const job of sh.flavour === "bash" ? list : [...list].reverse()) {
      if (has(o, "p")) c.print(`${job.processes[0]?.pid}\n`);
      else c.print(sh.flavour === "bash" ? sh.jobs.describe(job, sh.cwd, has(o, "l")) : sh.jobs.describePosix(job, has(o, "l")));
      job.told = true;
    }
    yield* c.flush();
    for (const job of list) if (stateOf(job) === "done") sh.jobs.remove(job);
    return 0;
  },
};

function* resume(sh: Shell, job: Job): Proc<void> {
  for (const p of job.processes) p.stopped = false;
  try {
    yield* sh.sys.kill(job.pgid > 0 ? -job.pgid : (job.processes[0]?.pid ?? 0), SIGCONT);
  } catch (e) {
    if (e !== ESRCH) throw e;
  }
}

export const fg: Builtin = {
  name: "fg",
  usage: "[job_spec]",
  *run(c): Proc<number> {
    const { sh } = c;
    if (!sh.options.monitor) return yield* noControl(c);
    const job = yield* requireJob(c, c.args[0]);
    if (job === undefined) return 1;
    c.print(`${job.text}${job.cwd === sh.cwd ? "" : `\t(wd: ${job.cwd})`}\n`);
    yield* c.flush();
    job.foreground = true;
    job.told = true;
    sh.jobs.touch(job);
    // The terminal must be the job's before it runs again.
    return yield* foregroundAgain(sh, job);
  },
};

function* foregroundAgain(sh: Shell, job: Job): Proc<number> {
  if (sh.terminal >= 0) yield* sh.sys.ioctl(sh.terminal, "TIOCSPGRP", job.pgid);
  yield* resume(sh, job);
  return yield* waitForeground(sh, job);
}

function* noControl(c: Call): Proc<number> {
  if (c.sh.flavour === "bash") return yield* c.fail("no job control");
  const job = yield* requireJob(c, c.args[0]);
  return job === undefined ? 2 : yield* c.fail(`job ${job.id} not created under job control`, 2);
}

export const bg: Builtin = {
  name: "bg",
  usage: "[job_spec ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    if (!sh.options.monitor) return yield* noControl(c);
    let status = 0;
    for (const spec of c.args.length === 0 ? [undefined] : c.args) {
      const job = yield* requireJob(c, spec);
      if (job === undefined) {
        status = 1;
        continue;
      }
      if (stateOf(job) === "running" && sh.flavour === "bash") {
        yield* c.fail(`job ${job.id} already in background`);
        continue;
      }
      c.print(sh.flavour === "bash" ? `[${job.id}]${sh.jobs.markOf(job)} ${job.text} &\n` : `[${job.id}] ${job.text}\n`);
      job.foreground = false;
      job.told = true;
      yield* resume(sh, job);
    }
    return status;
  },
};

export const wait: Builtin = {
  name: "wait",
  usage: "[-fn] [-p var] [id ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = sh.flavour === "bash" ? yield* c.options("fnp:") : { letters: [], operands: c.args };
    if (o === undefined) return 2;
    if (has(o, "n")) return yield* waitNext(c, o.operands, valueOf(o, "p"));
    if (o.operands.length === 0) {
      for (const job of [...sh.jobs.list]) {
        const interrupted = yield* waitInterruptibly(sh, job);
        if (interrupted !== undefined) return interrupted;
        yield* tellDeath(sh, job);
        sh.jobs.remove(job);
      }
      if (sh.lastSubstitution !== 0 && sh.lastSubstitution === sh.lastBackground) yield* sh.jobs.waitFor(sh.lastSubstitution);
      sh.lastSubstitution = 0;
      return 0;
    }
    let status = 0;
    for (const id of o.operands) status = yield* waitOne(c, id);
    return status;
  },
};

/** A script hears of background jobs that died of a signal, but for the common ones. */
function* tellDeath(sh: Shell, job: Job): Proc<void> {
  if (sh.interactive || sh.flavour === "dash") return;
  const last = job.processes[job.processes.length - 1];
  if (last?.status !== undefined && describeDeath(last.status) !== undefined && (sh.flavour === "ash" || wTermSig(last.status) !== SIGTERM))
    yield* sayDeath(sh, last.pid, last.status, job.text);
}

/** Blocks until the job has ended; the status 128+n where a trapped signal came first. */
function* waitInterruptibly(sh: Shell, job: Job): Proc<number | undefined> {
  while (stateOf(job) === "running") {
    const r = yield* sh.jobs.reap(true, sh.options.monitor);
    const sig = sh.pendingTraps[0];
    if (sig !== undefined) {
      yield* attend(sh);
      return 128 + sig;
    }
    if (sh.interrupted) yield* attend(sh);
    if (r === -1) for (const p of job.processes) p.status ??= 127 << 8;
  }
  return undefined;
}

function* waitOne(c: Call, id: string): Proc<number> {
  const { sh } = c;
  if (!id.startsWith("%") && !/^[0-9]+$/.test(id)) {
    return yield* c.fail(
      sh.flavour === "bash" ? `\`${id}': not a pid or valid job spec` : `Illegal number: ${id}`,
      sh.flavour === "bash" ? 1 : 2,
    );
  }
  const job = id.startsWith("%") ? findJob(sh, id) : sh.jobs.findByPid(Number(id));
  if (job === undefined || job === "ambiguous") {
    if (id.startsWith("%")) {
      yield* c.fail(sh.flavour === "bash" ? `${id}: no such job` : sh.flavour === "dash" ? `No such job: ${id}` : `${id}: no such job`);
      return sh.flavour === "bash" ? 127 : 2;
    }
    const past = sh.jobs.take(Number(id)) ?? sh.pastStatuses.get(Number(id));
    if (past !== undefined) return exitStatusOf(past);
    if (sh.flavour === "bash") yield* c.fail(`pid ${id} is not a child of this shell`);
    return 127;
  }
  const interrupted = yield* waitInterruptibly(sh, job);
  if (interrupted !== undefined) return interrupted;
  const p = id.startsWith("%") ? job.processes[job.processes.length - 1] : job.processes.find((x) => x.pid === Number(id));
  const status = p?.status ?? 0;
  yield* tellDeath(sh, job);
  sh.jobs.remove(job);
  for (const q of job.processes) if (q.status !== undefined) sh.pastStatuses.set(q.pid, q.status);
  return exitStatusOf(status);
}

function* waitNext(c: Call, ids: readonly string[], variable: string | undefined): Proc<number> {
  const { sh } = c;
  const wanted = (): Job[] =>
    ids.length === 0
      ? sh.jobs.list.filter((j) => !j.foreground)
      : ids
          .map((id) => (id.startsWith("%") ? findJob(sh, id) : sh.jobs.findByPid(Number(id))))
          .filter((j): j is Job => typeof j === "object");
  for (;;) {
    const list = wanted();
    if (list.length === 0) return 127;
    const done = list.find((j) => stateOf(j) === "done");
    if (done !== undefined) {
      const last = done.processes[done.processes.length - 1];
      if (variable !== undefined) sh.set(variable, String(last?.pid ?? ""));
      sh.jobs.remove(done);
      return exitStatusOf(last?.status ?? 0);
    }
    const r = yield* sh.jobs.reap(true, sh.options.monitor);
    const sig = sh.pendingTraps[0];
    if (sig !== undefined || sh.interrupted) {
      yield* attend(sh);
      return 128 + (sig ?? 2);
    }
    if (r === -1) return 127;
  }
}

export const disown: Builtin = {
  name: "disown",
  flavours: ["bash"],
  usage: "[-h] [-ar] [jobspec ... | pid ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options("ahr");
    if (o === undefined) return 2;
    let list: Job[] = [];
    if (has(o, "a") || has(o, "r")) list = sh.jobs.list.filter((j) => has(o, "a") || stateOf(j) === "running");
    else {
      for (const spec of o.operands.length === 0 ? [undefined] : o.operands) {
        const byPid = spec !== undefined && /^[0-9]+$/.test(spec) ? sh.jobs.findByPid(Number(spec)) : undefined;
        const job = byPid ?? (yield* requireJob(c, spec));
        if (job === undefined) return 1;
        list.push(job);
      }
    }
    for (const job of list) {
      if (has(o, "h")) job.keep = true;
      else sh.jobs.remove(job);
    }
    return 0;
  },
};

const KILL_USAGE = "[-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]";

export const kill: Builtin = {
  name: "kill",
  usage: KILL_USAGE,
  *run(c): Proc<number> {
    const { sh } = c;
    const args = [...c.args];
    let sig = SIGTERM;
    const first = args[0];
    if (first === undefined) return yield* killUsage(c);
    if (first === "-l" || first === "-L") return yield* listSignals(c, args.slice(1));
    if ((first === "-s" || first === "-n") && args.length > 1) {
      const found = findSignalNumber(args[1] as string);
      if (found === undefined) return yield* badSignal(c, args[1] as string);
      sig = found;
      args.splice(0, 2);
    } else if (first === "--") args.shift();
    else if (first.startsWith("-") && first.length > 1) {
      const text =
        first.startsWith("-s") && first.length > 2 && findSignalNumber(first.slice(1)) === undefined ? first.slice(2) : first.slice(1);
      const found = findSignalNumber(text);
      if (found === undefined) return yield* badSignal(c, text);
      sig = found;
      args.shift();
    }
    if (args[0] === "--") args.shift();
    if (args.length === 0) return yield* killUsage(c);
    let status = 0;
    for (const target of args) if ((yield* killOne(c, target, sig)) !== 0) status = 1;
    if (sh.pendingTraps.length > 0) yield* attend(sh);
    return status;
  },
};

function* killUsage(c: Call): Proc<number> {
  if (c.sh.flavour === "bash") return yield* c.wrongUsage();
  if (c.sh.flavour === "ash") {
    yield* c.sh.warn("you need to specify whom to kill");
    return 1;
  }
  return yield* c.fail("Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or\nkill -l [exitstatus]", 2);
}

function* badSignal(c: Call, text: string): Proc<number> {
  if (c.sh.flavour === "bash") return yield* c.fail(`${text}: invalid signal specification`);
  if (c.sh.flavour === "dash") return yield* c.fail(`Illegal option -${text[0] ?? ""}`, 2);
  yield* c.sh.warn(`bad signal name '${text}'`);
  return 1;
}

function* killOne(c: Call, target: string, sig: number): Proc<number> {
  const { sh } = c;
  const pids: number[] = [];
  if (target.startsWith("%")) {
    const job = yield* requireJob(c, target);
    if (job === undefined) return 1;
    if (job.pgid > 0) pids.push(-job.pgid);
    else for (const p of job.processes) if (p.status === undefined) pids.push(p.pid);
    if (stateOf(job) === "stopped" && sig !== SIGSTOP && sig !== 0 && sig !== SIGCONT) {
      yield* sh.sys.kill(pids[0] as number, sig);
      yield* sh.sys.kill(pids[0] as number, SIGCONT);
      return 0;
    }
    if (sig === SIGCONT) for (const p of job.processes) p.stopped = false;
  } else if (/^-?[0-9]+$/.test(target)) pids.push(Number(target));
  else {
    if (sh.flavour === "bash") return yield* c.fail(`${target}: arguments must be process or job IDs`);
    if (sh.flavour === "dash") throw new ShellError(`kill: Illegal number: ${target}`, 2, "shell");
    yield* sh.warn(`invalid number '${target}'`);
    return 1;
  }
  for (const pid of pids) {
    try {
      yield* sh.sys.kill(pid, sig);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (sh.flavour === "bash") return yield* c.fail(`(${pid}) - ${e === ESRCH || e === EPERM || e === EINVAL ? e.message : e.message}`);
      if (sh.flavour === "dash") return yield* c.fail(e.message);
      yield* sh.warn(`can't kill pid ${pid}: ${e.message}`);
      return 1;
    }
  }
  return 0;
}

function* listSignals(c: Call, args: readonly string[]): Proc<number> {
  if (args.length === 0) {
    if (c.sh.flavour === "bash") c.print(signalTable());
    else if (c.sh.flavour === "dash") for (let i = 1; i <= 64; i++) c.print(`${findSignalName(i)}\n`);
    else for (let i = 1; i < 32; i++) c.print(`${String(i).padStart(2)}) ${findSignalName(i)}\n`);
    return 0;
  }
  let status = 0;
  for (const text of args) {
    const n = findSignalNumber(/^[0-9]+$/.test(text) && Number(text) > 128 ? String(Number(text) - 128) : text);
    if (c.sh.flavour === "dash" && !/^[0-9]+$/.test(text)) return yield* c.fail(`Illegal number: ${text}`, 2);
    if (n === undefined) status = yield* badSignal(c, text);
    else c.print(`${/^[0-9]+$/.test(text) ? findSignalName(n) : n}\n`);
  }
  return status;
}

export const suspend: Builtin = {
  name: "suspend",
  flavours: ["bash"],
  usage: "[-f]",
  *run(c): Proc<number> {
    const { sh } = c;
    if (!sh.options.monitor) return yield* c.fail("cannot suspend: no job control");
    if (sh.login && !c.args.includes("-f")) return yield* c.fail("cannot suspend a login shell");
    yield* sh.sys.kill(yield* sh.sys.getpid(), SIGSTOP);
    return 0;
  },
};

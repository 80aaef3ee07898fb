/** Running processes together: pipelines, jobs in the foreground and background. */

import { SIGINT, SIGQUIT, SIGTSTP } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { wTermSig } from "../../abi/wait.ts";
import { open, optional } from "../libc/unistd.ts";
import { describeDeath, exitStatusOf, type Job, type JobProcess, stateOf } from "./jobs.ts";
import type { Node } from "./node.ts";
import { sayDeath } from "./nodes-simple.ts";
import { enterChild, fork, forkShell, giveTerminal } from "./process.ts";
import { Interrupted, type Shell } from "./shell.ts";
import { ENOENT, Errno } from "../../abi/errno.ts";

/** With job control: a program in its own process group, which gets the terminal. */
export function* launchForeground(sh: Shell, text: string, become: (o: { fork: boolean }) => Proc<number>): Proc<number> {
  const { sys } = sh;
  const pid = yield* fork(sh, function* () {
    yield* enterChild(sh, { pgid: 0, foreground: true });
    return yield* become({ fork: true });
  });
  yield* joinGroup(sh, pid, pid);
  void sys;
  const job = sh.jobs.add(pid, [{ pid, text }], text, true, sh.cwd);
  return yield* waitForeground(sh, job);
}

/** Also the parent puts a child into its group, whichever of both comes first. */
function* joinGroup(sh: Shell, pid: number, pgid: number): Proc<void> {
  try {
    yield* sh.sys.setpgid(pid, pgid);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

/** Waits for a job in the foreground, takes the terminal back, and tells what is to be told. */
export function* waitForeground(sh: Shell, job: Job): Proc<number> {
  const controls = sh.options.monitor && sh.terminal >= 0;
  if (controls) yield* giveTerminal(sh, job.pgid);
  yield* sh.jobs.waitJob(job, sh.options.monitor);
  if (controls) {
    yield* giveTerminal(sh, yield* sh.sys.getpgid(0));
  }
  const last = job.processes[job.processes.length - 1] as JobProcess;
  if (stateOf(job) === "stopped") {
    job.foreground = false;
    job.told = true;
    sh.jobs.touch(job);
    if (sh.interactive) yield* sh.eprint(`\n${sh.flavour === "bash" ? sh.jobs.describe(job, sh.cwd) : sh.jobs.describePosix(job)}`);
    if (controls && sh.onStop !== undefined) yield* sh.onStop();
    sh.pipeStatus = [128 + SIGTSTP];
    return 128 + SIGTSTP;
  }
  sh.jobs.remove(job);
  const statuses = job.processes.map((p) => exitStatusOf(p.status ?? 0));
  const status = last.status ?? 0;
  const signal = (status & 0x7f) === 0 ? 0 : wTermSig(status);
  if (signal !== 0) {
    if (controls && sh.onStop !== undefined) yield* sh.onStop();
    if (signal === SIGINT && sh.interactive) {
      sh.status = 130;
      sh.pipeStatus = statuses;
      yield* sh.eprint("\n");
      throw new Interrupted(true);
    }
    if (sh.interactive && describeDeath(status) !== undefined) yield* sh.eprint(`${describeDeath(status)}\n`);
    else yield* sayDeath(sh, last.pid, status, job.text);
  }
  sh.pipeStatus = statuses;
  return sh.options.pipefail ? (statuses.findLast((s) => s !== 0) ?? 0) : exitStatusOf(status);
}

/** Starts a command that the shell does not wait for. */
export function* launchBackground(sh: Shell, node: Node): Proc<void> {
  const monitor = sh.options.monitor && sh.subshellDepth === 0;
  const members: { pid: number; text: string }[] = [];
  const pid = yield* forkShell(sh, { pgid: monitor ? 0 : undefined, background: true }, function* (child) {
    if (!monitor) yield* nullInput(child);
    becomeSubshell(child);
    return yield* runInChild(child, node);
  });
  if (monitor) yield* joinGroup(sh, pid, pid);
  members.push({ pid, text: node.text });
  sh.lastBackground = pid;
  const job = sh.jobs.add(monitor ? pid : 0, members, node.text, false, sh.cwd);
  job.told = false;
  if (sh.interactive) yield* sh.eprint(`[${job.id}] ${pid}\n`);
}

/** A background pipeline: each stage a child of the shell, as in the foreground. */
export function* launchPipelineBackground(sh: Shell, commands: readonly Node[], withStderr: readonly boolean[], text: string): Proc<void> {
  const members = yield* startStages(sh, commands, withStderr, true);
  const last = members[members.length - 1] as { pid: number };
  sh.lastBackground = last.pid;
  const job = sh.jobs.add(sh.options.monitor ? (members[0]?.pid ?? 0) : 0, members, text, false, sh.cwd);
  job.told = false;
  if (sh.interactive) yield* sh.eprint(`[${job.id}] ${last.pid}\n`);
}

function* nullInput(sh: Shell): Proc<void> {
  const fd = yield* optional(open(sh.sys, "/dev/null"), [ENOENT]);
  if (fd === undefined || fd === 0) return;
  yield* sh.sys.dup2(fd, 0);
  yield* sh.sys.close(fd);
}

/**
 * A command in the child that was made for it, a job in the background or a stage of a pipeline. There is one process for
 * `( … ) &`; for `{ …; } &` and `a && b &` bash keeps the shell as the parent of the program, dash and ash do not.
 */
export function* runInChild(child: Shell, node: Node): Proc<number> {
  if (node.runHere !== undefined) return yield* node.runHere(child);
  return yield* node.run(child, node.simple || child.flavour !== "bash");
}

/** A child that runs shell commands has no jobs of its own and no prompt. */
export function becomeSubshell(child: Shell): void {
  child.interactive = false;
  if (child.options.monitor) child.options.set("monitor", false);
  child.refreshFast();
}

function* startStages(
  sh: Shell,
  commands: readonly Node[],
  withStderr: readonly boolean[],
  background: boolean,
): Proc<{ pid: number; text: string }[]> {
  const { sys } = sh;
  const monitor = sh.options.monitor && sh.subshellDepth === 0;
  const members: { pid: number; text: string }[] = [];
  let input = -1;
  let pgid = 0;
  for (let i = 0; i < commands.length; i++) {
    const node = commands[i] as Node;
    const isLast = i === commands.length - 1;
    const [readEnd, writeEnd] = isLast ? [-1, -1] : yield* sys.pipe2(0);
    const from = input;
    const pid = yield* forkShell(
      sh,
      { pgid: monitor ? pgid : undefined, foreground: !background && i === 0, background },
      function* (child) {
        if (from >= 0) {
          yield* sys.dup2(from, 0);
          yield* sys.close(from);
        } else if (background && !monitor) yield* nullInput(child);
        if (!isLast) {
          yield* sys.dup2(writeEnd, 1);
          if (withStderr[i] === true) yield* sys.dup2(writeEnd, 2);
          yield* sys.close(writeEnd);
          yield* sys.close(readEnd);
        }
        becomeSubshell(child);
        return yield* runInChild(child, node);
      },
    );
    if (monitor) {
      if (pgid === 0) pgid = pid;
      yield* joinGroup(sh, pid, pgid);
      if (i === 0 && !background) yield* giveTerminal(sh, pgid);
    }
    members.push({ pid, text: node.text });
    if (from >= 0) yield* sys.close(from);
    if (!isLast) yield* sys.close(writeEnd);
    input = readEnd;
  }
  return members;
}

/** Runs `a | b | c`: every stage at once, each in a child. */
export function* runPipeline(sh: Shell, commands: readonly Node[], withStderr: readonly boolean[], text: string): Proc<number> {
  if (sh.options.shopt("lastpipe") && !sh.options.monitor && sh.flavour === "bash")
    return yield* runLastHere(sh, commands, withStderr, text);
  const members = yield* startStages(sh, commands, withStderr, false);
  const job = sh.jobs.add(sh.options.monitor ? (members[0]?.pid ?? 0) : 0, members, text, true, sh.cwd);
  return yield* waitForeground(sh, job);
}

/** `shopt -s lastpipe`: the last stage is the shell itself. */
function* runLastHere(sh: Shell, commands: readonly Node[], withStderr: readonly boolean[], text: string): Proc<number> {
  const { sys } = sh;
  const [readEnd, writeEnd] = yield* sys.pipe2(0);
  const saved = yield* sys.fcntl(0, 1030, 10);
  const savedOut = yield* sys.fcntl(1, 1030, 10);
  yield* sys.dup2(writeEnd, 1);
  yield* sys.close(writeEnd);
  const members = yield* startStages(sh, commands.slice(0, -1), withStderr, false);
  yield* sys.dup2(savedOut, 1);
  yield* sys.close(savedOut);
  yield* sys.dup2(readEnd, 0);
  yield* sys.close(readEnd);
  const job = sh.jobs.add(0, members, text, true, sh.cwd);
  const status = yield* (commands[commands.length - 1] as Node).run(sh, false);
  yield* sys.dup2(saved, 0);
  yield* sys.close(saved);
  yield* waitForeground(sh, job);
  sh.pipeStatus = [...sh.pipeStatus, status];
  return sh.options.pipefail ? (sh.pipeStatus.findLast((s) => s !== 0) ?? 0) : status;
}

/** Signals that reach a background job only if it asks for them. */
export const backgroundIgnored = [SIGINT, SIGQUIT];

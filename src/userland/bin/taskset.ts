/** taskset(1) of util-linux: the CPUs on which a process may run. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readProcDir } from "../libc/libproc.ts";
import { badUsage, execOrFail } from "../libc/utillinux.ts";

const usage = `taskset [OPTIONS] [MASK | CPU-LIST] [PID | COMMAND [ARG]...]
Show or change the CPU affinity of a process.

  -a, --all-tasks  act on all threads of the process
  -p, --pid        act on a process that runs
  -c, --cpu-list   show and take CPUs as a list, such as 0,2-3

  -h, --help       show this help
  -V, --version    show the version`;

const busyboxUsage = `taskset [-ap] [HEXMASK | -c LIST] { PID | PROG ARGS }

Set or get CPU affinity

	-p	Operate on PID
	-a	Operate on all threads
	-c	Affinity is a list, not mask`;

const MAX_CPUS = 1024;

function parseMask(text: string): number[] | undefined {
  if (!/^(0x)?[0-9a-fA-F]+$/.test(text)) return undefined;
  let mask = BigInt(`0x${text.replace(/^0x/, "")}`);
  const cpus: number[] = [];
  for (let cpu = 0; mask > 0n; cpu++, mask >>= 1n) if (mask & 1n) cpus.push(cpu);
  return cpus;
}

/** `0,2-5,8-15:2`. */
function parseList(text: string): number[] | undefined {
  const cpus = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^([0-9]+)(?:-([0-9]+)(?::([0-9]+))?)?$/.exec(part);
    if (match === null) return undefined;
    const [first, last, step] = [Number(match[1]), Number(match[2] ?? match[1]), Number(match[3] ?? 1)];
    if (last < first || step === 0 || last >= MAX_CPUS) return last >= MAX_CPUS ? [last] : undefined;
    for (let cpu = first; cpu <= last; cpu += step) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** Runs of three and more become a range, as in util-linux. */
export function cpuList(cpus: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < cpus.length; ) {
    let j = i;
    while (cpus[j + 1] === (cpus[j] as number) + 1) j++;
    parts.push(j - i >= 2 ? `${cpus[i]}-${cpus[j]}` : cpus.slice(i, j + 1).join(","));
    i = j + 1;
  }
  return parts.join(",");
}

const cpuMask = (cpus: readonly number[]): string => cpus.reduce((mask, cpu) => mask | (1n << BigInt(cpu)), 0n).toString(16);

class Taskset {
  constructor(
    private readonly c: Command,
    private readonly list: boolean,
  ) {}

  *show(pid: number, label: string): Proc<void> {
    const { c, list } = this;
    let cpus: readonly number[];
    try {
      cpus = yield* c.sys.sched_getaffinity(pid);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(
        c.voice === "busybox" ? `can't get pid ${pid}'s affinity: ${e.message}` : `failed to get pid ${pid}'s affinity: ${e.message}`,
      );
    }
    yield* c.print(`pid ${pid}'s ${label} affinity ${list ? "list" : "mask"}: ${list ? cpuList(cpus) : cpuMask(cpus)}\n`);
  }

  *set(pid: number, cpus: readonly number[]): Proc<void> {
    const { c } = this;
    try {
      yield* c.sys.sched_setaffinity(pid, cpus);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      const shown = pid === 0 ? yield* c.sys.getpid() : pid;
      yield* c.fail(
        c.voice === "busybox" ? `can't set pid ${shown}'s affinity: ${e.message}` : `failed to set pid ${shown}'s affinity: ${e.message}`,
      );
    }
  }

  *cpus(text: string): Proc<readonly number[]> {
    const cpus = this.list ? parseList(text) : parseMask(text);
    if (cpus !== undefined) return cpus;
    if (this.c.voice === "busybox") return yield* this.c.fail(`bad affinity '${text}'`);
    return yield* this.c.fail(`failed to parse CPU ${this.list ? "list" : "mask"}: ${text}`);
  }
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    const long = [
      { name: "all-tasks", as: "a" },
      { name: "pid", as: "p" },
      { name: "cpu-list", as: "c" },
      { name: "help", as: "h" },
      { name: "version", as: "V" },
    ];
    parsed = getopt(c.args, { short: "+apchV", long }, c.voice);
  } catch (e) {
    if (e instanceof UsageError && c.voice === "gnu") return yield* badUsage(c, e.message);
    throw e;
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("taskset from util-linux 2.38.1\n");
    return 0;
  }
  const taskset = new Taskset(c, has("c"));
  if (!has("p")) {
    const [text, ...argv] = operands;
    if (text === undefined || argv.length === 0) return yield* badUsage(c, "bad usage");
    yield* taskset.set(0, yield* taskset.cpus(text));
    return yield* execOrFail(c, argv);
  }
  const word = operands.at(-1);
  if (word === undefined || operands.length > 2) return yield* badUsage(c, "bad usage");
  if (!/^[0-9]+$/.test(word)) return yield* c.fail(c.voice === "busybox" ? `invalid number '${word}'` : `invalid PID argument: '${word}'`);
  const pids = has("a") ? (yield* readProcDir(c.sys, `/proc/${word}/task`)).map(Number) : [Number(word)];
  for (const pid of pids) {
    yield* taskset.show(pid, "current");
    if (operands.length === 1) continue;
    yield* taskset.set(pid, yield* taskset.cpus(operands[0] as string));
    yield* taskset.show(pid, "new");
  }
  return 0;
}

export const taskset: Executable = {
  name: "taskset",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/taskset"],
  sizeBytes: 63808,
  applet: "/usr/bin/taskset",
};

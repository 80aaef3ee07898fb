/** chrt(1) of util-linux: the scheduling policy of a process. Left out: SCHED_DEADLINE. */

import { Errno } from "../../abi/errno.ts";
import { SCHED_BATCH, SCHED_FIFO, SCHED_IDLE, SCHED_OTHER, SCHED_RR } from "../../abi/sched.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readProcess } from "../libc/libproc.ts";
import { badUsage, execOrFail } from "../libc/utillinux.ts";

const usage = `chrt [OPTIONS] PRIORITY COMMAND [ARG]...
       chrt [OPTIONS] -p [PRIORITY] PID
Show or change the scheduling policy of a process.

  -b, --batch    SCHED_BATCH
  -f, --fifo     SCHED_FIFO
  -i, --idle     SCHED_IDLE
  -o, --other    SCHED_OTHER
  -r, --rr       SCHED_RR (the default)

  -m, --max      show the lowest and highest priorities
  -p, --pid      act on a process that runs
  -v, --verbose  say what was done

  -h, --help     show this help
  -V, --version  show the version`;

interface Policy {
  readonly letter: string;
  readonly name: string;
  readonly number: number;
  readonly min: number;
  readonly max: number;
}

const policies: readonly Policy[] = [
  { letter: "o", name: "SCHED_OTHER", number: SCHED_OTHER, min: 0, max: 0 },
  { letter: "f", name: "SCHED_FIFO", number: SCHED_FIFO, min: 1, max: 99 },
  { letter: "r", name: "SCHED_RR", number: SCHED_RR, min: 1, max: 99 },
  { letter: "b", name: "SCHED_BATCH", number: SCHED_BATCH, min: 0, max: 0 },
  { letter: "i", name: "SCHED_IDLE", number: SCHED_IDLE, min: 0, max: 0 },
];

const long = [
  { name: "batch", as: "b" },
  { name: "fifo", as: "f" },
  { name: "idle", as: "i" },
  { name: "other", as: "o" },
  { name: "rr", as: "r" },
  { name: "max", as: "m" },
  { name: "pid", as: "p" },
  { name: "verbose", as: "v" },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
];

function* show(c: Command, pid: number, label: string): Proc<void> {
  try {
    const number = yield* c.sys.sched_getscheduler(pid);
    const shown = pid === 0 ? yield* c.sys.getpid() : pid;
    const policy = policies.find((p) => p.number === number)?.name ?? "unknown";
    const priority = (yield* readProcess(c.sys, shown))?.rtPriority ?? 0;
    yield* c.print(`pid ${shown}'s ${label} scheduling policy: ${policy}\npid ${shown}'s ${label} scheduling priority: ${priority}\n`);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`failed to get pid ${pid}'s policy: ${e.message}`);
  }
}

function* set(c: Command, pid: number, policy: Policy, text: string): Proc<void> {
  if (!/^[0-9]+$/.test(text)) yield* c.fail(`invalid priority argument: '${text}'`);
  const priority = Number(text);
  if (priority < policy.min || priority > policy.max)
    yield* c.fail(`unsupported priority value for the policy: ${priority}: see --max for valid range`);
  try {
    yield* c.sys.sched_setscheduler(pid, policy.number, priority);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`failed to set pid ${pid}'s policy: ${e.message}`);
  }
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, { short: "+bfiormpvhV", long }, c.voice);
  } catch (e) {
    if (e instanceof UsageError && c.voice === "gnu") return yield* badUsage(c, e.message);
    throw e;
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("chrt from util-linux 2.38.1\n");
    return 0;
  }
  if (has("m")) {
    yield* c.print(policies.map((p) => `${p.name} min/max priority\t: ${p.min}/${p.max}\n`).join(""));
    return 0;
  }
  const policy =
    policies.find((p) => p.letter === options.findLast((o) => policies.some((q) => q.letter === o.name))?.name) ?? (policies[2] as Policy);
  if (has("p")) {
    const word = operands.at(-1);
    if (word === undefined || operands.length > 2) return yield* badUsage(c, "bad usage");
    if (!/^[0-9]+$/.test(word)) return yield* c.fail(`invalid PID argument: '${word}'`);
    if (operands.length === 1 || has("v")) yield* show(c, Number(word), "current");
    if (operands.length === 2) {
      yield* set(c, Number(word), policy, operands[0] as string);
      if (has("v")) yield* show(c, Number(word), "new");
    }
    return 0;
  }
  const [priority, ...argv] = operands;
  if (priority === undefined || argv.length === 0) return yield* badUsage(c, "bad usage");
  yield* set(c, 0, policy, priority);
  if (has("v")) yield* show(c, 0, "new");
  return yield* execOrFail(c, argv);
}

export const chrt: Executable = {
  name: "chrt",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/chrt"],
  sizeBytes: 67904,
};

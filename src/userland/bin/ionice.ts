/** ionice(1) of util-linux: the I/O class and level of processes. */

import { Errno } from "../../abi/errno.ts";
import {
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_NONE,
  IOPRIO_CLASS_RT,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_WHO_PGRP,
  IOPRIO_WHO_PROCESS,
  IOPRIO_WHO_USER,
} from "../../abi/sched.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Option, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { badUsage, execOrFail } from "../libc/utillinux.ts";

const usage = `ionice [options] -p <pid>... | -P <pgid>... | -u <uid>... | <command>
Show or change the I/O class and priority of processes.

  -c, --class <class>     0 none, 1 realtime, 2 best-effort, 3 idle
  -n, --classdata <num>   level in the class, 0 (first) to 7
  -p, --pid <pid>...      of these processes
  -P, --pgid <pgrp>...    of the processes of these groups
  -u, --uid <uid>...      of the processes of these users
  -t, --ignore            go on where something fails

  -h, --help              show this help
  -V, --version           show the version`;

const CLASSES = ["none", "realtime", "best-effort", "idle"] as const;

/** -p, -P, -u: whom they mean, and what a bad number is called. */
const WHOM: Readonly<Record<string, readonly [which: number, invalid: string]>> = {
  p: [IOPRIO_WHO_PROCESS, "invalid PID argument"],
  P: [IOPRIO_WHO_PGRP, "invalid PGID argument"],
  u: [IOPRIO_WHO_USER, "invalid UID argument"],
};

interface Settings {
  kind: number;
  data: number;
  classGiven: boolean;
  dataGiven: boolean;
  tolerant: boolean;
  which: number;
  invalid: string;
  ids: number[];
}

function* number(c: Command, text: string, invalid: string): Proc<number> {
  if (!/^\s*[-+]?\d+$/.test(text)) return yield* c.fail(`${invalid}: '${text}'`);
  return Number(text);
}

function* apply(c: Command, s: Settings, { name, arg }: Option): Proc<void> {
  if (name === "t") s.tolerant = true;
  else if (name === "n") {
    s.data = yield* number(c, arg, "invalid class data argument");
    s.dataGiven = true;
  } else if (name === "c") {
    s.classGiven = true;
    s.kind = /^\d/.test(arg) ? yield* number(c, arg, "invalid class argument") : (CLASSES as readonly string[]).indexOf(arg.toLowerCase());
    if (s.kind < 0) yield* c.fail(`unknown scheduling class: '${arg}'`);
  } else {
    if (s.which !== 0) yield* c.fail("can handle only one of pid, pgid or uid at once");
    const [which, invalid] = WHOM[name] as readonly [number, string];
    s.which = which;
    s.invalid = invalid;
    s.ids.push(yield* number(c, arg, invalid));
  }
}

function* checkClass(c: Command, s: Settings): Proc<void> {
  const ignoring = s.dataGiven && !s.tolerant;
  if (s.kind === IOPRIO_CLASS_NONE || s.kind === IOPRIO_CLASS_IDLE) {
    if (ignoring) yield* c.warn(`ignoring given class data for ${CLASSES[s.kind]} class`);
    s.data = s.kind === IOPRIO_CLASS_NONE ? 0 : 7;
  } else if (s.kind !== IOPRIO_CLASS_RT && s.kind !== IOPRIO_CLASS_BE && !s.tolerant) yield* c.warn(`unknown prio class ${s.kind}`);
}

function* show(c: Command, which: number, who: number): Proc<void> {
  let ioprio: number;
  try {
    ioprio = yield* c.sys.ioprio_get(which, who);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`ioprio_get failed: ${e.message}`);
  }
  const kind = ioprio >> IOPRIO_CLASS_SHIFT;
  const name = CLASSES[kind] ?? "unknown";
  yield* c.print(kind === IOPRIO_CLASS_IDLE ? `${name}\n` : `${name}: prio ${ioprio & ((1 << IOPRIO_CLASS_SHIFT) - 1)}\n`);
}

function* change(c: Command, s: Settings, which: number, who: number): Proc<void> {
  try {
    yield* c.sys.ioprio_set(which, who, (s.kind << IOPRIO_CLASS_SHIFT) | s.data);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (!s.tolerant) yield* c.fail(`ioprio_set failed: ${e.message}`);
  }
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    const long = [
      { name: "classdata", arg: "required", as: "n" },
      { name: "class", arg: "required", as: "c" },
      { name: "pid", arg: "required", as: "p" },
      { name: "pgid", arg: "required", as: "P" },
      { name: "uid", arg: "required", as: "u" },
      { name: "ignore", as: "t" },
      { name: "help", as: "h" },
      { name: "version", as: "V" },
    ] as const;
    parsed = getopt(c.args, { short: "+n:c:p:P:u:tVh", long });
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
  const s: Settings = {
    kind: IOPRIO_CLASS_BE,
    data: 4,
    classGiven: false,
    dataGiven: false,
    tolerant: false,
    which: 0,
    invalid: "",
    ids: [],
  };
  for (const option of parsed.options) {
    if (option.name === "h") return yield* c.help();
    if (option.name === "V") {
      yield* c.print("ionice from util-linux 2.38.1\n");
      return 0;
    }
    yield* apply(c, s, option);
  }
  yield* checkClass(c, s);
  const sets = s.classGiven || s.dataGiven;
  const { operands } = parsed;
  if (s.which !== 0) {
    for (const who of s.ids) yield* sets ? change(c, s, s.which, who) : show(c, s.which, who);
    for (const word of operands) {
      const who = yield* number(c, word, s.invalid);
      yield* sets ? change(c, s, s.which, who) : show(c, s.which, who);
    }
    return 0;
  }
  if (operands.length > 0) {
    yield* change(c, s, IOPRIO_WHO_PROCESS, 0);
    return yield* execOrFail(c, operands);
  }
  if (sets) return yield* badUsage(c, "bad usage");
  yield* show(c, IOPRIO_WHO_PROCESS, 0);
  return 0;
}

export const ionice: Executable = {
  name: "ionice",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/ionice"],
  sizeBytes: 35136,
};

/** renice(1) of util-linux: changes the nice value of processes that run. */

import { Errno } from "../../abi/errno.ts";
import { PRIO_PGRP, PRIO_PROCESS, PRIO_USER } from "../../abi/resource.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { getpwnam } from "../libc/passwd.ts";
import { badUsage } from "../libc/utillinux.ts";

const usage = `renice [-n] PRIORITY [-p|--pid] PID...
       renice [-n] PRIORITY -g|--pgrp PGID...
       renice [-n] PRIORITY -u|--user USER...
Change the nice value of processes that run.

  -n, --priority NUM  the nice value
      --relative NUM  what is added to the nice value
  -p, --pid           what follows are process IDs (the default)
  -g, --pgrp          what follows are process group IDs
  -u, --user          what follows are user names or IDs

  -h, --help          show this help
  -V, --version       show the version`;

const busyboxUsage = `renice [-n] PRIORITY [[-p|g|u] ID...]...

Change scheduling priority of a running process

	-n	Add PRIORITY to current nice value
		Without -n, nice value is set to PRIORITY
	-p	Process ids (default)
	-g	Process group ids
	-u	Process user names`;

const kinds: Readonly<Record<number, string>> = { [PRIO_PROCESS]: "process ID", [PRIO_PGRP]: "process group ID", [PRIO_USER]: "user ID" };

function* one(c: Command, which: number, id: number, value: number, relative: boolean): Proc<boolean> {
  const kind = kinds[which] ?? "";
  let old: number;
  try {
    old = yield* c.sys.getpriority(which, id);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (c.voice === "busybox") yield* c.warn(`getpriority: ${e.message}`);
    else yield* c.warn(`failed to get priority for ${id} (${kind}): ${e.message}`);
    return false;
  }
  try {
    yield* c.sys.setpriority(which, id, relative ? old + value : value);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (c.voice === "busybox") yield* c.warn(`setpriority: ${e.message}`);
    else yield* c.warn(`failed to set priority for ${id} (${kind}): ${e.message}`);
    return false;
  }
  if (c.voice === "gnu") yield* c.print(`${id} (${kind}) old priority ${old}, new priority ${yield* c.sys.getpriority(which, id)}\n`);
  return true;
}

function* run(c: Command): Proc<number> {
  const args = [...c.args];
  const first = args[0];
  if (first === "-h" || first === "--help") return yield* c.help();
  if (first === "-V" || first === "--version") {
    yield* c.print("renice from util-linux 2.38.1\n");
    return 0;
  }
  let relative = false;
  if (first === "-n" || first === "--priority" || first === "--relative") {
    relative = first === "--relative" || c.voice === "busybox";
    args.shift();
  }
  if (args.length < 2) return yield* badUsage(c, "not enough arguments");
  const word = args.shift() as string;
  if (!/^[+-]?[0-9]+$/.test(word)) return yield* badUsage(c, `invalid priority '${word}'`);
  const value = Number(word);
  let which = PRIO_PROCESS;
  let failed = false;
  for (const arg of args) {
    if (arg === "-p" || arg === "--pid") which = PRIO_PROCESS;
    else if (arg === "-g" || arg === "--pgrp") which = PRIO_PGRP;
    else if (arg === "-u" || arg === "--user") which = PRIO_USER;
    else {
      let id = /^[0-9]+$/.test(arg) ? Number(arg) : undefined;
      if (which === PRIO_USER) id = (yield* getpwnam(c.sys, arg))?.uid ?? id;
      if (id === undefined) {
        yield* c.warn(which === PRIO_USER ? `unknown user ${arg}` : `bad ${kinds[which]} value: ${arg}`);
        failed = true;
      } else if (!(yield* one(c, which, id, value, relative))) failed = true;
    }
  }
  return failed ? 1 : 0;
}

export const renice: Executable = {
  name: "renice",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/renice"],
  sizeBytes: 14648,
  applet: "/usr/bin/renice",
};

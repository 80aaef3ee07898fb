/** setsid(1) of util-linux: runs a program in a session of its own. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { wExitStatus, wIfExited } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { asChild, badUsage, execOrFail } from "../libc/utillinux.ts";

const usage = `setsid [OPTIONS] PROGRAM [ARG]...
Run a program in a new session.

  -c, --ctty     set the controlling terminal to the current one
  -f, --fork     always fork
  -w, --wait     wait for the program to end, and end with its status

  -h, --help     show this help
  -V, --version  show the version`;

const busyboxUsage = `setsid [-c] PROG ARGS

Run PROG in a new session. PROG will have no controlling terminal
and will not be affected by keyboard signals (^C etc).

	-c	Set controlling terminal to stdin`;

function* become(c: Command, argv: readonly string[], ctty: boolean): Proc<never> {
  try {
    yield* c.sys.setsid();
    if (ctty) yield* c.sys.ioctl(0, "TIOCSCTTY", 1);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(ctty ? `failed to set the controlling terminal: ${e.message}` : `setsid failed: ${e.message}`);
  }
  return yield* execOrFail(c, argv);
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    const long = [
      { name: "ctty", as: "c" },
      { name: "fork", as: "f" },
      { name: "wait", as: "w" },
      { name: "help", as: "h" },
      { name: "version", as: "V" },
    ];
    parsed = getopt(c.args, { short: c.voice === "busybox" ? "+c" : "+cfwhV", long: c.voice === "busybox" ? [] : long }, c.voice);
  } catch (e) {
    if (e instanceof UsageError && c.voice === "gnu") return yield* badUsage(c, e.message);
    throw e;
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("setsid from util-linux 2.38.1\n");
    return 0;
  }
  if (operands.length === 0) {
    if (c.voice === "gnu") return yield* badUsage(c, "no command specified");
    throw new UsageError("needs an argument");
  }
  // The leader of a process group may not begin a session: its child may.
  const leader = (yield* c.sys.getpgid(0)) === (yield* c.sys.getpid());
  if (!leader && !has("f")) return yield* become(c, operands, has("c"));
  const child = yield* c.sys.fork(() => asChild(become(c, operands, has("c"))));
  if (!has("w")) return 0;
  const { status } = yield* c.sys.wait4(child, 0);
  if (wIfExited(status)) return wExitStatus(status);
  yield* c.warn(`child ${child} did not exit normally`);
  return status;
}

export const setsid: Executable = {
  name: "setsid",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/setsid"],
  sizeBytes: 14648,
  applet: "/usr/bin/setsid",
};

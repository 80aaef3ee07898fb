/** nice(1) of coreutils: runs a command with another niceness, or prints it. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { PRIO_PROCESS } from "../../abi/resource.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote } from "../libc/quotearg.ts";
import { execvp } from "../libc/unistd.ts";

const usage = `nice [OPTION] [COMMAND [ARG]...]
Run COMMAND with its niceness raised by 10, or print the current niceness.
Niceness is between -20 (most favourable) and 19 (least).

  -n, --adjustment=N  add N instead of 10
      --help          show this help and exit`;

export const nice: Executable = {
  name: "nice",
  paths: ["/usr/bin/nice"],
  sizeBytes: 43888,
  applet: "/bin/nice",
  main: command(
    { version: COREUTILS, help: help(usage, "nice [-n ADJUST] [PROG ARGS]\n\nChange scheduling priority, run PROG"), usageStatus: 125 },
    function* (c) {
      // -5 and --5 are the old spellings of -n 5 and -n -5.
      let rest = c.args;
      let old: string | undefined;
      for (let m = /^-([-+]?[0-9].*)$/.exec(rest[0] ?? ""); m !== null; m = /^-([-+]?[0-9].*)$/.exec(rest[0] ?? "")) {
        old = m[1];
        rest = rest.slice(1);
      }
      const { options, operands } = yield* c.getopt({ short: "+n:", long: [{ name: "adjustment", arg: "required", as: "n" }] }, rest);
      const given = options.at(-1)?.arg ?? old;
      if (given !== undefined && !/^\s*[-+]?[0-9]+$/.test(given)) {
        return yield* c.fail(
          c.voice === "gnu" ? `invalid adjustment ${quote(given)}` : `invalid number '${given}'`,
          c.voice === "gnu" ? 125 : 1,
        );
      }
      const [file] = operands;
      const now = yield* c.sys.getpriority(PRIO_PROCESS, 0);
      if (file === undefined) {
        if (given !== undefined) throw new UsageError(c.voice === "gnu" ? "a command must be given with an adjustment" : "");
        yield* c.print(`${now}\n`);
        return 0;
      }
      try {
        yield* c.sys.setpriority(PRIO_PROCESS, 0, Math.max(-20, Math.min(19, now + (given === undefined ? 10 : Number(given)))));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(c.voice === "gnu" ? "cannot set niceness" : "setpriority", e);
        if (c.voice === "busybox") return 1;
      }
      try {
        return yield* execvp(c.sys, file, operands, c.env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(c.voice === "gnu" ? quote(file) : `can't execute '${file}'`, e);
        return e === ENOENT ? 127 : 126;
      }
    },
  ),
};

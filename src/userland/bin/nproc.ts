/** nproc(1) of coreutils: the CPUs that this process may use. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { quote } from "../libc/quotearg.ts";
import { readText } from "../libc/unistd.ts";
import { parseCount } from "../libc/xstrtol.ts";

const usage = `nproc [OPTION]...
Print the number of processing units available to this process.

      --all       count all that are installed
      --ignore=N  leave out N of them if possible
      --help      show this help and exit`;

export const nproc: Executable = {
  name: "nproc",
  paths: ["/usr/bin/nproc"],
  sizeBytes: 43920,
  applet: "/usr/bin/nproc",
  main: command({ version: COREUTILS, help: help(usage) }, function* (c) {
    const { options, operands } = yield* c.getopt({ short: "", long: [{ name: "all" }, { name: "ignore", arg: "required" }] });
    checkOperands(c, operands, 0, 0);
    let ignore = 0;
    for (const option of options) {
      if (option.name !== "ignore") continue;
      const n = parseCount(option.arg);
      if (n === undefined)
        return yield* c.fail(c.voice === "gnu" ? `invalid number: ${quote(option.arg)}` : `invalid number '${option.arg}'`);
      ignore = n;
    }
    let count: number;
    if (options.some((o) => o.name === "all")) count = ((yield* readText(c.sys, "/proc/stat")).match(/^cpu[0-9]+ /gm) ?? []).length;
    else {
      const wanted = parseCount(c.env.get("OMP_NUM_THREADS") ?? "");
      count = c.voice === "gnu" && wanted ? wanted : (yield* c.sys.sched_getaffinity(0)).length;
    }
    yield* c.print(`${Math.max(1, count - ignore)}\n`);
    return 0;
  }),
};

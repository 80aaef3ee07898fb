/** tty(1) of coreutils: the terminal on standard input. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { isatty } from "../libc/stdio.ts";
import { readlink } from "../libc/unistd.ts";

const usage = `tty [OPTION]...
Print the file name of the terminal on standard input.

  -s, --silent, --quiet  print nothing, only set the exit status
      --help             show this help and exit`;

export const tty: Executable = {
  name: "tty",
  paths: ["/usr/bin/tty"],
  sizeBytes: 35696,
  applet: "/usr/bin/tty",
  main: command({ version: COREUTILS, help: help(usage), usageStatus: 2 }, function* (c) {
    const { options, operands } = yield* c.getopt({
      short: "s",
      long: [
        { name: "silent", as: "s" },
        { name: "quiet", as: "s" },
      ],
    });
    checkOperands(c, operands, 0, 0);
    const is = yield* isatty(c.sys, 0);
    if (options.length === 0) yield* c.print(`${is ? yield* readlink(c.sys, "/proc/self/fd/0") : "not a tty"}\n`);
    return is ? 0 : 1;
  }),
};

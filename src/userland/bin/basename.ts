/** basename(1) of coreutils: paths without their directories, and without a suffix. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { basename as lastPart } from "../libc/unistd.ts";

const usage = `basename NAME [SUFFIX]
  or:  basename OPTION... NAME...
Print NAME without its leading directories, and without a trailing SUFFIX.

  -a, --multiple       take every operand as a NAME
  -s, --suffix=SUFFIX  remove a trailing SUFFIX; implies -a
  -z, --zero           end each line with NUL, not newline
      --help           show this help and exit`;

export const basename: Executable = {
  name: "basename",
  paths: ["/usr/bin/basename"],
  sizeBytes: 43856,
  applet: "/usr/bin/basename",
  main: command({ version: COREUTILS, help: help(usage) }, function* (c) {
    const { options, operands } = yield* c.getopt({
      short: c.voice === "gnu" ? "+as:z" : "+as:",
      long: [
        { name: "multiple", as: "a" },
        { name: "suffix", arg: "required", as: "s" },
        { name: "zero", as: "z" },
      ],
    });
    let suffix = options.findLast((o) => o.name === "s")?.arg;
    const many = suffix !== undefined || options.some((o) => o.name === "a");
    checkOperands(c, operands, 1, many ? undefined : 2);
    if (!many) suffix = operands[1];
    const end = options.some((o) => o.name === "z") ? "\0" : "\n";
    for (const name of many ? operands : operands.slice(0, 1)) {
      const last = lastPart(name);
      const cut =
        suffix !== undefined && suffix !== "" && last !== suffix && last.endsWith(suffix) ? last.length - suffix.length : last.length;
      yield* c.print(last.slice(0, cut) + end);
    }
    return 0;
  }),
};

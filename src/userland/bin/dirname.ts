/** dirname(1) of coreutils: paths without their last component. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { dirname as parent } from "../libc/unistd.ts";

const usage = `dirname [OPTION] NAME...
Print each NAME without its last component and trailing slashes; '.' where NAME has no slash.

  -z, --zero  end each line with NUL, not newline
      --help  show this help and exit`;

export const dirname: Executable = {
  name: "dirname",
  paths: ["/usr/bin/dirname"],
  sizeBytes: 39760,
  applet: "/usr/bin/dirname",
  main: command({ version: COREUTILS, help: help(usage, "dirname FILENAME\n\nStrip the last component from FILENAME") }, function* (c) {
    const gnu = c.voice === "gnu";
    const { options, operands } = yield* c.getopt({ short: gnu ? "+z" : "+", long: gnu ? [{ name: "zero", as: "z" }] : [] });
    checkOperands(c, operands, 1, gnu ? undefined : 1);
    const end = options.length > 0 ? "\0" : "\n";
    for (const name of operands) yield* c.print(parent(name) + end);
    return 0;
  }),
};

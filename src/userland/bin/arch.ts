/** arch(1) of coreutils: the machine's hardware name, as uname -m. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";

export const arch: Executable = {
  name: "arch",
  paths: ["/usr/bin/arch"],
  sizeBytes: 43888,
  applet: "/bin/arch",
  main: command({ version: COREUTILS, help: help("arch [OPTION]...\nPrint the machine's architecture.") }, function* (c) {
    const { operands } = yield* c.getopt({ short: "" });
    checkOperands(c, operands, 0, 0);
    yield* c.print(`${(yield* c.sys.uname()).machine}\n`);
    return 0;
  }),
};

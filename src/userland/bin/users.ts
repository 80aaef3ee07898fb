/** users(1) of coreutils: the names of those logged in. Nothing here writes /var/run/utmp, so there is nobody to name. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";

export const users: Executable = {
  name: "users",
  paths: ["/usr/bin/users"],
  sizeBytes: 39824,
  main: command(
    { version: COREUTILS, help: help("users [OPTION]... [FILE]\nPrint who is logged in according to FILE, /var/run/utmp unless given.") },
    function* (c) {
      const { operands } = yield* c.getopt({ short: "" });
      checkOperands(c, operands, 0, 1);
      return 0;
    },
  ),
};

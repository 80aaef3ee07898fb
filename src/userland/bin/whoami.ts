/** whoami(1) of coreutils: the name of the effective user. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { getpwuid } from "../libc/passwd.ts";

export const whoami: Executable = {
  name: "whoami",
  paths: ["/usr/bin/whoami"],
  sizeBytes: 39792,
  applet: "/usr/bin/whoami",
  main: command(
    { version: COREUTILS, help: help("whoami [OPTION]...\nPrint the name of the effective user. Same as id -un.") },
    function* (c) {
      const { operands } = yield* c.getopt({ short: "" });
      checkOperands(c, operands, 0, 0);
      const uid = yield* c.sys.geteuid();
      const user = yield* getpwuid(c.sys, uid);
      if (user === undefined) return yield* c.fail(c.voice === "gnu" ? `cannot find name for user ID ${uid}` : `unknown uid ${uid}`);
      yield* c.print(`${user.name}\n`);
      return 0;
    },
  ),
};

/**
 * logname(1) of coreutils: who logged in on this terminal.
 * Differs from Linux: there is no utmp and no audit session, so the name comes from LOGNAME where stdin is a terminal.
 */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { isatty } from "../libc/stdio.ts";

export const logname: Executable = {
  name: "logname",
  paths: ["/usr/bin/logname"],
  sizeBytes: 39760,
  applet: "/usr/bin/logname",
  main: command({ version: COREUTILS, help: help("logname [OPTION]\nPrint the name of the user who logged in.") }, function* (c) {
    const { operands } = yield* c.getopt({ short: "" });
    checkOperands(c, operands, 0, 0);
    const name = c.env.get("LOGNAME");
    if (name === undefined || !(yield* isatty(c.sys, 0))) {
      return yield* c.fail(c.voice === "gnu" ? "no login name" : "getlogin: No such device or address");
    }
    yield* c.print(`${name}\n`);
    return 0;
  }),
};

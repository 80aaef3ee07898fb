/** false(1) of coreutils and busybox. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";

const usage = `false [ignored command line arguments]
  or:  false OPTION
Do nothing, unsuccessfully.

      --help     show this help and exit`;

function* run(c: Command): Proc<number> {
  if (c.args.length === 1 && c.args[0] === "--help" && c.voice === "gnu") yield* c.help();
  return 1;
}

export const falseProgram: Executable = {
  name: "false",
  paths: ["/usr/bin/false"],
  sizeBytes: 35664,
  applet: "/bin/false",
  main: command({ help: help(usage) }, run),
};

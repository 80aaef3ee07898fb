/** true(1) of coreutils and busybox. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";

const usage = `true [ignored command line arguments]
  or:  true OPTION
Do nothing, successfully.

      --help     show this help and exit`;

function* run(c: Command): Proc<number> {
  if (c.args.length === 1 && c.args[0] === "--help" && c.voice === "gnu") yield* c.help();
  return 0;
}

export const trueProgram: Executable = {
  name: "true",
  paths: ["/usr/bin/true"],
  sizeBytes: 35664,
  applet: "/bin/true",
  main: command({ help: help(usage) }, run),
};

/** echo(1) of coreutils and busybox. */

import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { echo as echoText } from "../libc/echo.ts";
import { help } from "../libc/help.ts";
import type { Proc } from "../../abi/sys.ts";

const usage = `echo [SHORT-OPTION]... [STRING]...
  or:  echo LONG-OPTION
Print the STRINGs, separated by blanks.

  -n         no newline at the end
  -e         interpret backslash escapes
  -E         leave backslashes alone (the default)
      --help     show this help and exit

With -e: \\\\ backslash, \\a alert, \\b backspace, \\c end of the output, \\e escape, \\f form feed, \\n newline,
\\r carriage return, \\t tab, \\v vertical tab, \\0NNN byte in octal, \\xHH byte in hexadecimal.`;

function* run(c: Command): Proc<number> {
  // Only as the sole argument: anything else is printed.
  if (c.args.length === 1 && c.args[0] === "--help" && c.voice === "gnu") yield* c.help();
  yield* c.print(echoText(c.args, c.voice === "busybox" ? "busybox" : "coreutils"));
  return 0;
}

export const echo: Executable = {
  name: "echo",
  paths: ["/usr/bin/echo"],
  sizeBytes: 43856,
  applet: "/bin/echo",
  main: command({ help: help(usage) }, run),
};

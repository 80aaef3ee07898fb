/** printf(1) of coreutils and busybox. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { printf as printfText } from "../libc/printf.ts";
import { quotearg } from "../libc/quotearg.ts";

const usage = `printf FORMAT [ARGUMENT]...
  or:  printf OPTION
Print the ARGUMENTs as FORMAT tells; the FORMAT is used again while ARGUMENTs are left.

      --help     show this help and exit

FORMAT knows the escapes of echo -e, \\", \\NNN, \\uHHHH and \\UHHHHHHHH, %% for a percent sign, the conversions
d i o u x X f F e E g G a A c s of C, %b for a string with escapes, and %q for a string quoted for the shell.`;

function* run(c: Command): Proc<number> {
  let { args } = c;
  if (args.length === 1 && args[0] === "--help" && c.voice === "gnu") yield* c.help();
  if (args[0] === "--") args = args.slice(1);
  const format = args[0];
  if (format === undefined) throw new UsageError("missing operand");
  const r = printfText(format, args.slice(1), {
    dialect: c.voice === "busybox" ? "busybox" : "coreutils",
    quote: (text) => quotearg(text, "shell-escape"),
  });
  yield* c.print(r.text);
  for (const w of r.warnings) yield* c.warn(w);
  return r.status;
}

export const printf: Executable = {
  name: "printf",
  paths: ["/usr/bin/printf"],
  sizeBytes: 64432,
  applet: "/usr/bin/printf",
  main: command({ help: help(usage, "printf FORMAT [ARG]...\n\nFormat and print ARG(s) according to FORMAT (a-la C printf)") }, run),
};

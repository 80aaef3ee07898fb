/** printenv(1) of coreutils: the environment, or some of its values. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";

const usage = `printenv [OPTION]... [VARIABLE]...
Print the values of the VARIABLEs, or name and value of all.

  -0, --null  end each line with NUL, not newline
      --help  show this help and exit`;

export const printenv: Executable = {
  name: "printenv",
  paths: ["/usr/bin/printenv"],
  sizeBytes: 35664,
  applet: "/bin/printenv",
  main: command(
    { version: COREUTILS, help: help(usage, "printenv [VARIABLE]...\n\nPrint environment VARIABLEs, or all"), usageStatus: 2 },
    function* (c) {
      const gnu = c.voice === "gnu";
      const { options, operands } = yield* c.getopt({ short: gnu ? "+0" : "+", long: gnu ? [{ name: "null", as: "0" }] : [] });
      const end = options.length > 0 ? "\0" : "\n";
      if (operands.length === 0) {
        for (const [name, value] of c.env) yield* c.print(`${name}=${value}${end}`);
        return 0;
      }
      let missing = false;
      for (const name of operands) {
        const value = name.includes("=") ? undefined : c.env.get(name);
        if (value === undefined) missing = true;
        else yield* c.print(value + end);
      }
      return missing ? 1 : 0;
    },
  ),
};

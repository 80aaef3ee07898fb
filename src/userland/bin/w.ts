/** w(1) of procps-ng: who is logged in and what they do. Nothing here writes utmp, so it has nobody to name. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { procpsGetopt } from "../libc/procps.ts";
import { uptimeLine } from "./uptime.ts";

const usage = `
Usage:
 w [options] [user]

Options:
 -h, --no-header     do not print header
 -u, --no-current    ignore current process username
 -s, --short         short format
 -f, --from          show remote hostname field
 -o, --old-style     old style output
 -i, --ip-addr       display IP address instead of hostname (if possible)

     --help     display this help and exit
 -V, --version  output version information and exit

For more details see w(1).
`;

function* run(c: Command): Proc<number> {
  const { options } = yield* procpsGetopt(
    c,
    {
      short: "husfoiV",
      long: [
        { name: "no-header", as: "h" },
        { name: "no-current", as: "u" },
        { name: "short", as: "s" },
        { name: "from", as: "f" },
        { name: "old-style", as: "o" },
        { name: "ip-addr", as: "i" },
      ],
    },
    usage,
  );
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return 0;
  const from = has("f") ? "" : "FROM             ";
  yield* c.print(`${yield* uptimeLine(c)}\nUSER     TTY      ${from}${has("s") ? " IDLE WHAT" : "LOGIN@   IDLE   JCPU   PCPU WHAT"}\n`);
  return 0;
}

export const w: Executable = {
  name: "w",
  main: command({ help: usage }, run),
  paths: ["/usr/bin/w"],
  needed: ["libproc2.so.0", "libc.so.6"],
  sizeBytes: 22840,
};

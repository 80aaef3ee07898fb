/** clear(1) of ncurses: clears the screen and its scrollback. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { findTerminal, tparm } from "../libc/terminfo.ts";

const usage = `clear [options]

Options:
  -T TERM     use this instead of $TERM
  -V          print curses-version
  -x          do not try to clear scrollback`;

export const clear: Executable = {
  name: "clear",
  paths: ["/usr/bin/clear"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 14584,
  applet: "/usr/bin/clear",
  main: command({ help: help(usage, "clear\n\nClear screen") }, function* (c) {
    if (c.voice === "busybox") {
      yield* c.print("\x1b[H\x1b[J");
      return 0;
    }
    let options: readonly { name: string; arg: string }[];
    try {
      ({ options } = yield* c.getopt({ short: "T:Vx" }));
    } catch (e) {
      if (!(e instanceof UsageError)) throw e;
      yield* c.eprint(`${c.name}: ${e.message}\nUsage: ${usage}\n`);
      return 1;
    }
    if (options.some((o) => o.name === "V")) {
      yield* c.print("ncurses 6.4.20221231\n");
      return 0;
    }
    const term = options.findLast((o) => o.name === "T")?.arg ?? c.env.get("TERM");
    if (term === undefined) {
      yield* c.eprint("TERM environment variable not set.\n");
      return 1;
    }
    const terminal = findTerminal(term);
    if (terminal === undefined) {
      yield* c.eprint(`'${term}': unknown terminal type.\n`);
      return 1;
    }
    const { clear: home, E3 } = terminal;
    if (typeof home !== "string") return 1;
    yield* c.print(tparm(home, []) + (typeof E3 === "string" && !options.some((o) => o.name === "x") ? tparm(E3, []) : ""));
    return 0;
  }),
};

/**
 * nano(1) 7.2: an editor that shows its keys. The code is in `userland/nano/`.
 * Left out: marks, justification, regular expressions in searches, several buffers, spelling, colours, backups, nanorc.
 */

import { ENOTTY } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { isatty } from "../libc/stdio.ts";
import { Session } from "../nano/session.ts";
import { Terminal, withTerminal } from "../tui/terminal.ts";

const help = `Usage: nano [OPTIONS] [[+LINE[,COLUMN]] FILE]

To place the cursor on a specific line of a file, put the line number with a '+' before the filename.

 Option         Long option             Meaning
 -v             --view                  View mode (read-only)
 -V             --version               Print version information and exit
 -h             --help                  Show this help text and exit`;

function* main(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: "vVh",
    long: [
      { name: "view", as: "v" },
      { name: "version", as: "V" },
    ],
  });
  if (options.some((o) => o.name === "h")) return yield* c.help();
  if (options.some((o) => o.name === "V")) {
    yield* c.print(" GNU nano, version 7.2\n");
    return 0;
  }
  let line = 1;
  let col = 1;
  let file: string | undefined;
  for (const word of operands) {
    const place = /^\+([0-9]+)?(?:,([0-9]+))?$/.exec(word);
    if (place !== null && file === undefined) {
      line = Number(place[1] ?? 1);
      col = Number(place[2] ?? 1);
    } else file ??= word;
  }
  if (!(yield* isatty(c.sys, 0))) {
    yield* c.eprint("Standard input is not a terminal\n");
    return 1;
  }
  const terminal = new Terminal(c.sys, 0, 1);
  const view = options.some((o) => o.name === "v");
  try {
    return yield* withTerminal(terminal, true, () => new Session(c, terminal).run(file, line, col, view));
  } catch (e) {
    if (e !== ENOTTY) throw e;
    yield* c.eprint("Standard output is not a terminal\n");
    return 1;
  }
}

export const nano: Executable = {
  name: "nano",
  main: command({ help }, main),
  paths: ["/usr/bin/nano"],
  needed: ["libncursesw.so.6", "libtinfo.so.6", "libc.so.6"],
  sizeBytes: 287480,
};

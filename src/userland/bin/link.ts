/** link(1) of coreutils: one hard link, by link(2) alone. */

import { AT_FDCWD } from "../../abi/fcntl.ts";
import { Errno } from "../../abi/errno.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { quoteaf } from "../libc/quotearg.ts";

export const link: Executable = {
  name: "link",
  paths: ["/usr/bin/link"],
  sizeBytes: 39760,
  applet: "/bin/link",
  main: command(
    { version: COREUTILS, help: help("link FILE1 FILE2\nMake FILE2 a hard link to FILE1.", "link FILE LINK\n\nCreate hard LINK to FILE") },
    function* (c) {
      const { operands } = yield* c.getopt({ short: "+" });
      checkOperands(c, operands, 2, 2);
      const [from = "", to = ""] = operands;
      try {
        yield* c.sys.linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        const what =
          c.voice === "gnu" ? `cannot create link ${quoteaf(to)} to ${quoteaf(from)}` : `can't create hardlink '${to}' to '${from}'`;
        yield* c.perror(what, e);
        return 1;
      }
      return 0;
    },
  ),
};

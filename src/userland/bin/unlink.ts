/** unlink(1) of coreutils: removes one name, by unlink(2) alone. */

import { Errno } from "../../abi/errno.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { quoteaf } from "../libc/quotearg.ts";
import { unlink as remove } from "../libc/unistd.ts";

export const unlink: Executable = {
  name: "unlink",
  paths: ["/usr/bin/unlink"],
  sizeBytes: 39760,
  applet: "/usr/bin/unlink",
  main: command({ version: COREUTILS, help: help("unlink FILE\nRemove FILE by the system call unlink.") }, function* (c) {
    const { operands } = yield* c.getopt({ short: "+" });
    checkOperands(c, operands, 1, 1);
    const [file = ""] = operands;
    try {
      yield* remove(c.sys, file);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(c.voice === "gnu" ? `cannot unlink ${quoteaf(file)}` : `can't remove file '${file}'`, e);
      return 1;
    }
    return 0;
  }),
};

/** yes(1) of coreutils: a line, again and again. */

import { Errno } from "../../abi/errno.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { BUFSIZ, writeAll } from "../libc/stdio.ts";

export const yes: Executable = {
  name: "yes",
  paths: ["/usr/bin/yes"],
  sizeBytes: 39760,
  applet: "/usr/bin/yes",
  main: command(
    {
      version: COREUTILS,
      help: help(
        "yes [STRING]...\nPrint a line of all STRINGs, or 'y', until killed.",
        "yes [STRING]\n\nPrint STRING, or 'y', until killed",
      ),
    },
    function* (c) {
      const { operands } = yield* c.getopt({ short: "+" });
      const line = `${operands.length === 0 ? "y" : operands.join(" ")}\n`;
      // Whole lines, as many as fill about two buffers: that is what the real one writes at once.
      const block = encodeUtf8(line.repeat(Math.max(1, Math.floor((2 * BUFSIZ) / line.length))));
      try {
        for (;;) yield* writeAll(c.sys, 1, block);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror("standard output", e);
        return 1;
      }
    },
  ),
};

/** rev(1) of util-linux: the characters of each line in reverse. */

import { Errno } from "../../abi/errno.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { Input } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

export const rev: Executable = {
  name: "rev",
  paths: ["/usr/bin/rev"],
  sizeBytes: 14648,
  applet: "/bin/rev",
  main: command(
    { help: help("rev [options] [file ...]\n\nReverse the characters of each line.\n\nOptions:\n -h, --help  show this help") },
    function* (c) {
      const { options, operands } = yield* c.getopt({ short: c.voice === "gnu" ? "h" : "" });
      if (options.length > 0) return yield* c.help();
      let status = 0;
      for (const file of operands.length === 0 ? ["-"] : operands) {
        let input = c.stdin;
        if (file !== "-" || (c.voice === "gnu" && operands.length > 0)) {
          try {
            input = new Input(c.sys, yield* open(c.sys, file));
          } catch (e) {
            if (!(e instanceof Errno)) throw e;
            yield* c.perror(c.voice === "gnu" ? `cannot open ${file}` : file, e);
            status = 1;
            continue;
          }
        }
        for (;;) {
          const bytes = yield* input.readDelimited(10);
          if (bytes === undefined) break;
          const line = decodeUtf8(bytes);
          const whole = line.endsWith("\n");
          yield* c.print([...(whole ? line.slice(0, -1) : line)].reverse().join("") + (whole ? "\n" : ""));
        }
        if (input !== c.stdin) yield* c.sys.close(input.fd);
      }
      return status;
    },
  ),
};

/** sync(1) of coreutils: writes what is cached to the filesystems, or only that of some files. */

import { Errno } from "../../abi/errno.ts";
import { O_NONBLOCK, O_RDONLY } from "../../abi/fcntl.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quoteaf } from "../libc/quotearg.ts";
import { open } from "../libc/unistd.ts";

const usage = `sync [OPTION] [FILE]...
Write cached data to storage: of each FILE, or all without one.

  -d, --data         only the data of the files, and the metadata that these need
  -f, --file-system  the filesystems that hold the files
      --help         show this help and exit`;

export const sync: Executable = {
  name: "sync",
  paths: ["/usr/bin/sync"],
  sizeBytes: 39824,
  applet: "/bin/sync",
  main: command({ version: COREUTILS, help: help(usage) }, function* (c) {
    const { options, operands } = yield* c.getopt({
      short: "df",
      long: [
        { name: "data", as: "d" },
        { name: "file-system", as: "f" },
      ],
    });
    const data = options.some((o) => o.name === "d");
    const whole = options.some((o) => o.name === "f");
    if (data && whole) yield* c.fail("cannot specify both --data and --file-system");
    if (data && operands.length === 0) yield* c.fail("--data needs at least one argument");
    if (operands.length === 0) {
      yield* c.sys.sync();
      return 0;
    }
    let status = 0;
    for (const file of operands) {
      try {
        const fd = yield* open(c.sys, file, O_RDONLY | O_NONBLOCK);
        yield* c.sys.fsync(fd);
        yield* c.sys.close(fd);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(c.voice === "gnu" ? `error opening ${quoteaf(file)}` : `can't open '${file}'`, e);
        status = 1;
      }
    }
    return status;
  }),
};

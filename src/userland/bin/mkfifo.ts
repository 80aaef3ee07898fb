/** mkfifo(1) of coreutils: named pipes. */

import { Errno } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { S_IFIFO } from "../../abi/stat.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { adjustMode, compileMode } from "../libc/mode.ts";
import { checkOperands } from "../libc/operands.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";

const usage = `mkfifo [OPTION]... NAME...
Create named pipes.

  -m, --mode=MODE  set the permissions as chmod does, instead of a=rw less the umask
      --help       show this help and exit`;

export const mkfifo: Executable = {
  name: "mkfifo",
  paths: ["/usr/bin/mkfifo"],
  needed: ["libselinux.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 68784,
  applet: "/usr/bin/mkfifo",
  main: command({ version: COREUTILS, help: help(usage) }, function* (c) {
    const gnu = c.voice === "gnu";
    const { options, operands } = yield* c.getopt({ short: "m:", long: [{ name: "mode", arg: "required", as: "m" }] });
    checkOperands(c, operands, 1);
    const text = options.at(-1)?.arg;
    let mode = 0o666;
    if (text !== undefined) {
      const change = compileMode(text);
      if (change === undefined) return yield* c.fail(gnu ? "invalid mode" : `invalid mode '${text}'`);
      const umask = yield* c.sys.umask(0);
      mode = adjustMode(0o666, change, umask, false);
      if (mode & ~0o777) return yield* c.fail(gnu ? "mode must specify only file permission bits" : `invalid mode ${quote(text)}`);
    }
    let status = 0;
    for (const name of operands) {
      try {
        yield* c.sys.mknodat(AT_FDCWD, name, S_IFIFO | mode, 0);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(gnu ? `cannot create fifo ${quoteaf(name)}` : name, e);
        status = 1;
      }
    }
    return status;
  }),
};

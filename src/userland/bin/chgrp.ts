/** chgrp(1) of coreutils, and busybox's: changes the group of files. */

import { Errno } from "../../abi/errno.ts";
import type { Executable } from "../executable.ts";
import { chownLong, changeOwners, findGroup, planOf } from "../libc/chown.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { missingOperand } from "../libc/operands.ts";
import { IdNames } from "../libc/passwd.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { stat } from "../libc/unistd.ts";

const usage = `chgrp [OPTION]... GROUP FILE...
  or:  chgrp [OPTION]... --reference=RFILE FILE...
Change the group of each FILE to GROUP, or to that of RFILE.

  -c, --changes          say what is changed
  -f, --silent, --quiet  suppress most error messages
  -v, --verbose          say what is done with every file
  -h, --no-dereference   change symbolic links themselves
      --preserve-root    refuse to work recursively on '/'
      --reference=RFILE  use the group of RFILE
  -R, --recursive        change directories with what is in them
  -H -L -P               with -R, enter links to directories: operands, all, none (the default)
      --help             show this help and exit`;

export const chgrp: Executable = {
  name: "chgrp",
  paths: ["/usr/bin/chgrp"],
  sizeBytes: 68656,
  applet: "/bin/chgrp",
  main: command(
    { version: COREUTILS, help: help(usage, "chgrp [-RhLHPcvf]... GROUP FILE...\n\nChange the group membership of FILEs to GROUP") },
    function* (c) {
      const long = c.voice === "gnu" ? chownLong.filter((o) => o.name !== "from") : [];
      const { options, operands } = yield* c.getopt({ short: "RcfhvHLP", long });
      const reference = options.findLast((o) => o.name === "reference")?.arg;
      const files = reference === undefined ? operands.slice(1) : operands;
      if (files.length === 0) throw missingOperand(c, operands[0]);
      let gid: number | undefined;
      let group = operands[0] ?? "";
      if (reference === undefined) gid = yield* findGroup(c.sys, group);
      else {
        try {
          gid = (yield* stat(c.sys, reference)).gid;
          group = (yield* new IdNames(c.sys).group(gid)) ?? `${gid}`;
        } catch (e) {
          if (!(e instanceof Errno)) throw e;
          yield* c.perror(`failed to get attributes of ${quoteaf(reference)}`, e);
          return 1;
        }
      }
      if (gid === undefined) return yield* c.fail(c.voice === "gnu" ? `invalid group: ${quote(group)}` : `unknown group ${group}`);
      return yield* changeOwners(c, options, files, { ...planOf(options), to: { gid, group }, from: {} });
    },
  ),
};

/** pivot_root(8) of util-linux, and busybox's: changes the root of the mount namespace by pivot_root(2). */

import { Errno } from "../../abi/errno.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";

const usage = `
 pivot_root [options] new_root put_old

Makes new_root, which must be a mount point, the root filesystem, and puts the old one on put_old, at or below new_root.

Options:
 -h, --help     display this help
 -V, --version  display version`;

const busyboxUsage = `pivot_root NEW_ROOT PUT_OLD

Move the current root file system to PUT_OLD and make NEW_ROOT
the new root file system`;

export const pivotRoot: Executable = {
  name: "pivot_root",
  paths: ["/usr/sbin/pivot_root"],
  sizeBytes: 14648,
  applet: "/sbin/pivot_root",
  main: command({ help: help(usage, busyboxUsage) }, function* (c) {
    const gnu = c.voice === "gnu";
    const { options, operands } = yield* c.getopt({ short: gnu ? "hV" : "", long: gnu ? [{ name: "version", as: "V" }] : [] });
    if (options.some((o) => o.name === "h")) return yield* c.help();
    if (options.some((o) => o.name === "V")) {
      yield* c.print("pivot_root from util-linux 2.38.1\n");
      return 0;
    }
    const [newRoot, putOld] = operands;
    if (newRoot === undefined || putOld === undefined || operands.length > 2) throw new UsageError(gnu ? "bad usage" : "");
    try {
      yield* c.sys.pivot_root(newRoot, putOld);
      return 0;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(gnu ? `failed to change root from \`${newRoot}' to \`${putOld}'` : "(null)", e);
      return 1;
    }
  }),
};

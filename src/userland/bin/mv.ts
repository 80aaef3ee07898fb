/** mv(1) of coreutils, and busybox's. Left out: -Z. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { backupOf } from "../libc/backupfile.ts";
import { type Command, command } from "../libc/command.ts";
import { Copier } from "../libc/copy.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { copyOperands, targetLong } from "../libc/targetdir.ts";

const usage = `mv [OPTION]... [-T] SOURCE DEST
  or:  mv [OPTION]... SOURCE... DIRECTORY
  or:  mv [OPTION]... -t DIRECTORY SOURCE...
Rename SOURCE to DEST, or move several SOURCEs into DIRECTORY.

      --backup[=CONTROL], -b   keep a backup of each file that is overwritten
  -f, --force                  do not ask before overwriting
  -i, --interactive            ask before overwriting
  -n, --no-clobber             do not overwrite existing files
      --strip-trailing-slashes  remove trailing slashes from each SOURCE
  -S, --suffix=SUFFIX          the suffix of backups
  -t, --target-directory=DIR   move all SOURCEs into DIR
  -T, --no-target-directory    DEST is a file, not a directory to move into
  -u, --update                 move only what is newer or absent
  -v, --verbose                say what is done
      --help                   show this help and exit

Of -i, -f and -n the last one counts.`;

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "bfint:uvS:T" : "finTt:u",
    long: gnu
      ? [
          { name: "backup", arg: "optional", as: "b" },
          { name: "force", as: "f" },
          { name: "interactive", as: "i" },
          { name: "no-clobber", as: "n" },
          { name: "strip-trailing-slashes" },
          { name: "suffix", arg: "required", as: "S" },
          { name: "update", as: "u" },
          { name: "verbose", as: "v" },
          ...targetLong,
        ]
      : [],
  });
  const backup = backupOf(c, options);
  const last = options.findLast((o) => /^[fin]$/.test(o.name))?.name;
  if (last === "n" && backup.type !== "none") throw new UsageError("options --backup and --no-clobber are mutually exclusive");
  const copier = new Copier(c, {
    recursive: true,
    dereference: "never",
    preserve: { mode: true, ownership: true, timestamps: true, links: true, xattr: gnu },
    defaultMode: false,
    overwrite: last === "i" ? "ask" : last === "n" ? "never" : last === "f" ? "always" : "usual",
    update: options.some((o) => o.name === "u"),
    force: false,
    removeDestination: false,
    how: "move",
    verbose: options.some((o) => o.name === "v"),
    backup,
    oneFileSystem: false,
    attributesOnly: false,
    copyContents: false,
  });
  return yield* copyOperands(c, options, operands, (src, dst) => copier.copyOperand(src, dst));
}

export const mv: Executable = {
  name: "mv",
  paths: ["/usr/bin/mv"],
  needed: ["libselinux.so.1", "libacl.so.1", "libattr.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 142968,
  applet: "/bin/mv",
  main: command(
    {
      version: COREUTILS,
      help: help(
        usage,
        "mv [-finT] SOURCE DEST\nor: mv [-fin] SOURCE... { -t DIRECTORY | DIRECTORY }\n\nRename SOURCE to DEST, or move SOURCEs to DIRECTORY",
      ),
    },
    run,
  ),
};

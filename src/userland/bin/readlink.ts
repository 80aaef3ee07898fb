/** readlink(1) of coreutils, and busybox's: where symbolic links point. */

import { EINVAL, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { quotef } from "../libc/quotearg.ts";
import { canonicalize } from "../libc/realpath.ts";
import { readlink as read } from "../libc/unistd.ts";

const usage = `readlink [OPTION]... FILE...
Print where a symbolic link points, or a canonical file name.

  -f, --canonicalize           follow every link; all but the last component must exist
  -e, --canonicalize-existing  follow every link; all components must exist
  -m, --canonicalize-missing   follow every link; no component need exist
  -n, --no-newline             no newline after the name
  -q, --quiet, -s, --silent    suppress most error messages (the default)
  -v, --verbose                show error messages
  -z, --zero                   end each line with NUL, not newline
      --help                   show this help and exit`;

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "efmnqsvz" : "fnv",
    long: [
      { name: "canonicalize", as: "f" },
      ...(gnu
        ? [
            { name: "canonicalize-existing", as: "e" },
            { name: "canonicalize-missing", as: "m" },
            { name: "no-newline", as: "n" },
            { name: "quiet", as: "q" },
            { name: "silent", as: "q" },
            { name: "verbose", as: "v" },
            { name: "zero", as: "z" },
          ]
        : []),
    ],
  });
  checkOperands(c, operands, 1, gnu ? undefined : 1);
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const how = options.findLast((o) => /^[efm]$/.test(o.name))?.name;
  let newline = !has("n");
  if (!newline && operands.length > 1) {
    yield* c.warn("ignoring --no-newline with multiple arguments");
    newline = true;
  }
  const end = newline ? (has("z") ? "\0" : "\n") : "";
  const verbose = options.findLast((o) => /^[qsv]$/.test(o.name))?.name === "v";
  let status = 0;
  for (const file of operands) {
    try {
      const shown =
        how === undefined
          ? yield* read(c.sys, file)
          : yield* canonicalize(c.sys, file, how === "e" ? "existing" : how === "f" ? "all-but-last" : "missing");
      yield* c.print(shown + end);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      status = 1;
      if (verbose && !gnu && e === EINVAL) yield* c.warn(`${file}: cannot read link: not a symlink`);
      else if (verbose) yield* c.perror(gnu ? quotef(file) : file, e);
    }
  }
  return status;
}

export const readlink: Executable = {
  name: "readlink",
  paths: ["/usr/bin/readlink"],
  sizeBytes: 52112,
  applet: "/usr/bin/readlink",
  main: command({ version: COREUTILS, help: help(usage, "readlink [-fnv] FILE\n\nDisplay the value of a symlink") }, run),
};

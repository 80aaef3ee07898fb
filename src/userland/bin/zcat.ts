/** zcat(1): `gzip -cd`. Differs from Linux: Debian's is a shell script that runs gzip. */

import type { Executable } from "../executable.ts";
import { runGzip } from "../gzip/run.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";

const text = help(
  `/usr/bin/zcat [OPTION]... [FILE]...
Uncompress FILEs to standard output.

  -f, --force       let through what is not compressed
  -l, --list        list the contents of compressed files
  -q, --quiet       no warnings
  -r, --recursive   descend into directories
  -S, --suffix=SUF  suffix of compressed files instead of .gz
  -t, --test        test the integrity of compressed files
  -v, --verbose     say what is done

With no FILE, or when FILE is -, read standard input.`,
  `zcat [FILE]...

Decompress to stdout`,
);

export const zcat: Executable = {
  name: "zcat",
  main: command({ help: text }, (c) => runGzip(c, { decompress: true, toStdout: true })),
  paths: ["/usr/bin/zcat"],
  sizeBytes: 1984,
  applet: "/bin/zcat",
};

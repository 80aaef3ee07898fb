/** gzip(1): see `userland/gzip/run.ts`. */

import type { Executable } from "../executable.ts";
import { runGzip } from "../gzip/run.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";

const text = help(
  `gzip [OPTION]... [FILE]...
Compress or uncompress FILEs (by default, compress them in place).

  -c, --stdout      write to standard output, keep the files
  -d, --decompress  decompress
  -f, --force       overwrite output files, compress links too
  -h, --help        give this help
  -k, --keep        keep the input files
  -l, --list        list the contents of compressed files
  -n, --no-name     do not save the original name and time
  -N, --name        save the original name and time (default)
  -q, --quiet       no warnings
  -r, --recursive   descend into directories
  -S, --suffix=SUF  suffix of compressed files instead of .gz
  -t, --test        test the integrity of compressed files
  -v, --verbose     say what is done
  -V, --version     display the version number
  -1, --fast        compress faster
  -9, --best        compress better

With no FILE, or when FILE is -, read standard input.`,
  `gzip [-cfkdt] [FILE]...

Compress FILEs (or stdin)

	-d	Decompress
	-c	Write to stdout
	-f	Force
	-k	Keep input files
	-t	Test integrity`,
);

export const gzip: Executable = {
  name: "gzip",
  main: command({ help: text }, (c) => runGzip(c, { decompress: false, toStdout: false })),
  paths: ["/usr/bin/gzip"],
  sizeBytes: 98136,
  applet: "/bin/gzip",
};

/** gunzip(1): `gzip -d`. Differs from Linux: Debian's is a shell script that runs gzip. */

import type { Executable } from "../executable.ts";
import { runGzip } from "../gzip/run.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";

const text = help(
  `/usr/bin/gunzip [OPTION]... [FILE]...
Uncompress FILEs (by default, in place).

  -c, --stdout      write to standard output, keep the files
  -f, --force       overwrite output files
  -k, --keep        keep the input files
  -l, --list        list the contents of compressed files
  -q, --quiet       no warnings
  -r, --recursive   descend into directories
  -S, --suffix=SUF  suffix of compressed files instead of .gz
  -t, --test        test the integrity of compressed files
  -v, --verbose     say what is done

With no FILE, or when FILE is -, read standard input.`,
  `gunzip [-cfkt] [FILE]...

Decompress FILEs (or stdin)

	-c	Write to stdout
	-f	Force
	-k	Keep input files
	-t	Test integrity`,
);

export const gunzip: Executable = {
  name: "gunzip",
  main: command({ help: text }, (c) => runGzip(c, { decompress: true, toStdout: false })),
  paths: ["/usr/bin/gunzip"],
  sizeBytes: 2346,
  applet: "/bin/gunzip",
};

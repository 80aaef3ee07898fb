/**
 * tar(1) of GNU tar 1.34, and busybox's. The format is in `libc/tar.ts`, the operations in `userland/tar/`.
 * Left out: -A, -d, multi-volume and incremental archives, -S, compression other than gzip.
 */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { parseDatetime } from "../libc/getdate.ts";
import type { Option } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { compileMode } from "../libc/mode.ts";
import { getgrgid, getgrnam, getpwnam, getpwuid } from "../libc/passwd.ts";
import { quote } from "../libc/quotearg.ts";
import { RegexError } from "../libc/regex.ts";
import { strftime } from "../libc/strftime.ts";
import { readText, stat } from "../libc/unistd.ts";
import { append, create } from "../tar/create.ts";
import { extract, list, remove } from "../tar/extract.ts";
import { compileTransforms } from "../tar/names.ts";
import { Run } from "../tar/run.ts";
import { type Mode, readArguments, Settings, usage } from "../tar/settings.ts";

const text = help(
  `tar [OPTION...] [FILE]...
Keep many files together in one archive, and take them out again.

Examples:
  tar -cf archive.tar foo bar  # Create archive.tar from files foo and bar.
  tar -tvf archive.tar         # List all files in archive.tar verbosely.
  tar -xf archive.tar          # Extract all files from archive.tar.

 Operation:
  -c, --create               create a new archive
  -r, --append               append files to the end of an archive
  -t, --list                 list the contents of an archive
  -u, --update               append only files newer than those in the archive
  -x, --extract, --get       extract files from an archive
      --delete               delete members from the archive

 Names and selection:
  -f, --file=ARCHIVE         use ARCHIVE ('-': standard input or output)
  -C, --directory=DIR        change to DIR before what follows
  -T, --files-from=FILE      take names from FILE as well
  -X, --exclude-from=FILE    leave out what matches a pattern in FILE
      --exclude=PATTERN      leave out what matches PATTERN
      --anchored, --no-anchored, --wildcards, --no-wildcards
  -h, --dereference          follow symbolic links
  -P, --absolute-names       keep leading slashes
      --no-recursion         do not descend into directories
      --one-file-system      stay on one filesystem
      --sort=ORDER           order of directory entries: none, name or inode
      --strip-components=N   strip N leading components when extracting
      --transform=EXPRESSION, --xform   change names by a sed expression

 Attributes:
      --owner=NAME[:UID], --group=NAME[:GID], --mode=CHANGES, --mtime=DATE-OR-FILE
      --numeric-owner        numbers instead of names
      --same-owner, --no-same-owner, -o
  -p, --same-permissions     do not apply the umask (default for root)
      --no-same-permissions
  -m, --touch                do not restore times
      --xattrs               extended attributes (implies --format=posix)

 Writing:
  -k, --keep-old-files       existing files are an error
      --skip-old-files, --keep-newer-files, --overwrite, -U, --unlink-first
  -O, --to-stdout            extract to standard output
      --remove-files         remove files after adding them
  -H, --format=FORMAT        gnu (default), ustar, pax or posix
  -b, --blocking-factor=N    records of N x 512 bytes
  -z, --gzip                 filter through gzip
  -a, --auto-compress        choose by the archive's suffix

 Output:
  -v, --verbose              list what is processed; twice: at length
      --full-time            times in full
      --totals               total bytes at the end
      --help                 display this help and exit
      --version              output version information and exit`,
  `tar c|x|t [-zahmvokO] [-f TARFILE] [-C DIR] [FILE]...

Create, extract, or list files from a tar file

	c	Create
	x	Extract
	t	List
	-f FILE	Name of TARFILE ('-' for stdin/out)
	-C DIR	Change to DIR before operation
	-v	Verbose
	-O	Extract to stdout
	-m	Don't restore mtime
	-o	Don't restore user:group
	-k	Don't replace existing files
	-z	(De)compress using gzip
	-a	(De)compress based on extension
	-h	Follow symlinks
	--overwrite		Replace existing files
	--strip-components NUM	NUM of leading components to strip
	--no-recursion		Don't descend in directories
	--numeric-owner		Use numeric user:group
	--no-same-permissions	Don't restore access permissions`,
);

const MODES: Readonly<Record<string, Mode>> = { c: "create", x: "extract", t: "list", r: "append", u: "update", delete: "delete" };

const FLAGS: Readonly<Record<string, (s: Settings) => void>> = {
  v: (s) => s.verbose++,
  z: (s) => (s.gzip = true),
  a: (s) => (s.autoCompress = true),
  anchored: (s) => (s.anchored = true),
  "no-anchored": (s) => (s.anchored = false),
  wildcards: (s) => (s.wildcards = true),
  "no-wildcards": (s) => (s.wildcards = false),
  P: (s) => (s.absolute = true),
  h: (s) => (s.follow = true),
  recursion: (s) => (s.recursion = true),
  "no-recursion": (s) => (s.recursion = false),
  n: () => undefined,
  "one-file-system": (s) => (s.oneFileSystem = true),
  "numeric-owner": (s) => (s.numericOwner = true),
  "same-owner": (s) => (s.sameOwner = true),
  "no-same-owner": (s) => (s.sameOwner = false),
  o: (s) => (s.sameOwner = false),
  p: (s) => (s.samePermissions = true),
  "no-same-permissions": (s) => (s.samePermissions = false),
  m: (s) => (s.touch = true),
  posix: (s) => (s.format = "pax"),
  k: (s) => (s.existing = "keep"),
  "skip-old-files": (s) => (s.existing = "skip"),
  "keep-newer-files": (s) => (s.existing = "newer"),
  overwrite: (s) => (s.existing = "overwrite"),
  U: (s) => (s.existing = "unlink"),
  O: (s) => (s.toStdout = true),
  xattrs: (s) => {
    s.xattrs = true;
    s.format = "pax";
  },
  "no-xattrs": (s) => (s.xattrs = false),
  "remove-files": (s) => (s.removeFiles = true),
  "full-time": (s) => (s.fullTime = true),
  totals: (s) => (s.totals = true),
  null: () => undefined,
  warning: () => undefined,
  "force-local": () => undefined,
};

function* applyWithArgument(c: Command, run: Run, o: Option): Proc<boolean> {
  const { s } = run;
  switch (o.name) {
    case "f":
      s.archive = o.arg;
      return true;
    case "C":
      s.dir = s.dir === undefined || o.arg.startsWith("/") ? o.arg : `${s.dir}/${o.arg}`;
      return true;
    case "exclude":
      s.exclude.push(o.arg);
      return true;
    case "X":
      for (const line of (yield* listFile(run, o.arg)).split("\n")) if (line !== "") s.exclude.push(line);
      return true;
    case "T":
      for (const line of (o.arg === "-" ? yield* stdinText(c) : yield* listFile(run, o.arg)).split(/[\n\0]/))
        if (line !== "") s.operands.push({ dir: s.dir, name: line });
      return true;
    case "strip-components":
      if (!/^[0-9]+$/.test(o.arg)) yield* usage(c, `${o.arg}: Invalid number of elements`);
      s.strip = Number(o.arg);
      return true;
    case "b":
      if (!/^[1-9][0-9]*$/.test(o.arg)) yield* usage(c, "Invalid blocking factor");
      s.blocking = Number(o.arg);
      return true;
    case "transform":
      yield* addTransforms(run, o.arg);
      return true;
    case "owner":
    case "group":
      s[o.name] = yield* identity(c, o.name, o.arg);
      return true;
    case "mtime":
      yield* setTime(run, o.arg);
      return true;
    case "mode":
      if (compileMode(o.arg) === undefined) yield* run.fatal("Invalid mode given on option");
      s.modeChange = o.arg;
      return true;
    case "sort":
      if (o.arg !== "none" && o.arg !== "name" && o.arg !== "inode")
        yield* usage(c, `Invalid argument ${quote(o.arg)} for ${quote("--sort")}`);
      s.sort = o.arg as "none";
      return true;
    case "H":
      if (o.arg !== "gnu" && o.arg !== "ustar" && o.arg !== "pax" && o.arg !== "posix") {
        yield* usage(c, o.arg === "v7" || o.arg === "oldgnu" ? `Archive format ${o.arg} is not built in` : "Unrecognized archive format");
      }
      s.format = o.arg === "posix" ? "pax" : (o.arg as "gnu");
      return true;
    default:
      return false;
  }
}

function* addTransforms(run: Run, expression: string): Proc<void> {
  try {
    const transforms = compileTransforms(expression);
    if (transforms === undefined) yield* usage(run.c, "Invalid transform expression");
    else run.s.transforms.push(...transforms);
  } catch (e) {
    if (!(e instanceof RegexError)) throw e;
    yield* usage(run.c, `Invalid transform expression: ${e.message}`);
  }
}

function* setTime(run: Run, text: string): Proc<void> {
  const { sys } = run.c;
  if (/^[/.]/.test(text)) {
    try {
      run.s.mtime = (yield* stat(sys, text)).mtime;
      return;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* run.fatal(`${text}: Cannot stat: ${e.message}`);
    }
  }
  const now = yield* sys.clock_gettime(CLOCK_REALTIME);
  const time = parseDatetime(text, now);
  if (time === undefined) yield* run.warn(`Substituting ${now.sec} for unknown date format ${quote(text)}`);
  run.s.mtime = time ?? now;
  run.s.mtimeText = text;
}

/** NAME, NUMBER or NAME:NUMBER of --owner and --group. */
function* identity(c: Command, kind: "owner" | "group", text: string): Proc<{ name: string; id: number }> {
  const [name = "", number] = text.split(":");
  if (number !== undefined && /^[0-9]+$/.test(number)) return { name, id: Number(number) };
  const known = kind === "owner" ? (yield* getpwnam(c.sys, name))?.uid : (yield* getgrnam(c.sys, name))?.gid;
  if (known !== undefined) return { name, id: known };
  const id = Number(name.replace(/^\+/, ""));
  if (!/^\+?[0-9]+$/.test(name)) {
    yield* c.warn(`${quote(text)}: Invalid ${kind === "owner" ? "owner" : "group"}`);
    yield* c.warn("Error is not recoverable: exiting now");
    throw new Exit(2);
  }
  const found = kind === "owner" ? (yield* getpwuid(c.sys, id))?.name : (yield* getgrgid(c.sys, id))?.name;
  return { name: found ?? "", id };
}

function* stdinText(c: Command): Proc<string> {
  let all = "";
  for (let line = yield* c.stdin.readLine(); line !== undefined; line = yield* c.stdin.readLine()) all += `${line}\n`;
  return all;
}

function* listFile(run: Run, path: string): Proc<string> {
  try {
    return yield* readText(run.c.sys, path);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* run.fatal(`${path}: Cannot stat: ${e.message}`);
  }
}

function* readSettings(c: Command): Proc<Run> {
  const { words } = yield* readArguments(c);
  const s = new Settings();
  const run = new Run(c, s);
  for (const word of words) {
    if ("operand" in word) {
      s.operands.push({ dir: s.dir, name: word.operand });
      continue;
    }
    const o = word.option;
    const mode = MODES[o.name];
    if (mode !== undefined) {
      if (s.mode !== undefined && s.mode !== mode)
        yield* usage(c, "You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option");
      s.mode = mode;
    } else if (yield* applyWithArgument(c, run, o)) {
      // It had an argument.
    } else if (FLAGS[o.name] !== undefined) FLAGS[o.name]?.(s);
    else if (o.name === "--help") yield* c.help();
    else if (o.name === "version") {
      yield* c.print("tar (GNU tar) 1.34\n");
      throw new Exit(0);
    } else if (o.name === "j" || o.name === "J" || o.name === "zstd" || o.name === "Z") {
      const program = { j: "bzip2", J: "xz", zstd: "zstd", Z: "compress" }[o.name];
      // As on a system where these compressors are not installed.
      yield* c.eprint(`tar (child): ${program}: Cannot exec: No such file or directory\n`);
      yield* c.eprint("tar (child): Error is not recoverable: exiting now\n");
      yield* run.fatal("Child returned status 2");
    } else yield* usage(c, `option '-${o.name}' is not built in`);
  }
  return run;
}

function* main(c: Command): Proc<number> {
  const settings = yield* readSettings(c);
  const { s } = settings;
  if (s.mode === undefined) {
    return yield* usage(c, c.voice === "gnu" ? "You must specify one of the '-Acdtrux', '--delete' or '--test-label' options" : "");
  }
  if (s.autoCompress && /\.(gz|tgz|taz)$/.test(s.archive)) s.gzip = true;
  const run = new Run(c, s);
  if (s.verbose > 0 && s.mtime !== undefined && s.mtimeText !== undefined) {
    const fraction = s.mtime.nsec === 0 ? "" : `.${String(s.mtime.nsec).padStart(9, "0")}`;
    const treated = strftime("%Y-%m-%d %H:%M:%S", s.mtime) + fraction;
    if (treated !== s.mtimeText) yield* run.warn(`Option --mtime: Treating date '${s.mtimeText}' as ${treated}`);
  }
  const operations = { create, extract, list, append, update: append, delete: remove };
  yield* operations[s.mode](run);
  yield* run.listing.flush();
  if (run.status === 2) yield* run.warn("Exiting with failure status due to previous errors");
  else if (run.status === 1 && c.voice === "busybox" && s.mode === "create" && s.operands.length > 0) {
    yield* run.warn("error exit delayed from previous errors");
  }
  return run.status;
}

export const tar: Executable = {
  name: "tar",
  main: command({ help: text, usageStatus: 2 }, main),
  paths: ["/usr/bin/tar"],
  needed: ["libacl.so.1", "libselinux.so.1", "libc.so.6"],
  sizeBytes: 531984,
  applet: "/bin/tar",
};

/** touch(1) of coreutils, and busybox's: sets the times of files, making those that are absent. */

import { EISDIR, ENOENT, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } from "../../abi/fcntl.ts";
import type { Timespec, TimeSetting } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { parseBusyboxDate, parseDatetime, parsePosixTime } from "../libc/getdate.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { argmatch } from "../libc/operands.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { lstat, open, stat } from "../libc/unistd.ts";

const usage = `touch [OPTION]... FILE...
Set the access and modification times of each FILE to the current time. A FILE that is absent is created empty.

  -a                     change only the access time
  -c, --no-create        do not create files
  -d, --date=STRING      parse STRING and use it instead of the current time
  -f                     ignored
  -h, --no-dereference   change symbolic links themselves
  -m                     change only the modification time
  -r, --reference=FILE   use the times of FILE
  -t STAMP               use [[CC]YY]MMDDhhmm[.ss]
      --time=WORD        access, atime, use: as -a; modify, mtime: as -m
      --help             show this help and exit`;

const times: readonly (readonly [string, "a" | "m"])[] = [
  ["atime", "a"],
  ["access", "a"],
  ["use", "a"],
  ["mtime", "m"],
  ["modify", "m"],
];

interface Times {
  readonly atime: TimeSetting;
  readonly mtime: TimeSetting;
}

function* referenceTimes(c: Command, file: string, nofollow: boolean): Proc<{ atime: Timespec; mtime: Timespec }> {
  try {
    return yield* nofollow ? lstat(c.sys, file) : stat(c.sys, file);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`${c.voice === "gnu" ? `failed to get attributes of ${quoteaf(file)}` : `can't stat '${file}'`}: ${e.message}`);
  }
}

function* wantedTimes(c: Command, options: readonly { name: string; arg: string }[]): Proc<Times> {
  const gnu = c.voice === "gnu";
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const reference = arg("r");
  const date = arg("d");
  const stamp = arg("t");
  if (stamp !== undefined && (reference !== undefined || date !== undefined) && gnu) {
    throw new UsageError("cannot specify times from more than one source");
  }
  const now = yield* c.sys.clock_gettime(CLOCK_REALTIME);
  if (stamp !== undefined || (date !== undefined && !gnu)) {
    const text = stamp ?? date ?? "";
    const at = gnu ? parsePosixTime(text, now) : parseBusyboxDate(text, now);
    if (at === undefined) return yield* c.fail(gnu ? `invalid date format ${quote(text)}` : `invalid date '${text}'`);
    return { atime: at, mtime: at };
  }
  const base =
    reference === undefined
      ? undefined
      : yield* referenceTimes(
          c,
          reference,
          options.some((o) => o.name === "h"),
        );
  if (date === undefined) return base ?? { atime: "UTIME_NOW", mtime: "UTIME_NOW" };
  const atime = parseDatetime(date, base?.atime ?? now);
  const mtime = parseDatetime(date, base?.mtime ?? now);
  if (atime === undefined || mtime === undefined) return yield* c.fail(`invalid date format ${quote(date)}`);
  return { atime, mtime };
}

function* touchFile(c: Command, file: string, wanted: Times, nofollow: boolean, create: boolean): Proc<boolean> {
  const gnu = c.voice === "gnu";
  if (file === "-" && gnu) {
    yield* c.sys.utimensat(1, "", wanted.atime, wanted.mtime, 0);
    return true;
  }
  let openFailure: Errno | undefined;
  if (create) {
    try {
      const fd = yield* open(c.sys, file, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o666);
      yield* c.sys.close(fd);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (e !== EISDIR) openFailure = e;
    }
  }
  try {
    yield* c.sys.utimensat(AT_FDCWD, file, wanted.atime, wanted.mtime, nofollow ? AT_SYMLINK_NOFOLLOW : 0);
    return true;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (!create && e === ENOENT) return true;
    if (!gnu) yield* c.perror(file, openFailure ?? e);
    else if (openFailure !== undefined) yield* c.perror(`cannot touch ${quoteaf(file)}`, openFailure);
    else yield* c.perror(`setting times of ${quoteaf(file)}`, e);
    return false;
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "acd:fhmr:t:" : "chamd:t:r:",
    long: [
      { name: "no-create", as: "c" },
      { name: "date", arg: "required", as: "d" },
      { name: "no-dereference", as: "h" },
      { name: "reference", arg: "required", as: "r" },
      ...(gnu ? [{ name: "time", arg: "required" } as const] : []),
    ],
  });
  let atime = options.some((o) => o.name === "a");
  let mtime = options.some((o) => o.name === "m");
  for (const o of options) {
    if (o.name !== "time") continue;
    if (argmatch(c, "--time", o.arg, times) === "a") atime = true;
    else mtime = true;
  }
  const wanted = yield* wantedTimes(c, options);
  if (operands.length === 0) throw new UsageError(gnu ? "missing file operand" : "");
  const set: Times = {
    atime: mtime && !atime ? "UTIME_OMIT" : wanted.atime,
    mtime: atime && !mtime ? "UTIME_OMIT" : wanted.mtime,
  };
  const nofollow = options.some((o) => o.name === "h");
  const create = !nofollow && !options.some((o) => o.name === "c");
  let good = true;
  for (const file of operands) good = (yield* touchFile(c, file, set, nofollow, create)) && good;
  return good ? 0 : 1;
}

export const touch: Executable = {
  name: "touch",
  paths: ["/usr/bin/touch"],
  sizeBytes: 109616,
  applet: "/bin/touch",
  main: command(
    { version: COREUTILS, help: help(usage, "touch [-cham] [-d DATE] [-t DATE] [-r FILE] FILE...\n\nUpdate mtime of FILEs") },
    run,
  ),
};

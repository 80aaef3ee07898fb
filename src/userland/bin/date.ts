/**
 * date(1) of coreutils, and busybox's: shows a time, or sets the clock.
 * Differs from Linux: every TZ is UTC, since the machine has no zone files.
 */

import { Errno } from "../../abi/errno.ts";
import type { Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { parseBusyboxDate, parseDateOperand, parseDatetime } from "../libc/getdate.ts";
import { type Option, UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { argmatch, extraOperand } from "../libc/operands.ts";
import { quote, quotef } from "../libc/quotearg.ts";
import { Input } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { open, stat } from "../libc/unistd.ts";

const usage = `date [OPTION]... [+FORMAT]
  or:  date [-u|--utc|--universal] [MMDDhhmm[[CC]YY][.ss]]
Show the current time in the given FORMAT, or set the system date.

  -d, --date=STRING          show the time that STRING names
  -f, --file=DATEFILE        as --date for each line of DATEFILE
  -I[FMT], --iso-8601[=FMT]  ISO 8601: date (the default), hours, minutes, seconds or ns
      --resolution           show the resolution of the clock
  -R, --rfc-email            RFC 5322
      --rfc-3339=FMT         RFC 3339: date, seconds or ns
  -r, --reference=FILE       show the time when FILE was last modified
  -s, --set=STRING           set the time that STRING names
  -u, --utc, --universal     show or set Coordinated Universal Time
      --help                 show this help and exit

FORMAT is as for strftime: %Y %m %d %H %M %S %N %a %b %j %s %z %Z and others; flags - _ 0 ^ # and a width may follow the %.`;

type Precision = "date" | "hours" | "minutes" | "seconds" | "ns";
const isoFormats: Readonly<Record<Precision, string>> = {
  date: "%Y-%m-%d",
  hours: "%Y-%m-%dT%H%:z",
  minutes: "%Y-%m-%dT%H:%M%:z",
  seconds: "%Y-%m-%dT%H:%M:%S%:z",
  ns: "%Y-%m-%dT%H:%M:%S,%N%:z",
};
const precisions = (...names: Precision[]): readonly (readonly [string, Precision])[] => names.map((name) => [name, name] as const);

function* multipleFormats(c: Command): Proc<never> {
  if (c.voice === "busybox") throw new UsageError("");
  return yield* c.fail("multiple output formats specified");
}

/** The format that the options choose; undefined for the usual one. */
function* formatOf(c: Command, options: readonly Option[]): Proc<string | undefined> {
  let format: string | undefined;
  for (const o of options) {
    let next: string | undefined;
    if (o.name === "I") {
      next = isoFormats[o.hasArg ? argmatch(c, "--iso-8601", o.arg, precisions("hours", "minutes", "date", "seconds", "ns")) : "date"];
    } else if (o.name === "rfc-3339") {
      const precision = argmatch(c, "--rfc-3339", o.arg, precisions("date", "seconds", "ns"));
      next = precision === "date" ? "%Y-%m-%d" : precision === "ns" ? "%Y-%m-%d %H:%M:%S.%N%:z" : "%Y-%m-%d %H:%M:%S%:z";
    } else if (o.name === "R") next = "%a, %d %b %Y %H:%M:%S %z";
    else if (o.name === "resolution") next = "%s.%N";
    if (next !== undefined && format !== undefined) yield* multipleFormats(c);
    format = next ?? format;
  }
  return format;
}

function* setClock(c: Command, at: Timespec): Proc<boolean> {
  try {
    yield* c.sys.clock_settime(CLOCK_REALTIME, at);
    return true;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(c.voice === "gnu" ? "cannot set date" : "can't set date", e);
    return false;
  }
}

function* fromFile(c: Command, file: string, show: (at: Timespec) => Proc<void>, now: Timespec): Proc<number> {
  let input = c.stdin;
  if (file !== "-") {
    try {
      input = new Input(c.sys, yield* open(c.sys, file));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(quotef(file), e);
      return 1;
    }
  }
  let status = 0;
  for (let line = yield* input.readLine(); line !== undefined; line = yield* input.readLine()) {
    const at = parseDatetime(line, now);
    if (at === undefined) {
      yield* c.warn(`invalid date ${quote(line)}`);
      status = 1;
    } else yield* show(at);
  }
  return status;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "d:f:I::r:Rs:u" : "d:I::r:Rs:u",
    long: gnu
      ? [
          { name: "date", arg: "required", as: "d" },
          { name: "file", arg: "required", as: "f" },
          { name: "iso-8601", arg: "optional", as: "I" },
          { name: "reference", arg: "required", as: "r" },
          { name: "resolution" },
          { name: "rfc-email", as: "R" },
          { name: "rfc-822", as: "R" },
          { name: "rfc-2822", as: "R" },
          { name: "rfc-3339", arg: "required" },
          { name: "set", arg: "required", as: "s" },
          { name: "utc", as: "u" },
          { name: "uct", as: "u" },
          { name: "universal", as: "u" },
        ]
      : [],
  });
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  let format = yield* formatOf(c, options);
  const date = arg("d");
  const file = arg("f");
  const reference = arg("r");
  const set = arg("s");
  const sources = [date, file, reference, options.some((o) => o.name === "resolution") ? "" : undefined].filter(
    (s) => s !== undefined,
  ).length;
  if (sources > 1) throw new UsageError("the options to specify dates for printing are mutually exclusive");
  if (sources === 1 && set !== undefined) throw new UsageError("the options to print and set the time may not be used together");
  let operand: string | undefined;
  for (const word of operands) {
    if (word !== operands[0] && (gnu || operand !== undefined)) throw extraOperand(c, word);
    if (word.startsWith("+")) {
      if (format !== undefined) return yield* multipleFormats(c);
      format = word.slice(1);
    } else if (operand !== undefined) throw extraOperand(c, word);
    else operand = word;
  }
  if (operand !== undefined && gnu && (sources > 0 || set !== undefined)) {
    throw new UsageError(
      `the argument ${quote(operand)} lacks a leading '+';\nwhen using an option to specify date(s), any non-option\nargument must be a format string beginning with '+'`,
    );
  }
  const now = yield* c.sys.clock_gettime(CLOCK_REALTIME);
  const shown = format ?? "%a %b %e %H:%M:%S %Z %Y";
  const show = (at: Timespec): Proc<void> => c.print(`${strftime(shown, at)}\n`);
  if (file !== undefined) return yield* fromFile(c, file, show, now);
  if (options.some((o) => o.name === "resolution")) {
    yield* show({ sec: 0, nsec: 1 });
    return 0;
  }
  if (reference !== undefined) {
    try {
      yield* show((yield* stat(c.sys, reference)).mtime);
      return 0;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(gnu ? quotef(reference) : `can't stat '${reference}'`, e);
      return 1;
    }
  }
  const text = date ?? set ?? operand;
  if (text === undefined) {
    yield* show(now);
    return 0;
  }
  const parse = gnu
    ? operand === undefined
      ? parseDatetime
      : parseDateOperand
    : operand === undefined
      ? parseBusyboxDate
      : parseDateOperand;
  const at = parse(text, now);
  if (at === undefined) return yield* c.fail(gnu ? `invalid date ${quote(text)}` : `invalid date '${text}'`);
  const good = date !== undefined || (yield* setClock(c, at));
  yield* show(at);
  return good ? 0 : 1;
}

export const date: Executable = {
  name: "date",
  paths: ["/usr/bin/date"],
  sizeBytes: 121904,
  applet: "/bin/date",
  main: command(
    { version: COREUTILS, help: help(usage, "date [OPTIONS] [+FMT] [[-s] TIME]\n\nDisplay time (using +FMT), or set time") },
    run,
  ),
};

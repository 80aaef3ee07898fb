/**
 * ps(1): processes as /proc tells of them. procps-ng 4.0; busybox 1.36 `procps/ps.c` for its voice.
 * Left out: SELinux labels, systemd units, PSS.
 */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { clock } from "../libc/clock.ts";
import { pidWidth, readMeminfo, readProcess, readProcesses, readSystemStat, readUptime, type Process } from "../libc/libproc.ts";
import { isatty } from "../libc/stdio.ts";
import { IdNames } from "../libc/passwd.ts";
import { optional, stat } from "../libc/unistd.ts";
import { busyboxPs } from "../ps/busybox.ts";
import { type Column, columns, type PsContext } from "../ps/format.ts";
import { helpText } from "../ps/help.ts";
import { chooseColumns } from "../ps/layout.ts";
import { type Asked, parseOptions, PsError, PsInfo, type PsOptions, type SortKey } from "../ps/options.ts";
import { chooseTest } from "../ps/select.ts";

interface Shown {
  readonly column: Column;
  readonly head: string;
  readonly width: number;
}

function shownColumns(asked: readonly Asked[], pidDigits: number): Shown[] {
  return asked.map(({ name, head, width }) => {
    const column = columns.get(name) as Column;
    const natural = column.width < 0 ? pidDigits : column.width;
    return { column, head: head ?? column.head, width: width ?? (head === undefined ? natural : Math.max(natural, head.length)) };
  });
}

/** One cell cut to what fits, as pr_* do it. */
function cut(text: string, { column, width }: Shown, last: boolean, room: number): string {
  if (last) return text.slice(0, Math.max(0, room));
  if (column.justify === "unlimited" || column.justify === "left") return text.slice(0, width);
  // A user name that does not fit ends in a plus.
  if (column.justify === "user" && text.length > width) return `${text.slice(0, width - 1)}+`;
  return text;
}

/** What is left of the screen's line that column `at` falls on: a long row goes on in the next line. */
const roomFrom = (at: number, limit: number): number => (at < limit ? limit - at : limit - (at % limit));

/** Puts cells where their columns are; what is too wide pushes the next ones, until blanks make up for it. */
function line(cells: readonly string[], shown: readonly Shown[], limit: number): string {
  let text = "";
  let start = 0;
  for (const [i, one] of shown.entries()) {
    const last = i === shown.length - 1;
    const cell = cut(cells[i] ?? "", one, last, roomFrom(Math.max(start, text.length), limit));
    const right = one.column.justify === "right" || (one.column.justify === "user" && /^[0-9]+$/.test(cell));
    const at = start + (right ? Math.max(0, one.width - cell.length) : 0) - (right ? Math.max(0, cell.length - one.width) : 0);
    text += " ".repeat(Math.max(i > 0 ? 1 : 0, at - text.length)) + cell;
    start += one.width + 1;
    if (!last && !right) text = text.padEnd(start - 1);
  }
  return text;
}

class Ps {
  constructor(
    private readonly c: Command,
    private readonly o: PsOptions,
    private readonly x: PsContext,
    private readonly shown: readonly Shown[],
    private readonly limit: number,
    private readonly pageRows: number,
  ) {}

  private printed = 0;

  *header(): Proc<void> {
    if (this.o.header === "never" || this.shown.every((s) => s.head === "")) return;
    yield* this.c.print(`${headLine(this.shown, this.limit)}\n`);
  }

  *row(p: Process, tree: string, kind: "all" | "process" | "thread"): Proc<void> {
    if (this.o.header === "paged" && this.printed > 0 && this.printed % (this.pageRows - 1) === 0) yield* this.header();
    this.printed++;
    const cells: string[] = [];
    for (const { column } of this.shown) {
      const hidden = kind !== "all" && column.rows !== "both" && column.rows !== kind;
      cells.push(hidden ? "-" : yield* column.show(p, this.x, tree));
    }
    yield* this.c.print(`${line(cells, this.shown, this.limit)}\n`);
    yield* this.c.sys.spend(2000);
  }

  /** `f` and `-H`: children below their parents; those without one last first, as ps walks its array. */
  *forest(processes: readonly Process[]): Proc<void> {
    const children = new Map<number, Process[]>();
    const here = new Set(processes.map((p) => p.pid));
    for (const p of processes) children.set(p.ppid, [...(children.get(p.ppid) ?? []), p]);
    const roots = processes.filter((p) => !here.has(p.ppid)).reverse();
    for (const root of roots) yield* this.tree(root, children, "", "");
  }

  private *tree(p: Process, children: ReadonlyMap<number, readonly Process[]>, own: string, below: string): Proc<void> {
    yield* this.row(p, own, "all");
    const kids = p.pid === p.ppid ? [] : (children.get(p.pid) ?? []);
    for (const [i, kid] of kids.entries()) {
      const more = i < kids.length - 1;
      if (this.o.forest === "blanks") yield* this.tree(kid, children, `${below}  `, `${below}  `);
      else yield* this.tree(kid, children, `${below} \\_ `, below + (more ? " |  " : "    "));
    }
  }

  /** `m`: a line for the process, then one for each thread. */
  *withThreads(processes: readonly Process[]): Proc<void> {
    const threads = yield* readProcesses(this.c.sys, { status: true, threads: true });
    for (const p of processes) {
      yield* this.row(p, "", "process");
      for (const thread of threads) if (thread.pid === p.pid) yield* this.row(thread, "", "thread");
    }
  }

  get count(): number {
    return this.printed;
  }
}

/** A heading is never cut but by the screen; that of users is on the left. */
function headLine(shown: readonly Shown[], limit: number): string {
  let text = "";
  let start = 0;
  for (const [i, { column, head, width }] of shown.entries()) {
    const right = column.justify === "right";
    const at = start + (right ? width - head.length : 0);
    text += " ".repeat(Math.max(i > 0 ? 1 : 0, at - text.length));
    text += i === shown.length - 1 ? head.slice(0, roomFrom(text.length, limit)) : head;
    start += width + 1;
    if (i < shown.length - 1 && !right) text = text.padEnd(start - 1);
  }
  return text;
}

function* sortBy(processes: readonly Process[], keys: readonly SortKey[], x: PsContext): Proc<Process[]> {
  const rows: { p: Process; values: (number | string)[] }[] = [];
  for (const p of processes) {
    const values: (number | string)[] = [];
    for (const { name } of keys) {
      const column = columns.get(name);
      values.push(column?.key !== undefined ? yield* column.key(p, x) : column === undefined ? 0 : yield* column.show(p, x, ""));
    }
    rows.push({ p, values });
  }
  rows.sort((a, b) => {
    for (const [i, { descending }] of keys.entries()) {
      const u = a.values[i] ?? 0;
      const v = b.values[i] ?? 0;
      if (u !== v) return u < v === descending ? 1 : -1;
    }
    return 0;
  });
  return rows.map((row) => row.p);
}

/** Columns of the screen; what is not a terminal takes lines of any length. */
function* screen(c: Command, o: PsOptions): Proc<{ cols: number; rows: number }> {
  let cols = Number.POSITIVE_INFINITY;
  let rows = 24;
  if (yield* isatty(c.sys, 1)) {
    cols = 80;
    try {
      const size = yield* c.sys.ioctl(1, "TIOCGWINSZ");
      if (size.cols > 0) cols = size.cols;
      if (size.rows > 0) rows = size.rows;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }
  const env = Number(c.env.get("COLUMNS") ?? 0);
  if (env > 0) cols = env;
  if (o.cols !== undefined) cols = o.cols;
  if (o.wide === 1) cols = Math.max(cols, 132);
  else if (o.wide > 1) cols = Number.POSITIVE_INFINITY;
  return { cols, rows: o.rows ?? rows };
}

function* context(c: Command, o: PsOptions): Proc<PsContext> {
  const { uptimeSec } = yield* readUptime(c.sys);
  const { bootSec } = yield* readSystemStat(c.sys);
  return {
    sys: c.sys,
    names: new IdNames(c.sys),
    pidWidth: yield* pidWidth(c.sys),
    bootSec,
    uptimeSec,
    nowSec: yield* clock(c.sys),
    memTotalKib: (yield* readMeminfo(c.sys)).get("MemTotal") ?? 0,
    trueName: o.trueName,
    environment: o.environment,
    numeric: o.numeric,
    withChildren: o.withChildren,
  };
}

const specifiers = (): string => {
  const names = [...columns.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return names.map(({ name, head }) => `${name.padEnd(12)} ${head.padEnd(8)}\n`).join("");
};

function* gnuPs(c: Command): Proc<number> {
  const o = parseOptions(c.args);
  if (o.listSpecifiers) {
    yield* c.print(specifiers());
    return 0;
  }
  const asked = chooseColumns(o);
  const x = yield* context(c, o);
  const me = yield* readProcess(c.sys, yield* c.sys.getpid());
  const asker = { pid: me?.pid ?? 0, euid: yield* c.sys.geteuid(), tty: me?.tty ?? 0 };
  const test = yield* chooseTest(c.sys, o, asker, function* (tty) {
    return (yield* optional(stat(c.sys, `/dev/${tty}`))) !== undefined;
  });
  const perThread = o.threads === "L" || o.threads === "T" || o.threads === "H";
  const wanted = { status: true, cmdline: true, environ: o.environment || asked.some((a) => a.name === "environ"), threads: perThread };
  let processes = (yield* readProcesses(c.sys, wanted)).filter(test);
  const keys = [...o.sort];
  if (o.forest !== "none")
    keys.unshift({ name: "ppid", descending: false }, ...(keys.length === 0 ? [{ name: "start_time", descending: false }] : []));
  if (keys.length > 0) processes = yield* sortBy(processes, keys, x);
  const { cols, rows } = yield* screen(c, o);
  const ps = new Ps(c, o, x, shownColumns(asked, x.pidWidth), cols, rows);
  yield* ps.header();
  if (o.forest !== "none") yield* ps.forest(processes);
  else if (o.threads === "m") yield* ps.withThreads(processes);
  else for (const p of processes) yield* ps.row(p, "", "all");
  return ps.count === 0 ? 1 : 0;
}

function* main(c: Command): Proc<number> {
  if (c.voice === "busybox") return yield* busyboxPs(c);
  try {
    return yield* gnuPs(c);
  } catch (e) {
    if (e instanceof PsInfo) {
      yield* c.print(e.what === "version" ? "ps from procps-ng 4.0.2\n" : helpText(e.what.help));
      throw new Exit(0);
    }
    if (!(e instanceof PsError)) throw e;
    if (e.message === "quick") yield* c.eprint("q/-q/--quick-pid cannot be combined with other selection options.\n");
    else yield* c.eprint(`error: ${e.message}\n${helpText("")}`);
    return 1;
  }
}

const busyboxHelp = `Usage: ps [-o COL1,COL2=HEADER] [-T]

Show list of processes

	-o COL1,COL2=HEADER	Select columns for display
	-T			Show threads`;

export const ps: Executable = {
  name: "ps",
  main: command({ help: busyboxHelp }, main),
  paths: ["/usr/bin/ps"],
  needed: ["libproc2.so.0", "libc.so.6"],
  sizeBytes: 146360,
  applet: "/bin/ps",
};

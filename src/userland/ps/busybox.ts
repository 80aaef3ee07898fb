/** ps of busybox 1.36 as Alpine builds it: `procps/ps.c`. Options other than -o and -T are taken and ignored, as there. */

import type { Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import { HZ, idsOf, PAGE_KIB, type Process, readProcesses, readUptime, ttyName } from "../libc/libproc.ts";
import { IdNames } from "../libc/passwd.ts";
import { isatty } from "../libc/stdio.ts";

interface Column {
  readonly name: string;
  readonly head: string;
  readonly width: number;
  readonly show: (p: Process, at: { names: IdNames; uptimeSec: number }) => Proc<string>;
}

/** Five characters: a number of KiB, scaled where it does not fit (smart_ulltoa5). */
export function smartKib(kib: number): string {
  if (kib <= 99999) return String(kib);
  let value = kib;
  let unit = 0;
  while (value > 9999) {
    value /= 1024;
    unit++;
  }
  const letter = "kmgtpezy"[unit] ?? "y";
  return value < 9.95 ? `${(Math.floor(value * 10) / 10).toFixed(1)}${letter}` : `${Math.floor(value)}${letter}`;
}

/** `{comm} argv…` where the process does not bear the name of its program. */
export function busyboxArgs(p: Process): string {
  const zero = p.cmdline[0];
  if (zero === undefined) return `[${p.comm}]`;
  const line = p.cmdline.join(" ").replace(/[\x00-\x1f\x7f]/g, "?");
  const base = zero.replace(/^-/, "");
  return base.slice(base.lastIndexOf("/") + 1).startsWith(p.comm) ? line : `{${p.comm}} ${line}`;
}

const column = (name: string, head: string, width: number, f: (p: Process, at: { uptimeSec: number }) => string, left = false): Column => ({
  name,
  head,
  width,
  *show(p, at) {
    const text = f(p, at);
    return left ? text : text.padStart(width);
  },
});
const id = (name: string, head: string, key: "Uid" | "Gid", index: 0 | 1): Column => ({
  name,
  head,
  width: 8,
  *show(p, { names }) {
    const number = idsOf(p, key)[index];
    return (key === "Uid" ? yield* names.user(number) : yield* names.group(number)) ?? String(number);
  },
});
const minutes = (sec: number): string => `${String(Math.floor(sec / 60)).padStart(2)}:${String(Math.floor(sec) % 60).padStart(2, "0")}`;
const state = (p: Process): string =>
  p.state + (p.rssPages === 0 && p.state !== "Z" ? "W" : "") + (p.nice < 0 ? "<" : p.nice > 0 ? "N" : "");

/** In the order in which the error names them. */
const columns: readonly Column[] = [
  id("user", "USER", "Uid", 1),
  id("group", "GROUP", "Gid", 1),
  column("comm", "COMMAND", 16, (p) => p.comm, true),
  column("args", "COMMAND", 256, busyboxArgs, true),
  column("pid", "PID", 5, (p) => String(p.tid)),
  column("ppid", "PPID", 5, (p) => String(p.ppid)),
  column("pgid", "PGID", 5, (p) => String(p.pgrp)),
  column("etime", "ELAPSED", 7, (p, { uptimeSec }) => minutes(Math.max(0, uptimeSec - p.startTicks / HZ))),
  column("nice", "NI", 5, (p) => String(p.nice)),
  id("rgroup", "RGROUP", "Gid", 0),
  id("ruser", "RUSER", "Uid", 0),
  column("time", "TIME", 5, (p) => minutes((p.utime + p.stime) / HZ)),
  column("tty", "TT", 6, (p) => (p.tty === 0 ? "?" : (ttyName(p.tty)?.replace(/^pts\//, "136,") ?? "?")), true),
  column("vsz", "VSZ", 5, (p) => smartKib(Math.floor(p.vsizeBytes / 1024))),
  column("sid", "SID", 5, (p) => String(p.session)),
  column("stat", "STAT", 4, state, true),
  column("rss", "RSS", 4, (p) => smartKib(p.rssPages * PAGE_KIB)),
];

/** The argument of -o; undefined with the bad word where one is unknown. */
function parseColumns(text: string): { columns: Column[]; bad?: string } {
  const list: Column[] = [];
  for (const word of text.split(",")) {
    const [name = "", head] = word.split("=");
    const found = columns.find((one) => one.name === name);
    if (found === undefined) return { columns: list, bad: word };
    list.push(head === undefined ? found : { ...found, head, width: head === "" ? found.width : head.length });
  }
  return { columns: list };
}

export function* busyboxPs(c: Command): Proc<number> {
  let asked: readonly Column[] = [];
  let threads = false;
  for (let i = 0; i < c.args.length; i++) {
    const word = c.args[i] as string;
    if (word === "--help") yield* c.help();
    if (!word.startsWith("-")) continue;
    if (word.includes("T")) threads = true;
    const at = word.indexOf("o");
    if (at < 0) continue;
    const text = word.slice(at + 1) || c.args[++i] || "";
    const { columns: list, bad } = parseColumns(text);
    if (bad !== undefined) yield* c.fail(`bad -o argument '${bad}', supported arguments: ${columns.map((one) => one.name).join(",")}`);
    asked = [...asked, ...list];
  }
  if (asked.length === 0) asked = parseColumns("pid,user,time,args").columns;
  const width = (yield* isatty(c.sys, 1)) ? (yield* c.sys.ioctl(1, "TIOCGWINSZ")).cols || 80 : 0xffff;
  const at = { names: new IdNames(c.sys), uptimeSec: (yield* readUptime(c.sys)).uptimeSec };
  const line = (cells: readonly string[]): string =>
    `${cells
      .map((cell, i) => fitCell(cell, asked, i))
      .join(" ")
      .slice(0, width)}\n`;
  if (asked.some((one) => one.head !== "")) yield* c.print(line(asked.map((one) => one.head)));
  for (const p of yield* readProcesses(c.sys, { status: true, cmdline: true, threads })) {
    const cells: string[] = [];
    for (const one of asked) cells.push(yield* one.show(p, at));
    yield* c.print(line(cells));
    yield* c.sys.spend(1000);
  }
  return 0;
}

function fitCell(cell: string, asked: readonly Column[], i: number): string {
  const width = asked[i]?.width ?? 0;
  return i === asked.length - 1 ? cell : cell.slice(0, width).padEnd(width);
}

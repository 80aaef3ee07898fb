/** dmesg(1) of util-linux: the kernel's log. Left out: --json, --file, --follow on an interface that can wait. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { NS_PER_MSEC } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { clock } from "../libc/clock.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Option, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readUptime } from "../libc/libproc.ts";
import { isatty } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { badUsage } from "../libc/utillinux.ts";

const usage = `dmesg [OPTIONS]
Show or clear the kernel's log.

  -C, --clear               clear the log
  -c, --read-clear          show, then clear it
  -d, --show-delta          show the time between messages
  -e, --reltime             show time and time differences for people
  -f, --facility LIST       only these facilities
  -H, --human               times for people, and colours
  -k, --kernel              only messages of the kernel
  -L, --color[=WHEN]        colour messages: auto, always, never
  -l, --level LIST          only these levels
  -r, --raw                 as the kernel holds it
  -T, --ctime               show the time of day
  -t, --notime              show no time
      --time-format FORMAT  delta, reltime, ctime, notime, iso
  -u, --userspace           only messages of programs
  -w, --follow              wait for new messages
  -W, --follow-new          wait and show new messages only
  -x, --decode              show facility and level in words

  -h, --help                show this help
  -V, --version             show the version

Facilities: kern user mail daemon auth syslog lpr news uucp cron authpriv ftp
Levels: emerg alert crit err warn notice info debug`;

const busyboxUsage = `dmesg [-cr] [-n LEVEL] [-s SIZE]

Print or control the kernel ring buffer

	-c		Clear ring buffer after printing
	-n LEVEL	Set console logging level
	-s SIZE		Buffer size
	-r		Print raw message buffer`;

const levels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
const facilities = ["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"];

const long = [
  { name: "clear", as: "C" },
  { name: "read-clear", as: "c" },
  { name: "show-delta", as: "d" },
  { name: "reltime", as: "e" },
  { name: "facility", as: "f", arg: "required" },
  { name: "human", as: "H" },
  { name: "kernel", as: "k" },
  { name: "color", as: "L", arg: "optional" },
  { name: "level", as: "l", arg: "required" },
  { name: "raw", as: "r" },
  { name: "ctime", as: "T" },
  { name: "notime", as: "t" },
  { name: "time-format", arg: "required" },
  { name: "userspace", as: "u" },
  { name: "follow", as: "w" },
  { name: "follow-new", as: "W" },
  { name: "decode", as: "x" },
  { name: "nopager", as: "P" },
  { name: "console-level", as: "n", arg: "required" },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
] as const;

interface Record {
  readonly priority: number;
  /** Seconds since boot. */
  readonly sec: number;
  readonly text: string;
  readonly raw: string;
}

function parseLog(text: string): Record[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((raw) => {
      const match = /^<([0-9]+)>(?:\[ *([0-9.]+)\] ?)?(.*)$/.exec(raw);
      return { priority: Number(match?.[1] ?? 6), sec: Number(match?.[2] ?? 0), text: match?.[3] ?? raw, raw };
    });
}

type TimeFormat = "raw" | "none" | "ctime" | "delta" | "reltime" | "iso";

class Printer {
  private lastSec: number | undefined;
  private lastMinute = "";

  constructor(
    private readonly format: TimeFormat,
    private readonly bootSec: number,
    private readonly decode: boolean,
    private readonly colour: boolean,
  ) {}

  line(r: Record): string {
    const level = `${(facilities[r.priority >> 3] ?? "unknown").padEnd(6)}:${(levels[r.priority & 7] ?? "").padEnd(6)}: `;
    const time = this.time(r);
    const { priority, text } = r;
    const painted = !this.colour
      ? text
      : (priority & 7) <= 3
        ? `\x1b[31m${text}\x1b[0m`
        : (priority & 7) === 4
          ? `\x1b[1m${text}\x1b[0m`
          : text;
    const stamp = this.colour && time !== "" ? `\x1b[32m${time}\x1b[0m` : time;
    return `${this.decode ? level : ""}${stamp}${painted}\n`;
  }

  private time(r: Record): string {
    const since = this.lastSec === undefined ? 0 : r.sec - this.lastSec;
    this.lastSec = r.sec;
    const at = { sec: Math.floor(this.bootSec + r.sec), nsec: Math.floor(((this.bootSec + r.sec) % 1) * 1e9) };
    switch (this.format) {
      case "none":
        return "";
      case "raw":
        return `[${r.sec.toFixed(6).padStart(12)}] `;
      case "ctime":
        return `[${strftime("%a %b %e %H:%M:%S %Y", at)}] `;
      case "delta":
        return `[${r.sec.toFixed(6).padStart(12)} <${since.toFixed(6).padStart(12)}>] `;
      case "iso":
        return `${strftime("%Y-%m-%dT%H:%M:%S", at)},${String(Math.floor(at.nsec / 1000)).padStart(6, "0")}+00:00 `;
      case "reltime": {
        const minute = strftime("%b%d %H:%M", at);
        if (minute === this.lastMinute) return `[${`+${since.toFixed(6)}`.padStart(11)}] `;
        this.lastMinute = minute;
        return `[${minute}] `;
      }
    }
  }
}

function* known(
  c: Command,
  options: readonly Option[],
  letter: string,
  names: readonly string[],
  kind: string,
): Proc<ReadonlySet<number> | undefined> {
  const list = options.findLast((o) => o.name === letter)?.arg;
  if (list === undefined) return undefined;
  const numbers = new Set<number>();
  for (const word of list.split(",")) {
    const at = names.indexOf(word.replace(/\+$/, ""));
    if (at < 0) yield* c.fail(`unknown ${kind} '${word}'`);
    for (let i = at; i >= 0; i--) if (i === at || word.endsWith("+")) numbers.add(i);
  }
  return numbers;
}

function* timeFormat(c: Command, options: readonly Option[]): Proc<TimeFormat> {
  let format: TimeFormat = "raw";
  for (const { name, arg } of options) {
    if (name === "T") format = "ctime";
    else if (name === "t") format = "none";
    else if (name === "d") format = "delta";
    else if (name === "e" || name === "H") format = "reltime";
    else if (name === "time-format") {
      const chosen = ({ ctime: "ctime", notime: "none", delta: "delta", reltime: "reltime", iso: "iso", raw: "raw" } as const)[arg];
      if (chosen === undefined) return yield* c.fail(`unknown time format: ${arg}`);
      format = chosen;
    }
  }
  return format;
}

function* readLog(c: Command): Proc<string> {
  try {
    return String(yield* c.sys.syslog(3));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(c.voice === "busybox" ? `klogctl: ${e.message}` : `read kernel buffer failed: ${e.message}`);
  }
}

function* clear(c: Command): Proc<void> {
  try {
    yield* c.sys.syslog(5);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`clear kernel buffer failed: ${e.message}`);
  }
}

function* run(c: Command): Proc<number> {
  let options: readonly Option[];
  try {
    options = (
      c.voice === "busybox" ? yield* c.getopt({ short: "crn:s:" }) : getopt(c.args, { short: "CcdeF:f:HkL::l:n:PrTtuwWxhV", long })
    ).options;
  } catch (e) {
    if (e instanceof UsageError && c.voice === "gnu") return yield* badUsage(c, e.message);
    throw e;
  }
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("dmesg from util-linux 2.38.1\n");
    return 0;
  }
  if (has("n")) return yield* c.fail("there is no console to set a level for");
  if (has("F")) return yield* c.fail("option --file is not supported");
  if (has("C")) {
    yield* clear(c);
    return 0;
  }
  const level = yield* known(c, options, "l", levels, "level");
  let facility = yield* known(c, options, "f", facilities, "facility");
  if (has("k")) facility = new Set([0]);
  if (has("u")) facility = new Set(facilities.map((_, i) => i).slice(1));
  const wanted = (r: Record): boolean => (level?.has(r.priority & 7) ?? true) && (facility?.has(r.priority >> 3) ?? true);
  const colour = options.findLast((o) => o.name === "L");
  const painted = colour?.arg === "always" || ((colour !== undefined || has("H")) && colour?.arg !== "never" && (yield* isatty(c.sys, 1)));
  const bootSec = (yield* clock(c.sys)) - (yield* readUptime(c.sys)).uptimeSec;
  const printer = new Printer(yield* timeFormat(c, options), bootSec, has("x"), painted);
  const show = (r: Record): string => (has("r") ? `${r.raw}\n` : printer.line(r));
  let text = yield* readLog(c);
  if (!has("W")) for (const r of parseLog(text)) if (wanted(r)) yield* c.print(show(r));
  if (has("c")) yield* clear(c);
  while (has("w") || has("W")) {
    yield* c.stdout.flush();
    // Differs from Linux: /dev/kmsg would wake us; the log is looked at ten times a second.
    yield* c.sys.nanosleep(100 * NS_PER_MSEC);
    const now = yield* readLog(c);
    const fresh = now.startsWith(text) ? now.slice(text.length) : now;
    text = now;
    for (const r of parseLog(fresh)) if (wanted(r)) yield* c.print(show(r));
  }
  return 0;
}

export const dmesg: Executable = {
  name: "dmesg",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/dmesg"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 88656,
  applet: "/bin/dmesg",
};

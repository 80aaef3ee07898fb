/**
 * top(1) of procps-ng: tasks and load, again and again; with -b as plain lines.
 * Left out: other windows, colours, forest view, the configuration file.
 */

import { Errno } from "../../abi/errno.ts";
import { findSignalNumber } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { NS_PER_MSEC } from "../../abi/time.ts";
import { clock } from "../libc/clock.ts";
import { type Command, command } from "../libc/command.ts";
import { pidWidth } from "../libc/libproc.ts";
import { getpwnam, getpwuid, IdNames } from "../libc/passwd.ts";
import { procpsGetopt, usageTail } from "../libc/procps.ts";
import { PRIO_PROCESS } from "../../abi/resource.ts";
import { busyboxTop } from "./busybox.ts";
import { defaultView, summaryLines, taskLines, type View } from "./draw.ts";
import { findField } from "./fields.ts";
import { manageFields } from "./fields-screen.ts";
import { Keyboard } from "./keyboard.ts";
import { type Extras, type Sample, Sampler } from "./sample.ts";

const usage = `
Usage:
 top [options]

Options:
 -b, --batch-mode                run in non-interactive batch mode
 -c, --cmdline-toggle            reverse last remembered 'c' state
 -d, --delay =SECS [.TENTHS]     iterative delay as SECS [.TENTHS]
 -E, --scale-summary-mem =SCALE  set mem as: k,m,g,t,p,e for SCALE
 -e, --scale-task-mem =SCALE     set mem as: k,m,g,t,p for SCALE
 -H, --threads-show              show tasks plus all their threads
 -i, --idle-toggle               reverse last remembered 'i' state
 -n, --iterations =NUMBER        exit on maximum iterations NUMBER
 -o, --sort-override =FIELD      force sorting on this named FIELD
 -p, --pid =PIDLIST              monitor only the tasks in PIDLIST
 -U, --filter-any-user =USER     show only processes owned by USER
 -u, --filter-only-euser =USER   show only processes owned by USER
 -w, --width [=COLUMNS]          change print width [,use COLUMNS]
 -1, --single-cpu-toggle         reverse last remembered '1' state
${usageTail("top")}`;

const busyboxUsage = `Usage: top [-bH] [-n COUNT] [-d SECONDS]

Show a view of process activity in real time.
Read the status of all processes from /proc each SECONDS
and show a screenful of them.

	-b	Batch mode
	-n N	Exit after N iterations
	-d SEC	Delay between updates`;

const long = [
  { name: "batch-mode", as: "b" },
  { name: "cmdline-toggle", as: "c" },
  { name: "delay", as: "d", arg: "required" },
  { name: "scale-task-mem", as: "e", arg: "required" },
  { name: "scale-summary-mem", as: "E", arg: "required" },
  { name: "threads-show", as: "H" },
  { name: "idle-toggle", as: "i" },
  { name: "iterations", as: "n", arg: "required" },
  { name: "sort-override", as: "o", arg: "required" },
  { name: "pid", as: "p", arg: "required" },
  { name: "filter-any-user", as: "U", arg: "required" },
  { name: "filter-only-euser", as: "u", arg: "required" },
  { name: "width", as: "w", arg: "optional" },
  { name: "single-cpu-toggle", as: "1" },
] as const;

interface Settings {
  readonly view: View;
  batch: boolean;
  delaySec: number;
  iterations: number;
  width: number | undefined;
}

function* parse(c: Command): Proc<Settings | undefined> {
  const s: Settings = { view: defaultView(), batch: false, delaySec: 3, iterations: Number.POSITIVE_INFINITY, width: undefined };
  const { view } = s;
  // The width may stand in a word of its own, though it is optional.
  const args = c.args.flatMap((word, i) =>
    c.args[i - 1] === "-w" && /^[0-9]/.test(word) ? [] : word === "-w" ? [`-w${/^[0-9]+$/.exec(c.args[i + 1] ?? "") ?? ""}`] : [word],
  );
  const { options, operands } = yield* procpsGetopt(c, { short: "bcd:e:E:hHin:o:p:U:u:Vw::1", long }, usage, args);
  if (operands[0] !== undefined) return yield* c.fail(`unknown option '${operands[0]}'`);
  for (const { name, arg } of options) {
    if (name === "h") {
      yield* c.print(usage);
      return undefined;
    }
    if (name === "b") s.batch = true;
    else if (name === "c") view.commandLine = !view.commandLine;
    else if (name === "H") view.threads = true;
    else if (name === "i") view.activeOnly = true;
    else if (name === "1") view.perCpu = true;
    else if (name === "d") {
      s.delaySec = Number(arg.replace(",", "."));
      if (!/^[0-9]*[.,]?[0-9]*$/.test(arg) || arg === "") yield* c.fail(`bad delay interval '${arg}'`);
    } else if (name === "n") {
      s.iterations = Number(arg);
      if (!/^[0-9]+$/.test(arg) || s.iterations < 1) yield* c.fail(`bad iterations argument '${arg}'`);
    } else if (name === "o") {
      view.descending = !arg.startsWith("-") || arg.startsWith("+");
      view.sortBy = arg.replace(/^[+-]/, "");
      if (findField(view.sortBy) === undefined) yield* c.fail(`unrecognized field name '${view.sortBy}'`);
    } else if (name === "p") {
      for (const word of arg.split(",")) if (!/^[0-9]+$/.test(word)) yield* c.fail(`bad pid '${word}'`);
      view.pids = [...view.pids, ...arg.split(",").map(Number)];
    } else if (name === "u" || name === "U") {
      const user = /^[0-9]+$/.test(arg) ? yield* getpwuid(c.sys, Number(arg)) : yield* getpwnam(c.sys, arg);
      if (user === undefined) yield* c.fail("Invalid user");
      view.user = user?.name;
    } else if (name === "e") {
      view.taskUnit = "kmgtp".indexOf(arg);
      if (view.taskUnit < 0 || arg.length !== 1) yield* c.fail(`bad memory scaling arg '${arg}'`);
    } else if (name === "E") {
      view.unit = "kmgtpe".indexOf(arg);
      if (view.unit < 0 || arg.length !== 1) yield* c.fail(`bad memory scaling arg '${arg}'`);
    } else if (name === "w") {
      if (arg !== "" && (!/^[0-9]+$/.test(arg) || Number(arg) < 3)) yield* c.fail(`bad width arg '${arg}'`);
      s.width = arg === "" ? 512 : Math.min(512, Number(arg));
    }
  }
  return s;
}

const bold = (text: string): string => `\x1b[1m${text}\x1b[22m`;

/** The numbers of the summary stand out, but not the time and the load. */
const emphasized = (line: string): string =>
  line.startsWith("top - ") ? line : line.replace(/(?<=[:,.]) *[0-9]+(?:\.[0-9])?(?= [a-z])/g, bold);

/** What the columns need, and the one that sorts. */
function extrasOf(view: View): Extras {
  const names = [...view.shown, view.sortBy];
  return { cgroup: names.some((n) => n.startsWith("CG")), namespaces: names.some((n) => n.startsWith("ns")) };
}

class Top {
  private message = "";

  constructor(
    private readonly c: Command,
    private readonly s: Settings,
    private readonly pidDigits: number,
  ) {}

  *batch(sampler: Sampler): Proc<number> {
    const { c, s } = this;
    const cols = s.width ?? (Number(c.env.get("COLUMNS") ?? 0) || 80);
    for (let i = 0; i < s.iterations; i++) {
      if (i > 0) yield* c.sys.nanosleep(s.delaySec * 1000 * NS_PER_MSEC);
      const sample = yield* sampler.take(s.view.threads, extrasOf(s.view));
      const { heading, rows } = taskLines(sample, s.view, cols, Number.POSITIVE_INFINITY, this.pidDigits);
      const head = summaryLines(sample, s.view, yield* clock(c.sys)).map((line) => line.slice(0, cols));
      const lines = [...head, "", heading, ...rows.map((row) => row.text)];
      yield* c.print(`${i > 0 ? "\n" : ""}${lines.join("\n")}\n`);
      yield* c.stdout.flush();
    }
    return 0;
  }

  *interactive(sampler: Sampler, keyboard: Keyboard): Proc<number> {
    let sample = yield* sampler.take(this.s.view.threads, extrasOf(this.s.view));
    for (let i = 1; ; i++) {
      yield* this.draw(sample, keyboard);
      if (i >= this.s.iterations) return 0;
      // Whatever is asked by keys is drawn at once; a new sample comes when its time has come.
      const key = yield* keyboard.key(this.s.delaySec * 1000);
      this.message = "";
      if (keyboard.ended) return 0;
      for (const one of key ?? "") {
        if (one === "q" || one === "\x03") return 0;
        yield* this.press(one, sample, keyboard);
      }
      if (key === undefined || !/^[cPMTNRI1ltmEe]+$/.test(key)) sample = yield* sampler.take(this.s.view.threads, extrasOf(this.s.view));
    }
  }

  private *draw(sample: Sample, keyboard: Keyboard): Proc<void> {
    const { c, s } = this;
    const { cols, rows } = yield* keyboard.size();
    const head = summaryLines(sample, s.view, yield* clock(c.sys)).map((line) => emphasized(line.slice(0, cols)));
    const space = rows - head.length - 2;
    const tasks = taskLines(sample, s.view, cols, Math.max(0, space), this.pidDigits);
    const lines = [
      ...head,
      this.message === "" ? "" : `\x1b[7m ${this.message} \x1b[0m`,
      `\x1b[7m${tasks.heading.slice(0, cols).padEnd(cols)}\x1b[0m`,
      ...tasks.rows.map((row) => (row.running ? bold(row.text) : row.text)),
    ];
    yield* c.print(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
    yield* c.stdout.flush();
  }

  private *press(key: string, sample: Sample, keyboard: Keyboard): Proc<void> {
    const { view } = this.s;
    const row = summaryLines(sample, view, 0).length + 1;
    const sort = ({ P: "%CPU", M: "%MEM", T: "TIME+", N: "PID" } as const)[key];
    if (sort !== undefined) {
      view.sortBy = sort;
      view.descending = true;
    } else if (key === "R") view.descending = !view.descending;
    else if (key === "c") view.commandLine = !view.commandLine;
    else if (key === "1") view.perCpu = !view.perCpu;
    else if (key === "i") view.activeOnly = !view.activeOnly;
    else if (key === "I") view.solaris = !view.solaris;
    else if (key === "H") view.threads = !view.threads;
    else if (key === "l") view.showLoad = !view.showLoad;
    else if (key === "t") view.showTasks = !view.showTasks;
    else if (key === "m") view.showMemory = !view.showMemory;
    else if (key === "E") view.unit = (view.unit + 1) % 6;
    else if (key === "e") view.taskUnit = (view.taskUnit + 1) % 5;
    else if (key === "f") yield* manageFields(this.c, keyboard, view);
    else if (key === "d" || key === "s") yield* this.askDelay(keyboard, row);
    else if (key === "k") yield* this.askKill(sample, keyboard, row);
    else if (key === "r") yield* this.askRenice(sample, keyboard, row);
    else if (key === "u") yield* this.askUser(keyboard, row);
    else if (key === "n" || key === "#") {
      const text = yield* keyboard.ask(`Maximum tasks = ${view.maxTasks}, change to (0 is unlimited)`, row);
      if (text !== undefined && /^[0-9]+$/.test(text)) view.maxTasks = Number(text);
    } else if (key === "h" || key === "?") {
      this.message = "q quit  P M T N sort  R reverse  c command  1 CPUs  i idle  H threads  k kill  r renice  u user  d delay  f fields";
    } else if (key !== " " && key !== "\r" && key !== "\n") this.message = "Unknown command - try 'h' for help";
  }

  private *askDelay(keyboard: Keyboard, row: number): Proc<void> {
    const text = yield* keyboard.ask(`Change delay from ${this.s.delaySec.toFixed(1)} to`, row);
    if (text === undefined || text === "") return;
    const seconds = Number(text);
    if (seconds >= 0) this.s.delaySec = seconds;
    else this.message = "Unacceptable floating point";
  }

  private *askPid(sample: Sample, keyboard: Keyboard, row: number, what: string): Proc<number | undefined> {
    const first = taskLines(sample, this.s.view, 80, 1, this.pidDigits).rows[0]?.text.trim().split(" ")[0] ?? "";
    const text = yield* keyboard.ask(`PID to ${what} [default pid = ${first}]`, row);
    if (text === undefined) return undefined;
    const pid = text === "" ? first : text;
    if (/^[0-9]+$/.test(pid)) return Number(pid);
    this.message = "Unacceptable integer";
    return undefined;
  }

  private *askKill(sample: Sample, keyboard: Keyboard, row: number): Proc<void> {
    const pid = yield* this.askPid(sample, keyboard, row, "signal/kill");
    if (pid === undefined) return;
    const text = yield* keyboard.ask(`Send pid ${pid} signal [15/sigterm]`, row);
    if (text === undefined) return;
    const sig = text === "" ? 15 : findSignalNumber(text);
    if (sig === undefined) {
      this.message = "Invalid signal";
      return;
    }
    try {
      yield* this.c.sys.kill(pid, sig);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.message = `Failed signal pid '${pid}' with '${sig}': ${e.message}`;
    }
  }

  private *askRenice(sample: Sample, keyboard: Keyboard, row: number): Proc<void> {
    const pid = yield* this.askPid(sample, keyboard, row, "renice");
    if (pid === undefined) return;
    const text = yield* keyboard.ask(`Renice PID ${pid} to value`, row);
    if (text === undefined || !/^-?[0-9]+$/.test(text)) return;
    try {
      yield* this.c.sys.setpriority(PRIO_PROCESS, pid, Number(text));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.message = `Failed renice of PID ${pid} to ${text}: ${e.message}`;
    }
  }

  private *askUser(keyboard: Keyboard, row: number): Proc<void> {
    const text = yield* keyboard.ask("Which user (blank for all)", row);
    if (text === undefined) return;
    const user = text === "" ? undefined : yield* getpwnam(this.c.sys, text);
    if (text !== "" && user === undefined) this.message = "Invalid user";
    else this.s.view.user = user?.name;
  }
}

function* run(c: Command): Proc<number> {
  if (c.voice === "busybox") return yield* busyboxTop(c);
  const settings = yield* parse(c);
  if (settings === undefined) return 0;
  const keyboard = settings.batch ? undefined : yield* Keyboard.open(c);
  if (keyboard === undefined && !settings.batch) return yield* c.fail("failed tty get");
  const sampler = new Sampler(c.sys, new IdNames(c.sys));
  const top = new Top(c, settings, yield* pidWidth(c.sys));
  // Shares need two samples: the first is not shown.
  yield* sampler.take(false);
  yield* c.sys.nanosleep(100 * NS_PER_MSEC);
  if (keyboard === undefined) return yield* top.batch(sampler);
  try {
    return yield* top.interactive(sampler, keyboard);
  } finally {
    yield* keyboard.close();
  }
}

export const main = command({ help: busyboxUsage }, run);

/** watch(1) of procps 4.0, and busybox's: runs a command again and again and shows its output. */

import { Errno } from "../../abi/errno.ts";
import { O_CLOEXEC } from "../../abi/fcntl.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME } from "../../abi/time.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { wExitStatus, wIfExited } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { View } from "../less/view.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { Input, isatty } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { execvp } from "../libc/unistd.ts";
import { Terminal, withTerminal } from "../tui/terminal.ts";

const text = help(
  `watch [options] command

Options:
  -b, --beep             beep if command has a non-zero exit
  -c, --color            interpret ANSI color and style sequences
  -d, --differences[=<permanent>]
                         highlight changes between updates
  -e, --errexit          exit if command has a non-zero exit
  -g, --chgexit          exit when output from command changes
  -n, --interval <secs>  seconds to wait between updates
  -p, --precise          attempt to run command in precise intervals
  -t, --no-title         turn off header
  -w, --no-wrap          cut long lines
  -x, --exec             pass command to exec instead of "sh -c"

 -h, --help     display this help and exit
 -v, --version  output version information and exit`,
  `watch [-n SEC] [-t] PROG ARGS

Run PROG periodically

	-n SEC	Period (default 2)
	-t	Don't print header`,
);

const LONG = [
  { name: "beep", as: "b" },
  { name: "color", as: "c" },
  { name: "no-color", as: "C" },
  { name: "differences", arg: "optional", as: "d" },
  { name: "errexit", as: "e" },
  { name: "chgexit", as: "g" },
  { name: "interval", arg: "required", as: "n" },
  { name: "precise", as: "p" },
  { name: "no-title", as: "t" },
  { name: "no-wrap", as: "w" },
  { name: "exec", as: "x" },
  { name: "version", as: "v" },
] as const;

/** Characters of output that are kept. */
const MAX_TEXT = 1 << 20;

interface Settings {
  readonly flags: ReadonlySet<string>;
  readonly seconds: number;
  readonly words: readonly string[];
}

interface Output {
  readonly text: string;
  readonly status: number;
}

/** Runs the command once and gathers what it prints. */
function* runOnce(c: Command, s: Settings): Proc<Output> {
  const { sys } = c;
  const [readEnd, writeEnd] = yield* sys.pipe2(O_CLOEXEC);
  const argv = s.flags.has("x") ? s.words : ["sh", "-c", s.words.join(" ")];
  const env: Env = new Map(c.env);
  const pid = yield* sys.fork(function* () {
    try {
      yield* sys.dup2(writeEnd, 1);
      yield* sys.dup2(writeEnd, 2);
      yield* execvp(sys, argv[0] ?? "", argv, env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.warn(`unable to execute '${argv[0] ?? ""}': ${e.message}`);
    }
    return 4;
  });
  yield* sys.close(writeEnd);
  const input = new Input(sys, readEnd);
  let kept = "";
  // No screen shows more; the rest is read all the same, so that the command can end.
  for (let part = yield* input.read(); part !== undefined; part = yield* input.read()) if (kept.length < MAX_TEXT) kept += decodeUtf8(part);
  yield* sys.close(readEnd);
  const { status } = yield* sys.wait4(pid, 0);
  return { text: kept, status: wIfExited(status) ? wExitStatus(status) : 1 };
}

/** The rows of a screen that the output fills. */
function layout(text: string, rows: number, cols: number, s: Settings): string[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const view = new View(lines, { chop: s.flags.has("w"), numbers: false, colors: s.flags.has("c"), raw: false, tildes: false });
  view.cols = cols;
  const all: string[] = [];
  for (let i = 0; i < lines.length && all.length < rows; i++) all.push(...view.rowsOf(i));
  return all.slice(0, rows);
}

/** `row` with the characters in reverse that differ from `before`. */
function highlight(row: string, before: string | undefined): string {
  const old = Array.from(before ?? "");
  let out = "";
  let lit = false;
  for (const [i, ch] of Array.from(row).entries()) {
    const differs = before !== undefined && ch !== (old[i] ?? " ");
    if (differs !== lit) out += differs ? "\x1b[7m" : "\x1b[27m";
    lit = differs;
    out += ch;
  }
  return lit ? `${out}\x1b[27m` : out;
}

function* header(c: Command, s: Settings, cols: number): Proc<string> {
  const every = `Every ${s.seconds.toFixed(1)}s: `;
  const now = strftime("%a %b %e %H:%M:%S %Y", yield* c.sys.clock_gettime(CLOCK_REALTIME));
  const right =
    c.voice === "gnu"
      ? `${(yield* c.sys.uname()).nodename}: ${now}`
      : strftime("%Y-%m-%d %H:%M:%S", yield* c.sys.clock_gettime(CLOCK_REALTIME));
  const words = s.words.join(" ");
  const room = cols - right.length - 1;
  if (room < every.length) return right.padStart(cols).slice(0, cols);
  const left = every + words;
  const cut = left.length <= room ? left : `${left.slice(0, Math.max(0, room - 3))}...`;
  return cut.padEnd(cols - right.length) + right;
}

function* main(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const parsed = yield* c.getopt(gnu ? { short: "+bcCd::eghn:ptwvx", long: LONG } : { short: "+dtn:" });
  const flags = new Set(parsed.options.map((o) => o.name));
  if (flags.has("h")) return yield* c.help();
  if (flags.has("v")) {
    yield* c.print("watch from procps-ng 4.0.2\n");
    return 0;
  }
  let seconds = 2;
  for (const o of parsed.options) {
    if (o.name !== "n") continue;
    if (!/^[0-9]*[.,]?[0-9]+$/.test(o.arg)) yield* c.fail(gnu ? `failed to parse argument: '${o.arg}'` : `invalid number '${o.arg}'`);
    seconds = Math.max(0.1, Number(o.arg.replace(",", ".")));
  }
  if (parsed.operands.length === 0) {
    yield* c.eprint(text(c.voice));
    return 1;
  }
  const s: Settings = { flags, seconds, words: parsed.operands };
  if (!(yield* isatty(c.sys, 1))) return yield* c.fail("standard output is no terminal");
  const terminal = new Terminal(c.sys, 0, 1);
  let status = 0;
  yield* withTerminal(terminal, true, function* () {
    terminal.print("\x1b[?25l");
    status = yield* loop(c, s, terminal);
  });
  return status;
}

function* loop(c: Command, s: Settings, terminal: Terminal): Proc<number> {
  let previous: string | undefined;
  let shown: string[] | undefined;
  let next = yield* monotonicMs(c);
  for (;;) {
    const output = yield* runOnce(c, s);
    if (s.flags.has("b") && output.status !== 0) terminal.print("\x07");
    const draw = function* (compare: boolean): Proc<string[]> {
      const { rows, cols } = yield* terminal.size();
      const title = s.flags.has("t") ? [] : [yield* header(c, s, cols), ""];
      const body = layout(output.text, rows - title.length, cols, s);
      const marked = body.map((row, i) => (compare && s.flags.has("d") && shown !== undefined ? highlight(row, shown[i] ?? "") : row));
      terminal.paint([...title, ...marked]);
      return body;
    };
    const body = yield* draw(true);
    yield* terminal.flush();
    if (s.flags.has("g") && previous !== undefined && previous !== output.text) return 0;
    if (s.flags.has("e") && output.status !== 0) {
      terminal.print("\x1b[999;1HCommand exit with a non-zero status, press a key to exit");
      yield* terminal.key();
      return 8;
    }
    previous = output.text;
    shown = body;
    const now = yield* monotonicMs(c);
    next = s.flags.has("p") ? Math.max(next + s.seconds * 1000, now) : now + s.seconds * 1000;
    for (let left = next - now; left > 0; left = next - (yield* monotonicMs(c))) {
      const key = yield* terminal.key(Math.ceil(left));
      if (key === "<timeout>") break;
      if (key === "\x03" || key === "<hangup>") return 0;
      if (key === "<resize>") yield* draw(false);
      else if (key === "\x1a") yield* terminal.suspend();
    }
  }
}

function* monotonicMs(c: Command): Proc<number> {
  const { sec, nsec } = yield* c.sys.clock_gettime(CLOCK_MONOTONIC);
  return sec * 1000 + nsec / 1e6;
}

export const watch: Executable = {
  name: "watch",
  main: command({ help: text }, main),
  paths: ["/usr/bin/watch"],
  needed: ["libncursesw.so.6", "libtinfo.so.6", "libc.so.6"],
  sizeBytes: 27352,
  applet: "/usr/bin/watch",
};

/**
 * stty(1) of coreutils, and busybox's: shows and sets the line discipline of a terminal.
 * Differs from Linux: the speed is always 38400; delays, parity marks and hardware flow control do not exist.
 */

import { Errno } from "../../abi/errno.ts";
import { O_NONBLOCK, O_RDONLY } from "../../abi/fcntl.ts";
import { ICANON, NCCS, type Termios, VMIN, VTIME, type Winsize } from "../../abi/termios.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote, quoteaf, quotef } from "../libc/quotearg.ts";
import { aliases, combinations, controlChars, type Flags, modes, parseControl, showControl } from "../libc/ttymodes.ts";
import { open } from "../libc/unistd.ts";

const usage = `stty [-F DEVICE | --file=DEVICE] [SETTING]...
  or:  stty [-F DEVICE | --file=DEVICE] [-a|--all]
  or:  stty [-F DEVICE | --file=DEVICE] [-g|--save]
Show or change the settings of the terminal on standard input.

  -a, --all          show all settings
  -g, --save         show them in a form that stty reads
  -F, --file=DEVICE  use DEVICE instead of standard input
      --help         show this help and exit

A - before a SETTING turns it off. Some settings: echo, icanon, isig, ixon, icrnl, opost, onlcr, tostop;
intr, quit, erase, kill, eof, susp … CHAR; min N, time N, rows N, cols N; size, speed; sane, raw, cooked, cbreak, nl.`;

interface State {
  termios: { iflag: number; oflag: number; cflag: number; lflag: number; cc: number[] };
  size: Winsize;
  termiosChanged: boolean;
  sizeChanged: boolean;
}

/** Words laid out in lines as wide as the terminal. */
class Wrapper {
  private column = 0;
  text = "";

  constructor(private readonly width: number) {}

  add(word: string): void {
    if (this.column > 0 && this.width - this.column < word.length + 1) this.newline();
    if (this.column > 0) {
      this.text += " ";
      this.column++;
    }
    this.text += word;
    this.column += word.length;
  }

  newline(): void {
    this.text += "\n";
    this.column = 0;
  }

  get empty(): boolean {
    return this.column === 0;
  }
}

const isOn = (state: State, m: { flags: Flags; bits: number; mask?: number }): boolean =>
  m.mask !== undefined ? (state.termios[m.flags] & m.mask) === m.bits : m.bits !== 0 && (state.termios[m.flags] & m.bits) === m.bits;

const order: readonly Flags[] = ["cflag", "iflag", "oflag", "lflag"];

function showAll(state: State, width: number, gnu: boolean): string {
  const out = new Wrapper(width);
  out.add("speed 38400 baud;");
  out.add(`rows ${state.size.rows};`);
  out.add(`columns ${state.size.cols};`);
  out.add("line = 0;");
  out.newline();
  for (const ch of controlChars)
    out.add(`${gnu ? ch.name : (ch.busyboxName ?? ch.name)} = ${showControl(state.termios.cc[ch.index] ?? 0)};`);
  out.add(`min = ${state.termios.cc[VMIN] ?? 0}; time = ${state.termios.cc[VTIME] ?? 0};`);
  if (!out.empty) out.newline();
  for (const flags of order) {
    for (const m of modes) {
      if (m.flags !== flags) continue;
      if (m.choice) {
        if (m.mask === 0 || isOn(state, m)) out.add(m.name);
      } else out.add(isOn(state, m) ? m.name : `-${m.name}`);
    }
    out.newline();
  }
  return out.text;
}

function showChanged(state: State, width: number, gnu: boolean): string {
  const out = new Wrapper(width);
  out.add("speed 38400 baud;");
  out.add("line = 0;");
  out.newline();
  for (const ch of controlChars) {
    const value = state.termios.cc[ch.index] ?? 0;
    if (value !== ch.sane) out.add(`${gnu ? ch.name : (ch.busyboxName ?? ch.name)} = ${showControl(value)};`);
  }
  if ((state.termios.lflag & ICANON) === 0) {
    // Each on a line of its own, as the real one prints them.
    if (!out.empty) out.newline();
    out.add(`min = ${state.termios.cc[VMIN] ?? 0}; time = ${state.termios.cc[VTIME] ?? 0};`);
    out.newline();
  } else if (!out.empty) out.newline();
  for (const flags of order) {
    for (const m of modes) {
      if (m.flags !== flags || m.sane === undefined || isOn(state, m) === m.sane) continue;
      out.add(m.sane ? `-${m.name}` : m.name);
    }
    if (!out.empty) out.newline();
  }
  return out.text;
}

/** NCCS of glibc's struct termios: more than the kernel's. */
const SAVED_CCS = 32;

function showSaved(t: State["termios"]): string {
  const cc = Array.from({ length: SAVED_CCS }, (_, i) => (t.cc[i] ?? 0).toString(16));
  return `${[t.iflag, t.oflag, t.cflag, t.lflag].map((n) => n.toString(16)).join(":")}:${cc.join(":")}\n`;
}

function restore(state: State, text: string): boolean {
  if (!/^[0-9a-f]+(:[0-9a-f]+){35}$/i.test(text)) return false;
  const [iflag = 0, oflag = 0, cflag = 0, lflag = 0, ...cc] = text.split(":").map((part) => Number.parseInt(part, 16));
  state.termios = { iflag, oflag, cflag, lflag, cc: cc.slice(0, state.termios.cc.length) };
  state.termiosChanged = true;
  return true;
}

function setSane(state: State): void {
  for (const ch of controlChars) state.termios.cc[ch.index] = ch.sane;
  state.termios.cc[VMIN] = 1;
  state.termios.cc[VTIME] = 0;
  for (const m of modes) {
    if (m.sane === true) state.termios[m.flags] |= m.bits;
    else if (m.sane === false) state.termios[m.flags] &= ~m.bits;
  }
  state.termiosChanged = true;
}

/** Applies one named mode; false where there is none of that name, or it cannot be had. */
function setMode(state: State, word: string): boolean {
  const off = word.startsWith("-");
  const name = off ? word.slice(1) : word;
  const found = modes.find((m) => m.name === (aliases[name] ?? name));
  if (found === undefined || (off && found.choice) || (!off && found.bits === 0 && !found.choice)) return false;
  state.termios[found.flags] = (state.termios[found.flags] & ~(found.mask ?? found.bits)) | (off ? 0 : found.bits);
  state.termiosChanged = true;
  return true;
}

/** Applies settings one after the other. Throws UsageError for what is none. */
function* apply(c: Command, state: State, words: readonly string[], checking = false): Proc<void> {
  const gnu = c.voice === "gnu";
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const next = (): string => {
      const value = words[++i];
      if (value === undefined) throw new UsageError(gnu ? `missing argument to ${quote(word)}` : `option requires an argument: ${word}`);
      return value;
    };
    const number = function* (): Proc<number> {
      const text = next();
      if (/^[0-9]+$/.test(text)) return Number(text);
      throw gnu ? new UsageError(`invalid integer argument: ${quote(text)}`) : new UsageError(`invalid number '${text}'`);
    };
    const combination = combinations[word];
    const control = controlChars.find((ch) => ch.name === word || ch.busyboxName === word);
    if (word === "sane") setSane(state);
    else if (combination !== undefined) yield* apply(c, state, combination, checking);
    else if (control !== undefined) {
      const text = next();
      const value = parseControl(text);
      if (value === undefined) throw new UsageError(gnu ? `invalid integer argument: ${quote(text)}` : `invalid number '${text}'`);
      state.termios.cc[control.index] = value;
      state.termiosChanged = true;
    } else if (word === "min" || word === "time") {
      state.termios.cc[word === "min" ? VMIN : VTIME] = (yield* number()) & 255;
      state.termiosChanged = true;
    } else if (word === "rows") {
      state.size = { ...state.size, rows: yield* number() };
      state.sizeChanged = true;
    } else if (word === "cols" || word === "columns") {
      state.size = { ...state.size, cols: yield* number() };
      state.sizeChanged = true;
    } else if (word === "size" || word === "speed") {
      if (!checking) yield* c.print(word === "speed" ? "38400\n" : `${state.size.rows} ${state.size.cols}\n`);
    } else if (word === "ispeed" || word === "ospeed") {
      if (next() !== "38400") throw new UsageError(gnu ? `invalid ${word} ${quote(words[i] ?? "")}` : "");
    } else if (word === "line") yield* number();
    else if (word !== "38400" && !setMode(state, word) && !restore(state, word)) {
      if (!gnu) yield* c.fail(`invalid argument '${word}'`);
      throw new UsageError(`invalid argument ${quote(word)}`);
    }
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  // Settings may begin with - and mean no option.
  const isOption = (arg: string, i: number): boolean =>
    /^-[ag]+$/.test(arg) || arg.startsWith("--") || /^-F/.test(arg) || c.args[i - 1] === "-F" || c.args[i - 1] === "--file";
  const { options } = yield* c.getopt(
    {
      short: "agF:",
      long: gnu
        ? [
            { name: "all", as: "a" },
            { name: "save", as: "g" },
            { name: "file", arg: "required", as: "F" },
          ]
        : [],
    },
    c.args.filter(isOption),
  );
  const settings = c.args.filter((arg, i) => !isOption(arg, i));
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("a") && has("g"))
    throw new UsageError(gnu ? "the options for verbose and stty-readable output styles are\nmutually exclusive" : "");
  if (settings.length > 0 && (has("a") || has("g")))
    throw new UsageError(gnu ? "when specifying an output style, modes may not be set" : "");
  // Wrong words are told of before the terminal is touched.
  const none: Termios = { iflag: 0, oflag: 0, cflag: 0, lflag: 0, cc: new Array<number>(NCCS).fill(0) };
  yield* apply(
    c,
    { termios: { ...none, cc: [...none.cc] }, size: { rows: 0, cols: 0 }, termiosChanged: false, sizeChanged: false },
    settings,
    true,
  );
  const device = options.findLast((o) => o.name === "F")?.arg;
  const name = device ?? "standard input";
  let fd = 0;
  let termios: Termios;
  let size: Winsize;
  try {
    if (device !== undefined) fd = yield* open(c.sys, device, O_RDONLY | O_NONBLOCK);
    termios = yield* c.sys.ioctl(fd, "TCGETS");
    size = yield* c.sys.ioctl(fd, "TIOCGWINSZ");
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(
      gnu
        ? `${device === undefined ? quoteaf(name) : quotef(name)}: ${e.message}`
        : device === undefined
          ? `standard input: ${e.message}`
          : `can't open '${device}': ${e.message}`,
    );
  }
  const state: State = { termios: { ...termios, cc: [...termios.cc] }, size, termiosChanged: false, sizeChanged: false };
  const width = size.cols > 0 ? size.cols : Number(c.env.get("COLUMNS") ?? 80) || 80;
  if (settings.length === 0) {
    yield* c.print(has("g") ? showSaved(state.termios) : has("a") ? showAll(state, width, gnu) : showChanged(state, width, gnu));
    return 0;
  }
  yield* apply(c, state, settings);
  if (state.termiosChanged) yield* c.sys.ioctl(fd, "TCSETSW", state.termios);
  if (state.sizeChanged) yield* c.sys.ioctl(fd, "TIOCSWINSZ", state.size);
  return 0;
}

export const stty: Executable = {
  name: "stty",
  paths: ["/usr/bin/stty"],
  sizeBytes: 85008,
  applet: "/bin/stty",
  main: command(
    { version: COREUTILS, help: help(usage, "stty [-a|g] [-F DEVICE] [SETTING]...\n\nPrint or change the settings of a terminal") },
    run,
  ),
};

/** more(1) of util-linux 2.38, and busybox's: forward through files, a screen at a time. Without a terminal on stdout it is cat. */

import { Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_RDONLY, O_RDWR } from "../../abi/fcntl.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { Document, needOrKey } from "../less/document.ts";
import { View } from "../less/view.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { RegexError, regcomp } from "../libc/regex.ts";
import { Input, isatty } from "../libc/stdio.ts";
import { open, stat } from "../libc/unistd.ts";
import { Terminal, withTerminal } from "../tui/terminal.ts";

const text = help(
  `more [options] <file>...

Show files one screen at a time.

 -n, --lines <number>  lines of a screen
 -e, --exit-on-eof     exit at the end (default)
 +<number>             begin at a line
 +/<pattern>           begin at a match
 -h, --help            display this help
 -V, --version         display version

Keys: SPACE next screen, RETURN next line, b back, /pattern search, = line number, q quit.`,
  `more [FILE]...

View FILE (or stdin) one screenful at a time`,
);

const HELP_LINE = "[Press space to continue, 'q' to quit.]";

class More {
  private at = 0;
  private readonly rows: string[] = [];
  private read = 0;
  /** The user left while input was waited for. */
  private quits = false;

  constructor(
    private readonly c: Command,
    private readonly terminal: Terminal,
    private readonly document: Document,
    private readonly view: View,
    private readonly lines: number | undefined,
  ) {}

  /** Shows the document; false if the user quits. */
  *run(start: number): Proc<boolean> {
    this.at = start;
    yield* this.advance((yield* this.height()) - 1);
    for (;;) {
      if (yield* this.ended()) return !this.quits;
      yield* this.prompt(undefined);
      const key = yield* this.terminal.key();
      this.terminal.print("\r\x1b[K");
      const height = yield* this.height();
      if (key === "q" || key === "Q" || key === "\x03" || key === "<hangup>") return false;
      if (key === " " || key === "f" || key === "<pagedown>") yield* this.advance(height - 1);
      else if (key === "\r" || key === "\n" || key === "<down>" || key === "j") yield* this.advance(1);
      else if (key === "d" || key === "\x04") yield* this.advance(11);
      else if (key === "b" || key === "\x02" || key === "<pageup>") {
        this.at = Math.max(0, this.at - 2 * (height - 1));
        this.terminal.print("...back 1 page\r\n");
        yield* this.advance(height - 1);
      } else if (key === "=") yield* this.prompt(`${this.lineOf(this.at)}`);
      else if (key === "/") yield* this.search();
      else if (key === "\x1a") yield* this.terminal.suspend();
      else if (!key.startsWith("<")) yield* this.prompt("[Press 'h' for instructions.]");
      if (key === "h" || key === "?") yield* this.prompt(HELP_LINE);
    }
  }

  private *height(): Proc<number> {
    const { rows, cols } = yield* this.terminal.size();
    this.view.cols = cols;
    return this.lines === undefined ? rows : this.lines + 1;
  }

  private *prompt(message: string | undefined): Proc<void> {
    const shown = this.percent();
    const usual =
      this.c.voice === "gnu"
        ? `--More--${shown === undefined ? "" : `(${shown}%)`}`
        : `--More-- ${shown === undefined ? "" : `(${shown}% of ${this.document.size} bytes)`}`;
    this.terminal.print(`\r\x1b[K\x1b[7m${message ?? usual}\x1b[27m`);
    yield* this.terminal.flush();
    if (message !== undefined) {
      yield* this.terminal.key();
      this.terminal.print("\r\x1b[K");
    }
  }

  private percent(): number | undefined {
    if (this.document.size === undefined || this.document.size === 0) return undefined;
    let bytes = 0;
    for (let i = 0; i < this.lineOf(this.at); i++) bytes += (this.document.lines[i]?.length ?? 0) + 1;
    return Math.min(99, Math.floor((bytes * 100) / this.document.size));
  }

  /** The number of the line that row `at` ends. */
  private lineOf(at: number): number {
    let rows = 0;
    for (let i = 0; i < this.document.lines.length; i++) {
      rows += this.view.rowsOf(i).length;
      if (rows >= at) return i + 1;
    }
    return this.document.lines.length;
  }

  private *fill(count: number): Proc<void> {
    while (!this.quits && this.rows.length < count) {
      const key = yield* needOrKey(this.terminal, this.document, this.read + 1);
      if (key === "q" || key === "\x03" || key === "<hangup>") this.quits = true;
      if (this.quits || (key === undefined && this.read >= this.document.lines.length)) return;
      if (key !== undefined) continue;
      this.rows.push(...this.view.rowsOf(this.read++));
    }
  }

  private *ended(): Proc<boolean> {
    yield* this.fill(this.at + 1);
    return this.at >= this.rows.length;
  }

  private *advance(count: number): Proc<void> {
    yield* this.fill(this.at + count);
    for (const row of this.rows.slice(this.at, this.at + count)) this.terminal.print(`${row}\r\n`);
    this.at = Math.min(this.rows.length, this.at + count);
    yield* this.terminal.flush();
  }

  private *search(): Proc<void> {
    let pattern = "";
    for (;;) {
      this.terminal.print(`\r\x1b[K/${pattern}`);
      const key = yield* this.terminal.key();
      if (key === "\r" || key === "\n") break;
      if (key === "\x1b" || key === "\x03") return;
      if (key === "\x7f" || key === "\b") pattern = pattern.slice(0, -1);
      else if (!key.startsWith("<")) pattern += key;
    }
    this.terminal.print("\r\x1b[K");
    try {
      const regex = regcomp(pattern);
      yield* this.document.need(Number.POSITIVE_INFINITY);
      const line = this.view.findLine(regex, this.lineOf(this.at), 1, false);
      if (line === undefined) return yield* this.prompt("Pattern not found");
      yield* this.fill(Number.POSITIVE_INFINITY);
      let row = 0;
      for (let i = 0; i < line; i++) row += this.view.rowsOf(i).length;
      this.at = Math.max(0, row - 2);
      this.terminal.print("...skipping\r\n");
      yield* this.advance((yield* this.height()) - 2);
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      yield* this.prompt(e.message);
    }
  }
}

interface Arguments {
  readonly files: readonly string[];
  readonly lines: number | undefined;
  readonly startLine: number;
  readonly pattern: string | undefined;
}

function* readArguments(c: Command): Proc<Arguments> {
  const words: string[] = [];
  let startLine = 0;
  let pattern: string | undefined;
  for (const word of c.args) {
    if (/^\+[0-9]+$/.test(word)) startLine = Number(word.slice(1)) - 1;
    else if (/^\+\/./.test(word)) pattern = word.slice(2);
    else words.push(word.replace(/^-([0-9]+)$/, "-n$1"));
  }
  const long = [
    { name: "lines", arg: "required", as: "n" },
    { name: "exit-on-eof", as: "e" },
    { name: "version", as: "V" },
  ] as const;
  const parsed = yield* c.getopt({ short: "n:ehVcdflpsu", long }, words);
  if (parsed.options.some((o) => o.name === "h")) yield* c.help();
  const lines = parsed.options.find((o) => o.name === "n")?.arg;
  if (lines !== undefined && !/^[1-9][0-9]*$/.test(lines)) yield* c.fail(`failed to parse number: '${lines}'`);
  return { files: parsed.operands, lines: lines === undefined ? undefined : Number(lines), startLine, pattern };
}

function* show(c: Command, a: Arguments, terminal: Terminal | undefined, name: string): Proc<boolean> {
  const fd = name === "-" ? 0 : yield* open(c.sys, name, O_RDONLY | O_CLOEXEC);
  const input = name === "-" ? c.stdin : new Input(c.sys, fd);
  if (terminal === undefined) {
    for (let part = yield* input.read(); part !== undefined; part = yield* input.read()) yield* c.stdout.write(part);
    return true;
  }
  const st = yield* c.sys.fstat(fd);
  const document = new Document(name, input, isReg(st.mode) ? st.size : undefined);
  const view = new View(document.lines, { chop: false, numbers: false, colors: true, raw: true, tildes: false });
  let start = a.startLine;
  if (a.pattern !== undefined) {
    yield* document.need(Number.POSITIVE_INFINITY);
    start = view.findLine(regcomp(a.pattern), 0, 1, false) ?? 0;
  }
  return yield* new More(c, terminal, document, view, a.lines).run(start);
}

function* main(c: Command): Proc<number> {
  const a = yield* readArguments(c);
  const tty = yield* isatty(c.sys, 1);
  if (a.files.length === 0 && (yield* isatty(c.sys, 0))) {
    if (c.voice === "gnu") yield* c.eprint("more: bad usage\nTry 'more --help' for more information.\n");
    return 1;
  }
  const files = a.files.length === 0 ? ["-"] : a.files;
  let status = 0;
  const all = function* (terminal: Terminal | undefined): Proc<void> {
    for (const name of files) {
      try {
        if (name !== "-" && isDir((yield* stat(c.sys, name)).mode)) {
          yield* c.print(`\n*** ${name}: directory ***\n\n`);
          continue;
        }
        if (name !== "-" && c.voice === "gnu" && (files.length > 1 || terminal === undefined)) {
          const banner = `::::::::::::::\n${name}\n::::::::::::::\n`;
          if (terminal === undefined) yield* c.print(banner);
          else terminal.print(banner.replaceAll("\n", "\r\n"));
        }
        if (!(yield* show(c, a, terminal, name))) return;
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.stdout.flush();
        yield* c.eprint(c.voice === "gnu" ? `more: cannot open ${name}: ${e.message}\n` : `more: can't open '${name}': ${e.message}\n`);
        status = 1;
      }
    }
  };
  if (!tty) yield* all(undefined);
  else {
    // Keys come from the terminal even where the text comes from a pipe.
    const keys = (yield* isatty(c.sys, 0)) ? 0 : yield* open(c.sys, "/dev/tty", O_RDWR | O_CLOEXEC);
    const terminal = new Terminal(c.sys, keys, 1);
    yield* withTerminal(terminal, false, () => all(terminal));
  }
  return c.voice === "gnu" ? 0 : status;
}

export const more: Executable = {
  name: "more",
  main: command({ help: text }, main),
  paths: ["/usr/bin/more"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 59712,
  applet: "/bin/more",
};

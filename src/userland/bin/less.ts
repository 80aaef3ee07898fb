/** less(1) 590, and busybox's. The pager is in `userland/less/`. Without a terminal on stdout it is cat. */

import { EISDIR, Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_RDWR, O_RDONLY } from "../../abi/fcntl.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { Document } from "../less/document.ts";
import { Pager, type PagerOptions } from "../less/pager.ts";
import { View } from "../less/view.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Option, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { Input, isatty } from "../libc/stdio.ts";
import { open, stat } from "../libc/unistd.ts";
import { Terminal, withTerminal } from "../tui/terminal.ts";

const text = help(
  `less [OPTION]... [FILE]...
Show FILEs (or standard input) on the terminal, a window at a time. Press h there for its commands.

  -e, -E              quit at the second, at the first end of file
  -F                  quit if everything fits on one screen
  -G                  do not highlight what was searched for
  -i, -I              ignore case in searches (-i: unless the pattern has capitals)
  -m, -M              prompt with the percentage, with line numbers
  -N                  show line numbers
  -p PATTERN          begin at the first line that matches
  -R, -r              let colours, all control characters pass
  -S                  cut long lines
  -X                  leave the screen as it is at the end
  -~                  no tildes after the end
  +COMMAND            begin with a command, such as +G or +/pattern
  -V, --version       display the version number
  -?, --help          display this help`,
  `less [-EFIMmNSRh~] [FILE]...

View FILE (or stdin) one screenful at a time

	-E	Quit once the end of a file is reached
	-F	Quit if entire file fits on first screen
	-I	Ignore case in all searches
	-M,-m	Display status line with line numbers
		and percentage through the file
	-N	Prefix line number to each line
	-S	Truncate long lines
	-R	Remove color escape codes in input
	-~	Suppress ~s displayed past EOF`,
);

const LONG = [
  { name: "quit-at-eof", as: "e" },
  { name: "QUIT-AT-EOF", as: "E" },
  { name: "quit-if-one-screen", as: "F" },
  { name: "hilite-search", as: "G" },
  { name: "ignore-case", as: "i" },
  { name: "IGNORE-CASE", as: "I" },
  { name: "long-prompt", as: "m" },
  { name: "LONG-PROMPT", as: "M" },
  { name: "LINE-NUMBERS", as: "N" },
  { name: "pattern", arg: "required", as: "p" },
  { name: "raw-control-chars", as: "r" },
  { name: "RAW-CONTROL-CHARS", as: "R" },
  { name: "chop-long-lines", as: "S" },
  { name: "no-init", as: "X" },
  { name: "tilde", as: "~" },
  { name: "version", as: "V" },
  { name: "help", as: "?" },
] as const;

const SHORT = "eEFGiImMNnp:rRSX~VsfqQuUwWgJKLdcCabhBx:z:j:k:o:O:t:T:P:y:D:?";

interface Settings extends PagerOptions {
  onePage: boolean;
  noInit: boolean;
  start: string;
}

function applyOptions(s: Settings, options: readonly Option[]): void {
  for (const { name, arg } of options) {
    if (name === "e") s.quitAtEnd = "second";
    else if (name === "E") s.quitAtEnd = "first";
    else if (name === "F") s.onePage = true;
    else if (name === "G") s.highlight = false;
    else if (name === "i") s.ignoreCase = "smart";
    else if (name === "I") s.ignoreCase = "always";
    else if (name === "m") s.prompt = "medium";
    else if (name === "M") s.prompt = "long";
    else if (name === "N") s.numbers = true;
    else if (name === "p") s.start = `/${arg}\r`;
    else if (name === "r") s.raw = true;
    else if (name === "R") s.colors = true;
    else if (name === "S") s.chop = true;
    else if (name === "X") s.noInit = true;
    else if (name === "~") s.tildes = false;
  }
}

/** Opens a file to be shown; a string is the message why it is not. */
function* openDocument(c: Command, name: string): Proc<Document | string> {
  if (name === "-") return new Document("-", c.stdin, undefined);
  try {
    const st = yield* stat(c.sys, name);
    if (isDir(st.mode)) return c.voice === "gnu" ? `${name} is a directory` : `${name}: ${EISDIR.message}`;
    const fd = yield* open(c.sys, name, O_RDONLY | O_CLOEXEC);
    return new Document(name, new Input(c.sys, fd), isReg(st.mode) ? st.size : undefined);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return c.voice === "gnu" ? `${name}: ${e.message}` : `can't open '${name}': ${e.message}`;
  }
}

/** Without a terminal to page on. */
function* cat(c: Command, names: readonly string[]): Proc<number> {
  let status = 0;
  for (const name of names) {
    if (name !== "-") {
      const opened = yield* openDocument(c, name);
      if (typeof opened === "string") {
        yield* c.stdout.flush();
        yield* c.eprint(c.voice === "gnu" ? `${opened}\n` : `less: ${opened}\n`);
        status = 1;
        continue;
      }
    }
    const input = name === "-" ? c.stdin : new Input(c.sys, yield* open(c.sys, name, O_RDONLY | O_CLOEXEC));
    for (let part = yield* input.read(); part !== undefined; part = yield* input.read()) yield* c.stdout.write(part);
    if (name !== "-") yield* c.sys.close(input.fd);
  }
  return status;
}

/** -F: prints a document that fits on the screen; false if it does not. */
function* printIfShort(c: Command, s: Settings, document: Document, terminal: Terminal): Proc<boolean> {
  const { rows, cols } = yield* terminal.size();
  yield* document.need(rows);
  if (!document.complete || document.lines.length >= rows) return false;
  const view = new View(document.lines, s);
  view.cols = cols;
  const all = document.lines.flatMap((_, i) => view.rowsOf(i));
  if (all.length >= rows) return false;
  for (const row of all) yield* c.print(`${row}\n`);
  return true;
}

function* main(c: Command): Proc<number> {
  const s: Settings = {
    chop: false,
    numbers: false,
    colors: false,
    raw: false,
    tildes: true,
    ignoreCase: "no",
    quitAtEnd: "no",
    prompt: "short",
    highlight: true,
    onePage: false,
    noInit: false,
    start: "",
  };
  const environment = (c.env.get("LESS") ?? "").split(/\s+/).filter((word) => word !== "");
  const args: string[] = [];
  for (const word of c.args) {
    if (word.startsWith("+") && word.length > 1)
      s.start = /^\+[/?]/.test(word) ? `${word.slice(1)}\r` : /^\+[0-9]+$/.test(word) ? `${word.slice(1)}g` : word.slice(1);
    else args.push(word);
  }
  let parsed: ReturnType<typeof getopt>;
  try {
    applyOptions(
      s,
      getopt(
        environment.map((word) => (word.startsWith("-") ? word : `-${word}`)),
        { short: SHORT, long: LONG },
        c.voice,
      ).options,
    );
    parsed = getopt(args, { short: c.voice === "gnu" ? SHORT : "EFIMmNSRhr~", long: LONG }, c.voice);
  } catch (e) {
    if (!(e instanceof UsageError) || c.voice === "busybox") throw e;
    const letter = /-- '(.)'/.exec(e.message)?.[1];
    yield* c.eprint(`There is no ${letter === undefined ? "such" : `${letter}`} option ("less --help" for help)\n`);
    return 1;
  }
  if (parsed.options.some((o) => o.name === "?")) return yield* c.help();
  if (parsed.options.some((o) => o.name === "V")) {
    yield* c.print("less 590 (GNU regular expressions)\n");
    return 0;
  }
  applyOptions(s, parsed.options);
  const piped = !(yield* isatty(c.sys, 0));
  if (parsed.operands.length === 0 && !piped) {
    if (c.voice === "busybox") throw new UsageError("missing filename");
    yield* c.eprint('Missing filename ("less --help" for help)\n');
    return 1;
  }
  const names = parsed.operands.length === 0 ? ["-"] : parsed.operands;
  if (!(yield* isatty(c.sys, 1))) return yield* cat(c, names);
  return yield* page(c, s, names);
}

/** Whether a file begins with bytes that no text has. */
function* isBinary(c: Command, name: string): Proc<boolean> {
  if (name === "-") return false;
  const fd = yield* open(c.sys, name, O_RDONLY | O_CLOEXEC);
  const bytes = new Uint8Array(256);
  const n = isReg((yield* c.sys.fstat(fd)).mode) ? yield* c.sys.read(fd, bytes) : 0;
  yield* c.sys.close(fd);
  const text = decodeUtf8(bytes, 0, n);
  return (text.match(/[\0-\x07\x0e-\x1a\x1c-\x1f\x7f\udc80-\udcff]/g)?.length ?? 0) > 5;
}

function* seeAnyway(c: Command, name: string): Proc<boolean> {
  const terminal = new Terminal(c.sys, (yield* isatty(c.sys, 0)) ? 0 : yield* open(c.sys, "/dev/tty", O_RDWR | O_CLOEXEC), 1);
  return yield* withTerminal(terminal, false, function* () {
    terminal.print(`"${name}" may be a binary file.  See it anyway? `);
    const yes = /^[yY]$/.test(yield* terminal.key());
    terminal.print("\r\x1b[K");
    return yes;
  });
}

function* page(c: Command, s: Settings, names: readonly string[]): Proc<number> {
  let first: Document | undefined;
  let index = 0;
  for (; index < names.length && first === undefined; index++) {
    const opened = yield* openDocument(c, names[index] as string);
    if (typeof opened === "string") yield* c.eprint(`${opened}\n`);
    else first = opened;
  }
  if (first === undefined) return 1;
  if (c.voice === "gnu" && (yield* isBinary(c, first.name)) && !(yield* seeAnyway(c, first.name))) return 0;
  // Keys come from the terminal even where the text comes from a pipe.
  let keys = 0;
  if (!(yield* isatty(c.sys, 0))) keys = yield* open(c.sys, "/dev/tty", O_RDWR | O_CLOEXEC);
  const terminal = new Terminal(c.sys, keys, 1);
  if (s.onePage && (yield* printIfShort(c, s, first, terminal))) return 0;
  const pager = new Pager(c, terminal, s, first, names, (i) => openDocument(c, names[i] as string));
  yield* withTerminal(terminal, !s.noInit, function* () {
    yield* pager.run(s.start);
    const { rows } = yield* terminal.size();
    terminal.print(`\x1b[${rows};1H\x1b[K`);
  });
  return 0;
}

export const less: Executable = {
  name: "less",
  main: command({ help: text }, main),
  paths: ["/usr/bin/less"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 198960,
  applet: "/usr/bin/less",
};

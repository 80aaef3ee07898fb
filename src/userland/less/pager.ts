/** The commands of less(1) 590 on a terminal. The text is a Document, what is shown of it a View. */

import { Errno } from "../../abi/errno.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import { type Regex, RegexError, regcomp } from "../libc/regex.ts";
import { execvp } from "../libc/unistd.ts";
import type { Key, Terminal } from "../tui/terminal.ts";
import { Document, needOrKey } from "./document.ts";
import { type Position, View, type ViewOptions } from "./view.ts";

export interface PagerOptions extends ViewOptions {
  /** -i, -I. */
  ignoreCase: "no" | "smart" | "always";
  quitAtEnd: "no" | "second" | "first";
  /** -m, -M. */
  prompt: "short" | "medium" | "long";
  highlight: boolean;
}

/** Opens a file for the pager; a string is the message why not. */
export type Opener = (index: number) => Proc<Document | string>;

const HELP = `  h  H              This help.
  q  :q  Q  ZZ      Exit.

  e  ^E  j  ^N  CR  Forward one line (or N lines).
  y  ^Y  k  ^K  ^P  Backward one line (or N lines).
  f  ^F  ^V  SPACE  Forward one window.
  b  ^B             Backward one window.
  d  ^D             Forward half a window.
  u  ^U             Backward half a window.
  RIGHT  LEFT       Half a window to the right or left (with -S).
  F                 Forward forever, like tail -f; ^C ends it.
  g  <              To the first line (or line N).
  G  >              To the last line (or line N).
  p  %              To the beginning (or N per cent into the file).
  m<letter>         Mark this place.      '<letter>  Go to a mark.

  /pattern          Search forward.       ?pattern   Search backward.
  n  N              Repeat the search forward, or in the other direction.
  ESC-u             Toggle the highlighting of matches.

  :n  :p  :x        Next, previous, first file.
  =  ^G             What is shown of which file.
  -<letter>         Toggle an option: -i -I -N -S -R -M.
  !command          Run a shell command.
  v                 Edit the file with $VISUAL, $EDITOR or vi.
`;

export class Pager {
  private readonly view: View;
  private document: Document;
  private fileIndex = 0;
  private count = "";
  private message: string | undefined;
  private direction: 1 | -1 = 1;
  private invert = false;
  private regex: Regex | undefined;
  private readonly marks = new Map<string, Position>();
  private previous: Position = { line: 0, row: 0 };
  private firstPrompt = true;
  private endSeen = 0;
  private half = 0;
  /** q was typed while input was waited for. */
  private quits = false;

  constructor(
    private readonly c: Command,
    private readonly terminal: Terminal,
    private readonly options: PagerOptions,
    first: Document,
    private readonly names: readonly string[],
    private readonly opener: Opener,
  ) {
    this.document = first;
    this.view = new View(first.lines, options);
  }

  /** Runs until the user quits. `start` are the keys of `+command`. */
  *run(start: string): Proc<void> {
    yield* this.measure();
    yield* this.need(1);
    this.terminal.unread(start);
    while (!this.quits) {
      yield* this.draw();
      if (this.options.quitAtEnd !== "no" && this.atEnd()) {
        this.endSeen++;
        if (this.options.quitAtEnd === "first" || this.endSeen > 1) return;
      }
      const key = yield* this.terminal.key(-1, this.screenIsFull() ? undefined : this.document.fd);
      if (key === "<input>") {
        yield* this.document.readSome();
        continue;
      }
      this.message = undefined;
      this.firstPrompt = false;
      if (yield* this.command(key)) return;
    }
  }

  private screenIsFull(): boolean {
    return this.document.lines.length > this.view.top.line + this.view.rows;
  }

  /** Waits for lines; ^C gives it up, q leaves. */
  private *need(count: number): Proc<void> {
    const early: Key[] = [];
    for (;;) {
      const key = yield* needOrKey(this.terminal, this.document, count);
      if (key === undefined || key === "\x03") break;
      if (key === "<resize>") yield* this.measure();
      else if (key === "q" || key === "Q" || key === "<hangup>") {
        this.quits = true;
        break;
      } else early.push(key);
    }
    this.terminal.requeue(early);
  }

  private *measure(): Proc<void> {
    const { rows, cols } = yield* this.terminal.size();
    this.view.rows = Math.max(1, rows - 1);
    this.view.cols = cols;
    const fits = this.view.rowsOf(this.view.top.line).length;
    if (this.view.top.row >= fits) this.view.top = { line: this.view.top.line, row: Math.max(0, fits - 1) };
  }

  private atEnd(): boolean {
    return this.document.complete && this.view.screen().atEnd;
  }

  private *draw(): Proc<void> {
    this.view.search = this.options.highlight ? this.regex : undefined;
    const { rows } = this.view.screen();
    const prompt = this.promptLine();
    this.terminal.paint(rows);
    // Whatever was asked there: the prompt's line is always drawn anew.
    this.terminal.print(`\x1b[${rows.length + 1};1H\x1b[K${prompt}`);
    yield* this.terminal.flush();
  }

  private promptLine(): string {
    const reverse = (text: string): string => `\x1b[7m${text}\x1b[27m`;
    if (this.message !== undefined) return reverse(this.message);
    if (this.count !== "") return `:${this.count}`;
    const end = this.atEnd();
    const more = this.fileIndex + 1 < this.names.length ? ` - Next: ${this.names[this.fileIndex + 1]}` : "";
    if (this.options.prompt === "long" || (this.options.prompt === "medium" && !this.firstPrompt)) {
      const name = this.options.prompt === "long" ? `${this.document.name} ` : "";
      const { bottomLine } = this.view.screen();
      const lines = this.options.prompt === "long" ? `lines ${this.view.top.line + 1}-${bottomLine + 1}` : "";
      const total = this.document.complete && lines !== "" ? `/${this.document.lines.length}` : "";
      const percent = end ? `(END)${more}` : this.percent() === undefined ? "" : `${this.percent()}%`;
      return reverse(`${name}${lines}${total} ${percent}`.trim());
    }
    if (this.firstPrompt && this.document.name !== "-") {
      const file = this.names.length > 1 ? ` (file ${this.fileIndex + 1} of ${this.names.length})` : "";
      return reverse(`${this.names.length === 1 ? this.names[0] : this.document.name}${file}${end ? ` (END)${more}` : ""}`);
    }
    return end ? reverse(`(END)${more}`) : ":";
  }

  private percent(): number | undefined {
    if (!this.document.complete) return undefined;
    const { bottomLine } = this.view.screen();
    return this.document.lines.length === 0 ? 100 : Math.floor(((bottomLine + 1) / this.document.lines.length) * 100);
  }

  /** Obeys a key; true to quit. */
  private *command(key: Key): Proc<boolean> {
    if (/^[0-9]$/.test(key)) {
      this.count += key;
      return false;
    }
    const given = this.count === "" ? undefined : Number(this.count);
    this.count = "";
    const n = given ?? 1;
    const { view } = this;
    switch (key) {
      case "q":
      case "Q":
      case "<hangup>":
        return true;
      case "Z":
        return (yield* this.terminal.key()) === "Z";
      case "<resize>":
        yield* this.measure();
        return false;
      case " ":
      case "f":
      case "\x06":
      case "\x16":
      case "<pagedown>":
        yield* this.forward(given ?? view.rows);
        return false;
      case "b":
      case "\x02":
      case "<pageup>":
        view.top = view.backward(view.top, given ?? view.rows);
        return false;
      case "d":
      case "\x04":
        this.half = given ?? this.half;
        yield* this.forward(this.half || Math.floor((view.rows + 1) / 2));
        return false;
      case "u":
      case "\x15":
        this.half = given ?? this.half;
        view.top = view.backward(view.top, this.half || Math.floor((view.rows + 1) / 2));
        return false;
      case "j":
      case "e":
      case "\x05":
      case "\x0e":
      case "\r":
      case "\n":
      case "<down>":
        yield* this.forward(n);
        return false;
      case "k":
      case "y":
      case "\x19":
      case "\x0b":
      case "\x10":
      case "<up>":
        view.top = view.backward(view.top, n);
        return false;
      case "g":
      case "<":
      case "<home>":
        yield* this.goto(n - 1);
        return false;
      case "G":
      case ">":
      case "<end>":
        if (given !== undefined) yield* this.goto(given - 1);
        else yield* this.toEnd();
        return false;
      case "p":
      case "%":
        yield* this.readAll();
        yield* this.goto(Math.floor(((given ?? 0) / 100) * view.lines.length));
        return false;
      case "<right>":
        view.shift += given ?? Math.floor(view.cols / 2);
        this.options.chop = true;
        return false;
      case "<left>":
        view.shift = Math.max(0, view.shift - (given ?? Math.floor(view.cols / 2)));
        return false;
      case "F":
        yield* this.follow();
        return false;
    }
    return yield* this.otherCommand(key, n);
  }

  private *otherCommand(key: Key, n: number): Proc<boolean> {
    switch (key) {
      case "/":
      case "?": {
        const pattern = yield* this.ask(key);
        if (pattern !== undefined) yield* this.startSearch(pattern, key === "/" ? 1 : -1, n);
        return false;
      }
      case "n":
      case "N":
        yield* this.search(key === "n" ? this.direction : this.direction === 1 ? -1 : 1, n, false);
        return false;
      case "m": {
        const letter = yield* this.letter("mark: ");
        if (letter !== undefined) this.marks.set(letter, this.view.top);
        return false;
      }
      case "'": {
        const letter = yield* this.letter("goto mark: ");
        const place = letter === "'" ? this.previous : letter === "^" ? { line: 0, row: 0 } : this.marks.get(letter ?? "");
        if (letter === "$") yield* this.toEnd();
        else if (place !== undefined) this.jump(place);
        else if (letter !== undefined) this.message = "Mark not set";
        return false;
      }
      case ":":
        return yield* this.colon();
      case "=":
      case "\x07":
        this.message = this.info();
        return false;
      case "-": {
        const letter = yield* this.letter("-");
        if (letter !== undefined) this.toggle(letter);
        return false;
      }
      case "!": {
        const line = yield* this.ask("!");
        if (line !== undefined) yield* this.shell(["sh", "-c", line], "!done  (press RETURN)");
        return false;
      }
      case "v": {
        const editor = this.c.env.get("VISUAL") ?? this.c.env.get("EDITOR") ?? "vi";
        if (this.document.name === "-") this.message = "Cannot edit standard input";
        else yield* this.shell([editor, `+${this.view.top.line + 1}`, this.document.name], undefined);
        return false;
      }
      case "h":
      case "H":
        yield* this.help();
        return false;
      case "\x1a":
        yield* this.terminal.suspend();
        yield* this.measure();
        return false;
      case "\x1b":
        if ((yield* this.terminal.key(200)) === "u") this.options.highlight = !this.options.highlight;
        return false;
      case "r":
      case "R":
      case "\x0c":
        this.terminal.repaint();
        return false;
      case "<timeout>":
      case "<input>":
      case "<unknown>":
      case "\x03":
        return false;
      default:
        this.terminal.print("\x07");
        return false;
    }
  }

  /** Moves forward, at most so far that the last line is at the bottom. */
  private *forward(rows: number): Proc<void> {
    const { view } = this;
    yield* this.need(view.top.line + rows + view.rows + 1);
    const target = view.forward(view.top, rows);
    const last = view.lastTop();
    const beyond = (p: Position): boolean => p.line > last.line || (p.line === last.line && p.row > last.row);
    if (target !== undefined && !beyond(target)) view.top = target;
    else if (!beyond(view.top)) {
      if (view.top.line === last.line && view.top.row === last.row) this.terminal.print("\x07");
      view.top = last;
    }
  }

  private jump(to: Position): void {
    this.previous = this.view.top;
    this.view.top = to;
  }

  private *goto(line: number): Proc<void> {
    yield* this.need(line + this.view.rows + 1);
    const last = this.view.lastTop();
    const most = this.document.complete ? Math.max(0, this.view.lines.length - 1) : line;
    const target = Math.max(0, Math.min(line, most));
    // Line numbers beyond the last screen show the last screen.
    this.jump(this.document.complete && target > last.line ? last : { line: target, row: 0 });
  }

  private *toEnd(): Proc<void> {
    yield* this.readAll();
    this.jump(this.view.lastTop());
  }

  /** Reads the rest; any key stops it. */
  private *readAll(): Proc<void> {
    let told = false;
    while (!this.document.complete) {
      if ((yield* this.terminal.key(-1, this.document.fd)) !== "<input>") return;
      yield* this.document.readSome();
      if (!told && this.document.bytes > 1 << 20) {
        told = true;
        this.terminal.print("\r\x1b[K\x1b[7mCalculating line numbers... (interrupt to abort)\x1b[27m");
        yield* this.terminal.flush();
      }
      yield* this.c.sys.spend(20_000);
    }
  }

  /** `F`: shows what is appended, until a key. */
  private *follow(): Proc<void> {
    yield* this.readAll();
    for (;;) {
      this.view.top = this.view.lastTop();
      this.message = "Waiting for data... (^X or interrupt to abort)";
      yield* this.draw();
      const before = this.document.lines.length;
      const key = yield* this.terminal.key(1000, this.document.fd);
      if (key === "<input>") yield* this.document.readSome();
      else if (key === "<timeout>") yield* this.reload();
      else {
        this.message = undefined;
        if (key === "<resize>") {
          yield* this.measure();
          continue;
        }
        return;
      }
      if (this.document.lines.length < before) this.view.top = { line: 0, row: 0 };
    }
  }

  /** A regular file that grew is read again. */
  private *reload(): Proc<void> {
    if (this.document.name === "-" || !this.document.complete) return;
    const again = yield* this.opener(this.fileIndex);
    if (typeof again === "string") return;
    yield* again.need(Number.POSITIVE_INFINITY);
    this.document = again;
    this.view.lines = again.lines;
  }

  /** A line typed at the bottom; undefined where it was given up. */
  private *ask(prompt: string): Proc<string | undefined> {
    let text = "";
    for (;;) {
      const { rows } = yield* this.terminal.size();
      this.terminal.print(`\x1b[${rows};1H\x1b[K${prompt}${text}`);
      const key = yield* this.terminal.key();
      if (key === "\r" || key === "\n") return text;
      if (key === "\x1b" || key === "\x03" || key === "<hangup>") return undefined;
      if (key === "\x7f" || key === "\b") {
        if (text === "") return undefined;
        text = Array.from(text).slice(0, -1).join("");
      } else if (key === "\x15") text = "";
      else if (key === "\x17") text = text.replace(/\S*\s*$/, "");
      else if (!key.startsWith("<") || key === "<") text += key;
    }
  }

  private *letter(prompt: string): Proc<string | undefined> {
    const { rows } = yield* this.terminal.size();
    this.terminal.print(`\x1b[${rows};1H\x1b[K${prompt}`);
    const key = yield* this.terminal.key();
    return key.length === 1 && key >= " " ? key : undefined;
  }

  private *startSearch(text: string, direction: 1 | -1, n: number): Proc<void> {
    this.direction = direction;
    if (text !== "") {
      this.invert = text.startsWith("!");
      const pattern = this.invert ? text.slice(1) : text;
      const icase = this.options.ignoreCase === "always" || (this.options.ignoreCase === "smart" && pattern === pattern.toLowerCase());
      try {
        this.regex = regcomp(pattern, { extended: true, icase });
      } catch (e) {
        if (!(e instanceof RegexError)) throw e;
        this.message = `${e.message}  (press RETURN)`;
        return;
      }
    }
    yield* this.search(direction, n, true);
  }

  private *search(direction: 1 | -1, n: number, first: boolean): Proc<void> {
    const { view, regex } = this;
    if (regex === undefined) {
      this.message = "No previous regular expression  (press RETURN)";
      return;
    }
    let line = view.top.line;
    for (let left = n; left > 0; left--) {
      let found: number | undefined;
      // A first search forward looks at the top line as well, a repeated one begins behind it.
      let from = direction === 1 ? (first && left === n ? line : line + 1) : line - 1;
      for (;;) {
        found = view.findLine(regex, from, direction, this.invert);
        yield* this.c.sys.spend(Math.abs((found ?? view.lines.length) - from) * 300);
        if (found !== undefined || direction === -1 || this.document.complete) break;
        from = view.lines.length;
        yield* this.need(from + 1);
        if (view.lines.length === from && !this.document.complete) return;
      }
      if (found === undefined) {
        this.message = "Pattern not found  (press RETURN)";
        return;
      }
      line = found;
    }
    yield* this.need(line + view.rows + 1);
    this.jump({ line, row: 0 });
  }

  private *colon(): Proc<boolean> {
    const letter = yield* this.letter(":");
    if (letter === "q" || letter === "Q") return true;
    if (letter === "n") yield* this.open(this.fileIndex + 1, "No next file");
    else if (letter === "p") yield* this.open(this.fileIndex - 1, "No previous file");
    else if (letter === "x") yield* this.open(0, "No first file");
    else if (letter === "f") this.message = this.info();
    else this.terminal.print("\x07");
    return false;
  }

  private *open(index: number, otherwise: string): Proc<void> {
    if (index < 0 || index >= this.names.length) {
      this.message = otherwise;
      return;
    }
    const opened = yield* this.opener(index);
    if (typeof opened === "string") {
      this.message = `${opened}  (press RETURN)`;
      return;
    }
    this.fileIndex = index;
    this.document = opened;
    this.view.lines = opened.lines;
    this.view.top = { line: 0, row: 0 };
    this.marks.clear();
    this.firstPrompt = true;
    this.endSeen = 0;
    yield* this.need(1);
  }

  private info(): string {
    const { bottomLine } = this.view.screen();
    const file = this.names.length > 1 ? ` (file ${this.fileIndex + 1} of ${this.names.length})` : "";
    const total = this.document.complete ? `/${this.document.lines.length}` : "";
    const percent = this.percent() === undefined ? "" : ` ${this.percent()}%`;
    const name = this.document.name === "-" ? "(standard input)" : this.document.name;
    return `${name}${file} lines ${this.view.top.line + 1}-${bottomLine + 1}${total}${percent}  (press RETURN)`;
  }

  private toggle(letter: string): void {
    const o = this.options;
    if (letter === "S") {
      o.chop = !o.chop;
      this.view.shift = 0;
      this.message = o.chop ? "Chop long lines  (press RETURN)" : "Fold long lines  (press RETURN)";
    } else if (letter === "N") {
      o.numbers = !o.numbers;
      this.message = o.numbers ? "Constantly display line numbers  (press RETURN)" : "Don't use line numbers  (press RETURN)";
    } else if (letter === "i" || letter === "I") {
      const on = letter === "i" ? "smart" : "always";
      o.ignoreCase = o.ignoreCase === on ? "no" : on;
      this.message = o.ignoreCase === "no" ? "Case is significant in searches  (press RETURN)" : "Ignore case in searches  (press RETURN)";
    } else if (letter === "R") {
      o.colors = !o.colors;
      this.message = o.colors ? "Display ANSI sequences directly  (press RETURN)" : "Display control characters as ^X  (press RETURN)";
    } else if (letter === "M") {
      o.prompt = o.prompt === "long" ? "short" : "long";
    } else this.message = `There is no -${letter} option ("less --help" for help)  (press RETURN)`;
  }

  private *help(): Proc<void> {
    const text = new Document("HELP", undefined, undefined);
    text.lines.push(...HELP.trimEnd().split("\n"));
    const help = new Pager(this.c, this.terminal, { ...this.options, numbers: false }, text, ["HELP -- Press q when done"], this.opener);
    yield* help.run("");
    this.terminal.repaint();
  }

  /** Runs a command on the terminal as it was. */
  private *shell(argv: readonly string[], done: string | undefined): Proc<void> {
    const { sys } = this.c;
    yield* this.terminal.leave();
    const env: Env = new Map(this.c.env);
    const { c } = this;
    const pid = yield* sys.fork(function* () {
      try {
        yield* execvp(sys, argv[0] ?? "", argv, env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(argv[0] ?? "", e);
      }
      return 127;
    });
    yield* sys.wait4(pid, 0);
    if (done !== undefined) {
      yield* this.terminal.enter(false);
      this.terminal.print(`\r\n\x1b[7m${done}\x1b[27m`);
      yield* this.terminal.key();
    }
    yield* this.terminal.enter(true);
  }
}

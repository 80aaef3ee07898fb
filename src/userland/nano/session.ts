/** nano(1) 7.2 on a terminal: its keys, prompts and messages. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import type { Command } from "../libc/command.ts";
import { writeAll } from "../libc/stdio.ts";
import { open, readFile, stat } from "../libc/unistd.ts";
import type { Key, Terminal } from "../tui/terminal.ts";
import { bodyRows, centered, columnOf, pageStart, placeAt, type Shortcut, shortcutRows, titleRow } from "./screen.ts";
import { Text } from "./text.ts";

/** Files larger than this are not opened. */
const MAX_BYTES = 64 << 20;

const MAIN: readonly Shortcut[] = [
  ["^G", "Help"],
  ["^X", "Exit"],
  ["^O", "Write Out"],
  ["^R", "Read File"],
  ["^W", "Where Is"],
  ["^\\", "Replace"],
  ["^K", "Cut"],
  ["^U", "Paste"],
  ["M-U", "Undo"],
  ["M-E", "Redo"],
  ["^C", "Location"],
  ["^/", "Go To Line"],
];
const CANCEL: readonly Shortcut[] = [
  ["^G", "Help"],
  ["^C", "Cancel"],
];

const HELP = ` Main nano help text

 This editor emulates the look and ease of use of Pico. The top line shows the file
 that is edited and whether it was modified, the bottom lines the most used shortcuts.
 ^ is the Ctrl key; M- is the Alt key, or Esc pressed before.

 ^G      Display this help text
 ^X      Close the file / Exit from nano
 ^O      Write the file to disk
 ^R      Insert another file into this one
 ^W      Search                       M-W     Search again
 ^\\      Replace
 ^K      Cut the line                 ^U      Paste
 M-6     Copy the line                M-U M-E Undo, redo
 ^C      Tell where the cursor is     ^/      Go to a line
 ^A ^E   Beginning, end of the line   M-\\ M-/ First, last line
 ^Y ^V   One screenful up, down       ^D      Delete the character
 ^Left ^Right   One word back, forward`;

/** Keys that move or change, by name of what they do. */
const ALIASES: Readonly<Record<string, string>> = {
  "\x02": "<left>",
  "\x06": "<right>",
  "\x10": "<up>",
  "\x0e": "<down>",
  "\x01": "<home>",
  "\x05": "<end>",
  "\x19": "<pageup>",
  "\x16": "<pagedown>",
  "\x04": "<delete>",
  "\b": "\x7f",
};

export class Session {
  private readonly text = new Text();
  private name = "";
  private message = "";
  private top = 0;
  private readonly = false;
  private lastSearch = "";
  private wanted: number | undefined;
  private done = false;

  constructor(
    private readonly c: Command,
    private readonly terminal: Terminal,
  ) {}

  /** Runs until the user leaves. `line` and `col` count from 1. */
  *run(file: string | undefined, line: number, col: number, readonly: boolean): Proc<number> {
    this.readonly = readonly;
    if (file === undefined) this.message = "Welcome to nano.  For basic help, type Ctrl+G.";
    else yield* this.load(file);
    this.text.move(line - 1, col - 1);
    while (!this.done) {
      if (!(yield* this.terminal.typed())) yield* this.draw();
      const key = yield* this.terminal.key();
      if (key === "<hangup>") return 1;
      if (key !== "<resize>") this.message = "";
      yield* this.obey(key);
      yield* this.c.sys.spend(20_000);
    }
    return 0;
  }

  private *draw(prompt?: { readonly text: string; readonly cursor: number; readonly shortcuts: readonly Shortcut[] }): Proc<void> {
    const { rows, cols } = yield* this.terminal.size();
    const height = Math.max(1, rows - 4);
    const { line, col } = this.text.cursor;
    // The cursor comes back into the middle of the window, as in nano without smooth scrolling by lines.
    if (line < this.top) this.top = line;
    else if (line >= this.top + height) this.top = line - height + 1;
    const [first, second] = shortcutRows(prompt?.shortcuts ?? MAIN, cols);
    const status =
      prompt !== undefined
        ? `\x1b[7m${prompt.text.slice(0, cols).padEnd(cols)}\x1b[27m`
        : this.message === ""
          ? ""
          : centered(this.message, cols);
    this.terminal.paint([
      titleRow(this.name || "New Buffer", this.text.modified, cols),
      ...bodyRows(this.text, this.top, height, cols),
      status,
      first,
      second,
    ]);
    const column = columnOf(this.text.line(), col);
    const shown = column - pageStart(column, cols);
    const at = prompt === undefined ? [line - this.top + 2, shown + 1] : [height + 2, prompt.cursor + 1];
    this.terminal.print(`\x1b[${at[0]};${at[1]}H`);
    yield* this.terminal.flush();
  }

  private *load(file: string): Proc<void> {
    try {
      const st = yield* stat(this.c.sys, file);
      if (isDir(st.mode)) this.message = `"${file}" is a directory`;
      else if (!isReg(st.mode)) this.message = `"${file}" is not a normal file`;
      else if (st.size > MAX_BYTES) this.message = "Nano is out of memory!";
      else {
        this.name = file;
        this.text.load(decodeUtf8(yield* readFile(this.c.sys, file)));
        const lines = this.text.lineCount;
        this.message = `Read ${lines} line${lines === 1 ? "" : "s"}`;
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.name = file;
      this.message = e === ENOENT ? "New File" : `Error reading ${file}: ${e.message}`;
    }
  }

  private *obey(typed: Key): Proc<void> {
    const key = ALIASES[typed] ?? typed;
    const { text } = this;
    if (key !== "<up>" && key !== "<down>" && !key.startsWith("<page")) this.wanted = undefined;
    if (key === "\x1b") return yield* this.meta(yield* this.terminal.key());
    if (key === "\r" || key === "\n") text.newline();
    else if (key === "\x7f") text.backspace();
    else if (key === "<delete>") text.delete();
    else if (key === "\x0b") text.cut();
    else if (key === "\x15") {
      if (!text.paste()) this.message = "Cutbuffer is empty";
    } else if (key === "\t" || (key >= " " && !/^<.+>$/.test(key))) text.insert(key);
    else {
      text.moved();
      yield* this.command(key);
    }
  }

  private *command(key: Key): Proc<void> {
    const { text } = this;
    const { line } = text.cursor;
    switch (key) {
      case "<left>":
        return text.left();
      case "<right>":
        return text.right();
      case "<ctrl-left>":
        return text.word(-1);
      case "<ctrl-right>":
        return text.word(1);
      case "<home>":
        return text.move(line, 0);
      case "<end>":
        return text.move(line, text.line().length);
      case "<up>":
        return this.vertical(-1);
      case "<down>":
        return this.vertical(1);
      case "<pageup>":
        return this.vertical(-(yield* this.page()));
      case "<pagedown>":
        return this.vertical(yield* this.page());
      case "\x18":
        return yield* this.exit();
      case "\x0f":
        yield* this.writeOut();
        return;
      case "\x12":
        return yield* this.readFile();
      case "\x17":
        return yield* this.whereIs();
      case "\x1c":
        return yield* this.replace();
      case "\x1f":
        return yield* this.gotoLine();
      case "\x03":
        this.message = this.location();
        return;
      case "\x07":
        return yield* this.help();
      case "\x0c":
        return this.terminal.repaint();
      case "\x1a":
        this.message = "To suspend, type ^T^Z";
        return;
      case "\x14":
        // Of what ^T runs only the suspension is here.
        if ((yield* this.terminal.key()) === "\x1a") yield* this.terminal.suspend();
        return;
      case "<resize>":
      case "<unknown>":
        return;
      default:
        this.message = key < " " ? `Unbound key: ^${String.fromCharCode(key.charCodeAt(0) + 64)}` : "Unknown sequence";
    }
  }

  private *meta(key: Key): Proc<void> {
    const { text } = this;
    if (key === "6") return text.copy();
    text.moved();
    if (key === "u" || key === "U") {
      const undone = text.undo();
      this.message = undone === undefined ? "Nothing to undo" : `Undid ${undone}`;
    } else if (key === "e" || key === "E") {
      const redone = text.redo();
      this.message = redone === undefined ? "Nothing to redo" : `Redid ${redone}`;
    } else if (key === "w" || key === "W") {
      if (this.lastSearch === "") this.message = "No current search pattern";
      else this.search(this.lastSearch);
    } else if (key === "\\" || key === "|") text.move(0, 0);
    else if (key === "/" || key === "?") text.move(text.lines.length - 1, text.line(text.lines.length - 1).length);
    else if (key === "g" || key === "G") yield* this.gotoLine();
    else this.message = `Unbound key: M-${key.toUpperCase()}`;
  }

  private *page(): Proc<number> {
    return Math.max(1, (yield* this.terminal.size()).rows - 6);
  }

  private vertical(by: number): void {
    const { text } = this;
    const { line, col } = text.cursor;
    this.wanted ??= columnOf(text.line(), col);
    const target = Math.max(0, Math.min(text.lines.length - 1, line + by));
    text.move(target, placeAt(text.line(target), this.wanted));
  }

  /** A line typed in the status line; undefined if it was cancelled. */
  private *ask(question: string, initial: string, shortcuts = CANCEL): Proc<string | undefined> {
    let answer = initial;
    for (;;) {
      const text = `${question}: ${answer}`;
      yield* this.draw({ text, cursor: text.length, shortcuts });
      const key = yield* this.terminal.key();
      if (key === "\r" || key === "\n") return answer;
      if (key === "\x03" || key === "<hangup>") {
        this.message = "Cancelled";
        return undefined;
      }
      if (key === "\x7f" || key === "\b") answer = Array.from(answer).slice(0, -1).join("");
      else if (key === "\x0b" || key === "\x15") answer = "";
      else if (!/^<.+>$/.test(key) && key >= " ") answer += key;
    }
  }

  /** Yes, no, all; undefined if it was cancelled. */
  private *confirm(question: string, withAll = false): Proc<"y" | "n" | "a" | undefined> {
    const shortcuts: Shortcut[] = [[" Y", "Yes"], [" N", "No"], withAll ? [" A", "All"] : ["", ""], ["^C", "Cancel"]];
    for (;;) {
      yield* this.draw({ text: question, cursor: question.length + 1, shortcuts });
      const key = (yield* this.terminal.key()).toLowerCase();
      if (key === "y" || key === "n" || (key === "a" && withAll)) return key;
      if (key === "\x03" || key === "<hangup>") {
        this.message = "Cancelled";
        return undefined;
      }
    }
  }

  private *exit(): Proc<void> {
    if (!this.text.modified) {
      this.done = true;
      return;
    }
    const answer = yield* this.confirm("Save modified buffer? ");
    if (answer === "n") this.done = true;
    else if (answer === "y" && (yield* this.writeOut())) this.done = true;
  }

  /** Asks for the name and writes; whether it was written. */
  private *writeOut(): Proc<boolean> {
    if (this.readonly) {
      this.message = "Key is invalid in view mode";
      return false;
    }
    const name = yield* this.ask("File Name to Write", this.name);
    if (name === undefined || name === "") {
      this.message = "Cancelled";
      return false;
    }
    try {
      if (name !== this.name && (yield* this.exists(name)) && (yield* this.confirm(`File "${name}" exists; OVERWRITE? `)) !== "y") {
        this.message = "Cancelled";
        return false;
      }
      const fd = yield* open(this.c.sys, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
      yield* writeAll(this.c.sys, fd, encodeUtf8(this.text.content));
      yield* this.c.sys.close(fd);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.message = `Error writing ${name}: ${e.message}`;
      return false;
    }
    this.name = name;
    this.text.modified = false;
    const lines = this.text.lineCount;
    this.message = `Wrote ${lines} line${lines === 1 ? "" : "s"}`;
    return true;
  }

  private *exists(name: string): Proc<boolean> {
    try {
      yield* stat(this.c.sys, name);
      return true;
    } catch (e) {
      if (e === ENOENT) return false;
      throw e;
    }
  }

  private *readFile(): Proc<void> {
    const name = yield* this.ask("File to insert [from ./]", "");
    if (name === undefined || name === "") return;
    try {
      const st = yield* stat(this.c.sys, name);
      if (isDir(st.mode)) this.message = `"${name}" is a directory`;
      else if (!isReg(st.mode) || st.size > MAX_BYTES) this.message = `"${name}" is not a normal file`;
      else {
        const content = decodeUtf8(yield* readFile(this.c.sys, name));
        this.text.insertBlock(content);
        const lines = content.split("\n").length - (content.endsWith("\n") ? 1 : 0);
        this.message = `Read ${lines} line${lines === 1 ? "" : "s"}`;
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.message = e === ENOENT ? `File "${name}" not found` : `Error reading ${name}: ${e.message}`;
    }
  }

  private *whereIs(): Proc<void> {
    const hint = this.lastSearch === "" ? "" : ` [${this.lastSearch}]`;
    const wanted = yield* this.ask(`Search${hint}`, "");
    if (wanted === undefined) return;
    if (wanted === "" && this.lastSearch === "") {
      this.message = "Cancelled";
      return;
    }
    this.search(wanted || this.lastSearch);
  }

  private search(wanted: string): boolean {
    this.lastSearch = wanted;
    const found = this.text.find(wanted);
    if (found === undefined) {
      this.message = `"${wanted}" not found`;
      return false;
    }
    const same = found.at.line === this.text.cursor.line && found.at.col === this.text.cursor.col;
    if (same) this.message = "This is the only occurrence";
    else if (found.wrapped) this.message = "Search Wrapped";
    this.text.cursor = found.at;
    return true;
  }

  private *replace(): Proc<void> {
    const hint = this.lastSearch === "" ? "" : ` [${this.lastSearch}]`;
    const wanted = (yield* this.ask(`Search (to replace)${hint}`, "")) ?? "";
    const needle = wanted || this.lastSearch;
    if (this.message === "Cancelled" || needle === "") return;
    const replacement = yield* this.ask("Replace with", "");
    if (replacement === undefined) return;
    this.lastSearch = needle;
    const { text } = this;
    const start = text.cursor;
    let count = 0;
    let all = false;
    // What stands at the cursor counts too: the search begins just before it.
    if (text.cursor.col > 0) text.left();
    else if (text.line().toLowerCase().startsWith(needle.toLowerCase())) text.cursor = { line: start.line, col: -1 };
    for (let found = text.find(needle); found !== undefined && !found.wrapped; found = text.find(needle)) {
      text.cursor = found.at;
      const answer = all ? "y" : yield* this.confirm("Replace this instance?", true);
      if (answer === undefined) break;
      if (answer === "a") all = true;
      if (answer === "n") continue;
      text.replaceHere(needle.length, replacement);
      count++;
      // find() looks behind the cursor: one back, so that adjoining matches are not missed.
      text.cursor = { line: text.cursor.line, col: text.cursor.col - 1 };
    }
    text.move(text.cursor.line, Math.max(0, text.cursor.col + (count > 0 ? 1 : 0)));
    if (count === 0) {
      text.cursor = start;
      if (this.message === "") this.message = `"${needle}" not found`;
    } else this.message = `Replaced ${count} occurrence${count === 1 ? "" : "s"}`;
  }

  private *gotoLine(): Proc<void> {
    const answer = yield* this.ask("Enter line number, column number", "");
    if (answer === undefined) return;
    const match = /^\s*(-?[0-9]+)?\s*(?:[,.;:\s]\s*([0-9]+))?\s*$/.exec(answer);
    if (match === null || answer.trim() === "") {
      this.message = answer.trim() === "" ? "Cancelled" : "Invalid line or column number";
      return;
    }
    const { text } = this;
    const number = match[1] === undefined ? text.cursor.line + 1 : Number(match[1]);
    const line = number < 0 ? text.lines.length + number : number - 1;
    const column = match[2] === undefined ? columnOf(text.line(), text.cursor.col) : Number(match[2]) - 1;
    const target = Math.max(0, Math.min(text.lines.length - 1, line));
    text.move(target, placeAt(text.line(target), column));
  }

  private location(): string {
    const { text } = this;
    const { line, col } = text.cursor;
    const column = columnOf(text.line(), col) + 1;
    const columns = columnOf(text.line(), text.line().length) + 1;
    let before = col;
    for (let i = 0; i < line; i++) before += text.line(i).length + 1;
    const total = text.lines.reduce((sum, l) => sum + l.length + 1, -1);
    const percent = (part: number, whole: number): number => (whole === 0 ? 0 : Math.floor((part * 100) / whole));
    const width = `${text.lines.length}`.length + 1;
    return `line ${`${line + 1}`.padStart(width)}/${text.lines.length} (${percent(line + 1, text.lines.length)}%), col ${`${column}`.padStart(2)}/${`${columns}`.padStart(2)} (${`${percent(column, columns)}`.padStart(3)}%), char ${before}/${total} (${percent(before, total)}%)`;
  }

  private *help(): Proc<void> {
    const { rows, cols } = yield* this.terminal.size();
    const lines = HELP.split("\n").slice(0, rows - 3);
    while (lines.length < rows - 3) lines.push("");
    const [first, second] = shortcutRows([["^X", "Close"]], cols);
    this.terminal.paint([titleRow("Main nano help text", false, cols), ...lines.map((line) => line.slice(0, cols)), first, second]);
    for (let key = yield* this.terminal.key(); key !== "\x18" && key !== "q" && key !== "<hangup>"; ) key = yield* this.terminal.key();
  }
}

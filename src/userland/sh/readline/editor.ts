/**
 * The line editor: readline(3) with its emacs keys. Puts the terminal in raw mode while a line is edited, draws the line
 * over as many rows as it needs, and knows history, search, kill ring and completion. Left out: vi mode, key bindings of one's own, undo.
 */

import { EINTR, EIO, Errno } from "../../../abi/errno.ts";
import { ECHO, ICANON, ICRNL, IEXTEN, INLCR, ISIG, IXON, type Termios, VMIN, VTIME } from "../../../abi/termios.ts";
import type { Proc } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { writeAll } from "../../libc/stdio.ts";
import { wcswidth } from "../../libc/wcwidth.ts";
import { attend } from "../run.ts";
import type { Shell } from "../shell.ts";
import { commonPrefix, findCompletion, quoteName } from "./completion.ts";
import { type Key, KeyReader } from "./keys.ts";
import { inColumns, locate, show, splitPrompt } from "./screen.ts";

export type LineResult = { readonly kind: "line"; readonly text: string } | { readonly kind: "end" } | { readonly kind: "interrupted" };

/** More candidates than this are listed only after a question. */
const ASK_ABOVE = 100;

export class Editor {
  private chars: string[] = [];
  private cursor = 0;
  private promptBytes = "";
  private promptVisible = "";
  private cols = 80;
  /** Row of the cursor, counted from the prompt's. */
  private row = 0;
  private killRing: string[] = [];
  private lastWasKill = false;
  private lastWasTab = false;
  /** For M-. : how many lines back the last argument was taken from, and its length. */
  private yankArgument: { back: number; length: number } | undefined;
  private historyAt = 0;
  private draft = "";
  /** Edited history lines of this session of readLine. */
  private edited = new Map<number, string>();
  private cooked: Termios | undefined;
  private readonly keys: KeyReader;

  constructor(
    private readonly sh: Shell,
    private readonly fd: number,
  ) {
    this.keys = new KeyReader(sh.sys, fd);
  }

  /** Reads one line. Blocks. */
  *readLine(prompt: string): Proc<LineResult> {
    this.chars = [];
    this.cursor = 0;
    this.row = 0;
    this.historyAt = this.sh.history.entries.length;
    this.draft = "";
    this.edited.clear();
    this.lastWasKill = false;
    this.lastWasTab = false;
    yield* this.prepare();
    try {
      const at = prompt.lastIndexOf("\n");
      if (at >= 0) yield* this.out(splitPrompt(prompt.slice(0, at + 1)).bytes);
      const last = splitPrompt(prompt.slice(at + 1));
      this.promptBytes = last.bytes;
      this.promptVisible = last.visible;
      yield* this.out(`\x1b[?2004h${this.promptBytes}`);
      return yield* this.edit();
    } finally {
      yield* this.restore();
    }
  }

  private *edit(): Proc<LineResult> {
    for (;;) {
      let key: Key;
      try {
        key = yield* this.keys.next();
      } catch (e) {
        if (e === EINTR) {
          if (this.sh.interrupted) {
            this.sh.interrupted = false;
            yield* this.out("^C\n\x1b[?2004l\r");
            return { kind: "interrupted" };
          }
          if (this.sh.pendingTraps.length > 0) yield* this.runTraps();
          if (this.sh.resized) {
            this.sh.resized = false;
            yield* this.resize();
          }
          continue;
        }
        if (e === EIO) return { kind: "end" };
        throw e;
      }
      if (key.kind === "end") return key;
      const done = yield* this.handle(key);
      if (done !== undefined) return done;
    }
  }

  private *runTraps(): Proc<void> {
    yield* this.restore();
    yield* attend(this.sh);
    yield* this.prepare();
    yield* this.redraw();
  }

  // ── The terminal ───────────────────────────────────────────────────────────────────────────────────────────────────

  private *out(text: string): Proc<void> {
    yield* writeAll(this.sh.sys, 2, encodeUtf8(text));
  }

  private *prepare(): Proc<void> {
    const { sys } = this.sh;
    this.cooked = yield* sys.ioctl(this.fd, "TCGETS");
    const cc = [...this.cooked.cc];
    cc[VMIN] = 1;
    cc[VTIME] = 0;
    const raw: Termios = {
      ...this.cooked,
      cc,
      iflag: this.cooked.iflag & ~(ICRNL | INLCR | IXON),
      lflag: (this.cooked.lflag & ~(ICANON | ECHO | IEXTEN)) | ISIG,
    };
    yield* sys.ioctl(this.fd, "TCSETSW", raw);
    yield* this.measure();
  }

  private *measure(): Proc<void> {
    try {
      const size = yield* this.sh.sys.ioctl(this.fd, "TIOCGWINSZ");
      this.cols = size.cols > 0 ? size.cols : 80;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }

  private *restore(): Proc<void> {
    if (this.cooked === undefined) return;
    const modes = this.cooked;
    this.cooked = undefined;
    try {
      yield* this.sh.sys.ioctl(this.fd, "TCSETSW", modes);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }

  private *resize(): Proc<void> {
    yield* this.measure();
    yield* this.redraw();
  }

  /** Draws everything anew from the prompt's row. */
  private *redraw(): Proc<void> {
    const up = this.row > 0 ? `\x1b[${this.row}A` : "";
    yield* this.out(`\r${up}\x1b[J${this.promptBytes}${this.chars.map(show).join("")}`);
    yield* this.placeCursor();
  }

  /** After the line was written to its end: goes to the cursor. */
  private *placeCursor(): Proc<void> {
    const end = locate(this.promptVisible, this.chars, this.chars.length, this.cols);
    const here = locate(this.promptVisible, this.chars, this.cursor, this.cols);
    let move = "";
    // At the right margin the terminal waits with wrapping until something is printed.
    if (end.col === 0 && end.row > 0 && this.chars[this.chars.length - 1] !== "\n") move += "\n";
    if (end.row > here.row) move += `\x1b[${end.row - here.row}A`;
    move += `\r${here.col > 0 ? `\x1b[${here.col}C` : ""}`;
    this.row = here.row;
    yield* this.out(this.cursor === this.chars.length && move === `\r${here.col > 0 ? `\x1b[${here.col}C` : ""}` ? "" : move);
  }

  private *moveTo(cursor: number): Proc<void> {
    const to = Math.max(0, Math.min(this.chars.length, cursor));
    const from = locate(this.promptVisible, this.chars, this.cursor, this.cols);
    const there = locate(this.promptVisible, this.chars, to, this.cols);
    this.cursor = to;
    this.row = there.row;
    if (there.row === from.row && Math.abs(there.col - from.col) <= 4) {
      const by = there.col - from.col;
      yield* this.out(by < 0 ? "\b".repeat(-by) : by > 0 ? `\x1b[${by}C` : "");
      return;
    }
    const rows = there.row - from.row;
    yield* this.out(`${rows < 0 ? `\x1b[${-rows}A` : rows > 0 ? `\x1b[${rows}B` : ""}\r${there.col > 0 ? `\x1b[${there.col}C` : ""}`);
  }

  // ── Keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Acts on a key; the result when the line is finished. */
  private *handle(key: Key): Proc<LineResult | undefined> {
    if (key.kind === "end") return key;
    const wasKill = this.lastWasKill;
    const wasTab = this.lastWasTab;
    const yank = this.yankArgument;
    this.lastWasKill = false;
    this.lastWasTab = false;
    this.yankArgument = undefined;
    if (key.kind === "text") {
      yield* this.insert(key.text);
      return undefined;
    }
    if (key.kind === "paste") {
      yield* this.insert(key.text.replace(/\r\n?/g, "\n"));
      return undefined;
    }
    switch (key.name) {
      case "enter":
        return yield* this.accept();
      case "C-d":
        if (this.chars.length === 0) {
          yield* this.out("\x1b[?2004l\r");
          return { kind: "end" };
        }
        yield* this.remove(this.cursor, this.cursor + 1);
        return undefined;
      case "delete":
        yield* this.remove(this.cursor, this.cursor + 1);
        return undefined;
      case "backspace":
        yield* this.remove(this.cursor - 1, this.cursor);
        return undefined;
      case "left":
      case "C-b":
        yield* this.moveTo(this.cursor - 1);
        return undefined;
      case "right":
      case "C-f":
        yield* this.moveTo(this.cursor + 1);
        return undefined;
      case "home":
      case "C-a":
        yield* this.moveTo(0);
        return undefined;
      case "end":
      case "C-e":
        yield* this.moveTo(this.chars.length);
        return undefined;
      case "up":
      case "C-p":
        yield* this.recall(this.historyAt - 1);
        return undefined;
      case "down":
      case "C-n":
        yield* this.recall(this.historyAt + 1);
        return undefined;
      case "M-<":
        yield* this.recall(0);
        return undefined;
      case "M->":
        yield* this.recall(this.sh.history.entries.length);
        return undefined;
      case "M-b":
      case "C-left":
        yield* this.moveTo(this.wordBack(this.cursor));
        return undefined;
      case "M-f":
      case "C-right":
        yield* this.moveTo(this.wordForward(this.cursor));
        return undefined;
      case "tab":
        yield* this.complete(wasTab);
        this.lastWasTab = true;
        return undefined;
      case "C-l":
        yield* this.out("\x1b[H\x1b[2J");
        this.row = 0;
        yield* this.redraw();
        return undefined;
      case "C-r":
        return yield* this.search();
      case "M-.":
      case "M-_":
        yield* this.lastArgument(yank);
        return undefined;
      default:
        yield* this.handleKill(key.name, wasKill);
        return undefined;
    }
  }

  private *handleKill(name: string, wasKill: boolean): Proc<void> {
    const { cursor } = this;
    switch (name) {
      case "C-k":
        return yield* this.kill(cursor, this.chars.length, wasKill, false);
      case "C-u":
        return yield* this.kill(0, cursor, wasKill, true);
      case "C-w":
        return yield* this.kill(this.blankWordBack(cursor), cursor, wasKill, true);
      case "M-backspace":
        return yield* this.kill(this.wordBack(cursor), cursor, wasKill, true);
      case "M-d":
        return yield* this.kill(cursor, this.wordForward(cursor), wasKill, false);
      case "C-y":
        return yield* this.insert(this.killRing[this.killRing.length - 1] ?? "");
      case "C-t":
        return yield* this.transpose();
      case "M-u":
      case "M-l":
      case "M-c":
        return yield* this.changeCase(name);
      case "C-v":
      case "C-q": {
        const next = yield* this.keys.literal();
        return yield* this.insert(next);
      }
      case "M-#": {
        this.chars.unshift("#");
        this.cursor++;
        return yield* this.redraw();
      }
      default:
        return undefined;
    }
  }

  private *insert(text: string): Proc<void> {
    if (text === "") return;
    const added = [...text];
    const atEnd = this.cursor === this.chars.length;
    this.chars.splice(this.cursor, 0, ...added);
    this.cursor += added.length;
    if (!atEnd || text.includes("\n") || text.includes("\t")) {
      if (atEnd) {
        yield* this.redraw();
        return;
      }
      yield* this.redrawFrom(this.cursor - added.length);
      return;
    }
    yield* this.out(added.map(show).join(""));
    yield* this.placeCursor();
  }

  /** Writes the line from a place on, clears what was behind it, and goes back to the cursor. */
  private *redrawFrom(from: number): Proc<void> {
    yield* this.out(`${this.chars.slice(from).map(show).join("")}\x1b[K`);
    yield* this.placeCursor();
  }

  private *remove(from: number, to: number): Proc<void> {
    if (from < 0 || to > this.chars.length || from >= to) return;
    yield* this.moveTo(from);
    this.chars.splice(from, to - from);
    yield* this.out(`${this.chars.slice(from).map(show).join("")}\x1b[J`);
    yield* this.placeCursor();
  }

  private *kill(from: number, to: number, append: boolean, before: boolean): Proc<void> {
    this.lastWasKill = true;
    if (from >= to) return;
    const text = this.chars.slice(from, to).join("");
    const top = append ? (this.killRing.pop() ?? "") : "";
    this.killRing.push(before ? text + top : top + text);
    if (this.killRing.length > 10) this.killRing.shift();
    yield* this.remove(from, to);
  }

  private *transpose(): Proc<void> {
    if (this.cursor === 0 || this.chars.length < 2) return;
    const at = this.cursor === this.chars.length ? this.cursor - 1 : this.cursor;
    const a = this.chars[at - 1] as string;
    this.chars[at - 1] = this.chars[at] as string;
    this.chars[at] = a;
    this.cursor = at + 1;
    yield* this.redraw();
  }

  private *changeCase(name: string): Proc<void> {
    const end = this.wordForward(this.cursor);
    let first = true;
    for (let i = this.cursor; i < end; i++) {
      const c = this.chars[i] as string;
      const isWord = /[\p{L}\p{N}]/u.test(c);
      this.chars[i] = name === "M-u" || (name === "M-c" && first) ? c.toUpperCase() : c.toLowerCase();
      if (isWord) first = false;
    }
    this.cursor = end;
    yield* this.redraw();
  }

  private isWord(i: number): boolean {
    return /[\p{L}\p{N}]/u.test(this.chars[i] ?? "");
  }

  private wordBack(from: number): number {
    let i = from;
    while (i > 0 && !this.isWord(i - 1)) i--;
    while (i > 0 && this.isWord(i - 1)) i--;
    return i;
  }

  private wordForward(from: number): number {
    let i = from;
    while (i < this.chars.length && !this.isWord(i)) i++;
    while (i < this.chars.length && this.isWord(i)) i++;
    return i;
  }

  private blankWordBack(from: number): number {
    let i = from;
    while (i > 0 && /\s/.test(this.chars[i - 1] as string)) i--;
    while (i > 0 && !/\s/.test(this.chars[i - 1] as string)) i--;
    return i;
  }

  private *accept(): Proc<LineResult> {
    yield* this.moveTo(this.chars.length);
    yield* this.out("\n\x1b[?2004l\r");
    return { kind: "line", text: this.chars.join("") };
  }

  // ── History ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *setLine(text: string): Proc<void> {
    this.chars = [...text];
    this.cursor = this.chars.length;
    yield* this.redraw();
  }

  private *recall(to: number): Proc<void> {
    const { entries } = this.sh.history;
    if (to < 0 || to > entries.length || to === this.historyAt) {
      if (to < 0 || to > entries.length) yield* this.out("\x07");
      return;
    }
    const text = this.chars.join("");
    if (this.historyAt === entries.length) this.draft = text;
    else this.edited.set(this.historyAt, text);
    this.historyAt = to;
    yield* this.setLine(to === entries.length ? this.draft : (this.edited.get(to) ?? (entries[to] as string)));
  }

  private *lastArgument(previous: { back: number; length: number } | undefined): Proc<void> {
    const { entries } = this.sh.history;
    const back = (previous?.back ?? 0) + 1;
    const line = entries[entries.length - back];
    if (line === undefined) {
      yield* this.out("\x07");
      this.yankArgument = previous;
      return;
    }
    if (previous !== undefined) yield* this.remove(this.cursor - previous.length, this.cursor);
    const word = /(?:\\.|'[^']*'|"[^"]*"|[^\s'"\\])+\s*$/.exec(line)?.[0].trimEnd() ?? "";
    yield* this.insert(word);
    this.yankArgument = { back, length: [...word].length };
  }

  /** ^R: searches backwards as one types. */
  private *search(): Proc<LineResult | undefined> {
    const { entries } = this.sh.history;
    const saved = { chars: this.chars, cursor: this.cursor, bytes: this.promptBytes, visible: this.promptVisible };
    let query = "";
    let at = entries.length;
    let failed = false;
    const draw = function* (self: Editor): Proc<void> {
      const prompt = `(${failed ? "failed " : ""}reverse-i-search)\`${query}': `;
      self.promptBytes = prompt;
      self.promptVisible = prompt;
      yield* self.redraw();
    };
    const look = (from: number): void => {
      for (let i = Math.min(from, entries.length - 1); i >= 0; i--) {
        const found = (entries[i] as string).lastIndexOf(query);
        if (found < 0) continue;
        at = i;
        this.chars = [...(entries[i] as string)];
        this.cursor = [...(entries[i] as string).slice(0, found)].length;
        failed = false;
        return;
      }
      failed = true;
    };
    yield* draw(this);
    for (;;) {
      let key: Key;
      try {
        key = yield* this.keys.next();
      } catch (e) {
        if (e !== EINTR) throw e;
        key = { kind: "key", name: "C-g" };
        this.sh.interrupted = false;
      }
      if (key.kind === "text") {
        query += key.text;
        look(at);
      } else if (key.kind === "key" && key.name === "C-r") {
        if (query !== "") look(at - 1);
      } else if (key.kind === "key" && key.name === "backspace") {
        query = [...query].slice(0, -1).join("");
        at = entries.length;
        if (query !== "") look(at);
      } else {
        const abort = key.kind === "key" && key.name === "C-g";
        if (abort) {
          this.chars = saved.chars;
          this.cursor = saved.cursor;
        } else if (at < entries.length) this.historyAt = at;
        this.promptBytes = saved.bytes;
        this.promptVisible = saved.visible;
        yield* this.redraw();
        if (abort || (key.kind === "key" && key.name === "escape")) return undefined;
        return yield* this.handle(key);
      }
      yield* draw(this);
    }
  }

  // ── Completion ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private *complete(again: boolean): Proc<void> {
    const before = this.chars.slice(0, this.cursor).join("");
    const c = yield* findCompletion(this.sh, before);
    if (c.candidates.length === 0) {
      yield* this.out("\x07");
      return;
    }
    const prefix = commonPrefix(c.candidates);
    const typed = [...before.slice(c.start)];
    const quoted = c.quote + (c.files ? quoteName(prefix, c.quote) : prefix);
    if (c.candidates.length === 1) {
      const isDirectory = prefix.endsWith("/");
      yield* this.replaceWord(typed.length, quoted + (isDirectory ? "" : c.quote + c.suffix));
      return;
    }
    if (quoted !== typed.join("") && quoted.length >= typed.length) {
      yield* this.replaceWord(typed.length, quoted);
      return;
    }
    if (!again) {
      yield* this.out("\x07");
      return;
    }
    yield* this.list(c.shown);
  }

  private *replaceWord(length: number, text: string): Proc<void> {
    const now = this.chars.slice(this.cursor - length, this.cursor).join("");
    if (text.startsWith(now)) {
      yield* this.insert(text.slice(now.length));
      return;
    }
    yield* this.remove(this.cursor - length, this.cursor);
    yield* this.insert(text);
  }

  private *list(names: readonly string[]): Proc<void> {
    const { cursor } = this;
    yield* this.moveTo(this.chars.length);
    yield* this.out("\n");
    if (names.length > ASK_ABOVE) {
      yield* this.out(`Display all ${names.length} possibilities? (y or n)`);
      for (;;) {
        const key = yield* this.keys.next();
        if (key.kind === "text" && /^[yY ]$/.test(key.text)) break;
        if (key.kind === "end" || (key.kind === "text" && /^[nN]$/.test(key.text)) || (key.kind === "key" && key.name === "backspace")) {
          yield* this.out("\n");
          return yield* this.fresh(cursor);
        }
      }
      yield* this.out("\n");
    }
    yield* this.out(inColumns(names, this.cols, wcswidth));
    yield* this.fresh(cursor);
  }

  /** Shows prompt and line again below what was printed. */
  private *fresh(cursor: number): Proc<void> {
    this.row = 0;
    this.cursor = cursor;
    yield* this.redraw();
  }
}

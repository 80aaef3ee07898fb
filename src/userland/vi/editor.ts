/**
 * vi's state and its normal, insert and visual mode. Pure: keys go in by feed(), what needs the system comes out as effects.
 * The commands are written as one coroutine that asks for the next key, so that they read as they are typed.
 */

import { type Regex, RegexError, regcomp } from "../libc/regex.ts";
import type { Key } from "../tui/terminal.ts";
import { Buffer, type Cursor, charClass, firstNonBlank, nextCol, prevCol } from "./buffer.ts";
import * as motions from "./motions.ts";
import { applyOperator, changeNumber, indentOf, putRegister, toggleCase } from "./operators.ts";

export type Mode = "normal" | "insert" | "replace" | "visual" | "visual-line" | "command";

export interface Register {
  readonly text: readonly string[];
  readonly linewise: boolean;
}

export interface Options {
  number: boolean;
  ignorecase: boolean;
  smartcase: boolean;
  hlsearch: boolean;
  autoindent: boolean;
  expandtab: boolean;
  list: boolean;
  wrap: boolean;
  wrapscan: boolean;
  tabstop: number;
  shiftwidth: number;
  readonly: boolean;
}

/** What the program must do for the editor. */
export type Effect =
  | { readonly kind: "ex"; readonly line: string; readonly range: { readonly from: number; readonly to: number } | undefined }
  | { readonly kind: "bell" }
  | { readonly kind: "suspend" }
  | { readonly kind: "redraw" };

type Keys<T> = Generator<undefined, T, Key>;

/** What stands between a command's keys and its work. */
export interface Prefix {
  readonly register: string | undefined;
  readonly count: number | undefined;
}

/** Unwinds the command that is being typed. */
class Abort {}

export class Editor {
  readonly buffer = new Buffer();
  mode: Mode = "normal";
  /** The line at the bottom: a message, or the command line as it is typed. */
  message = "";
  commandLine: string | undefined;
  /** Keys of a command that is not complete. */
  pendingKeys = "";
  readonly options: Options = {
    number: false,
    ignorecase: false,
    smartcase: false,
    hlsearch: false,
    autoindent: false,
    expandtab: false,
    list: false,
    wrap: true,
    wrapscan: true,
    tabstop: 8,
    shiftwidth: 8,
    readonly: false,
  };
  readonly registers = new Map<string, Register>();
  readonly marks = new Map<string, Cursor>();
  /** Where a visual selection began. */
  anchor: Cursor = { line: 0, col: 0 };
  search: Regex | undefined;
  searchDirection: 1 | -1 = 1;
  /** :nohlsearch until the next search. */
  highlightOff = false;
  /** First line of the window, and its height; the program keeps them. */
  top = 0;
  height = 23;
  recordingName: string | undefined;
  private lastPattern = "";
  private wantedCol: number | "end" | undefined;
  private lastFind: { readonly ch: string; readonly kind: "f" | "F" | "t" | "T" } | undefined;
  private queue: Key[] = [];
  private effects: Effect[] = [];
  private readonly coroutine: Keys<never>;
  /** Keys of the present command, for `.`. */
  private typed: Key[] = [];
  private lastChange: Key[] = [];
  private changed = false;
  private repeating = false;
  private recorded: Key[] = [];
  private readonly history: string[] = [];

  constructor(private readonly busybox = false) {
    this.coroutine = this.commands();
    this.coroutine.next();
  }

  /** Takes a key as typed. */
  feed(key: Key): void {
    this.coroutine.next(key);
  }

  takeEffects(): Effect[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }

  /** The places between which a visual selection lies, in order. */
  selection(): { readonly from: Cursor; readonly to: Cursor } {
    const { cursor } = this.buffer;
    const before = cursor.line < this.anchor.line || (cursor.line === this.anchor.line && cursor.col < this.anchor.col);
    return before ? { from: cursor, to: this.anchor } : { from: this.anchor, to: cursor };
  }

  bell(): void {
    this.queue = [];
    this.effects.push({ kind: "bell" });
  }

  // ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *key(): Keys<Key> {
    const key = this.queue.shift() ?? (yield* this.typedKey());
    this.typed.push(key);
    return key;
  }

  private *typedKey(): Keys<Key> {
    this.repeating = false;
    const key = yield;
    if (this.recordingName !== undefined) this.recorded.push(key);
    return key;
  }

  private *commands(): Keys<never> {
    for (;;) {
      this.typed = [];
      this.changed = false;
      this.pendingKeys = "";
      try {
        if (this.mode === "visual" || this.mode === "visual-line") yield* this.visualCommand();
        else yield* this.normalCommand();
      } catch (e) {
        if (!(e instanceof Abort)) throw e;
        this.mode = "normal";
        this.bell();
      }
      if (this.changed && !this.repeating) this.lastChange = [...this.typed];
      this.buffer.end();
      this.buffer.clamp();
    }
  }

  /** Marks the present command as a change, for `.`. */
  private change(): void {
    this.changed = true;
  }

  private *prefix(): Keys<{ readonly key: Key; readonly prefix: Prefix }> {
    let register: string | undefined;
    let count = "";
    for (;;) {
      const key = yield* this.key();
      this.pendingKeys += key;
      if (key === '"' && count === "") {
        register = yield* this.key();
        this.pendingKeys += register;
      } else if (/^[1-9]$/.test(key) || (key === "0" && count !== "")) count += key;
      else return { key, prefix: { register, count: count === "" ? undefined : Number(count) } };
    }
  }

  // ── Normal mode ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private *normalCommand(): Keys<void> {
    const { key, prefix } = yield* this.prefix();
    if (key !== "<resize>") this.message = "";
    if ("dcy><=!".includes(key) && key.length === 1 && key !== "!") return yield* this.operator(key, prefix);
    if (yield* this.edit(key, prefix)) return;
    if (yield* this.windowCommand(key, prefix)) return;
    if (key === "g") return yield* this.gCommand(prefix);
    const motion = yield* this.motion(key, prefix.count);
    if (motion === undefined) return this.bell();
    this.moveTo(motion);
  }

  private moveTo(motion: motions.Motion): void {
    this.buffer.cursor = motion.to;
    this.buffer.clamp(this.mode === "visual");
  }

  /** Commands that change the text or enter another mode; false if the key is none. */
  private *edit(key: Key, prefix: Prefix): Keys<boolean> {
    const b = this.buffer;
    const count = prefix.count ?? 1;
    const { line, col } = b.cursor;
    const text = b.line();
    switch (key) {
      case "i":
      case "<insert>":
        yield* this.insert(count);
        return true;
      case "I":
        b.cursor = { line, col: /^[ \t]*/.exec(text)?.[0].length ?? 0 };
        yield* this.insert(count);
        return true;
      case "a":
        b.cursor = { line, col: text === "" ? 0 : nextCol(text, col) };
        yield* this.insert(count);
        return true;
      case "A":
        b.cursor = { line, col: text.length };
        yield* this.insert(count);
        return true;
      case "o":
      case "O": {
        const at = key === "o" ? line + 1 : line;
        const indent = this.options.autoindent ? indentOf(text) : "";
        b.insertLines(at, [indent]);
        b.cursor = { line: at, col: indent.length };
        yield* this.insert(count);
        return true;
      }
      case "R":
        yield* this.replaceMode();
        return true;
      case "x":
      case "<delete>":
      case "X": {
        this.change();
        let from = col;
        let to = col;
        for (let i = 0; i < count; i++) {
          if (key === "X") from = prevCol(text, from);
          else if (to < text.length) to = nextCol(text, to);
        }
        if (from === to) this.bell();
        else this.cut({ line, col: from }, { line, col: to }, prefix.register);
        return true;
      }
      case "s":
        return yield* this.redirect(`${this.registerKeys(prefix)}${count}cl`);
      case "S":
        return yield* this.redirect(`${this.registerKeys(prefix)}${count}cc`);
      case "D":
      case "C":
        return yield* this.redirect(`${this.registerKeys(prefix)}${key.toLowerCase()}${count}$`);
      case "Y":
        return yield* this.redirect(`${this.registerKeys(prefix)}${count}yy`);
      case "p":
      case "P": {
        this.change();
        const register = this.register(prefix.register);
        if (register === undefined) this.bell();
        else putRegister(b, register, key === "p", count);
        return true;
      }
      case "r":
        yield* this.replaceCharacter(count);
        return true;
      case "J":
        this.change();
        this.join(line, Math.max(2, count), true);
        return true;
      case "~":
        this.change();
        toggleCase(b, count);
        return true;
      case "\x01":
      case "\x18":
        this.change();
        if (!changeNumber(b, key === "\x01" ? count : -count)) this.bell();
        return true;
      case "u":
        this.undo(count, () => b.undo(), "Already at oldest change");
        return true;
      case "\x12":
        this.undo(count, () => b.redo(), "Already at newest change");
        return true;
      case ".":
        this.repeat(prefix.count);
        return true;
      case "v":
      case "V":
        this.anchor = b.cursor;
        this.mode = key === "v" ? "visual" : "visual-line";
        return true;
      case "&":
        this.effects.push({ kind: "ex", line: "s", range: undefined });
        return true;
      case "q":
        yield* this.record();
        return true;
      case "@":
        yield* this.play(count);
        return true;
      case "m": {
        const name = yield* this.key();
        if (/^[a-zA-Z'`]$/.test(name)) this.marks.set(name, b.cursor);
        else this.bell();
        return true;
      }
      case "Z": {
        const second = yield* this.key();
        if (second === "Z" || second === "Q") this.effects.push({ kind: "ex", line: second === "Z" ? "x" : "q!", range: undefined });
        else this.bell();
        return true;
      }
      case ":":
        yield* this.exCommand(prefix.count === undefined ? "" : prefix.count === 1 ? "." : `.,.+${prefix.count - 1}`);
        return true;
    }
    return false;
  }

  private registerKeys(prefix: Prefix): string {
    return prefix.register === undefined ? "" : `"${prefix.register}`;
  }

  /** A command that is short for others. */
  private *redirect(keys: string): Keys<boolean> {
    this.queue.unshift(...keys);
    const typed = this.typed;
    this.typed = [];
    const { key, prefix } = yield* this.prefix();
    yield* this.operator(key, prefix);
    // `.` repeats the keys as they were typed, insertions included.
    this.typed = [...typed, ...this.typed.slice(keys.length)];
    return true;
  }

  private undo(count: number, call: () => boolean, none: string): void {
    for (let i = 0; i < count; i++) {
      if (call()) continue;
      this.message = none;
      return;
    }
  }

  private repeat(count: number | undefined): void {
    if (this.lastChange.length === 0) return this.bell();
    const keys = [...this.lastChange];
    if (count !== undefined) {
      while (/^[0-9]$/.test(keys[0] ?? "")) keys.shift();
      keys.unshift(...`${count}`);
    }
    this.repeating = true;
    this.queue.unshift(...keys);
  }

  private *record(): Keys<void> {
    if (this.recordingName !== undefined) {
      // The q that ends it is not part of it.
      this.registers.set(this.recordingName, { text: this.recorded.slice(0, -1).join("").split("\n"), linewise: false });
      this.macros.set(this.recordingName, this.recorded.slice(0, -1));
      this.recordingName = undefined;
      return;
    }
    const name = yield* this.key();
    if (!/^[a-z0-9]$/i.test(name)) return this.bell();
    this.recorded = [];
    this.recordingName = name;
  }

  private readonly macros = new Map<string, readonly Key[]>();
  private lastMacro: string | undefined;

  private *play(count: number): Keys<void> {
    const name = yield* this.key();
    const keys = this.macros.get(name === "@" ? (this.lastMacro ?? "") : name);
    if (keys === undefined) return this.bell();
    if (name !== "@") this.lastMacro = name;
    for (let i = 0; i < count; i++) this.queue.unshift(...keys);
  }

  private *replaceCharacter(count: number): Keys<void> {
    const b = this.buffer;
    const ch = yield* this.key();
    if (ch === "\x1b" || ch.startsWith("<")) return;
    const text = b.line();
    let end = b.cursor.col;
    for (let i = 0; i < count; i++) {
      if (end >= text.length) return this.bell();
      end = nextCol(text, end);
    }
    this.change();
    const { line, col } = b.cursor;
    if (ch === "\r") {
      b.deleteText(b.cursor, { line, col: end });
      b.insertText({ line, col }, ["", ""]);
      b.cursor = { line: line + 1, col: 0 };
      return;
    }
    b.setLine(line, text.slice(0, col) + ch.repeat(count) + text.slice(end));
    b.cursor = { line, col: col + ch.length * (count - 1) };
  }

  /** `J`: lines become one, with a blank between them where it is due. */
  join(from: number, count: number, blanks: boolean): void {
    const b = this.buffer;
    const last = Math.min(from + count - 1, b.lines.length - 1);
    if (last === from) return this.bell();
    let text = b.line(from);
    let col = 0;
    for (let i = from + 1; i <= last; i++) {
      const next = blanks ? b.line(i).trimStart() : b.line(i);
      const gap = !blanks || next === "" || next.startsWith(")") || /[ \t]$/.test(text) || text === "" ? "" : " ";
      col = text.length - (gap === "" && text !== "" ? 1 : 0);
      text += gap + next;
    }
    b.deleteLines(from + 1, last - from);
    b.setLine(from, text);
    b.cursor = { line: from, col: Math.max(0, col) };
  }

  // ── Insert mode ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private *insert(count: number): Keys<void> {
    this.change();
    this.mode = "insert";
    const from = this.typed.length;
    yield* this.insertKeys(false);
    const keys = this.typed.slice(from, -1);
    for (let i = 1; i < count; i++) for (const key of keys) this.insertKey(key, false);
    this.leaveInsert();
  }

  private *replaceMode(): Keys<void> {
    this.change();
    this.mode = "replace";
    yield* this.insertKeys(true);
    this.leaveInsert();
  }

  private leaveInsert(): void {
    const b = this.buffer;
    const text = b.line();
    // Indentation that nothing was typed behind goes away.
    if (this.options.autoindent && /^[ \t]+$/.test(text)) b.setLine(b.cursor.line, "");
    b.cursor = { line: b.cursor.line, col: prevCol(text, b.cursor.col) };
    this.mode = "normal";
    b.clamp();
  }

  private *insertKeys(replace: boolean): Keys<void> {
    for (;;) {
      const key = yield* this.key();
      if (key === "\x1b" || key === "\x03") return;
      if (key === "\x16") {
        const literal = yield* this.key();
        if (!literal.startsWith("<")) this.insertText(literal, replace);
      } else if (key === "\x0f") {
        // ^O: one command, then on.
        const mode = this.mode;
        this.mode = "normal";
        yield* this.normalCommand();
        this.mode = mode;
      } else this.insertKey(key, replace);
    }
  }

  private insertText(text: string, replace: boolean): void {
    const b = this.buffer;
    const { line, col } = b.cursor;
    const old = b.line();
    b.setLine(line, old.slice(0, col) + text + old.slice(replace && col < old.length ? nextCol(old, col) : col));
    b.cursor = { line, col: col + text.length };
  }

  private insertKey(key: Key, replace: boolean): void {
    const b = this.buffer;
    const { line, col } = b.cursor;
    const text = b.line();
    switch (key) {
      case "\r":
      case "\n": {
        const indent = this.options.autoindent ? indentOf(text.slice(0, col)) : "";
        b.insertText(b.cursor, ["", indent]);
        b.cursor = { line: line + 1, col: indent.length };
        return;
      }
      case "\x7f":
      case "\b":
        if (replace) b.cursor = { line, col: prevCol(text, col) };
        else if (col > 0) {
          const at = prevCol(text, col);
          b.setLine(line, text.slice(0, at) + text.slice(col));
          b.cursor = { line, col: at };
        } else if (line > 0) {
          const above = b.line(line - 1);
          b.deleteLines(line, 1);
          b.setLine(line - 1, above + text);
          b.cursor = { line: line - 1, col: above.length };
        }
        return;
      case "<delete>":
        if (col < text.length) b.setLine(line, text.slice(0, col) + text.slice(nextCol(text, col)));
        else if (line + 1 < b.lines.length) this.joinPlain(line);
        return;
      case "\x17": {
        const kept = text.slice(0, col).replace(/([\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]+)?\s*$/u, "");
        b.setLine(line, kept + text.slice(col));
        b.cursor = { line, col: kept.length };
        return;
      }
      case "\x15":
        b.setLine(line, text.slice(col));
        b.cursor = { line, col: 0 };
        return;
      case "\t": {
        const width = this.options.shiftwidth;
        this.insertText(this.options.expandtab ? " ".repeat(width - (col % width)) : "\t", replace);
        return;
      }
      case "<left>":
      case "<right>":
      case "<up>":
      case "<down>":
      case "<home>":
      case "<end>":
      case "<pageup>":
      case "<pagedown>":
        this.insertArrow(key);
        return;
    }
    if (!/^<.+>$/.test(key) && key >= " ") this.insertText(key, replace);
  }

  private joinPlain(line: number): void {
    const b = this.buffer;
    const next = b.line(line + 1);
    b.setLine(line, b.line(line) + next);
    b.deleteLines(line + 1, 1);
  }

  private insertArrow(key: Key): void {
    const b = this.buffer;
    const { line, col } = b.cursor;
    const text = b.line();
    if (key === "<left>") b.cursor = { line, col: prevCol(text, col) };
    else if (key === "<right>") b.cursor = { line, col: Math.min(text.length, nextCol(text, col)) };
    else if (key === "<home>") b.cursor = { line, col: 0 };
    else if (key === "<end>") b.cursor = { line, col: text.length };
    else {
      const rows = key.startsWith("<page") ? this.height - 2 : 1;
      b.cursor = { line: line + (key === "<up>" || key === "<pageup>" ? -rows : rows), col };
    }
    b.clamp(true);
  }

  // ── Operators, visual mode ──────────────────────────────────────────────────────────────────────────────────────────

  private *operator(key: string, prefix: Prefix): Keys<void> {
    const b = this.buffer;
    const start = b.cursor;
    const { key: second, prefix: inner } = yield* this.prefix();
    const count = prefix.count === undefined && inner.count === undefined ? undefined : (prefix.count ?? 1) * (inner.count ?? 1);
    let span: motions.Span | undefined;
    const doubled = second === key || (key.length === 2 && (second === key[1] || second === key));
    if (doubled) {
      const last = Math.min(b.lines.length - 1, start.line + (count ?? 1) - 1);
      if (start.line + (count ?? 1) > b.lines.length && (count ?? 1) > 1 && start.line === b.lines.length - 1) throw new Abort();
      span = { from: { line: start.line, col: 0 }, to: { line: last, col: 0 }, kind: "linewise" };
    } else if (second === "i" || second === "a") {
      span = motions.textObject(b, start, second === "a", yield* this.key(), count ?? 1);
    } else {
      // cw changes the word without the blanks behind it.
      const onWord = charClass(b.line().slice(start.col, nextCol(b.line(), start.col))) !== 0;
      const asEnd = key === "c" && (second === "w" || second === "W") && onWord;
      const motion = asEnd ? this.changeWord(second === "W", count ?? 1) : yield* this.motion(second, count, true);
      if (motion !== undefined) span = this.spanOf(start, motion, second);
    }
    if (span === undefined) throw new Abort();
    if (key !== "y") this.change();
    yield* this.operate(key, span, prefix.register ?? inner.register);
  }

  private changeWord(big: boolean, count: number): motions.Motion {
    const b = this.buffer;
    let at = b.cursor;
    const line = b.line();
    // On the last letter of a word e would go to the next one.
    const kind = charClass(line.slice(at.col, nextCol(line, at.col)), big);
    const next = nextCol(line, at.col);
    let left = count;
    if (next >= line.length || charClass(line.slice(next, nextCol(line, next)), big) !== kind) left--;
    for (; left > 0; left--) at = motions.wordEnd(b, at, big);
    return { to: at, kind: "inclusive" };
  }

  /** From the cursor to where a motion leads, in order, with vi's exceptions. */
  private spanOf(start: Cursor, motion: motions.Motion, key: Key): motions.Span {
    const b = this.buffer;
    const forward = motion.to.line > start.line || (motion.to.line === start.line && motion.to.col >= start.col);
    let [from, to] = forward ? [start, motion.to] : [motion.to, start];
    let { kind } = motion;
    // dw on the last word of a line stays in the line.
    if ((key === "w" || key === "W") && to.line > from.line && /^[ \t]*$/.test(b.line(to.line).slice(0, to.col))) {
      let line = to.line - 1;
      while (line > from.line && b.line(line) === "") line--;
      to = { line, col: b.line(line).length };
    } else if (kind === "exclusive" && to.col === 0 && to.line > from.line) {
      to = { line: to.line - 1, col: b.line(to.line - 1).length };
      if (/^[ \t]*$/.test(b.line(from.line).slice(0, from.col))) kind = "linewise";
    }
    return { from, to, kind };
  }

  private *operate(key: string, span: motions.Span, register: string | undefined): Keys<void> {
    const b = this.buffer;
    const { kind } = span;
    const to = kind === "inclusive" ? { line: span.to.line, col: nextCol(b.line(span.to.line), span.to.col) } : span.to;
    const from = span.from;
    if (key === "d" || key === "c" || key === "y") {
      const text = kind === "linewise" ? b.lines.slice(from.line, to.line + 1) : b.getText(from, to);
      this.store(register, { text, linewise: kind === "linewise" }, key === "y");
    }
    if (key === "y") {
      b.cursor =
        kind === "linewise"
          ? { line: from.line, col: from.line === b.cursor.line ? b.cursor.col : firstNonBlank(b.line(from.line)) }
          : from;
      const lines = to.line - from.line + 1;
      if (lines > 2) this.message = `${lines} lines yanked`;
      return;
    }
    if (key === "d" || key === "c") {
      if (kind !== "linewise") {
        b.deleteText(from, to);
        b.cursor = from;
      } else if (key === "c") {
        const indent = this.options.autoindent ? indentOf(b.line(from.line)) : "";
        b.deleteLines(from.line, to.line - from.line + 1);
        // The one empty line that always stays serves where everything went.
        if (b.lines.length === 1 && b.line(0) === "" && from.line === 0) b.setLine(0, indent);
        else b.insertLines(from.line, [indent]);
        b.cursor = { line: from.line, col: indent.length };
      } else {
        const gone = b.deleteLines(from.line, to.line - from.line + 1);
        const line = Math.min(from.line, b.lines.length - 1);
        b.cursor = { line, col: firstNonBlank(b.line(line)) };
        if (gone.length > 2) this.message = `${gone.length} fewer lines`;
        if (b.lines.length === 1 && b.line(0) === "") this.message = "--No lines in buffer--";
      }
      if (key === "c") {
        b.clamp(true);
        yield* this.insert(1);
      }
      return;
    }
    applyOperator(b, key, { from, to, kind }, this.options);
  }

  private *visualCommand(): Keys<void> {
    const { key, prefix } = yield* this.prefix();
    const b = this.buffer;
    this.message = "";
    if (key === "\x1b" || key === "\x03" || (key === "v" && this.mode === "visual") || (key === "V" && this.mode === "visual-line")) {
      this.mode = "normal";
      return;
    }
    if (key === "v" || key === "V") {
      this.mode = key === "v" ? "visual" : "visual-line";
      return;
    }
    if (key === "o" || key === "O") {
      const { cursor } = b;
      b.cursor = this.anchor;
      this.anchor = cursor;
      return;
    }
    const { from, to } = this.selection();
    const linewise = this.mode === "visual-line";
    const span: motions.Span = { from, to, kind: linewise ? "linewise" : "inclusive" };
    const lines: motions.Span = { ...span, kind: "linewise" };
    this.marks.set("<", from);
    this.marks.set(">", to);
    const leave = (): void => {
      this.mode = "normal";
      b.cursor = from;
      this.change();
    };
    const operators: Readonly<Record<string, readonly [string, motions.Span]>> = {
      d: ["d", span],
      x: ["d", span],
      "<delete>": ["d", span],
      c: ["c", span],
      s: ["c", span],
      y: ["y", span],
      X: ["d", lines],
      D: ["d", lines],
      Y: ["y", lines],
      S: ["c", lines],
      C: ["c", lines],
      R: ["c", lines],
      ">": [">", lines],
      "<": ["<", lines],
      "=": ["=", lines],
      "~": ["g~", span],
      u: ["gu", span],
      U: ["gU", span],
    };
    const operator = operators[key];
    if (operator !== undefined) {
      leave();
      return yield* this.operate(operator[0], operator[1], prefix.register);
    }
    if (key === "J") {
      leave();
      return this.join(from.line, Math.max(2, to.line - from.line + 1), true);
    }
    if (key === "r") {
      const ch = yield* this.key();
      leave();
      return applyOperator(b, `r${ch}`, span, this.options);
    }
    if (key === "p" || key === "P") {
      const register = this.register(prefix.register);
      leave();
      if (register === undefined) return this.bell();
      yield* this.operate("d", span, undefined);
      const atEnd = linewise ? from.line >= b.lines.length : from.col >= b.line(from.line).length;
      return putRegister(b, register, atEnd, 1);
    }
    if (key === ":") {
      this.mode = "normal";
      return yield* this.exCommand("'<,'>");
    }
    if (key === "i" || key === "a") {
      const object = motions.textObject(b, b.cursor, key === "a", yield* this.key(), prefix.count ?? 1);
      if (object === undefined) return this.bell();
      if (object.kind === "linewise") this.mode = "visual-line";
      this.anchor = object.from;
      b.cursor = object.kind === "exclusive" ? { line: object.to.line, col: prevCol(b.line(object.to.line), object.to.col) } : object.to;
      return;
    }
    if (key === "m") {
      this.marks.set(yield* this.key(), b.cursor);
      return;
    }
    if (yield* this.windowCommand(key, prefix)) return;
    const motion = yield* this.motion(key, prefix.count);
    if (motion === undefined) return this.bell();
    this.moveTo(motion);
  }

  private cut(from: Cursor, to: Cursor, register: string | undefined): void {
    const text = this.buffer.deleteText(from, to);
    this.store(register, { text, linewise: false }, false);
    this.buffer.cursor = from;
  }

  /** Puts text into a register: the named one, and the unnamed one with vi's numbered history. */
  private store(name: string | undefined, register: Register, yanked: boolean): void {
    if (name === "_") return;
    if (name !== undefined && /^[A-Z]$/.test(name)) {
      const old = this.registers.get(name.toLowerCase());
      const linewise = register.linewise || (old?.linewise ?? false);
      const text =
        old === undefined
          ? register.text
          : linewise
            ? [...old.text, ...register.text]
            : [...old.text.slice(0, -1), (old.text.at(-1) ?? "") + register.text[0], ...register.text.slice(1)];
      this.registers.set(name.toLowerCase(), { text, linewise });
    } else if (name !== undefined && name !== '"') this.registers.set(name, register);
    else if (yanked) this.registers.set("0", register);
    else if (register.linewise || register.text.length > 1) {
      for (let i = 9; i > 1; i--) {
        const previous = this.registers.get(`${i - 1}`);
        if (previous !== undefined) this.registers.set(`${i}`, previous);
      }
      this.registers.set("1", register);
    } else this.registers.set("-", register);
    this.registers.set('"', register);
  }

  private register(name: string | undefined): Register | undefined {
    return this.registers.get((name ?? '"').toLowerCase());
  }

  // ── Motions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The motion that a key begins; undefined if it leads nowhere. */
  private *motion(key: Key, count: number | undefined, operator = false): Keys<motions.Motion | undefined> {
    const b = this.buffer;
    const n = count ?? 1;
    const { line, col } = b.cursor;
    const text = b.line();
    const keepsColumn = ["j", "k", "<down>", "<up>", "\x0e", "\x10", "\n"].includes(key);
    if (!keepsColumn && key !== "$" && key !== "<end>") this.wantedCol = undefined;
    const repeat = (call: (c: Cursor) => Cursor, kind: motions.Motion["kind"]): motions.Motion => {
      let at = b.cursor;
      for (let i = 0; i < n; i++) at = call(at);
      return { to: at, kind };
    };
    switch (key) {
      case "h":
      case "<left>":
      case "\b":
      case "\x7f": {
        if (col === 0) return undefined;
        return repeat((c) => ({ line: c.line, col: prevCol(text, c.col) }), "exclusive");
      }
      case "l":
      case "<right>":
      case " ": {
        const limit = operator || this.mode === "visual" ? text.length : text === "" ? 0 : prevCol(text, text.length);
        if (col >= limit && !operator) return undefined;
        return repeat((c) => ({ line: c.line, col: Math.min(limit, nextCol(text, c.col)) }), "exclusive");
      }
      case "j":
      case "<down>":
      case "\x0e":
      case "\n":
        return this.vertical(line + n);
      case "k":
      case "<up>":
      case "\x10":
        return this.vertical(line - n);
      case "+":
      case "\r":
        return line + n < b.lines.length ? this.toLine(line + n) : undefined;
      case "-":
        return line - n >= 0 ? this.toLine(line - n) : undefined;
      case "_":
        return line + n - 1 < b.lines.length ? this.toLine(line + n - 1) : undefined;
      case "0":
      case "<home>":
        return { to: { line, col: 0 }, kind: "exclusive" };
      case "^":
        return { to: { line, col: firstNonBlank(text) }, kind: "exclusive" };
      case "$":
      case "<end>": {
        const target = Math.min(line + n - 1, b.lines.length - 1);
        this.wantedCol = "end";
        const end = b.line(target);
        return { to: { line: target, col: end === "" ? 0 : prevCol(end, end.length) }, kind: end === "" ? "exclusive" : "inclusive" };
      }
      case "|":
        return { to: { line, col: Math.min(n - 1, Math.max(0, text.length - 1)) }, kind: "exclusive" };
      case "w":
      case "W":
        if (line === b.lines.length - 1 && col >= prevCol(text, text.length) && !operator) return undefined;
        return repeat((c) => motions.wordForward(b, c, key === "W"), "exclusive");
      case "b":
      case "B":
        return line === 0 && col === 0 ? undefined : repeat((c) => motions.wordBackward(b, c, key === "B"), "exclusive");
      case "e":
      case "E":
        return repeat((c) => motions.wordEnd(b, c, key === "E"), "inclusive");
      case "}":
      case "{":
        return repeat((c) => motions.paragraph(b, c, key === "}" ? 1 : -1), "exclusive");
      case "G":
        return this.jump(this.toLine(Math.min(b.lines.length, count ?? b.lines.length) - 1));
      case "H":
        return this.jump(this.toLine(Math.min(b.lines.length - 1, this.top + n - 1)));
      case "M":
        return this.jump(
          this.toLine(Math.min(b.lines.length - 1, this.top + Math.floor((Math.min(this.height, b.lines.length - this.top) - 1) / 2))),
        );
      case "L":
        return this.jump(this.toLine(Math.max(0, Math.min(b.lines.length, this.top + this.height) - n)));
    }
    return yield* this.searchMotion(key, n, count);
  }

  private *searchMotion(key: Key, n: number, count: number | undefined): Keys<motions.Motion | undefined> {
    const b = this.buffer;
    switch (key) {
      case "f":
      case "F":
      case "t":
      case "T": {
        const ch = yield* this.key();
        if (ch === "\x1b") return undefined;
        this.lastFind = { ch, kind: key };
        return this.charMotion(key, n, false);
      }
      case ";":
        return this.lastFind === undefined ? undefined : this.charMotion(this.lastFind.kind, n, true);
      case ",": {
        if (this.lastFind === undefined) return undefined;
        const { kind } = this.lastFind;
        return this.charMotion(({ f: "F", F: "f", t: "T", T: "t" } as const)[kind], n, true);
      }
      case "%": {
        if (count !== undefined) return this.jump(this.toLine(Math.min(b.lines.length - 1, Math.ceil((count * b.lines.length) / 100) - 1)));
        const to = motions.matchBracket(b, b.cursor);
        return to === undefined ? undefined : this.jump({ to, kind: "inclusive" });
      }
      case "/":
      case "?": {
        const pattern = yield* this.readLine(key);
        if (pattern === undefined) throw new Abort();
        this.searchDirection = key === "/" ? 1 : -1;
        return this.searchFor(pattern.replace(new RegExp(`\\${key}[^\\${key}]*$`), ""), this.searchDirection, n);
      }
      case "n":
      case "N":
        return this.searchFor("", key === "n" ? this.searchDirection : this.searchDirection === 1 ? -1 : 1, n);
      case "*":
      case "#": {
        const line = b.line();
        let start = b.cursor.col;
        while (start < line.length && charClass(line[start] ?? "") !== 1) start++;
        while (start > 0 && charClass(line[start - 1] ?? "") === 1) start--;
        const word = /^[\p{L}\p{N}_]+/u.exec(line.slice(start))?.[0];
        if (word === undefined) {
          this.message = "E348: No string under cursor";
          return undefined;
        }
        this.searchDirection = key === "*" ? 1 : -1;
        b.cursor = { line: b.cursor.line, col: start };
        return this.searchFor(`\\<${word}\\>`, this.searchDirection, n);
      }
      case "'":
      case "`": {
        const name = yield* this.key();
        const mark = name === "'" || name === "`" ? (this.marks.get("'") ?? { line: 0, col: 0 }) : this.marks.get(name);
        if (mark === undefined || mark.line >= b.lines.length) {
          this.message = "E20: Mark not set";
          return undefined;
        }
        return this.jump(key === "'" ? this.toLine(mark.line) : { to: mark, kind: "exclusive" });
      }
      case "g": {
        const second = yield* this.key();
        if (second === "g") return this.jump(this.toLine(Math.min(b.lines.length, n) - 1));
        if (second === "e" || second === "E") return { to: motions.wordEndBackward(b, b.cursor, second === "E"), kind: "inclusive" };
        if (second === "_") {
          const end = b.line().trimEnd();
          return { to: { line: b.cursor.line, col: Math.max(0, end.length - 1) }, kind: "inclusive" };
        }
        return undefined;
      }
    }
    return undefined;
  }

  /** Remembers where a jump began. */
  private jump(motion: motions.Motion): motions.Motion {
    this.marks.set("'", this.buffer.cursor);
    return motion;
  }

  private toLine(line: number): motions.Motion {
    return { to: { line, col: firstNonBlank(this.buffer.line(line)) }, kind: "linewise" };
  }

  private vertical(line: number): motions.Motion | undefined {
    const b = this.buffer;
    const target = Math.max(0, Math.min(b.lines.length - 1, line));
    if (target === b.cursor.line) return undefined;
    this.wantedCol ??= b.cursor.col;
    const text = b.line(target);
    const last = text === "" ? 0 : prevCol(text, text.length);
    return { to: { line: target, col: this.wantedCol === "end" ? last : Math.min(this.wantedCol, last) }, kind: "linewise" };
  }

  private charMotion(kind: "f" | "F" | "t" | "T", n: number, again: boolean): motions.Motion | undefined {
    const to = motions.findChar(this.buffer, this.buffer.cursor, this.lastFind?.ch ?? "", kind, n, again);
    return to === undefined ? undefined : { to, kind: kind === "f" || kind === "t" ? "inclusive" : "exclusive" };
  }

  /** Compiles a pattern as the options say; sets the message if it is none. */
  compile(pattern: string): Regex | undefined {
    const source = pattern === "" ? this.lastPattern : pattern;
    if (source === "") {
      this.message = "E35: No previous regular expression";
      return undefined;
    }
    this.lastPattern = source;
    const explicit = /\\c/.test(source);
    const icase = explicit || (this.options.ignorecase && !(this.options.smartcase && /\p{Lu}/u.test(source)));
    try {
      this.search = regcomp(source.replace(/\\[cC]/g, ""), { icase });
      this.highlightOff = false;
      return this.search;
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      this.message = `E383: Invalid search string: ${source}`;
      return undefined;
    }
  }

  private searchFor(pattern: string, direction: 1 | -1, count: number): motions.Motion | undefined {
    const regex = this.compile(pattern);
    if (regex === undefined) return undefined;
    let at: Cursor | undefined = this.buffer.cursor;
    let wrapped = false;
    for (let i = 0; i < count && at !== undefined; i++) {
      const found: { at: Cursor; wrapped: boolean } | undefined = this.nextMatch(regex, at, direction);
      at = found?.at;
      wrapped ||= found?.wrapped ?? false;
    }
    if (at === undefined) {
      this.message = this.busybox ? `Pattern not found: ${this.lastPattern}` : `E486: Pattern not found: ${this.lastPattern}`;
      return undefined;
    }
    if (wrapped) this.message = direction === 1 ? "search hit BOTTOM, continuing at TOP" : "search hit TOP, continuing at BOTTOM";
    return this.jump({ to: at, kind: "exclusive" });
  }

  private nextMatch(regex: Regex, from: Cursor, direction: 1 | -1): { at: Cursor; wrapped: boolean } | undefined {
    const { lines } = this.buffer;
    for (let i = 0; i <= lines.length; i++) {
      const raw = from.line + direction * i;
      const wrapped = raw < 0 || raw >= lines.length;
      if (wrapped && !this.options.wrapscan) return undefined;
      const line = ((raw % lines.length) + lines.length) % lines.length;
      const starts = matchStarts(regex, lines[line] ?? "");
      const candidates = starts.filter((col) => {
        if (i === 0) return direction === 1 ? col > from.col : col < from.col;
        return i < lines.length || (direction === 1 ? col <= from.col : col >= from.col);
      });
      const col = direction === 1 ? candidates[0] : candidates.at(-1);
      if (col !== undefined) return { at: { line, col }, wrapped };
    }
    return undefined;
  }

  // ── The window ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private *windowCommand(key: Key, prefix: Prefix): Keys<boolean> {
    const b = this.buffer;
    const last = b.lines.length - 1;
    const half = prefix.count ?? Math.max(1, Math.floor(this.height / 2));
    const page = Math.max(1, this.height - 2) * (prefix.count ?? 1);
    const go = (line: number): void => {
      const target = Math.max(0, Math.min(last, line));
      b.cursor = { line: target, col: firstNonBlank(b.line(target)) };
    };
    switch (key) {
      case "\x06":
      case "<pagedown>":
        this.top = Math.min(last, this.top + page);
        go(Math.max(b.cursor.line, this.top));
        return true;
      case "\x02":
      case "<pageup>":
        this.top = Math.max(0, this.top - page);
        go(Math.min(b.cursor.line, this.top + this.height - 1));
        return true;
      case "\x04":
        this.top = Math.min(Math.max(0, last - this.height + 1), this.top + half);
        go(b.cursor.line + half);
        return true;
      case "\x15":
        this.top = Math.max(0, this.top - half);
        go(b.cursor.line - half);
        return true;
      case "\x05":
        this.top = Math.min(last, this.top + (prefix.count ?? 1));
        if (b.cursor.line < this.top) go(this.top);
        return true;
      case "\x19":
        this.top = Math.max(0, this.top - (prefix.count ?? 1));
        if (b.cursor.line >= this.top + this.height) go(this.top + this.height - 1);
        return true;
      case "z": {
        const where = yield* this.key();
        const { line } = b.cursor;
        if (where === "t" || where === "\r") this.top = line;
        else if (where === "z" || where === ".") this.top = Math.max(0, line - Math.floor(this.height / 2));
        else if (where === "b" || where === "-") this.top = Math.max(0, line - this.height + 1);
        else this.bell();
        return true;
      }
      case "\x07":
        this.effects.push({ kind: "ex", line: "f", range: undefined });
        return true;
      case "\x0c":
        this.effects.push({ kind: "redraw" });
        return true;
      case "\x1a":
        this.effects.push({ kind: "suspend" });
        return true;
      case "<resize>":
      case "<timeout>":
      case "<unknown>":
        return true;
      case "\x1b":
      case "\x03":
        if (key === "\x03") this.message = "Type  :qa  and press <Enter> to exit Vim";
        return true;
    }
    return false;
  }

  private *gCommand(prefix: Prefix): Keys<void> {
    const key = yield* this.key();
    const b = this.buffer;
    if (key === "~" || key === "u" || key === "U") return yield* this.operator(`g${key}`, prefix);
    if (key === "J") {
      this.change();
      return this.join(b.cursor.line, Math.max(2, prefix.count ?? 1), false);
    }
    if (key === "v") {
      const from = this.marks.get("<");
      const to = this.marks.get(">");
      if (from === undefined || to === undefined) return this.bell();
      this.anchor = from;
      b.cursor = to;
      this.mode = "visual";
      return;
    }
    if (key === "j" || key === "k") {
      const motion = yield* this.motion(key, prefix.count);
      if (motion !== undefined) this.moveTo(motion);
      return;
    }
    this.queue.unshift(key);
    const motion = yield* this.motion("g", prefix.count);
    if (motion === undefined) return this.bell();
    this.moveTo(motion);
  }

  // ── The command line ────────────────────────────────────────────────────────────────────────────────────────────────

  private *exCommand(range: string): Keys<void> {
    const line = yield* this.readLine(":", range);
    if (line !== undefined && line.trim() !== "") this.effects.push({ kind: "ex", line, range: undefined });
  }

  /** A line typed at the bottom; undefined where it was given up. */
  private *readLine(prompt: string, initial = ""): Keys<string | undefined> {
    const mode = this.mode;
    this.mode = "command";
    let text = initial;
    let at = this.history.length;
    const finish = (result: string | undefined): string | undefined => {
      this.commandLine = undefined;
      this.mode = mode === "visual" || mode === "visual-line" ? mode : "normal";
      if (result !== undefined && result !== "") this.history.push(prompt + result);
      return result;
    };
    for (;;) {
      this.commandLine = prompt + text;
      const key = yield* this.key();
      if (key === "\r" || key === "\n") return finish(text);
      if (key === "\x1b" || key === "\x03") return finish(undefined);
      if (key === "\x7f" || key === "\b") {
        if (text === "") return finish(undefined);
        text = Array.from(text).slice(0, -1).join("");
      } else if (key === "\x15") text = "";
      else if (key === "\x17") text = text.replace(/(\w+|[^\w\s]+)?\s*$/, "");
      else if (key === "<up>" || key === "<down>") {
        const step = key === "<up>" ? -1 : 1;
        let next = at + step;
        while (next >= 0 && next < this.history.length && !this.history[next]?.startsWith(prompt)) next += step;
        if (next >= 0 && next <= this.history.length) {
          at = next;
          text = this.history[at]?.slice(1) ?? "";
        }
      } else if (!/^<.+>$/.test(key)) text += key;
    }
  }
}

/** Where the matches of a line begin. */
export function matchStarts(regex: Regex, line: string): number[] {
  const starts: number[] = [];
  for (let at = 0; at <= line.length; ) {
    const match = regex.exec(line, at);
    if (match === undefined) break;
    starts.push(match.start);
    at = match.start < line.length ? nextCol(line, match.start) : line.length + 1;
    if (match.end > at) at = match.end;
  }
  return starts;
}

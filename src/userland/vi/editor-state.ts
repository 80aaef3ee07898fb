/**
 * What vi's editor is made of, below its commands: text, options, registers, marks, searches, and the keys as they come. Pure.
 * The commands (`editor.ts`) are one coroutine that asks for the next key, so that they read as they are typed.
 */

import { type Regex, RegexError, regcomp } from "../libc/regex.ts";
import type { Key } from "../tui/terminal.ts";
import { Buffer, type Cursor, firstNonBlank, nextCol } from "./buffer.ts";
import type * as motions from "./motions.ts";

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

export type Keys<T> = Generator<undefined, T, Key>;

/** What stands between a command's keys and its work. */
export interface Prefix {
  readonly register: string | undefined;
  readonly count: number | undefined;
}

/** Unwinds the command that is being typed. */
export class Abort {}
export abstract class EditorState {
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
  protected lastPattern = "";
  /** Column of the screen that up and down keep to. */
  protected wantedCol: number | "end" | undefined;
  protected lastFind: { readonly ch: string; readonly kind: "f" | "F" | "t" | "T" } | undefined;
  protected queue: Key[] = [];
  protected effects: Effect[] = [];
  protected readonly coroutine: Keys<never>;
  /** Keys of the present command, for `.`. */
  protected typed: Key[] = [];
  protected lastChange: Key[] = [];
  protected changed = false;
  protected repeating = false;
  protected recorded: Key[] = [];
  protected readonly history: string[] = [];

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

  protected *key(): Keys<Key> {
    const key = this.queue.shift() ?? (yield* this.typedKey());
    this.typed.push(key);
    return key;
  }

  protected *typedKey(): Keys<Key> {
    this.repeating = false;
    const key = yield;
    if (this.recordingName !== undefined) this.recorded.push(key);
    return key;
  }

  /** The coroutine that obeys keys for ever. */
  protected abstract commands(): Keys<never>;

  /** Marks the present command as a change, for `.`. */
  protected change(): void {
    this.changed = true;
  }

  protected *prefix(): Keys<{ readonly key: Key; readonly prefix: Prefix }> {
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
  protected cut(from: Cursor, to: Cursor, register: string | undefined): void {
    const text = this.buffer.deleteText(from, to);
    this.store(register, { text, linewise: false }, false);
    this.buffer.cursor = from;
  }

  /** Puts text into a register: the named one, and the unnamed one with vi's numbered history. */
  protected store(name: string | undefined, register: Register, yanked: boolean): void {
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

  protected register(name: string | undefined): Register | undefined {
    return this.registers.get((name ?? '"').toLowerCase());
  }
  /** Remembers where a jump began. */
  protected jump(motion: motions.Motion): motions.Motion {
    this.marks.set("'", this.buffer.cursor);
    return motion;
  }

  protected toLine(line: number): motions.Motion {
    return { to: { line, col: firstNonBlank(this.buffer.line(line)) }, kind: "linewise" };
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
      this.search = regcomp(toBasic(source), { icase });
      this.highlightOff = false;
      return this.search;
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      this.message = `E383: Invalid search string: ${source}`;
      return undefined;
    }
  }

  protected searchFor(pattern: string, direction: 1 | -1, count: number): motions.Motion | undefined {
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

  protected nextMatch(regex: Regex, from: Cursor, direction: 1 | -1): { at: Cursor; wrapped: boolean } | undefined {
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
  /** A line typed at the bottom; undefined where it was given up. */
  protected *readLine(prompt: string, initial = ""): Keys<string | undefined> {
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

/** vim's way to write a pattern in terms of a basic regular expression: `\\{2}`, `\\=`, `\\t`, `\\d`, `\\%(`. */
function toBasic(pattern: string): string {
  return pattern.replace(/\\\{([^\\}]*)\\?\}|\\%\(|\\([\s\S])/g, (all, repeat: string | undefined, escaped: string | undefined) => {
    if (repeat !== undefined) return `\\{${repeat}\\}`;
    if (escaped === undefined) return "\\(";
    return { c: "", C: "", "=": "\\?", t: "\t", e: "\x1b", d: "[0-9]", D: "[^0-9]", a: "[A-Za-z]", x: "[0-9A-Fa-f]" }[escaped] ?? all;
  });
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

/** vi's commands: normal mode, and what leads to the others. Keys go in by feed(), what needs the system comes out as effects. Pure. */

import type { Key } from "../tui/terminal.ts";
import { nextCol, prevCol } from "./buffer.ts";
import { OperatorEditor } from "./editor-operators.ts";
import { Abort, type Keys, type Prefix } from "./editor-state.ts";
import type * as motions from "./motions.ts";
import { changeNumber, indentOf, putRegister, toggleCase } from "./operators.ts";

export class Editor extends OperatorEditor {
  protected *commands(): Keys<never> {
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
  protected *normalCommand(): Keys<void> {
    const { key, prefix } = yield* this.prefix();
    if (key !== "<resize>") this.message = "";
    if ("dcy><=!".includes(key) && key.length === 1 && key !== "!") return yield* this.operator(key, prefix);
    if ((yield* this.edit(key, prefix)) || (yield* this.windowCommand(key, prefix))) {
      this.wantedCol = undefined;
      return;
    }
    if (key === "g") return yield* this.gCommand(prefix);
    const motion = yield* this.motion(key, prefix.count);
    if (motion === undefined) return this.bell();
    this.moveTo(motion);
  }

  protected moveTo(motion: motions.Motion): void {
    this.buffer.cursor = motion.to;
    this.buffer.clamp(this.mode === "visual");
  }

  /** Commands that change the text or enter another mode; false if the key is none. */
  protected *edit(key: Key, prefix: Prefix): Keys<boolean> {
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
        yield* this.insert(count, true);
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

  protected registerKeys(prefix: Prefix): string {
    return prefix.register === undefined ? "" : `"${prefix.register}`;
  }

  /** A command that is short for others. */
  protected *redirect(keys: string): Keys<boolean> {
    this.queue.unshift(...keys);
    const typed = this.typed;
    this.typed = [];
    const { key, prefix } = yield* this.prefix();
    yield* this.operator(key, prefix);
    // `.` repeats the keys as they were typed, insertions included.
    this.typed = [...typed, ...this.typed.slice(keys.length)];
    return true;
  }

  protected undo(count: number, call: () => boolean, none: string): void {
    for (let i = 0; i < count; i++) {
      if (call()) continue;
      this.message = none;
      return;
    }
  }

  protected repeat(count: number | undefined): void {
    if (this.lastChange.length === 0) {
      this.bell();
      return;
    }
    const keys = [...this.lastChange];
    if (count !== undefined) {
      while (/^[0-9]$/.test(keys[0] ?? "")) keys.shift();
      keys.unshift(...`${count}`);
    }
    this.repeating = true;
    this.queue.unshift(...keys);
  }

  protected *record(): Keys<void> {
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

  protected readonly macros = new Map<string, readonly Key[]>();
  protected lastMacro: string | undefined;

  protected *play(count: number): Keys<void> {
    const name = yield* this.key();
    const keys = this.macros.get(name === "@" ? (this.lastMacro ?? "") : name);
    if (keys === undefined) return this.bell();
    if (name !== "@") this.lastMacro = name;
    for (let i = 0; i < count; i++) this.queue.unshift(...keys);
  }

  protected *replaceCharacter(count: number): Keys<void> {
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
  protected *gCommand(prefix: Prefix): Keys<void> {
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
  protected *exCommand(range: string): Keys<void> {
    const line = yield* this.readLine(":", range);
    if (line !== undefined && line.trim() !== "") this.effects.push({ kind: "ex", line, range: undefined });
  }
}

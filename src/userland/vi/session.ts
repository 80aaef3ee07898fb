/** vi's dealings with the system: files, shell commands, the terminal. Obeys the effects that the editor asks for. */

import { ENOENT, EISDIR, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_EXCL, O_TRUNC, O_WRONLY, W_OK } from "../../abi/fcntl.ts";
import { isDir, isLnk, isReg } from "../../abi/stat.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import type { Command } from "../libc/command.ts";
import { Input, writeAll } from "../libc/stdio.ts";
import { basename, dirname, execvp, lstat, open, optional, readFile, rename, stat, unlink } from "../libc/unistd.ts";
import type { Terminal } from "../tui/terminal.ts";
import { firstNonBlank } from "./buffer.ts";
import type { Editor } from "./editor.ts";
import type { Effect } from "./editor-state.ts";
import { type ExCommand, ExError, parseEx, runEx } from "./ex.ts";
import { layout } from "./screen.ts";

/** Files larger than this are not opened. */
const MAX_BYTES = 64 << 20;

export class Session {
  private fileIndex = 0;
  private name: string | undefined;
  private lastShell = "";
  /** -R: every file is opened read-only. */
  private forceReadonly = false;
  private done = false;
  /** `:wq` of a file that could not be written must not quit. */
  private status = 0;

  constructor(
    private readonly c: Command,
    private readonly terminal: Terminal,
    private readonly editor: Editor,
    private readonly files: readonly string[],
  ) {}

  private get busybox(): boolean {
    return this.c.voice === "busybox";
  }

  private get label(): string {
    return this.name ?? "No file";
  }

  /** Runs until the user quits; the exit status. */
  *run(commands: readonly string[], readonly: boolean): Proc<number> {
    this.forceReadonly = readonly;
    if (this.files[0] !== undefined) yield* this.load(this.files[0]);
    for (const command of commands) yield* this.obey({ kind: "ex", line: command, range: undefined });
    while (!this.done) {
      // Keys that were pasted are worked off before the screen is drawn.
      if (!(yield* this.terminal.typed())) yield* this.draw();
      const key = yield* this.terminal.key();
      if (key === "<hangup>") return 1;
      this.editor.feed(key);
      yield* this.c.sys.spend(20_000 + this.editor.buffer.lines.length * 20);
      for (let effects = this.editor.takeEffects(); effects.length > 0; effects = this.editor.takeEffects()) {
        for (const effect of effects) yield* this.obey(effect);
      }
    }
    return this.status;
  }

  private *draw(): Proc<void> {
    const { rows, cols } = yield* this.terminal.size();
    const screen = layout(this.editor, Math.max(1, rows - 1), cols, this.label, this.busybox);
    const status = screen.status.replace(/[\x00-\x1f\x7f]/g, (ch) => `^${String.fromCharCode(ch.charCodeAt(0) ^ 64)}`);
    const at = `\x1b[${screen.cursorRow + 1};${screen.cursorCol + 1}H`;
    this.terminal.paint([...screen.rows, status]);
    this.terminal.print(at);
    yield* this.terminal.flush();
  }

  private *obey(effect: Effect): Proc<void> {
    if (effect.kind === "bell") this.terminal.print("\x07");
    else if (effect.kind === "suspend") yield* this.terminal.suspend();
    else if (effect.kind === "redraw") this.terminal.repaint();
    else {
      try {
        yield* this.ex(effect.line);
      } catch (e) {
        if (!(e instanceof ExError)) throw e;
        this.editor.message = e.message;
      }
      this.editor.buffer.end();
      this.editor.buffer.clamp();
    }
  }

  private *ex(line: string): Proc<void> {
    this.editor.message = "";
    const command = parseEx(this.editor, line);
    if (runEx(this.editor, command)) return;
    if (yield* this.fileCommand(command)) return;
    if (command.name === "!") return yield* this.shellCommand(command);
    if (command.name === "sh" || command.name === "shell") return yield* this.shell([this.c.env.get("SHELL") ?? "/bin/sh"], false);
    throw new ExError(this.busybox ? `':${command.name}' is not implemented` : `E492: Not an editor command: ${line}`);
  }

  private unsaved(): ExError {
    return new ExError(this.busybox ? "No write since last change (:q! overrides)" : "E37: No write since last change (add ! to override)");
  }

  private *fileCommand(command: ExCommand): Proc<boolean> {
    const { name, bang, args } = command;
    const { buffer } = this.editor;
    switch (name) {
      case "q":
      case "quit":
      case "qa":
      case "qall":
        if (buffer.modified && !bang) throw this.unsaved();
        this.done = true;
        return true;
      case "cq":
        this.done = true;
        this.status = 1;
        return true;
      case "w":
      case "write":
      case "wq":
      case "x":
      case "xit":
      case "wqa":
      case "wa":
      case "xa":
        if (args.startsWith("!")) {
          yield* this.shell(["sh", "-c", args.slice(1)], true, this.textOf(command));
          return true;
        }
        if (!name.startsWith("x") || buffer.modified || args !== "") yield* this.write(command);
        if (name.includes("q") || name.startsWith("x")) this.done = true;
        return true;
      case "e":
      case "edit":
      case "vi":
      case "visual":
        if (buffer.modified && !bang) throw this.unsaved();
        if (args === "" && this.name === undefined) throw new ExError("E32: No file name");
        yield* this.load(args === "" ? (this.name as string) : args.trim());
        return true;
      case "r":
      case "read":
        yield* this.readInto(command);
        return true;
      case "f":
      case "file":
        if (args !== "") this.name = args.trim();
        this.editor.message = this.about();
        return true;
      case "n":
      case "next":
      case "prev":
      case "previous":
      case "N":
      case "rew":
      case "rewind":
        yield* this.otherFile(name, bang);
        return true;
    }
    return false;
  }

  private about(): string {
    const { buffer } = this.editor;
    const flags = `${buffer.modified ? " [Modified]" : ""}${this.editor.options.readonly ? " [readonly]" : ""}`;
    const percent = Math.floor(((buffer.cursor.line + 1) * 100) / buffer.lines.length);
    const total = buffer.lines.length;
    return `"${this.name ?? "[No Name]"}"${flags} ${total} line${total === 1 ? "" : "s"} --${percent}%--`;
  }

  private *otherFile(name: string, bang: boolean): Proc<void> {
    const index = name.startsWith("rew") ? 0 : this.fileIndex + (name.startsWith("n") ? 1 : -1);
    if (index >= this.files.length) throw new ExError("E165: Cannot go beyond last file");
    if (index < 0) throw new ExError("E164: Cannot go before first file");
    if (this.editor.buffer.modified && !bang) throw this.unsaved();
    this.fileIndex = index;
    yield* this.load(this.files[index] as string);
  }

  private counts(lines: number, bytes: number): string {
    return this.busybox ? `${lines}L, ${bytes}C` : `${lines}L, ${bytes}B`;
  }

  private quoted(name: string): string {
    return this.busybox ? `'${name}'` : `"${name}"`;
  }

  /** Reads a file into the buffer. */
  private *load(name: string): Proc<void> {
    const { editor } = this;
    this.name = name;
    editor.options.readonly = false;
    editor.top = 0;
    try {
      const st = yield* stat(this.c.sys, name);
      if (isDir(st.mode)) {
        editor.buffer.load("");
        editor.message = this.busybox ? `'${name}' is a directory` : `"${name}" is a directory`;
        return;
      }
      if (!isReg(st.mode)) {
        editor.buffer.load("");
        editor.message = `${this.quoted(name)} is not a file`;
        return;
      }
      if (st.size > MAX_BYTES) {
        editor.buffer.load("");
        editor.message = "E342: Out of memory!";
        return;
      }
      const bytes = yield* readFile(this.c.sys, name);
      editor.buffer.load(decodeUtf8(bytes));
      const lines = bytes.length === 0 ? 0 : editor.buffer.lines.length;
      editor.options.readonly = this.forceReadonly || !(yield* this.writable(name));
      const flags = `${editor.buffer.noEol ? " [noeol]" : ""}${editor.options.readonly ? " [readonly]" : ""}`;
      editor.message = `${this.quoted(name)}${flags} ${this.counts(lines, bytes.length)}`;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      editor.buffer.load("");
      editor.message = e === ENOENT ? (this.busybox ? `'${name}' [New file]` : `"${name}" [New]`) : `"${name}" [${e.message}]`;
    }
  }

  private *writable(name: string): Proc<boolean> {
    try {
      yield* this.c.sys.faccessat2(AT_FDCWD, name, W_OK, 0);
      return true;
    } catch (e) {
      if (e instanceof Errno) return false;
      throw e;
    }
  }

  private textOf(command: ExCommand): string {
    const { buffer } = this.editor;
    if (command.range === undefined) return buffer.text;
    return `${buffer.lines.slice(Math.max(0, command.range.from), command.range.to + 1).join("\n")}\n`;
  }

  private *write(command: ExCommand): Proc<void> {
    const { editor } = this;
    const append = command.args.startsWith(">>");
    const given = command.args.replace(/^>>/, "").trim();
    const name = given === "" ? this.name : given;
    if (name === undefined) throw new ExError("E32: No file name");
    const st = yield* optional(stat(this.c.sys, name));
    if (st !== undefined && isDir(st.mode)) throw new ExError(`E17: "${name}" is a directory`);
    if (!command.bang) {
      if (editor.options.readonly && name === this.name) throw new ExError("E45: 'readonly' option is set (add ! to override)");
      if (st !== undefined && !append && name !== this.name) throw new ExError("E13: File exists (add ! to override)");
      if (command.range !== undefined && name === this.name) throw new ExError("E140: Use ! to write partial buffer");
    }
    const text = (append && st !== undefined ? decodeUtf8(yield* readFile(this.c.sys, name)) : "") + this.textOf(command);
    const bytes = encodeUtf8(text);
    try {
      yield* this.save(name, bytes);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      throw new ExError(
        this.busybox ? `'${name}' ${e.message}` : e === EISDIR ? `E17: "${name}" is a directory` : "E212: Can't open file for writing",
      );
    }
    if (this.name === undefined) this.name = name;
    const lines = text === "" ? 0 : text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    const flags = `${st === undefined ? " [New]" : ""}${editor.buffer.noEol ? " [noeol]" : ""}`;
    editor.message = `${this.quoted(name)}${flags} ${this.counts(lines, bytes.length)}${this.busybox ? "" : append ? " appended" : " written"}`;
    if (command.range === undefined && name === this.name) {
      editor.buffer.markSaved();
    }
  }

  /** A new file beside the old one takes its place, so that no half-written file is ever seen; where that cannot be, the old one is overwritten. */
  private *save(name: string, bytes: Uint8Array): Proc<void> {
    const { sys } = this.c;
    const st = yield* optional(lstat(sys, name));
    if (st !== undefined && isReg(st.mode) && !isLnk(st.mode) && st.nlink === 1) {
      const temporary = `${dirname(name)}/.${basename(name)}.vi~`;
      let fd: number | undefined;
      try {
        fd = yield* open(sys, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600);
        yield* sys.fchown(fd, st.uid, st.gid);
        yield* sys.fchmod(fd, st.mode & 0o7777);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        // The directory may not be ours to write in.
        if (fd !== undefined) {
          yield* sys.close(fd);
          yield* unlink(sys, temporary);
          fd = undefined;
        }
      }
      if (fd !== undefined) {
        try {
          yield* writeAll(sys, fd, bytes);
          yield* sys.fsync(fd);
        } catch (e) {
          yield* sys.close(fd);
          yield* unlink(sys, temporary);
          throw e;
        }
        yield* sys.close(fd);
        return yield* rename(sys, temporary, name);
      }
    }
    const fd = yield* open(sys, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    try {
      yield* writeAll(sys, fd, bytes);
    } finally {
      yield* sys.close(fd);
    }
  }

  private *readInto(command: ExCommand): Proc<void> {
    const { buffer } = this.editor;
    let text: string;
    if (command.args.startsWith("!") || command.bang) {
      text = yield* this.capture(command.args.replace(/^!/, ""), undefined);
    } else {
      const name = command.args.trim() || this.name;
      if (name === undefined) throw new ExError("E32: No file name");
      try {
        const st = yield* stat(this.c.sys, name);
        if (!isReg(st.mode) || st.size > MAX_BYTES) throw new ExError(`E484: Can't open file ${name}`);
        const bytes = yield* readFile(this.c.sys, name);
        text = decodeUtf8(bytes);
        const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
        this.editor.message = `${this.quoted(name)} ${this.counts(text === "" ? 0 : lines, bytes.length)}`;
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        throw new ExError(`E484: Can't open file ${name}`);
      }
    }
    if (text === "") return;
    const at = (command.range?.to ?? buffer.cursor.line) + 1;
    buffer.insertLines(at, text.replace(/\n$/, "").split("\n"));
    buffer.cursor = { line: at, col: firstNonBlank(buffer.line(at)) };
  }

  private *shellCommand(command: ExCommand): Proc<void> {
    const line = command.args === "!" ? this.lastShell : command.args.replaceAll("%", () => this.name ?? "%");
    this.lastShell = line;
    if (command.range === undefined) return yield* this.shell(["sh", "-c", line], true);
    // A filter: the lines go through the command.
    const { buffer } = this.editor;
    const from = Math.max(0, command.range.from);
    const count = command.range.to - from + 1;
    const output = yield* this.capture(line, this.textOf(command));
    buffer.deleteLines(from, count);
    const lines = output.replace(/\n$/, "").split("\n");
    const emptied = buffer.lines.length === 1 && buffer.line(0) === "" && from === 0;
    buffer.insertLines(from, lines);
    if (emptied) buffer.deleteLines(lines.length, 1);
    buffer.cursor = { line: from, col: firstNonBlank(buffer.line(from)) };
    if (count > 2) this.editor.message = `${count} lines filtered`;
  }

  /** Runs a command on the terminal as it was, with `input` if given. */
  private *shell(argv: readonly string[], waits: boolean, input?: string): Proc<void> {
    const { c } = this;
    yield* this.terminal.leave();
    const [readEnd, writeEnd] = input === undefined ? [-1, -1] : yield* c.sys.pipe2(O_CLOEXEC);
    const env: Env = new Map(c.env);
    const pid = yield* c.sys.fork(function* () {
      try {
        if (readEnd >= 0) yield* c.sys.dup2(readEnd, 0);
        yield* execvp(c.sys, argv[0] ?? "", argv, env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(argv[0] ?? "", e);
      }
      return 127;
    });
    if (readEnd >= 0) {
      yield* c.sys.close(readEnd);
      yield* optional(writeAll(c.sys, writeEnd, encodeUtf8(input ?? "")), [ENOENT]);
      yield* c.sys.close(writeEnd);
    }
    yield* c.sys.wait4(pid, 0);
    if (waits) yield* c.eprint(this.busybox ? "\n[Hit return to continue]" : "\nPress ENTER or type command to continue");
    if (waits) {
      // What the command printed is on the ordinary screen: it stays until a key is pressed.
      yield* this.terminal.enter(false);
      yield* this.terminal.key();
    }
    yield* this.terminal.enter(true);
  }

  /** What a command prints; it reads `input`. */
  private *capture(line: string, input: string | undefined): Proc<string> {
    const { sys } = this.c;
    const [outRead, outWrite] = yield* sys.pipe2(O_CLOEXEC);
    const [inRead, inWrite] = yield* sys.pipe2(O_CLOEXEC);
    const env: Env = new Map(this.c.env);
    const pid = yield* sys.fork(function* () {
      try {
        yield* sys.dup2(inRead, 0);
        yield* sys.dup2(outWrite, 1);
        yield* sys.dup2(outWrite, 2);
        yield* execvp(sys, "sh", ["sh", "-c", line], env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
      return 127;
    });
    // A second child feeds the command, so that neither waits for the other with a full pipe.
    const feeder = yield* sys.fork(function* () {
      yield* sys.close(outWrite);
      yield* sys.close(inRead);
      yield* writeAll(sys, inWrite, encodeUtf8(input ?? ""));
      return 0;
    });
    for (const fd of [outWrite, inRead, inWrite]) yield* sys.close(fd);
    const bytes = yield* new Input(sys, outRead).readAll();
    yield* sys.close(outRead);
    yield* sys.wait4(pid, 0);
    yield* sys.wait4(feeder, 0);
    return decodeUtf8(bytes);
  }
}

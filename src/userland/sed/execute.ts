/** The machine that runs a sed script: pattern space, hold space, ranges, branches, and the output that waits for the cycle's end. */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { type Command, Exit } from "../libc/command.ts";
import { commandOutput } from "../libc/popen.ts";
import type { Regex } from "../libc/regex.ts";
import { Input, Output } from "../libc/stdio.ts";
import { open, readFile } from "../libc/unistd.ts";
import type { SedInput } from "./input.ts";
import { SedOutput } from "./output.ts";
import type { Address, SedCommand, Substitution } from "./script.ts";
import { listed, substitute } from "./substitute.ts";

export interface RunOptions {
  readonly quiet: boolean;
  readonly delimiter: string;
  readonly lineLength: number;
  readonly unbuffered: boolean;
  readonly posix: boolean;
}

/** What waits for the end of the cycle. */
type Appended = { readonly text: string } | { readonly file: string } | { readonly lineOf: string };

/** How a pass through the commands ended. */
type Ending = { readonly kind: "end" | "delete" | "restart" } | { readonly kind: "quit"; readonly status: number; readonly print: boolean };
const END: Ending = { kind: "end" };
const DELETE: Ending = { kind: "delete" };
const RESTART: Ending = { kind: "restart" };

const STEPS_PER_SPEND = 400;
const STEP_NS = 60;

export class SedMachine {
  private pattern = "";
  private hold = "";
  private terminated = true;
  private replaced = false;
  private lastRegex: Regex | undefined;
  private appended: Appended[] = [];
  private steps = 0;
  /** Files of w and W, by name; /dev/stdout is the output itself. */
  private readonly writers = new Map<string, SedOutput>();
  /** Files of R, read line by line. */
  private readonly readers = new Map<string, Input | undefined>();

  constructor(
    private readonly c: Command,
    private readonly commands: readonly SedCommand[],
    private readonly input: SedInput,
    private readonly out: SedOutput,
    private readonly options: RunOptions,
  ) {}

  /** Creates the files that the script writes to. */
  *openFiles(): Proc<void> {
    for (const command of this.commands) {
      const name = command.name === "w" || command.name === "W" ? command.text : command.substitution?.file;
      if (name === undefined || this.writers.has(name)) continue;
      if (name === "/dev/stdout") this.writers.set(name, this.out);
      else if (name === "/dev/stderr") this.writers.set(name, new SedOutput(new Output(this.c.sys, 2), this.options.delimiter));
      else {
        try {
          const fd = yield* open(this.c.sys, name, O_WRONLY | O_CREAT | O_TRUNC);
          this.writers.set(name, new SedOutput(new Output(this.c.sys, fd), this.options.delimiter));
        } catch (e) {
          if (!(e instanceof Errno)) throw e;
          yield* this.c.warn(this.c.voice === "gnu" ? `couldn't open file ${name}: ${e.message}` : `can't open '${name}': ${e.message}`);
          throw new Exit(this.c.voice === "gnu" ? 4 : 1);
        }
      }
    }
  }

  /** Runs to the end of the input or to a `q`. Returns the status that `q` gave, else 0. */
  *run(): Proc<number> {
    let fresh = true;
    for (;;) {
      if (fresh) {
        if (!(yield* this.readLine())) break;
      }
      this.replaced = false;
      const ending = yield* this.cycle();
      if (ending.kind === "quit") {
        if (ending.print && !this.options.quiet) this.out.line(this.pattern, this.terminated);
        yield* this.flushAppended();
        yield* this.flush();
        return ending.status;
      }
      if (ending.kind === "end" && !this.options.quiet) this.out.line(this.pattern, this.terminated);
      if (this.appended.length > 0) yield* this.flushAppended();
      if (this.out.isFull) yield* this.out.flush();
      if (this.options.unbuffered) yield* this.out.flush(true);
      fresh = ending.kind !== "restart";
    }
    yield* this.flush();
    return 0;
  }

  private *flush(): Proc<void> {
    yield* this.out.flush();
    for (const writer of this.writers.values()) if (writer !== this.out) yield* writer.flush(true);
  }

  private *readLine(): Proc<boolean> {
    if (!(yield* this.input.next())) return false;
    this.pattern = this.input.line;
    this.terminated = this.input.terminated;
    return true;
  }

  private *cycle(): Proc<Ending> {
    const commands = this.commands;
    let i = 0;
    while (i < commands.length) {
      const command = commands[i] as SedCommand;
      if (++this.steps >= STEPS_PER_SPEND) {
        this.steps = 0;
        yield* this.c.sys.spend(STEPS_PER_SPEND * STEP_NS);
      }
      if (command.from !== undefined || command.negated) {
        const selected = command.from === undefined || (yield* this.matches(command));
        if (selected === command.negated) {
          i = command.name === "{" ? command.target : i + 1;
          continue;
        }
      }
      switch (command.name) {
        case "{":
          break;
        case "b":
          i = command.target;
          continue;
        case "t":
        case "T":
          if (this.replaced === (command.name === "t")) {
            this.replaced = false;
            i = command.target;
            continue;
          }
          this.replaced = false;
          break;
        case "s":
          yield* this.substitution(command.substitution as Substitution);
          break;
        case "d":
          return DELETE;
        case "p":
          this.out.line(this.pattern, this.terminated);
          break;
        default: {
          const ending = yield* this.other(command);
          if (ending !== undefined) return ending;
        }
      }
      i++;
    }
    return END;
  }

  private *other(command: SedCommand): Proc<Ending | undefined> {
    switch (command.name) {
      case "=":
        this.out.text(`${this.input.lineNumber}\n`);
        return undefined;
      case "a":
        this.appended.push({ text: command.text });
        return undefined;
      case "i":
        this.out.text(command.text);
        return undefined;
      case "c":
        if (command.to === undefined || command.negated || command.range.state !== "active") this.out.text(command.text);
        return DELETE;
      case "D": {
        const at = this.pattern.indexOf("\n");
        if (at < 0) return DELETE;
        this.pattern = this.pattern.slice(at + 1);
        return RESTART;
      }
      case "e":
        yield* this.execute(command.text);
        return undefined;
      case "F":
        this.out.text(`${this.input.fileName}\n`);
        return undefined;
      case "g":
        this.pattern = this.hold;
        return undefined;
      case "G":
        this.pattern += `${this.options.delimiter}${this.hold}`;
        return undefined;
      case "h":
        this.hold = this.pattern;
        return undefined;
      case "H":
        this.hold += `${this.options.delimiter}${this.pattern}`;
        return undefined;
      case "x":
        [this.pattern, this.hold] = [this.hold, this.pattern];
        return undefined;
      case "l":
        // busybox 1.35 takes the command and does nothing.
        if (this.c.voice === "gnu") this.out.text(listed(this.pattern, command.number >= 0 ? command.number : this.options.lineLength));
        return undefined;
      case "n":
        return yield* this.nextLine();
      case "N":
        return yield* this.joinNextLine();
      case "P":
        this.out.line(this.firstLine(), true);
        return undefined;
      case "q":
        return { kind: "quit", status: Math.max(command.number, 0), print: true };
      case "Q":
        return { kind: "quit", status: Math.max(command.number, 0), print: false };
      case "r":
        this.appended.push({ file: command.text });
        return undefined;
      case "R":
        this.appended.push({ lineOf: command.text });
        return undefined;
      case "w":
        this.writers.get(command.text)?.line(this.pattern, this.terminated);
        return undefined;
      case "W":
        this.writers.get(command.text)?.line(this.firstLine(), true);
        return undefined;
      case "y": {
        const map = command.translation as ReadonlyMap<string, string>;
        let text = "";
        for (const c of this.pattern) text += map.get(c) ?? c;
        this.pattern = text;
        return undefined;
      }
      default: // z
        this.pattern = "";
        return undefined;
    }
  }

  private firstLine(): string {
    const at = this.pattern.indexOf(this.options.delimiter);
    return at < 0 ? this.pattern : this.pattern.slice(0, at);
  }

  private *nextLine(): Proc<Ending | undefined> {
    if (yield* this.input.isLast()) {
      // GNU prints the pattern space when there is no next line; without -n it is printed as at the end of a cycle.
      return { kind: "quit", status: 0, print: !this.options.posix };
    }
    if (!this.options.quiet) this.out.line(this.pattern, this.terminated);
    yield* this.flushAppended();
    yield* this.readLine();
    return undefined;
  }

  private *joinNextLine(): Proc<Ending | undefined> {
    if (yield* this.input.isLast()) return { kind: "quit", status: 0, print: !this.options.posix };
    yield* this.flushAppended();
    const before = this.pattern;
    yield* this.readLine();
    this.pattern = `${before}${this.options.delimiter}${this.pattern}`;
    return undefined;
  }

  private *substitution(s: Substitution): Proc<void> {
    const regex = yield* this.regexOr(s.regex);
    const text = substitute(this.pattern, s, regex);
    if (text === undefined) return;
    this.pattern = text;
    this.replaced = true;
    if (s.print === 1) this.out.line(this.pattern, this.terminated);
    if (s.evaluate) {
      yield* this.out.flush(true);
      const { output } = yield* commandOutput(this.c.sys, this.pattern, this.c.env);
      this.pattern = decodeUtf8(output).replace(/\n$/, "");
    }
    if (s.print === 2) this.out.line(this.pattern, this.terminated);
    if (s.file !== undefined) this.writers.get(s.file)?.line(this.pattern, this.terminated);
  }

  private *regexOr(regex: Regex | undefined): Proc<Regex> {
    const used = regex ?? this.lastRegex;
    if (used === undefined) {
      yield* this.flush();
      const message = this.c.voice === "gnu" ? "-e expression #1, char 0: no previous regular expression" : "no previous regexp";
      return yield* this.c.fail(message, 1);
    }
    this.lastRegex = used;
    return used;
  }

  private *execute(text: string): Proc<void> {
    yield* this.out.flush(true);
    const command = text === "" ? this.pattern : text;
    const { output } = yield* commandOutput(this.c.sys, command, this.c.env);
    if (text === "") this.pattern = decodeUtf8(output).replace(/\n$/, "");
    else this.out.text(decodeUtf8(output));
  }

  private *flushAppended(): Proc<void> {
    if (this.appended.length === 0) return;
    const all = this.appended;
    this.appended = [];
    for (const item of all) {
      if ("text" in item) this.out.text(item.text);
      else if ("file" in item) {
        // A file that cannot be read is empty, as POSIX has it.
        const bytes = item.file === "/dev/stdin" ? yield* this.c.stdin.readAll() : yield* ifReadable(readFile(this.c.sys, item.file));
        if (bytes !== undefined) this.out.text(decodeUtf8(bytes));
      } else {
        const line = yield* this.lineOf(item.lineOf);
        if (line !== undefined) this.out.line(line, true);
      }
    }
  }

  private *lineOf(name: string): Proc<string | undefined> {
    if (!this.readers.has(name)) {
      const fd = name === "/dev/stdin" ? 0 : yield* ifReadable(open(this.c.sys, name));
      this.readers.set(name, fd === undefined ? undefined : fd === 0 ? this.c.stdin : new Input(this.c.sys, fd));
    }
    return yield* this.readers.get(name)?.readLine() ?? nothing();
  }

  // ── Addresses ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private *matches(command: SedCommand): Proc<boolean> {
    const { from, to, range } = command;
    const line = this.input.lineNumber;
    if (from === undefined) return true;
    if (to === undefined) {
      if (from.type === "line") return from.line === line;
      return yield* this.matchesAddress(from);
    }
    if (range.state === "active") {
      switch (to.type) {
        case "line":
        case "plus":
        case "multiple": {
          const end = to.type === "line" ? to.line : range.endLine;
          if (line >= end) range.state = "closed";
          if (line <= end) return true;
          // The end was jumped over (by n or N): this line is not in the range, but may begin another.
          break;
        }
        default:
          if (yield* this.matchesAddress(to)) range.state = "closed";
          return true;
      }
    }
    if (from.type === "zero" || !(yield* this.matchesAddress(from))) return false;
    if (to.type === "line" && to.line <= line) return true;
    if (to.type === "plus") {
      if (to.count === 0) return true;
      range.endLine = line + to.count;
    } else if (to.type === "multiple") {
      if (to.of === 0) return true;
      // sed 4.9 goes on to the next multiple even where this line is one.
      range.endLine = (Math.floor(line / to.of) + 1) * to.of;
    }
    range.state = "active";
    return true;
  }

  private *matchesAddress(address: Address): Proc<boolean> {
    switch (address.type) {
      case "line":
        return address.line === this.input.lineNumber;
      case "step": {
        const line = this.input.lineNumber;
        return line >= address.first && (line - address.first) % address.step === 0;
      }
      case "last":
        return yield* this.input.isLast();
      case "regex":
        return (yield* this.regexOr(address.regex)).test(this.pattern);
      case "zero":
        return false;
    }
  }
}

function* ifReadable<T>(call: Proc<T>): Proc<T | undefined> {
  try {
    return yield* call;
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}

function* nothing(): Proc<undefined> {
  return undefined;
}

/**
 * The state of one shell process and what every part of the shell needs of it: variables by name, messages, the reasons
 * to leave a command. A subshell is a fork with a copy (`fork`), since JavaScript memory is shared between processes.
 */

import { Errno } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { ArithmeticError, compileArithmetic } from "./arithmetic/expression.ts";
import type { Int } from "./arithmetic/integer.ts";
import type { History } from "./history.ts";
import type { Jobs } from "./jobs.ts";
import type { FunctionDefinition } from "./node.ts";
import { Options } from "./options.ts";
import { computeDynamic, setDynamic } from "./special-variables.ts";
import type { Traps } from "./traps.ts";
import { DYNAMIC, EXPORT, HOOKED, INTEGER, LOWER, NAMEREF, READONLY, UPPER, type Variable, Variables } from "./variables.ts";

export type Flavour = "bash" | "dash" | "ash";

/** A command went wrong in a way that ends the whole input line (bash) or the shell (dash, ash, and `${x?}`). */
export class ShellError {
  constructor(
    readonly message: string,
    readonly status: number,
    /** `line`: the rest of the line is dropped; `shell`: a non-interactive shell ends. */
    readonly extent: "line" | "shell" = "line",
    /** Said without a line number, as bash's sys_error() does. */
    readonly bare = false,
  ) {}

  /** File of the function in which it was thrown, once that was left. */
  source: string | undefined = undefined;
}

/** `exit`: unwinds to the main loop, which runs the EXIT trap. */
export class ShellExit {
  constructor(readonly status: number) {}
}

/** ^C: unwinds to the prompt. */
export class Interrupted {
  /** With `told`, the cursor stands on a new line already. */
  constructor(readonly told = false) {}
}

export type Jump = "none" | "break" | "continue" | "return";

/** Cost of one step of the interpreter in user-mode nanoseconds. */
export const STEP_NS = 1500;
/** So much is collected before the kernel hears of it. */
const SPEND_AT_NS = 100_000;

export class Shell {
  options: Options;
  vars: Variables;
  /** Replaced, never changed: children share them. */
  functions: ReadonlyMap<string, FunctionDefinition> = new Map();
  aliases: ReadonlyMap<string, string> = new Map();
  /** Remembered paths of commands with the number of uses. */
  private hash = new Map<string, { path: string; hits: number }>();
  private hashShared = false;
  /** $0. */
  arg0 = "";
  positional: readonly string[] = [];
  status = 0;
  /** $$: of the main shell, also in subshells. */
  pid = 0;
  /** $BASHPID. */
  selfPid = 0;
  ppid = 0;
  lastBackground = 0;
  line = 1;
  interactive = false;
  /** Began as an interactive shell: also its subshells leave the line out of messages. */
  interactiveShell = false;
  login = false;
  /** Reads its commands from `-c`: some statuses differ. */
  commandString = false;
  readsStdin = false;
  /** A descriptor of the terminal, for job control; -1 without. */
  terminal = -1;
  /** Serves requests on a descriptor: one line of messages per request. */
  agent = false;

  jump: Jump = "none";
  /** Loops still to leave or continue. */
  jumpCount = 0;
  loopDepth = 0;
  functionDepth = 0;
  sourceDepth = 0;
  /** Above 0 where a failure does not count for `set -e` and ERR: conditions, `!`, all but the last of `&&`. */
  conditionDepth = 0;
  subshellDepth = 0;
  /** Nesting of command substitutions, which `set -x` shows. */
  substitutionDepth = 0;
  /** The process of the last `<(…)` or `>(…)`: `wait` waits for it too. */
  lastSubstitution = 0;
  /** Of FUNCNAME, BASH_SOURCE and BASH_LINENO, innermost last. */
  callStack: { name: string; source: string; line: number }[] = [];
  sourceName = "";

  /** IFS and its white space; recomputed when IFS changes. */
  ifs = " \t\n";
  pipeStatus: readonly number[] = [0];
  /** $_ . */
  lastArgument = "";
  currentCommand = "";
  directoryStack: string[] = [];
  /** $PWD as the shell believes it. */
  cwd = "/";
  /** Nanoseconds of CLOCK_REALTIME, as last asked for. */
  nowNs = 0;
  startNs = 0;
  randomState = 0;
  optionLetter = 0;
  /** Status of the last command substitution of an assignment. */
  substitutionStatus = 0;
  /** Saved descriptors and redirections need one above this. */
  umask = 0o22;
  /** Set by the SIGINT handler; tested between commands. */
  interrupted = false;
  /** Signals whose traps are to be run between commands. */
  pendingTraps: number[] = [];
  inTrap = false;
  /** Pids of running process substitutions with the descriptor kept open for the command. */
  substitutionFds: number[] = [];
  /** Builtins switched off by `enable -n`. */
  enabled: Set<string> | undefined = undefined;
  /** Statuses of background children that `wait` has told already: it may be asked again. */
  readonly pastStatuses = new Map<number, number>();
  /** The window has changed its size. */
  resized = false;
  /** A signal that ends the shell after its EXIT trap. */
  fatalSignal = 0;
  readonly readonlyFunctions = new Set<string>();
  userName = "root";
  /** "There are stopped jobs" was said: the next `exit` is obeyed. */
  warnedOfJobs = false;
  warnsNow = false;
  /** Puts the terminal's modes back after a program that stopped or died. */
  onStop: (() => Proc<void>) | undefined = undefined;
  /** What undoes `local -` when the function returns. */
  localRestores: (() => void)[] = [];

  /** Commands without effects outside the shell may run without leaving JavaScript: nothing traces or watches them. */
  fast = true;
  private spentNs = 0;

  constructor(
    readonly sys: Sys,
    readonly flavour: Flavour,
    readonly jobs: Jobs,
    readonly traps: Traps,
    readonly history: History,
    options = new Options(),
    vars?: Variables,
  ) {
    this.options = options;
    this.vars = vars ?? new Variables((name) => this.variableChanged(name), flavour === "bash");
  }

  /** A copy for a child process; the shell itself goes on with what both now share. */
  fork(): Shell {
    const child = new Shell(this.sys, this.flavour, this.jobs.fork(), this.traps.fork(), this.history, this.options.copy());
    child.vars = this.vars.fork((name) => child.variableChanged(name));
    child.functions = this.functions;
    child.aliases = this.aliases;
    child.hash = this.hash;
    child.hashShared = true;
    this.hashShared = true;
    child.arg0 = this.arg0;
    child.positional = this.positional;
    child.status = this.status;
    child.pid = this.pid;
    child.lastBackground = this.lastBackground;
    child.line = this.line;
    child.commandString = this.commandString;
    child.terminal = this.terminal;
    child.interactive = this.interactive;
    child.interactiveShell = this.interactiveShell;
    child.agent = this.agent;
    child.loopDepth = this.loopDepth;
    child.functionDepth = this.functionDepth;
    child.sourceDepth = this.sourceDepth;
    child.conditionDepth = this.conditionDepth;
    child.subshellDepth = this.subshellDepth + 1;
    child.substitutionDepth = this.substitutionDepth;
    child.callStack = [...this.callStack];
    child.sourceName = this.sourceName;
    child.ifs = this.ifs;
    child.pipeStatus = this.pipeStatus;
    child.lastArgument = this.lastArgument;
    child.currentCommand = this.currentCommand;
    child.directoryStack = [...this.directoryStack];
    child.cwd = this.cwd;
    child.nowNs = this.nowNs;
    child.startNs = this.startNs;
    child.randomState = this.randomState ^ 0x5bd1e995;
    child.umask = this.umask;
    child.enabled = this.enabled;
    for (const name of this.readonlyFunctions) child.readonlyFunctions.add(name);
    child.userName = this.userName;
    child.refreshFast();
    return child;
  }

  /** The table of remembered commands, for reading and changing. */
  get commandHash(): Map<string, { path: string; hits: number }> {
    if (this.hashShared) {
      this.hash = new Map([...this.hash].map(([name, entry]) => [name, { ...entry }]));
      this.hashShared = false;
    }
    return this.hash;
  }

  /** The remembered path of a command; counts the use. */
  recall(name: string): string | undefined {
    const known = this.hash.get(name);
    if (known === undefined) return undefined;
    if (!this.hashShared) known.hits++;
    return known.path;
  }

  /** To be called when options, traps or functions have changed. */
  refreshFast(): void {
    const o = this.options;
    const overridden =
      this.functions.has("[") ||
      this.functions.has("test") ||
      this.functions.has(":") ||
      this.functions.has("true") ||
      this.functions.has("false");
    this.fast = !o.xtrace && !o.errexit && !o.noexec && !this.traps.watchesCommands && !overridden && this.enabled === undefined;
  }

  /** Puts back the options that `local -` saved. */
  replaceOptions(options: Options): void {
    this.options = options;
    this.refreshFast();
  }

  /** Collects the cost of a step; now and then the kernel is told. May be preempted. */
  *step(ns = STEP_NS): Proc<void> {
    this.spentNs += ns;
    if (this.spentNs >= SPEND_AT_NS) yield* this.settle();
  }

  /** The cost of steps taken without a generator; true when it is time for `settle`. */
  charge(ns: number): boolean {
    this.spentNs += ns;
    return this.spentNs >= SPEND_AT_NS;
  }

  *settle(): Proc<void> {
    const ns = this.spentNs;
    this.spentNs = 0;
    if (ns > 0) yield* this.sys.spend(ns);
  }

  /** A script's foreground program died of ^C: so does the script. */
  *diedOfInterrupt(): Proc<void> {
    if (!this.interrupted) return;
    this.interrupted = false;
    throw new ShellExit(130);
  }

  // ── Messages ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What stands before a message: the shell's name and, where it has one, the line. */
  prefix(builtin?: string, source?: string): string {
    const { flavour } = this;
    const name = this.messageName(source);
    if (flavour === "dash") return `${name}: ${this.line}: ${builtin === undefined ? "" : `${builtin}: `}`;
    if (flavour === "ash") {
      const line = this.interactiveShell ? "" : `line ${this.commandString ? 0 : this.line}: `;
      if (builtin !== undefined) return `${name}: ${builtin}: ${line}`;
      return `${name}: ${this.commandString ? "" : line}`;
    }
    const said = builtin === undefined ? "" : `${builtin}: `;
    return this.interactiveShell ? `${name}: ${said}` : `${name}: line ${this.line}: ${said}`;
  }

  /** The shell, or what it reads its commands from, as its messages name it. */
  messageName(source?: string): string {
    const { flavour, arg0 } = this;
    if (flavour !== "bash") return arg0;
    return this.interactiveShell ? this.shortName() : (this.callStack[this.callStack.length - 1]?.source ?? source ?? arg0);
  }

  private shortName(): string {
    return this.arg0.slice(this.arg0.lastIndexOf("/") + 1);
  }

  *eprint(text: string): Proc<void> {
    try {
      yield* this.sys.write(2, encodeUtf8(text));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }

  /** Says what a command went wrong with. ash names the builtin before the line. */
  *complain(e: ShellError): Proc<void> {
    const m =
      this.flavour === "ash"
        ? /^(set|shift|export|readonly|unset|local|read|break|continue|exit|return|umask|ulimit|getopts|trap|exec): ([\s\S]*)$/.exec(
            e.message,
          )
        : null;
    if (e.bare) yield* this.eprint(`${this.messageName(e.source)}: ${e.message}\n`);
    else if (m === null) yield* this.eprint(`${this.prefix(undefined, e.source)}${e.message}\n`);
    else yield* this.warn(m[2] as string, m[1]);
  }

  *warn(message: string, builtin?: string): Proc<void> {
    yield* this.eprint(`${this.prefix(builtin)}${message}\n`);
  }

  // ── Variables ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The value of a scalar, or of element 0 of an array. */
  get(name: string): string | undefined {
    const v = this.vars.find(name);
    if (v === undefined) return undefined;
    return v.flags & (DYNAMIC | NAMEREF) || v.value === undefined ? this.getOf(v) : v.value;
  }

  private getOf(v: Variable): string | undefined {
    if (v.flags & DYNAMIC) return computeDynamic(this, v.name);
    if (v.flags & NAMEREF) return v.value === undefined ? undefined : this.getReference(v.value);
    if (v.array !== undefined) return v.array[0];
    return v.assoc?.get("0") ?? v.value;
  }

  private getReference(target: string): string | undefined {
    const subscript = /^([A-Za-z_][A-Za-z0-9_]*)\[(.*)\]$/s.exec(target);
    if (subscript === null) return this.get(target);
    return this.getElement(subscript[1] as string, subscript[2] as string);
  }

  /** Follows namerefs: the name that is really meant. */
  resolve(name: string): string {
    for (let i = 0; i < 10; i++) {
      const v = this.vars.find(name);
      if (v === undefined || !(v.flags & NAMEREF) || v.value === undefined || v.value === "") return name;
      name = v.value;
    }
    throw new ShellError(`${name}: circular name reference`, 1);
  }

  findVariable(name: string): Variable | undefined {
    const v = this.vars.find(name);
    return v !== undefined && v.flags & NAMEREF ? this.vars.find(this.resolve(name)) : v;
  }

  /** One element; `subscript` is an expression, or the key of an associative array. */
  getElement(name: string, subscript: string): string | undefined {
    const v = this.findVariable(name);
    if (v === undefined) return undefined;
    if (v.assoc !== undefined) return v.assoc.get(subscript);
    const array = v.flags & DYNAMIC ? this.dynamicArray(v.name) : v.array;
    let index = Number(this.evaluate(subscript));
    if (array === undefined) return index === 0 || index === -1 ? (v.flags & DYNAMIC ? computeDynamic(this, v.name) : v.value) : undefined;
    if (index < 0) index += array.length;
    if (index < 0) throw new ShellError(`${name}: bad array subscript`, 1);
    return array[index];
  }

  /** The elements of a computed array, such as FUNCNAME. */
  dynamicArray(name: string): string[] | undefined {
    switch (name) {
      case "FUNCNAME":
        return this.functionDepth > 0 ? this.callStack.map((c) => c.name).reverse() : [];
      case "BASH_SOURCE":
        return this.callStack.map((c) => c.source).reverse();
      case "BASH_LINENO":
        return this.callStack.map((c) => String(c.line)).reverse();
      case "PIPESTATUS":
        return this.pipeStatus.map(String);
      case "DIRSTACK":
        return [this.cwd, ...this.directoryStack];
      case "GROUPS":
        return ["0"];
      default:
        return undefined;
    }
  }

  /** Assigns a scalar; element 0 of an array. Throws ShellError if it is read-only. */
  set(name: string, value: string, append = false): void {
    const v = this.vars.writable(name);
    if (v.flags === 0 && !append && v.array === undefined && v.assoc === undefined) {
      v.value = value;
      v.int = undefined;
      if (this.options.allexport) v.flags |= EXPORT;
      return;
    }
    this.assign(v, value, append);
  }

  /** Assigns with all that attributes ask for. */
  assign(v: Variable, value: string, append = false): void {
    if (v.flags & READONLY) throw this.readonly(v.name);
    if (v.flags & NAMEREF && v.value !== undefined && v.value !== "") {
      const subscript = /^([A-Za-z_][A-Za-z0-9_]*)\[(.*)\]$/s.exec(v.value);
      if (subscript !== null) this.setElement(subscript[1] as string, subscript[2] as string, value, append);
      else this.set(v.value, value, append);
      return;
    }
    if (v.flags & DYNAMIC && setDynamic(this, v, value)) return;
    if (v.array !== undefined) v.array[0] = this.transform(v, value, append ? v.array[0] : undefined);
    else if (v.assoc !== undefined) v.assoc.set("0", this.transform(v, value, append ? v.assoc.get("0") : undefined));
    else v.value = this.transform(v, value, append ? v.value : undefined);
    v.int = undefined;
    if (this.options.allexport) v.flags |= EXPORT;
    this.vars.changed(v);
  }

  /** What the attributes make of a value: `declare -i`, `-l`, `-u`. */
  transform(v: Variable, value: string, before: string | undefined): string {
    if (v.flags & INTEGER)
      return String(
        before === undefined ? this.evaluate(value) : this.evaluate(`(${before === "" ? 0 : before})+(${value === "" ? 0 : value})`),
      );
    const text = before === undefined ? value : before + value;
    return v.flags & LOWER ? text.toLowerCase() : v.flags & UPPER ? text.toUpperCase() : text;
  }

  readonly(name: string): ShellError {
    if (this.flavour === "bash") return new ShellError(`${name}: readonly variable`, 1);
    return new ShellError(`${name}: is read only`, 2, "shell");
  }

  setElement(name: string, subscript: string, value: string, append = false): void {
    const v = this.vars.writable(this.resolve(name));
    if (v.flags & READONLY) throw this.readonly(v.name);
    if (v.assoc !== undefined) {
      v.assoc.set(subscript, this.transform(v, value, append ? (v.assoc.get(subscript) ?? "") : undefined));
      return;
    }
    let index = Number(this.evaluate(subscript));
    if (v.array === undefined) {
      v.array = v.value === undefined ? [] : [v.value];
      v.value = undefined;
      v.int = undefined;
    }
    if (index < 0) index += v.array.length;
    if (index < 0) throw new ShellError(`${name}[${subscript}]: bad array subscript`, 1);
    v.array[index] = this.transform(v, value, append ? (v.array[index] ?? "") : undefined);
    this.vars.changed(v);
  }

  unset(name: string): void {
    const v = this.vars.find(name);
    if (v !== undefined) this.vars.unset(name);
  }

  private variableChanged(name: string): void {
    if (name === "IFS") this.ifs = this.get("IFS") ?? " \t\n";
    else if (name === "PATH") this.commandHash.clear();
    else if (name === "OPTIND") this.optionLetter = 0;
  }

  // ── Arithmetic ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private evaluationDepth = 0;

  /** The value of an expression, already expanded. Throws ShellError with the words of the flavour. */
  evaluate(text: string, command?: string): Int {
    if (/^[0-9]{1,9}$/.test(text) && (text.length === 1 || text[0] !== "0")) return Number(text);
    try {
      if (++this.evaluationDepth > 200)
        throw new ArithmeticError("expression recursion level exceeded", text, "expression recursion level exceeded");
      return compileArithmetic(text, this.flavour === "dash")(this);
    } catch (e) {
      if (e instanceof ArithmeticError) throw this.arithmeticFailure(e, text, command);
      throw e;
    } finally {
      this.evaluationDepth--;
    }
  }

  arithmeticFailure(e: ArithmeticError, text: string, command?: string): ShellError {
    if (this.flavour === "dash") return new ShellError(`arithmetic expression: ${e.dashWords}: "${text}"`, 2, "shell");
    if (this.flavour === "ash")
      return new ShellError(e.words === "division by 0" ? "divide by zero" : "arithmetic syntax error", 2, "shell");
    const said = command === undefined ? "" : `${command}: `;
    return new ShellError(`${said}${e.shown ?? text.trimStart()}: ${e.words} (error token is "${e.token}")`, 1);
  }

  getInt(name: string, subscript: string | undefined): Int {
    if (subscript === undefined) {
      const v = this.vars.find(name);
      if (v !== undefined && v.int !== undefined) return v.int;
      if (v === undefined) return this.unsetInt(name);
      return this.intOf(this.getOf(v) ?? "", name);
    }
    const value = this.getElement(name, this.subscriptKey(name, subscript));
    return value === undefined ? this.unsetInt(name) : this.intOf(value, name);
  }

  /** A subscript inside an expression: the key of an associative array loses its quotes. */
  private subscriptKey(name: string, subscript: string): string {
    return this.findVariable(name)?.assoc === undefined ? subscript : subscript.replace(/^(["'])(.*)\1$/s, "$2");
  }

  private unsetInt(name: string): Int {
    if (this.options.nounset) throw this.unbound(name);
    return 0;
  }

  /** The status with which bash ends for a fatal expansion error. */
  get fatalStatus(): number {
    return this.commandString && this.subshellDepth === 0 && !this.options.errexit ? 127 : 1;
  }

  unbound(name: string): ShellError {
    if (this.flavour === "bash")
      return new ShellError(`${/^[0-9]/.test(name) ? "$" : ""}${name}: unbound variable`, this.fatalStatus, "shell");
    return new ShellError(`${name}: parameter not set`, 2, "shell");
  }

  private intOf(text: string, name: string): Int {
    if (text === "") return 0;
    if (/^-?[0-9]{1,15}$/.test(text) && (text[0] !== "0" || text.length === 1)) return Number(text);
    if (this.flavour === "dash") {
      const n = Number(text);
      if (text.trim() !== "" && Number.isSafeInteger(n)) return n;
      throw new ShellError(`Illegal number: ${text}`, 2, "shell");
    }
    void name;
    return this.evaluate(text);
  }

  setInt(name: string, subscript: string | undefined, value: Int): void {
    const text = String(value);
    if (subscript !== undefined) {
      this.setElement(name, this.subscriptKey(name, subscript), text);
      return;
    }
    this.set(name, text);
    if (typeof value !== "number") return;
    const v = this.vars.find(name);
    if (v !== undefined && v.value === text && (v.flags & ~(EXPORT | HOOKED)) === 0) v.int = value;
  }
}

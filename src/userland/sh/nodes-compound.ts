/** Compound commands: POSIX 2.9.4, and `select`, `((…))`, `for ((…))`, `[[ … ]]` of bash. */

import type { Proc } from "../../abi/sys.ts";
import { fnmatch } from "../libc/fnmatch.ts";
import { evaluateArithmetic, evaluateQuick, expandPattern, expandString, expandWords } from "./expand.ts";
import type { Arithmetic, CompiledWord, FunctionDefinition, Node } from "./node.ts";
import { NOT_SYNC } from "./node.ts";
import { becomeSubshell, waitForeground } from "./pipeline.ts";
import { forkShell } from "./process.ts";
import { type Redirection, redirect, restore, type Saved } from "./redirect.ts";
import { afterCommand, attend, runPseudoTrap } from "./run.ts";
import { readLineFrom } from "./builtins/read.ts";
import { type Shell, ShellError, STEP_NS } from "./shell.ts";
import { closeSubstitutions } from "./substitution.ts";
import { evaluateCondition, evaluateConditionSync, type Condition } from "./conditional.ts";
import { traceText } from "./xtrace.ts";

abstract class Compound implements Node {
  readonly simple: boolean = false;

  constructor(
    readonly line: number,
    readonly text: string,
  ) {}

  trySync(_sh: Shell): number {
    return NOT_SYNC;
  }

  abstract run(sh: Shell, tail: boolean): Proc<number>;
}

/** Runs a condition: its failure does not end the shell. */
function* runCondition(sh: Shell, c: Node): Proc<number> {
  sh.conditionDepth++;
  try {
    return yield* c.run(sh, false);
  } finally {
    sh.conditionDepth--;
  }
}

export class If extends Compound {
  constructor(
    line: number,
    text: string,
    /** Conditions with their bodies; `else` has none. */
    private readonly branches: readonly { condition: Node | undefined; body: Node }[],
  ) {
    super(line, text);
  }

  *run(sh: Shell, tail: boolean): Proc<number> {
    for (const b of this.branches) {
      if (b.condition !== undefined) {
        let status = sh.fast ? b.condition.trySync(sh) : NOT_SYNC;
        if (status === NOT_SYNC) status = yield* runCondition(sh, b.condition);
        if (sh.jump !== "none") return status;
        sh.status = status;
        if (status !== 0) continue;
      }
      const status = sh.fast ? b.body.trySync(sh) : NOT_SYNC;
      return status === NOT_SYNC ? yield* b.body.run(sh, tail && sh.flavour !== "bash") : status;
    }
    return 0;
  }
}

/** After a turn of a loop's body: whether to go on. Takes `break` and `continue` that are meant for this loop. */
function goesOn(sh: Shell): boolean {
  if (sh.jump === "none") return true;
  if (sh.jump === "return") return false;
  if (--sh.jumpCount > 0) return false;
  const again = sh.jump === "continue";
  sh.jump = "none";
  return again;
}

export class While extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly until: boolean,
    private readonly condition: Node,
    private readonly body: Node,
  ) {
    super(line, text);
  }

  *run(sh: Shell): Proc<number> {
    let status = 0;
    sh.loopDepth++;
    try {
      for (;;) {
        if (sh.interrupted || sh.pendingTraps.length > 0) yield* attend(sh);
        if (sh.charge(200)) yield* sh.settle();
        let test = sh.fast ? this.condition.trySync(sh) : NOT_SYNC;
        if (test === NOT_SYNC) {
          test = yield* runCondition(sh, this.condition);
          if (sh.jump !== "none" && !goesOn(sh)) return status;
        }
        sh.status = test;
        if ((test === 0) === this.until) return status;
        status = sh.fast ? this.body.trySync(sh) : NOT_SYNC;
        if (status === NOT_SYNC) {
          status = yield* this.body.run(sh, false);
          if (sh.jump !== "none" && !goesOn(sh)) return status;
        }
        sh.status = status;
      }
    } finally {
      sh.loopDepth--;
    }
  }
}

export class For extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly name: string,
    /** Undefined for the positional parameters. */
    private readonly words: readonly CompiledWord[] | undefined,
    private readonly body: Node,
  ) {
    super(line, text);
  }

  *run(sh: Shell): Proc<number> {
    sh.line = this.line;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(this.name)) throw new ShellError(`\`${this.name}': not a valid identifier`, 1);
    const substitutions = sh.substitutionFds.length;
    const values = this.words === undefined ? sh.positional : yield* expandWords(sh, this.words);
    let status = 0;
    sh.loopDepth++;
    try {
      for (const value of values) {
        if (sh.interrupted || sh.pendingTraps.length > 0) yield* attend(sh);
        if (sh.charge(300)) yield* sh.settle();
        sh.line = this.line;
        if (sh.options.xtrace && sh.flavour === "bash") yield* traceText(sh, this.text.replace(/[;\n]\s*do\b[\s\S]*$/, ""));
        if (sh.traps.get("DEBUG") !== undefined) yield* runPseudoTrap(sh, "DEBUG");
        sh.set(this.name, value);
        status = sh.fast ? this.body.trySync(sh) : NOT_SYNC;
        if (status === NOT_SYNC) {
          status = yield* this.body.run(sh, false);
          if (sh.jump !== "none" && !goesOn(sh)) return status;
        }
        sh.status = status;
      }
    } finally {
      sh.loopDepth--;
    }
    if (sh.substitutionFds.length > substitutions) yield* closeSubstitutions(sh, substitutions);
    return status;
  }
}

export class ArithmeticFor extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly initialize: Arithmetic | undefined,
    private readonly test: Arithmetic | undefined,
    private readonly update: Arithmetic | undefined,
    private readonly body: Node,
  ) {
    super(line, text);
  }

  *run(sh: Shell): Proc<number> {
    let status = 0;
    sh.line = this.line;
    sh.loopDepth++;
    try {
      yield* step(sh, this.initialize);
      for (;;) {
        if (sh.interrupted || sh.pendingTraps.length > 0) yield* attend(sh);
        if (sh.charge(600)) yield* sh.settle();
        if (this.test !== undefined) {
          const value = evaluateQuick(sh, this.test, "((") ?? (yield* evaluateArithmetic(sh, this.test, "(("));
          if (value === 0) return status;
        }
        status = sh.fast ? this.body.trySync(sh) : NOT_SYNC;
        if (status === NOT_SYNC) {
          status = yield* this.body.run(sh, false);
          if (sh.jump !== "none" && !goesOn(sh)) return status;
        }
        sh.status = status;
        yield* step(sh, this.update);
      }
    } catch (e) {
      if (!(e instanceof ShellError) || e.extent === "shell") throw e;
      yield* sh.complain(e);
      return 1;
    } finally {
      sh.loopDepth--;
    }
  }
}

function* step(sh: Shell, a: Arithmetic | undefined): Proc<void> {
  if (a !== undefined && evaluateQuick(sh, a, "((") === undefined) yield* evaluateArithmetic(sh, a, "((");
}

export interface CaseItem {
  readonly patterns: readonly CompiledWord[];
  readonly body: Node;
  readonly terminator: ";;" | ";&" | ";;&";
}

export class Case extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly word: CompiledWord,
    private readonly items: readonly CaseItem[],
  ) {
    super(line, text);
  }

  *run(sh: Shell, tail: boolean): Proc<number> {
    sh.line = this.line;
    if (sh.charge(STEP_NS)) yield* sh.settle();
    const word = yield* expandString(sh, this.word);
    if (sh.options.xtrace && sh.flavour === "bash") yield* traceText(sh, `case ${this.word.text} in`);
    let status = 0;
    let falls = false;
    for (const item of this.items) {
      if (!falls && !(yield* this.matches(sh, item, word))) continue;
      status = yield* item.body.run(sh, tail && sh.flavour !== "bash" && item.terminator === ";;");
      if (sh.jump !== "none" || item.terminator === ";;") return status;
      falls = item.terminator === ";&";
    }
    return status;
  }

  private *matches(sh: Shell, item: CaseItem, word: string): Proc<boolean> {
    for (const p of item.patterns) {
      const plain = p.literal;
      if (plain !== undefined && !sh.options.nocasematch) {
        if (plain === word) return true;
        continue;
      }
      if (fnmatch(yield* expandPattern(sh, p), word, { extglob: sh.options.extglob, ignoreCase: sh.options.nocasematch })) return true;
    }
    return false;
  }
}

export class Select extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly name: string,
    private readonly words: readonly CompiledWord[] | undefined,
    private readonly body: Node,
  ) {
    super(line, text);
  }

  *run(sh: Shell): Proc<number> {
    const values = this.words === undefined ? sh.positional : yield* expandWords(sh, this.words);
    let status = 0;
    if (values.length === 0) return 0;
    const width = String(values.length).length;
    const menu = values.map((v, i) => `${String(i + 1).padStart(width)}) ${v}\n`).join("");
    let shows = true;
    sh.loopDepth++;
    try {
      for (;;) {
        if (sh.interrupted || sh.pendingTraps.length > 0) yield* attend(sh);
        if (shows) yield* sh.eprint(menu);
        yield* sh.eprint(sh.get("PS3") ?? "#? ");
        const line = yield* readLineFrom(sh, 0);
        if (line === undefined) {
          yield* sh.sys.write(1, Uint8Array.of(10));
          return 1;
        }
        sh.set("REPLY", line);
        shows = line === "";
        if (shows) continue;
        const n = /^[0-9]+$/.test(line.trim()) ? Number(line) : 0;
        sh.set(this.name, values[n - 1] ?? "");
        status = yield* this.body.run(sh, false);
        if (sh.jump !== "none" && !goesOn(sh)) return status;
        shows = sh.get("REPLY") === "" || sh.get("REPLY") === undefined;
      }
    } finally {
      sh.loopDepth--;
    }
  }
}

export class Subshell extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly body: Node,
    private readonly redirections: readonly Redirection[],
  ) {
    super(line, text);
  }

  *run(sh: Shell): Proc<number> {
    sh.line = this.line;
    if (sh.interrupted || sh.pendingTraps.length > 0) yield* attend(sh);
    const monitor = sh.options.monitor && sh.subshellDepth === 0;
    const pid = yield* forkShell(sh, monitor ? { pgid: 0, foreground: true } : {}, (child) => this.runHere(child));
    const job = sh.jobs.add(monitor ? pid : 0, [{ pid, text: this.text }], this.text, true, sh.cwd);
    const status = yield* waitForeground(sh, job);
    sh.status = status;
    yield* afterCommand(sh, status);
    return status;
  }

  *runHere(child: Shell): Proc<number> {
    const { body, redirections } = this;
    becomeSubshell(child);
    yield* redirect(child, redirections, undefined);
    if (body.runHere === undefined) return yield* body.run(child, true);
    child.subshellDepth++;
    return yield* body.runHere(child);
  }
}

/** A compound command with redirections. */
export class Redirected extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly command: Node,
    private readonly redirections: readonly Redirection[],
  ) {
    super(line, text);
  }

  *run(sh: Shell): Proc<number> {
    const saved: Saved = [];
    sh.line = this.line;
    const substitutions = sh.substitutionFds.length;
    try {
      try {
        yield* redirect(sh, this.redirections, saved);
      } catch (e) {
        if (!(e instanceof ShellError) || e.extent === "shell") throw e;
        yield* sh.complain(e);
        sh.status = e.status;
        yield* afterCommand(sh, e.status);
        return e.status;
      }
      return yield* this.command.run(sh, false);
    } finally {
      yield* restore(sh, saved);
      if (sh.substitutionFds.length > substitutions) yield* closeSubstitutions(sh, substitutions);
    }
  }
}

/** `{ …; }`. */
export class Group extends Compound {
  constructor(
    line: number,
    text: string,
    readonly body: Node,
  ) {
    super(line, text);
  }

  run(sh: Shell, tail: boolean): Proc<number> {
    return this.body.run(sh, tail && sh.flavour !== "bash");
  }
}

export class ArithmeticCommand extends Compound {
  override readonly simple = true;

  constructor(
    line: number,
    text: string,
    private readonly expression: Arithmetic,
  ) {
    super(line, text);
  }

  override trySync(sh: Shell): number {
    if (!this.expression.pure || this.expression.text === undefined) return NOT_SYNC;
    sh.line = this.line;
    let value: number | bigint | undefined;
    try {
      value = evaluateQuick(sh, this.expression);
    } catch (e) {
      if (e instanceof ShellError) return NOT_SYNC;
      throw e;
    }
    if (value === undefined) return NOT_SYNC;
    sh.charge(STEP_NS);
    return value === 0 ? 1 : 0;
  }

  *run(sh: Shell): Proc<number> {
    sh.line = this.line;
    if (sh.charge(STEP_NS)) yield* sh.settle();
    if (sh.traps.get("DEBUG") !== undefined) yield* runPseudoTrap(sh, "DEBUG");
    let status: number;
    if (sh.options.xtrace) yield* traceText(sh, `(( ${this.text.slice(2, -2)} ))`);
    try {
      status = (yield* evaluateArithmetic(sh, this.expression, "((")) === 0 ? 1 : 0;
    } catch (e) {
      if (!(e instanceof ShellError) || e.extent === "shell") throw e;
      yield* sh.complain(e);
      status = 1;
    }
    sh.status = status;
    sh.pipeStatus = [status];
    yield* afterCommand(sh, status);
    return status;
  }
}

export class TestCommand extends Compound {
  override readonly simple = true;

  constructor(
    line: number,
    text: string,
    private readonly condition: Condition,
  ) {
    super(line, text);
  }

  override trySync(sh: Shell): number {
    sh.line = this.line;
    const answer = evaluateConditionSync(sh, this.condition);
    if (answer === undefined) return NOT_SYNC;
    sh.charge(STEP_NS);
    return answer ? 0 : 1;
  }

  *run(sh: Shell): Proc<number> {
    sh.line = this.line;
    if (sh.charge(STEP_NS)) yield* sh.settle();
    if (sh.interrupted || sh.pendingTraps.length > 0) yield* attend(sh);
    let status: number;
    try {
      status = (yield* evaluateCondition(sh, this.condition)) ? 0 : 1;
    } catch (e) {
      if (!(e instanceof ShellError) || e.extent === "shell" || (e.status !== 2 && !e.message.startsWith("[[: "))) throw e;
      if (e.message !== "") yield* sh.complain(e);
      status = e.status;
    }
    sh.status = status;
    sh.pipeStatus = [status];
    yield* afterCommand(sh, status);
    return status;
  }
}

export class DefineFunction extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly name: string,
    private readonly body: Node,
    private readonly print: () => string,
  ) {
    super(line, text);
  }

  *run(sh: Shell): Proc<number> {
    sh.line = this.line;
    if (sh.readonlyFunctions.has(this.name)) {
      yield* sh.warn(`${this.name}: readonly function`);
      return 1;
    }
    if (sh.flavour !== "bash" && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(this.name))
      throw new ShellError(sh.flavour === "dash" ? "Syntax error: Bad function name" : "syntax error: bad function name", 2, "shell");
    const definition: FunctionDefinition = {
      name: this.name,
      body: this.body,
      line: this.line,
      source: sh.sourceName === "" ? (sh.commandString ? "environment" : sh.arg0) : sh.sourceName,
      print: this.print,
    };
    sh.functions = new Map(sh.functions).set(this.name, definition);
    sh.refreshFast();
    return 0;
  }
}

/** `coproc [NAME] command`: a child with a pipe to its input and one from its output. */
export class Coprocess extends Compound {
  constructor(
    line: number,
    text: string,
    private readonly name: string,
    private readonly body: Node,
  ) {
    super(line, text);
  }

  *run(sh: Shell): Proc<number> {
    const { sys } = sh;
    const [theirIn, ourOut] = yield* sys.pipe2(0o2000000);
    const [ourIn, theirOut] = yield* sys.pipe2(0o2000000);
    const { body } = this;
    const pid = yield* forkShell(sh, sh.options.monitor ? { pgid: 0 } : { background: true }, function* (child) {
      yield* sys.dup2(theirIn, 0);
      yield* sys.dup2(theirOut, 1);
      for (const fd of [theirIn, ourOut, ourIn, theirOut]) yield* sys.close(fd);
      becomeSubshell(child);
      return yield* body.run(child, true);
    });
    yield* sys.close(theirIn);
    yield* sys.close(theirOut);
    const low = yield* sys.fcntl(ourIn, 1030, 63);
    const high = yield* sys.fcntl(ourOut, 1030, 60);
    yield* sys.close(ourIn);
    yield* sys.close(ourOut);
    const v = sh.vars.writable(this.name);
    v.array = [String(low), String(high)];
    v.value = undefined;
    sh.set(`${this.name}_PID`, String(pid));
    sh.lastBackground = pid;
    const job = sh.jobs.add(sh.options.monitor ? pid : 0, [{ pid, text: this.text }], this.text, false, sh.cwd);
    if (sh.interactive) yield* sh.eprint(`[${job.id}] ${pid}\n`);
    return 0;
  }
}

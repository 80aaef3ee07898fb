/** Simple commands: POSIX 2.9.1. Expansion, redirection, assignment, then a function, a builtin or a program. */

import type { Proc } from "../../abi/sys.ts";
import { findBuiltin } from "./builtins/index.ts";
import { type ArrayArgument, type Builtin, Call } from "./builtins/call.ts";
import { expandString, expandStringSync, expandSync, expandWords } from "./expand.ts";
import { callFunction } from "./functions.ts";
import { describeDeath, exitStatusOf } from "./jobs.ts";
import type { CompiledWord, Node } from "./node.ts";
import { NOT_SYNC } from "./node.ts";
import { enterChild, execute, findCommand, fork } from "./process.ts";
import { launchForeground } from "./pipeline.ts";
import { type Redirection, redirect, restore, type Saved } from "./redirect.ts";
import { afterCommand, attend, runPseudoTrap } from "./run.ts";
import { type Shell, ShellError, STEP_NS } from "./shell.ts";
import { closeSubstitutions } from "./substitution.ts";
import { evaluateTestSync } from "../libc/test-expression.ts";
import { BARE } from "./variables.ts";
import { trace, traceAssignment } from "./xtrace.ts";

export interface Assignment {
  readonly name: string;
  readonly append: boolean;
  readonly index: CompiledWord | undefined;
  /** A scalar's word, or the elements of `name=(…)`. */
  readonly value: CompiledWord | readonly ArrayElement[];
}

export interface ArrayElement {
  readonly index: CompiledWord | undefined;
  readonly append: boolean;
  readonly words: readonly CompiledWord[];
}

/** A word of a command, or an assignment given to `declare` and its kin. */
export type CommandWord = CompiledWord | { readonly assignment: Assignment };

type SyncKind = "none" | "assign" | "test" | "true" | "false";

export class SimpleCommand implements Node {
  readonly simple = true;
  private readonly sync: SyncKind;
  private readonly plainWords: readonly CompiledWord[] | undefined;

  constructor(
    readonly line: number,
    readonly text: string,
    readonly assignments: readonly Assignment[],
    readonly words: readonly CommandWord[],
    readonly redirections: readonly Redirection[],
  ) {
    this.plainWords = words.every((w) => !("assignment" in w)) ? (words as readonly CompiledWord[]) : undefined;
    this.sync = this.findSync();
  }

  /** Whether the command may run without a generator: only what can be told from its words. */
  private findSync(): SyncKind {
    if (this.redirections.length > 0 || this.plainWords === undefined) return "none";
    if (this.words.length === 0) {
      const plain = this.assignments.every((a) => a.index === undefined && !Array.isArray(a.value) && (a.value as CompiledWord).pure);
      return plain && this.assignments.length === 1 ? "assign" : "none";
    }
    if (this.assignments.length > 0) return "none";
    const name = this.plainWords[0]?.literal;
    const rest = this.plainWords.slice(1);
    if (
      !rest.every((w) => w.pure && (w.literal !== undefined || (w.pieces.length === 1 && (w.pieces[0]?.kind === "parameter" || isTame(w)))))
    )
      return "none";
    if (name === "[" || name === "test") return "test";
    if (name === ":" || name === "true") return "true";
    return name === "false" ? "false" : "none";
  }

  trySync(sh: Shell): number {
    switch (this.sync) {
      case "none":
        return NOT_SYNC;
      case "assign": {
        if (sh.options.nounset) return NOT_SYNC;
        const a = this.assignments[0] as Assignment;
        sh.line = this.line;
        const value = expandStringSync(sh, a.value as CompiledWord);
        sh.set(a.name, value, a.append);
        sh.charge(STEP_NS);
        sh.lastArgument = "";
        return 0;
      }
      case "test": {
        const args = expandSync(sh, this.plainWords as readonly CompiledWord[]);
        if (args === undefined) return NOT_SYNC;
        const status = evaluateTestSync(args);
        if (status >= 0) {
          sh.charge(STEP_NS);
          sh.lastArgument = args[args.length - 1] as string;
        }
        return status;
      }
      case "true":
      case "false": {
        const args = expandSync(sh, this.plainWords as readonly CompiledWord[]);
        if (args === undefined) return NOT_SYNC;
        sh.charge(STEP_NS);
        sh.lastArgument = args[args.length - 1] as string;
        return this.sync === "true" ? 0 : 1;
      }
    }
  }

  *run(sh: Shell, tail: boolean): Proc<number> {
    if (sh.interrupted || sh.pendingTraps.length > 0) yield* attend(sh);
    if (sh.jump !== "none") return sh.status;
    if (sh.charge(STEP_NS)) yield* sh.settle();
    sh.line = this.line;
    if (sh.options.noexec && !sh.interactive) return 0;
    if (!sh.inTrap) sh.currentCommand = this.text;
    if (sh.traps.get("DEBUG") !== undefined) yield* runPseudoTrap(sh, "DEBUG");
    sh.substitutionStatus = 0;
    const substitutions = sh.substitutionFds.length;
    const arrays = new Map<number, ArrayArgument>();
    const args = this.plainWords !== undefined ? yield* expandWords(sh, this.plainWords) : yield* this.expandDeclaration(sh, arrays);
    let status: number;
    if (args.length === 0) status = yield* this.assignOnly(sh);
    else {
      // Calls of functions nest: as few frames as can be.
      const f = this.redirections.length === 0 && this.assignments.length === 0 ? sh.functions.get(args[0] as string) : undefined;
      if (f !== undefined && sh.flavour === "bash" && !sh.options.xtrace) {
        status = yield* callFunction(sh, f, args);
        sh.lastArgument = args[args.length - 1] as string;
      } else status = yield* this.runNamed(sh, args, arrays, tail);
    }
    if (sh.substitutionFds.length > substitutions) yield* closeSubstitutions(sh, substitutions);
    sh.status = status;
    sh.pipeStatus = [status];
    if (status !== 0 && sh.jump === "none") yield* afterCommand(sh, status);
    return status;
  }

  private *assignOnly(sh: Shell): Proc<number> {
    const saved: Saved = [];
    if (this.redirections.length > 0) {
      try {
        yield* redirect(sh, this.redirections, saved);
      } catch (e) {
        if (!(e instanceof ShellError) || e.extent === "shell") throw e;
        yield* restore(sh, saved);
        yield* sh.complain(e);
        return e.status;
      }
      yield* restore(sh, saved);
    }
    for (const a of this.assignments) {
      const shown = yield* assign(sh, a);
      if (sh.options.xtrace) yield* traceAssignment(sh, a, shown);
    }
    sh.lastArgument = "";
    return sh.substitutionStatus;
  }

  private *expandDeclaration(sh: Shell, arrays: Map<number, ArrayArgument>): Proc<string[]> {
    const args: string[] = [];
    for (const w of this.words) {
      if (!("assignment" in w)) args.push(...(yield* expandWords(sh, [w])));
      else {
        const { name, append, index, value } = w.assignment;
        const subscript = index === undefined ? "" : `[${yield* expandString(sh, index)}]`;
        if (Array.isArray(value)) {
          arrays.set(args.length, { name, append, elements: yield* expandElements(sh, value) });
          args.push(name);
        } else args.push(`${name}${subscript}${append ? "+" : ""}=${yield* expandString(sh, value as CompiledWord)}`);
      }
    }
    return args;
  }

  private *runNamed(sh: Shell, args: string[], arrays: ReadonlyMap<number, ArrayArgument>, tail: boolean): Proc<number> {
    const name = args[0] as string;
    const f = sh.functions.get(name);
    const builtin = findBuiltin(sh, name);
    const last = args[args.length - 1] as string;
    let status: number;
    if (f !== undefined && !(builtin?.special === true && sh.flavour !== "bash")) {
      status = yield* this.inside(sh, args, f.name, true, () => callFunction(sh, f, args));
    } else if (builtin !== undefined) {
      const call = new Call(sh, args, arrays);
      call.usage = builtin.usage ?? "";
      status = yield* this.inside(sh, args, name, false, () => this.runBuiltin(call, builtin));
    } else status = yield* this.runProgram(sh, name, args, tail);
    sh.lastArgument = last;
    return status;
  }

  private *runBuiltin(call: Call, builtin: Builtin): Proc<number> {
    const { sh } = call;
    try {
      const status = yield* builtin.run(call);
      return (yield* call.flush()) ? status : 1;
    } catch (e) {
      yield* call.flush();
      if (e instanceof ShellError && sh.flavour === "bash" && e.extent === "line" && builtin.catches === true) {
        yield* sh.complain(e);
        return e.status;
      }
      throw e;
    }
  }

  /** Runs what stays in this process with the command's redirections and assignments, and undoes them. */
  private *inside(sh: Shell, args: readonly string[], name: string, isFunction: boolean, body: () => Proc<number>): Proc<number> {
    if (this.redirections.length === 0 && this.assignments.length === 0) {
      if (sh.options.xtrace) yield* trace(sh, args);
      return yield* body();
    }
    const saved: Saved = [];
    const depth = sh.vars.depth;
    const builtin = isFunction ? undefined : findBuiltin(sh, name);
    // Redirections of `exec` without a command stay.
    const stays = name === "exec" && args.length === 1;
    const special = builtin?.special === true && sh.flavour !== "bash";
    try {
      try {
        yield* redirect(sh, this.redirections, stays ? undefined : saved);
      } catch (e) {
        if (!(e instanceof ShellError) || e.extent === "shell") throw e;
        if (builtin?.special === true && sh.flavour !== "bash") throw new ShellError(e.message, e.status, "shell");
        yield* sh.complain(e);
        return e.status;
      }
      // A program that takes the shell's place gets them as any other does.
      yield* this.assignTemporarily(sh, name === "exec" ? stays : special);
      if (sh.options.xtrace) yield* trace(sh, args);
      return yield* body();
    } finally {
      yield* restore(sh, saved);
      if (!special) sh.vars.pop(depth);
    }
  }

  private *assignTemporarily(sh: Shell, persistent: boolean): Proc<void> {
    if (this.assignments.length === 0) return;
    const values: [Assignment, string][] = [];
    for (const a of this.assignments) {
      if (Array.isArray(a.value) || a.index !== undefined || persistent) yield* assign(sh, a);
      else values.push([a, yield* this.temporaryValue(sh, a)]);
    }
    if (values.length === 0) return;
    sh.vars.push(true);
    for (const [a, value] of values) {
      sh.vars.setTemporary(a.name, value);
      if (sh.options.xtrace) yield* traceAssignment(sh, a, value);
    }
  }

  private *temporaryValue(sh: Shell, a: Assignment): Proc<string> {
    const value = yield* expandString(sh, a.value as CompiledWord);
    const v = sh.findVariable(a.name);
    if (v !== undefined && v.flags & 2) throw sh.readonly(a.name);
    return a.append ? (sh.get(a.name) ?? "") + value : value;
  }

  /** Runs a program from PATH in a child, or in place of the shell with `tail`. */
  *runProgram(sh: Shell, name: string, args: readonly string[], tail: boolean): Proc<number> {
    if (sh.options.xtrace) {
      for (const a of this.assignments)
        if (!Array.isArray(a.value)) yield* traceAssignment(sh, a, yield* expandString(sh, a.value as CompiledWord));
      yield* trace(sh, args);
    }
    if (sh.jobs.list.length > 0 && !sh.interactive) yield* sh.jobs.poll(false);
    const env = new Map(sh.vars.environ());
    const extra: [string, string][] = [];
    for (const a of this.assignments) if (!Array.isArray(a.value)) extra.push([a.name, yield* this.temporaryValue(sh, a)]);
    let path: string | undefined;
    if (extra.some(([n]) => n === "PATH")) path = yield* findCommand(sh, name, extra.find(([n]) => n === "PATH")?.[1] ?? "");
    else path = yield* findCommand(sh, name);
    for (const [n, v] of extra) env.set(n, v);
    if (path !== undefined && sh.flavour === "bash") env.set("_", path);
    const missing = path === undefined && sh.flavour === "bash" ? sh.functions.get("command_not_found_handle") : undefined;
    const self = this;
    const become = function* (o: { fork: boolean }): Proc<number> {
      try {
        yield* redirect(sh, self.redirections, undefined);
      } catch (e) {
        if (!(e instanceof ShellError)) throw e;
        yield* sh.complain(e);
        return e.status;
      }
      if (missing !== undefined) return yield* callFunction(sh, missing, ["command_not_found_handle", ...args]);
      void o;
      return yield* execute(sh, name, path, args, env);
    };
    if (tail && !sh.traps.any && !sh.interactive) {
      // The program takes the shell's place, and so its level.
      if (sh.flavour === "bash" && (sh.commandString || sh.subshellDepth > 0)) env.set("SHLVL", String(Number(env.get("SHLVL") ?? 1) - 1));
      yield* sh.settle();
      if (sh.traps.installed.size > 0) yield* enterChild(sh, {});
      return yield* become({ fork: false });
    }
    yield* sh.settle();
    if (sh.options.monitor && sh.subshellDepth === 0) return yield* launchForeground(sh, this.text, become);
    const pid = yield* fork(sh, function* () {
      if (sh.traps.installed.size > 0) yield* enterChild(sh, {});
      return yield* become({ fork: true });
    });
    const status = yield* sh.jobs.waitFor(pid);
    if ((status & 0x7f) !== 0) yield* sayDeath(sh, pid, status, this.text);
    return exitStatusOf(status);
  }
}

/** What a non-interactive shell says when a foreground program dies of a signal. */
export function* sayDeath(sh: Shell, pid: number, status: number, text: string): Proc<void> {
  const words = describeDeath(status);
  if (words === undefined) {
    if ((status & 0x7f) === 2 && sh.flavour === "bash" && !sh.interactive && sh.traps.get(2) === undefined && !sh.agent)
      yield* sh.diedOfInterrupt();
    return;
  }
  const silent = (status & 0x7f) === 15 || sh.flavour !== "bash" || sh.interactiveShell;
  if (silent) yield* sh.eprint(`${words}\n`);
  else yield* sh.eprint(`${sh.arg0}: line ${sh.line}: ${String(pid).padStart(5)} ${words.padEnd(23)} ${text}\n`);
}

/** An expansion that changes nothing, so that it may be tried and tried again. */
function isTame(w: CompiledWord): boolean {
  const p = w.pieces[0];
  return p?.kind === "arithmetic" && !/[^=!<>]=[^=]|\+\+|--/.test(w.text);
}

/** Carries out an assignment; the value as text, for `set -x`. */
export function* assign(sh: Shell, a: Assignment): Proc<string> {
  if (Array.isArray(a.value)) {
    const elements = yield* expandElements(sh, a.value as readonly ArrayElement[]);
    assignArray(sh, sh.resolve(a.name), elements, a.append, false);
    return `(${elements.map((e) => (e.key === undefined ? e.value : `[${e.key}]=${e.value}`)).join(" ")})`;
  }
  const value = yield* expandString(sh, a.value as CompiledWord);
  if (a.index !== undefined) sh.setElement(a.name, yield* expandString(sh, a.index), value, a.append);
  else sh.set(a.name, value, a.append);
  return value;
}

export interface Element {
  readonly key: string | undefined;
  readonly append: boolean;
  readonly value: string;
}

function* expandElements(sh: Shell, list: readonly ArrayElement[]): Proc<Element[]> {
  const out: Element[] = [];
  for (const e of list) {
    if (e.index === undefined) for (const value of yield* expandWords(sh, e.words)) out.push({ key: undefined, append: false, value });
    else out.push({ key: yield* expandString(sh, e.index), append: e.append, value: yield* expandString(sh, e.words[0] as CompiledWord) });
  }
  return out;
}

/** Gives an array its elements, in place of the old ones or after them. */
export function assignArray(sh: Shell, name: string, elements: readonly Element[], append: boolean, local: boolean): void {
  const v = local ? sh.vars.declareLocal(name) : sh.vars.writable(name);
  if (v.flags & 2) throw sh.readonly(name);
  v.flags &= ~BARE;
  if (v.assoc !== undefined) {
    if (!append) v.assoc = new Map();
    let pending: string | undefined;
    for (const e of elements) {
      if (e.key !== undefined) v.assoc.set(e.key, (e.append ? (v.assoc.get(e.key) ?? "") : "") + sh.transform(v, e.value, undefined));
      else if (pending === undefined) pending = e.value;
      else {
        v.assoc.set(pending, sh.transform(v, e.value, undefined));
        pending = undefined;
      }
    }
    if (pending !== undefined) v.assoc.set(pending, "");
    return;
  }
  const array: string[] = append ? (v.array ?? (v.value === undefined ? [] : [v.value])) : [];
  let next = array.length;
  for (const e of elements) {
    let at = next;
    if (e.key !== undefined) {
      at = Number(sh.evaluate(e.key));
      if (at < 0) at += array.length;
      if (at < 0) throw new ShellError(`${name}: [${e.key}]: bad array subscript`, 1);
    }
    array[at] = sh.transform(v, e.value, e.append ? (array[at] ?? "") : undefined);
    next = at + 1;
  }
  v.array = array;
  v.value = undefined;
  v.int = undefined;
  sh.vars.changed(v);
}

/** What happens around commands: pending traps, `set -e` and ERR, the text of `eval`, `.` and traps, EXIT. */

import { SIGINT } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { compileScript } from "./compile.ts";
import type { Node } from "./node.ts";
import { describeBash, describePosix, expandAliases, lineOfFailure, type ParsedSource, parseSource, type SyntaxFailure } from "./parse.ts";
import { Interrupted, type Shell, ShellError, ShellExit } from "./shell.ts";
import type { PseudoSignal } from "./traps.ts";

/** Runs the traps of signals that have come, and leaves the command on ^C. Called between commands. */
export function* attend(sh: Shell): Proc<void> {
  if (sh.interrupted) {
    sh.interrupted = false;
    throw new Interrupted();
  }
  while (sh.pendingTraps.length > 0 && !sh.inTrap) {
    const sig = sh.pendingTraps.shift() as number;
    const action = sh.traps.get(sig);
    if (action !== undefined && action !== "") yield* runTrap(sh, action);
    else if (sig === SIGINT) throw new Interrupted();
  }
}

/** Runs a trap's action; `$?` and the line are the interrupted command's again afterwards. */
export function* runTrap(sh: Shell, action: string): Proc<void> {
  const { status, line, jump, inTrap } = sh;
  sh.inTrap = true;
  sh.jump = "none";
  try {
    yield* runText(sh, action, "trap");
  } finally {
    sh.inTrap = inTrap;
  }
  sh.status = status;
  sh.line = line;
  if (sh.jump === "none") sh.jump = jump;
}

export function* runPseudoTrap(sh: Shell, name: PseudoSignal): Proc<void> {
  const action = sh.traps.get(name);
  if (action === undefined || action === "") return;
  const inTrap = sh.inTrap;
  if (name !== "RETURN" && inTrap) return;
  yield* runTrap(sh, action);
}

/** After a command that counts: a failure may run ERR and end the shell. */
export function* afterCommand(sh: Shell, status: number): Proc<void> {
  if (status === 0 || sh.conditionDepth > 0) return;
  sh.status = status;
  if (sh.traps.get("ERR") !== undefined && (sh.functionDepth === 0 || sh.options.has("errtrace"))) yield* runPseudoTrap(sh, "ERR");
  if (sh.options.errexit) throw new ShellExit(status);
}

/** Runs the EXIT trap once; the exit status, which the trap may change by `exit`. */
export function* runExitTrap(sh: Shell, status: number): Proc<number> {
  const action = sh.traps.get("EXIT");
  if (action === undefined || action === "") return status;
  sh.traps.set("EXIT", undefined);
  sh.status = status;
  try {
    yield* runTrap(sh, action);
    return sh.jump === "return" ? sh.status : status;
  } catch (e) {
    if (e instanceof ShellExit) return e.status;
    if (e instanceof ShellError) {
      yield* sh.complain(e);
      return e.status;
    }
    throw e;
  }
}

export type TextKind = "main" | "eval" | "source" | "trap" | "command";

/** Statements that the shell reads as one: those that share a line. */
interface Group {
  readonly first: number;
  readonly last: number;
}

function groupsOf(p: ParsedSource): Group[] {
  const groups: Group[] = [];
  const { statements, source } = p;
  for (let i = 0; i < statements.length; i++) {
    const before = statements[i - 1];
    const s = statements[i] as (typeof statements)[number];
    const last = groups[groups.length - 1];
    if (before !== undefined && last !== undefined && !source.slice(before.end, s.pos).includes("\n"))
      groups[groups.length - 1] = { first: last.first, last: i };
    else groups.push({ first: i, last: i });
  }
  const pos = p.failure?.pos;
  if (pos === undefined) return groups;
  // What stands on the lines before the error runs; the command in which it is does not.
  const good = groups.filter(
    (g) => (statements[g.last]?.end ?? 0) <= pos && source.slice(statements[g.last]?.end ?? 0, pos).includes("\n") && !isBroken(p, g),
  );
  return good;
}

/** A compound command that the parser could not close has an empty extent, or reaches over the error. */
function isBroken(p: ParsedSource, g: Group): boolean {
  const s = p.statements[g.last];
  if (s === undefined || p.failure === undefined) return true;
  return s.end <= s.pos || (/^(if|while|until|for|case|select|\{|\(|function\b)/.test(p.source.slice(s.pos)) && s.end <= s.pos + 1);
}

/** Runs shell text: each line's commands in turn, up to a syntax error, which is said. Returns the status of the last. */
export function* runText(sh: Shell, text: string, kind: TextKind, tail = false, first = 1): Proc<number> {
  const parsed = parseSource(text);
  // An alias may mend what is wrong without it: then the whole text is taken with the aliases of now.
  if (parsed.failure !== undefined && sh.aliases.size > 0 && expandsAliases(sh)) {
    const mended = expandAliases(text, sh.aliases);
    if (mended !== text && parseSource(mended).failure === undefined) return yield* runText(sh, mended, kind, tail, first);
  }
  const base = kind === "main" || kind === "source" || kind === "command" || kind === "eval" ? first : sh.line;
  const groups = groupsOf(parsed);
  let status = groups.length === 0 ? 0 : sh.status;
  for (let g = 0; g < groups.length; g++) {
    const isLast = g === groups.length - 1 && parsed.failure === undefined;
    let node: Node;
    try {
      node = compileGroup(sh, parsed, groups, g, base);
    } catch (e) {
      if (e instanceof CompileFailure) return yield* saySyntax(sh, e.failure, e.source, kind, base);
      throw e;
    }
    if (kind === "main" && sh.options.has("verbose") && !sh.readsStdin && !sh.agent)
      yield* sh.eprint(sourceLines(parsed, groups[g] as Group, groups[g - 1]));
    status = yield* runGroup(sh, node, kind, tail && isLast);
    if (sh.jump !== "none") return status;
    if (sh.options.noexec && !sh.interactive) break;
  }
  if (parsed.failure !== undefined) status = yield* saySyntax(sh, parsed.failure, parsed.source, kind, base);
  return status;
}

/** Compiles one line's commands with the aliases that hold when it is read. */
function compileGroup(sh: Shell, p: ParsedSource, groups: readonly Group[], g: number, base: number): Node {
  const group = groups[g] as Group;
  const statements = p.statements.slice(group.first, group.last + 1);
  if (sh.aliases.size > 0 && expandsAliases(sh)) {
    const start = statements[0]?.pos ?? 0;
    const next = groups[g + 1];
    const end = next === undefined ? p.source.length : (p.statements[next.first]?.pos ?? p.source.length);
    const slice = p.failure === undefined ? p.source.slice(start, end) : p.source.slice(start, statements[statements.length - 1]?.end);
    const spliced = expandAliases(slice, sh.aliases);
    if (spliced !== slice) {
      // What stands before keeps its lines, so that the numbers stay right.
      const parsed = parseSource(p.source.slice(0, start).replace(/[^\n]/g, "") + spliced);
      if (parsed.failure !== undefined) throw new CompileFailure(parsed.failure, parsed.source);
      return compileScript(sh, parsed.source, parsed.statements, base);
    }
  }
  return compileScript(sh, p.source, statements, base);
}

/** The lines of a group as they stand in the text, for `set -v`. */
function sourceLines(p: ParsedSource, g: Group, before: Group | undefined): string {
  const start = before === undefined ? 0 : p.source.indexOf("\n", p.statements[before.last]?.end ?? 0) + 1;
  const end = p.source.indexOf("\n", p.statements[g.last]?.end ?? 0);
  return `${p.source.slice(start, end < 0 ? undefined : end)}\n`;
}

export function expandsAliases(sh: Shell): boolean {
  return sh.flavour !== "bash" || sh.interactive || sh.options.shopt("expand_aliases");
}

/** Runs one line's commands; an error that drops the line is said here. */
function* runGroup(sh: Shell, node: Node, kind: TextKind, tail: boolean): Proc<number> {
  if (kind !== "main") return yield* node.run(sh, tail);
  const depth = sh.vars.depth;
  const { conditionDepth, loopDepth } = sh;
  try {
    return yield* node.run(sh, tail);
  } catch (e) {
    if (!(e instanceof ShellError)) throw e;
    yield* sh.complain(e);
    sh.vars.pop(depth);
    sh.conditionDepth = conditionDepth;
    sh.loopDepth = loopDepth;
    sh.functionDepth = 0;
    sh.callStack.length = 0;
    sh.status = e.status;
    sh.pipeStatus = [e.status];
    if (!sh.interactive && !sh.agent && (e.extent === "shell" || sh.options.errexit || sh.flavour !== "bash"))
      throw new ShellExit(e.status);
    return e.status;
  }
}

/** A construct that the parser takes but the flavour does not know, or that is wrong inside a substitution. */
export class CompileFailure {
  constructor(
    readonly failure: SyntaxFailure,
    readonly source: string,
  ) {}
}

/** Says what is wrong with a text; the status. */
export function* saySyntax(sh: Shell, f: SyntaxFailure, source: string, kind: TextKind, base: number): Proc<number> {
  const line = lineOfFailure(f, source, sh.flavour) + base - 1;
  if (sh.flavour === "bash") {
    const name = sh.sourceDepth > 0 && kind === "source" ? sh.sourceName : sh.arg0;
    const said = kind === "eval" ? "eval: " : kind === "trap" ? "trap: " : sh.commandString && kind === "main" ? "-c: " : "";
    const head = sh.interactive && kind === "main" ? `${name.replace(/^-/, "-")}: ` : `${name}: ${said}line ${line}: `;
    const messages = describeBash(f, source);
    if (sh.interactive && kind === "main" && messages.length === 2) messages.length = 1;
    for (const m of messages) yield* sh.eprint(`${head}${m}\n`);
    sh.status = 2;
    if (kind === "main" && !sh.interactive && !sh.agent) throw new ShellExit(2);
    return 2;
  }
  const before = sh.line;
  sh.line = line;
  const message = `${kind === "eval" && sh.flavour === "dash" ? "eval: " : ""}${describePosix(f, sh.flavour)}`;
  sh.status = 2;
  if (sh.interactive || sh.agent) {
    yield* sh.warn(message);
    sh.line = before;
    return 2;
  }
  throw new ShellError(message, 2, "shell");
}

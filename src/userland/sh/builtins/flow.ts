/** Builtins of control: break, continue, return, exit, shift, eval, `.`, exec, command, builtin, let, times, trap. */

import { findSignalName, findSignalNumber, SIGRTMAX } from "../../../abi/signal.ts";
import { EISDIR, ENOENT, Errno } from "../../../abi/errno.ts";
import { RUSAGE_CHILDREN, RUSAGE_SELF } from "../../../abi/resource.ts";
import { isDir } from "../../../abi/stat.ts";
import type { Proc } from "../../../abi/sys.ts";
import { readText, stat } from "../../libc/unistd.ts";
import { formatSeconds } from "../nodes-lists.ts";
import { SimpleCommand } from "../nodes-simple.ts";
import { enterChild, execute, findCommand, searchPath, statOf } from "../process.ts";
import { runText } from "../run.ts";
import { type Shell, ShellError, ShellExit } from "../shell.ts";
import { installTrap, type PseudoSignal } from "../traps.ts";
import { type Builtin, Call, has, valueOf } from "./call.ts";
import { findBuiltin } from "./index.ts";
import { describeCommand } from "./lookup.ts";

function leave(name: "break" | "continue"): Builtin {
  return {
    name,
    special: true,
    *run(c): Proc<number> {
      const { sh } = c;
      const text = c.args[0];
      if (sh.loopDepth === 0) {
        if (sh.flavour === "bash") yield* c.fail("only meaningful in a `for', `while', or `until' loop");
        return 0;
      }
      const n = text === undefined ? 1 : /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
      if (Number.isNaN(n)) {
        if (sh.flavour !== "bash")
          throw new ShellError(`${name}: ${sh.flavour === "dash" ? "Illegal number" : "Illegal number"}: ${text}`, 2, "shell");
        yield* c.fail(`${text}: numeric argument required`, 128);
        throw new ShellExit(128);
      }
      if (n < 1) {
        if (sh.flavour !== "bash") throw new ShellError(`${name}: Illegal number: ${text}`, 2, "shell");
        yield* c.fail(`${text}: loop count out of range`);
        sh.jump = "break";
        sh.jumpCount = sh.loopDepth;
        return 1;
      }
      sh.jump = name;
      sh.jumpCount = Math.min(n, sh.loopDepth);
      return 0;
    },
  };
}

export const breakBuiltin = leave("break");
export const continueBuiltin = leave("continue");

/** The status argument of exit and return; undefined (and said) if it is no number. */
function* statusArgument(c: Call): Proc<number | undefined> {
  const text = c.args[0] === "--" ? c.args[1] : c.args[0];
  if (text === undefined) return c.sh.status;
  if (/^ *[-+]?[0-9]+ *$/.test(text) && (c.sh.flavour === "bash" || /^[0-9]+$/.test(text))) return Number(text) & 255;
  if (c.sh.flavour !== "bash") throw new ShellError(`${c.name}: Illegal number: ${text}`, 2, "shell");
  yield* c.fail(`${text}: numeric argument required`, 2);
  return undefined;
}

export const returnBuiltin: Builtin = {
  name: "return",
  special: true,
  *run(c): Proc<number> {
    const { sh } = c;
    if (sh.functionDepth === 0 && sh.sourceDepth === 0) {
      if (sh.flavour === "bash") return yield* c.fail("can only `return' from a function or sourced script", 2);
      throw new ShellExit((yield* statusArgument(c)) ?? 2);
    }
    if (sh.flavour === "bash" && c.args.length > 1 && c.args[0] !== "--") return yield* c.fail("too many arguments", 1);
    const status = (yield* statusArgument(c)) ?? 2;
    sh.jump = "return";
    sh.status = status;
    return status;
  },
};

export const exit: Builtin = {
  name: "exit",
  special: true,
  *run(c): Proc<number> {
    const { sh } = c;
    if (sh.flavour === "bash" && c.args.length > 1 && /^[-+]?[0-9]+$/.test(c.args[0] ?? "")) return yield* c.fail("too many arguments", 1);
    if (sh.interactive && sh.subshellDepth === 0) {
      yield* sh.eprint(sh.login && sh.flavour === "bash" ? "logout\n" : sh.flavour === "bash" ? "exit\n" : "");
      if (!sh.warnedOfJobs && sh.jobs.list.some((j) => j.processes.some((p) => p.stopped))) {
        sh.warnedOfJobs = true;
        sh.warnsNow = true;
        yield* sh.eprint(sh.flavour === "bash" ? "There are stopped jobs.\n" : "You have stopped jobs.\n");
        return 1;
      }
    }
    throw new ShellExit((yield* statusArgument(c)) ?? 2);
  },
};

export const logout: Builtin = {
  name: "logout",
  flavours: ["bash"],
  *run(c): Proc<number> {
    if (!c.sh.login) return yield* c.fail("not login shell: use `exit'");
    return yield* exit.run(c);
  },
};

export const shift: Builtin = {
  name: "shift",
  special: true,
  *run(c): Proc<number> {
    const { sh } = c;
    const text = c.args[0] ?? "1";
    if (!/^-?[0-9]+$/.test(text)) {
      if (sh.flavour !== "bash") throw new ShellError(`shift: Illegal number: ${text}`, 2, "shell");
      return yield* c.fail(`${text}: numeric argument required`);
    }
    const n = Number(text);
    if (n < 0) return sh.flavour === "bash" ? yield* c.fail(`${text}: shift count out of range`) : 1;
    if (n > sh.positional.length) {
      if (sh.flavour === "dash") throw new ShellError("shift: can't shift that many", 2, "shell");
      if (sh.options.shopt("shift_verbose")) return yield* c.fail(`${text}: shift count out of range`);
      return 1;
    }
    sh.positional = sh.positional.slice(n);
    return 0;
  },
};

export const evalBuiltin: Builtin = {
  name: "eval",
  special: true,
  *run(c): Proc<number> {
    const args = c.args[0] === "--" ? c.args.slice(1) : c.args;
    // Lines are counted from where the command ends.
    const newlines = c.sh.currentCommand.split("\n").length - 1;
    return yield* runText(c.sh, args.join(" "), "eval", false, c.sh.line + newlines);
  },
};

/** The file that `.` means: in PATH, then (bash) here. */
function* findSource(sh: Shell, name: string): Proc<string | undefined> {
  if (name.includes("/")) return name;
  if (sh.flavour !== "bash" || sh.options.shopt("sourcepath")) {
    for (const dir of (sh.get("PATH") ?? "").split(":")) {
      const path = `${dir === "" ? "." : dir}/${name}`;
      const s = yield* statOf(sh, path);
      if (s !== undefined && !isDir(s.mode)) return path;
    }
  }
  return sh.flavour === "bash" ? name : undefined;
}

function source(name: string): Builtin {
  return {
    name,
    special: name === ".",
    usage: "filename [arguments]",
    ...(name === "source" ? { flavours: ["bash", "ash"] } : {}),
    *run(c): Proc<number> {
      const { sh } = c;
      const args = c.args[0] === "--" ? c.args.slice(1) : c.args;
      const file = args[0];
      if (file === undefined) {
        if (sh.flavour !== "bash")
          return yield* c.fail(sh.flavour === "dash" ? "filename argument required" : "filename argument required", 2);
        yield* c.fail("filename argument required", 2);
        return yield* c.wrongUsage();
      }
      const path = yield* findSource(sh, file);
      let text: string;
      try {
        if (path === undefined) throw ENOENT;
        const s = yield* stat(sh.sys, path);
        if (isDir(s.mode)) throw EISDIR;
        text = yield* readText(sh.sys, path);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* unreadable(c, file, path, e);
      }
      return yield* sourceText(sh, file, text, args.slice(1));
    },
  };
}

function* unreadable(c: Call, file: string, path: string | undefined, e: Errno): Proc<number> {
  const { sh } = c;
  if (sh.flavour === "bash") {
    if (e === EISDIR) return yield* c.fail(`${file}: is a directory`);
    yield* sh.warn(`${file}: ${e.message}`);
    return 1;
  }
  if (sh.flavour === "dash")
    throw new ShellError(
      path === undefined ? `.: ${file}: not found` : `.: cannot open ${file}: ${e === ENOENT ? "No such file" : e.message}`,
      2,
      "shell",
    );
  yield* c.fail(path === undefined ? `${file}: not found` : `can't open '${file}': ${e.message}`, 2);
  throw new ShellExit(2);
}

/** Runs a file's commands in this shell. */
export function* sourceText(sh: Shell, file: string, text: string, args: readonly string[]): Proc<number> {
  const { positional, sourceName, line } = sh;
  if (args.length > 0) sh.positional = args;
  sh.sourceName = file;
  sh.sourceDepth++;
  sh.callStack.push({ name: "source", source: file, line });
  try {
    let status = yield* runText(sh, text, "source");
    if (sh.jump === "return") {
      sh.jump = "none";
      status = sh.status;
    }
    return status;
  } finally {
    sh.callStack.pop();
    sh.sourceDepth--;
    sh.sourceName = sourceName;
    sh.line = line;
    if (args.length > 0) sh.positional = positional;
  }
}

export const dot = source(".");
export const sourceBuiltin = source("source");

export const exec: Builtin = {
  name: "exec",
  special: true,
  usage: "[-cl] [-a name] [command [argument ...]] [redirection ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = sh.flavour === "bash" ? yield* c.options("cla:") : { letters: [], operands: c.args[0] === "--" ? c.args.slice(1) : c.args };
    if (o === undefined) return 2;
    const name = o.operands[0];
    if (name === undefined) return 0;
    const path = yield* findCommand(sh, name);
    let argv = [...o.operands];
    const zero = valueOf(o, "a");
    if (zero !== undefined) argv[0] = zero;
    if (has(o, "l")) argv = [`-${argv[0]}`, ...argv.slice(1)];
    yield* c.flush();
    yield* sh.settle();
    if (path === undefined) {
      if (sh.flavour === "bash") yield* c.fail(`${name}: not found`);
      else yield* sh.warn(`${name}: not found`, "exec");
      if (sh.interactive || (sh.flavour === "bash" && sh.options.shopt("execfail"))) return 127;
      throw new ShellExit(127);
    }
    const there = yield* statOf(sh, path);
    if (sh.flavour === "bash" && there !== undefined && isDir(there.mode)) {
      yield* sh.warn(`${name}: ${EISDIR.message}`);
      yield* c.fail(`${name}: cannot execute: ${EISDIR.message}`);
      if (sh.interactive || sh.options.shopt("execfail")) return 126;
      throw new ShellExit(126);
    }
    if (sh.traps.installed.size > 0) yield* enterChild(sh, {});
    const env = has(o, "c") ? new Map<string, string>() : new Map(sh.vars.environ());
    // The program takes the shell's place, and so its level.
    if (sh.flavour === "bash" && env.has("SHLVL")) env.set("SHLVL", String(Number(env.get("SHLVL")) - 1));
    const status = yield* execute(sh, name, path, argv, env);
    if (sh.interactive || (sh.flavour === "bash" && sh.options.shopt("execfail"))) return status;
    throw new ShellExit(status);
  },
};

export const command: Builtin = {
  name: "command",
  usage: "[-pVv] command [arg ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options("pvV");
    if (o === undefined) return 2;
    const args = o.operands;
    if (has(o, "v") || has(o, "V")) {
      let status = args.length === 0 ? 0 : 1;
      // dash and ash look at the first name only.
      for (const name of sh.flavour === "bash" ? args : args.slice(0, 1))
        if (yield* describeCommand(c, name, has(o, "V") ? "verbose" : "short")) status = 0;
      if (sh.flavour !== "bash" && status === 1) return 127;
      return status;
    }
    const name = args[0];
    if (name === undefined) return 0;
    const builtin = findBuiltin(sh, name);
    if (builtin !== undefined) {
      const inner = new Call(sh, args, shiftArrays(c, args));
      inner.usage = builtin.usage ?? "";
      const status = yield* builtin.run(inner);
      return (yield* inner.flush()) ? status : 1;
    }
    return yield* runExternal(sh, args, has(o, "p") ? "/usr/local/bin:/usr/bin:/bin" : undefined);
  },
};

function shiftArrays(c: Call, args: readonly string[]): Call["arrays"] {
  const by = c.argv.length - args.length;
  return new Map([...c.arrays].map(([i, a]) => [i - by, a]));
}

function* runExternal(sh: Shell, args: readonly string[], path: string | undefined): Proc<number> {
  const found = path === undefined ? undefined : yield* searchPath(sh, args[0] as string, path);
  const node = new SimpleCommand(sh.line, args.join(" "), [], [], []);
  return yield* node.runProgram(sh, found ?? (args[0] as string), args, false);
}

export const builtin: Builtin = {
  name: "builtin",
  flavours: ["bash"],
  *run(c): Proc<number> {
    const name = c.args[0];
    if (name === undefined) return 0;
    const found = findBuiltin(c.sh, name);
    if (found === undefined) return yield* c.fail(`${name}: not a shell builtin`);
    const inner = new Call(c.sh, c.args, shiftArrays(c, c.args));
    inner.usage = found.usage ?? "";
    const status = yield* found.run(inner);
    return (yield* inner.flush()) ? status : 1;
  },
};

export const letBuiltin: Builtin = {
  name: "let",
  flavours: ["bash", "ash"],
  *run(c): Proc<number> {
    if (c.args.length === 0) return yield* c.fail("expression expected");
    let value: number | bigint = 0;
    for (const text of c.args) {
      try {
        value = c.sh.evaluate(text, "let");
      } catch (e) {
        if (!(e instanceof ShellError) || e.extent === "shell") throw e;
        yield* c.sh.complain(e);
        return 1;
      }
    }
    return value === 0 ? 1 : 0;
  },
};

export const times: Builtin = {
  name: "times",
  special: true,
  *run(c): Proc<number> {
    yield* c.sh.settle();
    for (const who of [RUSAGE_SELF, RUSAGE_CHILDREN]) {
      const r = yield* c.sh.sys.getrusage(who);
      const show = (ns: number): string =>
        c.sh.flavour === "bash" ? formatSeconds(ns, 3, true) : `${Math.floor(ns / 6e10)}m${((ns % 6e10) / 1e9).toFixed(6)}s`;
      c.print(`${show(r.utimeNs)} ${show(r.stimeNs)}\n`);
    }
    return 0;
  },
};

const PSEUDO: readonly string[] = ["EXIT", "ERR", "DEBUG", "RETURN"];

/** A condition of `trap`: a signal's number or name, 0 and EXIT, and bash's own. */
function findCondition(sh: Shell, text: string): number | PseudoSignal | undefined {
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (text === "0" || name === "EXIT") return "EXIT";
  if (sh.flavour === "bash" && PSEUDO.includes(name)) return name as PseudoSignal;
  const sig = findSignalNumber(text);
  return sig === 0 ? "EXIT" : sig;
}

function showTrap(sh: Shell, sig: number | PseudoSignal, action: string): string {
  const name = typeof sig === "string" ? sig : `${sh.flavour === "bash" ? "SIG" : ""}${findSignalName(sig)}`;
  return `trap -- '${action.replaceAll("'", sh.flavour === "bash" ? "'\\''" : "'\"'\"'")}' ${name}\n`;
}

export const trap: Builtin = {
  name: "trap",
  special: true,
  usage: "[-lp] [[arg] signal_spec ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = sh.flavour === "bash" ? yield* c.options("lp") : { letters: [], operands: c.args[0] === "--" ? c.args.slice(1) : c.args };
    if (o === undefined) return 2;
    const args = [...o.operands];
    if (has(o, "l")) {
      c.print(signalTable());
      return 0;
    }
    if (args.length === 0 || has(o, "p")) {
      const only = args.map((a) => findCondition(sh, a));
      for (const [sig, action] of sh.traps.entries()) if (args.length === 0 || only.includes(sig)) c.print(showTrap(sh, sig, action));
      return 0;
    }
    let action: string | undefined = args[0];
    if (args.length === 1 || (/^[0-9]+$/.test(action as string) && findCondition(sh, action as string) !== undefined)) {
      action = undefined;
      if (args.length === 1 && findCondition(sh, args[0] as string) === undefined) {
        return sh.flavour === "bash" ? yield* c.wrongUsage() : 1;
      }
    } else {
      args.shift();
      if (action === "-") action = undefined;
    }
    let status = 0;
    for (const text of args) {
      const sig = findCondition(sh, text);
      if (sig === undefined) {
        if (sh.flavour === "dash") yield* sh.eprint(`trap: ${text}: bad trap\n`);
        else yield* c.fail(sh.flavour === "bash" ? `${text}: invalid signal specification` : `${text}: invalid signal specification`);
        status = 1;
        continue;
      }
      if (typeof sig === "number" && sh.traps.ignoredAtStart.has(sig)) continue;
      sh.traps.set(sig, action);
      if (typeof sig === "number") yield* installTrap(sh, sig);
      sh.refreshFast();
    }
    return status;
  },
};

/** `kill -l`, `trap -l`: five names a line. */
export function signalTable(): string {
  let out = "";
  let column = 0;
  for (let sig = 1; sig <= SIGRTMAX; sig++) {
    if (sig === 32 || sig === 33) continue;
    out += `${String(sig).padStart(2)}) SIG${findSignalName(sig)}`;
    out += ++column % 5 === 0 ? "\n" : "\t";
  }
  return column % 5 === 0 ? out : `${out}\n`;
}

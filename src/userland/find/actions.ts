/** The actions of find(1) by name: findutils `pred.c`. */

import { Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { quote } from "../libc/quotearg.ts";
import { Output } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";
import { ask, Batch, run, splitDir, unsafePath } from "./exec.ts";
import { ExpressionError } from "./expression.ts";
import type { Parsing } from "./parsing.ts";
import type { Maker } from "./predicates.ts";
import { compileFormat, format, lsLine } from "./printf.ts";
import type { Visit } from "./walk.ts";

/** Thrown by -quit. */
export class Quit {}

/** The stream of -fprint and its kin: created at once, shared by all that name the same file. */
function* file(p: Parsing): Proc<Output> {
  const path = p.argument();
  const known = p.files.get(path);
  if (known !== undefined) return known;
  try {
    const fd = yield* open(p.c.sys, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    const output = new Output(p.c.sys, fd);
    p.files.set(path, output);
    return output;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new ExpressionError(`${quote(path)}: ${e.message}`);
  }
}

const print = (end: string, toFile: boolean): Maker =>
  function* (p) {
    const out = toFile ? yield* file(p) : p.c.stdout;
    return function* (visit) {
      yield* out.print(visit.path + end);
      return true;
    };
  };

const printf = (toFile: boolean): Maker =>
  function* (p) {
    const out = toFile ? yield* file(p) : p.c.stdout;
    const text = p.argument();
    let compiled: ReturnType<typeof compileFormat>;
    try {
      compiled = compileFormat(text);
    } catch (e) {
      if (typeof e === "string") throw new ExpressionError(e);
      throw e;
    }
    for (const warning of compiled.warnings) yield* p.c.warn(warning);
    const context = { sys: p.c.sys, names: p.names, nowSec: p.nowSec };
    return function* (visit) {
      yield* out.print(yield* format(context, compiled.segments, visit));
      return true;
    };
  };

const ls = (toFile: boolean): Maker =>
  function* (p) {
    const out = toFile ? yield* file(p) : p.c.stdout;
    return function* (visit) {
      yield* out.print(yield* lsLine({ sys: p.c.sys, names: p.names, nowSec: p.nowSec }, visit));
      return true;
    };
  };

function* remove(p: Parsing): Proc<(visit: Visit) => Proc<boolean>> {
  p.options.depthFirst = true;
  p.deletes = true;
  return function* (visit) {
    if (visit.path === ".") return true;
    try {
      yield* p.c.sys.unlinkat(AT_FDCWD, visit.path, isDir((yield* visit.lstat()).mode) ? AT_REMOVEDIR : 0);
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* p.failed(`cannot delete ${quote(visit.path)}`, e);
      return false;
    }
  };
}

interface ExecKind {
  readonly inDirectory: boolean;
  readonly asks: boolean;
}

/** Reads the command up to `;` or `{} +`. */
function commandWords(p: Parsing, kind: ExecKind): { words: string[]; batch: boolean } {
  const words: string[] = [];
  for (;;) {
    const word = p.args[p.at];
    if (word === undefined) throw new ExpressionError(p.busybox ? `${p.name} requires an argument` : `missing argument to \`${p.name}'`);
    p.at++;
    if (word === ";") break;
    // busybox ends at any `+`, and finds the {} wherever it stands.
    if (word === "+" && !kind.asks && (p.busybox || words.at(-1)?.includes("{}"))) {
      if (!p.busybox) {
        if (words.at(-1) !== "{}")
          throw new ExpressionError(
            `In ${quote(`${p.name} ... {} +`)} the ${quote("{}")} must appear by itself, but you specified ${quote(words.at(-1) ?? "")}`,
          );
        if (words.filter((w) => w.includes("{}")).length > 1)
          throw new ExpressionError(`Only one instance of {} is supported with ${p.name} ... +`);
      }
      return { words, batch: true };
    }
    words.push(word);
  }
  if (words.length === 0) throw new ExpressionError(p.busybox ? `${p.name} requires an argument` : `missing argument to \`${p.name}'`);
  return { words, batch: false };
}

const exec = (kind: ExecKind): Maker =>
  function* (p) {
    const unsafe = kind.inDirectory ? unsafePath(p.c.env.get("PATH")) : undefined;
    if (unsafe !== undefined) throw new ExpressionError(unsafe);
    const { words, batch } = commandWords(p, kind);
    if (batch) {
      const at = Math.max(words.indexOf("{}"), 0);
      const collect = new Batch(p.c, words.slice(0, at), words.slice(at + 1), kind.inDirectory);
      p.batches.push(collect);
      return function* (visit) {
        yield* collect.add(visit);
        return true;
      };
    }
    return function* (visit) {
      const { dir, base } = splitDir(visit);
      const name = kind.inDirectory ? base : visit.path;
      if (kind.asks && !(yield* ask(p.c, words[0] ?? "", visit.path))) return false;
      const argv = words.map((word) => word.replaceAll("{}", () => name));
      return yield* run(p.c, argv, kind.inDirectory ? dir : undefined, kind.asks);
    };
  };

export const actions: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["-print", print("\n", false)],
  ["-print0", print("\0", false)],
  ["-printf", printf(false)],
  ["-fprint", print("\n", true)],
  ["-fprint0", print("\0", true)],
  ["-fprintf", printf(true)],
  ["-ls", ls(false)],
  ["-fls", ls(true)],
  ["-delete", remove],
  ["-exec", exec({ inDirectory: false, asks: false })],
  ["-execdir", exec({ inDirectory: true, asks: false })],
  ["-ok", exec({ inDirectory: false, asks: true })],
  ["-okdir", exec({ inDirectory: true, asks: true })],
  [
    "-prune",
    function* (p) {
      p.prunes = true;
      return function* (visit) {
        visit.pruned = true;
        return true;
      };
    },
  ],
  [
    "-quit",
    function* () {
      return function* (): Proc<boolean> {
        throw new Quit();
      };
    },
  ],
]);

/** Actions that leave the implied -print in place. */
export const silentActions: ReadonlySet<string> = new Set(["-prune", "-quit"]);

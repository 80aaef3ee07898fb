/** cd, pwd, pushd, popd, dirs: logical paths, CDPATH, the directory stack. */

import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, Errno } from "../../../abi/errno.ts";
import { isDir } from "../../../abi/stat.ts";
import type { Proc } from "../../../abi/sys.ts";
import { optional, stat } from "../../libc/unistd.ts";
import type { Shell } from "../shell.ts";
import type { Builtin, Call } from "./call.ts";

/** An absolute path without `.` and `..`, by text alone. */
export function normalise(path: string): string {
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") out.pop();
    else out.push(part);
  }
  return `/${out.join("/")}`;
}

const UNKNOWN = [EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR];

/** Whether a path names the current directory. */
export function* isHere(sh: Shell, path: string): Proc<boolean> {
  if (!path.startsWith("/")) return false;
  // Of a directory that may not be searched nothing is known.
  const here = yield* optional(stat(sh.sys, "."), UNKNOWN);
  const there = yield* optional(stat(sh.sys, path), UNKNOWN);
  return here !== undefined && there !== undefined && here.ino === there.ino && here.dev === there.dev;
}

/** getcwd(3): a place outside of the root has no name. Errors: ENOENT. */
export function* workingDirectory(sh: Shell): Proc<string> {
  const dir = yield* sh.sys.getcwd();
  if (!dir.startsWith("/")) throw ENOENT;
  return dir;
}

/** Changes to a directory and keeps PWD and OLDPWD. Throws the errno if it cannot. */
export function* changeDirectory(sh: Shell, path: string, physical: boolean): Proc<void> {
  let target: string;
  if (physical) {
    yield* sh.sys.chdir(path);
    target = yield* sh.sys.getcwd();
  } else {
    target = normalise(path.startsWith("/") ? path : `${sh.cwd}/${path}`);
    // `..` after a component that is no directory must fail, though by text it would vanish.
    if (path.includes("..")) {
      const before = path.slice(0, path.lastIndexOf("..")).replace(/\/+$/, "");
      if (before !== "" && !/^(\.\.\/?|\.\/?)+$/.test(before) && !isDir((yield* stat(sh.sys, before)).mode)) throw ENOTDIR;
    }
    yield* sh.sys.chdir(target);
  }
  sh.set("OLDPWD", sh.get("PWD") ?? sh.cwd);
  sh.cwd = target;
  sh.set("PWD", target);
}

function* fails(c: Call, shown: string, e: Errno): Proc<number> {
  const { flavour } = c.sh;
  if (flavour === "bash") return yield* c.fail(`${shown}: ${e.message}`);
  return yield* c.fail(flavour === "dash" ? `can't cd to ${shown}` : `can't cd to ${shown}: ${e.message}`, 2);
}

export const cd: Builtin = {
  name: "cd",
  usage: "[-L|[-P [-e]] [-@]] [dir]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options(sh.flavour === "bash" ? "LPe@" : "LP");
    if (o === undefined) return 2;
    const physical =
      (o.letters.findLast((x) => x.letter === "L" || x.letter === "P")?.letter ?? (sh.options.has("physical") ? "P" : "L")) === "P";
    if (o.operands.length > 1 && sh.flavour === "bash") return yield* c.fail("too many arguments");
    let dir = o.operands[0];
    let shows = false;
    if (dir === undefined) {
      dir = sh.get("HOME");
      if (dir === undefined) return sh.flavour === "bash" ? yield* c.fail("HOME not set") : 0;
      if (dir === "") return 0;
    } else if (dir === "-") {
      dir = sh.get("OLDPWD");
      if (dir === undefined) return sh.flavour === "bash" ? yield* c.fail("OLDPWD not set") : 0;
      shows = true;
    }
    if (dir === "" && (sh.get("CDPATH") ?? "") === "") return 0;
    let path = dir;
    if (!/^(\/|\.\.?(\/|$))/.test(dir)) {
      for (const base of (sh.get("CDPATH") ?? "").split(":")) {
        if (base === "") continue;
        const candidate = dir === "" ? base : `${base.replace(/\/$/, "")}/${dir}`;
        const s = yield* optional(stat(sh.sys, candidate), UNKNOWN);
        if (s === undefined || !isDir(s.mode)) continue;
        path = candidate;
        shows = true;
        break;
      }
    }
    try {
      yield* changeDirectory(sh, path, physical);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* fails(c, dir, e);
    }
    if (shows) c.print(`${sh.cwd}\n`);
    return 0;
  },
};

export const pwd: Builtin = {
  name: "pwd",
  usage: "[-LP]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options("LP");
    if (o === undefined) return 2;
    const physical = (o.letters[o.letters.length - 1]?.letter ?? (sh.options.has("physical") ? "P" : "L")) === "P";
    if (!physical) {
      c.print(`${sh.cwd}\n`);
      return 0;
    }
    try {
      c.print(`${yield* workingDirectory(sh)}\n`);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (sh.flavour !== "bash") return yield* c.fail(`getcwd() failed: ${e.message}`);
      yield* sh.eprint(`pwd: error retrieving current directory: getcwd: cannot access parent directories: ${e.message}\n`);
      return 1;
    }
    return 0;
  },
};

function abbreviate(sh: Shell, path: string, long: boolean): string {
  const home = sh.get("HOME");
  return !long && home !== undefined && home !== "/" && (path === home || path.startsWith(`${home}/`))
    ? `~${path.slice(home.length)}`
    : path;
}

function printStack(c: Call, long: boolean, vertical: boolean, numbered: boolean): void {
  const all = [c.sh.cwd, ...c.sh.directoryStack].map((p) => abbreviate(c.sh, p, long));
  if (numbered) c.print(all.map((p, i) => `${String(i).padStart(2)}  ${p}\n`).join(""));
  else c.print(`${all.join(vertical ? "\n" : " ")}\n`);
}

/** The place in the stack that `+n` or `-n` means; undefined where the argument is no such thing. */
function place(text: string, size: number): number | undefined {
  const m = /^([-+])([0-9]+)$/.exec(text);
  if (m === null) return undefined;
  return m[1] === "+" ? Number(m[2]) : size - 1 - Number(m[2]);
}

function* go(c: Call, path: string): Proc<boolean> {
  try {
    yield* changeDirectory(c.sh, path, false);
    return true;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`${path}: ${e.message}`);
    return false;
  }
}

export const pushd: Builtin = {
  name: "pushd",
  flavours: ["bash"],
  usage: "[-n] [+N | -N | dir]",
  *run(c): Proc<number> {
    const { sh } = c;
    const stays = c.args[0] === "-n";
    const text = stays ? c.args[1] : c.args[0];
    if (c.args.length > (stays ? 2 : 1)) return yield* c.fail("too many arguments");
    const all = [sh.cwd, ...sh.directoryStack];
    if (text === undefined) {
      const next = sh.directoryStack[0];
      if (next === undefined) return yield* c.fail("no other directory");
      const here = sh.cwd;
      if (!(yield* go(c, next))) return 1;
      sh.directoryStack = [here, ...sh.directoryStack.slice(1)];
    } else {
      const n = place(text, all.length);
      if (n === undefined) {
        const here = sh.cwd;
        if (stays) sh.directoryStack = [text, ...sh.directoryStack];
        else {
          if (!(yield* go(c, text === "-" ? (sh.get("OLDPWD") ?? "") : text))) return 1;
          sh.directoryStack = [here, ...sh.directoryStack];
        }
      } else {
        if (all.length === 1) return yield* c.fail("directory stack empty");
        if (n < 0 || n >= all.length) return yield* c.fail(`${text}: directory stack index out of range`);
        const rotated = [...all.slice(n), ...all.slice(0, n)];
        if (!(yield* go(c, rotated[0] as string))) return 1;
        sh.directoryStack = rotated.slice(1);
      }
    }
    printStack(c, false, false, false);
    return 0;
  },
};

export const popd: Builtin = {
  name: "popd",
  flavours: ["bash"],
  usage: "[-n] [+N | -N]",
  *run(c): Proc<number> {
    const { sh } = c;
    const stays = c.args[0] === "-n";
    const text = stays ? c.args[1] : c.args[0];
    if (sh.directoryStack.length === 0) return yield* c.fail("directory stack empty");
    const all = [sh.cwd, ...sh.directoryStack];
    const n = text === undefined ? 0 : place(text, all.length);
    if (n === undefined) {
      yield* c.fail(`${text}: invalid argument`, 2);
      return yield* c.wrongUsage();
    }
    if (n < 0 || n >= all.length) return yield* c.fail(`${text}: directory stack index out of range`);
    if (n === 0 && !stays) {
      if (!(yield* go(c, sh.directoryStack[0] as string))) return 1;
      sh.directoryStack = sh.directoryStack.slice(1);
    } else sh.directoryStack = sh.directoryStack.filter((_, i) => i !== Math.max(n, 1) - 1);
    printStack(c, false, false, false);
    return 0;
  },
};

export const dirs: Builtin = {
  name: "dirs",
  flavours: ["bash"],
  usage: "[-clpv] [+N] [-N]",
  *run(c): Proc<number> {
    const { sh } = c;
    const letters = c.args.filter((a) => /^-[clpv]+$/.test(a)).join("");
    const all = [sh.cwd, ...sh.directoryStack];
    const text = c.args.find((a) => /^[-+][0-9]+$/.test(a));
    const wrong = c.args.find((a) => !/^-[clpv]+$/.test(a) && !/^[-+][0-9]+$/.test(a));
    if (wrong !== undefined) {
      yield* c.fail(`${wrong}: invalid option`, 2);
      return yield* c.wrongUsage();
    }
    if (letters.includes("c")) sh.directoryStack = [];
    else if (text !== undefined) {
      const path = all[place(text, all.length) as number];
      if (path === undefined) return yield* c.fail(`${text.slice(1)}: directory stack index out of range`);
      c.print(`${abbreviate(sh, path, letters.includes("l"))}\n`);
    } else printStack(c, letters.includes("l"), letters.includes("p"), letters.includes("v"));
    return 0;
  },
};

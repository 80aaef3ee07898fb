/** type, hash, and what `command -v` says. */

import { isReg } from "../../../abi/stat.ts";
import type { Proc } from "../../../abi/sys.ts";
import { findCommand, searchPath, statOf } from "../process.ts";
import type { Shell } from "../shell.ts";
import { type Builtin, type Call, has, valueOf } from "./call.ts";
import { KEYWORDS } from "../keywords.ts";
import { findBuiltin } from "./index.ts";

const POSIX_KEYWORDS = new Set([
  "if",
  "then",
  "else",
  "elif",
  "fi",
  "case",
  "esac",
  "for",
  "while",
  "until",
  "do",
  "done",
  "in",
  "{",
  "}",
  "!",
]);

export function isKeyword(sh: Shell, name: string): boolean {
  return (sh.flavour === "bash" ? KEYWORDS : POSIX_KEYWORDS).has(name);
}

type Style = "verbose" | "short" | "type";

/** Prints what a name is; false (and said) if it is nothing. */
export function* describeCommand(c: Call, name: string, style: Style, all = false, pathOnly = false): Proc<boolean> {
  const { sh } = c;
  let found = false;
  const say = (verbose: string, short: string, type: string): boolean => {
    c.print(`${style === "verbose" ? verbose : style === "short" ? short : type}\n`);
    found = true;
    return !all;
  };
  if (!pathOnly) {
    const alias = sh.aliases.get(name);
    if (alias !== undefined && (sh.flavour !== "bash" || sh.interactive || sh.options.shopt("expand_aliases"))) {
      const verbose = sh.flavour === "bash" ? `${name} is aliased to \`${alias}'` : `${name} is an alias for ${alias}`;
      if (say(verbose, `alias ${name}='${alias}'`, "alias")) return true;
    }
    if (isKeyword(sh, name) && say(`${name} is a shell keyword`, name, "keyword")) return true;
    const special = findBuiltin(sh, name);
    const f = sh.functions.get(name);
    if (
      f !== undefined &&
      say(
        sh.flavour === "bash"
          ? `${name} is a function\n${f.print()}`
          : `${name} is a ${sh.flavour === "dash" ? "shell function" : "function"}`,
        name,
        "function",
      )
    )
      return true;
    if (
      special !== undefined &&
      say(`${name} is a ${special.special === true && sh.flavour !== "bash" ? "special " : ""}shell builtin`, name, "builtin")
    )
      return true;
  }
  if (yield* describeFile(c, name, all, say)) return true;
  if (!found && style === "verbose") {
    const text = `${name}: not found`;
    if (sh.flavour === "bash") yield* sh.warn(text, c.name);
    else c.print(`${text}\n`);
  }
  return found;
}

function* describeFile(c: Call, name: string, all: boolean, say: (verbose: string, short: string, type: string) => boolean): Proc<boolean> {
  const { sh } = c;
  if (name.includes("/")) {
    const s = yield* statOf(sh, name);
    if (s !== undefined && (s.mode & 0o111) !== 0 && isReg(s.mode)) return say(`${name} is ${name}`, name, "file");
    return false;
  }
  const known = all ? undefined : sh.commandHash.get(name)?.path;
  if (known !== undefined)
    return say(sh.flavour === "bash" ? `${name} is hashed (${known})` : `${name} is a tracked alias for ${known}`, known, "file");
  for (const dir of (sh.get("PATH") ?? "").split(":")) {
    const path = `${dir === "" ? "." : dir.replace(/\/$/, "")}/${name}`;
    const s = yield* statOf(sh, path);
    if (s === undefined || !isReg(s.mode) || (s.mode & 0o111) === 0) continue;
    // dash remembers what it has been asked for.
    if (sh.flavour === "dash") sh.commandHash.set(name, { path, hits: 0 });
    if (say(`${name} is ${path}`, path, "file")) return true;
  }
  return false;
}

export const type: Builtin = {
  name: "type",
  usage: "[-afptP] name [name ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = sh.flavour === "bash" ? yield* c.options("afptP") : { letters: [], operands: c.args };
    if (o === undefined) return 2;
    let status = 0;
    for (const name of o.operands) {
      if (has(o, "p") || has(o, "P")) {
        const isFile = has(o, "P") || (!isKeyword(sh, name) && findBuiltin(sh, name) === undefined && !sh.functions.has(name));
        const path = isFile ? yield* searchPath(sh, name, sh.get("PATH") ?? "") : undefined;
        if (path !== undefined) c.print(`${path}\n`);
        else if (isFile) status = 1;
        continue;
      }
      const found = yield* describeCommand(c, name, has(o, "t") ? "type" : "verbose", has(o, "a"));
      if (!found) status = sh.flavour === "bash" ? 1 : 127;
      yield* c.flush();
    }
    return status;
  },
};

export const hash: Builtin = {
  name: "hash",
  usage: "[-lr] [-p pathname] [-dt] [name ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options(sh.flavour === "bash" ? "lrp:dt" : "rv");
    if (o === undefined) return 2;
    const table = sh.commandHash;
    if (has(o, "r")) table.clear();
    const path = valueOf(o, "p");
    if (o.operands.length === 0) {
      if (has(o, "r")) return 0;
      if (table.size === 0) {
        if (sh.flavour === "bash") c.print("hash: hash table empty\n");
        return 0;
      }
      if (sh.flavour === "bash" && !has(o, "l")) c.print("hits\tcommand\n");
      for (const [name, e] of table) {
        if (has(o, "l")) c.print(`builtin hash -p ${e.path} ${name}\n`);
        else c.print(sh.flavour === "bash" ? `${String(e.hits).padStart(4)}\t${e.path}\n` : `${e.path}\n`);
      }
      return 0;
    }
    let status = 0;
    for (const name of o.operands) {
      if (path !== undefined) table.set(name, { path, hits: 0 });
      else if (has(o, "d")) {
        if (!table.delete(name)) status = yield* c.fail(`${name}: not found`);
      } else if (has(o, "t")) {
        const e = table.get(name);
        if (e === undefined) status = yield* c.fail(`${name}: not found`);
        else c.print(o.operands.length > 1 ? `${name}\t${e.path}\n` : `${e.path}\n`);
      } else {
        if (findBuiltin(sh, name) !== undefined || name.includes("/")) continue;
        table.delete(name);
        const found = yield* findCommand(sh, name);
        if (found === undefined) status = yield* c.fail(`${name}: not found`);
        else {
          const e = table.get(name);
          if (e !== undefined) e.hits = 0;
        }
      }
    }
    return status;
  },
};

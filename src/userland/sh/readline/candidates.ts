/** What a word at the cursor can become: commands, files, variables, users. */

import { EACCES, ELOOP, ENOENT, ENOTDIR } from "../../../abi/errno.ts";
import { DT_DIR, DT_LNK, isDir, isReg } from "../../../abi/stat.ts";
import type { Proc } from "../../../abi/sys.ts";
import { compareBytes } from "../../libc/glob.ts";
import { optional, readDir, stat } from "../../libc/unistd.ts";
import { builtinsOf } from "../builtins/index.ts";
import { KEYWORDS } from "../keywords.ts";
import type { Shell } from "../shell.ts";
import { findHome, readPasswd } from "../users.ts";

const NOTHING = [ENOENT, ENOTDIR, EACCES, ELOOP];

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort(compareBytes);

/** Commands that begin so: keywords, aliases, functions, builtins, programs in PATH. */
export function* completeCommand(sh: Shell, prefix: string): Proc<string[]> {
  const names = new Set<string>();
  const add = (name: string): void => {
    if (name.startsWith(prefix)) names.add(name);
  };
  KEYWORDS.forEach(add);
  for (const name of sh.aliases.keys()) add(name);
  for (const name of sh.functions.keys()) add(name);
  for (const name of builtinsOf(sh).keys()) add(name);
  for (const dir of (sh.get("PATH") ?? "").split(":")) {
    for (const e of (yield* optional(readDir(sh.sys, dir === "" ? "." : dir), NOTHING)) ?? []) {
      if (!e.name.startsWith(prefix) || names.has(e.name) || e.type === DT_DIR) continue;
      const s = yield* optional(stat(sh.sys, `${dir}/${e.name}`), NOTHING);
      if (s !== undefined && isReg(s.mode) && (s.mode & 0o111) !== 0) names.add(e.name);
    }
  }
  return sorted(names);
}

/** Files whose path begins so; directories end in a slash. */
export function* completeFile(sh: Shell, prefix: string, directories: boolean): Proc<string[]> {
  const slash = prefix.lastIndexOf("/");
  const shown = prefix.slice(0, slash + 1);
  const name = prefix.slice(slash + 1);
  let dir = shown === "" ? "." : shown;
  const tilde = /^~([^/]*)\//.exec(shown);
  if (tilde !== null) {
    const home = tilde[1] === "" ? sh.get("HOME") : yield* findHome(sh.sys, tilde[1]);
    if (home !== undefined) dir = home + shown.slice(tilde[0].length - 1);
  }
  const out: string[] = [];
  for (const e of (yield* optional(readDir(sh.sys, dir), NOTHING)) ?? []) {
    if (!e.name.startsWith(name) || e.name === "." || e.name === "..") continue;
    if (name === "" && e.name.startsWith(".")) continue;
    let isDirectory = e.type === DT_DIR;
    if (e.type === DT_LNK) {
      const s = yield* optional(stat(sh.sys, `${dir}/${e.name}`), NOTHING);
      isDirectory = s !== undefined && isDir(s.mode);
    }
    if (directories && !isDirectory) continue;
    out.push(shown + e.name + (isDirectory ? "/" : ""));
  }
  return sorted(out);
}

export function completeVariable(sh: Shell, prefix: string): string[] {
  return sorted(
    sh.vars
      .all()
      .filter((v) => v.isSet && v.name.startsWith(prefix))
      .map((v) => v.name),
  );
}

/** Users, with the tilde before and a slash after. */
export function* completeUser(sh: Shell, prefix: string): Proc<string[]> {
  const users = yield* readPasswd(sh.sys);
  return sorted(users.filter((u) => u.name.startsWith(prefix)).map((u) => `~${u.name}/`));
}

/** The builtins of the three shells, in one list; a flavour has those that name it, or name none. */

import type { Shell } from "../shell.ts";
import type { Builtin } from "./call.ts";
import { cd, dirs, popd, pushd, pwd } from "./directory.ts";
import {
  breakBuiltin,
  builtin,
  command,
  continueBuiltin,
  dot,
  evalBuiltin,
  exec,
  exit,
  letBuiltin,
  logout,
  returnBuiltin,
  shift,
  sourceBuiltin,
  times,
  trap,
} from "./flow.ts";
import { bg, disown, fg, jobs, kill, suspend, wait } from "./jobs.ts";
import { hash, type } from "./lookup.ts";
import { bracket, colon, echo, falseBuiltin, printf, test, trueBuiltin } from "./output.ts";
import { mapfile, read, readarray } from "./read.ts";
import { caller, compgen, complete, fc, help, history } from "./session.ts";
import { alias, enable, getopts, set, shopt, ulimit, umask, unalias } from "./settings.ts";
import { declare, exportBuiltin, local, readonlyBuiltin, typeset, unset } from "./variables.ts";

const all: readonly Builtin[] = [
  alias,
  bg,
  bracket,
  breakBuiltin,
  builtin,
  caller,
  cd,
  { ...cd, name: "chdir", flavours: ["dash", "ash"] },
  colon,
  command,
  compgen,
  complete,
  continueBuiltin,
  declare,
  dirs,
  disown,
  dot,
  echo,
  enable,
  evalBuiltin,
  exec,
  exit,
  exportBuiltin,
  falseBuiltin,
  fc,
  fg,
  getopts,
  hash,
  help,
  history,
  jobs,
  kill,
  letBuiltin,
  local,
  logout,
  mapfile,
  popd,
  printf,
  pushd,
  pwd,
  read,
  readarray,
  readonlyBuiltin,
  returnBuiltin,
  set,
  shift,
  shopt,
  sourceBuiltin,
  suspend,
  test,
  times,
  trap,
  trueBuiltin,
  type,
  typeset,
  ulimit,
  umask,
  unalias,
  unset,
  wait,
];

const tables = new Map<string, ReadonlyMap<string, Builtin>>();

/** The builtins of a shell by name. */
export function builtinsOf(sh: Shell): ReadonlyMap<string, Builtin> {
  let table = tables.get(sh.flavour);
  if (table === undefined) {
    table = new Map(all.filter((b) => b.flavours === undefined || b.flavours.includes(sh.flavour)).map((b) => [b.name, b]));
    tables.set(sh.flavour, table);
  }
  return table;
}

/** The builtin of that name, unless `enable -n` has switched it off. */
export function findBuiltin(sh: Shell, name: string): Builtin | undefined {
  if (sh.enabled?.has(name) === true) return undefined;
  return builtinsOf(sh).get(name);
}

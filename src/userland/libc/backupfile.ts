/** Backups of files about to be overwritten: gnulib's backupfile, for cp, mv, ln and install. */

import type { Proc } from "../../abi/sys.ts";
import type { Command } from "./command.ts";
import type { Option } from "./getopt.ts";
import { argmatch } from "./operands.ts";
import { basename, dirname, readDir } from "./unistd.ts";

export type BackupType = "none" | "simple" | "existing" | "numbered";

export interface Backup {
  readonly type: BackupType;
  readonly suffix: string;
}

const controls: readonly (readonly [string, BackupType])[] = [
  ["none", "none"],
  ["off", "none"],
  ["simple", "simple"],
  ["never", "simple"],
  ["existing", "existing"],
  ["nil", "existing"],
  ["numbered", "numbered"],
  ["t", "numbered"],
];

/** What `-b`, `--backup` and `-S` among the options ask for, with VERSION_CONTROL and SIMPLE_BACKUP_SUFFIX. */
export function backupOf(c: Command, options: readonly Option[]): Backup {
  const suffixOption = options.findLast((o) => o.name === "S");
  const asked = options.findLast((o) => o.name === "b");
  const fromEnv = c.env.get("SIMPLE_BACKUP_SUFFIX");
  const suffix = suffixOption?.arg ?? (fromEnv === undefined || fromEnv === "" || fromEnv.includes("/") ? "~" : fromEnv);
  if (asked === undefined && suffixOption === undefined) return { type: "none", suffix };
  const control = options.findLast((o) => o.name === "b" && o.hasArg)?.arg;
  if (control !== undefined) return { type: argmatch(c, "backup type", control, controls), suffix };
  const env = c.env.get("VERSION_CONTROL");
  return { type: env === undefined || env === "" ? "existing" : argmatch(c, "$VERSION_CONTROL", env, controls), suffix };
}

/** The name under which `path` is kept. */
export function* backupName(c: Command, path: string, backup: Backup): Proc<string> {
  if (backup.type === "simple") return path + backup.suffix;
  const name = basename(path);
  let highest = 0;
  for (const entry of yield* readDir(c.sys, dirname(path))) {
    const number = entry.name.startsWith(`${name}.~`) ? /^([1-9][0-9]*)~$/.exec(entry.name.slice(name.length + 2)) : null;
    if (number !== null) highest = Math.max(highest, Number(number[1]));
  }
  if (backup.type === "existing" && highest === 0) return path + backup.suffix;
  return `${path}.~${highest + 1}~`;
}

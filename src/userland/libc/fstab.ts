/** fstab(5), as libmount parses it. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { optional, readText } from "./unistd.ts";

export interface FstabEntry {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: string;
}

export interface Fstab {
  readonly entries: readonly FstabEntry[];
  /** Numbers of lines that mean nothing. */
  readonly badLines: readonly number[];
}

/** The lines of `path`; none where there is no such file. */
export function* readFstab(sys: Sys, path: string): Proc<Fstab> {
  const text = (yield* optional(readText(sys, path))) ?? "";
  const entries: FstabEntry[] = [];
  const badLines: number[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const fields = line.trim().split(/\s+/);
    const [source = "", target, type, options = "defaults"] = fields;
    if (source === "" || source.startsWith("#")) continue;
    if (target === undefined || type === undefined) badLines.push(i + 1);
    else entries.push({ source, target, type, options });
  }
  return { entries, badLines };
}

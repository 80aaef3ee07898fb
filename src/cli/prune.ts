/** What the prunes have in common: a question before, filters of the configuration, the sum after. Real counterpart: docker/cli `cli/command/utils.go`. */

import type { Proc } from "../abi/sys.ts";
import { decodeUtf8 } from "../abi/utf8.ts";
import type { Cli } from "./cli.ts";
import { CliError } from "./errors.ts";
import { cut, type FilterValues } from "./flags.ts";
import { humanSize } from "./format/units.ts";

/** Whether the visitor types `y`. Blocks. */
export function* confirm(cli: Cli, message: string): Proc<boolean> {
  yield* cli.print(`${message} [y/N] `);
  const buf = new Uint8Array(1024);
  let text = "";
  while (!text.includes("\n")) {
    const n = yield* cli.sys.read(0, buf);
    if (n === 0) break;
    text += decodeUtf8(buf, 0, n);
  }
  return text.trim().toLowerCase() === "y";
}

/** Asks, unless forced. Errors: CliError, without a word, where the answer is no. */
export function* confirmPrune(cli: Cli, force: boolean, warning: string): Proc<void> {
  if (force || (yield* confirm(cli, warning))) return;
  throw new CliError("", 0);
}

/** The filters given, with those of config.json that they do not contradict. */
export function* pruneFilters(cli: Cli, given: FilterValues): Proc<FilterValues> {
  const all: Record<string, readonly string[]> = { ...given };
  for (const text of (yield* cli.configFile()).pruneFilters ?? []) {
    const [key, value] = cut(text, "=");
    if (value === undefined) continue;
    const against = key === "label" ? "label!" : key === "label!" ? "label" : undefined;
    if (against !== undefined && given[against]?.includes(value) === true) continue;
    if (all[key]?.includes(value) !== true) all[key] = [...(all[key] ?? []), value];
  }
  return all;
}

export interface Pruned {
  /** What was deleted, as lines; empty where nothing was. */
  readonly output: string;
  readonly spaceReclaimed: number;
}

/** Prints what `docker X prune` has done. */
export function* printPruned(cli: Cli, { output, spaceReclaimed }: Pruned): Proc<void> {
  if (output !== "") yield* cli.print(`${output}\n`);
  yield* cli.print(`Total reclaimed space: ${humanSize(spaceReclaimed)}\n`);
}

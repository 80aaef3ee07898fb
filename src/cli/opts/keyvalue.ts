/** Files of variables and labels, and lists of `key=value`. Real counterpart: docker/cli `pkg/kvfile`, `opts/parse.go`. */

import { Errno } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { readText } from "../../userland/libc/unistd.ts";
import { cut } from "../flags.ts";

/** The lines of a file. `lookUp` gives the value of a key that stands alone; it is left out where there is none. Errors: Error. */
function* readFile(sys: Sys, path: string, lookUp: (key: string) => string | undefined): Proc<string[]> {
  let text: string;
  try {
    text = yield* readText(sys, path);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new Error(`open ${path}: ${e.message.toLowerCase()}`);
  }
  const lines: string[] = [];
  const wrong = (why: string): Error => new Error(`invalid env file (${path}): ${why}`);
  for (const raw of text.replace(/^\ufeff/, "").split("\n")) {
    const line = raw.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const [key, value] = cut(line, "=");
    if (key === "") throw wrong(`no variable name on line '${line}'`);
    if (/[ \t]/.test(key)) throw wrong(`variable '${key}' contains whitespaces`);
    if (value !== undefined) lines.push(line);
    else {
      const found = lookUp(key);
      if (found !== undefined) lines.push(`${key}=${found}`);
    }
  }
  return lines;
}

/** What files and flags say together, the flags last. Errors: Error. */
export function* readVariables(
  sys: Sys,
  files: readonly string[],
  flags: readonly string[],
  lookUp: (key: string) => string | undefined = () => undefined,
): Proc<string[]> {
  const all: string[] = [];
  for (const path of files) all.push(...(yield* readFile(sys, path, lookUp)));
  return [...all, ...flags];
}

export const toRecord = (pairs: readonly string[]): Record<string, string> =>
  Object.fromEntries(pairs.map((pair) => cut(pair, "=")).map(([key, value]) => [key, value ?? ""]));

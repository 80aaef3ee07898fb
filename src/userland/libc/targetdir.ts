/** The last operand of cp, mv, ln and install: a file to make, or a directory to put things into. */

import { Errno } from "../../abi/errno.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Command } from "./command.ts";
import { joinPath, lastComponent } from "./copy.ts";
import { type Option, UsageError } from "./getopt.ts";
import { extraOperand } from "./operands.ts";
import { quoteaf } from "./quotearg.ts";
import { stat } from "./unistd.ts";

export const targetLong = [
  { name: "target-directory", arg: "required", as: "t" },
  { name: "no-target-directory", as: "T" },
] as const;

/** The error that keeps `path` from being a directory to put things into; undefined where it is one. */
function* notDirectory(c: Command, path: string): Proc<string | undefined> {
  try {
    return isDir((yield* stat(c.sys, path)).mode) ? undefined : "Not a directory";
  } catch (e) {
    if (e instanceof Errno) return e.message;
    throw e;
  }
}

/** Calls `one(source, destination)` for each source; ends with the exit status. */
export function* copyOperands(
  c: Command,
  options: readonly Option[],
  operands: readonly string[],
  one: (src: string, dst: string) => Proc<boolean>,
): Proc<number> {
  const gnu = c.voice === "gnu";
  const target = options.findLast((o) => o.name === "t")?.arg;
  const asFile = options.some((o) => o.name === "T");
  const strip = options.some((o) => o.name === "strip-trailing-slashes");
  const given = strip ? operands.map((o) => o.replace(/(.)\/+$/, "$1")) : operands;
  if (given.length === 0) throw new UsageError(gnu ? "missing file operand" : "");
  const [first = "", second] = given;
  if (target === undefined && second === undefined)
    throw new UsageError(gnu ? `missing destination file operand after ${quoteaf(first)}` : "");
  if (asFile) {
    if (target !== undefined) throw new UsageError("cannot combine --target-directory (-t) and --no-target-directory (-T)");
    const extra = given[2];
    if (extra !== undefined) {
      throw gnu ? new UsageError(`extra operand ${quoteaf(extra)}`) : extraOperand(c, extra);
    }
    return (yield* one(first, second ?? "")) ? 0 : 1;
  }
  let dir = target;
  let sources = given;
  if (target !== undefined) {
    const problem = yield* notDirectory(c, target);
    if (problem !== undefined && gnu) return yield* c.fail(`target directory ${quoteaf(target)}: ${problem}`);
  } else {
    const last = given.at(-1) as string;
    const problem = yield* notDirectory(c, last);
    if (problem === undefined || (given.length > 2 && !gnu)) {
      dir = last;
      sources = given.slice(0, -1);
    } else if (given.length > 2) return yield* c.fail(`target ${quoteaf(last)}: ${problem}`);
  }
  if (dir === undefined) return (yield* one(first, second ?? "")) ? 0 : 1;
  let good = true;
  for (const src of sources) {
    const name = lastComponent(src);
    good = (yield* one(src, name === ".." ? dir : joinPath(dir, name))) && good;
  }
  return good ? 0 : 1;
}

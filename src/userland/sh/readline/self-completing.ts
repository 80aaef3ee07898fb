/**
 * Programs that know what their words can become, and tell when they are started as `NAME __complete WORD…`: one candidate a line, at the end a colon and a number,
 * of which 4 means that file names are none. Real counterpart: the bash completion that spf13/cobra writes. What a program says in error is not shown.
 */

import { ECHILD, EINTR, Errno } from "../../../abi/errno.ts";
import { O_CLOEXEC, O_RDWR } from "../../../abi/fcntl.ts";
import type { Proc } from "../../../abi/sys.ts";
import { decodeUtf8 } from "../../../abi/utf8.ts";
import { Input } from "../../libc/stdio.ts";
import { execvp, open } from "../../libc/unistd.ts";
import type { Shell } from "../shell.ts";

const PROGRAMS = new Set(["docker"]);
const NO_FILES = 4;

/** Whether `name` is one of them; only bash has such completions. */
export const completesItself = (sh: Shell, name: string): boolean => sh.flavour === "bash" && PROGRAMS.has(name);

/** The candidates for the last of `words`; undefined leaves it to file names. */
export function* askProgram(sh: Shell, words: readonly string[]): Proc<readonly string[] | undefined> {
  const [name = "", ...rest] = words;
  const { sys } = sh;
  const env = new Map(sh.vars.environ());
  const [readEnd, writeEnd] = yield* sys.pipe2(O_CLOEXEC);
  const pid = yield* sys.fork(function* () {
    try {
      const quiet = yield* open(sys, "/dev/null", O_RDWR);
      yield* sys.dup2(quiet, 0);
      yield* sys.dup2(writeEnd, 1);
      yield* sys.dup2(quiet, 2);
      yield* execvp(sys, name, [name, "__complete", ...rest], env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    return 127;
  });
  yield* sys.close(writeEnd);
  const lines = decodeUtf8(yield* new Input(sys, readEnd).readAll()).split("\n");
  yield* sys.close(readEnd);
  try {
    yield* sys.wait4(pid, 0);
  } catch (e) {
    // The shell may have collected it already.
    if (e !== EINTR && e !== ECHILD) throw e;
  }
  const end = lines.findLast((line) => line.startsWith(":"));
  const found = lines.filter((line) => line !== "" && !line.startsWith(":")).map((line) => line.split("\t", 1)[0] as string);
  return found.length === 0 && Number(end?.slice(1) ?? 0) !== NO_FILES ? undefined : found;
}

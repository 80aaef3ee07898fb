/** What programs of util-linux have in common: their hint after wrong usage, and running a command. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, Exit } from "./command.ts";
import { execvp } from "./unistd.ts";

/** Says what is wrong, points at --help, and ends. */
export function* badUsage(c: Command, message: string): Proc<never> {
  yield* c.warn(message);
  yield* c.eprint(`Try '${c.name} --help' for more information.\n`);
  throw new Exit(1);
}

/** Becomes `argv`, or says why not: status 127 where it is not found, 126 otherwise. */
export function* execOrFail(c: Command, argv: readonly string[]): Proc<never> {
  const name = argv[0] ?? "";
  yield* c.stdout.flush();
  try {
    return yield* execvp(c.sys, name, argv, c.env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (c.voice === "busybox") return yield* c.fail(`can't execute '${name}': ${e.message}`, e === ENOENT ? 127 : 126);
    return yield* c.fail(`failed to execute ${name}: ${e.message}`, e === ENOENT ? 127 : 126);
  }
}

/** The body of a forked child that may end by Exit. */
export function* asChild(body: Proc<number>): Proc<number> {
  try {
    return yield* body;
  } catch (e) {
    if (e instanceof Exit) return e.status;
    throw e;
  }
}

/** What mount and umount say of themselves. */
export const LIBMOUNT = "util-linux 2.38.1 (libmount 2.38.1: selinux, smack, btrfs, verity, namespaces, assert, debug)";

/** mnt_match_fstype(): a list of types; `no` before it, or before one of them, turns it around. */
export function matchesTypes(type: string, list: string): boolean {
  const negated = list.startsWith("no");
  const names = (negated ? list.slice(2) : list).split(",");
  for (const name of names) {
    if (name === type) return !negated;
    if (name === `no${type}`) return false;
  }
  return negated;
}

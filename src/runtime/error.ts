/** Failures of the runtime: what runc prints behind `level=error msg=`. */

import { Errno } from "../abi/errno.ts";
import type { Proc } from "../abi/sys.ts";

export class RuncError extends Error {}

/** An errno in Go's words, which are those of strerror(3) in lower case. */
export function goError(e: unknown): string {
  if (e instanceof Errno) return e.message.toLowerCase();
  return e instanceof Error ? e.message : String(e);
}

/** Go's PathError: `op path: reason`, for a call that fails with an errno. */
export function* withPath<T>(op: string, path: string, call: Proc<T>): Proc<T> {
  return yield* wrap(`${op} ${path}`, call);
}

/** Puts `context: ` in front of what goes wrong. */
export function* wrap<T>(context: string, call: Proc<T>): Proc<T> {
  try {
    return yield* call;
  } catch (e) {
    if (e instanceof Errno || e instanceof RuncError) throw new RuncError(`${context}: ${goError(e)}`);
    throw e;
  }
}

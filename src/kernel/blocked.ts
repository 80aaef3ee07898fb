/**
 * The synchronous fast path. A kernel function that rarely sleeps returns its result at once, or, where it must sleep,
 * a `Blocked` around the generator that will have it. The system call gate (`syscalls/gate.ts`) unwraps it.
 */

import type { Wait } from "../abi/sys.ts";

export class Blocked<T> {
  constructor(readonly run: Generator<Wait, T, void>) {}
}

/** A result, or the promise of one for which the task must sleep. */
export type MaySleep<T> = T | Blocked<T>;

export function blocked<T>(run: () => Generator<Wait, T, void>): Blocked<T> {
  return new Blocked(run());
}

/** Unwraps inside a generator: `const n = yield* settle(file.read(…))`. */
export function* settle<T>(result: MaySleep<T>): Generator<Wait, T, void> {
  return result instanceof Blocked ? yield* result.run : result;
}

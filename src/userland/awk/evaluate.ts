/**
 * What the compiler makes of an expression: a function that answers at once, or, where something in it may sleep (getline, system,
 * a function with a loop), a generator. Most expressions are of the first kind, so that a record costs no generators.
 */

import type { Proc } from "../../abi/sys.ts";
import type { Value } from "./value.ts";

export type Evaluation = { readonly sync: true; readonly run: () => Value } | { readonly sync: false; readonly run: () => Proc<Value> };

export const now = (run: () => Value): Evaluation => ({ sync: true, run });
export const later = (run: () => Proc<Value>): Evaluation => ({ sync: false, run });

/** The value, whichever kind it is. */
export function* value(e: Evaluation): Proc<Value> {
  return e.sync ? e.run() : yield* e.run();
}

export function map1(a: Evaluation, f: (a: Value) => Value): Evaluation {
  if (a.sync) {
    const run = a.run;
    return now(() => f(run()));
  }
  return later(function* () {
    return f(yield* a.run());
  });
}

export function map2(a: Evaluation, b: Evaluation, f: (a: Value, b: Value) => Value): Evaluation {
  if (a.sync && b.sync) {
    const [first, second] = [a.run, b.run];
    return now(() => f(first(), second()));
  }
  return later(function* () {
    const first = yield* value(a);
    return f(first, yield* value(b));
  });
}

export function mapAll(list: readonly Evaluation[], f: (values: Value[]) => Value): Evaluation {
  if (list.every((e) => e.sync)) {
    const runs = list.map((e) => e.run as () => Value);
    return now(() => f(runs.map((run) => run())));
  }
  return later(function* () {
    const values: Value[] = [];
    for (const e of list) values.push(yield* value(e));
    return f(values);
  });
}

/** As mapAll, for what may sleep itself. */
export function sleepAll(list: readonly Evaluation[], f: (values: Value[]) => Proc<Value>): Evaluation {
  return later(function* () {
    const values: Value[] = [];
    for (const e of list) values.push(yield* value(e));
    return yield* f(values);
  });
}

/** How a statement ended. */
export type Signal = 0 | 1 | 2 | 3 | 4 | 5 | 6;
export const NORMAL = 0;
export const BREAK = 1;
export const CONTINUE = 2;
export const NEXT = 3;
export const NEXTFILE = 4;
export const EXIT = 5;
export const RETURN = 6;

export type Action = { readonly sync: true; readonly run: () => Signal } | { readonly sync: false; readonly run: () => Proc<Signal> };

/** `next` and `exit` out of a function that is called within an expression. */
export class Leave {
  constructor(readonly signal: Signal) {}
}

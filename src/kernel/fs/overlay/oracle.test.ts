/**
 * Overlays against a recording of a real Linux (oracle/record.py): every errno and result, then all that the overlay and its upper layer hold, with
 * attributes and whose inode numbers these are, and all that a second mount of the same layers shows.
 */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { runKernel } from "../../testing.ts";
import { type Answer, type Op, Replay, type Tree } from "./testing.ts";

interface Case {
  readonly setup: readonly Op[];
  /** The mount options. */
  readonly data: string;
  /** Of the layers' private attributes. */
  readonly prefix: string;
  readonly steps: readonly (readonly [Op, Answer])[];
  /** The topmost lower layer is on a filesystem of its own. */
  readonly apart: boolean;
  readonly merged: Tree;
  readonly upper: Tree;
  readonly numbers: Tree;
  readonly again: Tree;
  readonly numbersAgain: Tree;
}

const cases = JSON.parse(readFileSync(new URL("oracle/overlay.golden.json", import.meta.url), "utf8")) as readonly Case[];

function* replay(sys: Sys, c: Case): Proc<unknown> {
  yield* sys.mount("none", "/mnt", "tmpfs", 0, "mode=755");
  yield* sys.chdir("/mnt");
  yield* sys.umask(0o022);
  const machine = new Replay(sys);
  for (const op of c.setup) {
    yield* machine.perform(op);
    if (c.apart && op[0] === "mkdir" && op[1] === "l1") yield* sys.mount("none", "l1", "tmpfs", 0, "mode=755");
  }
  yield* sys.mount("overlay", "m", "overlay", 0, c.data);
  const first = c.apart ? (yield* machine.devices(new Map())).now : new Map<string, string>();
  const steps: string[] = [];
  for (const [op] of c.steps) {
    const answer = yield* machine.attempt(op);
    steps.push(`${JSON.stringify(op)} = ${JSON.stringify(answer)}`);
  }
  const layers = [...new Set(c.setup.flatMap(([, path]) => /^l[0-9]+$/.exec(path as string)?.[0] ?? [])), "u"];
  const merged = yield* machine.tree("m", c.prefix, false);
  const upper = yield* machine.tree("u", c.prefix, true);
  const numbers = c.apart ? (yield* machine.devices(first)).tree : yield* machine.numbers(layers);
  for (const fd of machine.fds.values()) yield* sys.close(fd);
  yield* sys.umount2("m", 0);
  yield* sys.mount("overlay", "m", "overlay", 0, c.data);
  const again = yield* machine.tree("m", c.prefix, false);
  const numbersAgain = c.apart ? (yield* machine.devices(new Map())).tree : yield* machine.numbers(layers);
  yield* sys.umount2("m", 0);
  return { steps, merged, upper, numbers, again, numbersAgain };
}

test.each(cases.map((c, i) => [i, c] as const))("recorded overlay %i", (_, c) => {
  const { value } = runKernel((sys) => replay(sys, c));
  const { merged, upper, numbers, again, numbersAgain } = c;
  const steps = c.steps.map(([op, answer]) => `${JSON.stringify(op)} = ${JSON.stringify(answer)}`);
  expect(value).toEqual({ steps, merged, upper, numbers, again, numbersAgain });
});

/**
 * An overlay behaves as a plain directory that holds the merged copy of its layers: the same results and errnos for whatever is done to it, and then
 * the same content. Left out of the comparison are the differences that the kernel's document names: EXDEV for directories of lower layers, hard
 * links of lower layers, the sizes and link counts of directories. The layers below stay as they were; the upper one as a further lower one shows the same.
 */

import fc from "fast-check";
import { expect, it } from "vitest";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { KernelUnderTest } from "../../../machine/kernel-testing.ts";
import { type Op, Replay, type Tree } from "./testing.ts";

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const text = fc.constantFrom("x;", "longer text;", "");
const slot = fc.nat(1);

/** One file or directory of a lower layer; what cannot be made where it would be is left out. */
const entry: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ path, mode: fc.constantFrom(0o755, 0o700) }).map((e): Op => ["mkdir", e.path, e.mode]) },
  { weight: 4, arbitrary: fc.record({ path, text }).map((e): Op => ["put", e.path, e.text]) },
  { weight: 1, arbitrary: path.map((p): Op => ["symlink", "a", p]) },
  { weight: 1, arbitrary: path.map((p): Op => ["mknod", p, 0o020000, 0]) },
  { weight: 1, arbitrary: path.map((p): Op => ["setxattr", p, "trusted.overlay.opaque", "y"]) },
);

/** Paths begin with `/`, which stands for the tree. */
const operation: fc.Arbitrary<Op> = fc
  .record({
    kind: fc.constantFrom(
      ...[
        "create",
        "put",
        "append",
        "mkdir",
        "unlink",
        "rmdir",
        "rename",
        "rename",
        "link",
        "symlink",
        "chmod",
        "truncate",
        "readdir",
        "read",
      ],
      ...["stat", "open", "fread", "fwrite", "fstat", "close", "unlink", "rename"],
    ),
    from: path.map((p) => `/${p}`),
    to: path.map((p) => `/${p}`),
    text,
    slot,
    flags: fc.constantFrom(0, 0, 0, 1, 2),
    access: fc.constantFrom(0, 0, 2, 0x401),
    length: fc.constantFrom(0, 1, 5000),
    mode: fc.constantFrom(0o600, 0o755),
  })
  .map((o): Op => {
    switch (o.kind) {
      case "create":
      case "put":
      case "append":
        return [o.kind, o.from, o.text];
      case "mkdir":
      case "chmod":
        return [o.kind, o.from, o.mode];
      case "rename":
        return ["rename", o.from, o.to, o.flags];
      case "link":
        return ["link", o.from, o.to];
      case "symlink":
        return ["symlink", "b", o.from];
      case "truncate":
        return ["truncate", o.from, o.length];
      case "open":
        return ["open", o.from, o.access, o.slot];
      case "fwrite":
        return ["fwrite", o.slot, o.text];
      case "fread":
      case "fstat":
      case "close":
        return [o.kind, o.slot];
      default:
        return [o.kind, o.from];
    }
  });

const within = (top: string, op: Op): Op =>
  op.map((arg, i) => (i > 0 && typeof arg === "string" && arg.startsWith("/") ? top + arg : arg)) as unknown as Op;

/** Without what a directory of several layers shows differently, or that depends on the time. */
function comparable(answer: unknown): string {
  if (!Array.isArray(answer) || typeof answer[0] !== "string" || !answer[0].startsWith("0o")) return JSON.stringify(answer);
  const [mode, links, size] = answer as [string, number, number];
  return mode.startsWith("0o4") ? mode : `${mode} ${links} ${size}`;
}

/** Kind, mode, owner, size and content by path. */
const content = (tree: Tree): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(tree).map(([p, [mode, links, uid, size, , ...rest]]) => [
      p,
      String(mode).startsWith("0o4") ? [mode, uid] : [mode, links, uid, size, ...rest],
    ]),
  );

/** Makes a plain copy of what the overlay shows. */
function* copyTree(machine: Replay, tree: Tree): Proc<void> {
  for (const [at, [mode, , , , , value]] of Object.entries(tree).sort(
    ([a], [b]) => a.split("/").length - b.split("/").length || (a < b ? -1 : 1),
  )) {
    if (at === "" || mode === undefined) continue;
    const bits = Number.parseInt(String(mode).slice(2), 8);
    if (String(mode).startsWith("0o4")) yield* machine.perform(["mkdir", `p/${at}`, bits & 0o777]);
    else if (String(mode).startsWith("0o12")) yield* machine.perform(["symlink", value as string, `p/${at}`]);
    else {
      yield* machine.perform(["create", `p/${at}`, value as string]);
      yield* machine.perform(["chmod", `p/${at}`, bits & 0o777]);
    }
  }
}

interface Outcome {
  readonly differences: readonly string[];
  readonly merged: unknown;
  readonly plain: unknown;
  readonly lowersBefore: unknown;
  readonly lowersAfter: unknown;
  readonly again: unknown;
}

function* compare(sys: Sys, lowers: readonly (readonly Op[])[], ops: readonly Op[]): Proc<Outcome | undefined> {
  const overlaid = new Replay(sys);
  const plain = new Replay(sys);
  const dirs = lowers.map((_, i) => `l${i}`);
  for (const dir of [...dirs, "u", "w", "m", "p"]) yield* sys.mkdirat(-100, dir, 0o755);
  for (const [i, entries] of lowers.entries()) for (const op of entries) yield* overlaid.attempt([op[0], ...op.slice(1).map((arg, k) => (k === pathAt(op) ? `l${i}/${arg}` : arg))] as unknown as Op); // biome-ignore format: one line
  yield* sys.mount("overlay", "m", "overlay", 0, `lowerdir=${dirs.join(":")},upperdir=u,workdir=w`);
  const start = yield* overlaid.tree("m", "trusted.overlay.", false);
  // A whiteout that hides nothing is listed in a directory of one layer, but is not there: no plain directory is like that.
  if (Object.values(start).some(([first]) => first === "ENOENT")) return undefined;
  yield* copyTree(plain, start);
  const lowersBefore = yield* trees(overlaid, dirs);
  const differences: string[] = [];
  for (const op of ops) {
    const got = comparable(yield* overlaid.attempt(within("m", op)));
    if (got === '"EXDEV"') continue;
    const wanted = comparable(yield* plain.attempt(within("p", op)));
    if (got !== wanted) differences.push(`${JSON.stringify(op)}: ${got}, a plain directory ${wanted}`);
  }
  const merged = content(yield* overlaid.tree("m", "trusted.overlay.", false));
  const lowersAfter = yield* trees(overlaid, dirs);
  for (const fd of [...overlaid.fds.values(), ...plain.fds.values()]) yield* sys.close(fd);
  yield* sys.umount2("m", 0);
  yield* sys.mount("overlay", "m", "overlay", 0, `lowerdir=${["u", ...dirs].join(":")}`);
  const again = content(yield* overlaid.tree("m", "trusted.overlay.", false));
  yield* sys.umount2("m", 0);
  return { differences, merged, plain: content(yield* plain.tree("p", "", false)), lowersBefore, lowersAfter, again };
}

/** Which argument is the path. */
const pathAt = (op: Op): number => (op[0] === "symlink" ? 1 : 0);

/** All of the lower layers, down to inode numbers and times. Access times change by looking. */
function* trees(machine: Replay, dirs: readonly string[]): Proc<unknown> {
  const out = [];
  for (const dir of dirs) {
    const tree = yield* machine.tree(dir, "trusted.overlay.", true);
    for (const [at, line] of Object.entries(tree)) {
      const stat = yield* machine.stat(`${dir}/${at}`);
      out.push([dir, at, ...line, JSON.stringify({ ...stat, atime: undefined })]);
    }
  }
  return out;
}

it("does what a plain directory with the merged content does", { timeout: 60_000 }, () => {
  const k = new KernelUnderTest();
  const lowers = fc.array(fc.array(entry, { maxLength: 8 }), { minLength: 1, maxLength: 4 });
  const ops = fc.array(operation, { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(lowers, ops, (layers, steps) => {
      const before = { ...k.kernel.memory.usedBytes };
      const outcome = k.run(function* (sys) {
        yield* sys.mount("none", "/mnt", "tmpfs", 0, "mode=755");
        yield* sys.chdir("/mnt");
        yield* sys.umask(0o022);
        try {
          return yield* compare(sys, layers, steps);
        } finally {
          yield* sys.chdir("/");
          yield* sys.umount2("/mnt", 2);
        }
      });
      k.advance(1);
      k.check();
      expect(k.kernel.memory.usedBytes).toEqual(before);
      fc.pre(outcome !== undefined);
      if (outcome === undefined) return;
      const { differences, merged, plain, lowersBefore, lowersAfter, again } = outcome;
      expect(differences).toEqual([]);
      expect(merged).toEqual(plain);
      expect(again).toEqual(merged);
      expect(lowersAfter).toEqual(lowersBefore);
    }),
    { numRuns: 150, seed: 5, endOnFailure: false },
  );
});

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Errno } from "../../../abi/errno.ts";
import { AT_FDCWD, O_CREAT, O_DIRECTORY, O_RDONLY, O_TRUNC, O_WRONLY } from "../../../abi/fcntl.ts";
import { MNT_DETACH, MS_BIND, MS_MOVE, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT, MS_UNBINDABLE } from "../../../abi/mount.ts";
import { isDir } from "../../../abi/stat.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { runKernel } from "../../testing.ts";

/** Recorded from real Linux by record_mounts.py. */
type Tree = readonly (string | readonly [string, Tree])[];
type Answer = string | number | Tree;
type Op = readonly [kind: string, a: string, b: string];

const recorded = JSON.parse(readFileSync(new URL("mounts.golden.json", import.meta.url), "utf8")) as { ops: Op[]; answers: Answer[] }[];
const DEPTH = 4;

function* tree(sys: Sys, path: string, depth = 0): Proc<Tree> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  const names = (yield* sys.getdents64(fd)).map((e) => e.name).filter((name) => name !== "." && name !== "..");
  yield* sys.close(fd);
  const out: (string | readonly [string, Tree])[] = [];
  for (const name of names.sort()) {
    const inner = `${path.replace(/\/$/, "")}/${name}`;
    const dir = isDir((yield* sys.newfstatat(AT_FDCWD, inner, 0)).mode);
    out.push(dir && depth < DEPTH ? [name, yield* tree(sys, inner, depth + 1)] : name);
  }
  return out;
}

function* touch(sys: Sys, path: string): Proc<void> {
  yield* sys.close(yield* sys.openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0o666));
}

function* execute(sys: Sys, [kind, a, b]: Op, count: number): Proc<Answer> {
  if (kind === "tmpfs") yield* sys.mount("t", a, "tmpfs", 0, "");
  else if (kind === "bind") yield* sys.mount(a, b, "", MS_BIND, "");
  else if (kind === "rbind") yield* sys.mount(a, b, "", MS_BIND | MS_REC, "");
  else if (kind === "move") yield* sys.mount(a, b, "", MS_MOVE, "");
  else if (kind === "umount") yield* sys.umount2(a, 0);
  else if (kind === "detach") yield* sys.umount2(a, MNT_DETACH);
  else if (kind === "ro") yield* sys.mount("", a, "", MS_REMOUNT | MS_RDONLY, "");
  else if (kind === "rw") yield* sys.mount("", a, "", MS_REMOUNT, "");
  else if (kind === "bro") yield* sys.mount("", a, "", MS_REMOUNT | MS_BIND | MS_RDONLY, "");
  else if (kind === "unbindable") yield* sys.mount("", a, "", MS_UNBINDABLE, "");
  else if (kind === "private") yield* sys.mount("", a, "", MS_PRIVATE, "");
  else if (kind === "mkdir") yield* sys.mkdirat(AT_FDCWD, `${a}/x`, 0o777);
  else if (kind === "write") yield* touch(sys, `${a}/w${count % 3}`);
  else if (kind === "rm") yield* sys.unlinkat(AT_FDCWD, `${a}/w1`, 0);
  else if (kind === "rename") yield* sys.renameat2(AT_FDCWD, a, AT_FDCWD, `${b}/r`, 0);
  else if (kind === "chdir") yield* sys.chdir(a);
  else if (kind === "statro") return (yield* sys.statfs(a)).flags & MS_RDONLY;
  else throw new Error(kind);
  return yield* tree(sys, "/");
}

function* replay(sys: Sys, ops: readonly Op[]): Proc<string[]> {
  yield* sys.mount("root", "/mnt", "tmpfs", 0, "mode=755");
  yield* sys.chroot("/mnt");
  yield* sys.chdir("/");
  for (const path of ["/a", "/b", "/c", "/a/x", "/a/y", "/b/x"]) yield* sys.mkdirat(AT_FDCWD, path, 0o777);
  for (const path of ["/f", "/a/f"]) yield* touch(sys, path);
  const lines: string[] = [];
  for (const [count, op] of ops.entries()) {
    let answer: Answer;
    try {
      answer = yield* execute(sys, op, count);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      answer = e.name;
    }
    lines.push(`${JSON.stringify(op)} = ${JSON.stringify(answer)}`);
  }
  return lines;
}

describe("mount calls answer as real Linux does", () => {
  recorded.forEach(({ ops, answers }, i) => {
    test(`recorded sequence ${i}`, () => {
      const { value } = runKernel((sys) => replay(sys, ops));
      expect(value).toEqual(ops.map((op, k) => `${JSON.stringify(op)} = ${JSON.stringify(answers[k])}`));
    });
  });
});

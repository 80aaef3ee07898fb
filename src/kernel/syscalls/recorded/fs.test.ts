import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Errno } from "../../../abi/errno.ts";
import { AT_FDCWD } from "../../../abi/fcntl.ts";
import { makedev, type Stat } from "../../../abi/stat.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { runKernel } from "../../testing.ts";

/** Recorded from real Linux by record.py. */
type Answer = null | string | number | readonly unknown[];
type Op = readonly [kind: string, ...args: (string | number)[]];

const recorded = JSON.parse(readFileSync(new URL("fs.golden.json", import.meta.url), "utf8")) as { ops: Op[]; answers: Answer[] }[];

const NO_FD = 999;
/** Device number 1:3 in the packing of the C library. */
const DEV_NULL = 259;

const statOf = (s: Stat): Answer => [`0o${s.mode.toString(8)}`, s.nlink, s.uid, s.gid, s.size, s.blocks];

function* execute(sys: Sys, op: Op, fds: Map<number, number>): Proc<Answer> {
  const [kind] = op;
  const n = (i: number): number => op[i + 1] as number;
  const s = (i: number): string => op[i + 1] as string;
  const fd = (slot: number): number => fds.get(slot) ?? NO_FD;
  switch (kind) {
    case "mkdir":
      yield* sys.mkdirat(AT_FDCWD, s(0), n(1));
      return null;
    case "rmdir":
      yield* sys.unlinkat(AT_FDCWD, s(0), 0x200);
      return null;
    case "unlink":
      yield* sys.unlinkat(AT_FDCWD, s(0), 0);
      return null;
    case "open": {
      const opened = yield* sys.openat(AT_FDCWD, s(0), n(1), n(2));
      const old = fds.get(n(3));
      fds.set(n(3), opened);
      if (old !== undefined) yield* sys.close(old);
      return null;
    }
    case "close": {
      const closed = fd(n(0));
      fds.delete(n(0));
      yield* sys.close(closed);
      return null;
    }
    case "write":
      return yield* sys.write(fd(n(0)), new Uint8Array(n(1)).fill(120));
    case "read":
      return yield* sys.read(fd(n(0)), new Uint8Array(n(1)));
    case "lseek":
      return yield* sys.lseek(fd(n(0)), n(1), n(2));
    case "ftruncate":
      yield* sys.ftruncate(fd(n(0)), n(1));
      return null;
    case "fstat":
      return statOf(yield* sys.fstat(fd(n(0))));
    case "fchdir":
      yield* sys.fchdir(fd(n(0)));
      return null;
    case "getdents":
      return (yield* sys.getdents64(fd(n(0)))).map((e) => [e.name, e.type]);
    case "link":
      yield* sys.linkat(AT_FDCWD, s(0), AT_FDCWD, s(1), n(2));
      return null;
    case "symlink":
      yield* sys.symlinkat(s(0), AT_FDCWD, s(1));
      return null;
    case "rename":
      yield* sys.renameat2(AT_FDCWD, s(0), AT_FDCWD, s(1), n(2));
      return null;
    case "stat":
      return statOf(yield* sys.newfstatat(AT_FDCWD, s(0), 0));
    case "lstat":
      return statOf(yield* sys.newfstatat(AT_FDCWD, s(0), 0x100));
    case "readlink":
      return yield* sys.readlinkat(AT_FDCWD, s(0));
    case "chmod":
      yield* sys.fchmodat(AT_FDCWD, s(0), n(1));
      return null;
    case "chown":
      yield* sys.fchownat(AT_FDCWD, s(0), n(1), n(2), n(3));
      return null;
    case "truncate":
      yield* sys.truncate(s(0), n(1));
      return null;
    case "access":
      yield* sys.faccessat2(AT_FDCWD, s(0), n(1), n(2));
      return null;
    case "mknod":
      yield* sys.mknodat(AT_FDCWD, s(0), n(1), n(2) === DEV_NULL ? makedev(1, 3) : n(2));
      return null;
    case "chdir":
      yield* sys.chdir(s(0));
      return null;
    case "getcwd":
      return yield* sys.getcwd();
    case "seteuid":
      yield* sys.setresuid(-1, n(0), -1);
      return null;
    case "fallocate":
      yield* sys.fallocate(fd(n(0)), n(1), n(2), n(3));
      return null;
    case "utime":
      yield* sys.utimensat(AT_FDCWD, s(0), "UTIME_NOW", "UTIME_NOW", 0);
      return null;
    case "utimes":
      yield* sys.utimensat(AT_FDCWD, s(0), { sec: 1, nsec: 0 }, { sec: 2, nsec: 0 }, 0);
      return null;
    case "setxattr":
      yield* sys.setxattr(s(0), s(1), new Uint8Array([118]), n(2));
      return null;
    case "getxattr":
      return new TextDecoder().decode(yield* sys.getxattr(s(0), s(1)));
    case "removexattr":
      yield* sys.removexattr(s(0), s(1));
      return null;
    case "listxattr":
      return yield* sys.listxattr(s(0));
    default:
      throw new Error(kind);
  }
}

function* replay(sys: Sys, ops: readonly Op[]): Proc<string[]> {
  yield* sys.mount("none", "/mnt", "tmpfs", 0, "mode=755,size=2m");
  yield* sys.chroot("/mnt");
  yield* sys.chdir("/");
  yield* sys.umask(0o022);
  yield* sys.setgroups([0]);
  const fds = new Map<number, number>();
  const lines: string[] = [];
  for (const op of ops) {
    let answer: Answer;
    try {
      answer = yield* execute(sys, op, fds);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      answer = e.name;
    }
    lines.push(`${JSON.stringify(op)} = ${JSON.stringify(answer)}`);
  }
  return lines;
}

describe("file system calls answer as real Linux does", () => {
  recorded.forEach(({ ops, answers }, i) => {
    test(`recorded sequence ${i}`, () => {
      const { value } = runKernel((sys) => replay(sys, ops));
      expect(value).toEqual(ops.map((op, k) => `${JSON.stringify(op)} = ${JSON.stringify(answers[k])}`));
    });
  });
});

/** For tests of overlays: operations given as data, and all that a tree holds. */

import { Errno } from "../../../abi/errno.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NONBLOCK,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
} from "../../../abi/fcntl.ts";
import { isLnk, isReg, makedev, S_IFCHR, S_IFMT, type Stat } from "../../../abi/stat.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";

export type Answer = null | string | number | readonly unknown[];
export type Op = readonly [kind: string, ...args: (string | number)[]];
export type Tree = Readonly<Record<string, readonly unknown[]>>;

/** Times before this one are those that the case has set. */
const OLD = 1_000_000_000;
const NO_FD = 999;
/** Device number 1:3 in the packing of the C library. */
const DEV_NULL = 259;
const MARKS = ["opaque", "impure", "origin", "redirect"];

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const octal = (mode: number): string => `0o${mode.toString(8)}`;
const mtime = ({ mtime: { sec } }: Stat): string | number => (sec < OLD ? sec : "new");

/** A process that performs operations on trees below its working directory. */
export class Replay {
  readonly fds = new Map<number, number>();

  constructor(private readonly sys: Sys) {}

  /** The result of an operation, or the name of its errno. */
  *attempt(op: Op): Proc<Answer> {
    try {
      return yield* this.perform(op);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return e.name;
    }
  }

  /** Throws what the system call throws. */
  *perform(op: Op): Proc<Answer> {
    const { sys, fds } = this;
    const [kind] = op;
    const s = (i: number): string => op[i + 1] as string;
    const n = (i: number): number => op[i + 1] as number;
    const fd = (slot: number): number => fds.get(slot) ?? NO_FD;
    switch (kind) {
      case "create":
      case "put":
      case "append": {
        const how = { create: O_CREAT | O_EXCL, put: O_CREAT | O_TRUNC, append: O_APPEND }[kind];
        const opened = yield* sys.openat(AT_FDCWD, s(0), O_WRONLY | O_NONBLOCK | how, 0o644);
        try {
          return yield* sys.write(opened, bytes(s(1)));
        } finally {
          yield* sys.close(opened);
        }
      }
      case "mkdir":
        yield* sys.mkdirat(AT_FDCWD, s(0), n(1));
        return null;
      case "rmdir":
        yield* sys.unlinkat(AT_FDCWD, s(0), 0x200);
        return null;
      case "unlink":
        yield* sys.unlinkat(AT_FDCWD, s(0), 0);
        return null;
      case "rename":
        yield* sys.renameat2(AT_FDCWD, s(0), AT_FDCWD, s(1), n(2));
        return null;
      case "link":
        yield* sys.linkat(AT_FDCWD, s(0), AT_FDCWD, s(1), 0);
        return null;
      case "symlink":
        yield* sys.symlinkat(s(0), AT_FDCWD, s(1));
        return null;
      case "mknod":
        yield* sys.mknodat(AT_FDCWD, s(0), n(1), n(2) === DEV_NULL ? makedev(1, 3) : n(2));
        return null;
      case "chmod":
        yield* sys.fchmodat(AT_FDCWD, s(0), n(1));
        return null;
      case "chown":
        yield* sys.fchownat(AT_FDCWD, s(0), n(1), n(2), AT_SYMLINK_NOFOLLOW);
        return null;
      case "truncate":
        yield* sys.truncate(s(0), n(1));
        return null;
      case "utime":
        yield* sys.utimensat(AT_FDCWD, s(0), { sec: n(1), nsec: 0 }, { sec: n(1), nsec: 0 }, AT_SYMLINK_NOFOLLOW);
        return null;
      case "setxattr":
        yield* sys.setxattr(s(0), s(1), bytes(s(2)), 0, false);
        return null;
      case "removexattr":
        yield* sys.removexattr(s(0), s(1), false);
        return null;
      case "getxattr":
        return text(yield* sys.getxattr(s(0), s(1), false));
      case "listxattr":
        return yield* sys.listxattr(s(0), false);
      case "read": {
        const opened = yield* sys.openat(AT_FDCWD, s(0), O_RDONLY | O_NONBLOCK);
        try {
          const buf = new Uint8Array(99);
          return text(buf.subarray(0, yield* sys.read(opened, buf)));
        } finally {
          yield* sys.close(opened);
        }
      }
      case "readlink":
        return yield* sys.readlinkat(AT_FDCWD, s(0));
      case "stat":
        return this.shown(yield* sys.newfstatat(AT_FDCWD, s(0), AT_SYMLINK_NOFOLLOW));
      case "readdir":
        return (yield* this.list(s(0))).map(({ name }) => name).sort();
      case "open": {
        const opened = yield* sys.openat(AT_FDCWD, s(0), n(1) | O_NONBLOCK);
        const old = fds.get(n(2));
        if (old !== undefined) yield* sys.close(old);
        fds.set(n(2), opened);
        return null;
      }
      case "fread": {
        const buf = new Uint8Array(99);
        return text(buf.subarray(0, yield* sys.pread64(fd(n(0)), buf, 0)));
      }
      case "fwrite":
        return yield* sys.write(fd(n(0)), bytes(s(1)));
      case "fstat":
        return this.shown(yield* sys.fstat(fd(n(0))));
      case "fchmod":
        yield* sys.fchmod(fd(n(0)), n(1));
        return null;
      case "ftruncate":
        yield* sys.ftruncate(fd(n(0)), n(1));
        return null;
      case "close": {
        const closed = fd(n(0));
        fds.delete(n(0));
        yield* sys.close(closed);
        return null;
      }
      default:
        throw new Error(kind);
    }
  }

  private shown(s: Stat): Answer {
    return [octal(s.mode), s.nlink, s.size, mtime(s)];
  }

  *list(dir: string): Proc<readonly { readonly name: string; readonly ino: number; readonly type: number }[]> {
    const { sys } = this;
    const opened = yield* sys.openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
    try {
      const out = [];
      for (;;) {
        const some = yield* sys.getdents64(opened, 100);
        if (some.length === 0) break;
        out.push(...some.filter(({ name }) => name !== "." && name !== ".."));
      }
      return out.sort((a, b) => (a.name < b.name ? -1 : 1));
    } finally {
      yield* sys.close(opened);
    }
  }

  *stat(path: string): Proc<Stat | undefined> {
    try {
      return yield* this.sys.newfstatat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
    } catch (e) {
      if (e instanceof Errno && e.name === "ENOENT") return undefined;
      throw e;
    }
  }

  private *describe(path: string, prefix: string, upper: boolean): Proc<unknown[]> {
    const { sys } = this;
    const stat = yield* this.stat(path);
    if (stat === undefined) return ["ENOENT"];
    const whiteout = (stat.mode & S_IFMT) === S_IFCHR && stat.rdev === 0;
    const out: unknown[] = [octal(stat.mode), whiteout ? 0 : stat.nlink, stat.uid, stat.size, mtime(stat)];
    if (isReg(stat.mode)) out.push(((yield* this.perform(["read", path])) as string).slice(0, 60));
    if (isLnk(stat.mode)) out.push(yield* sys.readlinkat(AT_FDCWD, path));
    let names = yield* sys.listxattr(path, false);
    if (upper) {
      for (const mark of MARKS) {
        if (!names.includes(prefix + mark)) continue;
        const value = text(yield* sys.getxattr(path, prefix + mark, false));
        out.push(mark === "origin" || mark === "impure" ? mark : `${mark}=${value}`);
      }
      names = names.filter((name) => !name.startsWith(prefix));
    }
    return [...out, ...names];
  }

  *tree(top: string, prefix: string, upper: boolean): Proc<Tree> {
    const out: Record<string, readonly unknown[]> = { "": yield* this.describe(top, prefix, upper) };
    const dirs = [top];
    for (let dir = dirs.pop(); dir !== undefined; dir = dirs.pop()) {
      for (const { name, type } of yield* this.list(dir)) {
        const path = `${dir}/${name}`;
        out[path.slice(top.length + 1)] = yield* this.describe(path, prefix, upper);
        if (type === 4) dirs.push(path);
      }
    }
    return out;
  }

  *numbers(layers: readonly string[]): Proc<Tree> {
    const owners = new Map<number, string[]>();
    for (const layer of layers) for (const { path, ino } of yield* this.walk(layer)) owners.set(ino, [...(owners.get(ino) ?? []), path]);
    const out: Record<string, readonly unknown[]> = {};
    for (const { path, ino, listed } of yield* this.walk("m"))
      out[path.slice(2)] = [(owners.get(ino) ?? []).sort().join("|"), listed === ino];
    return out;
  }

  /** Of each file of the overlay: its device, whether getdents says the same number, and whether both are as before. */
  *devices(before: ReadonlyMap<string, string>): Proc<{ readonly tree: Tree; readonly now: ReadonlyMap<string, string> }> {
    const seen = new Map([[(yield* this.sys.newfstatat(AT_FDCWD, "m", 0)).dev, "own"]]);
    const tree: Record<string, readonly unknown[]> = {};
    const now = new Map<string, string>();
    // Depth first, each directory's names before what is in its directories: os.walk.
    const visit = function* (this: Replay, dir: string): Proc<void> {
      const entries = yield* this.list(dir);
      for (const { name, ino } of entries) {
        const path = `${dir}/${name}`;
        const stat = yield* this.stat(path);
        if (stat === undefined) continue;
        const at = path.slice(2);
        const which = seen.get(stat.dev) ?? `other ${seen.size}`;
        seen.set(stat.dev, which);
        now.set(at, `${stat.dev} ${stat.ino} ${stat.mode & S_IFMT}`);
        tree[at] = [which, which === "own" || ino === stat.ino, before.get(at) === now.get(at)];
      }
      for (const { name, type } of entries) if (type === 4) yield* visit.call(this, `${dir}/${name}`);
    };
    yield* visit.call(this, "m");
    return { tree, now };
  }

  private *walk(top: string): Proc<{ readonly path: string; readonly ino: number; readonly listed: number }[]> {
    const out = [];
    const dirs = [top];
    for (let dir = dirs.pop(); dir !== undefined; dir = dirs.pop()) {
      for (const { name, ino, type } of yield* this.list(dir)) {
        const path = `${dir}/${name}`;
        const stat = yield* this.stat(path);
        if (stat !== undefined) out.push({ path, ino: stat.ino, listed: ino });
        if (type === 4) dirs.push(path);
      }
    }
    return out;
  }
}

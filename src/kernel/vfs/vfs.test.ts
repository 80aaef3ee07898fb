import { describe, expect, test } from "vitest";
import { EBUSY, EDEADLK, EACCES, EAGAIN, EINVAL, ELOOP, ENODEV, ENOENT, ENOSPC, EROFS, ETXTBSY, EXDEV } from "../../abi/errno.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  F_GETLK,
  F_SETLK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  type Flock,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from "../../abi/fcntl.ts";
import { MNT_DETACH, MS_BIND, MS_MOVE, MS_NOATIME, MS_RDONLY, MS_REC, MS_REMOUNT, MS_UNBINDABLE } from "../../abi/mount.ts";
import { IN_ALL_EVENTS } from "../../abi/poll.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { errnoOf, runKernel } from "../testing.ts";

function* write(sys: Sys, path: string, text: string, mode = 0o644): Proc<void> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  yield* sys.write(fd, encodeUtf8(text));
  yield* sys.close(fd);
}

function* read(sys: Sys, path: string): Proc<string> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY);
  const buf = new Uint8Array(65_536);
  const n = yield* sys.read(fd, buf);
  yield* sys.close(fd);
  return decodeUtf8(buf, 0, n);
}

function* names(sys: Sys, path: string): Proc<string> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  const entries = yield* sys.getdents64(fd);
  yield* sys.close(fd);
  return entries.map((e) => e.name).join(" ");
}

const mkdir = (sys: Sys, path: string): Proc<void> => sys.mkdirat(AT_FDCWD, path, 0o755);

describe("mounts", () => {
  test("a mount hides what is below, and .. leaves it through its mount point", () => {
    const { value } = runKernel(function* (sys) {
      yield* write(sys, "/mnt/below", "x");
      yield* sys.mount("t", "/mnt", "tmpfs", 0, "");
      yield* mkdir(sys, "/mnt/d");
      yield* sys.chdir("/mnt/d/../..");
      const root = yield* sys.getcwd();
      const mounted = yield* names(sys, "/mnt");
      yield* sys.umount2("/mnt", 0);
      return [root, mounted, yield* names(sys, "/mnt")];
    });
    expect(value).toEqual(["/", ". .. d", ". .. below"]);
  });

  test("two mounts on one directory stack, the last on top", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("one", "/mnt", "tmpfs", 0, "");
      yield* write(sys, "/mnt/one", "");
      yield* sys.mount("two", "/mnt", "tmpfs", 0, "");
      const top = yield* names(sys, "/mnt");
      yield* sys.umount2("/mnt", 0);
      return [top, yield* names(sys, "/mnt")];
    });
    expect(value).toEqual([". ..", ". .. one"]);
  });

  test("a bind mount shows the same files; only MS_REC takes the mounts below along", () => {
    const { value } = runKernel(function* (sys) {
      yield* mkdir(sys, "/tmp/a");
      yield* mkdir(sys, "/tmp/a/sub");
      yield* mkdir(sys, "/tmp/b");
      yield* sys.mount("s", "/tmp/a/sub", "tmpfs", 0, "");
      yield* write(sys, "/tmp/a/sub/inner", "");
      yield* sys.mount("/tmp/a", "/mnt", "", MS_BIND, "");
      const plain = yield* names(sys, "/mnt/sub");
      yield* sys.mount("/tmp/a", "/tmp/b", "", MS_BIND | MS_REC, "");
      yield* write(sys, "/mnt/new", "shared");
      return [plain, yield* names(sys, "/tmp/b/sub"), yield* read(sys, "/tmp/a/new")];
    });
    expect(value).toEqual([". ..", ". .. inner", "shared"]);
  });

  test("a bind mount of a file, and what does not fit together", () => {
    const { value } = runKernel(function* (sys) {
      yield* write(sys, "/tmp/f", "over");
      yield* write(sys, "/tmp/g", "under");
      yield* sys.mount("/tmp/f", "/tmp/g", "", MS_BIND, "");
      const seen = yield* read(sys, "/tmp/g");
      const errors = [
        yield* errnoOf(() => sys.mount("/tmp/f", "/mnt", "", MS_BIND, "")),
        yield* errnoOf(() => sys.mount("t", "/tmp/f", "tmpfs", 0, "")),
        yield* errnoOf(() => sys.mount("t", "/mnt", "nosuchfs", 0, "")),
        yield* errnoOf(() => sys.mount("t", "/mnt", "tmpfs", 0, "colour=red")),
        yield* errnoOf(() => sys.mount("", "/mnt", "", MS_BIND, "")),
        yield* errnoOf(() => sys.umount2("/tmp", 0)),
        yield* errnoOf(() => sys.unlinkat(AT_FDCWD, "/tmp/g", 0)),
        yield* errnoOf(() => sys.linkat(AT_FDCWD, "/tmp/g", AT_FDCWD, "/tmp/h", 0)),
      ].map((e) => e?.name);
      return [seen, ...errors];
    });
    expect(value).toEqual(["over", "ENOTDIR", "ENOTDIR", "ENODEV", "EINVAL", "EINVAL", "EINVAL", "EBUSY", "EXDEV"]);
    expect([EBUSY.name, ENODEV.name, EXDEV.name]).toEqual(["EBUSY", "ENODEV", "EXDEV"]);
  });

  test("unmounting is refused while a file is open, a process stands in it or a mount sits on it", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("t", "/mnt", "tmpfs", 0, "");
      yield* mkdir(sys, "/mnt/d");
      const fd = yield* sys.openat(AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
      const open = yield* errnoOf(() => sys.umount2("/mnt", 0));
      yield* sys.close(fd);
      yield* sys.chdir("/mnt/d");
      const cwd = yield* errnoOf(() => sys.umount2("/mnt", 0));
      yield* sys.chdir("/");
      yield* sys.mount("t", "/mnt/d", "tmpfs", 0, "");
      const child = yield* errnoOf(() => sys.umount2("/mnt", 0));
      yield* sys.umount2("/mnt/d", 0);
      return [open, cwd, child, yield* errnoOf(() => sys.umount2("/mnt", 0))];
    });
    expect(value).toEqual([EBUSY, EBUSY, EBUSY, undefined]);
  });

  test("MNT_DETACH takes a busy tree out of sight, and its memory comes back once nobody uses it", () => {
    const { value, kernel } = runKernel(function* (sys, kernel) {
      const before = kernel.memory.usedBytes.shmem;
      yield* sys.mount("t", "/mnt", "tmpfs", 0, "");
      yield* write(sys, "/mnt/f", "still here");
      const fd = yield* sys.openat(AT_FDCWD, "/mnt/f", O_RDONLY);
      yield* sys.chdir("/mnt");
      yield* sys.umount2("/mnt", MNT_DETACH);
      const buf = new Uint8Array(100);
      const n = yield* sys.read(fd, buf);
      const cwd = yield* sys.getcwd();
      yield* sys.chdir("/");
      yield* sys.close(fd);
      yield* sys.mount("t", "/mnt", "tmpfs", 0, "");
      yield* sys.umount2("/mnt", 0);
      return [decodeUtf8(buf, 0, n), cwd, yield* names(sys, "/mnt"), kernel.memory.usedBytes.shmem - before];
    });
    expect(value).toEqual(["still here", "(unreachable)/", ". ..", 0]);
    expect(kernel.crashes).toEqual([]);
  });

  test("remount changes flags: read-only, and of one mount alone with MS_BIND", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("t", "/mnt", "tmpfs", 0, "size=64k");
      yield* sys.mount("/mnt", "/tmp", "", MS_BIND, "");
      yield* sys.mount("", "/mnt", "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOATIME, "");
      const here = yield* errnoOf(() => write(sys, "/mnt/f", "x"));
      yield* write(sys, "/tmp/f", "x");
      yield* sys.mount("", "/mnt", "", MS_REMOUNT | MS_RDONLY, "size=128k");
      const everywhere = yield* errnoOf(() => write(sys, "/tmp/g", "x"));
      const removing = yield* errnoOf(() => sys.unlinkat(AT_FDCWD, "/tmp/nosuch", 0));
      yield* sys.mount("proc", "/proc", "proc", 0, "");
      return [here, everywhere, removing, (yield* read(sys, "/proc/mounts")).split("\n").slice(1, 3)];
    });
    expect(value).toEqual([EROFS, EROFS, EROFS, ["t /mnt tmpfs ro,noatime,size=128k 0 0", "t /tmp tmpfs ro,relatime,size=128k 0 0"]]);
  });

  test("MS_MOVE moves a tree, but not into itself; an unbindable mount is not bound", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("t", "/mnt", "tmpfs", 0, "");
      yield* mkdir(sys, "/mnt/d");
      yield* sys.mount("u", "/mnt/d", "tmpfs", 0, "");
      const loop = yield* errnoOf(() => sys.mount("/mnt", "/mnt/d", "", MS_MOVE, ""));
      yield* sys.mount("/mnt", "/tmp", "", MS_MOVE, "");
      const gone = yield* names(sys, "/mnt");
      yield* sys.mount("", "/tmp", "", MS_UNBINDABLE, "");
      const bound = yield* errnoOf(() => sys.mount("/tmp", "/mnt", "", MS_BIND, ""));
      return [loop, gone, yield* names(sys, "/tmp"), bound];
    });
    expect(value).toEqual([ELOOP, ". ..", ". .. d", EINVAL]);
  });
});

describe("the walk", () => {
  test("chroot ends .. at the new root, and a directory outside of it is unreachable", () => {
    const { value } = runKernel(function* (sys) {
      yield* mkdir(sys, "/tmp/jail");
      yield* write(sys, "/tmp/jail/in", "");
      yield* write(sys, "/tmp/out", "");
      yield* sys.symlinkat("/in", AT_FDCWD, "/tmp/jail/link");
      yield* sys.chdir("/tmp");
      yield* sys.chroot("/tmp/jail");
      const outside = yield* sys.getcwd();
      const relative = yield* errnoOf(() => sys.newfstatat(AT_FDCWD, "out", 0));
      yield* sys.chdir("/");
      const linked = yield* errnoOf(() => sys.newfstatat(AT_FDCWD, "link", 0));
      return [outside, relative, linked, yield* errnoOf(() => sys.newfstatat(AT_FDCWD, "../../../tmp/out", 0)), yield* sys.getcwd()];
    });
    expect(value).toEqual(["(unreachable)/tmp", undefined, undefined, ENOENT, "/"]);
  });

  test("magic links of proc lead to the object itself, even when it has no name any more", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("proc", "/proc", "proc", 0, "");
      const fd = yield* sys.openat(AT_FDCWD, "/tmp/f", O_RDWR | O_CREAT, 0o644);
      yield* sys.write(fd, encodeUtf8("kept"));
      yield* sys.unlinkat(AT_FDCWD, "/tmp/f", 0);
      const link = yield* sys.readlinkat(AT_FDCWD, `/proc/self/fd/${fd}`);
      const again = yield* read(sys, `/proc/self/fd/${fd}`);
      const exe = (yield* sys.newfstatat(AT_FDCWD, "/proc/self/exe", 0)).ino === (yield* sys.newfstatat(AT_FDCWD, "/sbin/init", 0)).ino;
      const busy = yield* errnoOf(() => sys.openat(AT_FDCWD, "/sbin/init", O_WRONLY));
      return [link, again, exe, busy, yield* errnoOf(() => sys.newfstatat(AT_FDCWD, "/proc/99", 0))];
    });
    expect(value).toEqual(["/tmp/f (deleted)", "kept", true, ETXTBSY, ENOENT]);
  });

  test("a nameless file gets a name through its descriptor", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("proc", "/proc", "proc", 0, "");
      const fd = yield* sys.openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0o600);
      yield* sys.write(fd, encodeUtf8("late"));
      const before = (yield* sys.fstat(fd)).nlink;
      yield* sys.linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, "/tmp/named", AT_SYMLINK_FOLLOW);
      return [before, (yield* sys.fstat(fd)).nlink, yield* read(sys, "/tmp/named")];
    });
    expect(value).toEqual([0, 1, "late"]);
  });

  test("deleting while a directory is read skips nothing", () => {
    const { value } = runKernel(function* (sys) {
      for (let i = 0; i < 200; i++) yield* write(sys, `/tmp/f${i}`, "");
      const fd = yield* sys.openat(AT_FDCWD, "/tmp", O_RDONLY | O_DIRECTORY);
      let seen = 0;
      for (;;) {
        const some = yield* sys.getdents64(fd, 256);
        if (some.length === 0) break;
        for (const { name } of some) {
          if (name.startsWith(".")) continue;
          yield* sys.unlinkat(AT_FDCWD, `/tmp/${name}`, 0);
          seen++;
        }
      }
      return [seen, yield* names(sys, "/tmp")];
    });
    expect(value).toEqual([200, ". .."]);
  });
});

describe("tmpfs", () => {
  test("a write is cut at the size limit, the next one gets ENOSPC, and deleting gives everything back", () => {
    const { value } = runKernel(function* (sys, kernel) {
      const before = { ...kernel.memory.usedBytes };
      yield* sys.mount("t", "/mnt", "tmpfs", 0, "size=16k,nr_inodes=3");
      const fd = yield* sys.openat(AT_FDCWD, "/mnt/f", O_RDWR | O_CREAT, 0o644);
      const data = new Uint8Array(20_000).fill(7);
      const first = yield* sys.write(fd, data);
      const second = yield* errnoOf(() => sys.write(fd, data));
      const overwriting = yield* sys.pwrite64(fd, data.subarray(0, 100), 5000);
      yield* write(sys, "/mnt/g", "");
      const inodes = yield* errnoOf(() => mkdir(sys, "/mnt/h"));
      const full = yield* sys.statfs("/mnt");
      yield* sys.unlinkat(AT_FDCWD, "/mnt/f", 0);
      const open = (yield* sys.statfs("/mnt")).bfree;
      yield* sys.close(fd);
      const closed = (yield* sys.statfs("/mnt")).bfree;
      yield* sys.umount2("/mnt", 0);
      const leak = Object.entries(kernel.memory.usedBytes).filter(([kind, bytes]) => before[kind as keyof typeof before] !== bytes);
      return [first, second, overwriting, inodes, full.bfree, full.ffree, open, closed, leak];
    });
    expect(value).toEqual([16_384, ENOSPC, 100, ENOSPC, 0, 0, 0, 4, []]);
  });

  test("content of a megabyte is charged as memory, clones and holes as Linux counts them", () => {
    const { value } = runKernel(function* (sys, kernel) {
      const used = (): number => kernel.memory.usedBytes.shmem / 4096;
      const start = used();
      const a = yield* sys.openat(AT_FDCWD, "/tmp/a", O_RDWR | O_CREAT, 0o644);
      yield* sys.pwrite64(a, new Uint8Array(8192).fill(1), 1 << 20);
      const hole = used() - start;
      const b = yield* sys.openat(AT_FDCWD, "/tmp/b", O_RDWR | O_CREAT, 0o644);
      const copied = yield* sys.copy_file_range(a, 0, b, 0, 1 << 21);
      const clone = used() - start;
      yield* sys.pwrite64(b, new Uint8Array([9]), 1 << 20);
      const buf = new Uint8Array(1);
      yield* sys.pread64(a, buf, 1 << 20);
      yield* sys.ftruncate(b, 0);
      return [hole, copied, clone, buf[0], used() - start, (yield* sys.fstat(a)).blocks];
    });
    expect(value).toEqual([2, 1_056_768, 4, 1, 2, 16]);
  });

  test("relatime: an access is noted once after each change", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("t", "/mnt", "tmpfs", 0, "");
      yield* write(sys, "/mnt/f", "x");
      const atime = function* (): Proc<number> {
        const { sec, nsec } = (yield* sys.newfstatat(AT_FDCWD, "/mnt/f", 0)).atime;
        return (sec - 1_767_225_600) * 1000 + Math.floor(nsec / 1e6);
      };
      const times: number[] = [];
      for (let i = 0; i < 3; i++) {
        yield* sys.nanosleep(1e9);
        yield* read(sys, "/mnt/f");
        times.push(Math.floor((yield* atime()) / 1000));
        if (i === 1) yield* write(sys, "/mnt/f", "y");
      }
      return times;
    });
    expect(value).toEqual([1, 1, 3]);
  });
});

describe("locks", () => {
  test("flock belongs to the description: shared ones agree, an exclusive one waits", () => {
    const { value } = runKernel(function* (sys) {
      const open = (): Proc<number> => sys.openat(AT_FDCWD, "/tmp/lock", O_RDWR | O_CREAT, 0o644);
      const a = yield* open();
      const b = yield* open();
      yield* sys.flock(a, LOCK_SH);
      yield* sys.flock(b, LOCK_SH);
      const upgrade = yield* errnoOf(() => sys.flock(b, LOCK_EX | LOCK_NB));
      yield* sys.flock(b, LOCK_UN);
      const order: string[] = [];
      const child = yield* sys.fork(function* () {
        // A descriptor that fork copied holds the same lock.
        yield* sys.close(a);
        yield* sys.flock(yield* open(), LOCK_EX);
        order.push("child");
        return 0;
      });
      yield* sys.nanosleep(1e8);
      order.push("parent");
      yield* sys.close(a);
      yield* sys.wait4(child, 0);
      return [upgrade, order];
    });
    expect(value).toEqual([EAGAIN, ["parent", "child"]]);
  });

  test("record locks belong to the process, split, and end with any close of the file", () => {
    const { value } = runKernel(function* (sys) {
      const fd = yield* sys.openat(AT_FDCWD, "/tmp/lock", O_RDWR | O_CREAT, 0o644);
      const lock = (type: number, start: number, len: number): Flock => ({ type, whence: 0, start, len, pid: 0 });
      yield* sys.fcntl(fd, F_SETLK, lock(F_WRLCK, 0, 100));
      yield* sys.fcntl(fd, F_SETLK, lock(F_UNLCK, 40, 20));
      const seen: unknown[] = [];
      const child = yield* sys.fork(function* () {
        const held = lock(F_WRLCK, 50, 0);
        yield* sys.fcntl(fd, F_GETLK, held);
        seen.push([held.type, held.start, held.len, held.pid]);
        seen.push(yield* errnoOf(() => sys.fcntl(fd, F_SETLK, lock(F_WRLCK, 0, 1))));
        seen.push(yield* errnoOf(() => sys.fcntl(fd, F_SETLK, lock(F_WRLCK, 45, 10))));
        return 0;
      });
      yield* sys.wait4(child, 0);
      yield* sys.close(yield* sys.openat(AT_FDCWD, "/tmp/lock", O_RDONLY));
      const second = yield* sys.fork(function* () {
        seen.push(yield* errnoOf(() => sys.fcntl(fd, F_SETLK, lock(F_WRLCK, 0, 0))));
        return 0;
      });
      yield* sys.wait4(second, 0);
      return seen;
    });
    expect(value).toEqual([[F_WRLCK, 60, 40, 1], EAGAIN, undefined, undefined]);
  });

  test("two processes that wait for each other: the second gets EDEADLK", () => {
    const { value } = runKernel(function* (sys) {
      const fd = yield* sys.openat(AT_FDCWD, "/tmp/lock", O_RDWR | O_CREAT, 0o644);
      const byte = (start: number): Flock => ({ type: F_WRLCK, whence: 0, start, len: 1, pid: 0 });
      yield* sys.fcntl(fd, F_SETLK, byte(0));
      const child = yield* sys.fork(function* () {
        yield* sys.fcntl(fd, F_SETLK, byte(1));
        yield* sys.fcntl(fd, F_SETLKW, byte(0));
        return 0;
      });
      yield* sys.nanosleep(1e8);
      const deadlock = yield* errnoOf(() => sys.fcntl(fd, F_SETLKW, byte(1)));
      yield* sys.fcntl(fd, F_SETLK, { ...byte(0), type: F_UNLCK });
      yield* sys.wait4(child, 0);
      return deadlock;
    });
    expect(value).toBe(EDEADLK);
  });
});

describe("inotify", () => {
  const EVENTS = [
    "ACCESS",
    "MODIFY",
    "ATTRIB",
    "CLOSE_WRITE",
    "CLOSE_NOWRITE",
    "OPEN",
    "MOVED_FROM",
    "MOVED_TO",
    "CREATE",
    "DELETE",
    "DELETE_SELF",
    "MOVE_SELF",
  ];

  function spell(mask: number): string {
    const bits = EVENTS.filter((_, i) => (mask & (1 << i)) !== 0);
    if ((mask & 0x8000) !== 0) bits.push("IGNORED");
    if ((mask & 0x40000000) !== 0) bits.push("ISDIR");
    return bits.join("|");
  }

  test("events come in the order in which Linux sends them", () => {
    const { value } = runKernel(function* (sys) {
      yield* mkdir(sys, "/tmp/d");
      yield* write(sys, "/tmp/d/f", "x");
      const fd = yield* sys.inotify_init1(0);
      yield* sys.inotify_add_watch(fd, "/tmp/d", IN_ALL_EVENTS);
      yield* sys.inotify_add_watch(fd, "/tmp/d/f", IN_ALL_EVENTS);
      const events = function* (): Proc<string> {
        return (yield* sys.inotify_read(fd)).map((e) => `${e.wd} ${spell(e.mask)} ${e.name}`.trim()).join(", ");
      };
      const log: string[] = [];
      yield* read(sys, "/tmp/d/f");
      log.push(yield* events());
      yield* sys.renameat2(AT_FDCWD, "/tmp/d/f", AT_FDCWD, "/tmp/d/g", 0);
      log.push(yield* events());
      yield* sys.linkat(AT_FDCWD, "/tmp/d/g", AT_FDCWD, "/tmp/d/h", 0);
      yield* sys.unlinkat(AT_FDCWD, "/tmp/d/h", 0);
      log.push(yield* events());
      const open = yield* sys.openat(AT_FDCWD, "/tmp/d/g", O_RDONLY);
      yield* sys.unlinkat(AT_FDCWD, "/tmp/d/g", 0);
      yield* sys.close(open);
      log.push(yield* events());
      yield* mkdir(sys, "/tmp/d/s");
      yield* sys.unlinkat(AT_FDCWD, "/tmp/d/s", 0x200);
      yield* sys.unlinkat(AT_FDCWD, "/tmp/d", 0x200);
      log.push(yield* events());
      return log;
    });
    // As a program with the same calls saw them on Linux.
    expect(value).toEqual([
      "1 OPEN f, 2 OPEN, 1 ACCESS f, 2 ACCESS, 1 CLOSE_NOWRITE f, 2 CLOSE_NOWRITE",
      "1 MOVED_FROM f, 1 MOVED_TO g, 2 MOVE_SELF",
      "2 ATTRIB, 1 CREATE h, 2 ATTRIB, 1 DELETE h",
      "1 OPEN g, 2 OPEN, 2 ATTRIB, 1 DELETE g, 1 CLOSE_NOWRITE g, 2 CLOSE_NOWRITE, 2 DELETE_SELF, 2 IGNORED",
      "1 CREATE|ISDIR s, 1 DELETE|ISDIR s, 1 DELETE_SELF, 1 IGNORED",
    ]);
  });

  test("reading sleeps until something happens, and the same event twice is one", () => {
    const { value } = runKernel(function* (sys) {
      const fd = yield* sys.inotify_init1(0);
      yield* write(sys, "/tmp/f", "");
      yield* sys.inotify_add_watch(fd, "/tmp/f", 2);
      const out = yield* sys.openat(AT_FDCWD, "/tmp/f", O_WRONLY);
      const child = yield* sys.fork(function* () {
        yield* sys.nanosleep(1e9);
        yield* sys.write(out, encodeUtf8("x"));
        return 0;
      });
      const woken = yield* sys.inotify_read(fd);
      yield* sys.wait4(child, 0);
      for (let i = 0; i < 3; i++) yield* sys.write(out, encodeUtf8("x"));
      return [woken, yield* sys.inotify_read(fd)].map((events) => events.map((e) => spell(e.mask)));
    });
    expect(value).toEqual([["MODIFY"], ["MODIFY"]]);
  });
});

describe("proc", () => {
  test("what belongs to another user stays closed", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("proc", "/proc", "proc", 0, "");
      const answers: unknown[] = [];
      const child = yield* sys.fork(function* () {
        yield* sys.setresgid(1000, 1000, 1000);
        yield* sys.setresuid(1000, 1000, 1000);
        for (const path of ["/proc/1/environ", "/proc/1/maps"]) answers.push(yield* errnoOf(() => read(sys, path)));
        answers.push(yield* errnoOf(() => sys.readlinkat(AT_FDCWD, "/proc/1/cwd")), yield* errnoOf(() => names(sys, "/proc/1/fd")));
        answers.push(yield* errnoOf(() => read(sys, "/proc/1/status")), yield* errnoOf(() => read(sys, "/proc/self/environ")));
        return 0;
      });
      yield* sys.wait4(child, 0);
      return answers;
    });
    expect(value).toEqual([EACCES, EACCES, EACCES, EACCES, undefined, undefined]);
  });

  test("a process that was collected leaves ESRCH to its open files and ENOENT to new ones", () => {
    const { value } = runKernel(function* (sys) {
      yield* sys.mount("proc", "/proc", "proc", 0, "");
      const child = yield* sys.fork(function* () {
        return 3;
      });
      yield* sys.nanosleep(1e9);
      const fd = yield* sys.openat(AT_FDCWD, `/proc/${child}/stat`, O_RDONLY);
      const buf = new Uint8Array(1000);
      const zombie = decodeUtf8(buf, 0, yield* sys.read(fd, buf))
        .split(" ")
        .slice(0, 4)
        .join(" ");
      yield* sys.wait4(child, 0);
      yield* sys.lseek(fd, 0, 0);
      const open = yield* errnoOf(() => sys.read(fd, buf));
      return [zombie, open?.name, (yield* errnoOf(() => read(sys, `/proc/${child}/stat`)))?.name];
    });
    expect(value).toEqual(["2 (init) Z 1", "ESRCH", "ENOENT"]);
  });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { Errno } from "../../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CREAT, O_RDWR, RENAME_EXCHANGE } from "../../../abi/fcntl.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import type { Kernel } from "../../kernel.ts";
import { runKernel } from "../../testing.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import type { TmpfsInode } from "./inode.ts";
import { TmpfsSuperBlock } from "./tmpfs.ts";

const name = fc.constantFrom("a", "b", "c", "d");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/mnt/${parts.join("/")}`);

type Op =
  | { op: "mkdir" | "rmdir" | "unlink" | "symlink" | "close"; path: string }
  | { op: "write"; path: string; at: number; bytes: number }
  | { op: "truncate"; path: string; bytes: number }
  | { op: "link" | "rename" | "exchange" | "clone"; path: string; to: string };

const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    op: fc.constantFrom("mkdir" as const, "mkdir" as const, "rmdir" as const, "unlink" as const, "symlink" as const, "close" as const),
    path,
  }),
  fc.record({ op: fc.constant("write" as const), path, at: fc.nat(20_000), bytes: fc.nat(9000) }),
  fc.record({ op: fc.constant("truncate" as const), path, bytes: fc.nat(20_000) }),
  fc.record({ op: fc.constantFrom("link" as const, "rename" as const, "exchange" as const, "clone" as const), path, to: path }),
);

function* apply(sys: Sys, o: Op, open: number[]): Proc<void> {
  const create = (at: string): Proc<number> => sys.openat(AT_FDCWD, at, O_RDWR | O_CREAT, 0o644);
  switch (o.op) {
    case "mkdir":
      return yield* sys.mkdirat(AT_FDCWD, o.path, 0o755);
    case "rmdir":
      return yield* sys.unlinkat(AT_FDCWD, o.path, AT_REMOVEDIR);
    case "unlink":
      return yield* sys.unlinkat(AT_FDCWD, o.path, 0);
    case "symlink":
      return yield* sys.symlinkat("a/../b", AT_FDCWD, o.path);
    case "close": {
      const fd = open.shift();
      if (fd !== undefined) yield* sys.close(fd);
      return;
    }
    case "write": {
      const fd = yield* create(o.path);
      open.push(fd);
      yield* sys.pwrite64(fd, new Uint8Array(o.bytes).fill(5), o.at);
      return;
    }
    case "truncate":
      return yield* sys.truncate(o.path, o.bytes);
    case "link":
      return yield* sys.linkat(AT_FDCWD, o.path, AT_FDCWD, o.to, 0);
    case "rename":
      return yield* sys.renameat2(AT_FDCWD, o.path, AT_FDCWD, o.to, 0);
    case "exchange":
      return yield* sys.renameat2(AT_FDCWD, o.path, AT_FDCWD, o.to, RENAME_EXCHANGE);
    case "clone": {
      const from = yield* create(o.path);
      open.push(from);
      const to = yield* create(o.to);
      open.push(to);
      yield* sys.copy_file_range(from, 0, to, 0, 1 << 20);
    }
  }
}

/** Counts links by the names that there are, compares the dentry cache with the directories, and adds up the pages. */
function check(sb: TmpfsSuperBlock, kernel: Kernel): void {
  const names = new Map<TmpfsInode, number>();
  const walk = (dir: TmpfsInode): void => {
    let subdirs = 0;
    for (const { inode } of dir.entries?.values() ?? []) {
      names.set(inode, (names.get(inode) ?? 0) + 1);
      if (inode.entries === undefined) continue;
      subdirs++;
      expect(inode.parent).toBe(dir);
      walk(inode);
    }
    expect(dir.nlink).toBe(2 + subdirs);
  };
  walk(sb.root);
  for (const [inode, count] of names) if (inode.entries === undefined) expect(inode.nlink).toBe(count);
  const cached = (dentry: Dentry): void => {
    for (const [key, child] of dentry.children) {
      expect([child.name, child.parent, child.deleted]).toEqual([key, dentry, false]);
      expect((dentry.inode as TmpfsInode).entries?.get(key)?.inode).toBe(child.inode);
      cached(child);
    }
  };
  cached(sb.rootDentry);
  const open = [...kernel.tasks]
    .flatMap((t) => [...t.files.entries()].map(([, file]) => file.inode as TmpfsInode))
    .filter((i) => i.sb === sb);
  let pages = 0;
  for (const inode of new Set([...names.keys(), ...open])) pages += inode.content?.allocatedPages ?? 0;
  const { blocks, bfree, files, ffree } = sb.statfs();
  expect(blocks - bfree).toBe(pages);
  // The root, every name, and what is open without a name.
  const nameless = new Set(open.filter((inode) => inode.nlink === 0));
  expect(files - ffree).toBe(1 + [...names.values()].reduce((a, b) => a + b, 0) + nameless.size);
}

test("random operations keep link counts, the dentry cache and the accounts right, and all comes back at unmount", () => {
  fc.assert(
    fc.property(fc.array(op, { minLength: 5, maxLength: 60 }), (ops) => {
      runKernel(function* (sys, kernel) {
        const before = { ...kernel.memory.usedBytes };
        yield* sys.mount("t", "/mnt", "tmpfs", 0, "size=96k");
        const mount = [...kernel.tasks].map((t) => t.mntNs.mounts.at(-1))[0];
        const sb = mount?.sb as TmpfsSuperBlock;
        expect(sb).toBeInstanceOf(TmpfsSuperBlock);
        const open: number[] = [];
        for (const o of ops) {
          try {
            yield* apply(sys, o, open);
          } catch (e) {
            if (!(e instanceof Errno)) throw e;
          }
          check(sb, kernel);
        }
        for (const fd of open) yield* sys.close(fd);
        check(sb, kernel);
        yield* sys.umount2("/mnt", 0);
        expect(kernel.memory.usedBytes).toEqual(before);
        expect(sb.store.hostBytes).toBeLessThan(8192);
      });
    }),
    { numRuns: 150 },
  );
});

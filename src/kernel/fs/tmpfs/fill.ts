/** Fills a tmpfs at boot, straight into its inodes: no path walk, no system call, no time. */

import { type ElfImage, encodeElf } from "../../../abi/elf.ts";
import { S_IFDIR, S_IFLNK, S_IFREG, type Timespec } from "../../../abi/stat.ts";
import { syntheticSeed } from "../../../abi/synthetic.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import type { TmpfsInode } from "./inode.ts";
import type { TmpfsSuperBlock } from "./tmpfs.ts";

/** What is to be made. Parents come before what is in them. */
export type FillEntry = {
  /** Absolute; `/` is the root itself. */
  readonly path: string;
  /** 0 unless given. */
  readonly uid?: number;
  readonly gid?: number;
  /** All times, seconds since 1970. */
  readonly mtimeSec: number;
} & (
  | { readonly kind: "dir"; readonly mode: number }
  | { readonly kind: "file"; readonly mode: number; readonly content: string }
  /** The bytes of the executable, and synthetic ones up to `sizeBytes`. */
  | { readonly kind: "elf"; readonly mode: number; readonly elf: ElfImage; readonly sizeBytes: number }
  | { readonly kind: "symlink"; readonly target: string }
);

const HEAD_BYTES = 1024;

/** Makes the entries below the root of `sb`. An entry whose parent is missing is a mistake of the list: throws. */
export function fillTmpfs(sb: TmpfsSuperBlock, entries: Iterable<FillEntry>): void {
  const dirs = new Map<string, TmpfsInode>([["", sb.root]]);
  const dated: [TmpfsInode, Timespec][] = [];
  for (const entry of entries) {
    const path = entry.path === "/" ? "" : entry.path;
    const slash = path.lastIndexOf("/");
    const parent = dirs.get(path.slice(0, Math.max(slash, 0)));
    if (parent === undefined) throw new Error(`no directory for ${entry.path}`);
    const inode = path === "" ? sb.root : makeEntry(sb, entry);
    if (path === "" && entry.kind === "dir") sb.root.mode = S_IFDIR | entry.mode;
    else parent.add(path.slice(slash + 1), inode);
    if (entry.kind === "dir") dirs.set(path, inode);
    dated.push([inode, { sec: entry.mtimeSec, nsec: 0 }]);
  }
  // Last: making an entry changes the times of its directory.
  for (const [inode, time] of dated) inode.setattr({ atime: time, mtime: time, ctime: time });
}

function makeEntry(sb: TmpfsSuperBlock, entry: FillEntry): TmpfsInode {
  const { uid = 0, gid = 0 } = entry;
  switch (entry.kind) {
    case "dir":
      return sb.newInode(S_IFDIR | entry.mode, uid, gid, 0);
    case "symlink": {
      const inode = sb.newInode(S_IFLNK | 0o777, uid, gid, 0);
      inode.target = entry.target;
      return inode;
    }
    case "file": {
      const inode = sb.newInode(S_IFREG | entry.mode, uid, gid, 0);
      inode.grow((content) => content.write(encodeUtf8(entry.content), 0));
      return inode;
    }
    case "elf": {
      const inode = sb.newInode(S_IFREG | entry.mode, uid, gid, 0);
      // What the loaders read of each program is kept as bytes; the rest is made when somebody reads it.
      const elf = encodeElf(entry.elf);
      const head = new Uint8Array(Math.max(elf.length, Math.min(HEAD_BYTES, entry.sizeBytes)));
      head.set(elf);
      inode.grow((content) => {
        content.write(head, 0);
        content.appendSynthetic(syntheticSeed(entry.path), entry.sizeBytes - head.length);
      });
      return inode;
    }
  }
}

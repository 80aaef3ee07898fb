/**
 * What COPY and ADD are cached by: owner, mode, size and contents of files, not their times. moby `pkg/tarsum` version 1: the digest of a tar header's
 * fields and of the contents.
 */

import { O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import { isDir, isLnk, isReg, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { Digester, digestOf } from "../../image/oci.ts";
import { lstat, open, optional, readlink } from "../../userland/libc/unistd.ts";
import { hexOf, namesIn } from "../images/files.ts";

/** The digest of several, in moby's form. */
export const hashOfHashes = (prefix: string, hashes: readonly string[]): string => `${prefix}:${hexOf(digestOf(hashes.join(",")))}`;

export class FileHashes {
  private readonly buffer = new Uint8Array(65_536);
  private readonly known = new Map<string, string>();

  constructor(
    private readonly sys: Sys,
    private readonly root: string,
  ) {}

  /** Of one file, link or directory without what is in it; `full` is below the root. Blocks. */
  *file(full: string): Proc<string> {
    const there = this.known.get(full);
    if (there !== undefined) return there;
    const { sys } = this;
    const st = yield* lstat(sys, full);
    const digester = new Digester();
    digester.update(encodeUtf8(yield* this.header(full, st)));
    if (isReg(st.mode)) {
      const fd = yield* open(sys, full, O_RDONLY | O_CLOEXEC);
      try {
        for (let n = yield* sys.read(fd, this.buffer); n > 0; n = yield* sys.read(fd, this.buffer))
          yield* digester.absorb(sys, this.buffer.subarray(0, n));
      } finally {
        yield* sys.close(fd);
      }
    }
    const hash = hexOf(digester.digest());
    this.known.set(full, hash);
    return hash;
  }

  private *header(full: string, st: Stat): Proc<string> {
    const name = full.slice(this.root.length + 1) + (isDir(st.mode) ? "/" : "");
    const link = isLnk(st.mode) ? yield* readlink(this.sys, full) : "";
    const type = isDir(st.mode) ? "5" : isLnk(st.mode) ? "2" : isReg(st.mode) ? "0" : "3";
    const fields = [
      ...["name", name, "mode", st.mode & 0o7777, "uid", st.uid, "gid", st.gid, "size", isReg(st.mode) ? st.size : 0],
      ...["typeflag", type, "linkname", link, "uname", "", "gname", "", "devmajor", 0, "devminor", 0],
    ];
    return fields.join("");
  }

  /** Of a directory with all that is in it. Blocks. */
  *tree(full: string): Proc<string> {
    const hashes: string[] = [];
    yield* this.collect(full, hashes);
    return hashOfHashes("dir", hashes.sort());
  }

  private *collect(full: string, hashes: string[]): Proc<void> {
    const st = yield* optional(lstat(this.sys, full));
    if (st === undefined) return;
    if (full !== this.root) hashes.push(yield* this.file(full));
    if (isDir(st.mode)) for (const name of yield* namesIn(this.sys, full)) yield* this.collect(`${full}/${name}`, hashes);
  }
}

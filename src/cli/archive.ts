/** Tar archives of trees, and trees of them, for `docker cp` and `docker build`. Real counterpart: moby/go-archive. Extended attributes are left out. */

import { EEXIST } from "../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from "../abi/fcntl.ts";
import { isDir, isLnk, isReg, S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT, type Stat } from "../abi/stat.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { writeAll } from "../userland/libc/stdio.ts";
import type { ByteSource } from "../userland/libc/stream.ts";
import {
  BLKTYPE,
  CHRTYPE,
  DIRTYPE,
  emptyEntry,
  FIFOTYPE,
  LNKTYPE,
  REGTYPE,
  SYMTYPE,
  type TarEntry,
  TarError,
  TarReader,
  type TarWriter,
} from "../userland/libc/tar.ts";
import { dirname, lstat, mkdir, open, optional, readDir, readlink, symlink, unlink } from "../userland/libc/unistd.ts";
import { CliError } from "./errors.ts";
import { cleanPath, makeDirectories } from "./files.ts";

export interface TreeOptions {
  /** Whether a path below the root goes into the archive; what is skipped may still have members that do not. */
  readonly wanted?: (name: string, directory: boolean) => "yes" | "no" | "below";
  /** Everything belongs to root. */
  readonly rootOwned?: true;
}

/** Writes trees into one archive; knows which files it has met under another name. */
export class TreeArchiver {
  private readonly links = new Map<string, string>();
  private readonly buf = new Uint8Array(65_536);

  constructor(
    private readonly sys: Sys,
    private readonly writer: TarWriter,
    private readonly options: TreeOptions = {},
  ) {}

  /** Adds `path` under `name`, with all below it. An empty name stands for the archive's root, which is no entry itself. Errors: those of reading. */
  *add(path: string, name: string): Proc<void> {
    const stat = yield* lstat(this.sys, path);
    const wanted = name === "" ? "below" : (this.options.wanted?.(name, isDir(stat.mode)) ?? "yes");
    if (wanted === "yes") yield* this.entry(path, name, stat);
    if (wanted === "no" || !isDir(stat.mode)) return;
    const names = (yield* readDir(this.sys, path)).map((entry) => entry.name).filter((entry) => entry !== "." && entry !== "..");
    for (const below of names.sort()) yield* this.add(`${path === "/" ? "" : path}/${below}`, name === "" ? below : `${name}/${below}`);
  }

  private *entry(path: string, name: string, stat: Stat): Proc<void> {
    const type = typeOf(stat.mode);
    if (type === undefined) return;
    const owner = this.options.rootOwned === true ? { uid: 0, gid: 0 } : { uid: stat.uid, gid: stat.gid };
    const base: TarEntry = {
      ...emptyEntry,
      ...owner,
      name: type === DIRTYPE ? `${name}/` : name,
      type,
      mode: stat.mode & 0o7777,
      mtime: { sec: stat.mtime.sec, nsec: 0 },
    };
    const key = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1 && type === REGTYPE ? this.links.get(key) : undefined;
    if (first !== undefined) yield* this.writer.entry({ ...base, type: LNKTYPE, linkname: first });
    else if (type === SYMTYPE) yield* this.writer.entry({ ...base, mode: 0o777, linkname: yield* readlink(this.sys, path) });
    else if (type === REGTYPE) {
      this.links.set(key, name);
      yield* this.file(path, { ...base, size: stat.size });
    } else yield* this.writer.entry(base);
  }

  private *file(path: string, entry: TarEntry): Proc<void> {
    const fd = yield* open(this.sys, path, O_RDONLY | O_CLOEXEC);
    try {
      yield* this.writer.entry(entry);
      for (let left = entry.size; left > 0; ) {
        const n = yield* this.sys.read(fd, this.buf.subarray(0, Math.min(left, this.buf.length)));
        if (n === 0) break;
        yield* this.writer.write(this.buf.subarray(0, n));
        left -= n;
      }
    } finally {
      yield* this.sys.close(fd);
    }
  }
}

/** Sockets are left out. */
function typeOf(mode: number): string | undefined {
  if (isReg(mode)) return REGTYPE;
  if (isDir(mode)) return DIRTYPE;
  if (isLnk(mode)) return SYMTYPE;
  if ((mode & S_IFMT) === S_IFCHR) return CHRTYPE;
  if ((mode & S_IFMT) === S_IFBLK) return BLKTYPE;
  return (mode & S_IFMT) === S_IFIFO ? FIFOTYPE : undefined;
}

/** Unpacks below `dir`, each under the name that `rename` gives it. Owners stay the caller's. Errors: CliError, those of writing. */
export function* extract(sys: Sys, source: ByteSource, dir: string, rename: (name: string) => string): Proc<void> {
  const reader = new TarReader(source);
  const times: [path: string, entry: TarEntry][] = [];
  try {
    for (let entry = yield* reader.next(); entry !== undefined; entry = yield* reader.next()) {
      const name = cleanPath(`/${rename(entry.name)}`);
      const path = cleanPath(`${dir}${name}`);
      yield* makeDirectories(sys, dirname(path));
      yield* makeRoom(sys, path, entry);
      yield* place(sys, reader, path, entry, (link) => cleanPath(`${dir}/${rename(link)}`));
      if (entry.type !== SYMTYPE && entry.type !== LNKTYPE) times.push([path, entry]);
    }
  } catch (e) {
    if (e instanceof TarError) throw new CliError("unexpected EOF");
    throw e;
  }
  // Directories last: what is put into one changes its time.
  for (const [path, { mtime, mode }] of times.reverse()) {
    yield* sys.fchmodat(AT_FDCWD, path, mode & 0o7777);
    yield* sys.utimensat(AT_FDCWD, path, mtime, mtime, 0);
  }
}

/** What is in the way goes away, unless one is a directory and the other is none. */
function* makeRoom(sys: Sys, path: string, entry: TarEntry): Proc<void> {
  const there = yield* optional(lstat(sys, path));
  if (there === undefined) return;
  const directory = isDir(there.mode);
  if (directory && entry.type === DIRTYPE) return;
  if (directory)
    throw new CliError(`cannot overwrite directory ${JSON.stringify(path)} with non-directory ${JSON.stringify(dirname(path))}`);
  if (entry.type === DIRTYPE)
    throw new CliError(`cannot overwrite non-directory ${JSON.stringify(path)} with directory ${JSON.stringify(dirname(path))}`);
  yield* unlink(sys, path);
}

function* place(sys: Sys, reader: TarReader, path: string, entry: TarEntry, linked: (name: string) => string): Proc<void> {
  switch (entry.type) {
    case DIRTYPE:
      try {
        yield* mkdir(sys, path, entry.mode & 0o7777);
      } catch (e) {
        if (e !== EEXIST) throw e;
      }
      return;
    case SYMTYPE:
      yield* symlink(sys, entry.linkname, path);
      return;
    case LNKTYPE:
      yield* sys.linkat(AT_FDCWD, linked(entry.linkname), AT_FDCWD, path, 0);
      return;
    case FIFOTYPE:
      yield* sys.mknodat(AT_FDCWD, path, S_IFIFO | (entry.mode & 0o7777), 0);
      return;
    default: {
      const fd = yield* open(sys, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, entry.mode & 0o7777);
      try {
        for (let part = yield* reader.read(); part !== undefined; part = yield* reader.read()) yield* writeAll(sys, fd, part);
      } finally {
        yield* sys.close(fd);
      }
    }
  }
}

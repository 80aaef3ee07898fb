/** tar -c, -r and -u: GNU tar `create.c`, `update.c`. */

import { ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SEEK_SET } from "../../abi/fcntl.ts";
import { type Dirent, isBlk, isChr, isDir, isFifo, isLnk, isReg, isSock, type Stat, type Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { Exit } from "../libc/command.ts";
import { GzipSink } from "../libc/gzip.ts";
import { adjustMode, compileMode } from "../libc/mode.ts";
import { Input, isatty, Output } from "../libc/stdio.ts";
import type { ByteSink } from "../libc/stream.ts";
import {
  BLKTYPE,
  CHRTYPE,
  DIRTYPE,
  emptyEntry,
  FIFOTYPE,
  formatPaxTime,
  LNKTYPE,
  REGTYPE,
  SYMTYPE,
  type TarEntry,
  TarError,
  TarReader,
  TarWriter,
} from "../libc/tar.ts";
import { lstat, open, readDir, readlink, stat } from "../libc/unistd.ts";
import { isExcluded, transformName } from "./names.ts";
import { entryOf, forEachEntry, type Run, shown } from "./run.ts";

export class Creator {
  /** Where files with several names were stored first: `dev:ino` to name. */
  private readonly links = new Map<string, string>();
  private readonly toRemove: string[] = [];

  constructor(
    private readonly run: Run,
    private readonly writer: TarWriter,
    private readonly archive: Stat | undefined,
    /** -u: times of what the archive has already. */
    private readonly newest: ReadonlyMap<string, Timespec> | undefined,
  ) {}

  /** Adds an operand and what is in it. */
  *add(path: string, name: string): Proc<void> {
    let st: Stat;
    try {
      st = yield* this.status(path);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.run.fileError(name, "stat", e);
    }
    yield* this.dump(path, name, st, st.dev);
  }

  /** --remove-files: what was added goes, directories last. */
  *removeFiles(): Proc<void> {
    for (const path of this.toRemove.reverse()) {
      const { sys } = this.run.c;
      try {
        yield* sys.unlinkat(AT_FDCWD, path, isDir((yield* lstat(sys, path)).mode) ? AT_REMOVEDIR : 0);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* this.run.fileError(path, "unlink", e);
      }
    }
  }

  private status(path: string): Proc<Stat> {
    return this.run.s.follow ? stat(this.run.c.sys, path) : lstat(this.run.c.sys, path);
  }

  private *dump(path: string, name: string, st: Stat, topDev: number): Proc<void> {
    const { run } = this;
    const { s } = run;
    if (isExcluded(name, s.exclude, s.anchored)) return;
    if (this.archive !== undefined && st.ino === this.archive.ino && st.dev === this.archive.dev && isReg(st.mode)) {
      return yield* run.warn(run.gnu ? `${shown(name)}: file is the archive; not dumped` : `${name}: file is the archive; skipping`);
    }
    if (isDir(st.mode)) return yield* this.directory(path, name, st, topDev);
    if (isSock(st.mode)) return yield* run.warn(`${shown(name)}: socket ignored`);
    const stored = yield* this.storedName(name, "regular");
    if (this.isOld(stored, st)) return;
    const base = yield* this.header(path, stored, st);
    if (st.nlink > 1) {
      const key = `${st.dev}:${st.ino}`;
      const first = this.links.get(key);
      if (first !== undefined) {
        yield* this.entry({ ...base, type: LNKTYPE, linkname: first }, path, st.mtime);
        return;
      }
      this.links.set(key, yield* this.storedName(name, "hardlinks"));
    }
    if (isReg(st.mode)) return yield* this.file(path, name, base, st);
    if (isLnk(st.mode)) {
      const target = transformName(yield* readlink(run.c.sys, path), s.transforms, "symlinks");
      yield* this.entry({ ...base, type: SYMTYPE, linkname: target }, path, st.mtime);
    } else if (isChr(st.mode) || isBlk(st.mode)) yield* this.entry({ ...base, type: isChr(st.mode) ? CHRTYPE : BLKTYPE }, path, st.mtime);
    else if (isFifo(st.mode)) yield* this.entry({ ...base, type: FIFOTYPE }, path, st.mtime);
  }

  private *directory(path: string, name: string, st: Stat, topDev: number): Proc<void> {
    const { run } = this;
    const stored = (yield* this.storedName(name, "regular")).replace(/\/*$/, "/");
    let entries: Dirent[] = [];
    if (run.s.recursion) {
      try {
        entries = yield* readDir(run.c.sys, path);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* run.fileError(name, "open", e);
      }
    }
    if (!this.isOld(stored, st)) yield* this.entry({ ...(yield* this.header(path, stored, st)), type: DIRTYPE }, path, st.mtime);
    if (run.s.oneFileSystem && st.dev !== topDev) return;
    if (run.s.sort === "name") entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    else if (run.s.sort === "inode") entries.sort((a, b) => a.ino - b.ino);
    for (const { name: child } of entries) {
      if (child === "." || child === "..") continue;
      const childPath = path.endsWith("/") ? path + child : `${path}/${child}`;
      const childName = name.endsWith("/") ? name + child : `${name}/${child}`;
      try {
        yield* this.dump(childPath, childName, yield* this.status(childPath), topDev);
      } catch (e) {
        if (e === ENOENT || e === ENOTDIR) yield* run.warn(`${shown(childName)}: File removed before we read it`);
        else if (e instanceof Errno) yield* run.fileError(childName, "stat", e);
        else throw e;
      }
    }
  }

  private *file(path: string, name: string, base: TarEntry, st: Stat): Proc<void> {
    const { run } = this;
    const { sys } = run.c;
    let fd: number;
    try {
      fd = yield* open(sys, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* run.fileError(name, "open", e);
    }
    try {
      if (!(yield* this.entry({ ...base, type: REGTYPE, size: st.size }, path, st.mtime))) return;
      const input = new Input(sys, fd);
      let left = st.size;
      while (left > 0) {
        const part = yield* input.read();
        if (part === undefined) break;
        const use = part.length > left ? part.subarray(0, left) : part;
        yield* this.writer.write(use);
        left -= use.length;
      }
      if (left > 0) {
        yield* run.warn(`${shown(name)}: File shrank by ${left} bytes; padding with zeros`);
        run.status = Math.max(run.status, 1);
      }
    } finally {
      yield* sys.close(fd);
    }
  }

  /** The name in the archive. */
  private *storedName(name: string, kind: "regular" | "hardlinks"): Proc<string> {
    const transformed = transformName(name, this.run.s.transforms, kind);
    return yield* this.run.safeName(transformed, kind === "regular" ? "member names" : "hard link targets");
  }

  private isOld(stored: string, st: Stat): boolean {
    const have = this.newest?.get(stored.replace(/\/+$/, ""));
    return have !== undefined && have.sec >= st.mtime.sec;
  }

  private *header(path: string, name: string, st: Stat): Proc<TarEntry> {
    const { run } = this;
    const { s } = run;
    const uid = s.owner?.id ?? st.uid;
    const gid = s.group?.id ?? st.gid;
    const uname = s.numericOwner ? "" : (s.owner?.name ?? (yield* run.names.user(uid)) ?? "");
    const gname = s.numericOwner ? "" : (s.group?.name ?? (yield* run.names.group(gid)) ?? "");
    const change = s.modeChange === undefined ? undefined : compileMode(s.modeChange);
    const mode = change === undefined ? st.mode & 0o7777 : adjustMode(st.mode, change, 0);
    const pax = new Map<string, string>();
    if (s.format === "pax") {
      pax.set("atime", formatPaxTime(st.atime));
      pax.set("ctime", formatPaxTime(st.ctime));
      if (s.xattrs) {
        for (const key of yield* run.c.sys.listxattr(path, false)) {
          pax.set(`SCHILY.xattr.${key}`, decodeUtf8(yield* run.c.sys.getxattr(path, key, false)));
        }
      }
    }
    const time = s.mtime ?? st.mtime;
    return {
      ...emptyEntry,
      ...entryOf(st),
      name,
      uid,
      gid,
      uname,
      gname,
      mode,
      pax,
      mtime: s.format === "pax" ? time : { sec: time.sec, nsec: 0 },
    };
  }

  /** Writes a header; false where the format cannot hold it. */
  private *entry(entry: TarEntry, path: string, mtime: Timespec): Proc<boolean> {
    const { run } = this;
    try {
      yield* this.writer.entry(entry);
    } catch (e) {
      if (!(e instanceof TarError)) throw e;
      yield* run.error(`${shown(entry.name)}: ${e.message}`);
      return false;
    }
    // The list shows the file's own time, whatever --mtime puts into the archive.
    if (run.s.verbose > 0) yield* run.list({ ...entry, mtime }, run.s.verbose > 1);
    if (run.s.removeFiles) this.toRemove.push(path);
    return true;
  }
}

/** Opens the archive for writing, runs `body` with a sink, and finishes compression. */
function* withSink(run: Run, fd: number, body: (sink: ByteSink) => Proc<void>): Proc<void> {
  const output = fd === 1 ? run.c.stdout : new Output(run.c.sys, fd, "full");
  if (run.s.gzip) {
    const gzip = new GzipSink(run.c.sys, output);
    yield* body(gzip);
    yield* gzip.finish();
  } else yield* body(output);
  yield* output.flush();
}

function* addOperands(run: Run, creator: Creator): Proc<void> {
  for (const { dir, name } of run.s.operands) {
    const path = dir === undefined || name.startsWith("/") ? name : `${dir}/${name}`;
    yield* creator.add(path, name);
  }
  yield* creator.removeFiles();
}

export function* create(run: Run): Proc<void> {
  const { c, s } = run;
  const { sys } = c;
  if (s.operands.length === 0) {
    yield* run.warn(run.gnu ? "Cowardly refusing to create an empty archive" : "empty archive");
    if (run.gnu) yield* c.eprint("Try 'tar --help' or 'tar --usage' for more information.\n");
    throw new Exit(run.gnu ? 2 : 1);
  }
  let fd = 1;
  if (s.archive !== "-") {
    try {
      fd = yield* open(sys, s.archive, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* run.fatal(run.gnu ? `${s.archive}: Cannot open: ${e.message}` : `can't open '${s.archive}': ${e.message}`);
    }
  } else if (run.gnu && (yield* isatty(sys, 1))) {
    yield* run.fatal("Refusing to write archive contents to terminal (missing -f option?)");
  }
  const archive = yield* sys.fstat(fd);
  yield* withSink(run, fd, function* (sink) {
    const writer = new TarWriter(sink, s.format);
    yield* addOperands(run, new Creator(run, writer, archive, undefined));
    yield* writer.end(s.blocking * 512);
    if (s.totals) yield* run.warn(`Total bytes written: ${writer.position}`);
  });
}

/** -r and -u: goes to the end of the archive and writes on. */
export function* append(run: Run): Proc<void> {
  const { c, s } = run;
  const { sys } = c;
  if (s.gzip) {
    yield* run.warn("Cannot update compressed archives");
    yield* c.eprint("Try 'tar --help' or 'tar --usage' for more information.\n");
    run.status = 2;
    return;
  }
  let fd = 0;
  try {
    fd = yield* open(sys, s.archive, O_RDWR | O_CREAT | O_CLOEXEC, 0o666);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* run.fatal(`${s.archive}: Cannot open: ${e.message}`);
  }
  const archive = yield* sys.fstat(fd);
  const newest = new Map<string, Timespec>();
  let end = 0;
  let format = s.format;
  if (archive.size > 0) {
    const reader = new TarReader(new Input(sys, fd));
    yield* forEachEntry(run, reader, function* (entry) {
      newest.set(entry.name.replace(/\/+$/, ""), entry.mtime);
      if (reader.format !== "v7") format = reader.format;
    });
    end = reader.endOffset;
  }
  yield* sys.lseek(fd, end, SEEK_SET);
  const output = new Output(sys, fd, "full");
  const writer = new TarWriter(output, format, end);
  yield* addOperands(run, new Creator(run, writer, archive, s.mode === "update" ? newest : undefined));
  yield* writer.end(s.blocking * 512);
  yield* output.flush();
  yield* sys.ftruncate(fd, writer.position);
}

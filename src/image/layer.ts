/**
 * Layers as tar archives: unpacking one, and packing what changed in a directory. Docker's `pkg/archive` (archive.go, diff.go, archive_linux.go) and
 * `pkg/chrootarchive`. Left out: id mappings of user namespaces, exclusion patterns, and the tar-split record that gives a foreign archive's bytes back.
 */

import { EEXIST, ENODATA, ENOENT, ENOTDIR, EOPNOTSUPP, EPERM, Errno } from "../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_CREAT, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { PR_SET_NAME, PR_SET_PDEATHSIG } from "../abi/sched.ts";
import { SIGTERM } from "../abi/signal.ts";
import {
  isBlk,
  isChr,
  isDir,
  isFifo,
  isLnk,
  isReg,
  isSock,
  major,
  makedev,
  minor,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  type Stat,
  type Timespec,
} from "../abi/stat.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../abi/utf8.ts";
import { wExitStatus, wIfExited } from "../abi/wait.ts";
import { writeAll } from "../userland/libc/stdio.ts";
import type { ByteSink, ByteSource } from "../userland/libc/stream.ts";
import {
  BLKTYPE,
  BLOCKSIZE,
  CHRTYPE,
  DIRTYPE,
  emptyEntry,
  FIFOTYPE,
  LNKTYPE,
  parsePaxTime,
  REGTYPE,
  SYMTYPE,
  type TarEntry,
  TarError,
  TarReader,
  TarWriter,
} from "../userland/libc/tar.ts";
import { lstat, mkdir, open, optional, readDir, readlink, symlink, unlink } from "../userland/libc/unistd.ts";
import { cleanPath, joinClean } from "./path.ts";

/** A layer says that a file of the layers below is gone by a file of this name in front of its own. */
export const WHITEOUT_PREFIX = ".wh.";
/** … and that a directory shows nothing of the layers below by a file of this name in it. */
export const WHITEOUT_OPAQUE = ".wh..wh..opq";
const WHITEOUT_META_PREFIX = ".wh..wh.";
const OPAQUE_XATTR = "trusted.overlay.opaque";
const XATTR_RECORD = "SCHILY.xattr.";

/** Why a layer cannot be unpacked; Docker's words. */
export class LayerError extends Error {}

export interface UnpackOptions {
  /**
   * What `.wh.` files mean. `overlay`: devices 0:0 and the opaque attribute, for a directory that becomes a layer of overlayfs. `remove`: what they name
   * is removed, for a directory that holds the layers below already. `literal`: they are files.
   */
  readonly whiteouts: "overlay" | "remove" | "literal";
  /** Refuses to put a file in the place of a directory and the other way round: `docker cp`. */
  readonly noOverwriteDirNonDir?: boolean;
  /** Leaves ownership as it comes: TarOptions.NoLchown. */
  readonly noLchown?: boolean;
}

/** `open /a: no such file or directory`, as Go's os.PathError prints. */
function* attempt<T>(operation: string, call: Proc<T>): Proc<T> {
  try {
    return yield* call;
  } catch (e) {
    if (e instanceof Errno) throw new LayerError(`${operation}: ${e.message.toLowerCase()}`);
    throw e;
  }
}

// ── Unpacking ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Unpacks a layer into `dir` as `docker-untar` does: by a child whose root is that directory, so that no name and no link leads out of it. Returns the
 * bytes of all files. `source` is read to its end. Errors: LayerError. Blocks.
 *
 * Differs from Linux: the child reads what the parent reads from; docker-untar gets it through a pipe.
 */
export function* applyLayer(sys: Sys, source: ByteSource, dir: string, options: UnpackOptions): Proc<number> {
  let sizeBytes = 0;
  let failure: unknown;
  const pid = yield* sys.fork(function* () {
    try {
      yield* sys.prctl(PR_SET_PDEATHSIG, SIGTERM);
      yield* sys.prctl(PR_SET_NAME, "docker-untar");
      yield* attempt(`chroot ${dir}`, sys.chroot(dir));
      yield* sys.chdir("/");
      yield* sys.umask(0);
      sizeBytes = yield* unpack(sys, source, "/", options);
      // What follows the end of the archive belongs to the stream as well: its digest counts it.
      while ((yield* source.read()) !== undefined);
      return 0;
    } catch (e) {
      failure = e;
      return 1;
    }
  });
  const { status } = yield* sys.wait4(pid, 0);
  if (status === 0) return sizeBytes;
  if (failure instanceof TarError) failure = new LayerError(failure.kind === "eof" ? "unexpected EOF" : "archive/tar: invalid tar header");
  if (failure instanceof Errno) failure = new LayerError(failure.message.toLowerCase());
  if (failure !== undefined && !(failure instanceof LayerError)) throw failure;
  const how =
    failure instanceof DuplicatePath ? failure.message : wIfExited(status) ? `exit status ${wExitStatus(status)}` : "signal: killed";
  const why = failure instanceof DuplicatePath || failure === undefined ? "" : (failure as LayerError).message;
  throw new LayerError(`Error processing tar file(${how}): ${why}`);
}

/** Told by the one who records a layer's names on its way to the child. */
class DuplicatePath extends LayerError {}

/** Unpacks into `dest` in the calling process. Returns the bytes of all files. Errors: LayerError, TarError. Blocks. */
export function* unpack(sys: Sys, source: ByteSource, dest: string, options: UnpackOptions): Proc<number> {
  return yield* new Unpacker(sys, new TarReader(source), cleanPath(dest), options).run();
}

class Unpacker {
  private readonly dirs: (readonly [path: string, entry: TarEntry])[] = [];
  private readonly unpacked = new Set<string>();
  private readonly names = new Set<string>();
  /** A directory is within itself: `dest`, or what is below it. */
  private readonly inside: string;

  constructor(
    private readonly sys: Sys,
    private readonly reader: TarReader,
    private readonly dest: string,
    private readonly options: UnpackOptions,
  ) {
    this.inside = dest === "/" ? "/" : `${dest}/`;
  }

  *run(): Proc<number> {
    let sizeBytes = 0;
    for (let entry = yield* this.reader.next(); entry !== undefined; entry = yield* this.reader.next()) {
      sizeBytes += entry.size;
      const name = cleanPath(entry.name);
      if (this.options.whiteouts === "overlay") {
        if (this.names.has(name)) throw new DuplicatePath("duplicates of file paths not supported");
        this.names.add(name);
      }
      yield* this.entry(name, entry);
    }
    // Last: what was made in a directory has changed its time.
    for (const [path, entry] of this.dirs) yield* this.setTimes(path, entry, true);
    return sizeBytes;
  }

  private *entry(name: string, entry: TarEntry): Proc<void> {
    const { sys, dest, options } = this;
    yield* this.makeParents(name);
    if (options.whiteouts === "remove" && name.startsWith(WHITEOUT_META_PREFIX) && name !== WHITEOUT_OPAQUE) return;
    const path = joinClean(dest, name);
    if (path !== dest && !path.startsWith(this.inside))
      throw new LayerError(`${JSON.stringify(name)} is outside of ${JSON.stringify(dest)}`);
    if (options.whiteouts === "remove" && (yield* this.removal(path))) return;
    const there = yield* optional(lstat(sys, path));
    if (there !== undefined) {
      const [was, becomes] = [isDir(there.mode), entry.type === DIRTYPE];
      if (options.noOverwriteDirNonDir && was && !becomes)
        throw new LayerError(`cannot overwrite directory ${JSON.stringify(path)} with non-directory ${JSON.stringify(dest)}`);
      if (options.noOverwriteDirNonDir && !was && becomes)
        throw new LayerError(`cannot overwrite non-directory ${JSON.stringify(path)} with directory ${JSON.stringify(dest)}`);
      if (was && name === "." && options.whiteouts !== "remove") return;
      if (!was || !becomes) yield* attempt(`unlinkat ${path}`, removeAll(sys, path));
    }
    if (options.whiteouts === "overlay" && (yield* this.overlayWhiteout(path, entry))) return;
    yield* this.create(path, entry);
    if (entry.type === DIRTYPE) this.dirs.push([path, entry]);
    this.unpacked.add(path);
  }

  private *makeParents(name: string): Proc<void> {
    const slash = name.lastIndexOf("/");
    const parent = joinClean(this.dest, slash < 0 ? "." : name.slice(0, slash) || "/");
    if ((yield* optional(lstat(this.sys, parent), [ENOENT])) !== undefined) return;
    for (let at = parent.indexOf("/", 1); at >= 0; at = parent.indexOf("/", at + 1)) yield* this.makeDir(parent.slice(0, at));
    yield* this.makeDir(parent);
  }

  private *makeDir(path: string): Proc<void> {
    yield* attempt(`mkdir ${path}`, optional(mkdir(this.sys, path, 0o755), [EEXIST]));
  }

  /** `.wh.` where the layers below are there to be removed from. Returns whether it was one. */
  private *removal(path: string): Proc<boolean> {
    const [dir, base] = splitPath(path);
    if (!base.startsWith(WHITEOUT_PREFIX)) return false;
    if (base === WHITEOUT_OPAQUE) {
      yield* attempt(`lstat ${dir}`, lstat(this.sys, dir));
      yield* this.removeOlder(dir);
    } else yield* attempt(`unlinkat ${path}`, removeAll(this.sys, joinClean(dir, base.slice(WHITEOUT_PREFIX.length))));
    return true;
  }

  /** Removes all below `dir` that this layer did not bring. */
  private *removeOlder(dir: string): Proc<void> {
    for (const { name } of yield* readDir(this.sys, dir)) {
      if (name === "." || name === "..") continue;
      const path = joinClean(dir, name);
      if (!this.unpacked.has(path)) yield* attempt(`unlinkat ${path}`, removeAll(this.sys, path));
      else if (isDir((yield* lstat(this.sys, path)).mode)) yield* this.removeOlder(path);
    }
  }

  /** `.wh.` where overlayfs is to see it. Returns whether it was one. */
  private *overlayWhiteout(path: string, entry: TarEntry): Proc<boolean> {
    const [dir, base] = splitPath(path);
    if (!base.startsWith(WHITEOUT_PREFIX)) return false;
    if (base === WHITEOUT_OPAQUE) {
      yield* attempt(`setxattr("${dir}", ${OPAQUE_XATTR}=y)`, this.sys.setxattr(dir, OPAQUE_XATTR, encodeUtf8("y"), 0));
      return true;
    }
    const original = joinClean(dir, base.slice(WHITEOUT_PREFIX.length));
    yield* attempt(`failed to mknod("${original}", S_IFCHR, 0)`, this.sys.mknodat(AT_FDCWD, original, S_IFCHR, 0));
    yield* attempt(`chown ${original}`, this.sys.fchownat(AT_FDCWD, original, entry.uid, entry.gid, 0));
    return true;
  }

  /** archive.go:createTarFile */
  private *create(path: string, entry: TarEntry): Proc<void> {
    const { sys } = this;
    switch (entry.type) {
      case DIRTYPE: {
        const there = yield* optional(lstat(sys, path));
        if (there === undefined || !isDir(there.mode)) yield* attempt(`mkdir ${path}`, mkdir(sys, path, entry.mode));
        break;
      }
      case REGTYPE:
        yield* this.createFile(path, entry);
        break;
      case CHRTYPE:
      case BLKTYPE:
      case FIFOTYPE: {
        const type = entry.type === CHRTYPE ? S_IFCHR : entry.type === BLKTYPE ? S_IFBLK : S_IFIFO;
        const dev = entry.type === FIFOTYPE ? 0 : makedev(entry.devmajor, entry.devminor);
        try {
          yield* sys.mknodat(AT_FDCWD, path, type | entry.mode, dev);
        } catch (e) {
          if (e instanceof Errno) throw new LayerError(e.message.toLowerCase());
          throw e;
        }
        break;
      }
      case LNKTYPE: {
        const target = joinClean(this.dest, entry.linkname);
        if (!target.startsWith(this.dest))
          throw new LayerError(`invalid hardlink ${JSON.stringify(target)} -> ${JSON.stringify(entry.linkname)}`);
        yield* attempt(`link ${target} ${path}`, sys.linkat(AT_FDCWD, target, AT_FDCWD, path, 0));
        break;
      }
      case SYMTYPE: {
        const target = joinClean(splitPath(path)[0], entry.linkname);
        if (!target.startsWith(this.dest))
          throw new LayerError(`invalid symlink ${JSON.stringify(path)} -> ${JSON.stringify(entry.linkname)}`);
        yield* attempt(`symlink ${entry.linkname} ${path}`, symlink(sys, entry.linkname, path));
        break;
      }
      default:
        throw new LayerError(`unhandled tar header type ${entry.type.charCodeAt(0)}`);
    }
    yield* this.attributes(path, entry);
  }

  private *createFile(path: string, entry: TarEntry): Proc<void> {
    const fd = yield* attempt(`open ${path}`, open(this.sys, path, O_CREAT | O_WRONLY | O_CLOEXEC, entry.mode));
    try {
      for (let part = yield* this.reader.read(); part !== undefined; part = yield* this.reader.read())
        yield* attempt(`write ${path}`, writeAll(this.sys, fd, part));
    } finally {
      yield* this.sys.close(fd);
    }
  }

  /** Owner, extended attributes, mode (which a change of owner cuts), times: in this order. */
  private *attributes(path: string, entry: TarEntry): Proc<void> {
    const { sys } = this;
    if (this.options.noLchown !== true) {
      const what = `failed to Lchown "${path}" for UID ${entry.uid}, GID ${entry.gid}: lchown ${path}`;
      yield* attempt(what, sys.fchownat(AT_FDCWD, path, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW));
    }
    for (const [key, value] of entry.pax) {
      if (!key.startsWith(XATTR_RECORD)) continue;
      const set = sys.setxattr(path, key.slice(XATTR_RECORD.length), encodeUtf8(value), 0, false);
      yield* attempt(`lsetxattr ${path}`, optional(set, [EOPNOTSUPP, EPERM]));
    }
    if (entry.type === SYMTYPE) return yield* this.setTimes(path, entry, false);
    if (entry.type === LNKTYPE) {
      const target = yield* optional(lstat(sys, joinClean(this.dest, entry.linkname)));
      if (target === undefined || isLnk(target.mode)) return;
    }
    yield* attempt(`chmod ${path}`, sys.fchmodat(AT_FDCWD, path, entry.mode));
    yield* this.setTimes(path, entry, true);
  }

  private *setTimes(path: string, entry: TarEntry, follow: boolean): Proc<void> {
    const mtime = sinceEpoch(entry.mtime);
    const recorded = entry.pax.get("atime");
    const atime = recorded === undefined ? mtime : later(sinceEpoch(parsePaxTime(recorded)), mtime);
    yield* attempt(`chtimes ${path}`, this.sys.utimensat(AT_FDCWD, path, atime, mtime, follow ? 0 : AT_SYMLINK_NOFOLLOW));
  }
}

/** Docker puts times before 1970 there. */
const sinceEpoch = (time: Timespec): Timespec => (time.sec < 0 ? { sec: 0, nsec: 0 } : time);
const later = (a: Timespec, b: Timespec): Timespec => (a.sec > b.sec || (a.sec === b.sec && a.nsec > b.nsec) ? a : b);

function splitPath(path: string): readonly [dir: string, base: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, slash) || "/", path.slice(slash + 1)];
}

/** Removes a file or a tree; nothing there is no error: Go's os.RemoveAll. Links are not followed. Errors: Errno. Blocks. */
export function* removeAll(sys: Sys, path: string): Proc<void> {
  const st = yield* optional(lstat(sys, path));
  if (st === undefined) return;
  if (!isDir(st.mode)) return yield* unlink(sys, path);
  for (const { name } of yield* readDir(sys, path)) if (name !== "." && name !== "..") yield* removeAll(sys, `${path}/${name}`);
  yield* sys.unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

// ── Packing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface PackOptions {
  /** `overlay`: devices 0:0 and opaque directories of an upper directory become `.wh.` files. `literal`: they are what they are. */
  readonly whiteouts: "overlay" | "literal";
  /** Which entries go in, by their name in the archive; all unless given. A directory that is left out may have entries that are not. */
  readonly include?: (name: string) => boolean;
  /** The name of the directory itself in the archive; it has no entry unless given. Names in it begin with this. */
  readonly rootName?: string;
}

/**
 * Writes what is in `dir` as a layer: entries sorted by name, times in whole seconds, owners by number; the same tree gives the same bytes.
 * Of the extended attributes only `security.capability` is kept, as Docker does. Errors: Errno. Blocks.
 */
export function* packLayer(sys: Sys, dir: string, sink: ByteSink, options: PackOptions): Proc<void> {
  const packer = new Packer(sys, sink, options);
  yield* packer.directory(dir, options.rootName ?? "");
  yield* packer.writer.end(BLOCKSIZE);
}

/** An archive of one file, directory entry or link, under another name. Errors: Errno. Blocks. */
export function* packOne(sys: Sys, path: string, name: string, sink: ByteSink): Proc<void> {
  const packer = new Packer(sys, sink, { whiteouts: "literal" });
  yield* packer.entry(path, name);
  yield* packer.writer.end(BLOCKSIZE);
}

class Packer {
  readonly writer: TarWriter;
  /** Names of files with several links that are in the archive, by device and inode. */
  private readonly links = new Map<string, string>();
  private readonly buffer = new Uint8Array(65_536);

  constructor(
    private readonly sys: Sys,
    sink: ByteSink,
    private readonly options: PackOptions,
  ) {
    this.writer = new TarWriter(sink, "pax");
  }

  /** `name` is the directory's in the archive, without a slash; empty for one without an entry. */
  *directory(path: string, name: string): Proc<void> {
    if (name !== "") yield* this.entry(path, name);
    const names = (yield* readDir(this.sys, path)).map((entry) => entry.name).filter((n) => n !== "." && n !== "..");
    for (const child of sortByBytes(names)) {
      const childPath = `${path}/${child}`;
      const childName = name === "" ? child : `${name}/${child}`;
      const st = yield* optional(lstat(this.sys, childPath));
      if (st === undefined) continue;
      if (isDir(st.mode)) yield* this.directory(childPath, childName);
      else yield* this.entry(childPath, childName);
    }
  }

  /** Packs one file, directory or link. */
  *entry(path: string, name: string): Proc<void> {
    const { sys, options } = this;
    if (options.include?.(name) === false) return;
    const st = yield* lstat(sys, path);
    // Sockets have no place in an archive.
    if (isSock(st.mode)) return;
    if (options.whiteouts === "overlay" && isChr(st.mode) && st.rdev === 0) {
      const [dir, base] = name.includes("/") ? splitPath(name) : ["", name];
      return yield* this.writer.entry({
        ...header(st),
        name: `${dir === "" ? "" : `${dir}/`}${WHITEOUT_PREFIX}${base}`,
        mode: 0o600,
        type: REGTYPE,
      });
    }
    const linked = st.nlink > 1 && !isDir(st.mode) ? `${st.dev}:${st.ino}` : undefined;
    const first = linked === undefined ? undefined : this.links.get(linked);
    if (first !== undefined) return yield* this.writer.entry({ ...header(st), name, type: LNKTYPE, linkname: first });
    if (linked !== undefined) this.links.set(linked, name);
    yield* this.node(path, name, st);
    if (isDir(st.mode) && options.whiteouts === "overlay" && (yield* isOpaque(sys, path)))
      yield* this.writer.entry({ ...emptyEntry, name: `${name}/${WHITEOUT_OPAQUE}`, mode: st.mode & 0o777, uid: st.uid, gid: st.gid });
  }

  private *node(path: string, name: string, st: Stat): Proc<void> {
    const { sys, writer } = this;
    const pax = yield* capabilityRecord(sys, path);
    const common = { ...header(st), pax };
    if (isDir(st.mode)) return yield* writer.entry({ ...common, name: `${name}/`, type: DIRTYPE });
    if (isLnk(st.mode)) return yield* writer.entry({ ...common, name, type: SYMTYPE, linkname: yield* readlink(sys, path) });
    if (isFifo(st.mode)) return yield* writer.entry({ ...common, name, type: FIFOTYPE });
    if (isChr(st.mode) || isBlk(st.mode)) {
      const device = { devmajor: major(st.rdev), devminor: minor(st.rdev) };
      return yield* writer.entry({ ...common, ...device, name, type: isChr(st.mode) ? CHRTYPE : BLKTYPE });
    }
    if (!isReg(st.mode)) return;
    yield* writer.entry({ ...common, name, size: st.size });
    const fd = yield* open(sys, path, O_RDONLY | O_CLOEXEC);
    try {
      // A file that grows meanwhile is cut at the size of its header.
      for (let left = st.size; left > 0; ) {
        const n = yield* sys.read(fd, left < this.buffer.length ? this.buffer.subarray(0, left) : this.buffer);
        if (n === 0) break;
        yield* writer.write(this.buffer.subarray(0, n));
        left -= n;
      }
    } finally {
      yield* sys.close(fd);
    }
  }
}

/** The fields that all kinds of entries have; Docker drops what is below a second. */
function header(st: Stat): TarEntry {
  return { ...emptyEntry, mode: st.mode & 0o7777, uid: st.uid, gid: st.gid, mtime: { sec: st.mtime.sec, nsec: 0 } };
}

function* isOpaque(sys: Sys, path: string): Proc<boolean> {
  const value = yield* optional(sys.getxattr(path, OPAQUE_XATTR, false), [ENODATA, EOPNOTSUPP]);
  return value !== undefined && value.length === 1 && value[0] === 0x79;
}

const CAPABILITY = "security.capability";

function* capabilityRecord(sys: Sys, path: string): Proc<ReadonlyMap<string, string>> {
  const value = yield* optional(sys.getxattr(path, CAPABILITY, false), [ENODATA, EOPNOTSUPP, ENOENT, ENOTDIR]);
  return value === undefined ? emptyEntry.pax : new Map([[XATTR_RECORD + CAPABILITY, decodeUtf8(value)]]);
}

/** By their bytes in UTF-8, as Go sorts; JavaScript's own order differs only where surrogates are involved. */
function sortByBytes(names: readonly string[]): string[] {
  return names
    .map((name) => ({ name, bytes: encodeUtf8(name) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .map(({ name }) => name);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return a.length - b.length;
}

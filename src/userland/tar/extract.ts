/** tar -x, -t and --delete: GNU tar `extract.c`, `list.c`, `delete.c`. */

import { EEXIST, EISDIR, ELOOP, ENOENT, Errno } from "../../abi/errno.ts";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  SEEK_SET,
} from "../../abi/fcntl.ts";
import { isDir, makedev, S_IFBLK, S_IFCHR, S_IFIFO } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { getgrnam, getpwnam } from "../libc/passwd.ts";
import { quote } from "../libc/quotearg.ts";
import { writeAll } from "../libc/stdio.ts";
import {
  BLKTYPE,
  BLOCKSIZE,
  CHRTYPE,
  CONTTYPE,
  DIRTYPE,
  FIFOTYPE,
  GNUTYPE_SPARSE,
  LNKTYPE,
  REGTYPE,
  SYMTYPE,
  type TarEntry,
  TarError,
  type TarReader,
} from "../libc/tar.ts";
import { dirname, lstat, mkdir, open, optional, symlink, unlink } from "../libc/unistd.ts";
import { isExcluded, isSelected, stripComponents, transformName } from "./names.ts";
import { forEachEntry, type Run, shown } from "./run.ts";

/** Which members are wanted, and which operands matched none. */
class Selection {
  private readonly matched = new Set<string>();

  constructor(private readonly run: Run) {}

  wants(entry: TarEntry): boolean {
    const { s } = this.run;
    let wanted = s.operands.length === 0;
    for (const { name } of s.operands) {
      if (!isSelected(entry.name, name, s.wildcards === true)) continue;
      this.matched.add(name);
      wanted = true;
    }
    return wanted && !isExcluded(entry.name, s.exclude, s.anchored);
  }

  /** Complains about operands that the archive does not have. */
  *finish(): Proc<void> {
    const { s } = this.run;
    const missing = s.operands.filter(({ name }) => !this.matched.has(name));
    if (this.run.gnu && s.wildcards === undefined && missing.some(({ name }) => /[*?[]/.test(name))) {
      yield* this.run.warn("Pattern matching characters used in file names");
      yield* this.run.warn("Use --wildcards to enable pattern matching, or --no-wildcards to suppress this warning");
    }
    for (const { name } of missing) {
      if (this.run.gnu) yield* this.run.error(`${shown(name)}: Not found in archive`);
      else yield* this.run.fatal(`${name}: not found in archive`);
    }
  }
}

export function* list(run: Run): Proc<void> {
  const { reader } = yield* run.openArchive();
  const selection = new Selection(run);
  yield* forEachEntry(run, reader, function* (entry) {
    if (!selection.wants(entry)) return;
    if (run.gnu) yield* run.safeName(entry.name, "member names");
    yield* run.list(entry, run.s.verbose > 0);
  });
  if (run.s.archive === "-") yield* reader.drain();
  yield* selection.finish();
}

/** --delete: closes the gaps that unwanted members leave, inside the file. */
export function* remove(run: Run): Proc<void> {
  const { c, s } = run;
  const { sys } = c;
  const { reader, fd: source } = yield* run.openArchive();
  const selection = new Selection(run);
  const entries: { from: number; keep: boolean }[] = [];
  yield* forEachEntry(run, reader, function* (entry) {
    entries.push({ from: reader.entryOffset, keep: !selection.wants(entry) });
  });
  yield* sys.close(source);
  const fd = yield* open(sys, s.archive, O_RDWR | O_CLOEXEC);
  const buffer = new Uint8Array(128 * BLOCKSIZE);
  let to = 0;
  for (const [i, { from, keep }] of entries.entries()) {
    if (!keep) continue;
    const end = entries[i + 1]?.from ?? reader.endOffset;
    for (let at = from; at < end; ) {
      const n = yield* sys.pread64(fd, buffer.subarray(0, Math.min(buffer.length, end - at)), at);
      if (n === 0) break;
      yield* sys.pwrite64(fd, buffer.subarray(0, n), to);
      at += n;
      to += n;
    }
  }
  const record = s.blocking * BLOCKSIZE;
  const size = Math.ceil((to + 2 * BLOCKSIZE) / record) * record;
  yield* sys.ftruncate(fd, to);
  yield* sys.ftruncate(fd, size);
  yield* selection.finish();
}

interface DelayedDir {
  readonly path: string;
  readonly entry: TarEntry;
}

interface DelayedLink {
  readonly path: string;
  readonly entry: TarEntry;
  readonly dev: number;
  readonly ino: number;
}

class Extractor {
  private readonly dirs: DelayedDir[] = [];
  private readonly delayedLinks: DelayedLink[] = [];

  constructor(
    private readonly run: Run,
    private readonly reader: TarReader,
    private readonly asRoot: boolean,
    private readonly umask: number,
  ) {}

  *extract(entry: TarEntry): Proc<void> {
    const { run } = this;
    const { s } = run;
    let name = yield* this.target(entry.name, "regular");
    if (name === "") return;
    if (s.verbose > 0) yield* run.list(entry, s.verbose > 1);
    name = yield* run.safeName(name, "member names");
    if (!s.absolute && run.gnu && entry.name.split("/").includes("..")) {
      return yield* run.error(`${shown(entry.name)}: Member name contains '..'`);
    }
    if (s.toStdout) {
      if (entry.type === REGTYPE || entry.type === CONTTYPE || entry.type === GNUTYPE_SPARSE) yield* this.toStdout();
      return;
    }
    const path = name.replace(/\/+$/, "") || name;
    try {
      yield* this.make(path, entry);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* run.fileError(name, "open", e);
    }
  }

  /** Times and modes of directories, which their contents would change; links that point out of the tree. */
  *finish(): Proc<void> {
    const { sys } = this.run.c;
    for (const { path, entry, dev, ino } of this.delayedLinks) {
      const st = yield* optional(lstat(sys, path));
      if (st === undefined || st.dev !== dev || st.ino !== ino) continue;
      yield* unlink(sys, path);
      yield* symlink(sys, entry.linkname, path);
      yield* this.attributes(path, entry, true);
    }
    for (const { path, entry } of this.dirs.reverse()) yield* this.attributes(path, entry, false);
  }

  private *target(name: string, kind: "regular" | "symlinks" | "hardlinks"): Proc<string> {
    return stripComponents(transformName(name, this.run.s.transforms, kind), this.run.s.strip);
  }

  private *toStdout(): Proc<void> {
    for (let part = yield* this.reader.read(); part !== undefined; part = yield* this.reader.read()) yield* this.run.c.stdout.write(part);
  }

  private *make(path: string, entry: TarEntry): Proc<void> {
    const { run } = this;
    const { sys } = run.c;
    switch (entry.type) {
      case DIRTYPE:
        return yield* this.directory(path, entry);
      case SYMTYPE: {
        if (!run.s.absolute && (entry.linkname.startsWith("/") || entry.linkname.split("/").includes(".."))) {
          return yield* this.placeholder(path, entry);
        }
        const target = transformName(entry.linkname, run.s.transforms, "symlinks");
        if (yield* this.create(path, entry, `create symlink to ${quote(target)}`, () => symlink(sys, target, path))) {
          yield* this.attributes(path, entry, true);
        }
        return;
      }
      case LNKTYPE: {
        const target = yield* run.safeName(yield* this.target(entry.linkname, "hardlinks"), "hard link targets");
        yield* this.hardLink(path, entry, target);
        return;
      }
      case CHRTYPE:
      case BLKTYPE:
      case FIFOTYPE: {
        const kind = entry.type === CHRTYPE ? S_IFCHR : entry.type === BLKTYPE ? S_IFBLK : S_IFIFO;
        const dev = entry.type === FIFOTYPE ? 0 : makedev(entry.devmajor, entry.devminor);
        const verb = entry.type === FIFOTYPE ? "mkfifo" : "mknod";
        if (yield* this.create(path, entry, verb, () => sys.mknodat(AT_FDCWD, path, kind | 0o600, dev)))
          yield* this.attributes(path, entry, false);
        return;
      }
      default:
        if (!`${REGTYPE}${CONTTYPE}${GNUTYPE_SPARSE}`.includes(entry.type)) {
          yield* run.warn(`${shown(entry.name)}: Unknown file type ${quote(entry.type)}, extracted as normal file`);
        }
        return yield* this.file(path, entry);
    }
  }

  private *directory(path: string, entry: TarEntry): Proc<void> {
    const { sys } = this.run.c;
    for (;;) {
      try {
        yield* mkdir(sys, path, 0o700 | (entry.mode & 0o777));
        break;
      } catch (e) {
        if (e === EEXIST) {
          const st = yield* lstat(sys, path);
          if (isDir(st.mode)) break;
          if (this.run.s.existing === "keep" || this.run.s.existing === "skip") return yield* this.run.fileError(path, "mkdir", EEXIST);
          yield* unlink(sys, path);
        } else if (e === ENOENT) yield* this.parents(path);
        else if (e instanceof Errno) return yield* this.run.fileError(path, "mkdir", e);
        else throw e;
      }
    }
    this.dirs.push({ path, entry });
  }

  private *hardLink(path: string, entry: TarEntry, target: string): Proc<void> {
    const { run } = this;
    const { sys } = run.c;
    const there = yield* optional(lstat(sys, path));
    const source = yield* optional(lstat(sys, target));
    // Extracting over itself: the name is already a link to its target.
    if (there !== undefined && source !== undefined && there.ino === source.ino && there.dev === source.dev) return;
    yield* this.create(path, entry, `hard link to ${quote(target)}`, () => sys.linkat(AT_FDCWD, target, AT_FDCWD, path, 0));
  }

  private *file(path: string, entry: TarEntry): Proc<void> {
    const { run } = this;
    const { sys } = run.c;
    let fd = -1;
    const overwrite = run.s.existing === "overwrite";
    const flags = O_WRONLY | O_CREAT | O_CLOEXEC | (overwrite ? O_TRUNC | O_NOFOLLOW : O_EXCL);
    const made = yield* this.create(path, entry, "open", function* () {
      fd = yield* open(sys, path, flags, entry.mode & (0o777 & ~0o077));
    });
    if (!made) return;
    try {
      if (entry.sparse === undefined) {
        for (let part = yield* this.reader.read(); part !== undefined; part = yield* this.reader.read()) yield* writeAll(sys, fd, part);
      } else yield* this.sparse(fd, entry.sparse);
    } catch (e) {
      if (e instanceof TarError && run.gnu) yield* run.error("Unexpected EOF in archive");
      throw e;
    } finally {
      yield* sys.close(fd);
    }
    yield* this.attributes(path, entry, false);
  }

  private *sparse(fd: number, sparse: NonNullable<TarEntry["sparse"]>): Proc<void> {
    const { sys } = this.run.c;
    let run = 0;
    let done = 0;
    for (let part = yield* this.reader.read(); part !== undefined; part = yield* this.reader.read()) {
      for (let at = 0; at < part.length; ) {
        const here = sparse.map[run];
        if (here === undefined) break;
        if (done === here.length) {
          run++;
          done = 0;
          continue;
        }
        const piece = part.subarray(at, at + Math.min(part.length - at, here.length - done));
        yield* sys.lseek(fd, here.offset + done, SEEK_SET);
        yield* writeAll(sys, fd, piece);
        done += piece.length;
        at += piece.length;
      }
    }
    yield* sys.ftruncate(fd, sparse.realSize);
  }

  /** A link that leads out of the tree is made at the end, so that no member can be written through it. */
  private *placeholder(path: string, entry: TarEntry): Proc<void> {
    const { sys } = this.run.c;
    const made = yield* this.create(path, entry, `create symlink to ${quote(entry.linkname)}`, function* () {
      yield* sys.close(yield* open(sys, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
    });
    if (!made) return;
    const st = yield* lstat(sys, path);
    this.delayedLinks.push({ path, entry, dev: st.dev, ino: st.ino });
  }

  /** Runs `call`; makes missing parents; deals with what is in the way. False after a message. */
  private *create(path: string, entry: TarEntry, verb: string, call: () => Proc<unknown>): Proc<boolean> {
    const { run } = this;
    if (run.s.existing === "unlink") yield* this.removeOld(path);
    for (let attempt = 0; ; attempt++) {
      try {
        yield* call();
        return true;
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        const missing = e === ENOENT && attempt === 0 && (yield* this.parents(path));
        if (missing) continue;
        const inTheWay = e === EEXIST || e === EISDIR || e === ELOOP;
        if (!inTheWay || attempt > 1) {
          yield* run.fileError(path, verb, e);
          return false;
        }
        if (run.s.existing === "skip") return false;
        if (run.s.existing === "keep") {
          if (run.gnu) yield* run.fileError(path, verb, EEXIST);
          return false;
        }
        if (run.s.existing === "newer") {
          const st = yield* lstat(run.c.sys, path);
          if (st.mtime.sec >= entry.mtime.sec) {
            yield* run.warn(`Current ${quote(path)} is newer or same age`);
            return false;
          }
        }
        if (!(yield* this.removeOld(path))) {
          yield* run.fileError(path, verb, e);
          return false;
        }
      }
    }
  }

  private *removeOld(path: string): Proc<boolean> {
    const { sys } = this.run.c;
    try {
      const st = yield* lstat(sys, path);
      yield* sys.unlinkat(AT_FDCWD, path, isDir(st.mode) ? AT_REMOVEDIR : 0);
      return true;
    } catch (e) {
      if (e instanceof Errno) return false;
      throw e;
    }
  }

  /** Makes the directories above `path`; false if they were there. */
  private *parents(path: string): Proc<boolean> {
    const { sys } = this.run.c;
    const missing: string[] = [];
    for (let dir = dirname(path); dir !== "." && dir !== "/"; dir = dirname(dir)) {
      if ((yield* optional(lstat(sys, dir))) !== undefined) break;
      missing.unshift(dir);
    }
    for (const dir of missing) yield* mkdir(sys, dir, 0o777);
    return missing.length > 0;
  }

  /** Owner, mode, times, extended attributes. */
  private *attributes(path: string, entry: TarEntry, isLink: boolean): Proc<void> {
    const { run } = this;
    const { s } = run;
    const { sys } = run.c;
    try {
      if (s.sameOwner ?? this.asRoot) {
        const uid = (s.numericOwner || entry.uname === "" ? undefined : (yield* getpwnam(sys, entry.uname))?.uid) ?? entry.uid;
        const gid = (s.numericOwner || entry.gname === "" ? undefined : (yield* getgrnam(sys, entry.gname))?.gid) ?? entry.gid;
        yield* sys.fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
      }
      if (!isLink) {
        const keep = s.samePermissions ?? this.asRoot;
        yield* sys.fchmodat(AT_FDCWD, path, keep ? entry.mode : entry.mode & 0o777 & ~this.umask);
      }
      if (s.xattrs) {
        for (const [key, value] of entry.pax) {
          if (key.startsWith("SCHILY.xattr.")) yield* sys.setxattr(path, key.slice("SCHILY.xattr.".length), encodeUtf8(value), 0, false);
        }
      }
      if (!s.touch) yield* sys.utimensat(AT_FDCWD, path, run.gnu ? "UTIME_NOW" : entry.mtime, entry.mtime, AT_SYMLINK_NOFOLLOW);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* run.fileError(path, "change ownership, mode or time", e);
    }
  }
}

export function* extract(run: Run): Proc<void> {
  const { c, s } = run;
  const { sys } = c;
  const { reader } = yield* run.openArchive();
  // GNU tar changes the directory when there is something to extract.
  let dir = s.dir;
  const changeDirectory = function* (): Proc<void> {
    if (dir === undefined) return;
    try {
      yield* sys.chdir(dir);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* run.fatal(run.gnu ? `${dir}: Cannot open: ${e.message}` : `can't change directory to '${dir}': ${e.message}`);
    }
    dir = undefined;
  };
  if (!run.gnu) yield* changeDirectory();
  const umask = yield* sys.umask(0);
  yield* sys.umask(umask);
  const extractor = new Extractor(run, reader, (yield* sys.geteuid()) === 0, umask);
  const selection = new Selection(run);
  try {
    yield* forEachEntry(run, reader, function* (entry) {
      if (!selection.wants(entry)) return;
      yield* changeDirectory();
      yield* extractor.extract(entry);
    });
  } catch (e) {
    if (!(e instanceof TarError)) throw e;
    yield* extractor.finish();
    return yield* run.fatal(e.message);
  }
  yield* extractor.finish();
  if (s.archive === "-") yield* reader.drain();
  yield* selection.finish();
}

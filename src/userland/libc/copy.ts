/**
 * Copying and moving files: coreutils `src/copy.c`, the heart of cp, mv and install.
 * Content is copied by copy_file_range(2), which shares it; read and write serve where that cannot.
 * Left out: SELinux contexts, reflinks by ioctl, ACLs other than as xattrs.
 */

import { EEXIST, EINVAL, EISDIR, EOPNOTSUPP, ENOENT, ENOSYS, ENOTDIR, ENXIO, EPERM, Errno, EXDEV } from "../../abi/errno.ts";
import {
  AT_EACCESS,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  RENAME_NOREPLACE,
  SEEK_DATA,
  SEEK_HOLE,
  W_OK,
} from "../../abi/fcntl.ts";
import { isDir, isLnk, isReg, S_IFMT, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Backup, backupName } from "./backupfile.ts";
import type { Command } from "./command.ts";
import { permissionString } from "./mode.ts";
import { quoteaf } from "./quotearg.ts";
import { Remover } from "./remove.ts";
import { isatty, writeAll } from "./stdio.ts";
import { basename, dirname, lstat, mkdir, open, optional, readDir, readlink, rename, stat, symlink, unlink } from "./unistd.ts";
import { ask } from "./yesno.ts";

export interface CopyOptions {
  readonly recursive: boolean;
  /** Which symbolic links among the sources are followed: none (-P), operands (-H), all (-L). */
  readonly dereference: "never" | "operands" | "always";
  readonly preserve: {
    readonly mode: boolean;
    readonly ownership: boolean;
    readonly timestamps: boolean;
    readonly links: boolean;
    readonly xattr: boolean;
  };
  /** --no-preserve=mode: new files get the usual mode. */
  readonly defaultMode: boolean;
  /** `usual`: cp overwrites, mv asks where the target is write-protected and stdin a terminal. */
  readonly overwrite: "usual" | "always" | "ask" | "never";
  readonly update: boolean;
  /** Removes a target that cannot be opened (-f). */
  readonly force: boolean;
  readonly removeDestination: boolean;
  readonly how: "copy" | "link" | "symlink" | "move";
  readonly verbose: boolean;
  readonly backup: Backup;
  readonly oneFileSystem: boolean;
  readonly attributesOnly: boolean;
  /** Copies what devices and FIFOs give instead of making such a node. */
  readonly copyContents: boolean;
}

const key = (st: Stat): string => `${st.dev}:${st.ino}`;

/** `dir/name`, without doubling slashes. */
export const joinPath = (dir: string, name: string): string => (dir.endsWith("/") ? dir + name : `${dir}/${name}`);

/** The last component of a source operand, for its name in a target directory. */
export const lastComponent = (path: string): string => basename(path);

export class Copier {
  /** Where an inode with several links was copied to, for --preserve=links. */
  private readonly copied = new Map<string, string>();
  /** Directories made by this run: never to be copied into themselves. */
  private readonly made = new Set<string>();
  /** Files made for operands: not to be overwritten by later ones. */
  private readonly created = new Set<string>();
  private readonly sources = new Set<string>();
  private umask: number | undefined;
  /** The directories that are being copied, from the operand down. */
  private readonly ancestors: string[] = [];
  /** The operand being copied, and where to. */
  private top: readonly [string, string] = ["", ""];

  constructor(
    private readonly c: Command,
    private readonly options: CopyOptions,
  ) {}

  private get gnu(): boolean {
    return this.c.voice === "gnu";
  }

  /** Copies or moves the operand `src` to `dst`; says what failed and returns false. */
  *copyOperand(src: string, dst: string): Proc<boolean> {
    this.top = [src, dst];
    return yield* this.copy(src, dst, true, undefined);
  }

  private *failed(what: string, busybox: string, e: Errno): Proc<false> {
    yield* this.c.perror(this.gnu ? what : busybox, e);
    return false;
  }

  private *complain(message: string): Proc<false> {
    yield* this.c.warn(message);
    return false;
  }

  private *copy(src: string, dst: string, operand: boolean, topDev: number | undefined): Proc<boolean> {
    const { c, options } = this;
    const follow = options.dereference === "always" || (options.dereference === "operands" && operand);
    let st: Stat;
    try {
      st = yield* follow ? stat(c.sys, src) : lstat(c.sys, src);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (options.how === "move") return yield* this.failed(`cannot stat ${quoteaf(src)}`, `can't rename '${src}'`, e);
      return yield* this.failed(`cannot stat ${quoteaf(src)}`, `can't stat '${src}'`, e);
    }
    if (isDir(st.mode) && !options.recursive) {
      return yield* this.complain(this.gnu ? `-r not specified; omitting directory ${quoteaf(src)}` : `omitting directory '${src}'`);
    }
    if (operand && this.gnu) {
      if (this.sources.has(`${src}\0${key(st)}`)) {
        const what = isDir(st.mode) ? "source directory" : "source file";
        if (options.backup.type === "none" || isDir(st.mode)) {
          yield* c.warn(`warning: ${what} ${quoteaf(src)} specified more than once`);
          return true;
        }
      }
      this.sources.add(`${src}\0${key(st)}`);
    }
    const nofollow =
      options.how !== "copy" ||
      options.removeDestination ||
      options.backup.type !== "none" ||
      (!isReg(st.mode) && !(isDir(st.mode) && operand));
    let dstStat: Stat | undefined;
    try {
      dstStat = yield* optional(nofollow ? lstat(c.sys, dst) : stat(c.sys, dst), [ENOENT]);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(`cannot stat ${quoteaf(dst)}`, `can't stat '${dst}'`, e);
    }
    let backup: string | undefined;
    if (dstStat !== undefined) {
      const verdict = yield* this.checkTarget(src, dst, st, dstStat, operand);
      if (verdict !== "go") return verdict === "skip";
      if (options.backup.type !== "none" && !isDir(dstStat.mode)) {
        backup = yield* backupName(c, dst, options.backup);
        yield* rename(c.sys, dst, backup);
        dstStat = undefined;
      } else if (options.how !== "move" && !isDir(dstStat.mode) && this.mustUnlink(st, dstStat)) {
        try {
          yield* unlink(c.sys, dst);
        } catch (e) {
          if (!(e instanceof Errno)) throw e;
          return yield* this.failed(`cannot remove ${quoteaf(dst)}`, `can't remove '${dst}'`, e);
        }
        if (options.verbose && this.gnu) yield* c.print(`removed ${quoteaf(dst)}\n`);
        dstStat = undefined;
      }
    }
    const note = backup === undefined ? "" : ` (backup: ${quoteaf(backup)})`;
    if (options.how === "move") {
      // Once a directory is copied, so is all that is in it.
      const moved = operand ? yield* this.move(src, dst, dstStat, note) : "copy";
      if (moved !== "copy") return moved;
      if (options.verbose && !isDir(st.mode)) yield* c.print(`copied ${quoteaf(src)} -> ${quoteaf(dst)}${note}\n`);
      dstStat = undefined;
    } else if (options.verbose && !isDir(st.mode)) yield* c.print(`${quoteaf(src)} -> ${quoteaf(dst)}${note}\n`);

    const earlier =
      st.nlink > 1 && !isDir(st.mode) && (options.preserve.links || options.how === "move") ? this.copied.get(key(st)) : undefined;
    if (earlier !== undefined && options.how !== "symlink") return yield* this.makeLink(earlier, dst, dstStat !== undefined);
    if (!isDir(st.mode)) this.copied.set(key(st), dst);

    let good: boolean;
    if (isDir(st.mode)) good = yield* this.copyDirectory(src, dst, st, dstStat, topDev);
    else if (options.how === "symlink") good = yield* this.makeSymlink(src, dst, dstStat !== undefined);
    else if (options.how === "link") return yield* this.makeLink(src, dst, dstStat !== undefined);
    else if (isReg(st.mode) || (options.copyContents && !isLnk(st.mode))) good = yield* this.copyRegular(src, dst, st, dstStat);
    else good = yield* this.copySpecial(src, dst, st);
    if (!good) return false;
    if (operand) this.created.add(dst);
    if (!isDir(st.mode) && options.how !== "symlink") good = yield* this.preserve(src, dst, st, dstStat === undefined);
    if (good && options.how === "move" && operand) good = yield* this.removeMoved(src);
    return good;
  }

  /** What an existing target means: go on, leave it (true of success), or fail. */
  private *checkTarget(src: string, dst: string, st: Stat, dstStat: Stat, operand: boolean): Proc<"go" | "skip" | "fail"> {
    const { c, options } = this;
    // busybox looks at a link itself here, and so lets a file be emptied through a link to it.
    const same = key(st) === key(this.gnu ? dstStat : yield* lstat(c.sys, dst));
    if (same && !isDir(st.mode)) {
      if (options.how === "link") return "skip";
      const samePath = src === dst || (basename(src) === basename(dst) && (yield* this.sameDirectory(src, dst)));
      if (options.how === "move" && !this.gnu) return "skip";
      if (!(options.removeDestination && !samePath) && !(options.backup.type !== "none" && !samePath)) {
        yield* this.complain(
          this.gnu ? `${quoteaf(src)} and ${quoteaf(dst)} are the same file` : `'${src}' and '${dst}' are the same file`,
        );
        return "fail";
      }
    }
    if (!isDir(st.mode)) {
      if (options.update && st.mtime.sec * 1e9 + st.mtime.nsec <= dstStat.mtime.sec * 1e9 + dstStat.mtime.nsec) return "skip";
      if (isDir(dstStat.mode)) {
        if (!this.gnu) yield* c.warn(options.how === "move" ? `can't rename '${src}': ${EISDIR.message}` : `'${dst}' is a directory`);
        else yield* c.warn(`cannot overwrite directory ${quoteaf(dst)} with non-directory`);
        return "fail";
      }
      if (operand && this.gnu && options.backup.type === "none" && this.created.has(dst)) {
        yield* c.warn(`will not overwrite just-created ${quoteaf(dst)} with ${quoteaf(src)}`);
        return "fail";
      }
    } else if (!isDir(dstStat.mode)) {
      if (options.overwrite === "never") return "skip";
      if (options.how === "move") {
        yield* c.warn(
          this.gnu
            ? `cannot overwrite non-directory ${quoteaf(dst)} with directory ${quoteaf(src)}`
            : `can't rename '${src}': ${ENOTDIR.message}`,
        );
      } else {
        yield* c.warn(
          this.gnu ? `cannot overwrite non-directory ${quoteaf(dst)} with directory ${quoteaf(src)}` : `target '${dst}' is not a directory`,
        );
      }
      return "fail";
    }
    if (options.overwrite === "never" && !(isDir(st.mode) && options.how !== "move")) return "skip";
    if (!isDir(st.mode) || options.how === "move") return (yield* this.mayOverwrite(dst, dstStat)) ? "go" : "skip";
    return "go";
  }

  private *sameDirectory(a: string, b: string): Proc<boolean> {
    return key(yield* stat(this.c.sys, dirname(a))) === key(yield* stat(this.c.sys, dirname(b)));
  }

  private *mayOverwrite(dst: string, dstStat: Stat): Proc<boolean> {
    const { c, options } = this;
    if (options.overwrite === "always" || (options.overwrite === "usual" && options.how !== "move")) return true;
    let writable = true;
    if (!isLnk(dstStat.mode)) {
      try {
        yield* c.sys.faccessat2(AT_FDCWD, dst, W_OK, AT_EACCESS);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        writable = false;
      }
    }
    if (options.overwrite === "usual" && (writable || !(yield* isatty(c.sys, 0)))) return true;
    if (!this.gnu) return yield* ask(c, `overwrite '${dst}'?`);
    if (writable) return yield* ask(c, `overwrite ${quoteaf(dst)}?`);
    const bits = (dstStat.mode & 0o7777).toString(8).padStart(4, "0");
    const letters = permissionString(dstStat.mode);
    return options.how === "move" || options.removeDestination || options.force
      ? yield* ask(c, `replace ${quoteaf(dst)}, overriding mode ${bits} (${letters})?`)
      : yield* ask(c, `unwritable ${quoteaf(dst)} (mode ${bits}, ${letters}); try anyway?`);
  }

  private mustUnlink(st: Stat, dstStat: Stat): boolean {
    const { options } = this;
    if (options.removeDestination) return true;
    if ((options.how === "link" || options.how === "symlink") && options.force) return true;
    if (options.preserve.links && dstStat.nlink > 1) return true;
    return options.dereference === "never" && !isReg(st.mode) && options.how === "copy";
  }

  /** Renames; "copy" where that must be done by copying to another filesystem. */
  private *move(src: string, dst: string, dstStat: Stat | undefined, note: string): Proc<boolean | "copy"> {
    const { c, options } = this;
    try {
      const flags = options.overwrite === "never" && dstStat === undefined ? RENAME_NOREPLACE : 0;
      yield* c.sys.renameat2(AT_FDCWD, src, AT_FDCWD, dst, flags);
      if (options.verbose) yield* c.print(`renamed ${quoteaf(src)} -> ${quoteaf(dst)}${note}\n`);
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (e === EINVAL) {
        return yield* this.failedMove(
          src,
          this.gnu ? `cannot move ${quoteaf(src)} to a subdirectory of itself, ${quoteaf(dst)}` : undefined,
          e,
        );
      }
      if (e !== EXDEV) {
        yield* c.perror(this.gnu ? `cannot move ${quoteaf(src)} to ${quoteaf(dst)}` : `can't rename '${src}'`, e);
        return false;
      }
    }
    if (dstStat !== undefined) {
      try {
        yield* c.sys.unlinkat(AT_FDCWD, dst, isDir(dstStat.mode) ? AT_REMOVEDIR : 0);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.warn(`inter-device move failed: ${quoteaf(src)} to ${quoteaf(dst)}; unable to remove target: ${e.message}`);
        return false;
      }
    }
    return "copy";
  }

  private *failedMove(src: string, message: string | undefined, e: Errno): Proc<false> {
    if (message === undefined) yield* this.c.perror(`can't rename '${src}'`, e);
    else yield* this.c.warn(message);
    return false;
  }

  /** After a move across filesystems: the source goes. */
  private *removeMoved(src: string): Proc<boolean> {
    const remover = new Remover(this.c, {
      recursive: true,
      force: true,
      ask: "never",
      verbose: this.options.verbose,
      directories: false,
      oneFileSystem: false,
    });
    return yield* remover.remove(src);
  }

  private *copyDirectory(src: string, dst: string, st: Stat, dstStat: Stat | undefined, topDev: number | undefined): Proc<boolean> {
    if (this.made.has(key(st))) {
      const [from, to] = this.top;
      return yield* this.complain(
        this.gnu
          ? `cannot copy a directory, ${quoteaf(from)}, into itself, ${quoteaf(to)}`
          : `recursion detected, omitting directory '${src}'`,
      );
    }
    if (this.ancestors.includes(key(st))) return yield* this.complain(`cannot copy cyclic symbolic link ${quoteaf(src)}`);
    this.ancestors.push(key(st));
    const good = yield* this.copyTree(src, dst, st, dstStat, topDev);
    this.ancestors.pop();
    return good;
  }

  /** Makes the directory and copies what is in it. */
  private *copyTree(src: string, dst: string, st: Stat, dstStat: Stat | undefined, topDev: number | undefined): Proc<boolean> {
    const { c, options } = this;
    const umask = yield* this.getUmask();
    const wanted = options.defaultMode ? 0o777 : st.mode & 0o7777;
    if (dstStat === undefined) {
      try {
        yield* mkdir(c.sys, dst, (wanted & 0o777) | 0o700);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* this.failed(`cannot create directory ${quoteaf(dst)}`, `can't create directory '${dst}'`, e);
      }
      if (options.verbose) {
        yield* c.print(options.how === "move" ? `created directory ${quoteaf(dst)}\n` : `${quoteaf(src)} -> ${quoteaf(dst)}\n`);
      }
      this.made.add(key(yield* lstat(c.sys, dst)));
    }
    let names: string[];
    try {
      names = (yield* readDir(c.sys, src)).map((entry) => entry.name).filter((name) => name !== "." && name !== "..");
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(`cannot access ${quoteaf(src)}`, `can't open '${src}'`, e);
    }
    let good = true;
    if (!options.oneFileSystem || topDev === undefined || topDev === st.dev) {
      for (const name of names) good = (yield* this.copy(joinPath(src, name), joinPath(dst, name), false, topDev ?? st.dev)) && good;
    }
    if (dstStat === undefined || options.preserve.mode) {
      if (options.preserve.mode || options.preserve.ownership || options.preserve.timestamps) {
        good = (yield* this.preserve(src, dst, st, dstStat === undefined)) && good;
      }
      const mode = wanted & 0o777 & ~umask;
      if (!options.preserve.mode && (wanted & 0o700) !== 0o700 && dstStat === undefined) yield* c.sys.fchmodat(AT_FDCWD, dst, mode);
    }
    return good;
  }

  private *makeLink(from: string, dst: string, exists: boolean): Proc<boolean> {
    const { c } = this;
    try {
      if (exists && !this.options.force && this.options.how === "copy") yield* unlink(c.sys, dst);
      yield* c.sys.linkat(AT_FDCWD, from, AT_FDCWD, dst, this.options.dereference === "always" ? AT_SYMLINK_FOLLOW : 0);
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(`cannot create hard link ${quoteaf(dst)} to ${quoteaf(from)}`, `can't create link '${dst}'`, e);
    }
  }

  private *makeSymlink(src: string, dst: string, exists: boolean): Proc<boolean> {
    const { c } = this;
    if (this.gnu && !src.startsWith("/") && (yield* this.elsewhere(dst))) {
      return yield* this.complain(`${dst}: can make relative symbolic links only in current directory`);
    }
    try {
      if (exists && this.options.force) yield* optional(unlink(c.sys, dst));
      yield* symlink(c.sys, src, dst);
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(`cannot create symbolic link ${quoteaf(dst)} to ${quoteaf(src)}`, `can't create symlink '${dst}'`, e);
    }
  }

  private *elsewhere(dst: string): Proc<boolean> {
    const dir = dirname(dst);
    if (dir === ".") return false;
    return key(yield* stat(this.c.sys, ".")) !== key(yield* stat(this.c.sys, dir));
  }

  private *copySpecial(src: string, dst: string, st: Stat): Proc<boolean> {
    const { c } = this;
    try {
      if (isLnk(st.mode)) yield* symlink(c.sys, yield* readlink(c.sys, src), dst);
      else yield* c.sys.mknodat(AT_FDCWD, dst, (st.mode & S_IFMT) | (this.options.defaultMode ? 0o666 : st.mode & 0o777), st.rdev);
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (isLnk(st.mode)) return yield* this.failed(`cannot create symbolic link ${quoteaf(dst)}`, `can't create symlink '${dst}'`, e);
      return yield* this.failed(`cannot create special file ${quoteaf(dst)}`, `can't create '${dst}'`, e);
    }
  }

  private *copyRegular(src: string, dst: string, st: Stat, dstStat: Stat | undefined): Proc<boolean> {
    const { c, options } = this;
    let from: number;
    try {
      from = yield* open(c.sys, src, O_RDONLY | (options.dereference === "never" ? O_NOFOLLOW : 0));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(`cannot open ${quoteaf(src)} for reading`, `can't open '${src}'`, e);
    }
    try {
      const to = yield* this.openTarget(dst, st, dstStat !== undefined);
      if (to === undefined) return false;
      try {
        const sparse = isReg(st.mode) && st.blocks * 512 < st.size;
        if (!options.attributesOnly && !(sparse && (yield* this.copyData(from, to, st.size)))) yield* this.copyContent(from, to);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (e === EISDIR) return yield* this.failed(`error reading ${quoteaf(src)}`, "read error", e);
        return yield* this.failed(`error writing ${quoteaf(dst)}`, "write error", e);
      } finally {
        yield* c.sys.close(to);
      }
      return true;
    } finally {
      yield* c.sys.close(from);
    }
  }

  /** The target opened for writing; undefined after saying why not. */
  private *openTarget(dst: string, st: Stat, exists: boolean): Proc<number | undefined> {
    const { c, options } = this;
    let there = exists;
    if (there) {
      try {
        return yield* open(c.sys, dst, O_WRONLY | (options.attributesOnly ? 0 : O_TRUNC));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (!options.force) {
          yield* this.failed(`cannot create regular file ${quoteaf(dst)}`, `can't create '${dst}'`, e);
          return undefined;
        }
        try {
          yield* unlink(c.sys, dst);
        } catch (f) {
          if (!(f instanceof Errno)) throw f;
          yield* this.failed(`cannot remove ${quoteaf(dst)}`, `can't remove '${dst}'`, f);
          return undefined;
        }
        if (options.verbose && this.gnu) yield* c.print(`removed ${quoteaf(dst)}\n`);
        there = false;
      }
    }
    // Until the owner is right, nobody else may look into a file that is to be preserved.
    const mode = options.defaultMode ? 0o666 : st.mode & 0o777 & (options.preserve.ownership ? ~0o077 : ~0);
    try {
      return yield* open(c.sys, dst, O_WRONLY | O_CREAT | O_EXCL, mode);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (e === EEXIST && this.gnu && !dst.endsWith("/") && isLnk((yield* lstat(c.sys, dst)).mode)) {
        yield* c.warn(`not writing through dangling symlink ${quoteaf(dst)}`);
        return undefined;
      }
      if (e === EEXIST && !this.gnu) return yield* open(c.sys, dst, O_WRONLY | O_CREAT | O_TRUNC, mode);
      const shown = e === EISDIR && this.gnu && dst.endsWith("/") ? ENOTDIR : e;
      yield* this.failed(`cannot create regular file ${quoteaf(dst)}`, `can't create '${dst}'`, shown);
      return undefined;
    }
  }

  /** Copies a file with holes, leaving them out; false where the filesystem cannot tell them. */
  private *copyData(from: number, to: number, size: number): Proc<boolean> {
    const { sys } = this.c;
    for (let at = 0; at < size; ) {
      let data: number;
      try {
        data = yield* sys.lseek(from, at, SEEK_DATA);
      } catch (e) {
        if (e === ENXIO) break;
        if (e === EINVAL && at === 0) return false;
        throw e;
      }
      const end = yield* sys.lseek(from, data, SEEK_HOLE);
      for (at = data; at < end; ) {
        const n = yield* sys.copy_file_range(from, at, to, at, end - at);
        if (n === 0) break;
        at += n;
      }
      at = end;
    }
    yield* sys.ftruncate(to, size);
    return true;
  }

  private *copyContent(from: number, to: number): Proc<void> {
    const { sys } = this.c;
    let shared = 0;
    try {
      for (;;) {
        const n = yield* sys.copy_file_range(from, undefined, to, undefined, 2 ** 30);
        if (n === 0) break;
        shared += n;
      }
      // Files of /proc have no size and give nothing this way, but can be read.
      if (shared > 0) return;
    } catch (e) {
      if (shared > 0 || (e !== EXDEV && e !== EINVAL && e !== EOPNOTSUPP && e !== ENOSYS && e !== EPERM)) throw e;
    }
    const buffer = new Uint8Array(131072);
    for (;;) {
      const n = yield* sys.read(from, buffer);
      if (n === 0) return;
      yield* writeAll(sys, to, buffer.subarray(0, n));
    }
  }

  /** Gives `dst` the times, owner, xattrs and mode of `st`, as far as they are to be kept. */
  private *preserve(src: string, dst: string, st: Stat, fresh: boolean): Proc<boolean> {
    const { c } = this;
    const move = this.options.how === "move";
    const keep = this.options.preserve;
    const link = isLnk(st.mode);
    try {
      if (keep.xattr) {
        for (const name of yield* c.sys.listxattr(src, !link)) {
          yield* c.sys.setxattr(dst, name, yield* c.sys.getxattr(src, name, !link), 0, !link);
        }
      }
      if (keep.timestamps || move) yield* c.sys.utimensat(AT_FDCWD, dst, st.atime, st.mtime, AT_SYMLINK_NOFOLLOW);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(`preserving times for ${quoteaf(dst)}`, `can't preserve times of '${dst}'`, e);
    }
    let owned = true;
    if (keep.ownership || move) {
      try {
        yield* c.sys.fchownat(AT_FDCWD, dst, st.uid, st.gid, AT_SYMLINK_NOFOLLOW);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        // Without privilege a copy belongs to who made it; that is no failure, but ends set-ID.
        if (e !== EPERM && e !== EINVAL)
          return yield* this.failed(`failed to preserve ownership for ${quoteaf(dst)}`, `can't preserve ownership of '${dst}'`, e);
        owned = false;
      }
    }
    if (link) return true;
    if (keep.mode || move) yield* c.sys.fchmodat(AT_FDCWD, dst, st.mode & (owned ? 0o7777 : 0o1777));
    else if (keep.ownership && fresh) yield* c.sys.fchmodat(AT_FDCWD, dst, st.mode & 0o777 & ~(yield* this.getUmask()));
    return true;
  }

  private *getUmask(): Proc<number> {
    if (this.umask === undefined) {
      this.umask = yield* this.c.sys.umask(0);
      yield* this.c.sys.umask(this.umask);
    }
    return this.umask;
  }
}

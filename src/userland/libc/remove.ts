/** Removing files and trees, with the questions that rm asks: coreutils `src/remove.c`, and busybox's words. */

import { EACCES, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, Errno } from "../../abi/errno.ts";
import { AT_EACCESS, AT_FDCWD, AT_REMOVEDIR, W_OK } from "../../abi/fcntl.ts";
import { isBlk, isChr, isDir, isFifo, isLnk, isReg, isSock, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Command } from "./command.ts";
import { quoteaf } from "./quotearg.ts";
import { isatty } from "./stdio.ts";
import { lstat, readDir } from "./unistd.ts";
import { ask } from "./yesno.ts";

export interface RemoveOptions {
  readonly recursive: boolean;
  /** Absent files are no error. */
  readonly force: boolean;
  /** `writable`: ask only where the file is write-protected and stdin a terminal. */
  readonly ask: "never" | "writable" | "always";
  readonly verbose: boolean;
  /** Remove empty directories too (-d). */
  readonly directories: boolean;
  readonly oneFileSystem: boolean;
}

/** A file's type in words, as rm and stat have it. */
export function fileType(st: Stat): string {
  if (isReg(st.mode)) return st.size === 0 ? "regular empty file" : "regular file";
  if (isDir(st.mode)) return "directory";
  if (isLnk(st.mode)) return "symbolic link";
  if (isChr(st.mode)) return "character special file";
  if (isBlk(st.mode)) return "block special file";
  if (isFifo(st.mode)) return "fifo";
  return isSock(st.mode) ? "socket" : "weird file";
}

export class Remover {
  private onTerminal: boolean | undefined;

  constructor(
    private readonly c: Command,
    private readonly options: RemoveOptions,
  ) {}

  /** Removes `path`; says what failed and returns false. */
  *remove(path: string, topDev?: number): Proc<boolean> {
    const { sys } = this.c;
    let st: Stat;
    try {
      st = yield* lstat(sys, path);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (this.options.force && (e === ENOENT || e === ENOTDIR)) return true;
      return yield* this.failed(path, e);
    }
    if (isDir(st.mode)) return yield* this.removeDirectory(path, st, topDev);
    if (!(yield* this.confirm(path, st))) return true;
    try {
      yield* sys.unlinkat(AT_FDCWD, path, 0);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (this.options.force && e === ENOENT) return true;
      return yield* this.failed(path, e);
    }
    if (this.options.verbose) yield* this.c.print(`removed ${quoteaf(path)}\n`);
    return true;
  }

  private *removeDirectory(path: string, st: Stat, topDev: number | undefined): Proc<boolean> {
    const { c, options } = this;
    if (!options.recursive) {
      if (c.voice === "busybox") {
        yield* c.warn(`'${path}' is a directory`);
        return false;
      }
      if (!options.directories) return yield* this.failed(path, EISDIR);
    }
    if (options.oneFileSystem && topDev !== undefined && topDev !== st.dev) {
      yield* c.warn(`skipping ${quoteaf(path)}, since it's on a different device`);
      return false;
    }
    let names: string[];
    try {
      names = (yield* readDir(c.sys, path)).map((entry) => entry.name).filter((name) => name !== "." && name !== "..");
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      // An unreadable directory may still be empty.
      return e === EACCES ? yield* this.rmdir(path, EACCES) : yield* this.failed(path, e);
    }
    if (names.length > 0 && !options.recursive) return yield* this.failed(path, ENOTEMPTY);
    if (names.length > 0) {
      if (!(yield* this.confirmDescent(path, st))) return true;
      let good = true;
      for (const name of names) {
        good = (yield* this.remove(path.endsWith("/") ? path + name : `${path}/${name}`, topDev ?? st.dev)) && good;
      }
      if (!good) return false;
    }
    if (!(yield* this.confirm(path, st))) return true;
    return yield* this.rmdir(path);
  }

  private *rmdir(path: string, instead?: Errno): Proc<boolean> {
    try {
      yield* this.c.sys.unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      // The user has kept something inside: that was no failure of ours.
      if (e === ENOTEMPTY && this.options.ask !== "never" && instead === undefined) return yield* this.failed(path, e);
      return yield* this.failed(path, instead ?? e);
    }
    if (this.options.verbose) yield* this.c.print(`removed directory ${quoteaf(path)}\n`);
    return true;
  }

  private *isProtected(path: string, st: Stat): Proc<boolean> {
    if (isLnk(st.mode)) return false;
    try {
      yield* this.c.sys.faccessat2(AT_FDCWD, path, W_OK, AT_EACCESS);
      return false;
    } catch (e) {
      if (e instanceof Errno) return true;
      throw e;
    }
  }

  /** Whether a question is due, and whether its subject is write-protected. */
  private *question(path: string, st: Stat): Proc<"none" | "plain" | "protected"> {
    const { ask: when } = this.options;
    if (when === "never") return "none";
    if (when === "writable") {
      this.onTerminal ??= yield* isatty(this.c.sys, 0);
      if (!this.onTerminal) return "none";
    }
    if (yield* this.isProtected(path, st)) return "protected";
    return when === "always" ? "plain" : "none";
  }

  private *confirm(path: string, st: Stat): Proc<boolean> {
    const kind = yield* this.question(path, st);
    if (kind === "none") return true;
    if (this.c.voice === "busybox") return yield* ask(this.c, isDir(st.mode) ? `remove directory '${path}'?` : `remove '${path}'?`);
    return yield* ask(this.c, `remove ${kind === "protected" ? "write-protected " : ""}${fileType(st)} ${quoteaf(path)}?`);
  }

  private *confirmDescent(path: string, st: Stat): Proc<boolean> {
    const kind = yield* this.question(path, st);
    if (kind === "none") return true;
    return yield* ask(this.c, `descend into ${kind === "protected" ? "write-protected " : ""}directory ${quoteaf(path)}?`);
  }

  private *failed(path: string, e: Errno): Proc<boolean> {
    yield* this.c.perror(this.c.voice === "gnu" ? `cannot remove ${quoteaf(path)}` : `can't remove '${path}'`, e);
    return false;
  }
}

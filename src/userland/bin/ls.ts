/** ls(1) of coreutils, and busybox's: lists directories. Its parts are in `userland/ls`. Left out: -D, SELinux contexts. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { DT_LNK, type Dirent, S_IFDIR, isDir, isLnk, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { joinPath } from "../libc/copy.ts";
import { fnmatch } from "../libc/fnmatch.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quoteaf, quotef } from "../libc/quotearg.ts";
import { lstat, open, optional, readlink, readOpenDir, stat } from "../libc/unistd.ts";
import { type Entry, sortEntries } from "../ls/entry.ts";
import { Listing } from "../ls/listing.ts";
import { busyboxSpec, gnuSpec, type Settings, settingsOf } from "../ls/options.ts";

const usage = `ls [OPTION]... [FILE]...
List the FILEs (the current directory unless given), sorted by name.

  -a, --all                  do not skip names that begin with .
  -A, --almost-all           the same but for . and ..
      --author               with -l, print the author
  -b, --escape               C escapes for characters that are not graphic
      --block-size=SIZE      with -l, scale sizes by SIZE
  -B, --ignore-backups       skip names that end in ~
  -c, -u                     with -lt: sort by and show ctime or atime; with -l: show it
  -C, -x, -m, -1             by columns, by lines, with commas, one a line
      --color[=WHEN]         colour names: always, auto or never
  -d, --directory            list directories themselves
  -f                         list all in directory order
  -F, --classify[=WHEN]      append one of */=>@| to names
      --file-type            the same, without *
      --format=WORD          across, commas, long, single-column, vertical
      --full-time            same as -l --time-style=full-iso
  -g, -o, -G                 -l without owner, without group; no group names
      --group-directories-first  directories before files
  -h, --human-readable, --si sizes like 1K 234M 2G; --si: powers of 1000
  -H, -L                     follow links among the operands; all links
      --hide=PATTERN         skip names that match, unless -a or -A
  -i, --inode                print inode numbers
  -I, --ignore=PATTERN       skip names that match
  -k, --kibibytes            blocks of 1024 bytes for -s
  -l                         long format
  -n, --numeric-uid-gid      -l with numeric ids
  -N, --literal, -q, -Q      raw names; ? for control characters; names in double quotes
      --quoting-style=WORD   literal, locale, shell, shell-always, shell-escape, shell-escape-always, c, escape
  -p                         append / to directories
  -r, --reverse              reverse the order
  -R, --recursive            list what is in directories too
  -s, --size                 print allocated blocks
  -S, -t, -U, -v, -X         sort by size, time, not at all, version, extension
      --sort=WORD            none, size, time, version, extension, width
      --time=WORD            atime, ctime, mtime, birth
      --time-style=STYLE     full-iso, long-iso, iso, locale, or +FORMAT
  -T, --tabsize=COLS         tab stops
  -w, --width=COLS           output width; 0 means no limit
  -Z, --context              the security context
      --zero                 end each line with NUL, not newline
      --help                 show this help and exit`;

class Lister {
  private status = 0;
  private printed = false;
  /** With -R: the directories from the operand down, so that links cannot lead around in circles. */
  private readonly active = new Set<string>();
  private readonly listing: Listing;

  constructor(
    private readonly c: Command,
    private readonly settings: Settings,
    now: { sec: number; nsec: number },
  ) {
    this.listing = new Listing(c, settings, now);
  }

  private *failed(path: string, e: Errno, operand: boolean, what = "access"): Proc<void> {
    yield* this.c.stdout.flush();
    const gnu = this.c.voice === "gnu";
    yield* this.c.perror(gnu ? `cannot ${what} ${quoteaf(path)}` : what === "access" ? path : `can't open '${path}'`, e);
    this.status = Math.max(this.status, operand && gnu ? 2 : 1);
  }

  /** Whether entries must be looked at, or their directory says enough. */
  private get needsStat(): boolean {
    const { settings: s } = this;
    return (
      s.format === "long" ||
      s.blocks ||
      s.color ||
      s.sort === "size" ||
      s.sort === "time" ||
      s.indicator === "classify" ||
      s.directoriesFirst
    );
  }

  private *look(path: string, name: string, follow: boolean): Proc<Entry> {
    const { c, settings } = this;
    let st: Stat | undefined;
    if (follow) {
      st = yield* optional(stat(c.sys, path));
      if (st === undefined) throw ENOENT;
    }
    st ??= yield* lstat(c.sys, path);
    const entry: Entry = { name, type: st.mode, ino: st.ino, st };
    if (!isLnk(st.mode) || (settings.format !== "long" && !settings.color && !settings.directoriesFirst)) return entry;
    const target = yield* optional(readlink(c.sys, path));
    const targetStat = yield* this.targetStat(path);
    return { ...entry, ...(target === undefined ? {} : { target }), ...(targetStat === undefined ? {} : { targetStat }) };
  }

  private *targetStat(path: string): Proc<Stat | undefined> {
    try {
      return yield* stat(this.c.sys, path);
    } catch (e) {
      if (e instanceof Errno) return undefined;
      throw e;
    }
  }

  /** The operands: files are listed together, then each directory. */
  *listOperands(operands: readonly string[]): Proc<number> {
    const { settings } = this;
    // Without operands the working directory is opened without a look at it first.
    if (operands.length === 0 && !settings.directory) {
      yield* this.listDirectory(".", true, settings.recursive);
      return this.status;
    }
    const files: Entry[] = [];
    const directories: Entry[] = [];
    for (const path of operands.length === 0 ? ["."] : operands) {
      try {
        let entry = yield* this.look(path, path, settings.dereference === "operands" || settings.dereference === "always");
        if (settings.dereference === "operand-directories" && isLnk(entry.type)) {
          const target = yield* this.targetStat(path);
          if (target !== undefined && isDir(target.mode)) entry = { name: path, type: target.mode, ino: target.ino, st: target };
        }
        if (isDir(entry.type) && !settings.directory) directories.push(entry);
        else files.push(entry);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* this.failed(path, e, true);
      }
    }
    sortEntries(files, settings);
    sortEntries(directories, settings);
    if (files.length > 0) {
      yield* this.listing.print(files);
      this.printed = true;
    }
    const named = operands.length > 1 || settings.recursive;
    for (const { name } of directories) yield* this.listDirectory(name, true, named);
    return this.status;
  }

  private isShown(name: string): boolean {
    const { settings } = this;
    if (settings.hidden === "skip" && name.startsWith(".")) return false;
    if (settings.hidden === "almost" && (name === "." || name === "..")) return false;
    if (settings.backups && name.endsWith("~")) return false;
    const matches = (pattern: string): boolean => !(name.startsWith(".") && !pattern.startsWith(".")) && fnmatch(pattern, name);
    if (settings.hidden === "skip" && settings.hide.some(matches)) return false;
    return !settings.ignore.some(matches);
  }

  private *listDirectory(path: string, operand: boolean, named: boolean): Proc<void> {
    const { c, settings } = this;
    let fd: number;
    try {
      fd = yield* open(c.sys, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.failed(path, e, operand, "open directory");
      return;
    }
    const { dev, ino } = yield* c.sys.fstat(fd);
    if (settings.recursive && this.active.has(`${dev}:${ino}`)) {
      yield* c.stdout.flush();
      yield* c.warn(`${quotef(path)}: not listing already-listed directory`);
      this.status = 2;
      yield* c.sys.close(fd);
      return;
    }
    this.active.add(`${dev}:${ino}`);
    if (named) yield* c.print(`${this.printed ? "\n" : ""}${this.listing.quoted(path)}:\n`);
    this.printed = true;
    // The directory stays open while its entries are looked at: /proc/self/fd shows it.
    let entries: Entry[];
    try {
      entries = yield* this.lookAtEntries(path, yield* readOpenDir(c.sys, fd));
    } finally {
      yield* c.sys.close(fd);
    }
    if (c.voice === "busybox" && settings.format === "long") entries = yield* this.readLinks(path, entries);
    sortEntries(entries, settings);
    if (settings.format === "long" || settings.blocks) yield* c.print(`total ${this.listing.total(entries)}${settings.end}`);
    yield* this.listing.print(entries);
    if (!settings.recursive) return;
    for (const entry of entries) {
      if (entry.name === "." || entry.name === ".." || ((entry.st?.mode ?? entry.type) & 0o170000) !== S_IFDIR) continue;
      yield* this.listDirectory(joinPath(path, entry.name), false, true);
    }
    this.active.delete(`${dev}:${ino}`);
  }

  /** busybox reads where links lead as it prints them, when the directory is closed: in /proc/self/fd that one leads nowhere. */
  private *readLinks(path: string, entries: readonly Entry[]): Proc<Entry[]> {
    const { c } = this;
    const read: Entry[] = [];
    for (const entry of entries) {
      const { target, ...rest } = entry;
      if (target === undefined) {
        read.push(entry);
        continue;
      }
      try {
        read.push({ ...rest, target: yield* readlink(c.sys, joinPath(path, entry.name)) });
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(`${joinPath(path, entry.name)}: cannot read link`, e);
        read.push(rest);
      }
    }
    return read;
  }

  private *lookAtEntries(path: string, names: readonly Dirent[]): Proc<Entry[]> {
    const { settings } = this;
    const entries: Entry[] = [];
    for (const { name, type, ino } of names) {
      if (!this.isShown(name)) continue;
      // What a link leads to matters only where its type or inode is shown.
      const throughLink =
        type === DT_LNK && settings.dereference === "always" && (settings.inode || settings.recursive || settings.indicator !== "none");
      if (!this.needsStat && !throughLink && type !== 0) {
        entries.push({ name, type: type * 0o10000, ino, st: undefined });
        continue;
      }
      try {
        entries.push(yield* this.look(joinPath(path, name), name, settings.dereference === "always"));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* this.failed(joinPath(path, name), e, false);
        entries.push({ name, type: type * 0o10000, ino, st: undefined, error: e });
      }
    }
    return entries;
  }
}

export const ls: Executable = {
  name: "ls",
  paths: ["/usr/bin/ls"],
  needed: ["libselinux.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 151344,
  applet: "/bin/ls",
  main: command(
    {
      writeError: { status: 2 },
      version: COREUTILS,
      help: help(usage, "ls [-1AaCxdLHRFplinshrSXvctu] [-w WIDTH] [FILE]...\n\nList directory contents"),
      usageStatus: 2,
    },
    function* (c) {
      const { options, operands } = yield* c.getopt(c.voice === "gnu" ? gnuSpec : busyboxSpec);
      const settings = yield* settingsOf(c, options);
      const now = yield* c.sys.clock_gettime(CLOCK_REALTIME);
      return yield* new Lister(c, settings, now).listOperands(operands);
    },
  ),
};

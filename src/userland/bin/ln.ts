/** ln(1) of coreutils, and busybox's: hard and symbolic links. */

import { EEXIST, EISDIR, ENOENT, ENOSPC, EROFS, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_SYMLINK_FOLLOW } from "../../abi/fcntl.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Backup, backupName, backupOf } from "../libc/backupfile.ts";
import { type Command, command } from "../libc/command.ts";
import { joinPath } from "../libc/copy.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quoteaf, quotef } from "../libc/quotearg.ts";
import { canonicalize, relativePath } from "../libc/realpath.ts";
import { targetLong } from "../libc/targetdir.ts";
import { basename, dirname, lstat, optional, rename, stat, symlink, unlink } from "../libc/unistd.ts";
import { ask } from "../libc/yesno.ts";

const usage = `ln [OPTION]... [-T] TARGET LINK_NAME
  or:  ln [OPTION]... TARGET
  or:  ln [OPTION]... TARGET... DIRECTORY
  or:  ln [OPTION]... -t DIRECTORY TARGET...
Make a link to TARGET named LINK_NAME, or links to each TARGET in the current directory or in DIRECTORY.
Hard links are made unless -s is given.

      --backup[=CONTROL], -b   keep a backup of each file that is replaced
  -d, -F, --directory          let the superuser try to hard link directories
  -f, --force                  remove existing files of that name
  -i, --interactive            ask before removing them
  -L, --logical                link to what a symbolic link TARGET points to
  -n, --no-dereference         a LINK_NAME that is a symbolic link to a directory is a plain file
  -P, --physical               make hard links to symbolic links themselves (the default)
  -r, --relative               with -s, make the links relative to where they lie
  -s, --symbolic               make symbolic links
  -S, --suffix=SUFFIX          the suffix of backups
  -t, --target-directory=DIR   make the links in DIR
  -T, --no-target-directory    LINK_NAME is always a plain file
  -v, --verbose                print the name of each link
      --help                   show this help and exit`;

interface Linking {
  readonly symbolic: boolean;
  readonly relative: boolean;
  readonly force: boolean;
  readonly interactive: boolean;
  readonly logical: boolean;
  readonly directories: boolean;
  readonly verbose: boolean;
  readonly backup: Backup;
}

function* make(c: Command, target: string, path: string, how: Linking): Proc<void> {
  if (how.symbolic) yield* symlink(c.sys, target, path);
  else yield* c.sys.linkat(AT_FDCWD, target, AT_FDCWD, path, how.logical ? AT_SYMLINK_FOLLOW : 0);
}

function* relativeTarget(c: Command, target: string, path: string): Proc<string> {
  const from = yield* canonicalize(c.sys, dirname(path), "missing");
  return relativePath(yield* canonicalize(c.sys, target, "missing"), from);
}

function* linkOne(c: Command, operand: string, path: string, how: Linking): Proc<boolean> {
  const gnu = c.voice === "gnu";
  let target = operand;
  if (!how.symbolic && gnu) {
    try {
      const st = yield* how.logical ? stat(c.sys, target) : lstat(c.sys, target);
      if (isDir(st.mode) && !how.directories) {
        yield* c.warn(`${quotef(target)}: hard link not allowed for directory`);
        return false;
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(`failed to access ${quoteaf(target)}`, e);
      return false;
    }
  }
  let backup: string | undefined;
  try {
    if (how.relative) target = yield* relativeTarget(c, target, path);
    const replacing = how.force || how.interactive || how.backup.type !== "none";
    const old = replacing ? yield* optional(lstat(c.sys, path)) : undefined;
    if (old !== undefined) {
      if (isDir(old.mode)) {
        yield* c.warn(gnu ? `${quotef(path)}: cannot overwrite directory` : `${path}: ${EISDIR.message}`);
        return false;
      }
      if (how.interactive && !(yield* ask(c, `replace ${quoteaf(path)}?`))) return gnu;
      const same = how.symbolic ? undefined : yield* optional(lstat(c.sys, target));
      if (same !== undefined && same.dev === old.dev && same.ino === old.ino && gnu) {
        if (target === path || dirname(target) === dirname(path)) {
          if (basename(target) === basename(path)) {
            yield* c.warn(`${quoteaf(target)} and ${quoteaf(path)} are the same file`);
            return false;
          }
        }
      }
      if (how.backup.type !== "none") {
        backup = yield* backupName(c, path, how.backup);
        yield* rename(c.sys, path, backup);
      } else yield* unlink(c.sys, path);
    }
    yield* make(c, target, path, how);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (gnu) {
      const kind = how.symbolic ? "symbolic" : "hard";
      const arrow =
        e === EEXIST || e === EROFS || e === ENOSPC || (how.symbolic && !(e === ENOENT && target === ""))
          ? ""
          : how.symbolic
            ? ` -> ${quoteaf(target)}`
            : ` => ${quoteaf(target)}`;
      yield* c.perror(`failed to create ${kind} link ${quoteaf(path)}${arrow}`, e);
    } else yield* c.perror(e === ENOENT && !how.symbolic ? operand : path, e);
    if (backup !== undefined) yield* rename(c.sys, backup, path);
    return false;
  }
  if (how.verbose) {
    const kept = backup === undefined || !gnu ? "" : `${quoteaf(backup)} ~ `;
    yield* c.print(gnu ? `${kept}${quoteaf(path)} ${how.symbolic ? "->" : "=>"} ${quoteaf(target)}\n` : `'${path}' -> '${target}'\n`);
  }
  return true;
}

/** Whether links go into `path`: it is a directory, or (unless -n) a symbolic link to one. */
function* isTargetDirectory(c: Command, path: string, nofollow: boolean): Proc<boolean> {
  const st = yield* optional(nofollow ? lstat(c.sys, path) : stat(c.sys, path));
  return st !== undefined && isDir(st.mode);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "bdfinrst:vFLPS:T" : "sfnbtvS:T",
    long: gnu
      ? [
          { name: "backup", arg: "optional", as: "b" },
          { name: "directory", as: "F" },
          { name: "force", as: "f" },
          { name: "interactive", as: "i" },
          { name: "logical", as: "L" },
          { name: "no-dereference", as: "n" },
          { name: "physical", as: "P" },
          { name: "relative", as: "r" },
          { name: "suffix", arg: "required", as: "S" },
          { name: "symbolic", as: "s" },
          { name: "verbose", as: "v" },
          ...targetLong,
        ]
      : [],
  });
  const has = (...names: string[]): boolean => options.some((o) => names.includes(o.name));
  if (operands.length === 0) throw new UsageError(gnu ? "missing file operand" : "");
  const how: Linking = {
    symbolic: has("s"),
    relative: has("r"),
    force: options.findLast((o) => o.name === "f" || o.name === "i")?.name === "f",
    interactive: options.findLast((o) => o.name === "f" || o.name === "i")?.name === "i",
    logical: options.findLast((o) => o.name === "L" || o.name === "P")?.name === "L",
    directories: has("d", "F"),
    verbose: has("v"),
    backup: backupOf(c, options),
  };
  if (how.relative && !how.symbolic) yield* c.fail("cannot do --relative without --symbolic");
  const [first = "", second] = operands;
  let target = gnu ? options.findLast((o) => o.name === "t")?.arg : undefined;
  let sources = operands;
  if (target !== undefined) {
    if (has("T")) throw new UsageError("cannot combine --target-directory and --no-target-directory");
    const st = yield* optional(stat(c.sys, target));
    if (st === undefined || !isDir(st.mode)) {
      return yield* c.fail(`target directory ${quoteaf(target)}: ${st === undefined ? "No such file or directory" : "Not a directory"}`);
    }
  } else if (has("T")) {
    if (operands.length !== 2) {
      throw new UsageError(
        second === undefined ? `missing destination file operand after ${quoteaf(first)}` : `extra operand ${quoteaf(operands[2] ?? "")}`,
      );
    }
  } else if (operands.length === 1) target = ".";
  else {
    const last = operands.at(-1) as string;
    if (yield* isTargetDirectory(c, last, has("n"))) {
      target = last;
      sources = operands.slice(0, -1);
    } else if (operands.length > 2) {
      const st = yield* optional(stat(c.sys, last));
      return yield* c.fail(`target ${quoteaf(last)}: ${st === undefined ? "No such file or directory" : "Not a directory"}`);
    }
  }
  if (target === undefined) return (yield* linkOne(c, first, second ?? "", how)) ? 0 : 1;
  let good = true;
  for (const source of sources) good = (yield* linkOne(c, source, joinPath(target, basename(source)), how)) && good;
  return good ? 0 : 1;
}

export const ln: Executable = {
  name: "ln",
  paths: ["/usr/bin/ln"],
  sizeBytes: 72824,
  applet: "/bin/ln",
  main: command(
    {
      version: COREUTILS,
      help: help(usage, "ln [-sfnbtv] [-S SUF] TARGET... LINK|DIR\n\nCreate a link LINK or DIR/TARGET to the specified TARGET(s)"),
    },
    run,
  ),
};

/**
 * install(1) of coreutils, and busybox's: copies files and sets their attributes, or makes directories.
 * Left out: -Z; --strip runs no strip, since the machine has none.
 */

import { EEXIST, Errno } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { backupOf } from "../libc/backupfile.ts";
import { findGroup, findUser } from "../libc/chown.ts";
import { type Command, command } from "../libc/command.ts";
import { Copier } from "../libc/copy.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { adjustMode, compileMode } from "../libc/mode.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { copyOperands, targetLong } from "../libc/targetdir.ts";
import { dirname, mkdir, optional, readFile, stat } from "../libc/unistd.ts";

const usage = `install [OPTION]... [-T] SOURCE DEST
  or:  install [OPTION]... SOURCE... DIRECTORY
  or:  install [OPTION]... -t DIRECTORY SOURCE...
  or:  install [OPTION]... -d DIRECTORY...
Copy SOURCE to DEST, or several SOURCEs into DIRECTORY, and set mode and owner; with -d, make directories.

      --backup[=CONTROL], -b  keep a backup of each file that is replaced
  -c                        ignored
  -C, --compare             leave a target that has the same content and attributes
  -d, --directory           make all components of each DIRECTORY
  -D                        make the leading components of DEST, or all of -t's
  -g, --group=GROUP         set the group
  -m, --mode=MODE           set the mode as chmod does, instead of rwxr-xr-x
  -o, --owner=OWNER         set the owner (superuser only)
  -p, --preserve-timestamps keep the times of SOURCE
  -S, --suffix=SUFFIX       the suffix of backups
  -t, --target-directory=DIR  copy all SOURCEs into DIR
  -T, --no-target-directory DEST is a file, not a directory to copy into
  -v, --verbose             say what is made and copied
      --help                show this help and exit`;

interface Attributes {
  readonly mode: number;
  readonly dirMode: number;
  readonly uid: number;
  readonly gid: number;
  readonly verbose: boolean;
}

function* makeDirectories(c: Command, path: string, how: Attributes, attributes: boolean): Proc<boolean> {
  const parts = path.split("/").filter((part) => part !== "");
  let at = path.startsWith("/") ? "/" : "";
  for (const [i, part] of parts.entries()) {
    at = at === "" || at === "/" ? at + part : `${at}/${part}`;
    try {
      yield* mkdir(c.sys, at, 0o755);
      if (how.verbose) yield* c.print(c.voice === "gnu" ? `${c.name}: creating directory ${quoteaf(at)}\n` : `created directory '${at}'\n`);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      const old = e === EEXIST ? yield* optional(stat(c.sys, at)) : undefined;
      if (old === undefined || !isDir(old.mode)) {
        const shown = old !== undefined && i < parts.length - 1 ? "Not a directory" : e.message;
        yield* c.warn(c.voice === "gnu" ? `cannot create directory ${quote(at)}: ${shown}` : `can't create directory '${path}': ${shown}`);
        return false;
      }
    }
  }
  return !attributes || (yield* setAttributes(c, path, how, how.dirMode));
}

function* setAttributes(c: Command, path: string, how: Attributes, mode: number): Proc<boolean> {
  try {
    if (how.uid >= 0 || how.gid >= 0) yield* c.sys.fchownat(AT_FDCWD, path, how.uid, how.gid, 0);
    yield* c.sys.fchmodat(AT_FDCWD, path, mode);
    return true;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(c.voice === "gnu" ? `cannot change ownership of ${quoteaf(path)}` : `can't change ownership of ${path}`, e);
    return false;
  }
}

/** Whether the target has what the source would give it (-C). */
function* isUpToDate(c: Command, src: string, dst: string, how: Attributes): Proc<boolean> {
  const old = yield* optional(stat(c.sys, dst));
  const st = yield* optional(stat(c.sys, src));
  if (old === undefined || st === undefined || isDir(old.mode) || old.size !== st.size || (old.mode & 0o7777) !== how.mode) return false;
  if (old.uid !== (how.uid < 0 ? yield* c.sys.geteuid() : how.uid) || old.gid !== (how.gid < 0 ? yield* c.sys.getegid() : how.gid))
    return false;
  const [a, b] = [yield* readFile(c.sys, src), yield* readFile(c.sys, dst)];
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "bcCsDdg:m:o:pt:TvS:" : "cdDspg:m:o:t:v",
    long: gnu
      ? [
          { name: "backup", arg: "optional", as: "b" },
          { name: "compare", as: "C" },
          { name: "directory", as: "d" },
          { name: "group", arg: "required", as: "g" },
          { name: "mode", arg: "required", as: "m" },
          { name: "owner", arg: "required", as: "o" },
          { name: "preserve-timestamps", as: "p" },
          { name: "strip", as: "s" },
          { name: "suffix", arg: "required", as: "S" },
          { name: "verbose", as: "v" },
          ...targetLong,
        ]
      : [],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  if (has("s")) yield* c.fail("cannot run strip: No such file or directory");
  const modeText = arg("m");
  const change = compileMode(modeText ?? "755");
  if (change === undefined) return yield* c.fail(gnu ? `invalid mode ${quote(modeText ?? "")}` : `invalid mode '${modeText}'`);
  const owner = arg("o");
  const group = arg("g");
  const uid = owner === undefined ? -1 : yield* findUser(c.sys, owner);
  if (uid === undefined) return yield* c.fail(gnu ? `invalid user ${quote(owner ?? "")}` : `unknown user ${owner}`);
  const gid = group === undefined ? -1 : yield* findGroup(c.sys, group);
  if (gid === undefined) return yield* c.fail(gnu ? `invalid group ${quote(group ?? "")}` : `unknown group ${group}`);
  const how: Attributes = {
    mode: adjustMode(0, change, 0, false),
    dirMode: adjustMode(0, change, 0, true),
    uid,
    gid,
    verbose: has("v"),
  };
  let good = true;
  if (has("d")) {
    if (operands.length === 0) throw new UsageError(gnu ? "missing file operand" : "");
    for (const path of operands) good = (yield* makeDirectories(c, path, how, true)) && good;
    return good ? 0 : 1;
  }
  const target = arg("t");
  if (has("D") && target !== undefined) yield* makeDirectories(c, target, how, false);
  const copier = new Copier(c, {
    recursive: false,
    dereference: "always",
    preserve: { mode: false, ownership: false, timestamps: has("p"), links: false, xattr: false },
    defaultMode: false,
    overwrite: "usual",
    update: false,
    force: false,
    removeDestination: true,
    how: "copy",
    verbose: how.verbose,
    backup: backupOf(c, options),
    oneFileSystem: false,
    attributesOnly: false,
    copyContents: true,
  });
  function* one(src: string, dst: string): Proc<boolean> {
    if (has("D") && target === undefined && !(yield* makeDirectories(c, dirname(dst), how, false))) return false;
    const st = yield* optional(stat(c.sys, src));
    if (st !== undefined && isDir(st.mode)) {
      yield* c.warn(gnu ? `omitting directory ${quoteaf(src)}` : `omitting directory '${src}'`);
      return false;
    }
    if (has("C") && (yield* isUpToDate(c, src, dst, how))) return true;
    if (!(yield* copier.copyOperand(src, dst))) return false;
    return yield* setAttributes(c, dst, how, how.mode);
  }
  return yield* copyOperands(c, options, operands, one);
}

export const install: Executable = {
  name: "install",
  paths: ["/usr/bin/install"],
  needed: ["libselinux.so.1", "libacl.so.1", "libattr.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 159544,
  applet: "/usr/bin/install",
  main: command(
    {
      version: COREUTILS,
      help: help(usage, "install [-cdDsp] [-o USER] [-g GRP] [-m MODE] [-t DIR] [SOURCE]... DEST\n\nCopy files and set attributes"),
    },
    run,
  ),
};

/** cp(1) of coreutils, and busybox's. Left out: --reflink, --sparse and -Z are not offered. */

import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { backupOf } from "../libc/backupfile.ts";
import { type Command, command } from "../libc/command.ts";
import { Copier, type CopyOptions, joinPath } from "../libc/copy.ts";
import { type Option, UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { argmatch, extraOperand } from "../libc/operands.ts";
import { quoteaf } from "../libc/quotearg.ts";
import { copyOperands, targetLong } from "../libc/targetdir.ts";
import { basename, dirname, mkdir, optional, stat } from "../libc/unistd.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";

const usage = `cp [OPTION]... [-T] SOURCE DEST
  or:  cp [OPTION]... SOURCE... DIRECTORY
  or:  cp [OPTION]... -t DIRECTORY SOURCE...
Copy SOURCE to DEST, or several SOURCEs into DIRECTORY.

  -a, --archive                same as -dR --preserve=all
      --attributes-only        copy attributes, not the data
      --backup[=CONTROL], -b   keep a backup of each file that is overwritten
      --copy-contents          copy the contents of special files when recursive
  -d                           same as --no-dereference --preserve=links
  -f, --force                  remove a target that cannot be opened, and try again
  -i, --interactive            ask before overwriting
  -H                           follow symbolic links among the operands
  -l, --link                   make hard links instead of copies
  -L, --dereference            always follow symbolic links in SOURCE
  -n, --no-clobber             do not overwrite existing files
  -P, --no-dereference         never follow symbolic links in SOURCE
  -p                           same as --preserve=mode,ownership,timestamps
      --preserve[=LIST]        keep the attributes: mode, ownership, timestamps, links, xattr, all
      --no-preserve=LIST       do not keep them
      --parents                use the full source name under DIRECTORY
  -R, -r, --recursive          copy directories with what is in them
      --remove-destination     remove each target before opening it
      --strip-trailing-slashes  remove trailing slashes from each SOURCE
  -s, --symbolic-link          make symbolic links instead of copies
  -S, --suffix=SUFFIX          the suffix of backups
  -t, --target-directory=DIR   copy all SOURCEs into DIR
  -T, --no-target-directory    DEST is a file, not a directory to copy into
  -u, --update                 copy only what is newer or absent
  -v, --verbose                say what is done
  -x, --one-file-system        stay on this filesystem
      --help                   show this help and exit`;

type Attribute = "mode" | "timestamps" | "ownership" | "links" | "context" | "xattr" | "all";
const attributes: readonly (readonly [string, Attribute])[] = (
  ["mode", "timestamps", "ownership", "links", "context", "xattr", "all"] as const
).map((name) => [name, name]);

interface Preserved {
  mode: boolean;
  timestamps: boolean;
  ownership: boolean;
  links: boolean;
  xattr: boolean;
}

/** What the options say is to be kept, the later over the earlier. */
function preserved(c: Command, options: readonly Option[]): { keep: Preserved; defaultMode: boolean } {
  const keep: Preserved = { mode: false, timestamps: false, ownership: false, links: false, xattr: false };
  let defaultMode = false;
  const set = (list: string, on: boolean, context: string): void => {
    for (const word of list.split(",")) {
      const name = argmatch(c, context, word, attributes);
      if (name === "all") Object.assign(keep, { mode: on, timestamps: on, ownership: on, links: on, xattr: on });
      else if (name !== "context") keep[name] = on;
      if (name === "mode" || name === "all") defaultMode = !on;
    }
  };
  for (const o of options) {
    if (o.name === "a") set(c.voice === "gnu" ? "all" : "mode,timestamps,ownership,links", true, "--preserve");
    else if (o.name === "d") keep.links = true;
    else if (o.name === "p" || (o.name === "preserve" && !o.hasArg)) set("mode,ownership,timestamps", true, "--preserve");
    else if (o.name === "preserve") set(o.arg, true, "--preserve");
    else if (o.name === "no-preserve") set(o.arg, false, "--no-preserve");
  }
  return { keep, defaultMode };
}

function copyOptions(c: Command, options: readonly Option[]): CopyOptions {
  const has = (...names: string[]): boolean => options.some((o) => names.includes(o.name));
  const last = (...names: string[]): string | undefined => options.findLast((o) => names.includes(o.name))?.name;
  const recursive = has("r", "R", "a");
  const links = last("P", "L", "H", "d", "a");
  const { keep, defaultMode } = preserved(c, options);
  const overwrite = last("i", "n", ...(c.voice === "busybox" ? ["f"] : []));
  return {
    recursive,
    dereference:
      links === "L"
        ? "always"
        : links === "H"
          ? "operands"
          : links !== undefined || recursive
            ? "never"
            : has("s", "l")
              ? "never"
              : "always",
    preserve: keep,
    defaultMode,
    overwrite: overwrite === "i" ? "ask" : overwrite === "n" ? "never" : "usual",
    update: has("u"),
    force: has("f"),
    removeDestination: has("remove-destination"),
    how: has("s") ? "symlink" : has("l") ? "link" : "copy",
    verbose: has("v"),
    backup: backupOf(c, options),
    oneFileSystem: has("x"),
    attributesOnly: has("attributes-only"),
    copyContents: has("copy-contents") || !recursive,
  };
}

/** Makes the directories of `path` below `base` that are missing, with the modes of the sources (--parents). */
function* makeParents(c: Command, base: string, path: string, verbose: boolean, keep: boolean): Proc<void> {
  const parts = path.split("/").filter((part) => part !== "");
  let from = path.startsWith("/") ? "/" : "";
  let to = base;
  for (const part of parts) {
    from = from === "" ? part : joinPath(from, part);
    to = joinPath(to, part);
    if ((yield* optional(stat(c.sys, to))) !== undefined) continue;
    const st = yield* stat(c.sys, from);
    yield* mkdir(c.sys, to, (st.mode & 0o777) | 0o700);
    if (verbose) yield* c.print(`${from} -> ${to}\n`);
    if (!keep) continue;
    yield* c.sys.utimensat(AT_FDCWD, to, st.atime, st.mtime, 0);
    yield* c.sys.fchmodat(AT_FDCWD, to, st.mode & 0o7777);
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "abdfHilLnprRst:uvxPS:T" : "arRPLHpfinlsTudvt:",
    long: gnu
      ? [
          { name: "archive", as: "a" },
          { name: "attributes-only" },
          { name: "backup", arg: "optional", as: "b" },
          { name: "copy-contents" },
          { name: "dereference", as: "L" },
          { name: "force", as: "f" },
          { name: "interactive", as: "i" },
          { name: "link", as: "l" },
          { name: "no-clobber", as: "n" },
          { name: "no-dereference", as: "P" },
          { name: "no-preserve", arg: "required" },
          { name: "one-file-system", as: "x" },
          { name: "parents" },
          { name: "preserve", arg: "optional" },
          { name: "recursive", as: "r" },
          { name: "remove-destination" },
          { name: "strip-trailing-slashes" },
          { name: "suffix", arg: "required", as: "S" },
          { name: "symbolic-link", as: "s" },
          { name: "update", as: "u" },
          { name: "verbose", as: "v" },
          ...targetLong,
        ]
      : [],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("l") && has("s")) throw new UsageError("cannot make both hard and symbolic links");
  if (has("n") && backupOf(c, options).type !== "none") throw new UsageError("options --backup and --no-clobber are mutually exclusive");
  const copyOpts = copyOptions(c, options);
  const copier = new Copier(c, copyOpts);
  if (!has("parents")) {
    return yield* copyOperands(c, options, operands, (src, dst) => copier.copyOperand(src, dst));
  }
  const target = options.findLast((o) => o.name === "t")?.arg ?? (operands.length > 1 ? operands.at(-1) : undefined);
  const sources = has("t") ? operands : operands.slice(0, -1);
  if (target === undefined || sources.length === 0) throw new UsageError("missing file operand");
  if (has("T")) throw extraOperand(c, operands[2] ?? "");
  const st = yield* optional(stat(c.sys, target));
  if (st === undefined || !isDir(st.mode)) throw new UsageError("with --parents, the destination must be a directory");
  let good = true;
  for (const operand of sources) {
    const src = operand.replace(/(.)\/+$/, "$1");
    if ((yield* optional(stat(c.sys, dirname(src)))) === undefined) {
      yield* c.warn(`failed to get attributes of ${quoteaf(dirname(src))}: No such file or directory`);
      good = false;
      continue;
    }
    const dir = dirname(src);
    if (dir !== "." && dir !== "/") yield* makeParents(c, target, dir, copyOpts.verbose, copyOpts.preserve.mode);
    good =
      (yield* copier.copyOperand(src, joinPath(dir === "." ? target : joinPath(target, dir.replace(/^\/+/, "")), basename(src)))) && good;
  }
  return good ? 0 : 1;
}

export const cp: Executable = {
  name: "cp",
  paths: ["/usr/bin/cp"],
  needed: ["libselinux.so.1", "libacl.so.1", "libattr.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 151152,
  applet: "/bin/cp",
  main: command(
    {
      version: COREUTILS,
      help: help(
        usage,
        "cp [-arPLHpfinlsTu] SOURCE DEST\nor: cp [-arPLHpfinlsu] SOURCE... { -t DIRECTORY | DIRECTORY }\n\nCopy SOURCEs to DEST",
      ),
    },
    run,
  ),
};

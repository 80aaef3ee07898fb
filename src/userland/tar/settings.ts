/** The options of tar(1): GNU tar 1.34 and busybox. Options and operands keep their order, since -C holds for what follows it. */

import type { Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, Exit } from "../libc/command.ts";
import { getopt, type LongOption, type Option, type OptionSpec, UsageError } from "../libc/getopt.ts";
import type { TarFormat } from "../libc/tar.ts";
import type { Transform } from "./names.ts";

export type Mode = "create" | "extract" | "list" | "append" | "update" | "delete";

/** An operand, in the directory that -C gave before it (the working directory of the start where undefined). */
export interface Operand {
  readonly dir: string | undefined;
  readonly name: string;
}

export class Settings {
  mode: Mode | undefined;
  archive = "-";
  verbose = 0;
  gzip = false;
  autoCompress = false;
  operands: Operand[] = [];
  dir: string | undefined;
  exclude: string[] = [];
  anchored = false;
  wildcards: boolean | undefined;
  absolute = false;
  follow = false;
  recursion = true;
  oneFileSystem = false;
  strip = 0;
  transforms: Transform[] = [];
  owner: { readonly name: string; readonly id: number } | undefined;
  group: { readonly name: string; readonly id: number } | undefined;
  numericOwner = false;
  sameOwner: boolean | undefined;
  samePermissions: boolean | undefined;
  mtime: Timespec | undefined;
  /** The date of --mtime as given. */
  mtimeText: string | undefined;
  modeChange: string | undefined;
  touch = false;
  sort: "none" | "name" | "inode" = "none";
  format: TarFormat = "gnu";
  existing: "replace" | "keep" | "skip" | "newer" | "overwrite" | "unlink" = "replace";
  toStdout = false;
  xattrs = false;
  removeFiles = false;
  ignoreFailedRead = false;
  fullTime = false;
  totals = false;
  blocking = 20;
}

const GNU_LONG: readonly LongOption[] = [
  { name: "create", as: "c" },
  { name: "extract", as: "x" },
  { name: "get", as: "x" },
  { name: "list", as: "t" },
  { name: "append", as: "r" },
  { name: "update", as: "u" },
  { name: "delete" },
  { name: "catenate", as: "A" },
  { name: "concatenate", as: "A" },
  { name: "diff", as: "d" },
  { name: "compare", as: "d" },
  { name: "file", arg: "required", as: "f" },
  { name: "verbose", as: "v" },
  { name: "gzip", as: "z" },
  { name: "gunzip", as: "z" },
  { name: "ungzip", as: "z" },
  { name: "bzip2", as: "j" },
  { name: "xz", as: "J" },
  { name: "zstd" },
  { name: "auto-compress", as: "a" },
  { name: "directory", arg: "required", as: "C" },
  { name: "exclude", arg: "required" },
  { name: "exclude-from", arg: "required", as: "X" },
  { name: "files-from", arg: "required", as: "T" },
  { name: "null" },
  { name: "anchored" },
  { name: "no-anchored" },
  { name: "wildcards" },
  { name: "no-wildcards" },
  { name: "absolute-names", as: "P" },
  { name: "dereference", as: "h" },
  { name: "recursion" },
  { name: "no-recursion" },
  { name: "one-file-system" },
  { name: "strip-components", arg: "required" },
  { name: "transform", arg: "required" },
  { name: "xform", arg: "required", as: "transform" },
  { name: "owner", arg: "required" },
  { name: "group", arg: "required" },
  { name: "numeric-owner" },
  { name: "same-owner" },
  { name: "no-same-owner" },
  { name: "same-permissions", as: "p" },
  { name: "preserve-permissions", as: "p" },
  { name: "no-same-permissions" },
  { name: "mtime", arg: "required" },
  { name: "mode", arg: "required" },
  { name: "touch", as: "m" },
  { name: "sort", arg: "required" },
  { name: "format", arg: "required", as: "H" },
  { name: "posix" },
  { name: "keep-old-files", as: "k" },
  { name: "skip-old-files" },
  { name: "keep-newer-files" },
  { name: "overwrite" },
  { name: "unlink-first", as: "U" },
  { name: "to-stdout", as: "O" },
  { name: "xattrs" },
  { name: "no-xattrs" },
  { name: "remove-files" },
  { name: "ignore-failed-read" },
  { name: "full-time" },
  { name: "totals" },
  { name: "blocking-factor", arg: "required", as: "b" },
  { name: "warning", arg: "required" },
  { name: "force-local" },
  { name: "version" },
  { name: "help", as: "--help" },
];

/** Debian's busybox, and what Alpine's has besides: -T, -X, --exclude, -p. */
const BUSYBOX_LONG: readonly LongOption[] = [
  { name: "exclude", arg: "required" },
  { name: "exclude-from", arg: "required", as: "X" },
  { name: "files-from", arg: "required", as: "T" },
  { name: "overwrite" },
  { name: "strip-components", arg: "required" },
  { name: "no-recursion" },
  { name: "numeric-owner" },
  { name: "no-same-permissions" },
  { name: "help", as: "--help" },
];

const GNU: OptionSpec = { short: "+cxtruAdf:vzjJaC:X:T:PhpmokUOb:H:nSwlBiZ", long: GNU_LONG };
const BUSYBOX: OptionSpec = { short: "+ctxf:C:T:X:vOmokpZzJjah", long: BUSYBOX_LONG };

/** Letters of an old-style first word that take the next words as their arguments. */
const WITH_ARGUMENT = "bCfgFHIKLNTVX";

/** `cvf x.tar` becomes `-c -v -f x.tar`. */
function* expandOldStyle(c: Command, args: readonly string[]): Proc<string[]> {
  const [first, ...rest] = args;
  if (first === undefined || first.startsWith("-") || first === "") return [...args];
  const out: string[] = [];
  for (const letter of first) {
    out.push(`-${letter}`);
    if (!WITH_ARGUMENT.includes(letter)) continue;
    const arg = rest.shift();
    if (arg === undefined) {
      if (c.voice === "busybox") throw new UsageError(`option requires an argument: ${letter}`);
      yield* usage(c, `Old option '${letter}' requires an argument.`);
    } else out.push(arg);
  }
  return [...out, ...rest];
}

/** Wrong usage, in GNU tar's own form. */
export function* usage(c: Command, message: string, status = 2): Proc<never> {
  if (c.voice === "busybox") throw new UsageError(message, 1);
  yield* c.warn(message);
  yield* c.eprint("Try 'tar --help' or 'tar --usage' for more information.\n");
  throw new Exit(status);
}

export interface Arguments {
  /** Options and operands in their order. */
  readonly words: readonly ({ readonly option: Option } | { readonly operand: string })[];
}

export function* readArguments(c: Command): Proc<Arguments> {
  const args = yield* expandOldStyle(c, c.args);
  const words: ({ option: Option } | { operand: string })[] = [];
  let at = 0;
  while (at < args.length) {
    let parsed: ReturnType<typeof getopt>;
    try {
      parsed = getopt(args.slice(at), c.voice === "gnu" ? GNU : BUSYBOX, c.voice);
    } catch (e) {
      if (!(e instanceof UsageError) || c.voice === "busybox") throw e;
      return yield* usage(c, e.message, 64);
    }
    for (const option of parsed.options) words.push({ option });
    at = args.length - parsed.operands.length;
    const endsOptions = at > 0 && args[at - 1] === "--";
    for (; at < args.length; ) {
      words.push({ operand: args[at++] as string });
      if (!endsOptions) break;
    }
  }
  return { words };
}

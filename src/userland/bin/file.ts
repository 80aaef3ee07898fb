/** file(1) 5.44: what a file is, from its status and its bytes. The rules are in `userland/file/`. Left out: -z, own magic files, -k. */

import { Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDONLY } from "../../abi/fcntl.ts";
import { isBlk, isChr, isDir, isFifo, isLnk, isSock, major, minor, S_ISGID, S_ISUID, S_ISVTX, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { findMagic } from "../file/magic.ts";
import { describeText, findEncoding } from "../file/text.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { lstat, open, optional, readlink, readText, stat } from "../libc/unistd.ts";
import { wcwidth } from "../libc/wcwidth.ts";

/** How much of a file is looked at. */
const LOOK = 1 << 20;

const USAGE = `Usage: file [-bhiLNs0v] [--mime-encoding] [--mime-type] [-F <separator>] [-f <namefile>] <file> ...
       file [--help]
`;

const help = `Usage: file [OPTION...] [FILE...]
Determine type of FILEs.

  -b, --brief                do not put file names in front of the lines
  -E                         an error on a file ends the run with status 1
  -f, --files-from FILE      read the names of the files from FILE
  -F, --separator STRING     use STRING instead of ':'
  -h, --no-dereference       do not follow symbolic links (default)
  -i, --mime                 MIME type and encoding
      --mime-type            MIME type
      --mime-encoding        MIME encoding
  -L, --dereference          follow symbolic links
  -N, --no-pad               do not align
  -0, --print0               end file names with NUL
  -s, --special-files        look into devices too
      --help                 display this help and exit
  -v, --version              output version information and exit`;

const LONG = [
  { name: "brief", as: "b" },
  { name: "files-from", arg: "required", as: "f" },
  { name: "separator", arg: "required", as: "F" },
  { name: "no-dereference", as: "h" },
  { name: "mime", as: "i" },
  { name: "mime-type" },
  { name: "mime-encoding" },
  { name: "dereference", as: "L" },
  { name: "no-pad", as: "N" },
  { name: "no-buffer", as: "n" },
  { name: "print0", as: "0" },
  { name: "raw", as: "r" },
  { name: "special-files", as: "s" },
  { name: "no-sandbox", as: "S" },
  { name: "version", as: "v" },
  { name: "help", as: "--help" },
] as const;

interface Answer {
  readonly description: string;
  readonly mime: string;
  readonly charset: string;
}

const inode = (description: string, kind: string): Answer => ({ description, mime: `inode/${kind}`, charset: "binary" });

/** What its status says about a file that is no regular one. */
function* special(c: Command, path: string, st: Stat): Proc<Answer | undefined> {
  const sticky = st.mode & S_ISVTX ? "sticky, " : "";
  const set = `${st.mode & S_ISUID ? "setuid, " : ""}${st.mode & S_ISGID ? "setgid, " : ""}`;
  if (isDir(st.mode)) return inode(`${set}${sticky}directory`, "directory");
  if (isChr(st.mode)) return inode(`character special (${major(st.rdev)}/${minor(st.rdev)})`, "chardevice");
  if (isBlk(st.mode)) return inode(`block special (${major(st.rdev)}/${minor(st.rdev)})`, "blockdevice");
  if (isFifo(st.mode)) return inode("fifo (named pipe)", "fifo");
  if (isSock(st.mode)) return inode("socket", "socket");
  if (!isLnk(st.mode)) return undefined;
  const target = yield* readlink(c.sys, path);
  const broken = (yield* optional(stat(c.sys, path))) === undefined;
  return inode(`${broken ? "broken " : ""}symbolic link to ${target}`, "symlink");
}

/** What its bytes say about a file. */
function* content(c: Command, fd: number, st: Stat): Proc<Answer> {
  const buffer = new Uint8Array(Math.max(1, Math.min(LOOK, st.size > 0 ? st.size : 65536)));
  let length = 0;
  while (length < buffer.length) {
    const n = yield* c.sys.read(fd, buffer.subarray(length));
    if (n === 0) break;
    length += n;
  }
  const bytes = buffer.subarray(0, length);
  yield* c.sys.spend(200_000 + length * 3);
  if (length === 0) return inode("empty", "x-empty");
  if (length === 1)
    return {
      description: "very short file (no magic)",
      mime: "application/octet-stream",
      charset: findEncoding(bytes)?.charset ?? "binary",
    };
  const end = length >= 18 ? (st.size > length ? undefined : bytes.slice(-4)) : undefined;
  const magic = findMagic(bytes, end);
  if (magic !== undefined) {
    const set = `${st.mode & S_ISUID ? "setuid " : ""}${st.mode & S_ISGID ? "setgid " : ""}`;
    return { description: set + magic.description, mime: magic.mime, charset: "binary" };
  }
  const text = describeText(bytes, length === st.size || st.size === 0);
  return text ?? { description: "data", mime: "application/octet-stream", charset: "binary" };
}

interface Settings {
  readonly follow: boolean;
  readonly specials: boolean;
  /** An error is an error. */
  readonly strict: boolean;
}

function* examine(c: Command, s: Settings, path: string): Proc<Answer | string> {
  if (path === "-") return yield* content(c, 0, yield* c.sys.fstat(0));
  let st: Stat;
  try {
    st = yield* lstat(c.sys, path);
    if (s.follow && isLnk(st.mode)) st = (yield* optional(stat(c.sys, path))) ?? st;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    const verb = s.strict ? "ERROR: cannot stat" : "cannot open";
    return `${verb} \`${path}' (${e.message})`;
  }
  const found = yield* special(c, path, st);
  if (found !== undefined && !(s.specials && (isChr(st.mode) || isBlk(st.mode)))) return found;
  let fd: number;
  try {
    fd = yield* open(c.sys, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return {
      description: `${st.mode & 0o222 ? "writable, " : ""}${st.mode & 0o111 ? "executable, " : ""}regular file, no read permission`,
      mime: "inode/x-no-read",
      charset: "binary",
    };
  }
  try {
    return yield* content(c, fd, st);
  } finally {
    yield* c.sys.close(fd);
  }
}

const widthOf = (text: string): number => {
  let width = 0;
  for (const ch of text) width += Math.max(0, wcwidth(ch.codePointAt(0) as number));
  return width;
};

function* main(c: Command): Proc<number> {
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short: "bEf:F:hiLNn0rsSv", long: LONG });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.eprint(`file: ${e.message}\n${USAGE}`);
    return 1;
  }
  const has = (name: string): boolean => parsed.options.some((o) => o.name === name);
  if (has("--help")) yield* c.help();
  if (has("v")) {
    yield* c.print("file-5.44\nmagic file from /etc/magic:/usr/share/misc/magic\n");
    return 0;
  }
  const files: string[] = [];
  for (const o of parsed.options) {
    if (o.name !== "f") continue;
    const list = o.arg === "-" ? yield* c.stdin.readAll() : undefined;
    const text = list === undefined ? yield* readText(c.sys, o.arg) : decodeUtf8(list);
    files.push(...text.split("\n").filter((line) => line !== ""));
  }
  files.push(...parsed.operands);
  if (files.length === 0) {
    yield* c.eprint(USAGE);
    return 1;
  }
  const separator = parsed.options.filter((o) => o.name === "F").at(-1)?.arg ?? ":";
  const shown = files.map((path) => (path === "-" ? "/dev/stdin" : path));
  const width = has("N") ? 0 : Math.max(...shown.map(widthOf));
  const settings: Settings = { follow: has("L"), specials: has("s"), strict: has("E") };
  let status = 0;
  for (const [i, path] of files.entries()) {
    const answer = yield* examine(c, settings, path);
    const name = shown[i] as string;
    if (!has("b")) {
      const gap = " ".repeat(Math.max(0, width - widthOf(name)) + 1);
      yield* c.print(has("0") ? `${name}\0${separator}${gap}` : `${name}${separator}${gap}`);
    }
    if (typeof answer === "string") {
      yield* c.print(`${answer}\n`);
      if (has("E")) status = 1;
    } else if (has("i")) yield* c.print(`${answer.mime}; charset=${answer.charset}\n`);
    else if (has("mime-type")) yield* c.print(`${answer.mime}\n`);
    else if (has("mime-encoding")) yield* c.print(`${answer.charset}\n`);
    else yield* c.print(`${answer.description}\n`);
  }
  return status;
}

export const file: Executable = {
  name: "file",
  main: command({ help }, main),
  paths: ["/usr/bin/file"],
  needed: ["libmagic.so.1", "libc.so.6"],
  sizeBytes: 27120,
};

/**
 * lsof(8): open files, from /proc/PID/{cwd,root,exe,maps,fd}. Left out: sockets by address (-i), +d, -g, -r, -F but for
 * the fields p, c, f, n, t, u; the device and inode of what /proc only names.
 */

import { Errno } from "../../abi/errno.ts";
import { isBlk, isChr, isDir, isFifo, isLnk, isReg, isSock, major, minor, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { idsOf, type Process, readProcDir, readProcesses, readProcFile, readProcLink } from "../libc/libproc.ts";
import { getpwnam, IdNames } from "../libc/passwd.ts";
import { optional, stat } from "../libc/unistd.ts";

const usage = `lsof [-ahlnPRtV] [-c NAME] [+D DIR] [-d FD] [-F FIELDS] [-p PID] [-u USER] [FILE]...
List open files.

  -a       all conditions must hold, not just one
  -c NAME  commands that begin with NAME
  +D DIR   files in DIR and below
  -d LIST  only these descriptors
  -F LIST  fields for programs to read: c f n p t u
  -l       numbers for users
  -n, -P   do nothing: there are no names of hosts and ports
  -p LIST  processes; ^ in front leaves one out
  -R       show the parent's PID
  -t       PIDs alone
  -u LIST  users; ^ in front leaves one out
  -h       this help`;

const busyboxUsage = "lsof\n\nShow all open files";

interface OpenFile {
  /** `cwd`, `rtd`, `txt`, `mem` or the descriptor with its access mode. */
  readonly fd: string;
  readonly type: string;
  readonly device: string;
  readonly size: string;
  readonly node: string;
  readonly name: string;
  readonly stat: Stat | undefined;
}

function typeOf(st: Stat): string {
  if (isReg(st.mode)) return "REG";
  if (isDir(st.mode)) return "DIR";
  if (isChr(st.mode)) return "CHR";
  if (isBlk(st.mode)) return "BLK";
  if (isFifo(st.mode)) return "FIFO";
  if (isSock(st.mode)) return "unix";
  return isLnk(st.mode) ? "LINK" : "a_inode";
}

function describe(fd: string, name: string, st: Stat | undefined): OpenFile {
  if (st === undefined) return { fd, type: "unknown", device: "", size: "", node: "", name, stat: st };
  const device = isChr(st.mode) || isBlk(st.mode) ? st.rdev : st.dev;
  return {
    fd,
    type: /^anon_inode:/.test(name) ? "a_inode" : typeOf(st),
    device: `${major(device)},${minor(device)}`,
    size: isReg(st.mode) || isDir(st.mode) ? String(st.size) : "0t0",
    node: String(st.ino),
    name: isFifo(st.mode) && name.startsWith("pipe:") ? "pipe" : name.replace(/^anon_inode:/, ""),
    stat: st,
  };
}

/** What one process has open. */
function* openFiles(c: Command, pid: number): Proc<OpenFile[]> {
  const files: OpenFile[] = [];
  const add = function* (fd: string, link: string): Proc<void> {
    const name = yield* readProcLink(c.sys, link);
    if (name === undefined) return;
    files.push(describe(fd, name, yield* statOf(c, link)));
  };
  yield* add("cwd", `/proc/${pid}/cwd`);
  yield* add("rtd", `/proc/${pid}/root`);
  yield* add("txt", `/proc/${pid}/exe`);
  const exe = files.find((f) => f.fd === "txt")?.name;
  const mapped = new Set<string>();
  for (const line of ((yield* readProcFile(c.sys, `/proc/${pid}/maps`)) ?? "").split("\n")) {
    const path = /^\S+ \S+ \S+ \S+ \S+ +(\/.*)$/.exec(line)?.[1];
    if (path !== undefined && path !== exe) mapped.add(path);
  }
  for (const path of mapped) files.push(describe("mem", path, yield* statOf(c, path)));
  for (const fd of (yield* readProcDir(c.sys, `/proc/${pid}/fd`)).map(Number).sort((a, b) => a - b)) {
    const info = (yield* readProcFile(c.sys, `/proc/${pid}/fdinfo/${fd}`)) ?? "";
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? "0", 8);
    yield* add(`${fd}${["r", "w", "u"][flags & 3] ?? "u"}`, `/proc/${pid}/fd/${fd}`);
  }
  return files;
}

function* statOf(c: Command, path: string): Proc<Stat | undefined> {
  try {
    return yield* stat(c.sys, path);
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}

interface Row {
  readonly p: Process;
  readonly user: string;
  readonly file: OpenFile;
}

function table(rows: readonly Row[], parents: boolean): string {
  const cells = rows.map(({ p, user, file }) => [
    p.comm.slice(0, 9),
    String(p.pid),
    ...(parents ? [String(p.ppid)] : []),
    user.slice(0, 8),
    descriptor(file.fd),
    file.type,
    file.device,
    file.size,
    file.node,
    file.name,
  ]);
  const heads = ["COMMAND", "PID", ...(parents ? ["PPID"] : []), "USER", "  FD  ", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME"];
  const all = [heads, ...cells];
  const widths = heads.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : i === row.length - 1 ? cell : cell.padStart(widths[i] ?? 0))).join(" ");
  return all.map((row) => `${line(row)}\n`).join("");
}

/** Name, access and lock: `   1w `. */
function descriptor(fd: string): string {
  const [, name = fd, access = ""] = /^([0-9]+)([rwu])$/.exec(fd) ?? [];
  return `${name.padStart(4)}${access.padEnd(1)} `;
}

function fieldText(rows: readonly Row[], fields: string): string {
  let text = "";
  let last: Process | undefined;
  for (const { p, user, file } of rows) {
    if (p !== last) text += `p${p.pid}\n${fields.includes("c") ? `c${p.comm}\n` : ""}${fields.includes("u") ? `u${user}\n` : ""}`;
    last = p;
    text += `f${/^[0-9]+/.exec(file.fd)?.[0] ?? file.fd}\n`;
    if (fields.includes("t")) text += `t${file.type}\n`;
    if (fields.includes("n")) text += `n${file.name}\n`;
  }
  return text;
}

/** `+D DIR` is no option that getopt knows. */
function takeDirs(args: readonly string[]): { rest: string[]; dirs: string[] } {
  const rest: string[] = [];
  const dirs: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (word === "+D" || word === "+d") dirs.push(args[++i] ?? "");
    else rest.push(word);
  }
  return { rest, dirs };
}

type FileTest = (row: Row) => boolean;

class Selection {
  /** About processes, and about files: each list is a choice. */
  readonly tests: FileTest[] = [];
  readonly never: FileTest[] = [];
  /** Files that were asked for by name are shown under that name. */
  readonly named: { readonly path: string; readonly same: FileTest }[] = [];

  constructor(private readonly all: boolean) {}

  accepts(row: Row): boolean {
    if (this.never.some((test) => test(row))) return false;
    if (this.tests.length === 0) return true;
    return this.all ? this.tests.every((test) => test(row)) : this.tests.some((test) => test(row));
  }
}

function* select(c: Command, parsed: Parsed, dirs: readonly string[]): Proc<Selection> {
  const s = new Selection(parsed.options.some((o) => o.name === "a"));
  for (const { name, arg } of parsed.options) {
    if (name === "p") {
      const pids = arg.split(",");
      s.tests.push(({ p }) => pids.includes(String(p.pid)));
      s.never.push(({ p }) => pids.includes(`^${p.pid}`));
    } else if (name === "c") s.tests.push(({ p }) => p.comm.startsWith(arg));
    else if (name === "d") s.tests.push(({ file }) => arg.split(",").includes(/^[0-9]+/.exec(file.fd)?.[0] ?? file.fd));
    else if (name === "u") {
      const uids = new Set<number>();
      for (const word of arg.split(",")) {
        const plain = word.replace(/^\^/, "");
        const uid = /^[0-9]+$/.test(plain) ? Number(plain) : (yield* getpwnam(c.sys, plain))?.uid;
        if (uid === undefined) {
          yield* c.warn(`can't get UID for ${plain}`);
          throw new Exit(1);
        }
        if (word === plain) uids.add(uid);
        else s.never.push(({ p }) => idsOf(p, "Uid")[1] === uid);
      }
      if (uids.size > 0) s.tests.push(({ p }) => uids.has(idsOf(p, "Uid")[1]));
    }
  }
  for (const dir of dirs) {
    const below = `${dir.replace(/\/+$/, "")}/`;
    s.tests.push(({ file }) => file.name === dir || file.name.startsWith(below));
  }
  for (const path of parsed.operands) {
    const st = yield* optional(stat(c.sys, path));
    if (st === undefined) {
      yield* c.warn(`status error on ${path}: No such file or directory`);
      if (parsed.operands.length === 1) throw new Exit(1);
      continue;
    }
    const same: FileTest = ({ file }) => file.stat?.dev === st.dev && file.stat.ino === st.ino;
    s.tests.push(same);
    s.named.push({ path, same });
  }
  return s;
}

function* run(c: Command): Proc<number> {
  if (c.voice === "busybox") return yield* busyboxLsof(c);
  const { rest, dirs } = takeDirs(c.args);
  let parsed: Parsed;
  try {
    parsed = getopt(rest, { short: "ac:d:F:hlnPp:Rtu:V" });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.eprint(`${c.name}: ${e.message}\nUse the \`\`-h'' option to get more help information.\n`);
    return 1;
  }
  const has = (name: string): boolean => parsed.options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  const selection = yield* select(c, parsed, dirs);
  const names = new IdNames(c.sys);
  const rows: Row[] = [];
  for (const p of yield* readProcesses(c.sys, { status: true })) {
    const uid = idsOf(p, "Uid")[1];
    const user = has("l") ? String(uid) : ((yield* names.user(uid)) ?? String(uid));
    for (const file of yield* openFiles(c, p.pid)) {
      const row = { p, user, file };
      if (!selection.accepts(row)) continue;
      const name = selection.named.find(({ same }) => same(row))?.path ?? file.name;
      rows.push({ p, user, file: { ...file, name } });
    }
    yield* c.sys.spend(2000);
  }
  if (rows.length === 0) return 1;
  const fields = parsed.options.findLast((o) => o.name === "F")?.arg;
  if (has("t")) yield* c.print(`${[...new Set(rows.map(({ p }) => p.pid))].join("\n")}\n`);
  else yield* c.print(fields === undefined ? table(rows, has("R")) : fieldText(rows, fields));
  return 0;
}

function* busyboxLsof(c: Command): Proc<number> {
  yield* c.getopt({ short: "" });
  for (const p of yield* readProcesses(c.sys)) {
    const exe = (yield* readProcLink(c.sys, `/proc/${p.pid}/exe`)) ?? "";
    for (const fd of yield* readProcDir(c.sys, `/proc/${p.pid}/fd`)) {
      const name = yield* readProcLink(c.sys, `/proc/${p.pid}/fd/${fd}`);
      if (name !== undefined) yield* c.print(`${p.pid}\t${exe}\t${fd}\t${name}\n`);
    }
  }
  return 0;
}

export const lsof: Executable = {
  name: "lsof",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/lsof"],
  needed: ["libtirpc.so.3", "libselinux.so.1", "libc.so.6"],
  sizeBytes: 179824,
  applet: "/usr/bin/lsof",
};

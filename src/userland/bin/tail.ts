/**
 * tail(1) of coreutils, and busybox's: the last part of files, and what is appended to them.
 * Following wakes by inotify(7). Left out: --max-unchanged-stats, --disable-inotify.
 */

import { ENOENT, ESRCH, Errno } from "../../abi/errno.ts";
import { SEEK_SET } from "../../abi/fcntl.ts";
import {
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_MOVE_SELF,
  POLLERR,
  POLLHUP,
  POLLIN,
} from "../../abi/poll.ts";
import { isFifo, isReg, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { type Option, UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { Heap } from "../libc/heap.ts";
import { argmatch } from "../libc/operands.ts";
import { quote, quoteaf, quotef } from "../libc/quotearg.ts";
import { concat } from "../libc/stdio.ts";
import { dirname, open, stat } from "../libc/unistd.ts";
import { parseCount, parseDuration, parseSize } from "../libc/xstrtol.ts";

const usage = `tail [OPTION]... [FILE]...
Print the last 10 lines of each FILE, with a header before each where there are several.

  -c, --bytes=[+]NUM        print the last NUM bytes; +NUM: from byte NUM on
  -f, --follow[={name|descriptor}]  print what is appended as the file grows
  -F                        same as --follow=name --retry
  -n, --lines=[+]NUM        print the last NUM lines; +NUM: from line NUM on
      --pid=PID             with -f, end when process PID has ended
  -q, --quiet, --silent     never print headers
      --retry               keep trying to open a file that is absent
  -s, --sleep-interval=N    with -f, look at least every N seconds
  -v, --verbose             always print headers
  -z, --zero-terminated     lines end with NUL, not newline
      --help                show this help and exit`;

const BLOCK = 8192;

/** Whether two whole blocks have the same bytes. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length || a[0] !== b[0]) return false;
  const [x, y] = [new Int32Array(a.buffer), new Int32Array(b.buffer)];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

interface Amount {
  readonly unit: "lines" | "bytes";
  readonly count: number;
  readonly fromStart: boolean;
}

interface Settings {
  readonly amount: Amount;
  readonly delimiter: number;
  readonly follow: "no" | "name" | "descriptor";
  readonly retry: boolean;
  readonly pid: number | undefined;
  readonly sleepSec: number;
  readonly headers: boolean;
}

/** One operand. */
interface Followed {
  readonly name: string;
  /** As it is called in headers and messages. */
  readonly title: string;
  fd: number | undefined;
  ino: string;
  size: number;
  /** Why it cannot be read; undefined while it can. */
  error: Errno | undefined;
  ignore: boolean;
}

class Tail {
  /** Whose header was printed last. */
  private last: Followed | undefined;
  status = 0;

  constructor(
    private readonly c: Command,
    private readonly settings: Settings,
  ) {}

  private get gnu(): boolean {
    return this.c.voice === "gnu";
  }

  private *header(file: Followed): Proc<void> {
    if (!this.settings.headers || this.last === file) return;
    yield* this.c.print(`${this.last === undefined ? "" : "\n"}==> ${file.title} <==\n`);
    this.last = file;
  }

  *first(file: Followed): Proc<void> {
    const { c } = this;
    try {
      file.fd = file.name === "-" ? 0 : yield* open(c.sys, file.name);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      file.error = e;
      file.ignore = !this.settings.retry;
      yield* c.perror(this.gnu ? `cannot open ${quoteaf(file.name)} for reading` : `can't open '${file.name}'`, e);
      this.status = 1;
      return;
    }
    yield* this.header(file);
    try {
      const st = yield* c.sys.fstat(file.fd);
      yield* this.lastPart(file.fd, st);
      yield* this.remember(file);
      if (!isReg(st.mode)) file.ignore = true;
    } catch (e) {
      if (!(e instanceof Errno) || e === c.stdout.failure) throw e;
      yield* c.stdout.flush();
      yield* c.perror(this.gnu ? `error reading ${quoteaf(file.title)}` : "read error", e);
      this.status = 1;
      file.ignore = true;
    }
    if (this.settings.follow === "no" && file.fd !== 0) yield* c.sys.close(file.fd);
  }

  /** Notes which file this is and how far it was read. */
  private *remember(file: Followed): Proc<void> {
    const st = yield* this.c.sys.fstat(file.fd ?? 0);
    file.ino = `${st.dev}:${st.ino}`;
    file.size = st.size;
  }

  private *copyRest(fd: number): Proc<boolean> {
    const buffer = new Uint8Array(BLOCK);
    for (let any = false; ; any = true) {
      const n = yield* this.c.sys.read(fd, buffer);
      if (n === 0) return any;
      yield* this.c.stdout.write(buffer.subarray(0, n));
    }
  }

  private *lastPart(fd: number, st: Stat): Proc<void> {
    const { amount } = this.settings;
    const { sys } = this.c;
    if (amount.fromStart) {
      yield* this.skip(fd, Math.max(0, amount.count - 1), isReg(st.mode));
      yield* this.copyRest(fd);
      return;
    }
    if (isReg(st.mode) && st.size > 0) {
      const from = amount.unit === "bytes" ? Math.max(0, st.size - amount.count) : yield* this.lineStart(fd, st.size);
      yield* sys.lseek(fd, from, SEEK_SET);
      yield* this.copyRest(fd);
      return;
    }
    yield* this.lastOfStream(fd);
  }

  /** Passes over `count` lines or bytes. */
  private *skip(fd: number, count: number, seekable: boolean): Proc<void> {
    const { amount, delimiter } = this.settings;
    if (amount.unit === "bytes" && seekable) {
      yield* this.c.sys.lseek(fd, count, SEEK_SET);
      return;
    }
    const buffer = new Uint8Array(BLOCK);
    for (let left = count; left > 0; ) {
      const n = yield* this.c.sys.read(fd, buffer);
      if (n === 0) return;
      if (amount.unit === "bytes") {
        if (n > left) yield* this.c.stdout.write(buffer.subarray(left, n));
        left -= n;
        continue;
      }
      const block = buffer.subarray(0, n);
      for (let at = block.indexOf(delimiter); at >= 0; at = block.indexOf(delimiter, at + 1)) {
        if (--left > 0) continue;
        yield* this.c.stdout.write(block.subarray(at + 1));
        break;
      }
    }
  }

  /** The offset at which the last lines of a file begin. */
  private *lineStart(fd: number, size: number): Proc<number> {
    const { amount, delimiter } = this.settings;
    if (amount.count === 0) return size;
    let left = amount.count;
    const buffer = new Uint8Array(BLOCK);
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - BLOCK);
      const n = yield* this.c.sys.pread64(fd, buffer.subarray(0, end - start), start);
      // The delimiter at the very end closes the last line and begins none.
      for (let at = n - 1; at >= 0; at--) {
        if (buffer[at] !== delimiter || start + at === size - 1) continue;
        if (--left === 0) return start + at + 1;
      }
      end = start;
    }
    return 0;
  }

  private *lastOfStream(fd: number): Proc<void> {
    const { amount, delimiter } = this.settings;
    const blocks: Uint8Array[] = [];
    const units: number[] = [];
    let held = 0;
    const count = (block: Uint8Array): number => {
      if (amount.unit === "bytes") return block.length;
      let lines = 0;
      for (let at = block.indexOf(delimiter); at >= 0; at = block.indexOf(delimiter, at + 1)) lines++;
      return lines;
    };
    const heap = new Heap(this.c.sys);
    const buffer = new Uint8Array(BLOCK);
    for (;;) {
      const n = yield* this.c.sys.read(fd, buffer);
      if (n === 0) break;
      const last = blocks.at(-1);
      // Of equal blocks (/dev/zero) one is enough, but each counts.
      const block = last !== undefined && n === BLOCK && isSame(last, buffer) ? last : buffer.slice(0, n);
      yield* heap.grow(n);
      blocks.push(block);
      units.push(count(block));
      held += units.at(-1) ?? 0;
      while (blocks.length > 1 && held - (units[0] ?? 0) > amount.count) {
        held -= units.shift() ?? 0;
        blocks.shift();
      }
    }
    const all = concat(blocks);
    if (amount.unit === "bytes") {
      yield* this.c.stdout.write(all.subarray(Math.max(0, all.length - amount.count)));
      return;
    }
    let from = all.length;
    let left = amount.count;
    for (let at = all.length - 1; at >= 0 && left > 0; at--) {
      if (all[at] === delimiter && at !== all.length - 1 && --left === 0) break;
      from = at;
    }
    yield* this.c.stdout.write(all.subarray(from));
  }

  /** Prints what was appended to any file; says what became of those followed by name. */
  private *look(files: readonly Followed[]): Proc<void> {
    for (const file of files) {
      if (file.ignore) continue;
      if (this.settings.follow === "name") yield* this.reopen(file);
      if (file.fd === undefined || file.error !== undefined) continue;
      const st = yield* this.c.sys.fstat(file.fd);
      if (st.size < file.size) {
        yield* this.c.stdout.flush();
        yield* this.c.warn(`${quotef(file.name)}: file truncated`);
        yield* this.c.sys.lseek(file.fd, 0, SEEK_SET);
      } else if (st.size === file.size) continue;
      if (st.size > 0) {
        yield* this.header(file);
        yield* this.copyRest(file.fd);
      }
      file.size = (yield* this.c.sys.fstat(file.fd)).size;
    }
    yield* this.c.stdout.flush();
  }

  /** For --follow=name: is it still the same file? */
  private *reopen(file: Followed): Proc<void> {
    const { c } = this;
    let st: Stat;
    let fd: number;
    try {
      st = yield* stat(c.sys, file.name);
      if (file.fd !== undefined && file.error === undefined && `${st.dev}:${st.ino}` === file.ino) return;
      fd = yield* open(c.sys, file.name);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (file.error === undefined) {
        if (file.fd !== undefined) {
          yield* this.drain(file);
          yield* c.sys.close(file.fd);
        }
        file.fd = undefined;
        yield* c.perror(`${quoteaf(file.name)} has become inaccessible`, e);
        if (!this.settings.retry) file.ignore = e === ENOENT;
      }
      file.error = e;
      return;
    }
    if (file.fd !== undefined) {
      yield* this.drain(file);
      yield* c.sys.close(file.fd);
    }
    yield* c.stdout.flush();
    yield* c.warn(
      file.error === undefined
        ? `${quoteaf(file.name)} has been replaced;  following new file`
        : `${quoteaf(file.name)} has appeared;  following new file`,
    );
    file.fd = fd;
    file.error = undefined;
    file.ino = `${st.dev}:${st.ino}`;
    file.size = 0;
  }

  /** What was still written before the name went away. */
  private *drain(file: Followed): Proc<void> {
    if (file.fd === undefined) return;
    const { size } = yield* this.c.sys.fstat(file.fd);
    if (size <= file.size) return;
    yield* this.header(file);
    yield* this.copyRest(file.fd);
  }

  *follow(files: readonly Followed[]): Proc<void> {
    const { c, settings } = this;
    const inotify = yield* c.sys.inotify_init1(0);
    const watched = new Set<string>();
    const watch = function* (path: string, mask: number): Proc<void> {
      if (watched.has(path)) return;
      try {
        yield* c.sys.inotify_add_watch(inotify, path, mask);
        watched.add(path);
      } catch (e) {
        if (!(e instanceof Errno)) throw e; // It will be looked for by its directory.
      }
    };
    yield* c.stdout.flush();
    const pipe = isFifo((yield* c.sys.fstat(1)).mode);
    for (;;) {
      if (files.every((file) => file.ignore)) {
        yield* c.warn("no files remaining");
        this.status = 1;
        return;
      }
      watched.clear();
      for (const file of files) {
        if (file.ignore) continue;
        if (settings.follow === "name") {
          yield* watch(dirname(file.name), IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB);
          yield* watch(file.name, IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
        } else yield* watch(file.name === "-" ? "/proc/self/fd/0" : file.name, IN_MODIFY);
      }
      yield* this.look(files);
      if (settings.pid !== undefined && !(yield* this.isAlive(settings.pid))) return;
      const fds = [{ fd: inotify, events: POLLIN, revents: 0 }, ...(pipe ? [{ fd: 1, events: 0, revents: 0 }] : [])];
      const ready = yield* c.sys.poll(fds, settings.pid === undefined && watched.size > 0 ? -1 : Math.ceil(settings.sleepSec * 1000));
      // Nobody reads our output any more.
      if (pipe && ((fds[1]?.revents ?? 0) & (POLLERR | POLLHUP)) !== 0) return;
      if (ready > 0 && (fds[0]?.revents ?? 0) !== 0) yield* c.sys.inotify_read(inotify);
    }
  }

  private *isAlive(pid: number): Proc<boolean> {
    try {
      yield* this.c.sys.kill(pid, 0);
      return true;
    } catch (e) {
      if (e instanceof Errno) return e !== ESRCH;
      throw e;
    }
  }
}

function* parseAmount(c: Command, unit: "lines" | "bytes", text: string): Proc<Amount> {
  const fromStart = text.startsWith("+");
  const digits = text.replace(/^[-+]/, "");
  const count = parseSize(digits);
  if (count === undefined)
    return yield* c.fail(c.voice === "gnu" ? `invalid number of ${unit}: ${quote(text.replace(/^-/, ""))}` : `invalid number '${text}'`);
  return { unit, count, fromStart };
}

/** `-5`, `+5`, `-5f`, `-20c`: the option syntax of old. Returns it in the present one. */
function modernize(args: readonly string[]): readonly string[] {
  const [first = "", ...rest] = args;
  const old = /^([-+])([0-9]*)([bcl]?)(f?)$/.exec(first);
  if (old === null || (old[2] === "" && old[1] === "-") || (old[1] === "+" && rest.length > 1)) return args;
  const [, sign = "", digits = "", unit = "", follow = ""] = old;
  const number = `${sign === "+" ? "+" : ""}${digits === "" ? "10" : digits}`;
  return [unit === "c" ? `-c${number}` : unit === "b" ? `-c${number}b` : `-n${number}`, ...(follow === "" ? [] : ["-f"]), ...rest];
}

function* settingsOf(c: Command, options: readonly Option[], files: number): Proc<Settings> {
  const gnu = c.voice === "gnu";
  let amount: Amount = { unit: "lines", count: 10, fromStart: false };
  let follow: Settings["follow"] = "no";
  let retry = false;
  let pid: number | undefined;
  let sleepSec = 1;
  for (const o of options) {
    if (o.name === "c" || o.name === "n") amount = yield* parseAmount(c, o.name === "c" ? "bytes" : "lines", o.arg);
    else if (o.name === "f") {
      follow = !o.hasArg
        ? "descriptor"
        : argmatch(c, "--follow", o.arg, [
            ["descriptor", "descriptor"],
            ["name", "name"],
          ] as const);
    } else if (o.name === "F") [follow, retry] = ["name", true];
    else if (o.name === "retry") retry = true;
    else if (o.name === "pid") {
      pid = parseCount(o.arg);
      if (pid === undefined) return yield* c.fail(`invalid PID: ${quote(o.arg)}`);
    } else if (o.name === "s") {
      const seconds = parseDuration(o.arg);
      if (seconds === undefined) return yield* c.fail(gnu ? `invalid number of seconds: ${quote(o.arg)}` : `invalid number '${o.arg}'`);
      sleepSec = seconds;
    }
  }
  if (retry && follow === "no") yield* c.warn("warning: --retry ignored; --retry is useful only when following");
  if (pid !== undefined && follow === "no") yield* c.warn("warning: PID ignored; --pid=PID is useful only when following");
  const loud = options.findLast((o) => o.name === "q" || o.name === "v")?.name;
  return {
    amount,
    delimiter: options.some((o) => o.name === "z") ? 0 : 10,
    follow,
    retry: retry && follow === "name",
    pid,
    sleepSec,
    headers: loud === undefined ? files > 1 : loud === "v",
  };
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt(
    {
      short: gnu ? "c:n:fFqs:vz" : "c:n:fFqs:v",
      long: gnu
        ? [
            { name: "bytes", arg: "required", as: "c" },
            { name: "follow", arg: "optional", as: "f" },
            { name: "lines", arg: "required", as: "n" },
            { name: "pid", arg: "required" },
            { name: "quiet", as: "q" },
            { name: "silent", as: "q" },
            { name: "retry" },
            { name: "sleep-interval", arg: "required", as: "s" },
            { name: "verbose", as: "v" },
            { name: "zero-terminated", as: "z" },
          ]
        : [],
    },
    modernize(c.args),
  );
  const names = operands.length === 0 ? ["-"] : operands;
  const settings = yield* settingsOf(c, options, names.length);
  if (settings.follow === "name" && names.includes("-") && gnu) throw new UsageError(`cannot follow ${quoteaf("-")} by name`);
  const files = names.map(
    (name): Followed => ({
      name,
      title: name === "-" ? "standard input" : name,
      fd: undefined,
      ino: "",
      size: 0,
      error: undefined,
      ignore: false,
    }),
  );
  const tail = new Tail(c, settings);
  for (const file of files) yield* tail.first(file);
  if (!gnu && files.every((file) => file.error !== undefined)) return yield* c.fail("no files");
  if (settings.follow === "no") return tail.status;
  // Following standard input makes no sense where it is a pipe that has ended.
  if (files.every((file) => file.name === "-" && file.ignore)) return tail.status;
  yield* tail.follow(files);
  return tail.status;
}

export const tail: Executable = {
  name: "tail",
  paths: ["/usr/bin/tail"],
  sizeBytes: 76944,
  applet: "/usr/bin/tail",
  main: command(
    {
      writeError: { during: (why) => [`error writing 'standard output': ${why}`] },
      version: COREUTILS,
      help: help(
        usage,
        "tail [OPTIONS] [FILE]...\n\nPrint last 10 lines of FILEs (or stdin)\n\n\t-c [+]N[bkm]\tPrint last N bytes\n\t-n N[bkm]\tPrint last N lines\n\t-n +N[bkm]\tStart on Nth line and print the rest\n\t-f\t\tPrint data as file grows\n\t-F\t\tSame as -f, but keep retrying\n\t-q\t\tNever print headers\n\t-s SECONDS\tWait SECONDS between reads with -f\n\t-v\t\tAlways print headers",
      ),
    },
    run,
  ),
};

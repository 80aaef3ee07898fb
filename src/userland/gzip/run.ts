/** gzip(1), gunzip, zcat of GNU gzip 1.12, and busybox's. The format itself is `libc/gzip.ts`. */

import { Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { isDir, isReg, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, Exit } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { GunzipSource, GzipError, GzipSink } from "../libc/gzip.ts";
import { ask } from "../libc/yesno.ts";
import { Input, isatty, Output } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { basename, open, optional, readDir, stat, unlink } from "../libc/unistd.ts";

const ERROR = 1;
const WARNING = 2;

const LONG = [
  { name: "stdout", as: "c" },
  { name: "to-stdout", as: "c" },
  { name: "decompress", as: "d" },
  { name: "uncompress", as: "d" },
  { name: "force", as: "f" },
  { name: "keep", as: "k" },
  { name: "list", as: "l" },
  { name: "no-name", as: "n" },
  { name: "name", as: "N" },
  { name: "quiet", as: "q" },
  { name: "silent", as: "q" },
  { name: "recursive", as: "r" },
  { name: "rsyncable" },
  { name: "suffix", arg: "required", as: "S" },
  { name: "synchronous" },
  { name: "test", as: "t" },
  { name: "verbose", as: "v" },
  { name: "version", as: "V" },
  { name: "fast", as: "1" },
  { name: "best", as: "9" },
  { name: "help", as: "h" },
] as const;

const GNU_SHORT = "cdfhklnNqrS:tvV123456789";
const BUSYBOX_SHORT = "cdfktv123456789n";

interface Settings {
  readonly decompress: boolean;
  readonly toStdout: boolean;
  readonly force: boolean;
  readonly keep: boolean;
  readonly list: boolean;
  readonly test: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
  readonly recursive: boolean;
  /** -N or, when compressing, not -n. */
  readonly names: boolean;
  readonly level: number;
  readonly suffix: string;
}

export class Gzip {
  private status = 0;
  private listed = 0;
  private readonly totals = { packed: 0, full: 0 };
  /** Of the file listed last: gzip takes it off the totals as well. */
  private lastFrame = 0;

  constructor(
    private readonly c: Command,
    private readonly s: Settings,
  ) {}

  *main(files: readonly string[]): Proc<number> {
    if (files.length === 0) yield* this.stdin();
    for (const file of files) {
      if (file === "-") yield* this.stdin();
      else yield* this.file(file);
    }
    if (this.s.list && this.listed > 0 && files.length > 1)
      yield* this.listLine(this.totals.packed, this.totals.full, "(totals)", undefined, this.lastFrame);
    return this.status;
  }

  private get gnu(): boolean {
    return this.c.voice === "gnu";
  }

  /** gunzip and zcat are scripts around gzip: its name stands in their messages. */
  private *say(message: string): Proc<void> {
    yield* this.c.stdout.flush();
    yield* this.c.eprint(`${this.gnu ? "gzip" : this.c.name}: ${message}\n`);
  }

  private *error(message: string): Proc<void> {
    yield* this.say(message);
    this.status = ERROR;
  }

  /** busybox knows no warnings. */
  private *warning(message: string): Proc<void> {
    if (!this.s.quiet) yield* this.say(message);
    if (this.status === 0) this.status = this.gnu ? WARNING : ERROR;
  }

  private *stdin(): Proc<void> {
    const { c, s } = this;
    if (this.gnu && !s.force && !s.list && (yield* isatty(c.sys, s.decompress ? 0 : 1))) {
      yield* c.eprint(
        `gzip: compressed data not ${s.decompress ? "read from" : "written to"} a terminal. Use -f to force ${s.decompress ? "de" : ""}compression.\nFor help, type: gzip -h\n`,
      );
      throw new Exit(ERROR);
    }
    const st = yield* c.sys.fstat(0);
    const input = c.stdin;
    if (s.list) yield* this.list("stdout", input, st);
    else if (s.decompress) yield* this.expand("stdin", input, s.test ? undefined : c.stdout);
    else {
      const sink = new GzipSink(c.sys, c.stdout, s.level, { mtime: isReg(st.mode) && s.names ? st.mtime.sec : 0 });
      for (let part = yield* input.read(); part !== undefined; part = yield* input.read()) yield* sink.write(part);
      yield* sink.finish();
    }
  }

  private *file(given: string): Proc<void> {
    const { c, s } = this;
    let path = given;
    let st = yield* optional(stat(c.sys, path));
    if (st === undefined && this.gnu && s.decompress && !path.endsWith(s.suffix)) {
      path = given + s.suffix;
      st = yield* optional(stat(c.sys, path));
    }
    if (st === undefined) return yield* this.error(`${path}: No such file or directory`);
    if (isDir(st.mode)) {
      if (!this.gnu) return yield* this.error(`can't remove file '${path}': Is a directory`);
      if (s.recursive) return yield* this.directory(path);
      return yield* this.warning(`${path} is a directory -- ignored`);
    }
    if (!isReg(st.mode) && !s.toStdout) return yield* this.warning(`${path} is not a directory or a regular file - ignored`);
    const target = this.targetOf(path);
    if (typeof target === "object") {
      if (target.message === "") return;
      if (target.status === 0) return yield* this.say(target.message);
      return yield* this.warning(target.message);
    }
    if (this.gnu && st.nlink > 1 && !s.force && !s.toStdout && !s.test && !s.list) {
      return yield* this.warning(`${path} has ${st.nlink - 1} other link${st.nlink > 2 ? "s" : ""} -- file ignored`);
    }
    let fd: number;
    try {
      const nofollow = this.gnu && !s.force && !s.toStdout && !s.test && !s.list ? O_NOFOLLOW : 0;
      fd = yield* open(c.sys, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | nofollow);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.error(`${path}: ${e.message}`);
    }
    try {
      yield* this.opened(path, target, st, fd);
    } finally {
      yield* c.sys.close(fd);
    }
  }

  /** What the result will be called, or why there will be none. */
  private targetOf(path: string): string | { readonly message: string; readonly status: number } {
    const { s } = this;
    const dash = this.gnu ? "--" : "-";
    if (!s.decompress) {
      if (path.endsWith(s.suffix) && this.gnu && !s.toStdout) {
        return { message: s.quiet ? "" : `${path} already has ${s.suffix} suffix -- unchanged`, status: 0 };
      }
      return path + s.suffix;
    }
    if (/\.(tgz|taz)$/.test(path)) return path.replace(/\.(tgz|taz)$/, ".tar");
    if (path.endsWith(s.suffix) && path.length > s.suffix.length) return path.slice(0, -s.suffix.length);
    if (s.toStdout || s.test || s.list) return path;
    return { message: `${path}: unknown suffix ${dash} ignored`, status: WARNING };
  }

  private *opened(path: string, target: string, st: Stat, fd: number): Proc<void> {
    const { c, s } = this;
    const input = new Input(c.sys, fd);
    if (s.list) return yield* this.list(path.endsWith(s.suffix) ? path.slice(0, -s.suffix.length) : path, input, st);
    if (s.test) {
      if ((yield* this.expand(path, input, undefined)) && s.verbose) yield* c.eprint(`${path}:\t OK\n`);
      return;
    }
    if (s.toStdout) {
      if (s.decompress) yield* this.expand(path, input, c.stdout);
      else yield* this.compress(path, input, st, c.stdout);
      return;
    }
    const out = yield* this.create(target);
    if (out === undefined) return;
    const output = new Output(c.sys, out, "full");
    let ratio: string | undefined;
    let good: boolean;
    try {
      if (s.decompress) {
        const result = yield* this.expandCounting(path, input, output);
        good = result !== undefined;
        if (result !== undefined) ratio = percent(result.packed, result.full);
      } else {
        const sink = yield* this.compress(path, input, st, output);
        good = true;
        ratio = percent(sink.bytesOut - sink.frameBytes, sink.bytesIn);
      }
      yield* output.flush();
      if (good) {
        yield* c.sys.fchmod(out, st.mode & 0o7777);
        try {
          yield* c.sys.fchown(out, st.uid, st.gid);
        } catch (e) {
          if (!(e instanceof Errno)) throw e; // Only root may give files away.
        }
        yield* c.sys.utimensat(AT_FDCWD, target, st.atime, st.mtime, 0);
      }
    } finally {
      yield* c.sys.close(out);
    }
    if (!good) {
      yield* unlink(c.sys, target);
      return;
    }
    if (!s.keep) yield* unlink(c.sys, path);
    if (s.verbose && this.gnu) yield* c.eprint(`${path}:\t${ratio} -- ${s.keep ? "created" : "replaced with"} ${target}\n`);
  }

  /** Opens a new file; asks before one is overwritten. */
  private *create(target: string): Proc<number | undefined> {
    const { c, s } = this;
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    for (;;) {
      try {
        return yield* open(c.sys, target, flags, 0o600);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (e.name !== "EEXIST") {
          yield* this.error(this.gnu ? `${target}: ${e.message}` : `can't open '${target}': ${e.message}`);
          return undefined;
        }
        if (!s.force && !(yield* this.mayOverwrite(target))) return undefined;
        yield* unlink(c.sys, target);
      }
    }
  }

  private *mayOverwrite(target: string): Proc<boolean> {
    if (!this.gnu) {
      yield* this.error(`can't open '${target}': File exists`);
      return false;
    }
    if (yield* isatty(this.c.sys, 0)) {
      if (yield* ask(this.c, `${target} already exists; do you wish to overwrite (y or n)?`)) return true;
      if (!this.s.quiet) yield* this.c.eprint("\tnot overwritten\n");
    } else if (!this.s.quiet) yield* this.c.eprint(`gzip: ${target} already exists;\tnot overwritten\n`);
    if (this.status === 0) this.status = WARNING;
    return false;
  }

  private *compress(path: string, input: Input, st: Stat, output: Output): Proc<GzipSink> {
    const { s } = this;
    const header = s.names ? { name: basename(path), mtime: st.mtime.sec } : { mtime: 0 };
    // busybox stores neither name nor time.
    const sink = new GzipSink(this.c.sys, output, s.level, this.gnu ? header : { mtime: 0 });
    for (let part = yield* input.read(); part !== undefined; part = yield* input.read()) yield* sink.write(part);
    yield* sink.finish();
    return sink;
  }

  private *expand(path: string, input: Input, output: Output | undefined): Proc<boolean> {
    return (yield* this.expandCounting(path, input, output)) !== undefined;
  }

  /** Decompresses; undefined after an error message. */
  private *expandCounting(path: string, input: Input, output: Output | undefined): Proc<{ packed: number; full: number } | undefined> {
    const { c, s } = this;
    const source = new GunzipSource(c.sys, input);
    let full = 0;
    try {
      for (let part = yield* source.read(); part !== undefined; part = yield* source.read()) {
        full += part.length;
        if (output !== undefined) yield* output.write(part);
      }
    } catch (e) {
      if (!(e instanceof GzipError)) throw e;
      if (e.kind === "format" && s.force && s.toStdout && output !== undefined) {
        yield* this.copyThrough(path, output);
        return { packed: 0, full: 0 };
      }
      yield* c.stdout.flush();
      if (this.gnu) yield* c.eprint(`\ngzip: ${path}: ${e.message}\n`);
      else yield* this.say(e.kind === "format" ? (c.name === "zcat" ? "no gzip/bzip2/xz magic" : "invalid magic") : e.message);
      this.status = ERROR;
      return undefined;
    }
    if (source.trailingGarbage && this.gnu) {
      if (!s.quiet) yield* c.eprint(`\ngzip: ${path}: decompression OK, trailing garbage ignored\n`);
      if (this.status === 0) this.status = WARNING;
    }
    return { packed: source.bytesIn - source.frameBytes, full };
  }

  /** `gzip -cdf`: what is not compressed passes as it is. */
  private *copyThrough(path: string, output: Output): Proc<void> {
    if (path === "stdin") return;
    const fd = yield* open(this.c.sys, path, O_RDONLY | O_CLOEXEC);
    const input = new Input(this.c.sys, fd);
    for (let part = yield* input.read(); part !== undefined; part = yield* input.read()) yield* output.write(part);
    yield* this.c.sys.close(fd);
  }

  private *list(name: string, input: Input, st: Stat): Proc<void> {
    this.lastFrame = 0;
    const source = new GunzipSource(this.c.sys, input);
    let full = 0;
    try {
      for (let part = yield* source.read(); part !== undefined; part = yield* source.read()) full += part.length;
    } catch (e) {
      if (!(e instanceof GzipError)) throw e;
      yield* this.c.stdout.flush();
      yield* this.c.eprint(`\ngzip: ${name === "stdout" ? "stdin" : name + this.s.suffix}: ${e.message}\n`);
      this.status = ERROR;
      return;
    }
    if (this.listed++ === 0) {
      const verbose = this.s.verbose ? "method  crc     date  time  " : "";
      yield* this.c.print(`${verbose}         compressed        uncompressed  ratio uncompressed_name\n`);
    }
    this.totals.packed += source.bytesIn;
    this.totals.full += full;
    this.lastFrame = source.frameBytes;
    // Where the stream has no time the file's is shown.
    const time = strftime("%b %e %H:%M", { sec: source.header?.mtime || st.mtime.sec, nsec: 0 });
    yield* this.listLine(source.bytesIn, full, name, `defla ${source.lastCrc.toString(16).padStart(8, "0")} ${time} `, source.frameBytes);
  }

  /** The ratio does not count `frame` bytes of header and trailer. */
  private *listLine(packed: number, full: number, name: string, verbose: string | undefined, frame: number): Proc<void> {
    const left = this.s.verbose ? (verbose ?? " ".repeat(28)) : "";
    yield* this.c.print(
      `${left}${`${packed}`.padStart(19)} ${`${full}`.padStart(19)} ${percent(packed - frame, full).padStart(5)} ${name}\n`,
    );
  }

  private *directory(path: string): Proc<void> {
    for (const { name } of yield* readDir(this.c.sys, path)) {
      if (name !== "." && name !== "..") yield* this.file(`${path}/${name}`);
    }
  }
}

/** What compression saved, as ` 53.0%`. */
function percent(packed: number, full: number): string {
  const saved = full === 0 ? 0 : ((full - packed) / full) * 100;
  return `${saved.toFixed(1).padStart(5)}%`;
}

/** Reads the options; `fixed` are those that the command's name stands for. */
export function* runGzip(c: Command, fixed: { readonly decompress: boolean; readonly toStdout: boolean }): Proc<number> {
  const gnu = c.voice === "gnu";
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short: gnu ? GNU_SHORT : BUSYBOX_SHORT, long: LONG }, c.voice);
  } catch (e) {
    if (!(e instanceof UsageError) || !gnu) throw e;
    const letter = /-- '(.)'/.exec(e.message)?.[1];
    const message = letter === "Z" ? "-Z not supported in this version" : e.message;
    yield* c.eprint(`gzip: ${message}\nTry \`gzip --help' for more information.\n`);
    return ERROR;
  }
  const has = (name: string): boolean => parsed.options.some((o) => o.name === name);
  if (has("h")) yield* c.help();
  if (has("V")) {
    yield* c.print("gzip 1.12\n");
    return 0;
  }
  const level = parsed.options.filter((o) => /^[1-9]$/.test(o.name)).at(-1);
  const list = has("l");
  const test = has("t");
  const gzip = new Gzip(c, {
    decompress: fixed.decompress || has("d") || test || list,
    toStdout: fixed.toStdout || has("c"),
    force: has("f"),
    keep: has("k"),
    list,
    test,
    verbose: has("v"),
    quiet: has("q"),
    recursive: has("r"),
    names: !has("n"),
    level: level === undefined ? 6 : Number(level.name),
    suffix: parsed.options.filter((o) => o.name === "S").at(-1)?.arg ?? ".gz",
  });
  return yield* gzip.main(parsed.operands);
}

/**
 * dd(1) of coreutils, and busybox's: copies blocks, converting on the way.
 * Left out: the EBCDIC conversions, sparse output, iflag=direct and the other flags that mean nothing here.
 */

import { EINTR, ESPIPE, Errno } from "../../abi/errno.ts";
import {
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_SYNC,
  O_TRUNC,
  O_WRONLY,
  SEEK_CUR,
} from "../../abi/fcntl.ts";
import { SIG_DFL, SIGINT, SIGUSR1 } from "../../abi/signal.ts";
import { isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_MONOTONIC } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { Heap } from "../libc/heap.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { writeAll } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";
import { parseSize } from "../libc/xstrtol.ts";

const usage = `dd [OPERAND]...
  or:  dd OPTION
Copy a file, converting it according to the operands.

  bs=BYTES        read and write up to BYTES at a time (512)
  cbs=BYTES       convert BYTES at a time
  conv=CONVS      block unblock lcase ucase swab sync excl nocreat notrunc noerror fdatasync fsync
  count=N         copy only N input blocks
  ibs=BYTES       read up to BYTES at a time
  if=FILE         read from FILE instead of standard input
  iflag=FLAGS     append directory dsync sync fullblock nonblock nofollow count_bytes skip_bytes
  obs=BYTES       write BYTES at a time
  of=FILE         write to FILE instead of standard output
  oflag=FLAGS     the same, and seek_bytes
  seek=N          skip N obs-sized output blocks
  skip=N          skip N ibs-sized input blocks
  status=LEVEL    none, noxfer or progress

Numbers may end in c 1, w 2, b 512, kB 1000, K 1024, MB, M, GB, G …, and be products like 2x512. A trailing B counts bytes.
The signal USR1 makes a running dd print its statistics.`;

const conversions = ["block", "unblock", "lcase", "ucase", "swab", "sync", "excl", "nocreat", "notrunc", "noerror", "fdatasync", "fsync"];
const flagBits: Readonly<Record<string, number>> = {
  append: O_APPEND,
  directory: O_DIRECTORY,
  dsync: O_DSYNC,
  sync: O_SYNC,
  nonblock: O_NONBLOCK,
  nofollow: O_NOFOLLOW,
  fullblock: 0,
  count_bytes: 0,
  skip_bytes: 0,
  seek_bytes: 0,
};

interface Job {
  input?: string;
  output?: string;
  ibs: number;
  obs: number;
  cbs: number;
  count: number;
  skip: number;
  seek: number;
  conv: Set<string>;
  iflag: Set<string>;
  oflag: Set<string>;
  status: "all" | "noxfer" | "none" | "progress";
  /** bs= was given: short reads are written as they come. */
  sameBlocks: boolean;
}

/** `2x512`, `1K`, `10B`; undefined where it is no number. */
function parseNumber(text: string): { value: number; bytes: boolean } | undefined {
  let value = 1;
  let bytes = false;
  for (const part of text.split("x")) {
    bytes = /[0-9]B$/.test(part);
    const n = bytes ? Number(part.slice(0, -1)) : parseSize(part.replace(/^([0-9]+)k$/, "$1K"), "bcw");
    if (n === undefined || Number.isNaN(n) || !/^[0-9]/.test(part)) return undefined;
    value *= n;
  }
  return { value, bytes };
}

function* parseOperands(c: Command): Proc<Job> {
  const gnu = c.voice === "gnu";
  const job: Job = {
    ibs: 512,
    obs: 512,
    cbs: 0,
    count: Number.POSITIVE_INFINITY,
    skip: 0,
    seek: 0,
    conv: new Set(),
    iflag: new Set(),
    oflag: new Set(),
    status: "all",
    sameBlocks: false,
  };
  function* size(text: string, least: number): Proc<{ value: number; bytes: boolean }> {
    const parsed = parseNumber(text);
    if (parsed === undefined || parsed.value < least)
      return yield* c.fail(gnu ? `invalid number: ${quote(text)}` : `invalid number '${text}'`);
    return parsed;
  }
  const list = (text: string, known: readonly string[], what: string, into: Set<string>): void => {
    for (const word of text.split(",")) {
      if (!known.includes(word)) throw new UsageError(gnu ? `invalid ${what}: ${quote(word)}` : "");
      into.add(word);
    }
  };
  const { operands } = yield* c.getopt({ short: "" });
  for (const word of operands) {
    const at = word.indexOf("=");
    const value = word.slice(at + 1);
    switch (at < 0 ? "" : word.slice(0, at)) {
      case "if":
        job.input = value;
        break;
      case "of":
        job.output = value;
        break;
      case "bs":
        job.ibs = job.obs = (yield* size(value, 1)).value;
        job.sameBlocks = true;
        break;
      case "ibs":
        job.ibs = (yield* size(value, 1)).value;
        break;
      case "obs":
        job.obs = (yield* size(value, 1)).value;
        break;
      case "cbs":
        job.cbs = (yield* size(value, 1)).value;
        break;
      case "count": {
        const n = yield* size(value, 0);
        job.count = n.value;
        if (n.bytes) job.iflag.add("count_bytes");
        break;
      }
      case "skip":
      case "iseek": {
        const n = yield* size(value, 0);
        job.skip = n.value;
        if (n.bytes) job.iflag.add("skip_bytes");
        break;
      }
      case "seek":
      case "oseek": {
        const n = yield* size(value, 0);
        job.seek = n.value;
        if (n.bytes) job.oflag.add("seek_bytes");
        break;
      }
      case "conv":
        list(value, conversions, "conversion", job.conv);
        break;
      case "iflag":
        list(value, Object.keys(flagBits), "input flag", job.iflag);
        break;
      case "oflag":
        list(value, Object.keys(flagBits), "output flag", job.oflag);
        break;
      case "status":
        if (value !== "none" && value !== "noxfer" && value !== "progress")
          throw new UsageError(gnu ? `invalid status level: ${quote(value)}` : "");
        job.status = value;
        break;
      default:
        throw new UsageError(gnu ? `unrecognized operand ${quote(word)}` : "");
    }
  }
  if (job.conv.has("lcase") && job.conv.has("ucase")) yield* c.fail("cannot combine lcase and ucase");
  if (job.cbs > 0 && job.conv.has("block") && job.conv.has("unblock")) yield* c.fail("cannot combine block and unblock");
  if (job.conv.has("excl") && job.conv.has("nocreat")) yield* c.fail("cannot combine excl and nocreat");
  return job;
}

/** Six significant digits, as %g. */
function shortest(n: number): string {
  if (n === 0) return "0";
  const [mantissa = "", exponentText = "0"] = n.toExponential(5).split("e");
  const exponent = Number(exponentText);
  const strip = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= 6) return `${strip(mantissa)}e${exponent < 0 ? "-" : "+"}${`${Math.abs(exponent)}`.padStart(2, "0")}`;
  return strip(n.toFixed(5 - exponent));
}

/** `3.1 kB`, `50.5 MB`: rounded to nearest. */
function scaled(bytes: number, base: number, least: number, wide: boolean): string {
  const units = base === 1000 ? ["B", "kB", "MB", "GB", "TB", "PB", "EB"] : ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let power = 0;
  let value = bytes;
  while ((value >= base || power < least) && power < units.length - 1) {
    value /= base;
    power++;
  }
  const tenths = power > 0 && value < (wide ? 100 : 10) - 0.05;
  return `${tenths ? value.toFixed(1) : value.toFixed(0)} ${units[power] ?? ""}`;
}

class Copy {
  private readonly inBlocks = { full: 0, partial: 0 };
  private readonly outBlocks = { full: 0, partial: 0 };
  private bytesOut = 0;
  private truncated = 0;
  private startNs = 0;
  private pending: Uint8Array;
  private held = 0;
  /** For conv=block and unblock: the column in the record, and blanks not yet written. */
  private column = 0;
  private blanks = 0;
  private swapped: number | undefined;

  constructor(
    private readonly c: Command,
    private readonly job: Job,
    private readonly input: number,
    private readonly output: number,
  ) {
    this.pending = new Uint8Array(job.obs);
  }

  private *now(): Proc<number> {
    const { sec, nsec } = yield* this.c.sys.clock_gettime(CLOCK_MONOTONIC);
    return sec * 1e9 + nsec;
  }

  *report(): Proc<void> {
    const { c, job } = this;
    if (job.status === "none") return;
    yield* c.eprint(
      `${this.inBlocks.full}+${this.inBlocks.partial} records in\n${this.outBlocks.full}+${this.outBlocks.partial} records out\n` +
        (this.truncated > 0 ? `${this.truncated} truncated record${this.truncated === 1 ? "" : "s"}\n` : ""),
    );
    if (job.status === "noxfer") return;
    const seconds = ((yield* this.now()) - this.startNs) / 1e9;
    const bytes = this.bytesOut;
    if (c.voice === "busybox") {
      yield* c.eprint(
        `${bytes} bytes${bytes >= 1024 ? ` (${busyboxScaled(bytes)})` : ""} copied, ${seconds.toFixed(6)} seconds, ${busyboxScaled(seconds > 0 ? bytes / seconds : 0)}/s\n`,
      );
      return;
    }
    let size = bytes === 1 ? "1 byte copied" : `${bytes} bytes copied`;
    if (bytes >= 1024) size = `${bytes} bytes (${scaled(bytes, 1000, 0, false)}, ${scaled(bytes, 1024, 0, false)}) copied`;
    else if (bytes >= 1000) size = `${bytes} bytes (${scaled(bytes, 1000, 0, false)}) copied`;
    yield* c.eprint(`${size}, ${shortest(seconds)} s, ${seconds > 0 ? scaled(bytes / seconds, 1000, 1, true) : "Infinity B"}/s\n`);
  }

  private *write(block: Uint8Array, full: boolean): Proc<void> {
    yield* writeAll(this.c.sys, this.output, block);
    this.bytesOut += block.length;
    if (full) this.outBlocks.full++;
    else this.outBlocks.partial++;
  }

  /** Collects output until a block of obs is full. */
  private *emit(bytes: Uint8Array): Proc<void> {
    let at = 0;
    while (at < bytes.length) {
      const n = Math.min(bytes.length - at, this.job.obs - this.held);
      this.pending.set(bytes.subarray(at, at + n), this.held);
      this.held += n;
      at += n;
      if (this.held < this.job.obs) continue;
      yield* this.write(this.pending, true);
      this.held = 0;
    }
  }

  private convert(block: Uint8Array): Uint8Array {
    const { conv } = this.job;
    if (conv.has("lcase") || conv.has("ucase")) {
      for (let i = 0; i < block.length; i++) {
        const byte = block[i] as number;
        if (conv.has("ucase") && byte >= 97 && byte <= 122) block[i] = byte - 32;
        else if (conv.has("lcase") && byte >= 65 && byte <= 90) block[i] = byte + 32;
      }
    }
    const swapped = conv.has("swab") ? this.swab(block) : block;
    if (this.job.cbs === 0) return swapped;
    return conv.has("block") ? this.toRecords(swapped) : conv.has("unblock") ? this.toLines(swapped) : swapped;
  }

  private swab(block: Uint8Array): Uint8Array {
    const whole = this.swapped === undefined ? block : Uint8Array.from([this.swapped, ...block]);
    const even = whole.length - (whole.length % 2);
    this.swapped = whole.length % 2 === 1 ? whole[whole.length - 1] : undefined;
    const out = new Uint8Array(even);
    for (let i = 0; i < even; i += 2) {
      out[i] = whole[i + 1] as number;
      out[i + 1] = whole[i] as number;
    }
    return out;
  }

  /** conv=block: lines become records of cbs bytes. */
  private toRecords(block: Uint8Array): Uint8Array {
    const out: number[] = [];
    for (const byte of block) {
      if (byte === 10) {
        for (; this.column < this.job.cbs; this.column++) out.push(32);
        this.column = 0;
      } else {
        if (this.column === this.job.cbs) this.truncated++;
        else if (this.column < this.job.cbs) out.push(byte);
        this.column++;
      }
    }
    return Uint8Array.from(out);
  }

  /** conv=unblock: records become lines without their trailing blanks. */
  private toLines(block: Uint8Array): Uint8Array {
    const out: number[] = [];
    for (const byte of block) {
      if (this.column++ >= this.job.cbs) {
        out.push(10);
        this.column = 1;
        this.blanks = 0;
      }
      if (byte === 32) this.blanks++;
      else {
        for (; this.blanks > 0; this.blanks--) out.push(32);
        out.push(byte);
      }
    }
    return Uint8Array.from(out);
  }

  /** What the conversions still hold at the end. */
  private *finish(): Proc<void> {
    const { conv, cbs } = this.job;
    if (this.swapped !== undefined) yield* this.emit(Uint8Array.from([this.swapped]));
    if (conv.has("block") && this.column > 0) yield* this.emit(new Uint8Array(Math.max(0, cbs - this.column)).fill(32));
    if (conv.has("unblock") && this.column > 0) yield* this.emit(Uint8Array.from([10]));
    if (this.held > 0) yield* this.write(this.pending.subarray(0, this.held), false);
  }

  /** Passes over the first blocks of the input; false where it ends before. */
  private *skip(): Proc<boolean> {
    const { job, input } = this;
    const { sys } = this.c;
    const bytes = job.iflag.has("skip_bytes") ? job.skip : job.skip * job.ibs;
    if (bytes === 0) return true;
    try {
      const at = yield* sys.lseek(input, bytes, SEEK_CUR);
      const st = yield* sys.fstat(input);
      return !isReg(st.mode) || at <= st.size;
    } catch (e) {
      if (e !== ESPIPE) throw e;
    }
    const buffer = new Uint8Array(Math.min(job.ibs, 65536));
    for (let left = bytes; left > 0; ) {
      const n = yield* sys.read(input, left < buffer.length ? buffer.subarray(0, left) : buffer);
      if (n === 0) return false;
      left -= n;
    }
    return true;
  }

  private *readBlock(buffer: Uint8Array): Proc<number> {
    const { sys } = this.c;
    let n = 0;
    do {
      const got = yield* this.retry(() => sys.read(this.input, buffer.subarray(n)));
      if (got === 0) break;
      n += got;
    } while (this.job.iflag.has("fullblock") && n < buffer.length);
    return n;
  }

  /** A signal that asks for statistics does not end a read. */
  private *retry<T>(call: () => Proc<T>): Proc<T> {
    for (;;) {
      try {
        return yield* call();
      } catch (e) {
        if (e !== EINTR) throw e;
      }
    }
  }

  private *sayUnwritten(e: Errno, doing: string): Proc<false> {
    const { c, job } = this;
    const outName = job.output ?? (c.voice === "gnu" ? "standard output" : "stdout");
    yield* c.perror(c.voice === "gnu" ? `${doing} ${quoteaf(outName)}` : outName, e);
    return false;
  }

  *run(): Proc<boolean> {
    const { c, job } = this;
    this.startNs = yield* this.now();
    const inName = job.input ?? (c.voice === "gnu" ? "standard input" : "stdin");
    if (!(yield* this.skip()))
      yield* c.warn(c.voice === "gnu" ? `${quoteName(inName)}: cannot skip to specified offset` : `${inName}: can't skip`);
    const { conv } = job;
    const direct = job.sameBlocks && !["block", "unblock", "swab", "lcase", "ucase"].some((name) => conv.has(name)) && job.ibs === job.obs;
    yield* new Heap(this.c.sys).grow(job.ibs);
    const buffer = new Uint8Array(job.ibs);
    let left = job.iflag.has("count_bytes") ? job.count : Number.POSITIVE_INFINITY;
    let good = true;
    while (left > 0 && (left !== Number.POSITIVE_INFINITY || this.inBlocks.full + this.inBlocks.partial < job.count)) {
      let n: number;
      try {
        n = yield* this.readBlock(left < buffer.length ? buffer.subarray(0, left) : buffer);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(c.voice === "gnu" ? `error reading ${quoteaf(inName)}` : inName, e);
        good = false;
        break;
      }
      if (n === 0) break;
      left -= n;
      let block = buffer.subarray(0, n);
      if (n === job.ibs) this.inBlocks.full++;
      else {
        this.inBlocks.partial++;
        if (conv.has("sync")) {
          buffer.fill(conv.has("block") || conv.has("unblock") ? 32 : 0, n);
          block = buffer;
        }
      }
      try {
        if (direct) yield* this.write(block, block.length === job.obs);
        else {
          yield* c.sys.spend(block.length);
          yield* this.emit(this.convert(block));
        }
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* this.sayUnwritten(e, direct ? "error writing" : "writing to");
      }
    }
    try {
      yield* this.finish();
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.sayUnwritten(e, "error writing");
    }
    if (conv.has("fsync") || conv.has("fdatasync")) yield* c.sys.fsync(this.output);
    return good;
  }
}

const quoteName = (name: string): string => (/[\s']/.test(name) ? quoteaf(name) : name);

/** busybox: one decimal, units of 1024. */
function busyboxScaled(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let power = 0;
  let value = bytes;
  while (value >= 1024 && power < units.length - 1) {
    value /= 1024;
    power++;
  }
  return power === 0 ? `${Math.round(value)}B` : `${value.toFixed(1)}${units[power] ?? ""}`;
}

function* openFile(c: Command, path: string, flags: number): Proc<number> {
  try {
    return yield* open(c.sys, path, flags, 0o666);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(c.voice === "gnu" ? `failed to open ${quoteaf(path)}: ${e.message}` : `can't open '${path}': ${e.message}`);
  }
}

function* run(c: Command): Proc<number> {
  const job = yield* parseOperands(c);
  const bitsOf = (set: ReadonlySet<string>): number => [...set].reduce((bits, name) => bits | (flagBits[name] ?? 0), 0);
  const input = job.input === undefined ? 0 : yield* openFile(c, job.input, O_RDONLY | bitsOf(job.iflag));
  const seekBytes = job.oflag.has("seek_bytes") ? job.seek : job.seek * job.obs;
  let output = 1;
  if (job.output !== undefined) {
    const { conv } = job;
    const keep = conv.has("notrunc") || job.seek > 0;
    const flags =
      O_WRONLY | bitsOf(job.oflag) | (conv.has("nocreat") ? 0 : O_CREAT) | (conv.has("excl") ? O_EXCL : 0) | (keep ? 0 : O_TRUNC);
    output = yield* openFile(c, job.output, flags);
    if (job.seek > 0 && !conv.has("notrunc")) {
      const st = yield* c.sys.fstat(output);
      if (isReg(st.mode)) yield* c.sys.ftruncate(output, seekBytes);
    }
  }
  if (seekBytes > 0) {
    try {
      yield* c.sys.lseek(output, seekBytes, SEEK_CUR);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(`${quoteaf(job.output ?? "standard output")}: cannot seek: ${e.message}`);
    }
  }
  const copy = new Copy(c, job, input, output);
  yield* c.sys.rt_sigaction(SIGUSR1, {
    handler: function* () {
      yield* copy.report();
    },
    flags: 0,
    mask: 0n,
  });
  yield* c.sys.rt_sigaction(SIGINT, {
    handler: function* () {
      yield* copy.report();
      yield* c.sys.rt_sigaction(SIGINT, { handler: SIG_DFL, flags: 0, mask: 0n });
      yield* c.sys.kill(yield* c.sys.getpid(), SIGINT);
    },
    flags: 0,
    mask: 0n,
  });
  const good = yield* copy.run();
  yield* copy.report();
  return good ? 0 : 1;
}

export const dd: Executable = {
  name: "dd",
  paths: ["/usr/bin/dd"],
  sizeBytes: 89240,
  applet: "/bin/dd",
  main: command(
    {
      version: COREUTILS,
      help: help(
        usage,
        "dd [if=FILE] [of=FILE] [ibs=N obs=N/bs=N] [count=N] [skip=N] [seek=N]\n\t[conv=...] [iflag=...] [oflag=...] [status=...]\n\nCopy a file with converting and formatting",
      ),
    },
    run,
  ),
};

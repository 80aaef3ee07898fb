/** wc(1) of coreutils, and busybox's: lines, words, characters and bytes. */

import { Errno } from "../../abi/errno.ts";
import { SEEK_CUR } from "../../abi/fcntl.ts";
import { isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quoteaf, quotef } from "../libc/quotearg.ts";
import { Input } from "../libc/stdio.ts";
import { open, stat } from "../libc/unistd.ts";
import { wcwidth } from "../libc/wcwidth.ts";

const usage = `wc [OPTION]... [FILE]...
  or:  wc [OPTION]... --files0-from=F
Print line, word and byte counts of each FILE, and a total where there are several.

  -c, --bytes            print the byte counts
  -m, --chars            print the character counts
  -l, --lines            print the newline counts
      --files0-from=F    read the file names, ended by NUL, from F
  -L, --max-line-length  print the widest line
  -w, --words            print the word counts
      --help             show this help and exit

The order is always: lines, words, characters, bytes, widest line.`;

interface Counts {
  lines: number;
  words: number;
  chars: number;
  bytes: number;
  longest: number;
}

const zero = (): Counts => ({ lines: 0, words: 0, chars: 0, bytes: 0, longest: 0 });
const BLOCK = 16384;

/** Counts over blocks: characters may be cut between two. */
class Counter {
  readonly counts = zero();
  private inWord = false;
  private column = 0;
  private rest = new Uint8Array(0);

  constructor(
    private readonly deep: boolean,
    /** busybox: only ASCII makes words and takes columns. */
    private readonly asciiOnly: boolean,
  ) {}

  add(block: Uint8Array): void {
    this.counts.bytes += block.length;
    if (!this.deep) {
      for (let at = block.indexOf(10); at >= 0; at = block.indexOf(10, at + 1)) this.counts.lines++;
      return;
    }
    let bytes = block;
    if (this.rest.length > 0) {
      bytes = new Uint8Array(this.rest.length + block.length);
      bytes.set(this.rest);
      bytes.set(block, this.rest.length);
    }
    // A character may go on in the next block.
    let end = bytes.length;
    for (let back = 1; back <= 3 && back <= bytes.length; back++) {
      const byte = bytes[bytes.length - back] as number;
      if (byte >= 0xc0) {
        if ((byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back) end = bytes.length - back;
        break;
      }
      if (byte < 0x80) break;
    }
    this.rest = bytes.slice(end);
    this.scan(decodeUtf8(bytes, 0, end));
  }

  finish(): Counts {
    this.scan(decodeUtf8(this.rest));
    this.rest = new Uint8Array(0);
    this.endLine();
    return this.counts;
  }

  private endLine(): void {
    this.counts.longest = Math.max(this.counts.longest, this.column);
    this.column = 0;
  }

  private scan(text: string): void {
    const { counts } = this;
    for (const ch of text) {
      const code = ch.codePointAt(0) as number;
      if (code >= 0xdc80 && code <= 0xdcff) continue; // A byte that is no character.
      counts.chars++;
      if (code === 10 || code === 12 || code === 13) {
        if (code === 10) counts.lines++;
        this.endLine();
        this.inWord = false;
      } else if (code === 9) {
        this.column += 8 - (this.column % 8);
        this.inWord = false;
      } else if (code === 32 || code === 11 || code === 0xa0 || (code >= 0x2000 && code <= 0x200a) || code === 0x3000) {
        if (code !== 11) this.column += code === 0x3000 ? 2 : 1;
        this.inWord = false;
      } else {
        const width = this.asciiOnly && code >= 0x7f ? -1 : wcwidth(code);
        if (width < 0) continue;
        this.column += width;
        if (!this.inWord) counts.words++;
        this.inWord = true;
      }
    }
  }
}

function* count(c: Command, fd: number, only: string): Proc<Counts> {
  // The size of a file is its byte count: no need to read it.
  if (only === "c") {
    const st = yield* c.sys.fstat(fd);
    if (isReg(st.mode) && st.size > 0) return { ...zero(), bytes: Math.max(0, st.size - (yield* c.sys.lseek(fd, 0, SEEK_CUR))) };
  }
  const deep = /[mwL]/.test(only);
  const counter = new Counter(deep, c.voice === "busybox");
  const buffer = new Uint8Array(BLOCK);
  for (;;) {
    const n = yield* c.sys.read(fd, buffer);
    if (n === 0) return counter.finish();
    counter.add(buffer.subarray(0, n));
    yield* c.sys.spend(deep ? 4 * n : n / 4);
  }
}

/** The width of the columns, guessed from the sizes of the files as the real one does. */
function* columnWidth(c: Command, files: readonly (string | undefined)[], columns: number): Proc<number> {
  if (c.voice === "busybox") return columns === 1 && files.length === 1 ? 0 : 9;
  if (files.length === 1 && columns === 1) return 1;
  let total = 0;
  let least = 1;
  for (const file of files) {
    try {
      const st = file === undefined || file === "-" ? yield* c.sys.fstat(0) : yield* stat(c.sys, file);
      if (isReg(st.mode)) total += st.size;
      else least = 7;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }
  return Math.max(least, `${total}`.length);
}

function* fileNames(c: Command, from: string): Proc<string[]> {
  let fd = 0;
  if (from !== "-") {
    try {
      fd = yield* open(c.sys, from);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(`cannot open ${quoteaf(from)} for reading: ${e.message}`);
    }
  }
  const names = decodeUtf8(yield* new Input(c.sys, fd).readAll()).split("\0");
  if (names.at(-1) === "") names.pop();
  return names;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: "clmwL",
    long: gnu
      ? [
          { name: "bytes", as: "c" },
          { name: "chars", as: "m" },
          { name: "lines", as: "l" },
          { name: "words", as: "w" },
          { name: "files0-from", arg: "required" },
          { name: "max-line-length", as: "L" },
        ]
      : [],
  });
  const asked = new Set(options.map((o) => o.name).filter((name) => name.length === 1));
  const only = asked.size === 0 ? "lwc" : [...asked].join("");
  const from = options.findLast((o) => o.name === "files0-from")?.arg;
  if (from !== undefined && operands.length > 0) {
    throw new UsageError(`extra operand ${quoteaf(operands[0] ?? "")}\nfile operands cannot be combined with --files0-from`);
  }
  const files = from !== undefined ? yield* fileNames(c, from) : operands.length === 0 ? [undefined] : operands;
  const width = from === "-" ? 1 : yield* columnWidth(c, files, only.length);
  const show = function* (counts: Counts, name: string | undefined): Proc<void> {
    const cells: number[] = [];
    if (only.includes("l")) cells.push(counts.lines);
    if (only.includes("w")) cells.push(counts.words);
    if (only.includes("m")) cells.push(counts.chars);
    if (only.includes("c")) cells.push(counts.bytes);
    if (only.includes("L")) cells.push(counts.longest);
    yield* c.print(`${cells.map((n) => `${n}`.padStart(width)).join(" ")}${name === undefined ? "" : ` ${quotef(name)}`}\n`);
  };
  const total = zero();
  let status = 0;
  for (const file of files) {
    if (file === "") {
      yield* c.warn(from === undefined ? "invalid zero-length file name" : `${quotef(from)}: invalid zero-length file name`);
      status = 1;
      continue;
    }
    let fd = 0;
    let counts = zero();
    try {
      if (file !== undefined && file !== "-") fd = yield* open(c.sys, file);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(gnu ? quotef(file ?? "") : (file ?? ""), e);
      status = 1;
      continue;
    }
    try {
      counts = yield* count(c, fd, only);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(gnu ? quotef(file ?? "standard input") : (file ?? "standard input"), e);
      status = 1;
    }
    yield* show(counts, file);
    if (fd !== 0) yield* c.sys.close(fd);
    for (const key of ["lines", "words", "chars", "bytes"] as const) total[key] += counts[key];
    total.longest = Math.max(total.longest, counts.longest);
  }
  if (files.length > 1) yield* show(total, "total");
  return status;
}

export const wc: Executable = {
  name: "wc",
  paths: ["/usr/bin/wc"],
  sizeBytes: 52280,
  applet: "/usr/bin/wc",
  main: command(
    {
      writeError: { last: () => ["write error"] },
      version: COREUTILS,
      help: help(usage, "wc [-cmlwL] [FILE]...\n\nCount lines, words, and bytes for FILEs (or stdin)"),
    },
    run,
  ),
};

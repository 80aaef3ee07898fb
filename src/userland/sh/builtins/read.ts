/** read and mapfile: lines from a descriptor that other programs share, so not a byte too many is taken. */

import { EBADF, EINTR, EISDIR, ESPIPE, Errno } from "../../../abi/errno.ts";
import { F_GETFD, SEEK_CUR } from "../../../abi/fcntl.ts";
import { POLLIN } from "../../../abi/poll.ts";
import { ECHO, ICANON, type Termios, VMIN, VTIME } from "../../../abi/termios.ts";
import { CLOCK_MONOTONIC } from "../../../abi/time.ts";
import type { Proc } from "../../../abi/sys.ts";
import { decodeUtf8 } from "../../../abi/utf8.ts";
import { isatty } from "../../libc/stdio.ts";
import { optional } from "../../libc/unistd.ts";
import { attend } from "../run.ts";
import { type Shell, ShellError } from "../shell.ts";
import { type Builtin, type Call, has, isName, valueOf } from "./call.ts";

/** Reads bytes up to a delimiter. A file is read in blocks and wound back; from a pipe or terminal each byte is a call. */
export class ByteReader {
  private readonly buffer: Uint8Array<ArrayBuffer>;
  private start = 0;
  private end = 0;

  private constructor(
    private readonly sh: Shell,
    private readonly fd: number,
    private readonly seekable: boolean,
  ) {
    this.buffer = new Uint8Array(seekable ? 4096 : 1);
  }

  static *open(sh: Shell, fd: number): Proc<ByteReader> {
    const at = yield* optional(sh.sys.lseek(fd, 0, SEEK_CUR), [ESPIPE, EBADF]);
    return new ByteReader(sh, fd, at !== undefined && !((yield* optional(isatty(sh.sys, fd), [EBADF])) ?? false));
  }

  /** The next byte; -1 at the end, -2 when the time is over. Blocks. */
  *next(deadlineNs: number): Proc<number> {
    if (this.start < this.end) return this.buffer[this.start++] as number;
    if (deadlineNs >= 0 && !(yield* this.waitUntil(deadlineNs))) return -2;
    for (;;) {
      try {
        const n = yield* this.sh.sys.read(this.fd, this.buffer);
        if (n === 0) return -1;
        this.start = 1;
        this.end = n;
        return this.buffer[0] as number;
      } catch (e) {
        if (e !== EINTR) throw e;
        yield* attend(this.sh);
      }
    }
  }

  private *waitUntil(deadlineNs: number): Proc<boolean> {
    const now = yield* this.sh.sys.clock_gettime(CLOCK_MONOTONIC);
    const left = deadlineNs - (now.sec * 1e9 + now.nsec);
    if (left < 0) return false;
    const fds = [{ fd: this.fd, events: POLLIN, revents: 0 }];
    return (yield* this.sh.sys.poll(fds, Math.ceil(left / 1e6))) > 0;
  }

  /** Gives back what was read too far. */
  *close(): Proc<void> {
    if (this.seekable && this.start < this.end) yield* this.sh.sys.lseek(this.fd, this.start - this.end, SEEK_CUR);
    this.start = this.end;
  }
}

/** One line without its newline; undefined at the end. For `select`. */
export function* readLineFrom(sh: Shell, fd: number): Proc<string | undefined> {
  const reader = yield* ByteReader.open(sh, fd);
  const bytes: number[] = [];
  for (;;) {
    const b = yield* reader.next(-1);
    if (b === 10 || (b < 0 && bytes.length > 0)) break;
    if (b < 0) return undefined;
    bytes.push(b);
  }
  yield* reader.close();
  return decodeUtf8(Uint8Array.from(bytes));
}

interface ReadOptions {
  readonly raw: boolean;
  readonly silent: boolean;
  readonly prompt: string | undefined;
  readonly array: string | undefined;
  readonly delimiter: number;
  readonly count: number;
  /** `-N`: delimiters do not end it. */
  readonly exact: boolean;
  readonly timeoutSec: number | undefined;
  readonly fd: number;
}

export const read: Builtin = {
  name: "read",
  usage: "[-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options(sh.flavour === "bash" ? "ersa:d:i:n:N:p:t:u:" : sh.flavour === "ash" ? "rsd:n:p:t:u:" : "rp:");
    if (o === undefined) return 2;
    const timeout = valueOf(o, "t");
    if (timeout !== undefined && !/^[0-9]*\.?[0-9]*$/.test(timeout)) return yield* c.fail(`${timeout}: invalid timeout specification`);
    const countText = valueOf(o, "N") ?? valueOf(o, "n");
    if (countText !== undefined && !/^[0-9]+$/.test(countText)) return yield* c.fail(`${countText}: invalid number`);
    const fdText = valueOf(o, "u");
    if (fdText !== undefined && !/^[0-9]+$/.test(fdText)) return yield* c.fail(`${fdText}: invalid file descriptor specification`);
    const fd = Number(fdText ?? 0);
    if ((yield* optional(sh.sys.fcntl(fd, F_GETFD), [EBADF])) === undefined && fdText !== undefined)
      return yield* c.fail(`${fd}: invalid file descriptor: ${EBADF.message}`);
    for (const name of o.operands) {
      if (/^[A-Za-z_][A-Za-z0-9_]*(\[.+\])?$/s.test(name) && (sh.flavour === "bash" || isName(name))) continue;
      if (sh.flavour === "ash") {
        yield* sh.eprint(`${sh.arg0}: read: '${name}': bad variable name\n`);
        return 1;
      }
      if (sh.flavour !== "bash") throw new ShellError(`read: ${name}: bad variable name`, 2, "shell");
      return yield* c.fail(`\`${name}': not a valid identifier`);
    }
    if (sh.flavour === "dash" && o.operands.length === 0) return yield* c.fail("arg count", 2);
    const delimiter = valueOf(o, "d");
    return yield* perform(c, o.operands, {
      raw: has(o, "r"),
      silent: has(o, "s"),
      prompt: valueOf(o, "p"),
      array: valueOf(o, "a"),
      delimiter: delimiter === undefined ? 10 : delimiter === "" ? 0 : delimiter.charCodeAt(0),
      count: countText === undefined ? Number.POSITIVE_INFINITY : Number(countText),
      exact: has(o, "N"),
      timeoutSec: timeout === undefined || timeout === "" ? undefined : Number(timeout),
      fd,
    });
  },
};

function* perform(c: Call, names: readonly string[], o: ReadOptions): Proc<number> {
  const { sh } = c;
  const { sys } = sh;
  const terminal = (yield* optional(isatty(sys, o.fd), [EBADF])) ?? false;
  if (o.prompt !== undefined && terminal) yield* sh.eprint(o.prompt);
  if (o.timeoutSec === 0) return (yield* sys.poll([{ fd: o.fd, events: POLLIN, revents: 0 }], 0)) > 0 ? 0 : 1;
  let modes: Termios | undefined;
  if (terminal && (o.silent || o.count !== Number.POSITIVE_INFINITY || o.delimiter !== 10)) {
    modes = yield* sys.ioctl(o.fd, "TCGETS");
    const cc = [...modes.cc];
    cc[VMIN] = 1;
    cc[VTIME] = 0;
    const canonical = o.count === Number.POSITIVE_INFINITY && o.delimiter === 10;
    yield* sys.ioctl(o.fd, "TCSETSW", { ...modes, cc, lflag: modes.lflag & ~(o.silent ? ECHO : 0) & ~(canonical ? 0 : ICANON) });
  }
  try {
    const line = yield* readInput(sh, o);
    store(sh, names, o, line);
    return line.status;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (sh.flavour === "bash")
      return yield* c.fail(e === EISDIR ? `read error: ${o.fd}: ${e.message}` : `read error: ${o.fd}: ${e.message}`);
    return 1;
  } finally {
    if (modes !== undefined) yield* sys.ioctl(o.fd, "TCSETSW", modes);
  }
}

interface Line {
  /** Characters; those that a backslash quoted are not split at. */
  readonly text: string;
  readonly quoted: ReadonlySet<number>;
  readonly status: number;
}

function* readInput(sh: Shell, o: ReadOptions): Proc<Line> {
  const reader = yield* ByteReader.open(sh, o.fd);
  let deadline = -1;
  if (o.timeoutSec !== undefined) {
    const now = yield* sh.sys.clock_gettime(CLOCK_MONOTONIC);
    deadline = now.sec * 1e9 + now.nsec + o.timeoutSec * 1e9;
  }
  const bytes: number[] = [];
  const quotedBytes: number[] = [];
  let status = 0;
  let count = 0;
  while (count < o.count) {
    let b = yield* reader.next(deadline);
    if (b === -2) {
      status = 142;
      break;
    }
    if (b === -1) {
      status = 1;
      break;
    }
    if (b === o.delimiter && !o.exact) break;
    if (b === 92 && !o.raw) {
      b = yield* reader.next(deadline);
      if (b === 10) continue;
      if (b < 0) {
        status = 1;
        break;
      }
      quotedBytes.push(bytes.length);
    }
    if (b === 0) continue;
    bytes.push(b);
    // Continuation bytes belong to the character before them.
    if ((b & 0xc0) !== 0x80) count++;
    if (count === o.count && b >= 0xc0)
      for (let more = b >= 0xf0 ? 3 : b >= 0xe0 ? 2 : 1; more > 0; more--) bytes.push(yield* reader.next(deadline));
  }
  yield* reader.close();
  const array = Uint8Array.from(bytes);
  const quoted = new Set(quotedBytes.map((i) => decodeUtf8(array, 0, i).length));
  return { text: decodeUtf8(array), quoted, status };
}

function store(sh: Shell, names: readonly string[], o: ReadOptions, line: Line): void {
  if (o.array !== undefined) {
    const v = sh.vars.writable(sh.resolve(o.array));
    v.array = splitAll(line, sh.ifs);
    v.value = undefined;
    v.assoc = undefined;
    return;
  }
  const assign = (name: string, value: string): void => {
    const m = /^([^[]+)\[(.*)\]$/s.exec(name);
    if (m === null) sh.set(name, value);
    else sh.setElement(m[1] as string, m[2] as string, value);
  };
  if (names.length === 0) {
    if (sh.flavour !== "dash") assign("REPLY", line.text);
    return;
  }
  if (o.exact) {
    assign(names[0] as string, line.text);
    for (const n of names.slice(1)) assign(n, "");
    return;
  }
  const values = splitFields(line, sh.ifs, names.length);
  for (const [i, n] of names.entries()) assign(n, values[i] ?? "");
}

const isBlank = (c: string): boolean => c === " " || c === "\t" || c === "\n";

function splitAll(line: Line, ifs: string): string[] {
  const fields = splitFields(line, ifs, Number.POSITIVE_INFINITY);
  return fields;
}

/** Splits as POSIX says for read: the last name takes the rest, without blanks around it. */
function splitFields(line: Line, ifs: string, count: number): string[] {
  const { text, quoted } = line;
  const isDelimiter = (i: number): boolean => ifs.includes(text[i] as string) && !quoted.has(i);
  const isSpace = (i: number): boolean => isDelimiter(i) && isBlank(text[i] as string);
  const fields: string[] = [];
  let i = 0;
  while (i < text.length && isSpace(i)) i++;
  while (i < text.length && fields.length < count - 1) {
    const start = i;
    while (i < text.length && !isDelimiter(i)) i++;
    fields.push(text.slice(start, i));
    while (i < text.length && isSpace(i)) i++;
    if (i < text.length && isDelimiter(i)) {
      i++;
      while (i < text.length && isSpace(i)) i++;
    }
  }
  if (i >= text.length) return fields;
  let end = text.length;
  while (end > i && isSpace(end - 1)) end--;
  let rest = text.slice(i, end);
  // A single delimiter that ends the one field left over goes as well.
  if (
    end > i &&
    isDelimiter(end - 1) &&
    !rest
      .slice(0, -1)
      .split("")
      .some((_, k) => isDelimiter(i + k))
  ) {
    rest = rest.slice(0, -1);
    let trimmed = rest.length;
    while (trimmed > 0 && isSpace(i + trimmed - 1)) trimmed--;
    rest = rest.slice(0, trimmed);
  }
  fields.push(rest);
  return fields;
}

function mapfileNamed(name: string): Builtin {
  return {
    name,
    flavours: ["bash"],
    usage: "[-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [array]",
    *run(c): Proc<number> {
      const { sh } = c;
      const o = yield* c.options("d:n:O:s:tu:");
      if (o === undefined) return 2;
      const target = o.operands[0] ?? "MAPFILE";
      if (!isName(target)) return yield* c.fail(`\`${target}': not a valid identifier`);
      const delimiterText = valueOf(o, "d");
      const delimiter = delimiterText === undefined ? 10 : delimiterText === "" ? 0 : delimiterText.charCodeAt(0);
      const origin = valueOf(o, "O");
      const most = Number(valueOf(o, "n") ?? 0) || Number.POSITIVE_INFINITY;
      let skip = Number(valueOf(o, "s") ?? 0);
      const reader = yield* ByteReader.open(sh, Number(valueOf(o, "u") ?? 0));
      const v = sh.vars.writable(sh.resolve(target));
      if (origin === undefined || v.array === undefined) v.array = [];
      v.value = undefined;
      let at = Number(origin ?? 0);
      let taken = 0;
      for (let ended = false; !ended && taken < most; ) {
        const bytes: number[] = [];
        for (;;) {
          const b = yield* reader.next(-1);
          if (b < 0) {
            ended = true;
            break;
          }
          if (b === delimiter) {
            if (!has(o, "t")) bytes.push(b);
            break;
          }
          bytes.push(b);
        }
        if (ended && bytes.length === 0) break;
        if (skip-- > 0) continue;
        v.array[at++] = decodeUtf8(Uint8Array.from(bytes));
        taken++;
      }
      yield* reader.close();
      return 0;
    },
  };
}

export const mapfile = mapfileNamed("mapfile");
export const readarray = mapfileNamed("readarray");

/**
 * A terminal taken over by a full-screen program: raw mode, alternate screen, keys, window size. What curses and terminfo do for
 * less and vi, for a terminal that speaks xterm's sequences.
 */

import { EINTR, EIO, Errno } from "../../abi/errno.ts";
import { POLLIN, type PollFd } from "../../abi/poll.ts";
import { SIGCONT, SIGHUP, SIGTERM, SIGTSTP, SIGWINCH } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { ECHO, ICANON, ICRNL, IEXTEN, INLCR, ISIG, IXON, OPOST, type Termios, VMIN, VTIME, type Winsize } from "../../abi/termios.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { writeAll } from "../libc/stdio.ts";

/**
 * A key: the character (control characters too: `\r`, `\x1b`, `\x7f`, `\x04` …), or a name in angle brackets such as `<up>`,
 * `<pagedown>`, `<delete>`. `<resize>`: the window changed; `<timeout>`: nothing was typed; `<input>`: the other descriptor is
 * ready; `<hangup>`: the terminal is gone.
 */
export type Key = string;

const SEQUENCES: Readonly<Record<string, Key>> = {
  "[A": "<up>",
  "[B": "<down>",
  "[C": "<right>",
  "[D": "<left>",
  "[H": "<home>",
  "[F": "<end>",
  OA: "<up>",
  OB: "<down>",
  OC: "<right>",
  OD: "<left>",
  OH: "<home>",
  OF: "<end>",
  "[1~": "<home>",
  "[2~": "<insert>",
  "[3~": "<delete>",
  "[4~": "<end>",
  "[5~": "<pageup>",
  "[6~": "<pagedown>",
  "[7~": "<home>",
  "[8~": "<end>",
  "[1;5A": "<ctrl-up>",
  "[1;5B": "<ctrl-down>",
  "[1;5C": "<ctrl-right>",
  "[1;5D": "<ctrl-left>",
  "[Z": "<backtab>",
};

/** How long an escape sequence may take to arrive, so that a lone ESC is told from the start of one. */
const ESCAPE_MS = 50;

export class Terminal {
  private saved: Termios | undefined;
  private pending: number[] = [];
  /** Keys that were read and given back. */
  private queued: Key[] = [];
  private out = "";
  private resized = false;
  private ended = false;
  private alternate = false;
  /** What paint() has put on the screen; undefined where that is not known. */
  private painted: readonly string[] | undefined;

  constructor(
    private readonly sys: Sys,
    private readonly inFd: number,
    private readonly outFd: number,
  ) {}

  /** Takes the terminal over. Throws ENOTTY if it is none. */
  *enter(alternate: boolean): Proc<void> {
    const now = yield* this.sys.ioctl(this.inFd, "TCGETS");
    this.saved ??= now;
    this.alternate = alternate;
    const cc = [...now.cc];
    cc[VMIN] = 1;
    cc[VTIME] = 0;
    yield* this.sys.ioctl(this.inFd, "TCSETSW", {
      ...now,
      iflag: now.iflag & ~(ICRNL | INLCR | IXON),
      oflag: now.oflag & ~OPOST,
      lflag: now.lflag & ~(ICANON | ECHO | ISIG | IEXTEN),
      cc,
    });
    const terminal = this;
    yield* this.sys.rt_sigaction(SIGWINCH, {
      *handler() {
        terminal.resized = true;
      },
      flags: 0,
      mask: 0n,
    });
    for (const sig of [SIGTERM, SIGHUP]) {
      yield* this.sys.rt_sigaction(sig, {
        *handler() {
          terminal.ended = true;
        },
        flags: 0,
        mask: 0n,
      });
    }
    if (alternate) this.print("\x1b[?1049h");
    this.painted = undefined;
    yield* this.flush();
  }

  /** Gives the terminal back as it was. */
  *leave(): Proc<void> {
    if (this.alternate) this.print("\x1b[?1049l");
    this.print("\x1b[?25h");
    yield* this.flush();
    if (this.saved !== undefined) yield* this.sys.ioctl(this.inFd, "TCSETSW", this.saved);
  }

  /** `^Z`: stops the process group with the terminal given back; returns when it goes on. */
  *suspend(): Proc<void> {
    yield* this.leave();
    yield* this.sys.rt_sigaction(SIGCONT);
    yield* this.sys.kill(0, SIGTSTP);
    yield* this.enter(this.alternate);
  }

  *size(): Proc<Winsize> {
    const { rows, cols } = yield* this.sys.ioctl(this.outFd, "TIOCGWINSZ");
    return { rows: rows || 24, cols: cols || 80 };
  }

  /** Adds to the output; what paint() has drawn is taken to be touched only by paint(). */
  print(text: string): void {
    this.out += text;
  }

  /** Fills the screen with rows, sending those that differ from what is there. The cursor ends up somewhere. */
  paint(rows: readonly string[]): void {
    if (this.painted === undefined) this.out += "\x1b[H\x1b[J";
    rows.forEach((row, i) => {
      if (this.painted?.[i] !== row) this.out += `\x1b[${i + 1};1H${row}\x1b[K`;
    });
    if (this.painted !== undefined && rows.length < this.painted.length) this.out += `\x1b[${rows.length + 1};1H\x1b[J`;
    this.painted = [...rows];
  }

  /** Somebody else may have drawn on the screen: the next paint() sends everything. */
  repaint(): void {
    this.painted = undefined;
  }

  *flush(): Proc<void> {
    if (this.out === "") return;
    const bytes = encodeUtf8(this.out);
    this.out = "";
    yield* writeAll(this.sys, this.outFd, bytes);
  }

  /** Blocks until a key comes, or what `Key` lists besides. */
  *key(timeoutMs = -1, other?: number): Proc<Key> {
    yield* this.flush();
    for (;;) {
      if (this.ended) return "<hangup>";
      if (this.resized) {
        this.resized = false;
        this.painted = undefined;
        return "<resize>";
      }
      const again = this.queued.shift();
      if (again !== undefined) return again;
      if (this.pending.length > 0) return yield* this.decode();
      const ready = yield* this.wait(timeoutMs, other);
      if (ready === "timeout") return "<timeout>";
      if (ready === "other") return "<input>";
      if (ready === "key" && !(yield* this.fill())) return "<hangup>";
    }
  }

  /** Puts keys in front of what is typed. */
  unread(text: string): void {
    this.pending.unshift(...encodeUtf8(text));
  }

  /** Gives keys back that were read too early: they come again after what was typed first. */
  requeue(keys: readonly Key[]): void {
    this.queued.unshift(...keys);
  }

  /** Whether a key was typed that nobody has read yet. */
  *typed(): Proc<boolean> {
    return this.queued.length > 0 || this.pending.length > 0 || (yield* this.wait(0)) === "key";
  }

  private *wait(timeoutMs: number, other?: number): Proc<"key" | "other" | "timeout" | "interrupted"> {
    const fds: PollFd[] = [{ fd: this.inFd, events: POLLIN, revents: 0 }];
    if (other !== undefined) fds.push({ fd: other, events: POLLIN, revents: 0 });
    try {
      if ((yield* this.sys.poll(fds, timeoutMs)) === 0) return "timeout";
    } catch (e) {
      if (e === EINTR) return "interrupted";
      throw e;
    }
    return fds[0]?.revents !== 0 ? "key" : "other";
  }

  private *fill(): Proc<boolean> {
    const buffer = new Uint8Array(256);
    try {
      const n = yield* this.sys.read(this.inFd, buffer);
      for (const b of buffer.subarray(0, n)) this.pending.push(b);
      return n > 0;
    } catch (e) {
      if (e === EINTR) return true;
      if (e === EIO) return false;
      throw e;
    }
  }

  /** Takes one key from the bytes that are pending. */
  private *decode(): Proc<Key> {
    const first = this.pending.shift() as number;
    if (first === 0x1b) {
      if (this.pending.length === 0 && (yield* this.wait(ESCAPE_MS)) === "key") yield* this.fill();
      return this.sequence();
    }
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
    while (more > this.pending.length && (yield* this.wait(ESCAPE_MS)) === "key") if (!(yield* this.fill())) break;
    return decodeUtf8(Uint8Array.from([first, ...this.pending.splice(0, more)]));
  }

  /** What follows an escape character: a sequence that is known, one that is not (swallowed), or the lone escape. */
  private sequence(): Key {
    const text = String.fromCharCode(...this.pending.slice(0, 16));
    const match = /^(\[[0-9;?]*[A-Za-z~]|O[A-Za-z])/.exec(text);
    if (match === null) return "\x1b";
    this.pending.splice(0, match[0].length);
    return SEQUENCES[match[0]] ?? "<unknown>";
  }
}

/** Runs `body` with the terminal; gives it back whatever happens. */
export function* withTerminal<T>(terminal: Terminal, alternate: boolean, body: () => Proc<T>): Proc<T> {
  yield* terminal.enter(alternate);
  const giveBack = function* (): Proc<void> {
    try {
      yield* terminal.leave();
    } catch (e) {
      if (!(e instanceof Errno)) throw e; // The terminal has gone away.
    }
  };
  let result: T;
  try {
    result = yield* body();
  } catch (e) {
    yield* giveBack();
    throw e;
  }
  yield* giveBack();
  return result;
}

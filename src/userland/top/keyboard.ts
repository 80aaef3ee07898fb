/** The terminal of a full-screen program: single keys without echo, the window's size, and putting all back at the end. */

import { EINTR, Errno } from "../../abi/errno.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGINT, SIGSTOP, SIGTERM, SIGTSTP, SIGWINCH } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { ECHO, ICANON, type Termios, VMIN, VTIME } from "../../abi/termios.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Command } from "../libc/command.ts";

export class Keyboard {
  /** A signal asked for the end. */
  ended = false;

  private constructor(
    private readonly c: Command,
    private readonly before: Termios,
  ) {}

  /** Switches the terminal of standard input over; undefined where it is none. */
  static *open(c: Command): Proc<Keyboard | undefined> {
    let before: Termios;
    try {
      before = yield* c.sys.ioctl(0, "TCGETS");
    } catch (e) {
      if (e instanceof Errno) return undefined;
      throw e;
    }
    const keyboard = new Keyboard(c, before);
    for (const sig of [SIGINT, SIGTERM]) {
      const handler = function* (): Proc<void> {
        keyboard.ended = true;
      };
      yield* c.sys.rt_sigaction(sig, { handler, flags: 0, mask: 0n });
    }
    // ^Z: the terminal as it was while we are stopped, ours again when we go on.
    const stop = function* (): Proc<void> {
      yield* keyboard.close();
      yield* c.sys.kill(yield* c.sys.getpid(), SIGSTOP);
      yield* keyboard.raw();
    };
    yield* c.sys.rt_sigaction(SIGTSTP, { handler: stop, flags: 0, mask: 0n });
    // Only so that it ends the waiting: the next drawing asks for the size.
    yield* c.sys.rt_sigaction(SIGWINCH, { handler: function* () {}, flags: 0, mask: 0n });
    yield* keyboard.raw();
    return keyboard;
  }

  private *raw(): Proc<void> {
    const cc = [...this.before.cc];
    cc[VMIN] = 1;
    cc[VTIME] = 0;
    yield* this.c.sys.ioctl(0, "TCSETSW", { ...this.before, lflag: this.before.lflag & ~(ICANON | ECHO), cc });
    yield* this.c.print("\x1b[?25l\x1b[H\x1b[J");
    yield* this.c.stdout.flush();
  }

  /** The cursor below everything, the terminal as it was. */
  *close(): Proc<void> {
    const { rows } = yield* this.size();
    yield* this.c.print(`\x1b[?25h\x1b[${rows};1H\x1b[K\n`);
    yield* this.c.stdout.flush();
    yield* this.c.sys.ioctl(0, "TCSETSW", this.before);
  }

  *size(): Proc<{ cols: number; rows: number }> {
    try {
      const { cols, rows } = yield* this.c.sys.ioctl(1, "TIOCGWINSZ");
      return { cols: cols || 80, rows: rows || 24 };
    } catch (e) {
      if (e instanceof Errno) return { cols: 80, rows: 24 };
      throw e;
    }
  }

  /** The next keys as they come together, or undefined when `timeoutMs` has passed or a signal came. */
  *key(timeoutMs: number): Proc<string | undefined> {
    try {
      const ready = yield* this.c.sys.poll([{ fd: 0, events: POLLIN, revents: 0 }], Math.ceil(timeoutMs));
      if (ready === 0) return undefined;
      const buf = new Uint8Array(32);
      const n = yield* this.c.sys.read(0, buf);
      // The terminal is gone.
      if (n === 0) this.ended = true;
      return decodeUtf8(buf, 0, n);
    } catch (e) {
      if (e === EINTR) return undefined;
      if (e instanceof Errno) {
        this.ended = true;
        return undefined;
      }
      throw e;
    }
  }

  /** A line that is typed after `prompt` on the screen's line `row`; undefined when it was given up with Escape. */
  *ask(prompt: string, row: number): Proc<string | undefined> {
    let text = "";
    for (;;) {
      yield* this.c.print(`\x1b[${row};1H\x1b[K\x1b[1m${prompt}\x1b[0m ${text}\x1b[?25h`);
      yield* this.c.stdout.flush();
      const keys = yield* this.key(-1);
      if (this.ended || keys === "\x1b") break;
      for (const key of keys ?? "") {
        if (key === "\r" || key === "\n") {
          yield* this.c.print("\x1b[?25l");
          return text;
        }
        if (key === "\x7f" || key === "\b") text = text.slice(0, -1);
        else if (/^[ -~]$/.test(key)) text += key;
      }
    }
    yield* this.c.print("\x1b[?25l");
    return undefined;
  }
}

/** Terminals through real tasks: job control, signals from keys, hangup, window size, back-pressure. */

import { beforeEach, describe, expect, it } from "vitest";
import { EAGAIN, EIO, ENOTTY, ENXIO, EPERM, type Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_NOCTTY, O_NONBLOCK, O_RDWR } from "../../abi/fcntl.ts";
import { POLLHUP, POLLIN, POLLOUT, type PollFd } from "../../abi/poll.ts";
import { SIG_DFL, SIG_IGN, SIGCONT, SIGHUP, SIGINT, SIGTTIN, SIGTTOU, SIGTSTP, SIGWINCH } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { ECHO, ICANON, TOSTOP, VMIN, VTIME } from "../../abi/termios.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { WNOHANG, WUNTRACED, wIfExited, wIfStopped, wStopSig, wTermSig } from "../../abi/wait.ts";
import { KernelUnderTest, type Running } from "../../machine/kernel-testing.ts";
import { openOutsidePty, type OutsideTerminal } from "../fs/devpts/outside.ts";

let k: KernelUnderTest;
let terminal: OutsideTerminal;

beforeEach(() => {
  k = new KernelUnderTest();
  terminal = openOutsidePty(k.kernel, { rows: 24, cols: 80 });
});

/** What the terminal shows since the last call, once `ms` have gone by. */
function screen(ms = 20): string {
  k.advance(ms);
  let text = "";
  for (let some = terminal.readOutput(65_536); some !== undefined; some = terminal.readOutput(65_536)) text += decodeUtf8(some);
  return text;
}

function type(text: string): void {
  terminal.input(encodeUtf8(text));
}

const open = (sys: Sys): Proc<number> => sys.openat(AT_FDCWD, `/dev/pts/${terminal.index}`, O_RDWR);

/** Starts a session leader that has the terminal as descriptor `tty`. */
function session<T>(body: (sys: Sys, tty: number) => Proc<T>): Running<T> {
  return k.spawn(function* (sys) {
    yield* sys.setsid();
    return yield* body(sys, yield* open(sys));
  });
}

function* errnoOf(call: Proc<unknown>): Proc<Errno | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (e) {
    return e as Errno;
  }
}

function* readText(sys: Sys, fd: number, size = 100): Proc<string> {
  const buf = new Uint8Array(size);
  const n = yield* sys.read(fd, buf);
  return decodeUtf8(buf, 0, n);
}

const print = (sys: Sys, fd: number, text: string): Proc<number> => sys.write(fd, encodeUtf8(text));

function* pollOne(sys: Sys, fd: number): Proc<number> {
  const entry: PollFd = { fd, events: POLLIN | POLLOUT, revents: 0 };
  yield* sys.poll([entry], 0);
  return entry.revents;
}

/** A child in a process group of its own, not in the foreground. */
function* background(sys: Sys, body: () => Proc<number>): Proc<number> {
  const pid = yield* sys.fork(function* () {
    yield* sys.setpgid(0, 0);
    return yield* body();
  });
  yield* sys.setpgid(pid, pid);
  return pid;
}

describe("keys", () => {
  it("reach a reader as an edited line, and ^D as the end", () => {
    const lines = session(function* (sys, tty) {
      return [yield* readText(sys, tty), yield* readText(sys, tty), yield* readText(sys, tty)];
    });
    type("helo\x7flo\r");
    expect(screen()).toBe("helo\b \blo\r\n");
    type("no newline\x04");
    type("\x04");
    k.advance(10);
    expect(lines.value).toEqual(["hello\n", "no newline", ""]);
  });

  it("^C ends the foreground group and nobody else", () => {
    const statuses = session(function* (sys, tty) {
      yield* sys.rt_sigaction(SIGTTOU, { handler: SIG_IGN, flags: 0, mask: 0n });
      const front = yield* background(sys, function* () {
        yield* sys.pause();
        return 0;
      });
      yield* sys.ioctl(tty, "TIOCSPGRP", front);
      const { status } = yield* sys.wait4(front, 0);
      return [wTermSig(status), yield* sys.ioctl(tty, "TIOCGPGRP")];
    });
    k.advance(10);
    type("\x03");
    expect(screen()).toBe("^C");
    expect(statuses.value[0]).toBe(SIGINT);
  });

  it("^Z stops, SIGCONT continues", () => {
    const result = session(function* (sys, tty) {
      yield* sys.rt_sigaction(SIGTTOU, { handler: SIG_IGN, flags: 0, mask: 0n });
      const job = yield* background(sys, function* () {
        yield* sys.rt_sigaction(SIGTTOU, { handler: SIG_DFL, flags: 0, mask: 0n });
        yield* print(sys, tty, yield* readText(sys, tty));
        return 7;
      });
      yield* sys.ioctl(tty, "TIOCSPGRP", job);
      const stopped = (yield* sys.wait4(job, WUNTRACED)).status;
      yield* sys.ioctl(tty, "TIOCSPGRP", yield* sys.getpgid(0));
      yield* sys.nanosleep(1e8);
      yield* sys.ioctl(tty, "TIOCSPGRP", job);
      yield* sys.kill(-job, SIGCONT);
      const ended = (yield* sys.wait4(job, 0)).status;
      return { stop: wIfStopped(stopped) && wStopSig(stopped), ended };
    });
    k.advance(10);
    type("\x1a");
    k.advance(200);
    type("go\r");
    k.advance(20);
    expect(result.value).toEqual({ stop: SIGTSTP, ended: 7 << 8 });
    expect(screen()).toBe("^Zgo\r\ngo\r\n");
  });

  it("^S holds output back, ^Q lets it go", () => {
    type("\x13");
    const writer = session(function* (sys, tty) {
      return yield* print(sys, tty, "held\n");
    });
    expect(screen()).toBe("");
    expect(writer.done).toBe(false);
    type("\x11");
    expect(screen()).toBe("held\r\n");
    expect(writer.value).toBe(5);
  });

  it("come one by one in raw mode, VTIME ends the wait", () => {
    const result = session(function* (sys, tty) {
      const t = yield* sys.ioctl(tty, "TCGETS");
      const cc = [...t.cc];
      cc[VMIN] = 3;
      cc[VTIME] = 2;
      yield* sys.ioctl(tty, "TCSETS", { ...t, lflag: t.lflag & ~(ICANON | ECHO), cc });
      const first = yield* readText(sys, tty);
      const second = yield* readText(sys, tty);
      cc[VMIN] = 0;
      yield* sys.ioctl(tty, "TCSETS", { ...t, lflag: t.lflag & ~(ICANON | ECHO), cc });
      return [first, second, yield* readText(sys, tty)];
    });
    k.advance(10);
    type("abc");
    k.advance(10);
    type("d");
    k.advance(300);
    k.advance(300);
    expect(result.value).toEqual(["abc", "d", ""]);
    expect(screen()).toBe("");
  });
});

describe("job control", () => {
  it("gives EIO to a background reader whose group nobody could continue", () => {
    const result = session(function* (sys, tty) {
      const [r, w] = yield* sys.pipe2(0);
      const parent = yield* background(sys, function* () {
        yield* sys.fork(function* () {
          yield* sys.nanosleep(1e7);
          yield* sys.write(w, Uint8Array.of((yield* errnoOf(readText(sys, tty)))?.code ?? 0));
          return 0;
        });
        return 0;
      });
      yield* sys.wait4(parent, 0);
      const buf = new Uint8Array(1);
      yield* sys.read(r, buf);
      return buf[0];
    });
    k.advance(100);
    expect(result.value).toBe(EIO.code);
  });

  it("stops a background reader by SIGTTIN, or gives EIO where that is ignored", () => {
    const result = session(function* (sys, tty) {
      const job = yield* background(sys, function* () {
        yield* readText(sys, tty);
        return 0;
      });
      const { status } = yield* sys.wait4(job, WUNTRACED);
      yield* sys.kill(job, SIGINT);
      yield* sys.kill(job, SIGCONT);
      yield* sys.wait4(job, 0);
      // Ignored: EIO at once.
      const deaf = yield* background(sys, function* () {
        yield* sys.rt_sigaction(SIGTTIN, { handler: SIG_IGN, flags: 0, mask: 0n });
        return (yield* errnoOf(readText(sys, tty)))?.code ?? 0;
      });
      const ignoring = (yield* sys.wait4(deaf, 0)).status >> 8;
      return [wStopSig(status), ignoring];
    });
    k.advance(100);
    expect(result.value).toEqual([SIGTTIN, EIO.code]);
  });

  it("lets background writes through unless TOSTOP is set", () => {
    const result = session(function* (sys, tty) {
      const write = (): Proc<number> =>
        background(sys, function* () {
          yield* print(sys, tty, "x");
          return 0;
        });
      const free = (yield* sys.wait4(yield* write(), WUNTRACED)).status;
      const t = yield* sys.ioctl(tty, "TCGETS");
      yield* sys.ioctl(tty, "TCSETS", { ...t, lflag: t.lflag | TOSTOP });
      const held = yield* sys.wait4(yield* write(), WUNTRACED);
      return [wIfExited(free), wStopSig(held.status)];
    });
    k.advance(100);
    expect(result.value).toEqual([true, SIGTTOU]);
  });

  it("stops a background process that changes the terminal", () => {
    const result = session(function* (sys, tty) {
      const job = yield* background(sys, function* () {
        yield* sys.ioctl(tty, "TIOCSPGRP", yield* sys.getpgid(0));
        return 0;
      });
      return wStopSig((yield* sys.wait4(job, WUNTRACED)).status);
    });
    k.advance(100);
    expect(result.value).toBe(SIGTTOU);
  });

  it("gives a terminal to a session leader only, and to one session", () => {
    const result = k.spawn(function* (sys) {
      const before = yield* open(sys);
      const notLeader = yield* errnoOf(sys.ioctl(before, "TIOCGPGRP"));
      const child = yield* sys.fork(function* () {
        yield* sys.setsid();
        const fd = yield* sys.openat(AT_FDCWD, `/dev/pts/${terminal.index}`, O_RDWR | O_NOCTTY);
        const none = yield* errnoOf(sys.openat(AT_FDCWD, "/dev/tty", O_RDWR));
        yield* sys.ioctl(fd, "TIOCSCTTY", 0);
        yield* sys.openat(AT_FDCWD, "/dev/tty", O_RDWR);
        const other = yield* sys.fork(function* () {
          yield* sys.setsid();
          return (yield* errnoOf(sys.ioctl(fd, "TIOCSCTTY", 0))) === EPERM ? 0 : 1;
        });
        const refused = (yield* sys.wait4(other, 0)).status;
        return none === ENXIO && refused === 0 ? 0 : 1;
      });
      return [notLeader, (yield* sys.wait4(child, 0)).status];
    });
    k.advance(100);
    expect(result.value).toEqual([ENOTTY, 0]);
  });
});

describe("hangup", () => {
  it("of the window tells the leader by SIGHUP and ends reads and writes", () => {
    const seen: number[] = [];
    const result = session(function* (sys, tty) {
      const note = { handler: function* (sig: number) { seen.push(sig); }, flags: 0, mask: 0n }; // biome-ignore format: one line
      yield* sys.rt_sigaction(SIGHUP, note);
      yield* sys.rt_sigaction(SIGCONT, note);
      yield* errnoOf(sys.pause());
      const dead = yield* pollOne(sys, tty);
      const end = yield* readText(sys, tty);
      return {
        dead: dead & (POLLIN | POLLHUP),
        end,
        write: yield* errnoOf(print(sys, tty, "x")),
        ctty: yield* errnoOf(sys.openat(AT_FDCWD, "/dev/tty", O_RDWR)),
      };
    });
    k.advance(10);
    terminal.close();
    k.advance(10);
    expect(seen.sort()).toEqual([SIGHUP, SIGCONT]);
    expect(result.value).toEqual({ dead: POLLIN | POLLHUP, end: "", write: EIO, ctty: ENXIO });
    // The number is free once both sides are closed.
    expect(openOutsidePty(k.kernel, { rows: 1, cols: 1 }).index).toBe(terminal.index);
  });

  it("reaches the foreground group when the leader of a hung up session exits", () => {
    let job = 0;
    session(function* (sys, tty) {
      yield* sys.rt_sigaction(SIGTTOU, { handler: SIG_IGN, flags: 0, mask: 0n });
      job = yield* background(sys, function* () {
        yield* sys.rt_sigaction(SIGTTOU, { handler: SIG_DFL, flags: 0, mask: 0n });
        yield* sys.pause();
        return 0;
      });
      yield* sys.ioctl(tty, "TIOCSPGRP", job);
      yield* sys.pause();
      return 0;
    });
    k.advance(20);
    expect(k.kernel.initPidNs.find(job)).toBeDefined();
    terminal.close();
    k.advance(20);
    expect(k.kernel.initPidNs.find(job)).toBeUndefined();
    k.check();
  });

  it("of the last slave is seen by a master inside: EIO after the rest of the output", () => {
    const result = k.spawn(function* (sys) {
      const master = yield* sys.openat(AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY);
      const n = yield* sys.ioctl(master, "TIOCGPTN");
      const locked = yield* errnoOf(sys.openat(AT_FDCWD, `/dev/pts/${n}`, O_RDWR | O_NOCTTY));
      yield* sys.ioctl(master, "TIOCSPTLCK", 0);
      const slave = yield* sys.openat(AT_FDCWD, `/dev/pts/${n}`, O_RDWR | O_NOCTTY);
      yield* print(sys, slave, "bye\n");
      yield* print(sys, master, "typed\n");
      const typed = yield* readText(sys, slave);
      yield* sys.close(slave);
      const rest = yield* readText(sys, master);
      return { locked, typed, rest, end: yield* errnoOf(readText(sys, master)), poll: (yield* pollOne(sys, master)) & POLLHUP };
    });
    k.advance(50);
    expect(result.value).toEqual({ locked: EIO, typed: "typed\n", rest: "bye\r\ntyped\r\n", end: EIO, poll: POLLHUP });
  });
});

describe("the outside", () => {
  it("changes the window size, and the foreground group is told", () => {
    const result = session(function* (sys, tty) {
      yield* sys.rt_sigaction(SIGWINCH, { handler: function* () {}, flags: 0, mask: 0n });
      yield* errnoOf(sys.pause());
      return yield* sys.ioctl(tty, "TIOCGWINSZ");
    });
    k.advance(10);
    terminal.resize(50, 132);
    k.advance(10);
    expect(result.value).toEqual({ rows: 50, cols: 132 });
  });

  it("holds a writer back by not reading, and loses nothing", () => {
    const writer = session(function* (sys, tty) {
      let sum = 0;
      for (let i = 0; i < 300; i++) sum += yield* print(sys, tty, `${"x".repeat(998)}\n`);
      return sum;
    });
    k.advance(2000);
    expect(writer.done).toBe(false);
    let got = "";
    for (let i = 0; i < 1000 && got.length < 300_000; i++) got += screen(5);
    expect(writer.value).toBe(299_700);
    expect(got).toBe(`${"x".repeat(998)}\r\n`.repeat(300));
  });

  it("may paste more than the terminal can hold; it arrives whole", () => {
    const text = Array.from({ length: 3000 }, (_, i) => `line ${i}\n`).join("");
    type(text);
    const reader = session(function* (sys, tty) {
      let got = "";
      while (got.length < text.length) got += yield* readText(sys, tty);
      return got;
    });
    for (let i = 0; i < 200 && !reader.done; i++) screen(50);
    expect(reader.value).toBe(text);
  });

  it("is told once when the session has ended", () => {
    let times = 0;
    terminal.onHangup(() => times++);
    session(function* () {
      return 0;
    });
    k.advance(20);
    expect(times).toBe(1);
    expect(terminal.hungUp).toBe(true);
  });

  it("keeps what was typed ahead for a non-blocking reader", () => {
    const result = session(function* (sys) {
      const fd = yield* sys.openat(AT_FDCWD, "/dev/tty", O_RDWR | O_NONBLOCK);
      const none = yield* errnoOf(readText(sys, fd));
      yield* sys.nanosleep(5e7);
      return [none, yield* readText(sys, fd)];
    });
    k.advance(20);
    type("ahead\n");
    k.advance(100);
    expect(result.value).toEqual([EAGAIN, "ahead\n"]);
  });
});

describe("waiting", () => {
  it("does not keep a zombie's terminal", () => {
    const result = session(function* (sys, tty) {
      const pid = yield* sys.fork(function* () {
        return 0;
      });
      yield* sys.nanosleep(1e7);
      const status = yield* sys.wait4(pid, WNOHANG);
      yield* sys.close(tty);
      return status.pid === pid;
    });
    k.advance(50);
    expect(result.value).toBe(true);
    k.check();
  });
});

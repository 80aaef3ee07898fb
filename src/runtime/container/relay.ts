/** While a container runs in the foreground: bytes between the caller's streams and its own, signals, window sizes. runc `signals.go`, `tty.go`. */

import { EAGAIN, ECHILD, EINVAL, EIO, ENOTTY, EPIPE, ESRCH } from "../../abi/errno.ts";
import { O_CLOEXEC, O_RDWR } from "../../abi/fcntl.ts";
import { POLLERR, POLLHUP, POLLIN, type PollFd } from "../../abi/poll.ts";
import { SIG_BLOCK, SIG_SETMASK, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, sigSet } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { ECHO, ECHONL, ICANON, ICRNL, IEXTEN, IGNCR, INLCR, ISIG, IXON, OPOST, type Termios } from "../../abi/termios.ts";
import { WNOHANG, wExitStatus, wIfExited, wTermSig } from "../../abi/wait.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { open, optional } from "../../userland/libc/unistd.ts";
import { withPath } from "../error.ts";
import type { Streams } from "./process.ts";

/** What the caller handles itself, or what is sent on. */
const FORWARDED = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/** Signals are held from before the process is born, so that none is lost. Returns the descriptor that tells of them. */
export function* holdSignals(sys: Sys): Proc<number> {
  const set = sigSet(...FORWARDED, SIGCHLD, SIGWINCH);
  yield* sys.rt_sigprocmask(SIG_BLOCK, set);
  return yield* sys.signalfd4(-1, set, O_CLOEXEC);
}

/** For the child: it begins with no signals held. */
export const releaseSignals = (sys: Sys): Proc<unknown> => sys.rt_sigprocmask(SIG_SETMASK, 0n);

/** Pipes for a process without a terminal: its ends and ours. */
export function* makePipes(sys: Sys): Proc<{ readonly theirs: Streams; readonly ours: Streams }> {
  const input = yield* sys.pipe2(O_CLOEXEC);
  const output = yield* sys.pipe2(O_CLOEXEC);
  const errors = yield* sys.pipe2(O_CLOEXEC);
  return {
    theirs: { stdin: input[0], stdout: output[1], stderr: errors[1] },
    ours: { stdin: input[1], stdout: output[0], stderr: errors[0] },
  };
}

interface Route {
  readonly from: number;
  readonly to: number;
  open: boolean;
}

/** Carries bytes and signals until process `pid` has ended. Returns its exit status, 128 + number for a signal. Blocks. */
export function* relay(sys: Sys, pid: number, signals: number, streams: Streams | undefined, terminal: Terminal | undefined): Proc<number> {
  const routes: Route[] = [];
  let saved: Termios | undefined;
  const console = terminal?.console;
  if (terminal !== undefined && console !== undefined) {
    saved = yield* makeRaw(sys, terminal.host);
    yield* copyWindowSize(sys, terminal);
    routes.push({ from: 0, to: console, open: true }, { from: console, to: 1, open: true });
  } else if (streams !== undefined) {
    routes.push(
      { from: 0, to: streams.stdin, open: true },
      { from: streams.stdout, to: 1, open: true },
      { from: streams.stderr, to: 2, open: true },
    );
  }
  try {
    const status = yield* carry(sys, pid, signals, routes, terminal);
    // What the process has written before its end is still on the way.
    for (const route of routes.slice(1)) yield* drain(sys, route);
    return status;
  } finally {
    if (terminal !== undefined && saved !== undefined) yield* sys.ioctl(terminal.host, "TCSETS", saved);
  }
}

function* carry(sys: Sys, pid: number, signals: number, routes: readonly Route[], terminal: Terminal | undefined): Proc<number> {
  const info = new Uint8Array(128);
  for (;;) {
    const live = routes.filter((route) => route.open);
    const fds: PollFd[] = [
      { fd: signals, events: POLLIN, revents: 0 },
      ...live.map(({ from }) => ({ fd: from, events: POLLIN, revents: 0 })),
    ];
    yield* sys.poll(fds, -1);
    for (const [i, route] of live.entries()) {
      if (((fds[i + 1] as PollFd).revents & (POLLIN | POLLHUP | POLLERR)) !== 0) yield* move(sys, route, terminal !== undefined);
    }
    if ((fds[0] as PollFd).revents === 0) continue;
    yield* sys.read(signals, info);
    const sig = info[0] as number;
    if (sig === SIGWINCH && terminal !== undefined) yield* copyWindowSize(sys, terminal);
    else if (sig === SIGCHLD) {
      const status = yield* reap(sys, pid);
      if (status !== undefined) return status;
    } else if (sig !== SIGWINCH) yield* optional(sys.kill(pid, sig), [ESRCH]);
  }
}

/** Collects children; the status of `pid` once it has ended. */
function* reap(sys: Sys, pid: number): Proc<number | undefined> {
  let found: number | undefined;
  for (;;) {
    const ended = yield* optional(sys.wait4(-1, WNOHANG), NO_CHILD);
    if (ended === undefined || ended.pid === 0) return found;
    if (ended.pid === pid) found = exitStatus(ended.status);
  }
}

const NO_CHILD = [ECHILD];

/** Runs one piece along a route; closes it at its end. */
function* move(sys: Sys, route: Route, keepOpen: boolean): Proc<boolean> {
  const buffer = new Uint8Array(32_768);
  let length = 0;
  try {
    length = yield* sys.read(route.from, buffer);
  } catch (e) {
    // A terminal whose last process is gone.
    if (e !== EIO && e !== EAGAIN) throw e;
  }
  if (length > 0) {
    try {
      yield* writeAll(sys, route.to, buffer.subarray(0, length));
      return true;
    } catch (e) {
      if (e !== EPIPE && e !== EIO) throw e;
    }
  }
  route.open = false;
  if (route.from === 0 && !keepOpen) yield* sys.close(route.to);
  return false;
}

function* drain(sys: Sys, route: Route): Proc<void> {
  while (route.open) {
    const fds: PollFd[] = [{ fd: route.from, events: POLLIN, revents: 0 }];
    if ((yield* sys.poll(fds, 0)) === 0) return;
    yield* move(sys, route, true);
  }
}

function exitStatus(status: number): number {
  return wIfExited(status) ? wExitStatus(status) : 128 + wTermSig(status);
}

/** The container's terminal, by its master end, and the caller's. */
export interface Terminal {
  readonly console: number;
  readonly host: number;
}

/** The caller's own terminal: the first standard stream that is one, or its controlling one. Errors: RuncError without any. */
export function* hostTerminal(sys: Sys): Proc<number> {
  for (const fd of [2, 1, 0]) if ((yield* optional(sys.ioctl(fd, "TCGETS"), [ENOTTY])) !== undefined) return fd;
  return yield* withPath("open", "/dev/tty", open(sys, "/dev/tty", O_RDWR | O_CLOEXEC));
}

/** Every key is given on as it is. Returns how the terminal was. */
function* makeRaw(sys: Sys, host: number): Proc<Termios> {
  const old = yield* sys.ioctl(host, "TCGETS");
  yield* sys.ioctl(host, "TCSETS", {
    ...old,
    iflag: old.iflag & ~(INLCR | IGNCR | ICRNL | IXON),
    oflag: old.oflag & ~OPOST,
    lflag: old.lflag & ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN),
  });
  return old;
}

function* copyWindowSize(sys: Sys, { console, host }: Terminal): Proc<void> {
  yield* optional(sys.ioctl(console, "TIOCSWINSZ", yield* sys.ioctl(host, "TIOCGWINSZ")), [EINVAL, EIO]);
}

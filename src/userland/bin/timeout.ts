/**
 * timeout(1) of coreutils: runs a command and sends it a signal if it is not done in time.
 * Left out: nothing of the options; core dumps are not told of.
 */

import { ECHILD, EINTR, ENOENT, Errno } from "../../abi/errno.ts";
import {
  SIG_DFL,
  SIG_IGN,
  SIGALRM,
  SIGCONT,
  SIGHUP,
  SIGINT,
  SIGKILL,
  SIGQUIT,
  SIGTERM,
  SIGTTIN,
  SIGTTOU,
  findSignalName,
  findSignalNumber,
} from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { ITIMER_REAL } from "../../abi/time.ts";
import { wExitStatus, wIfSignaled, wTermSig } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote } from "../libc/quotearg.ts";
import { execvp } from "../libc/unistd.ts";
import { parseDuration } from "../libc/xstrtol.ts";

const usage = `timeout [OPTION] DURATION COMMAND [ARG]...
Run COMMAND and send it a signal if it still runs after DURATION.

      --preserve-status   exit with COMMAND's status even when it timed out
      --foreground        let COMMAND read the terminal and get its signals; its children are not timed out
  -k, --kill-after=DUR    also send KILL if it still runs DUR after the first signal
  -s, --signal=SIGNAL     the signal to send instead of TERM, by name or number
  -v, --verbose           say on stderr which signal is sent
      --help              show this help and exit

DURATION may be a fraction, with suffix s (the default), m, h or d; 0 means no limit.
The exit status is 124 after a timeout, 125 if timeout itself fails, 126 if COMMAND cannot be run, 127 if it is not found, 137 if KILL was sent, else COMMAND's.`;

interface Limits {
  readonly seconds: number;
  readonly killAfter: number;
  readonly signal: number;
  readonly foreground: boolean;
  readonly preserve: boolean;
  readonly verbose: boolean;
}

function* duration(c: Command, text: string): Proc<number> {
  const seconds = parseDuration(text);
  if (seconds !== undefined) return seconds;
  if (c.voice === "busybox") return yield* c.fail(`invalid number '${text}'`);
  throw new UsageError(`invalid time interval ${quote(text)}`);
}

function* arm(c: Command, seconds: number): Proc<void> {
  if (seconds > 0 && seconds < Number.POSITIVE_INFINITY) {
    yield* c.sys.setitimer(ITIMER_REAL, { intervalNs: 0, valueNs: Math.max(1, Math.ceil(seconds * 1e9)) });
  }
}

/** Runs the command in a child; ends with the status that timeout gives. */
function* supervise(c: Command, words: readonly string[], limits: Limits): Proc<number> {
  const { sys } = c;
  const [file = ""] = words;
  if (!limits.foreground) yield* sys.setpgid(0, 0);
  let child = 0;
  let timedOut = false;
  let preserve = limits.preserve;
  let signal = limits.signal;
  let killAfter = limits.killAfter;
  function* send(pid: number, sig: number): Proc<void> {
    // Our own group gets it too: not ourselves.
    if (pid === 0) yield* sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
    try {
      yield* sys.kill(pid, sig);
    } catch (e) {
      if (!(e instanceof Errno)) throw e; // It has gone already.
    }
  }
  function* cleanup(caught: number): Proc<void> {
    let sig = caught;
    if (sig === SIGALRM) {
      timedOut = true;
      sig = signal;
    }
    if (child === 0) return;
    if (killAfter > 0) {
      signal = SIGKILL;
      yield* arm(c, killAfter);
      killAfter = 0;
    }
    if (limits.verbose) yield* c.warn(`sending signal ${findSignalName(sig) ?? sig} to command ${quote(file)}`);
    yield* send(child, sig);
    if (limits.foreground) return;
    if (sig === SIGKILL) yield* sys.rt_sigaction(SIGALRM, { handler: SIG_DFL, flags: 0, mask: 0n });
    yield* sendGroup(sig);
  }
  function* sendGroup(sig: number): Proc<void> {
    if (sig === SIGKILL) {
      yield* sys.kill(0, SIGKILL);
      return;
    }
    yield* send(0, sig);
    if (sig !== SIGCONT) {
      yield* send(child, SIGCONT);
      yield* send(0, SIGCONT);
    }
  }
  for (const sig of new Set([SIGALRM, SIGINT, SIGQUIT, SIGHUP, SIGTERM, signal])) {
    if (sig !== SIGKILL && sig !== 0) yield* sys.rt_sigaction(sig, { handler: cleanup, flags: 0, mask: 0n });
  }
  for (const sig of [SIGTTIN, SIGTTOU]) yield* sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
  child = yield* sys.fork(function* () {
    for (const sig of [SIGTTIN, SIGTTOU]) yield* sys.rt_sigaction(sig, { handler: SIG_DFL, flags: 0, mask: 0n });
    try {
      return yield* execvp(sys, file, words, c.env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(c.voice === "gnu" ? `failed to run command ${quote(file)}` : `can't execute '${file}'`, e);
      return e === ENOENT ? 127 : 126;
    }
  });
  yield* arm(c, limits.seconds);
  let status: number | undefined;
  while (status === undefined) {
    try {
      status = (yield* sys.wait4(child, 0)).status;
    } catch (e) {
      if (e === ECHILD) return 125;
      if (e !== EINTR) throw e;
    }
  }
  let code = wExitStatus(status);
  if (wIfSignaled(status)) {
    const sig = wTermSig(status);
    // busybox runs the command in its own process, so it ends as the command does.
    if (!timedOut || c.voice === "busybox") {
      yield* sys.rt_sigaction(sig, { handler: SIG_DFL, flags: 0, mask: 0n });
      yield* sys.kill(yield* sys.getpid(), sig);
    }
    if (timedOut && sig === SIGKILL) preserve = true;
    code = 128 + sig;
  }
  return timedOut && !preserve ? (c.voice === "gnu" ? 124 : 128 + limits.signal) : code;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "+k:s:v" : "+k:s:",
    long: gnu
      ? [
          { name: "kill-after", arg: "required", as: "k" },
          { name: "signal", arg: "required", as: "s" },
          { name: "verbose", as: "v" },
          { name: "foreground" },
          { name: "preserve-status" },
        ]
      : [],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  let killAfter = 0;
  let signal: number | undefined = SIGTERM;
  for (const option of options) {
    if (option.name === "k") killAfter = yield* duration(c, option.arg);
    else if (option.name === "s") {
      signal = findSignalNumber(option.arg);
      if (signal === undefined) throw new UsageError(gnu ? `${quote(option.arg)}: invalid signal` : `bad signal name '${option.arg}'`);
    }
  }
  const [time, ...words] = operands;
  if (time === undefined || words.length === 0) throw new UsageError("");
  return yield* supervise(c, words, {
    seconds: yield* duration(c, time),
    killAfter,
    signal,
    foreground: has("foreground"),
    preserve: has("preserve-status"),
    verbose: has("v"),
  });
}

export const timeout: Executable = {
  name: "timeout",
  paths: ["/usr/bin/timeout"],
  sizeBytes: 48632,
  applet: "/usr/bin/timeout",
  main: command(
    {
      version: COREUTILS,
      help: help(
        usage,
        "timeout [-s SIG] [-k KILL_SECS] SECS PROG ARGS\n\nRun PROG. Send SIG (default TERM) if it is not gone in SECS seconds",
      ),
      usageStatus: 125,
    },
    run,
  ),
};

/** docker-init, which is tini(1): PID 1 of a container that starts the program, passes signals on to it and reaps what others leave behind. Left out: options other than `--`. */

import { ECHILD, EINVAL, ENOTTY, ENXIO, EPERM, Errno, ESRCH } from "../abi/errno.ts";
import { SIG_BLOCK, SIG_SETMASK, SIGCHLD, SIGRTMAX, SIGTSTP, SIGTTIN, SIGTTOU, sigBit, type SigSet } from "../abi/signal.ts";
import type { Proc, Program, Sys } from "../abi/sys.ts";
import { encodeUtf8 } from "../abi/utf8.ts";
import { WNOHANG, wExitStatus, wIfExited, wTermSig } from "../abi/wait.ts";
import { writeAll } from "../userland/libc/stdio.ts";
import { execvp, optional } from "../userland/libc/unistd.ts";

/** Not held: what a fault raises, what cannot be, and what a terminal sends to the background. */
const PASSED = [4, 5, 6, 7, 8, 9, 11, 19, 31, SIGTTIN, SIGTTOU, SIGTSTP];

function heldSignals(): SigSet {
  let set = 0n;
  for (let sig = 1; sig <= SIGRTMAX; sig++) if (!PASSED.includes(sig) && sig !== 32 && sig !== 33) set |= sigBit(sig);
  return set;
}

export const main: Program = function* (sys, argv, env) {
  const words = argv.slice(1);
  if (words[0] === "--version") {
    yield* writeAll(sys, 1, encodeUtf8("tini version 0.19.0\n"));
    return 0;
  }
  if (words[0] === "--") words.shift();
  else if (words[0]?.startsWith("-")) {
    yield* writeAll(sys, 2, encodeUtf8(`docker-init: unrecognized option: ${words[0]}\n`));
    return 1;
  }
  const file = words[0];
  if (file === undefined) {
    yield* writeAll(sys, 2, encodeUtf8("tini (tini version 0.19.0)\nUsage: docker-init [OPTIONS] PROGRAM -- [ARGS] | --version\n"));
    return 1;
  }
  const held = heldSignals();
  yield* sys.rt_sigprocmask(SIG_BLOCK, held);
  const child = yield* sys.fork(function* () {
    yield* sys.setpgid(0, 0);
    yield* optional(sys.ioctl(0, "TIOCSPGRP", yield* sys.getpid()), [EINVAL, ENOTTY, ENXIO, EPERM]);
    yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
    try {
      return yield* execvp(sys, file, words, env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* writeAll(sys, 2, encodeUtf8(`[FATAL tini (7)] exec ${file} failed: ${e.message}\n`));
      return e.message === "Permission denied" ? 126 : 127;
    }
  });
  for (;;) {
    const { signo } = yield* sys.rt_sigtimedwait(held);
    if (signo !== SIGCHLD) {
      yield* optional(sys.kill(child, signo), [ESRCH]);
      continue;
    }
    const status = yield* reap(sys, child);
    if (status !== undefined) return status;
  }
};

/** Everyone that has ended; the status of the program if it is among them. */
function* reap(sys: Sys, child: number): Proc<number | undefined> {
  let ended: number | undefined;
  for (;;) {
    const found = yield* optional(sys.wait4(-1, WNOHANG), [ECHILD]);
    if (found === undefined || found.pid === 0) return ended;
    if (found.pid === child) ended = wIfExited(found.status) ? wExitStatus(found.status) : 128 + wTermSig(found.status);
  }
}

/** popen(3), pclose(3) and system(3): a command run by /bin/sh, with a pipe to or from it. */

import { Errno } from "../../abi/errno.ts";
import { O_CLOEXEC } from "../../abi/fcntl.ts";
import { SIG_BLOCK, SIG_DFL, SIG_IGN, SIG_SETMASK, SIGCHLD, SIGINT, SIGQUIT, sigBit } from "../../abi/signal.ts";
import type { Env, Proc, Sys } from "../../abi/sys.ts";
import { Input } from "./stdio.ts";

export interface Pipe {
  /** The caller's end. */
  readonly fd: number;
  readonly pid: number;
}

/** What the child runs; 127 where there is no shell. */
function* shell(sys: Sys, command: string, env: Env): Proc<number> {
  try {
    yield* sys.execve("/bin/sh", ["sh", "-c", command], env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
  return 127;
}

/** Starts `command`; "r" reads its output, "w" writes its input. The caller flushes its own streams before. */
export function* popen(sys: Sys, command: string, mode: "r" | "w", env: Env): Proc<Pipe> {
  const [readEnd, writeEnd] = yield* sys.pipe2(O_CLOEXEC);
  const [own, theirs, target] = mode === "r" ? [readEnd, writeEnd, 1] : [writeEnd, readEnd, 0];
  const pid = yield* sys.fork(function* () {
    yield* sys.dup2(theirs, target);
    return yield* shell(sys, command, env);
  });
  yield* sys.close(theirs);
  return { fd: own, pid };
}

/** Closes the pipe and waits. Returns the wait status. Blocks until the command ends. */
export function* pclose(sys: Sys, pipe: Pipe): Proc<number> {
  yield* sys.close(pipe.fd);
  return (yield* sys.wait4(pipe.pid, 0)).status;
}

/** The whole output of `command` and its wait status. Blocks until it ends. */
export function* commandOutput(sys: Sys, command: string, env: Env): Proc<{ output: Uint8Array; status: number }> {
  const pipe = yield* popen(sys, command, "r", env);
  const output = yield* new Input(sys, pipe.fd).readAll();
  return { output, status: yield* pclose(sys, pipe) };
}

/** Runs `command` with the caller's own streams; SIGINT and SIGQUIT are for the child alone meanwhile. Returns the wait status. */
export function* system(sys: Sys, command: string, env: Env): Proc<number> {
  const ignore = { handler: SIG_IGN, flags: 0, mask: 0n } as const;
  const oldInt = yield* sys.rt_sigaction(SIGINT, ignore);
  const oldQuit = yield* sys.rt_sigaction(SIGQUIT, ignore);
  const oldMask = yield* sys.rt_sigprocmask(SIG_BLOCK, sigBit(SIGCHLD));
  const pid = yield* sys.fork(function* () {
    for (const [sig, old] of [
      [SIGINT, oldInt],
      [SIGQUIT, oldQuit],
    ] as const)
      yield* sys.rt_sigaction(sig, { handler: old.handler === SIG_IGN ? SIG_IGN : SIG_DFL, flags: 0, mask: 0n });
    yield* sys.rt_sigprocmask(SIG_SETMASK, oldMask);
    return yield* shell(sys, command, env);
  });
  const { status } = yield* sys.wait4(pid, 0);
  yield* sys.rt_sigaction(SIGINT, oldInt);
  yield* sys.rt_sigaction(SIGQUIT, oldQuit);
  yield* sys.rt_sigprocmask(SIG_SETMASK, oldMask);
  return status;
}

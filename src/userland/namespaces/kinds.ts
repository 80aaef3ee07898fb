/** The kinds of namespaces as unshare(1), nsenter(1) and lsns(8) name them: namespaces(7). */

import { Errno } from "../../abi/errno.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../../abi/sched.ts";
import { SIG_DFL, SIG_UNBLOCK, SIGCONT, SIGKILL, SIGSTOP, sigSet } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { WUNTRACED } from "../../abi/wait.ts";
import type { Command } from "../libc/command.ts";
import { basename } from "../libc/unistd.ts";
import { execOrFail } from "../libc/utillinux.ts";

export interface Kind {
  /** The letter of unshare and nsenter. */
  readonly letter: string;
  readonly option: string;
  readonly flag: number;
  /** In /proc/PID/ns; lsns shows it as the type. */
  readonly name: string;
}

/** In the order in which nsenter joins them: the user namespace first, for the rights that it gives. */
export const kinds: readonly Kind[] = [
  { letter: "U", option: "user", flag: CLONE_NEWUSER, name: "user" },
  { letter: "C", option: "cgroup", flag: CLONE_NEWCGROUP, name: "cgroup" },
  { letter: "i", option: "ipc", flag: CLONE_NEWIPC, name: "ipc" },
  { letter: "u", option: "uts", flag: CLONE_NEWUTS, name: "uts" },
  { letter: "n", option: "net", flag: CLONE_NEWNET, name: "net" },
  { letter: "p", option: "pid", flag: CLONE_NEWPID, name: "pid" },
  { letter: "m", option: "mount", flag: CLONE_NEWNS, name: "mnt" },
  { letter: "T", option: "time", flag: CLONE_NEWTIME, name: "time" },
];

/** err(3): the answer of a call, or the end of the program with `message: strerror`. */
export function* attempt<T>(c: Command, message: string, call: () => Proc<T>, status = 1): Proc<T> {
  try {
    return yield* call();
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`${message}: ${e.message}`, status);
  }
}

/** A number of an option such as --setuid, or the end of the program. */
export function* requireId(c: Command, text: string, what: string): Proc<number> {
  if (!/^\+?[0-9]+$/.test(text)) return yield* c.fail(`failed to parse ${what}: '${text}'`);
  return Number(text);
}

/** Becomes the program, or the shell of $SHELL as a login shell where none is named. */
export function* execOrShell(c: Command, argv: readonly string[]): Proc<never> {
  if (argv.length > 0) return yield* execOrFail(c, argv);
  const shell = c.env.get("SHELL") ?? "/bin/sh";
  return yield* attempt(c, `failed to execute ${shell}`, () => c.sys.execve(shell, [`-${basename(shell)}`], c.env));
}

/** Waits for a child; stops, continues and ends as it does. Returns its exit status. */
export function* followChild(c: Command, pid: number): Proc<number> {
  for (;;) {
    const { status } = yield* attempt(c, "waitpid failed", () => c.sys.wait4(pid, WUNTRACED));
    const low = status & 0x7f;
    if ((status & 0xff) === 0x7f) {
      yield* c.sys.kill(yield* c.sys.getpid(), SIGSTOP);
      yield* c.sys.kill(pid, SIGCONT);
    } else if (low === 0) return (status >> 8) & 0xff;
    else {
      // signal(3) refuses SIGKILL: what the real tool stumbles over, too.
      if (low === SIGKILL) return yield* c.fail("sigprocmask unblock failed: Invalid argument");
      yield* c.sys.rt_sigaction(low, { handler: SIG_DFL, flags: 0, mask: 0n });
      yield* c.sys.rt_sigprocmask(SIG_UNBLOCK, sigSet(low));
      yield* c.sys.kill(yield* c.sys.getpid(), low);
      return 1;
    }
  }
}

/**
 * su(1) of util-linux: runs a shell as another user. root needs no password; nobody here has one, so nobody else may.
 * Left out: PAM, -P (a pseudo-terminal of its own), -g and -G.
 */

import { EINTR, Errno } from "../../abi/errno.ts";
import { SIG_IGN, SIGINT, SIGQUIT } from "../../abi/signal.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import { wExitStatus, wIfExited, wTermSig } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { getgrouplist, getpwnam, type Passwd } from "../libc/passwd.ts";
import { asChild, badUsage } from "../libc/utillinux.ts";
import { basename } from "../libc/unistd.ts";

const usage = `su [OPTIONS] [-] [USER [ARG]...]
Run a shell as USER, root unless given.

  -m, -p, --preserve-environment  do not reset the environment
  -c, --command COMMAND           pass COMMAND to the shell with -c
      --session-command COMMAND   the same, without a new session
  -f, --fast                      pass -f to the shell
  -, -l, --login                  make the shell a login shell
  -s, --shell SHELL               run SHELL

  -h, --help                      show this help
  -V, --version                   show the version`;

const busyboxUsage = `su [-lmp] [-s SH] [-] [USER [FILE ARGS | -c 'CMD' [ARG0 ARGS]]]

Run shell under USER (by default, root)

	-,-l	Clear environment, run shell as login shell
	-p,-m	Do not set new $HOME, $SHELL, $USER, $LOGNAME
	-c CMD	Command to pass to 'sh -c'
	-s SH	Shell to use instead of user's default`;

const USER_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games";
const ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const long = [
  { name: "preserve-environment", as: "m" },
  { name: "command", as: "c", arg: "required" },
  { name: "session-command", as: "c", arg: "required" },
  { name: "fast", as: "f" },
  { name: "login", as: "l" },
  { name: "shell", as: "s", arg: "required" },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
] as const;

function environment(c: Command, user: Passwd, shell: string, login: boolean, keep: boolean): Env {
  if (login) {
    const env: Env = new Map();
    const term = c.env.get("TERM");
    if (term !== undefined) env.set("TERM", term);
    env.set("SHELL", shell).set("HOME", user.dir).set("USER", user.name).set("LOGNAME", user.name);
    env.set("PATH", user.uid === 0 ? ROOT_PATH : USER_PATH).set("MAIL", `/var/mail/${user.name}`);
    return env;
  }
  const env: Env = new Map(c.env);
  if (keep) return env;
  env.set("HOME", user.dir).set("SHELL", shell);
  if (user.uid !== 0) env.set("USER", user.name).set("LOGNAME", user.name);
  return env;
}

/** Becomes the user for good, in the order that keeps the right to do the next step. */
function* becomeUser(c: Command, user: Passwd): Proc<void> {
  try {
    yield* c.sys.setgroups(yield* getgrouplist(c.sys, user.name, user.gid));
    yield* c.sys.setgid(user.gid);
    yield* c.sys.setuid(user.uid);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`cannot set groups: ${e.message}`);
  }
}

function* startShell(c: Command, user: Passwd, parsed: Parsed, args: readonly string[], login: boolean): Proc<never> {
  const option = (name: string): string | undefined => parsed.options.findLast((o) => o.name === name)?.arg;
  const keep = parsed.options.some((o) => o.name === "m" || o.name === "p");
  const shell = option("s") ?? ((keep && !login ? c.env.get("SHELL") : undefined) || user.shell || "/bin/sh");
  const env = environment(c, user, shell, login, keep && !login);
  yield* becomeUser(c, user);
  if (login) {
    try {
      yield* c.sys.chdir(user.dir);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.warn(`warning: cannot change directory to ${user.dir}: ${e.message}`);
    }
  }
  const argv = [login ? `-${basename(shell)}` : basename(shell)];
  if (parsed.options.some((o) => o.name === "f")) argv.push("-f");
  const text = option("c");
  if (text !== undefined) argv.push("-c", text);
  argv.push(...args);
  try {
    return yield* c.sys.execve(shell, argv, env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`failed to execute ${shell}: ${e.message}`, e.name === "ENOENT" ? 127 : 126);
  }
}

function* parse(c: Command): Proc<Parsed> {
  try {
    return c.voice === "busybox" ? yield* c.getopt({ short: "mplc:s:" }) : getopt(c.args, { short: "c:flmps:hV", long });
  } catch (e) {
    if (e instanceof UsageError && c.voice === "gnu") return yield* badUsage(c, e.message);
    throw e;
  }
}

function* run(c: Command): Proc<number> {
  const parsed = yield* parse(c);
  const has = (name: string): boolean => parsed.options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("su from util-linux 2.38.1\n");
    return 0;
  }
  let operands = parsed.operands;
  const login = has("l") || operands[0] === "-";
  if (operands[0] === "-") operands = operands.slice(1);
  const name = operands[0] ?? "root";
  const user = yield* getpwnam(c.sys, name);
  if (user === undefined)
    return yield* c.fail(
      c.voice === "busybox"
        ? `unknown user ${name}`
        : `user ${name} does not exist or the user entry does not contain all the required fields`,
    );
  if ((yield* c.sys.getuid()) !== 0) {
    // Nobody has a password (/etc/shadow), so none can be right.
    if (c.voice === "busybox") return yield* c.fail("incorrect password");
    return yield* c.fail("Authentication failure");
  }
  const args = operands.slice(1);
  if (c.voice === "busybox") return yield* startShell(c, user, parsed, args, login);
  // PAM's session ends after the shell, so su stays its parent.
  const child = yield* c.sys.fork(() => asChild(startShell(c, user, parsed, args, login)));
  for (const sig of [SIGINT, SIGQUIT]) yield* c.sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
  for (;;) {
    try {
      const { status } = yield* c.sys.wait4(child, 0);
      return wIfExited(status) ? wExitStatus(status) : 128 + wTermSig(status);
    } catch (e) {
      if (e !== EINTR) throw e;
    }
  }
}

export const su: Executable = {
  name: "su",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/su"],
  needed: ["libpam.so.0", "libpam_misc.so.0", "libc.so.6"],
  sizeBytes: 72000,
  mode: 0o4755,
  applet: "/bin/su",
};

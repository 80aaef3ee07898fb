/**
 * sudo(8) 1.9.13: runs a command as another user, as /etc/sudoers allows. Left out: sudoedit, remembered passwords, logging, SELinux,
 * and the pseudo-terminal of use_pty. Nobody in the machine has a password, so who needs one is refused.
 */

import { EBADF, EINTR, EINVAL, ENOTTY, Errno } from "../../abi/errno.ts";
import { SIG_DFL, SIG_IGN, SIGINT, SIGQUIT } from "../../abi/signal.ts";
import { isReg } from "../../abi/stat.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import { PR_GET_NO_NEW_PRIVS } from "../../abi/sched.ts";
import { wExitStatus, wIfExited, wTermSig } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { getgrgid, getgrnam, getgrouplist, getpwnam, getpwuid, type Passwd } from "../libc/passwd.ts";
import { basename, execvp, optional, stat } from "../libc/unistd.ts";
import { asChild } from "../libc/utillinux.ts";
import { matchesCommand, readSudoers, type Rule, showRule, type Sudoers } from "../sudo/sudoers.ts";

const VERSION = "1.9.13p3";
const SUDOERS = "/etc/sudoers";
const SECURE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const usage = `usage: sudo -h | -K | -k | -V
usage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]
usage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user]
            [command [arg ...]]
usage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory] [-g
            group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user]
            [VAR=value] [-i | -s] [command [arg ...]]
usage: sudo -e [-ABkNnS] [-r role] [-t type] [-C num] [-D directory] [-g group]
            [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] file ...
`;

const help = `sudo - execute a command as another user

${usage}
Options:
  -A, -B, -S, -p, -C  accepted: about asking for passwords and closing files
  -b, --background    run the command and do not wait for it
  -E, --preserve-env  keep the environment
  -g, --group=group   run as this group
  -H, --set-home      set HOME to that of the user
  -h, --help          show this help
  -i, --login         run the login shell of the user
  -K, -k, -v          about remembered passwords, of which there are none
  -l, --list          tell what is allowed; with a command, whether that is
  -n, --non-interactive  never ask for a password
  -P, --preserve-groups  keep the supplementary groups
  -s, --shell         run the shell of SHELL
  -U, --other-user=user  in list mode: of this user
  -u, --user=user     run as this user, root unless given
  -V, --version       show the version
`;

/** What env_reset lets through: initial_checkenv_table, initial_keepenv_table. */
const KEPT =
  /^(COLORTERM|LANG|LANGUAGE|LC_.*|LINGUAS|TERM|TZ|COLORS|DISPLAY|HOSTNAME|KRB5CCNAME|LS_COLORS|PS1|PS2|XAUTHORITY|XAUTHORIZATION|XDG_CURRENT_DESKTOP)$/;

const flag = (name: string, as: string) => ({ name, as });
const value = (name: string, as: string) => ({ name, as, arg: "required" as const });
const long = [
  flag("askpass", "A"),
  flag("bell", "B"),
  flag("background", "b"),
  value("close-from", "C"),
  value("chdir", "D"),
  { name: "preserve-env", as: "E", arg: "optional" as const },
  flag("edit", "e"),
  value("group", "g"),
  flag("set-home", "H"),
  flag("help", "help"),
  value("host", "host"),
  flag("login", "i"),
  flag("remove-timestamp", "K"),
  flag("reset-timestamp", "k"),
  flag("list", "l"),
  flag("non-interactive", "n"),
  flag("preserve-groups", "P"),
  value("prompt", "p"),
  value("chroot", "R"),
  flag("stdin", "S"),
  flag("shell", "s"),
  value("command-timeout", "T"),
  value("other-user", "U"),
  value("user", "u"),
  flag("version", "V"),
  flag("validate", "v"),
];

function* badUsage(c: Command, message?: string): Proc<never> {
  if (message !== undefined) yield* c.warn(message);
  yield* c.eprint(usage);
  throw new Exit(1);
}

function* findUser(c: Command, name: string): Proc<Passwd> {
  const known = name.startsWith("#") ? yield* getpwuid(c.sys, Number(name.slice(1))) : yield* getpwnam(c.sys, name);
  if (known !== undefined) return known;
  yield* c.warn(`unknown user ${name}`);
  if (!name.startsWith("#")) yield* c.warn("error initializing audit plugin sudoers_audit");
  throw new Exit(1);
}

function* findGroup(c: Command, name: string): Proc<{ readonly name: string; readonly gid: number }> {
  const known = name.startsWith("#") ? yield* getgrgid(c.sys, Number(name.slice(1))) : yield* getgrnam(c.sys, name);
  if (known !== undefined) return known;
  yield* c.warn(`unknown group ${name}`);
  yield* c.warn("error initializing audit plugin sudoers_audit");
  throw new Exit(1);
}

/** The rules that speak of a user on this machine. */
function* rulesOf(c: Command, sudoers: Sudoers, user: Passwd): Proc<Rule[]> {
  const gids = yield* getgrouplist(c.sys, user.name, user.gid);
  const host = (yield* c.sys.uname()).nodename;
  const found: Rule[] = [];
  for (const rule of sudoers.rules) {
    const group = rule.who.startsWith("%") ? yield* getgrnam(c.sys, rule.who.slice(1)) : undefined;
    const who = rule.who === "ALL" || rule.who === user.name || (group !== undefined && gids.includes(group.gid));
    if (who && rule.hosts.some((h) => h === "ALL" || h === host)) found.push(rule);
  }
  return found;
}

/** The command as it will be run; undefined where it is not found. */
function* resolve(c: Command, name: string): Proc<string | undefined> {
  const candidates = name.includes("/") ? [name] : SECURE_PATH.split(":").map((dir) => `${dir}/${name}`);
  for (const path of candidates) {
    const st = yield* optional(stat(c.sys, path));
    if (st !== undefined && isReg(st.mode) && (st.mode & 0o111) !== 0) return path;
  }
  return undefined;
}

interface Wish {
  readonly invoker: Passwd;
  readonly target: Passwd;
  readonly group: { readonly name: string; readonly gid: number } | undefined;
  readonly parsed: Parsed;
  readonly has: (name: string) => boolean;
}

const allowsRunas = (rule: Rule, { invoker, target, group, has }: Wish): boolean => {
  const user = rule.runasUsers.some((u) => u === "ALL" || u === target.name) || (group !== undefined && !has("u") && target === invoker);
  return user && (group === undefined || rule.runasGroups.some((g) => g === "ALL" || g === group.name));
};

/** Who is not excused has to show a password, and nobody has one. */
function* refuse(c: Command, invoker: Passwd, has: (name: string) => boolean): Proc<never> {
  if (has("n")) return yield* c.fail("a password is required");
  if (!has("S")) {
    const tty = yield* optional(c.sys.ioctl(0, "TCGETS"), [ENOTTY, EBADF, EINVAL]);
    if (tty === undefined) {
      yield* c.warn(
        "a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper",
      );
      return yield* c.fail("a password is required");
    }
  }
  for (let attempts = 0; attempts < 3; attempts++) {
    if (attempts > 0) yield* c.eprint("Sorry, try again.\n");
    yield* c.eprint(`[sudo] password for ${invoker.name}: `);
    const line = yield* c.stdin.readLine();
    if (line !== undefined) continue;
    yield* c.eprint("\n");
    if (attempts === 0) {
      yield* c.warn("no password was provided");
      return yield* c.fail("a password is required");
    }
    yield* c.warn("no password was provided");
    return yield* c.fail(`${attempts} incorrect password attempt${attempts > 1 ? "s" : ""}`);
  }
  return yield* c.fail("3 incorrect password attempts");
}

/** What sudo sets anew, on top of what the environment keeps. */
function* environment(c: Command, wish: Wish, given: readonly string[], ran: string): Proc<Env> {
  const { target, invoker, has } = wish;
  const keep = has("E");
  const env: Env = new Map();
  for (const [name, text] of c.env) if (keep || KEPT.test(name)) env.set(name, text);
  if (!env.has("TERM")) env.set("TERM", "unknown");
  const set = (name: string, text: string): void => {
    if (!keep || !env.has(name)) env.set(name, text);
  };
  set("HOME", target.dir);
  if (has("H")) env.set("HOME", target.dir);
  set("MAIL", `/var/mail/${target.name}`);
  set("SHELL", target.shell || "/bin/sh");
  env.set("LOGNAME", target.name).set("USER", target.name).set("PATH", SECURE_PATH);
  for (const word of given) env.set(word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1));
  env.set("SUDO_COMMAND", ran).set("SUDO_USER", invoker.name);
  env.set("SUDO_UID", String(invoker.uid)).set("SUDO_GID", String(yield* c.sys.getgid()));
  return env;
}

/** -s and -i hand the command to the shell as one string, with all but the harmless characters escaped. */
const shellText = (argv: readonly string[]): string => argv.map((word) => word.replace(/[^A-Za-z0-9_$-]/g, "\\$&")).join(" ");

function* becomeAndRun(c: Command, wish: Wish, path: string, argv: readonly string[], env: Env): Proc<never> {
  const { target, group, has } = wish;
  const gid = group?.gid ?? target.gid;
  const groups = yield* getgrouplist(c.sys, target.name, target.gid);
  if (!has("P")) yield* c.sys.setgroups([...new Set([gid, ...groups])]);
  yield* c.sys.setresgid(gid, gid, gid);
  yield* c.sys.setresuid(target.uid, target.uid, target.uid);
  if (has("i")) {
    try {
      yield* c.sys.chdir(target.dir);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.warn(`unable to change directory to ${target.dir}: ${e.message}`);
    }
  }
  try {
    return yield* execvp(c.sys, path, argv, env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`unable to execute ${path}: ${e.message}`);
  }
}

/** Waits for the command, and ends as it did. */
function* follow(c: Command, child: number): Proc<number> {
  for (const sig of [SIGINT, SIGQUIT]) yield* c.sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
  for (;;) {
    try {
      const { status } = yield* c.sys.wait4(child, 0);
      if (wIfExited(status)) return wExitStatus(status);
      const sig = wTermSig(status);
      yield* optional(c.sys.rt_sigaction(sig, { handler: SIG_DFL, flags: 0, mask: 0n }), [EINVAL]);
      yield* c.sys.kill(yield* c.sys.getpid(), sig);
      return 128 + sig;
    } catch (e) {
      if (e !== EINTR) throw e;
    }
  }
}

function* list(c: Command, sudoers: Sudoers, wish: Wish, operands: readonly string[]): Proc<number> {
  const { invoker, parsed, has } = wish;
  const other = parsed.options.findLast((o) => o.name === "U")?.arg;
  const user = other === undefined ? invoker : yield* findUser(c, other);
  const rules = yield* rulesOf(c, sudoers, user);
  const host = (yield* c.sys.uname()).nodename;
  const [name, ...args] = operands;
  if (name !== undefined) {
    const path = yield* resolve(c, name);
    if (path === undefined) return yield* c.fail(`${name}: command not found`);
    if (!rules.some((r) => matchesCommand(r, path, args))) return 1;
    yield* c.print(`${[path, ...args].join(" ")}\n`);
    return 0;
  }
  if (rules.length === 0) {
    yield* c.print(`User ${user.name} is not allowed to run sudo on ${host}.\n`);
    return other === undefined ? 1 : 0;
  }
  if (invoker.uid !== 0 && !rules.some((r) => r.nopasswd)) yield* refuse(c, invoker, has);
  const defaults = sudoers.defaults.join(", ");
  yield* c.print(`Matching Defaults entries for ${user.name} on ${host}:\n    ${wrap(defaults)}\n\n`);
  yield* c.print(`User ${user.name} may run the following commands on ${host}:\n`);
  for (const rule of rules) yield* c.print(`    ${showRule(rule)}\n`);
  return 0;
}

/** Defaults are broken at commas, at 80 columns. */
function wrap(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<=,) /)) {
    if (line !== "" && line.length + 1 + word.length > 76) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n    ");
}

/** What stands against being sudo at all. */
function* checkSetuid(c: Command): Proc<void> {
  if ((yield* c.sys.geteuid()) === 0) return;
  if ((yield* c.sys.prctl(PR_GET_NO_NEW_PRIVS)) === 1) {
    yield* c.warn('The "no new privileges" flag is set, which prevents sudo from running as root.');
    yield* c.fail("If sudo is running in a container, you may need to adjust the container configuration to disable the flag.");
  }
  const path = c.auxv.execfn;
  const st = yield* optional(stat(c.sys, path));
  if (st === undefined || st.uid !== 0 || (st.mode & 0o4000) === 0)
    yield* c.fail(`${path} must be owned by uid 0 and have the setuid bit set`);
  yield* c.fail(
    `effective uid is not 0, is ${path} on a file system with the 'nosuid' option set or an NFS file system without root privileges?`,
  );
}

function* parse(c: Command): Proc<Parsed> {
  try {
    return getopt(c.args, { short: "+AbBC:D:Eeg:HhiKklnNPp:R:r:SsT:t:U:u:Vv", long }, c.voice);
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
}

function* readConfiguration(c: Command): Proc<Sudoers> {
  const sudoers = yield* readSudoers(c.sys, SUDOERS);
  if (typeof sudoers === "string") {
    yield* c.warn(sudoers);
    yield* c.warn("no valid sudoers sources found, quitting");
    return yield* c.fail("error initializing audit plugin sudoers_audit");
  }
  for (const error of sudoers.errors) yield* c.eprint(error);
  return sudoers;
}

/** Whether the rules let the command run, with these wishes about its environment. */
function* authorize(c: Command, sudoers: Sudoers, wish: Wish, path: string, args: readonly string[], given: readonly string[]): Proc<void> {
  const { invoker, target, parsed, has } = wish;
  const rules = yield* rulesOf(c, sudoers, invoker);
  const rule = rules.findLast((r) => allowsRunas(r, wish) && matchesCommand(r, path, args));
  const excused = invoker.uid === 0 || (invoker.uid === target.uid && wish.group === undefined) || rule?.nopasswd === true;
  if (!excused) yield* refuse(c, invoker, has);
  if (rule === undefined) {
    const host = (yield* c.sys.uname()).nodename;
    if (rules.length === 0) yield* c.fail(`${invoker.name} is not in the sudoers file.`);
    yield* c.fail(`Sorry, user ${invoker.name} is not allowed to execute '${[path, ...args].join(" ")}' as ${target.name} on ${host}.`);
    return;
  }
  if (!rule.commands.includes("ALL")) {
    if (has("E")) yield* c.fail("sorry, you are not allowed to preserve the environment");
    if (given.length > 0)
      yield* c.fail(
        `sorry, you are not allowed to set the following environment variables: ${given.map((w) => w.replace(/=.*/s, "")).join(", ")}`,
      );
  }
  for (const name of ["D", "R"])
    if (parsed.options.some((o) => o.name === name)) yield* c.fail(`you are not permitted to use the -${name} option with ${path}`);
  if (has("T")) yield* c.fail("sorry, you are not allowed set a command timeout");
}

function* execute(c: Command, sudoers: Sudoers, wish: Wish, operands: readonly string[], given: readonly string[]): Proc<number> {
  const { target, has } = wish;
  const shell = has("i") ? target.shell || "/bin/sh" : has("s") ? c.env.get("SHELL") || target.shell : undefined;
  const argv = shell === undefined ? operands : operands.length === 0 ? [shell] : [shell, "-c", shellText(operands)];
  const [name = ""] = argv;
  const path = yield* resolve(c, name);
  if (path === undefined) return yield* c.fail(`${name}: command not found`);
  yield* authorize(c, sudoers, wish, path, argv.slice(1), given);
  const env = yield* environment(c, wish, given, [path, ...argv.slice(1)].join(" "));
  const zero = has("i") ? `-${basename(path)}` : name;
  const child = yield* c.sys.fork(() => asChild(becomeAndRun(c, wish, path, [zero, ...argv.slice(1)], env)));
  return has("b") ? 0 : yield* follow(c, child);
}

function* run(c: Command): Proc<number> {
  yield* checkSetuid(c);
  const parsed = yield* parse(c);
  const has = (name: string): boolean => parsed.options.some((o) => o.name === name);
  if (has("h") || has("help")) {
    yield* c.print(help);
    return 0;
  }
  if (has("V")) {
    yield* c.print(`Sudo version ${VERSION}\nSudoers policy plugin version ${VERSION}\nSudoers file grammar version 50\n`);
    return 0;
  }
  for (const name of ["e", "r", "t", "host"]) if (has(name)) return yield* c.fail(`option '${name}' is not built into this machine`);
  if (has("i") && has("s")) return yield* badUsage(c, "you may not specify both the -i and -s options");
  if (has("i") && has("E")) return yield* badUsage(c, "you may not specify both the -i and -E options");
  const invoker = yield* getpwuid(c.sys, yield* c.sys.getuid());
  if (invoker === undefined) return yield* c.fail(`you do not exist in the passwd database`);
  const operands = [...parsed.operands];
  const given: string[] = [];
  while (operands[0] !== undefined && /^[A-Za-z_][A-Za-z0-9_]*=/.test(operands[0])) given.push(operands.shift() as string);
  if (has("K") || (has("k") && operands.length === 0)) return 0;
  if (operands.length === 0 && !has("i") && !has("s") && !has("l") && !has("v")) return yield* badUsage(c);
  const sudoers = yield* readConfiguration(c);
  const userName = parsed.options.findLast((o) => o.name === "u")?.arg;
  const groupName = parsed.options.findLast((o) => o.name === "g")?.arg;
  const group = groupName === undefined ? undefined : yield* findGroup(c, groupName);
  const target = userName !== undefined ? yield* findUser(c, userName) : group !== undefined ? invoker : yield* findUser(c, "root");
  const wish: Wish = { invoker, target, group, parsed, has };
  if (has("l")) return yield* list(c, sudoers, wish, operands);
  if (has("v")) return invoker.uid === 0 ? 0 : yield* refuse(c, invoker, has);
  return yield* execute(c, sudoers, wish, operands, given);
}

export const sudo: Executable = {
  name: "sudo",
  main: command({ help }, run),
  paths: ["/usr/bin/sudo"],
  needed: ["libselinux.so.1", "libc.so.6"],
  sizeBytes: 281624,
  mode: 0o4755,
};

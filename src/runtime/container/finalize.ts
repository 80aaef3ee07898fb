/** From root of a new container to the user's process: limits, capabilities, ids, seccomp, and the program itself. runc `libcontainer/init_linux.go`. */

import { capBit, capNames } from "../../abi/capability.ts";
import { EACCES, EINVAL, ENOENT, EPERM, Errno, errnos } from "../../abi/errno.ts";
import { S_IFDIR, S_IFMT } from "../../abi/stat.ts";
import type { CapData, Proc, Sys } from "../../abi/sys.ts";
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
} from "../../abi/sched.ts";
import type { SeccompAction, SeccompActionName, SeccompFilter } from "../../abi/seccomp.ts";
import { optional, readText, stat } from "../../userland/libc/unistd.ts";
import { goError, RuncError, wrap } from "../error.ts";
import type { SpecCapabilities, SpecProcess, SpecSeccomp, SpecUser } from "../spec.ts";

/** RLIMIT_… by name, in their order. */
const LIMITS = [
  ...["RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE"],
  ...[
    "RLIMIT_MEMLOCK",
    "RLIMIT_AS",
    "RLIMIT_LOCKS",
    "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
  ],
];

/** The number of a limit. Errors: RuncError. */
export function rlimitNumber(type: string): number {
  const number = LIMITS.indexOf(type);
  if (number < 0) throw new RuncError(`wrong rlimit value: ${type}`);
  return number;
}

function capSet(names: readonly string[] | undefined): bigint {
  let set = 0n;
  for (const name of names ?? []) {
    const number = capNames.indexOf(name.replace(/^CAP_/, "").toLowerCase());
    if (number >= 0) set |= capBit(number);
  }
  return set;
}

/** Names that are no capability of this kernel: they are left out, with a warning. */
export function unknownCapabilities(capabilities: SpecCapabilities | undefined): string[] {
  const names = new Set(Object.values(capabilities ?? {}).flat());
  return [...names].filter((name) => !capNames.includes(name.replace(/^CAP_/, "").toLowerCase())).sort();
}

/** Bounds, ids and sets, in the order that each step's rights ask for. */
export function* becomeUser(sys: Sys, process: SpecProcess): Proc<void> {
  const { capabilities = {}, user } = process;
  if (process.noNewPrivileges === true) yield* sys.prctl(PR_SET_NO_NEW_PRIVS, 1);
  const bounding = capSet(capabilities.bounding);
  for (let cap = 0; cap < capNames.length; cap++) {
    if ((bounding & capBit(cap)) === 0n) yield* wrap("unable to drop capabilities", sys.prctl(PR_CAPBSET_DROP, cap));
  }
  yield* sys.prctl(PR_SET_KEEPCAPS, 1);
  yield* setupUser(sys, user);
  yield* sys.prctl(PR_SET_KEEPCAPS, 0);
  // A working directory that root may enter and the user may not is entered as either.
  yield* wrap(`chdir to cwd (${JSON.stringify(process.cwd)}) set in config.json failed`, sys.chdir(process.cwd));
  const data: CapData = {
    effective: capSet(capabilities.effective),
    permitted: capSet(capabilities.permitted),
    inheritable: capSet(capabilities.inheritable),
  };
  yield* wrap("unable to apply caps", sys.capset(data));
  yield* sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  const ambient = capSet(capabilities.ambient) & data.permitted & data.inheritable;
  for (let cap = 0; cap < capNames.length; cap++)
    if ((ambient & capBit(cap)) !== 0n) yield* sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
}

function* setupUser(sys: Sys, user: SpecUser): Proc<void> {
  // The streams belong to whoever is to use them.
  for (const fd of [0, 1, 2]) yield* optional(sys.fchown(fd, user.uid, -1), [EINVAL, EPERM, EACCES, ...READONLY]);
  const setgroups = yield* optional(readText(sys, "/proc/self/setgroups"));
  if (setgroups?.trim() !== "deny") yield* wrap("setgroups", sys.setgroups(user.additionalGids ?? []));
  yield* wrap("setgid", sys.setgid(user.gid));
  yield* wrap("setuid", sys.setuid(user.uid));
  if (user.umask !== undefined) yield* sys.umask(user.umask);
}

const READONLY = errnos.filter((errno) => errno.name === "EROFS" || errno.name === "EBADF");

/** The environment as a program gets it, with the home directory of the user unless it says otherwise. */
export function* environment(sys: Sys, process: SpecProcess): Proc<Map<string, string>> {
  const env = new Map<string, string>();
  for (const entry of process.env ?? []) {
    const equals = entry.indexOf("=");
    if (equals < 0) throw new RuncError(`invalid environment variable: missing '=' in ${JSON.stringify(entry)}`);
    if (equals === 0) throw new RuncError(`invalid environment variable: name cannot be empty: ${JSON.stringify(entry)}`);
    env.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  if (!env.get("HOME")) {
    const text = (yield* optional(readText(sys, "/etc/passwd"))) ?? "";
    const fields = text.split("\n").map((line) => line.split(":"));
    env.set("HOME", fields.find(([, , uid]) => uid === String(process.user.uid))?.[5] || "/");
  }
  return env;
}

/** exec.LookPath() of Go. Errors: RuncError. */
export function* lookPath(sys: Sys, file: string, path: string): Proc<string> {
  const fail = (reason: string): never => {
    throw new RuncError(`exec: ${JSON.stringify(file)}: ${reason}`);
  };
  if (file.includes("/")) {
    const reason = yield* whyNotExecutable(sys, file);
    return reason === undefined ? file : fail(reason);
  }
  for (const dir of path.split(":")) {
    const full = `${dir === "" ? "." : dir}/${file}`;
    if ((yield* whyNotExecutable(sys, full)) === undefined) return full;
  }
  return fail("executable file not found in $PATH");
}

function* whyNotExecutable(sys: Sys, path: string): Proc<string | undefined> {
  try {
    const { mode } = yield* stat(sys, path);
    return (mode & S_IFMT) !== S_IFDIR && (mode & 0o111) !== 0 ? undefined : "permission denied";
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return `stat ${path}: ${goError(e)}`;
  }
}

const ACTIONS: Readonly<Record<string, SeccompActionName>> = {
  SCMP_ACT_KILL: "kill_thread",
  SCMP_ACT_KILL_THREAD: "kill_thread",
  SCMP_ACT_KILL_PROCESS: "kill_process",
  SCMP_ACT_TRAP: "trap",
  SCMP_ACT_ERRNO: "errno",
  SCMP_ACT_LOG: "log",
  SCMP_ACT_ALLOW: "allow",
};

/** The filter of a profile. Errors: RuncError. */
export function seccompFilter({ defaultAction, defaultErrnoRet, syscalls = [] }: SpecSeccomp): SeccompFilter {
  const actionOf = (name: string, errno: number | undefined): SeccompAction => {
    const action = ACTIONS[name];
    if (action === undefined) throw new RuncError(`seccomp: action ${JSON.stringify(name)} is not supported`);
    return action === "errno" ? { action, errno: errno ?? EPERM.code } : { action };
  };
  // Differs from Linux: rules that look at arguments are left out, and the default action holds for their calls.
  const rules = syscalls.filter(({ args }) => (args ?? []).length === 0);
  return {
    defaultAction: actionOf(defaultAction, defaultErrnoRet),
    rules: rules.map(({ names, action, errnoRet }) => ({ names, ...actionOf(action, errnoRet) })),
  };
}

/** Becomes the program. Errors: RuncError. */
export function* execProcess(sys: Sys, file: string, argv: readonly string[], env: ReadonlyMap<string, string>): Proc<never> {
  try {
    return yield* sys.execve(file, argv, env);
  } catch (e) {
    if (e instanceof Errno) throw new RuncError(`exec ${file}: ${e === ENOENT ? "no such file or directory" : goError(e)}`);
    throw e;
  }
}

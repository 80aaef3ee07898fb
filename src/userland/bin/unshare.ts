/**
 * unshare(1) of util-linux, and busybox's: runs a program in new namespaces. --map-users, --map-groups and --map-auto ask newuidmap(1) and
 * newgidmap(1), which the machine has not, so that they end as where these are not installed.
 */

import { CLONE_NEWNS, CLONE_NEWTIME, CLONE_NEWUSER, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PR_SET_PDEATHSIG } from "../../abi/sched.ts";
import { CAP_LAST_CAP, capBit } from "../../abi/capability.ts";
import { MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE } from "../../abi/mount.ts";
import { EINVAL, ENOENT } from "../../abi/errno.ts";
import { findSignalNumber, SIG_BLOCK, SIG_SETMASK, SIGINT, SIGKILL, sigSet, SIGTERM } from "../../abi/signal.ts";
import { O_CLOEXEC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { wExitStatus } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { getgrnam, getpwnam, getpwuid } from "../libc/passwd.ts";
import { open, optional, readText, writeFile } from "../libc/unistd.ts";
import { asChild, badUsage, execOrFail } from "../libc/utillinux.ts";
import { attempt, execOrShell, followChild, type Kind, kinds, requireId } from "../namespaces/kinds.ts";

const usage = `unshare [OPTIONS] [PROGRAM [ARG]...]
Run a program (a shell unless given) in namespaces of its own.

  -m, --mount[=FILE]     mounts; with FILE the namespace is pinned there, as with the others
  -u, --uts[=FILE]       host and domain name
  -i, --ipc[=FILE]       System V IPC and POSIX message queues
  -n, --net[=FILE]       network
  -p, --pid[=FILE]       process ids, of the children
  -U, --user[=FILE]      users, groups and capabilities
  -C, --cgroup[=FILE]    the root of the cgroup tree
  -T, --time[=FILE]      the monotonic and boot time clocks, of the children

  -f, --fork             run PROGRAM as a child
      --map-user=USER    what the present user is inside (implies --user)
      --map-group=GROUP  what the present group is inside (implies --user)
  -r, --map-root-user    root inside (implies --user)
  -c, --map-current-user the same inside (implies --user)
      --map-auto         the ranges of /etc/subuid and /etc/subgid (implies --user)
      --map-users OUTER,INNER,COUNT   ranges of users, by newuidmap (implies --user)
      --map-groups OUTER,INNER,COUNT  ranges of groups, by newgidmap (implies --user)
      --kill-child[=SIG] send SIG (SIGKILL) to the child when this process ends (implies --fork)
      --mount-proc[=DIR] mount proc first (implies --mount)
      --propagation slave|shared|private|unchanged
      --setgroups allow|deny
      --keep-caps        keep the capabilities of the new user namespace
  -R, --root=DIR         with this root directory
  -w, --wd=DIR           in this working directory
  -S, --setuid UID       as this user
  -G, --setgid GID       as this group
      --monotonic SEC    offset of the monotonic clock
      --boottime SEC     offset of the boot time clock

  -h, --help             show this help
  -V, --version          show the version`;

const busyboxUsage = `unshare [OPTIONS] [PROG ARGS]

	-m,--mount[=FILE]	Unshare mount namespace
	-u,--uts[=FILE]		Unshare UTS namespace (hostname etc.)
	-i,--ipc[=FILE]		Unshare System V IPC namespace
	-n,--net[=FILE]		Unshare network namespace
	-p,--pid[=FILE]		Unshare PID namespace
	-U,--user[=FILE]	Unshare user namespace
	-f			Fork before execing PROG
	-r			Map current user to root (implies -U)
	--mount-proc[=DIR]	Mount /proc filesystem first (implies -m)
	--propagation slave|shared|private|unchanged
				Modify mount propagation in mount namespace
	--setgroups allow|deny	Control the setgroups syscall in user namespaces`;

const long = [
  ...kinds.map((k) => ({ name: k.option, as: k.letter, arg: "optional" as const })),
  { name: "fork", as: "f" },
  { name: "map-user", arg: "required" as const },
  { name: "map-group", arg: "required" as const },
  { name: "map-root-user", as: "r" },
  { name: "map-current-user", as: "c" },
  { name: "map-auto" },
  { name: "map-users", arg: "required" as const },
  { name: "map-groups", arg: "required" as const },
  { name: "kill-child", arg: "optional" as const },
  { name: "mount-proc", arg: "optional" as const },
  { name: "propagation", arg: "required" as const },
  { name: "setgroups", arg: "required" as const },
  { name: "keep-caps" },
  { name: "root", as: "R", arg: "required" as const },
  { name: "wd", as: "w", arg: "required" as const },
  { name: "setuid", as: "S", arg: "required" as const },
  { name: "setgid", as: "G", arg: "required" as const },
  { name: "monotonic", arg: "required" as const },
  { name: "boottime", arg: "required" as const },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
];

const busyboxLong = [
  ...kinds.filter((k) => k.letter !== "C" && k.letter !== "T").map((k) => ({ name: k.option, as: k.letter, arg: "optional" as const })),
  { name: "fork", as: "f" },
  { name: "map-root-user", as: "r" },
  { name: "mount-proc", arg: "optional" as const },
  { name: "propagation", arg: "required" as const },
  { name: "setgroups", arg: "required" as const },
  { name: "help", as: "h" },
];

const propagations: ReadonlyMap<string, number> = new Map([
  ["slave", MS_SLAVE | MS_REC],
  ["private", MS_PRIVATE | MS_REC],
  ["shared", MS_SHARED | MS_REC],
  ["unchanged", 0],
]);

/** What the options ask for. */
interface Plan {
  flags: number;
  readonly pins: { readonly kind: Kind; readonly file: string }[];
  fork: boolean;
  mapUser?: number;
  mapGroup?: number;
  /** Ranges for newuidmap and newgidmap. */
  mapUsers?: Range;
  mapGroups?: Range;
  killSignal: number;
  procDir?: string;
  propagation: number;
  setgroups?: string;
  keepCaps: boolean;
  root?: string;
  wd?: string;
  uid?: number;
  gid?: number;
  readonly offsets: { readonly clock: string; readonly seconds: number }[];
}

function* parseUser(c: Command, name: string): Proc<number> {
  return (yield* getpwnam(c.sys, name))?.uid ?? (yield* requireId(c, name, "uid"));
}

function* parseGroup(c: Command, name: string): Proc<number> {
  return (yield* getgrnam(c.sys, name))?.gid ?? (yield* requireId(c, name, "gid"));
}

interface Range {
  readonly outer: number;
  readonly inner: number;
  readonly count: number;
}

/** `OUTER,INNER,COUNT`, or `auto` for the range that the user has in `file`. */
function* parseRange(c: Command, text: string, file: string): Proc<Range> {
  if (text === "auto") return yield* subordinateRange(c, file);
  const ids: number[] = [];
  for (const word of text.split(",").slice(0, 3)) {
    if (!/^[0-9]+$/.test(word)) return yield* c.fail(`could not parse ID: '${word}'`);
    ids.push(Number(word));
  }
  const [outer = 0, inner = 0, count] = ids;
  if (count === undefined) return yield* c.fail(`mapping '${text}' contains only ${ids.length} elements`);
  return { outer, inner, count };
}

/** The line of the present user in /etc/subuid or /etc/subgid. */
function* subordinateRange(c: Command, file: string): Proc<Range> {
  const uid = yield* c.sys.geteuid();
  const name = (yield* getpwuid(c.sys, uid))?.name ?? String(uid);
  const text = yield* attempt(c, `could not open '${file}'`, () => readText(c.sys, file));
  for (const line of text.split("\n")) {
    const [user, outer, count] = line.split(":");
    if (user === name || user === String(uid)) return { outer: Number(outer), inner: 0, count: Number(count) };
  }
  return yield* c.fail(`no line matching user "${name}" in ${file}: Success`);
}

function* planOf(c: Command, { options }: Parsed): Proc<Plan> {
  const plan: Plan = { flags: 0, pins: [], fork: false, killSignal: 0, propagation: MS_PRIVATE | MS_REC, keepCaps: false, offsets: [] };
  for (const { name, arg, hasArg } of options) {
    const kind = kinds.find((k) => k.letter === name);
    if (kind !== undefined) {
      plan.flags |= kind.flag;
      if (hasArg) plan.pins.push({ kind, file: arg });
      continue;
    }
    switch (name) {
      case "f":
        plan.fork = true;
        break;
      case "r":
        plan.flags |= CLONE_NEWUSER;
        plan.mapUser = plan.mapGroup = 0;
        break;
      case "c":
        plan.flags |= CLONE_NEWUSER;
        plan.mapUser = yield* c.sys.geteuid();
        plan.mapGroup = yield* c.sys.getegid();
        break;
      case "map-user":
        plan.flags |= CLONE_NEWUSER;
        plan.mapUser = yield* parseUser(c, arg);
        break;
      case "map-group":
        plan.flags |= CLONE_NEWUSER;
        plan.mapGroup = yield* parseGroup(c, arg);
        break;
      case "map-auto":
        plan.flags |= CLONE_NEWUSER;
        plan.mapUsers = yield* parseRange(c, "auto", "/etc/subuid");
        plan.mapGroups = yield* parseRange(c, "auto", "/etc/subgid");
        break;
      case "map-users":
        plan.flags |= CLONE_NEWUSER;
        plan.mapUsers = yield* parseRange(c, arg, "/etc/subuid");
        break;
      case "map-groups":
        plan.flags |= CLONE_NEWUSER;
        plan.mapGroups = yield* parseRange(c, arg, "/etc/subgid");
        break;
      case "kill-child": {
        plan.fork = true;
        const signal = hasArg ? findSignalNumber(arg) : SIGKILL;
        if (signal === undefined) return yield* c.fail(`unknown signal: ${arg}`);
        plan.killSignal = signal;
        break;
      }
      case "mount-proc":
        plan.flags |= CLONE_NEWNS;
        plan.procDir = hasArg ? arg : "/proc";
        break;
      case "propagation": {
        const flags = propagations.get(arg);
        if (flags === undefined) return yield* c.fail(`unsupported propagation mode: ${arg}`);
        plan.propagation = flags;
        break;
      }
      case "setgroups":
        if (arg !== "allow" && arg !== "deny") return yield* c.fail(`unsupported --setgroups argument '${arg}'`);
        plan.setgroups = arg;
        break;
      case "keep-caps":
        plan.keepCaps = true;
        break;
      case "R":
        plan.root = arg;
        break;
      case "w":
        plan.wd = arg;
        break;
      case "S":
        plan.uid = yield* requireId(c, arg, "uid");
        break;
      case "G":
        plan.gid = yield* requireId(c, arg, "gid");
        break;
      case "monotonic":
      case "boottime":
        if (!/^[+-]?[0-9]+$/.test(arg)) return yield* c.fail(`failed to parse ${name} offset: '${arg}'`);
        plan.offsets.push({ clock: name, seconds: Number(arg) });
        break;
    }
  }
  return plan;
}

/** Writes a file of /proc/self whole. */
function* writeProc(c: Command, path: string, text: string): Proc<void> {
  const fd = yield* attempt(c, `cannot open ${path}`, () => open(c.sys, path, O_WRONLY | O_CLOEXEC));
  yield* attempt(c, `write failed ${path}`, () => c.sys.write(fd, encodeUtf8(text)));
  yield* c.sys.close(fd);
}

function* writeOffset(c: Command, text: string): Proc<void> {
  const path = "/proc/self/timens_offsets";
  yield* attempt(c, `failed to write to ${path}`, () => writeFile(c.sys, path, text));
}

/** Pins the namespaces of a process by bind mounts. */
function* bindFiles(c: Command, pid: number, pins: Plan["pins"]): Proc<void> {
  for (const { kind, file } of pins) {
    const suffix = kind.name === "pid" || kind.name === "time" ? "_for_children" : "";
    const source = `/proc/${pid}/ns/${kind.name}${suffix}`;
    yield* attempt(c, `mount ${source} on ${file} failed`, () => c.sys.mount(source, file, "", MS_BIND, ""));
  }
}

/** A child that stays in the namespaces as they were, to do something from there. The answer lets it begin, and waits for it. */
function* outsideChild(c: Command, work: (parent: number) => Proc<void>): Proc<() => Proc<number>> {
  const parent = yield* c.sys.getpid();
  const [reader, writer] = yield* c.sys.pipe2(O_CLOEXEC);
  const child = yield* c.sys.fork(() =>
    asChild(
      (function* (): Proc<number> {
        yield* c.sys.close(writer);
        if ((yield* c.sys.read(reader, new Uint8Array(1))) === 1) yield* work(parent);
        return 0;
      })(),
    ),
  );
  yield* c.sys.close(reader);
  return function* () {
    yield* c.sys.write(writer, new Uint8Array(1));
    yield* c.sys.close(writer);
    const { status } = yield* c.sys.wait4(child, 0);
    return wExitStatus(status);
  };
}

/** Has the ranges mapped by the set-user-ID programs for that, from outside. */
function* mapRanges(c: Command, plan: Plan): Proc<(() => Proc<void>) | undefined> {
  const wanted = [
    ["newuidmap", plan.mapUsers],
    ["newgidmap", plan.mapGroups],
  ] as const;
  const begins: (() => Proc<number>)[] = [];
  for (const [program, range] of wanted) {
    if (range === undefined) continue;
    begins.push(yield* outsideChild(c, (pid) => execOrFail(c, [program, ...[pid, range.inner, range.outer, range.count].map(String)])));
  }
  if (begins.length === 0) return undefined;
  return function* () {
    for (const begin of begins) {
      const status = yield* begin();
      if (status !== 0) throw new Exit(status);
    }
  };
}

function* mapIds(c: Command, plan: Plan, euid: number, egid: number): Proc<void> {
  if (plan.mapUser !== undefined) yield* writeProc(c, "/proc/self/uid_map", `${plan.mapUser} ${euid} 1`);
  if (plan.mapGroup !== undefined) {
    if (plan.setgroups === "allow") yield* c.fail("options --setgroups=allow and --map-group are mutually exclusive");
    // Since Linux 3.19 the group map of one who has no rights asks for this first.
    yield* writeProc(c, "/proc/self/setgroups", "deny");
    yield* writeProc(c, "/proc/self/gid_map", `${plan.mapGroup} ${egid} 1`);
  }
  if (plan.setgroups !== undefined) yield* writeProc(c, "/proc/self/setgroups", plan.setgroups);
}

function* mountProc(c: Command, plan: Plan, dir: string): Proc<void> {
  if (plan.root !== undefined || plan.propagation !== (MS_PRIVATE | MS_REC))
    yield* optional(c.sys.mount("none", dir, "", MS_PRIVATE | MS_REC, ""), [EINVAL, ENOENT]);
  yield* attempt(c, `mount ${dir} failed`, () => c.sys.mount("proc", dir, "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, ""));
}

/** The permitted capabilities become inheritable and ambient, so that execve keeps them. */
function* keepCapabilities(c: Command): Proc<void> {
  const caps = yield* c.sys.capget(0);
  yield* attempt(c, "capset failed", () => c.sys.capset({ ...caps, inheritable: caps.permitted }));
  for (let cap = 0; cap <= CAP_LAST_CAP; cap++) {
    if ((caps.effective & capBit(cap)) !== 0n)
      yield* attempt(c, "prctl(PR_CAP_AMBIENT) failed", () => c.sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap));
  }
}

/** What is done inside, in the order that each step needs of the one before. */
function* inside(c: Command, plan: Plan, euid: number, egid: number, argv: readonly string[]): Proc<never> {
  if (plan.killSignal !== 0) yield* attempt(c, "prctl failed", () => c.sys.prctl(PR_SET_PDEATHSIG, plan.killSignal));
  yield* mapIds(c, plan, euid, egid);
  if ((plan.flags & CLONE_NEWNS) !== 0 && plan.propagation !== 0)
    yield* attempt(c, "cannot change root filesystem propagation", () => c.sys.mount("none", "/", "", plan.propagation, ""));
  const { root } = plan;
  if (root !== undefined) yield* attempt(c, `cannot change root directory to '${root}'`, () => c.sys.chroot(root));
  const wd = plan.wd ?? (root === undefined ? undefined : "/");
  if (wd !== undefined) yield* attempt(c, `cannot chdir to '${wd}'`, () => c.sys.chdir(wd));
  if (plan.procDir !== undefined) yield* mountProc(c, plan, plan.procDir);
  const { uid, gid } = plan;
  if (gid !== undefined) {
    yield* attempt(c, "setgroups failed", () => c.sys.setgroups([]));
    yield* attempt(c, "setgid failed", () => c.sys.setgid(gid));
  }
  if (uid !== undefined) yield* attempt(c, "setuid failed", () => c.sys.setuid(uid));
  if (plan.keepCaps && (plan.flags & CLONE_NEWUSER) !== 0) yield* keepCapabilities(c);
  return yield* execOrShell(c, argv);
}

function* unshareAndRun(c: Command, plan: Plan, argv: readonly string[]): Proc<number> {
  const { sys } = c;
  if (plan.offsets.length > 0 && (plan.flags & CLONE_NEWTIME) === 0)
    return yield* c.fail("options --monotonic and --boottime require unsharing of a time namespace (-t)");
  const euid = yield* sys.geteuid();
  const egid = yield* sys.getegid();
  const inNewMounts = (plan.flags & CLONE_NEWNS) !== 0;
  const bind = plan.pins.length > 0 && inNewMounts ? yield* outsideChild(c, (pid) => bindFiles(c, pid, plan.pins)) : undefined;
  const map = yield* mapRanges(c, plan);
  yield* attempt(c, "unshare failed", () => sys.unshare(plan.flags));
  if (map !== undefined) yield* map();
  for (const { clock, seconds } of plan.offsets) yield* writeOffset(c, `${clock} ${seconds} 0`);
  let pid: number | undefined;
  if (plan.fork) {
    const mask = yield* sys.rt_sigprocmask(SIG_BLOCK, sigSet(SIGINT, SIGTERM));
    pid = yield* sys.fork(() =>
      asChild(
        (function* (): Proc<number> {
          yield* sys.rt_sigprocmask(SIG_SETMASK, mask);
          return yield* inside(c, plan, euid, egid, argv);
        })(),
      ),
    );
  }
  if (bind !== undefined) {
    if ((yield* bind()) !== 0) yield* c.fail("child exit failed");
  } else if (plan.pins.length > 0) yield* bindFiles(c, yield* sys.getpid(), plan.pins);
  if (pid !== undefined) return yield* followChild(c, pid);
  return yield* inside(c, plan, euid, egid, argv);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  let parsed: Parsed;
  try {
    parsed = getopt(
      c.args,
      gnu ? { short: "+fhVmuinpCTUrR:w:S:G:c", long } : { short: "+frm::u::i::n::p::U::", long: busyboxLong },
      c.voice,
    );
  } catch (e) {
    if (e instanceof UsageError && gnu) return yield* badUsage(c, e.message);
    throw e;
  }
  if (parsed.options.some((o) => o.name === "h")) return yield* c.help();
  if (parsed.options.some((o) => o.name === "V")) {
    yield* c.print("unshare from util-linux 2.38.1\n");
    return 0;
  }
  return yield* unshareAndRun(c, yield* planOf(c, parsed), parsed.operands);
}

export const unshare: Executable = {
  name: "unshare",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/unshare"],
  sizeBytes: 84520,
  applet: "/usr/bin/unshare",
};

/** nsenter(1) of util-linux, and busybox's: runs a program in the namespaces of another process. -Z does nothing where SELinux is off, as here. */

import { EINVAL, EPERM, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import { CLONE_NEWPID, CLONE_NEWUSER } from "../../abi/sched.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { open, optional, stat } from "../libc/unistd.ts";
import { asChild, badUsage } from "../libc/utillinux.ts";
import { attempt, execOrShell, followChild, type Kind, kinds, requireId } from "../namespaces/kinds.ts";

const usage = `nsenter [OPTIONS] [PROGRAM [ARG]...]
Run a program (a shell unless given) in namespaces that exist.

  -t, --target PID      the process whose namespaces are meant
  -a, --all             all of them
  -m, --mount[=FILE]    mounts; with FILE the namespace that is pinned there, as with the others
  -u, --uts[=FILE]      host and domain name
  -i, --ipc[=FILE]      System V IPC and POSIX message queues
  -n, --net[=FILE]      network
  -p, --pid[=FILE]      process ids
  -C, --cgroup[=FILE]   the root of the cgroup tree
  -U, --user[=FILE]     users, groups and capabilities
  -T, --time[=FILE]     clocks
  -S, --setuid UID      as this user
  -G, --setgid GID      as this group
      --preserve-credentials  leave user and group alone
  -r, --root[=DIR]      with this root directory, or the target's
  -w, --wd[=DIR]        in this working directory, or the target's
  -W, --wdns DIR        in this working directory of the namespace
  -F, --no-fork         do not run PROGRAM as a child
  -Z, --follow-context  take over the SELinux context, where there is one

  -h, --help            show this help
  -V, --version         show the version`;

const busyboxUsage = `nsenter [OPTIONS] [PROG ARGS]

	-t PID		Target process to get namespaces from
	-m[FILE]	Enter mount namespace
	-u[FILE]	Enter UTS namespace (hostname etc)
	-i[FILE]	Enter System V IPC namespace
	-n[FILE]	Enter network namespace
	-p[FILE]	Enter pid namespace
	-U[FILE]	Enter user namespace
	-S UID		Set uid in entered namespace
	-G GID		Set gid in entered namespace
	--preserve-credentials	Don't touch uids or gids
	-r[DIR]		Set root directory
	-w[DIR]		Set working directory
	-F		Don't fork before exec'ing PROG`;

const busyboxKinds = kinds.filter((k) => k.letter !== "C" && k.letter !== "T");

const longOf = (list: readonly Kind[]) => [
  ...list.map((k) => ({ name: k.option, as: k.letter, arg: "optional" as const })),
  { name: "target", as: "t", arg: "required" as const },
  { name: "setuid", as: "S", arg: "required" as const },
  { name: "setgid", as: "G", arg: "required" as const },
  { name: "preserve-credentials" },
  { name: "root", as: "r", arg: "optional" as const },
  { name: "wd", as: "w", arg: "optional" as const },
  { name: "no-fork", as: "F" },
  { name: "help", as: "h" },
];

const gnuLong = [
  ...longOf(kinds),
  { name: "all", as: "a" },
  { name: "wdns", as: "W", arg: "required" as const },
  { name: "follow-context", as: "Z" },
  { name: "version", as: "V" },
];

/** Opens what an option means: a file that it names, or that of the target process. */
function* openTarget(c: Command, pid: number, name: string, file: string | undefined): Proc<number> {
  if (file === undefined && pid === 0) return yield* c.fail(`neither filename nor target pid supplied for ${name}`);
  const path = file ?? `/proc/${pid}/${name}`;
  return yield* attempt(c, `cannot open ${path}`, () => open(c.sys, path, O_RDONLY | O_CLOEXEC));
}

/** Whether the process is in the caller's own namespace of this kind: that need not, and for users must not, be joined. */
function* isOwn(c: Command, pid: number, { name }: Kind): Proc<boolean> {
  const theirs = yield* attempt(c, `stat of /proc/${pid}/ns/${name} failed`, () => stat(c.sys, `/proc/${pid}/ns/${name}`));
  const mine = yield* stat(c.sys, `/proc/self/ns/${name}`);
  return theirs.ino === mine.ino && theirs.dev === mine.dev;
}

/** Joins them in two rounds: some give the right to others, some take it away. */
function* join(c: Command, wanted: ReadonlyMap<Kind, number>): Proc<void> {
  const left = new Map(wanted);
  for (const round of [0, 1]) {
    for (const [kind, fd] of [...left]) {
      try {
        yield* c.sys.setns(fd, kind.flag);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (round === 1) yield* c.fail(`reassociate to namespace 'ns/${kind.name}' failed: ${e.message}`);
        continue;
      }
      yield* c.sys.close(fd);
      left.delete(kind);
    }
  }
}

interface Ids {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

function* become(c: Command, { uid, gid }: Ids, argv: readonly string[]): Proc<never> {
  if (gid !== undefined) {
    // A namespace that denies setgroups can still be entered as its root.
    yield* optional(c.sys.setgroups([]), [EPERM, EINVAL]);
    yield* attempt(c, "setgid failed", () => c.sys.setgid(gid));
  }
  if (uid !== undefined) yield* attempt(c, "setuid failed", () => c.sys.setuid(uid));
  return yield* execOrShell(c, argv);
}

function* enter(c: Command, { options, operands }: Parsed): Proc<number> {
  const { sys } = c;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const last = (name: string) => options.findLast((o) => o.name === name);
  const fileOf = (name: string): string | undefined => (last(name)?.hasArg === true ? last(name)?.arg : undefined);
  const number = function* (name: string, what: string): Proc<number | undefined> {
    const option = last(name);
    return option === undefined ? undefined : yield* requireId(c, option.arg, what);
  };
  const pid = (yield* number("t", "pid")) ?? 0;
  let uid = yield* number("S", "uid");
  let gid = yield* number("G", "gid");
  if (has("a") && pid === 0) return yield* c.fail("no target PID specified for --all");
  const fds = new Map<Kind, number>();
  for (const kind of kinds) {
    if (has(kind.letter) || (has("a") && !(yield* isOwn(c, pid, kind))))
      fds.set(kind, yield* openTarget(c, pid, `ns/${kind.name}`, fileOf(kind.letter)));
  }
  const root = has("r") ? yield* openTarget(c, pid, "root", fileOf("r")) : undefined;
  let wd = has("w") ? yield* openTarget(c, pid, "cwd", fileOf("w")) : undefined;
  yield* join(c, fds);
  const entered = (flag: number): boolean => [...fds.keys()].some((k) => k.flag === flag);
  const inNamespace = last("W")?.arg;
  if (root !== undefined) {
    if (wd === undefined && inNamespace === undefined)
      wd = yield* attempt(c, "cannot open current working directory", () => sys.openat(AT_FDCWD, ".", O_RDONLY | O_CLOEXEC));
    yield* attempt(c, "change directory by root file descriptor failed", () => sys.fchdir(root));
    yield* attempt(c, "chroot failed", () => sys.chroot("."));
    yield* sys.close(root);
  }
  if (inNamespace !== undefined)
    wd = yield* attempt(c, "cannot open current working directory", () => open(sys, inNamespace, O_RDONLY | O_CLOEXEC));
  if (wd !== undefined) {
    const fd = wd;
    yield* attempt(c, "change directory by working directory file descriptor failed", () => sys.fchdir(fd));
    yield* sys.close(fd);
  }
  if (has("preserve-credentials")) uid = gid = undefined;
  else if (entered(CLONE_NEWUSER)) {
    uid ??= 0;
    gid ??= 0;
  }
  if (!entered(CLONE_NEWPID) || has("F")) return yield* become(c, { uid, gid }, operands);
  // Only children are in the PID namespace that was joined.
  const child = yield* sys.fork(() => asChild(become(c, { uid, gid }, operands)));
  return yield* followChild(c, child);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  let parsed: Parsed;
  try {
    parsed = getopt(
      c.args,
      gnu
        ? { short: "+ahVt:m::u::i::n::p::C::U::T::S:G:r::w::W:FZ", long: gnuLong }
        : { short: "+t:m::u::i::n::p::U::S:G:r::w::F", long: longOf(busyboxKinds) },
      c.voice,
    );
  } catch (e) {
    if (e instanceof UsageError && gnu) return yield* badUsage(c, e.message);
    throw e;
  }
  if (parsed.options.some((o) => o.name === "h")) return yield* c.help();
  if (parsed.options.some((o) => o.name === "V")) {
    yield* c.print("nsenter from util-linux 2.38.1\n");
    return 0;
  }
  return yield* enter(c, parsed);
}

export const nsenter: Executable = {
  name: "nsenter",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/nsenter"],
  needed: ["libselinux.so.1", "libc.so.6"],
  sizeBytes: 35368,
  applet: "/usr/bin/nsenter",
};

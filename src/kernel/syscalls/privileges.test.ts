/**
 * capabilities(7) as a table: every privileged operation fails without its capability, works with that one alone, and does in a user namespace
 * of one's own what Linux lets it do there. Everything runs as user 1000.
 */

import { describe, expect, test } from "vitest";
import {
  CAP_CHECKPOINT_RESTORE,
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_IPC_LOCK,
  CAP_IPC_OWNER,
  CAP_KILL,
  CAP_MKNOD,
  CAP_SETFCAP,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_BOOT,
  CAP_SYS_CHROOT,
  CAP_SYS_NICE,
  CAP_SYS_PTRACE,
  CAP_SYS_RESOURCE,
  CAP_SYS_TIME,
  CAP_SYSLOG,
  capBit,
} from "../../abi/capability.ts";
import { Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CREAT, O_NOATIME, O_RDONLY, O_RDWR, O_WRONLY } from "../../abi/fcntl.ts";
import { IPC_CREAT, IPC_RMID, IPC_SET, SHM_LOCK } from "../../abi/ipc.ts";
import { PRIO_PROCESS, RLIMIT_NOFILE } from "../../abi/resource.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  PR_CAPBSET_DROP,
  PR_SET_KEEPCAPS,
  PR_SET_SECUREBITS,
} from "../../abi/sched.ts";
import { S_IFBLK, S_IFCHR, S_ISGID } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";

interface Row {
  readonly operation: string;
  readonly cap: number;
  /** What it fails with; and how it ends with the capability alone, and in a user namespace of one's own: "ok" or an errno. */
  readonly without: string;
  readonly with?: string;
  readonly inside: string;
  /** Done by root before. */
  readonly setUp?: (sys: Sys) => Proc<unknown>;
  readonly call: (sys: Sys) => Proc<unknown>;
}

const FILE = "/tmp/p/root";
const OWN = "/tmp/p/own";

/** Version 2, cap_chown permitted. */
const FILE_CAPS = new Uint8Array([0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

function* write(sys: Sys, path: string, text: string): Proc<void> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_WRONLY);
  yield* sys.write(fd, encodeUtf8(text));
}

/** The directory of root's and of user 1000's files; descriptor 0 is the initial UTS namespace. */
function* prepare(sys: Sys): Proc<void> {
  yield* sys.openat(AT_FDCWD, "/proc/1/ns/uts", O_RDONLY);
  yield* sys.mkdirat(AT_FDCWD, "/tmp/p", 0o777);
  yield* sys.fchmodat(AT_FDCWD, "/tmp/p", 0o1777);
  for (const path of [FILE, OWN]) {
    const fd = yield* sys.openat(AT_FDCWD, path, O_CREAT | O_RDWR, 0o600);
    yield* sys.close(fd);
  }
  yield* sys.fchownat(AT_FDCWD, OWN, 1000, 5, 0);
}

const rows: readonly Row[] = [
  {
    operation: "chown of one's own file to another user",
    cap: CAP_CHOWN,
    without: "EPERM",
    inside: "EINVAL",
    call: (s) => s.fchownat(AT_FDCWD, OWN, 5, -1, 0),
  },
  {
    operation: "reading another's file",
    cap: CAP_DAC_READ_SEARCH,
    without: "EACCES",
    inside: "EACCES",
    call: (s) => s.openat(AT_FDCWD, FILE, O_RDONLY),
  },
  {
    operation: "writing another's file",
    cap: CAP_DAC_OVERRIDE,
    without: "EACCES",
    inside: "EACCES",
    call: (s) => s.openat(AT_FDCWD, FILE, O_WRONLY),
  },
  {
    operation: "chmod of another's file",
    cap: CAP_FOWNER,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.fchmodat(AT_FDCWD, FILE, 0o644),
  },
  {
    operation: "unlink in a sticky directory",
    cap: CAP_FOWNER,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.unlinkat(AT_FDCWD, FILE, 0),
  },
  {
    operation: "a hard link to another's file",
    cap: CAP_FOWNER,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.linkat(AT_FDCWD, FILE, AT_FDCWD, "/tmp/p/l", 0),
  },
  {
    operation: "O_NOATIME of another's file",
    cap: CAP_FOWNER,
    without: "EPERM",
    inside: "EPERM",
    setUp: (s) => s.fchmodat(AT_FDCWD, FILE, 0o644),
    call: (s) => s.openat(AT_FDCWD, FILE, O_RDONLY | O_NOATIME),
  },
  {
    operation: "the set-group-ID bit of a foreign group",
    cap: CAP_FSETID,
    without: "bit 0",
    with: "bit 1",
    inside: "bit 0",
    *call(s) {
      yield* s.fchmodat(AT_FDCWD, OWN, 0o2755);
      const { mode } = yield* s.newfstatat(AT_FDCWD, OWN, 0);
      throw new Error(`bit ${(mode & S_ISGID) === 0 ? 0 : 1}`);
    },
  },
  { operation: "kill of another's process", cap: CAP_KILL, without: "EPERM", inside: "EPERM", call: (s) => s.kill(1, 0) },
  { operation: "setuid", cap: CAP_SETUID, without: "EPERM", inside: "EINVAL", call: (s) => s.setuid(0) },
  { operation: "setresuid", cap: CAP_SETUID, without: "EPERM", inside: "EINVAL", call: (s) => s.setresuid(-1, 7, -1) },
  { operation: "setgid", cap: CAP_SETGID, without: "EPERM", inside: "EINVAL", call: (s) => s.setgid(0) },
  { operation: "setgroups", cap: CAP_SETGID, without: "EPERM", inside: "EPERM", call: (s) => s.setgroups([5]) },
  { operation: "PR_CAPBSET_DROP", cap: CAP_SETPCAP, without: "EPERM", inside: "ok", call: (s) => s.prctl(PR_CAPBSET_DROP, 0) },
  { operation: "PR_SET_SECUREBITS", cap: CAP_SETPCAP, without: "EPERM", inside: "ok", call: (s) => s.prctl(PR_SET_SECUREBITS, 1) },
  {
    operation: "a character device",
    cap: CAP_MKNOD,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.mknodat(AT_FDCWD, "/tmp/p/c", S_IFCHR | 0o600, 0x103),
  },
  {
    operation: "a block device",
    cap: CAP_MKNOD,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.mknodat(AT_FDCWD, "/tmp/p/b", S_IFBLK | 0o600, 0x800),
  },
  { operation: "chroot", cap: CAP_SYS_CHROOT, without: "EPERM", inside: "ok", call: (s) => s.chroot("/") },
  { operation: "sethostname", cap: CAP_SYS_ADMIN, without: "EPERM", inside: "EPERM", call: (s) => s.sethostname("x") },
  { operation: "setdomainname", cap: CAP_SYS_ADMIN, without: "EPERM", inside: "EPERM", call: (s) => s.setdomainname("x") },
  { operation: "mount", cap: CAP_SYS_ADMIN, without: "EPERM", inside: "EPERM", call: (s) => s.mount("t", "/mnt", "tmpfs", 0, "") },
  {
    operation: "umount2",
    cap: CAP_SYS_ADMIN,
    without: "EPERM",
    with: "EBUSY",
    inside: "EPERM",
    call: (s) => s.umount2("/proc", 0),
    setUp: (s) => s.openat(AT_FDCWD, "/proc/stat", O_RDONLY),
  },
  { operation: "setns", cap: CAP_SYS_ADMIN, without: "EPERM", inside: "EPERM", call: (s) => s.setns(0, CLONE_NEWUTS) },
  ...(
    [
      ["uts", CLONE_NEWUTS],
      ["ipc", CLONE_NEWIPC],
      ["net", CLONE_NEWNET],
      ["mnt", CLONE_NEWNS],
      ["pid", CLONE_NEWPID],
      ["cgroup", CLONE_NEWCGROUP],
      ["time", CLONE_NEWTIME],
    ] as const
  ).map(
    ([kind, flag]): Row => ({
      operation: `a new ${kind} namespace`,
      cap: CAP_SYS_ADMIN,
      without: "EPERM",
      inside: "ok",
      call: (s) => s.unshare(flag),
    }),
  ),
  {
    operation: "trusted attributes",
    cap: CAP_SYS_ADMIN,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.setxattr(OWN, "trusted.x", new Uint8Array(1), 0),
  },
  {
    operation: "security attributes",
    cap: CAP_SYS_ADMIN,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.setxattr(OWN, "security.x", new Uint8Array(1), 0),
  },
  {
    operation: "seccomp without no_new_privs",
    cap: CAP_SYS_ADMIN,
    without: "EACCES",
    inside: "ok",
    call: (s) => s.seccomp({ defaultAction: { action: "allow" }, rules: [] }),
  },
  {
    operation: "file capabilities",
    cap: CAP_SETFCAP,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.setxattr(OWN, "security.capability", FILE_CAPS, 0),
  },
  {
    operation: "a higher priority",
    cap: CAP_SYS_NICE,
    without: "EACCES",
    inside: "EACCES",
    call: (s) => s.setpriority(PRIO_PROCESS, 0, -5),
  },
  {
    operation: "the priority of another's process",
    cap: CAP_SYS_NICE,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.setpriority(PRIO_PROCESS, 1, 5),
  },
  {
    operation: "the CPUs of another's process",
    cap: CAP_SYS_NICE,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.sched_setaffinity(1, [0]),
  },
  {
    operation: "the policy of another's process",
    cap: CAP_SYS_NICE,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.sched_setscheduler(1, 3, 0),
  },
  {
    operation: "a hard limit",
    cap: CAP_SYS_RESOURCE,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.prlimit64(0, RLIMIT_NOFILE, { cur: 10, max: 1_048_000 }),
    setUp: (s) => s.prlimit64(0, RLIMIT_NOFILE, { cur: 100, max: 100 }),
  },
  {
    operation: "a limit of another's process",
    cap: CAP_SYS_RESOURCE,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.prlimit64(1, RLIMIT_NOFILE),
  },
  {
    operation: "a lower oom_score_adj",
    cap: CAP_SYS_RESOURCE,
    without: "EACCES",
    inside: "EACCES",
    call: (s) => write(s, "/proc/self/oom_score_adj", "-5"),
  },
  {
    operation: "the clock",
    cap: CAP_SYS_TIME,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.clock_settime(CLOCK_REALTIME, { sec: 1_800_000_000, nsec: 0 }),
  },
  { operation: "the kernel log", cap: CAP_SYSLOG, without: "EPERM", inside: "EPERM", call: (s) => s.syslog(3) },
  { operation: "reboot", cap: CAP_SYS_BOOT, without: "EPERM", with: "EINVAL", inside: "EPERM", call: (s) => s.reboot(7) },
  {
    operation: "tracing another's process",
    cap: CAP_SYS_PTRACE,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => s.ptrace("PTRACE_SEIZE", 1),
  },
  {
    operation: "looking into another's process",
    cap: CAP_SYS_PTRACE,
    without: "EACCES",
    inside: "EACCES",
    call: (s) => s.readlinkat(AT_FDCWD, "/proc/1/exe"),
  },
  {
    operation: "the next PID",
    cap: CAP_CHECKPOINT_RESTORE,
    without: "EPERM",
    inside: "EPERM",
    call: (s) => write(s, "/proc/sys/kernel/ns_last_pid", "500"),
  },
  {
    operation: "another's shared memory",
    cap: CAP_IPC_OWNER,
    without: "EACCES",
    inside: "EACCES",
    setUp: (s) => s.shmget(7, 4096, IPC_CREAT | 0o600),
    call: (s) => s.shmat(0, 0, 0),
  },
  {
    operation: "another's semaphores",
    cap: CAP_IPC_OWNER,
    without: "EACCES",
    inside: "EACCES",
    setUp: (s) => s.semget(7, 1, IPC_CREAT | 0o600),
    call: (s) => s.semtimedop(0, [{ num: 0, op: 1, flg: 0 }]),
  },
  {
    operation: "another's message queue",
    cap: CAP_IPC_OWNER,
    without: "EACCES",
    inside: "EACCES",
    setUp: (s) => s.msgget(7, IPC_CREAT | 0o600),
    call: (s) => s.msgsnd(0, { mtype: 1, data: new Uint8Array(1) }, 0),
  },
  {
    operation: "removing another's segment",
    cap: CAP_SYS_ADMIN,
    without: "EPERM",
    inside: "EPERM",
    setUp: (s) => s.shmget(7, 4096, IPC_CREAT | 0o666),
    call: (s) => s.shmctl(0, IPC_RMID),
  },
  {
    operation: "locking another's segment",
    cap: CAP_IPC_LOCK,
    without: "EPERM",
    inside: "EPERM",
    setUp: (s) => s.shmget(7, 4096, IPC_CREAT | 0o666),
    call: (s) => s.shmctl(0, SHM_LOCK),
  },
  {
    operation: "more bytes in a queue than msgmnb",
    cap: CAP_SYS_RESOURCE,
    without: "EPERM",
    inside: "EPERM",
    *call(s) {
      const id = yield* s.msgget(0, 0o600);
      yield* s.msgctl(id, IPC_SET, { uid: yield* s.getuid(), gid: yield* s.getgid(), mode: 0o600, qbytes: 100_000 });
    },
  },
  {
    operation: "a deeper POSIX queue than msg_max",
    cap: CAP_SYS_RESOURCE,
    without: "EINVAL",
    inside: "EINVAL",
    call: (s) => s.mq_open("q", O_CREAT | O_RDWR, 0o600, { flags: 0, maxmsg: 20, msgsize: 10, curmsgs: 0 }),
  },
];

/** Becomes user 1000 with these capabilities and no others. */
function* become(sys: Sys, caps: bigint): Proc<void> {
  yield* sys.setgroups([]);
  yield* sys.setresgid(1000, 1000, 1000);
  yield* sys.prctl(PR_SET_KEEPCAPS, 1);
  yield* sys.setresuid(1000, 1000, 1000);
  yield* sys.capset({ permitted: caps, effective: caps, inheritable: 0n });
}

/** How the row's call ends: "ok", the errno, or what it has to say. */
function outcomeOf(row: Row, caps: bigint, inside: boolean): string {
  const kernel = new KernelUnderTest();
  return kernel.run(function* (sys): Proc<string> {
    yield* prepare(sys);
    if (row.setUp !== undefined) yield* row.setUp(sys);
    yield* become(sys, caps);
    if (inside) yield* sys.unshare(CLONE_NEWUSER);
    try {
      yield* row.call(sys);
      return "ok";
    } catch (e) {
      if (e instanceof Errno) return e.name;
      return (e as Error).message;
    }
  });
}

describe("privileged operations", () => {
  test.each(rows)("$operation", (row) => {
    const outcomes = { without: outcomeOf(row, 0n, false), with: outcomeOf(row, capBit(row.cap), false), inside: outcomeOf(row, 0n, true) };
    expect(outcomes).toEqual({ without: row.without, with: row.with ?? "ok", inside: row.inside });
  });
});

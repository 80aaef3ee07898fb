/**
 * Random programs of system calls: processes that fork, signal each other, share pipes and files, map memory and die, with every
 * argument drawn from values near the edges. Errors are expected; a panic, a crash of the kernel or books that do not balance are not.
 */

import { Errno } from "../abi/errno.ts";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  F_DUPFD,
  F_GETFL,
  F_SETFL,
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  O_RDWR,
  O_TRUNC,
} from "../abi/fcntl.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../abi/mman.ts";
import { POLLIN, POLLOUT } from "../abi/poll.ts";
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM } from "../abi/sched.ts";
import { SA_RESTART, SIG_BLOCK, SIG_DFL, SIG_IGN, SIG_SETMASK, SIG_UNBLOCK, SIGCONT, SIGKILL, SIGSTOP, sigSet } from "../abi/signal.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM } from "../abi/socket.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { WNOHANG, WUNTRACED, WCONTINUED } from "../abi/wait.ts";
import { mountOps } from "./fuzz-mounts.ts";
import { namespaceOps } from "./fuzz-namespaces.ts";
import { checkInvariants } from "./invariants.ts";
import { checkNoNamespaceLeaks } from "./namespace-invariants.ts";
import { DEFAULT_CONFIG, Machine } from "./boot.ts";

/** Where a program takes its decisions from; one stream for all processes, so that a seed is a whole run. */
export class Dice {
  constructor(private state: number) {}

  below(bound: number): number {
    // mulberry32
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

export interface Run {
  readonly sys: Sys;
  readonly dice: Dice;
  /** System calls left for all processes together. */
  left: number;
  processes: number;
}

const PATHS = [
  "/tmp/f/a",
  "/tmp/f/b",
  "/tmp/f/d",
  "/tmp/f/d/x",
  "/tmp/f/l",
  "/tmp/f/d/../a",
  "/tmp/f/d/.",
  "/proc/self/stat",
  "/dev/null",
  "/tmp/f/fifo",
  "",
  "/tmp/f/a/b",
];
const SIGNALS = [0, 1, 2, 10, 12, 13, 14, 15, 17, 18, 19, 20, 21, 28, 34, 65, SIGKILL, SIGSTOP, SIGCONT];
const SIZES = [0, 1, 7, 64, 511, 4096, 5000, 65_536, 70_000];

export type Op = (r: Run, depth: number) => Proc<unknown>;

const fd = (r: Run): number => r.dice.pick([-1, 0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 1023, 4096]);
const size = (r: Run): number => r.dice.pick(SIZES);
const path = (r: Run): string => r.dice.pick(PATHS);
const pid = (r: Run): number => r.dice.pick([-1, 0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 40, 99_999]);
const someSignal = (r: Run): number => r.dice.pick(SIGNALS);

/** One process: decides, calls, survives errors, ends. */
function* life(r: Run, depth: number): Proc<number> {
  r.processes++;
  while (r.left > 0) {
    r.left--;
    try {
      yield* r.dice.pick(depth > 4 ? quietOps : ops)(r, depth);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    if (depth > 0 && r.dice.below(40) === 0) return r.dice.below(256);
  }
  return 0;
}

const quietOps: readonly Op[] = [
  (r) => r.sys.getpid(),
  (r) => r.sys.getppid(),
  (r) => r.sys.close(fd(r)),
  (r) => r.sys.dup(fd(r)),
  (r) => r.sys.dup2(fd(r), r.dice.below(12)),
  (r) => r.sys.pipe2(r.dice.pick([0, O_NONBLOCK, 0o2000000, 12345])),
  function* (r) {
    // What could block for ever is asked for readiness first: a run must end.
    const f = fd(r);
    if ((yield* r.sys.poll([{ fd: f, events: POLLIN, revents: 0 }], 0)) > 0) yield* r.sys.read(f, new Uint8Array(size(r)));
  },
  function* (r) {
    const f = fd(r);
    if ((yield* r.sys.poll([{ fd: f, events: POLLOUT, revents: 0 }], 0)) > 0) yield* r.sys.write(f, new Uint8Array(Math.min(size(r), 512)));
  },
  (r) => r.sys.lseek(fd(r), r.dice.pick([-1, 0, 10, 5000, 1e9]), r.dice.below(6)),
  (r) =>
    r.sys.openat(
      AT_FDCWD,
      path(r),
      O_NONBLOCK | r.dice.pick([0, O_RDWR, O_RDWR | O_CREAT, O_CREAT | O_EXCL, O_RDWR | O_TRUNC, O_APPEND | 1]),
      0o644,
    ),
  (r) => r.sys.mkdirat(AT_FDCWD, path(r), 0o755),
  (r) => r.sys.unlinkat(AT_FDCWD, path(r), r.dice.pick([0, AT_REMOVEDIR])),
  (r) => r.sys.renameat2(AT_FDCWD, path(r), AT_FDCWD, path(r), r.dice.below(3)),
  (r) => r.sys.linkat(AT_FDCWD, path(r), AT_FDCWD, path(r), 0),
  (r) => r.sys.symlinkat(path(r), AT_FDCWD, path(r)),
  (r) => r.sys.mknodat(AT_FDCWD, path(r), r.dice.pick([0o010644, 0o100644, 0o140644]), 0),
  (r) => r.sys.newfstatat(AT_FDCWD, path(r), 0),
  (r) => r.sys.fstat(fd(r)),
  (r) => r.sys.getdents64(fd(r)),
  (r) => r.sys.ftruncate(fd(r), size(r)),
  (r) => r.sys.chdir(path(r)),
  (r) => r.sys.getcwd(),
  (r) => r.sys.fcntl(fd(r), r.dice.pick([F_DUPFD, F_GETFL, F_SETFL, 99]), r.dice.pick([0, 5, O_NONBLOCK])),
  (r) => r.sys.flock(fd(r), r.dice.pick([LOCK_EX | LOCK_NB, LOCK_UN, 99])),
  (r) => r.sys.mmap(0, size(r), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
  function* (r) {
    const length = size(r) * 16;
    const at = yield* r.sys.mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    yield* r.sys.touch(at, r.dice.below(length + 1));
    if (r.dice.below(2) === 0) yield* r.sys.munmap(at, r.dice.pick([length, 4096]));
  },
  function* (r) {
    const now = yield* r.sys.brk(0);
    yield* r.sys.brk(now + r.dice.pick([-4096, 0, 100, 8192]));
  },
  (r) => r.sys.kill(r.dice.pick([7, 8, 9, 10, 11, 12, 13, 50]), someSignal(r)),
  (r) => r.sys.tgkill(pid(r), pid(r), someSignal(r)),
  (r) => r.sys.rt_sigaction(someSignal(r), { handler: r.dice.pick([SIG_DFL, SIG_IGN]), flags: 0, mask: 0n }),
  (r) =>
    r.sys.rt_sigaction(r.dice.pick([10, 12, 14, 15, 17]), {
      handler: function* () {
        r.left--;
        yield* r.sys.getpid();
      },
      flags: r.dice.pick([0, SA_RESTART]),
      mask: sigSet(1, 2),
    }),
  (r) => r.sys.rt_sigprocmask(r.dice.pick([SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK, 7]), sigSet(r.dice.below(32) + 1, 15)),
  (r) => r.sys.wait4(pid(r), WNOHANG | r.dice.pick([0, WUNTRACED, WCONTINUED])),
  (r) => r.sys.setpgid(pid(r), pid(r)),
  (r) => r.sys.setsid(),
  (r) => r.sys.getpgid(pid(r)),
  (r) => r.sys.nanosleep(r.dice.pick([-1, 0, 1000, 5_000_000])),
  (r) => r.sys.alarm(r.dice.below(3)),
  (r) => r.sys.sched_yield(),
  (r) => r.sys.setpriority(0, pid(r), r.dice.below(40) - 20),
  (r) => r.sys.sched_setaffinity(0, [r.dice.below(5)]),
  (r) => r.sys.socketpair(AF_UNIX, r.dice.pick([SOCK_STREAM, SOCK_DGRAM, SOCK_STREAM | SOCK_NONBLOCK, 9]), 0),
  (r) => r.sys.sendmsg(fd(r), new Uint8Array(r.dice.below(300)), 0x4040, undefined, r.dice.below(3) === 0 ? [fd(r)] : undefined),
  (r) => r.sys.recvmsg(fd(r), new Uint8Array(256), 0x40),
  (r) => r.sys.shutdown(fd(r), r.dice.below(4)),
  (r) => r.sys.eventfd2(r.dice.below(3), O_NONBLOCK),
  (r) => r.sys.epoll_create1(0),
  (r) => r.sys.epoll_ctl(fd(r), r.dice.below(4), fd(r), { events: POLLIN, data: 1 }),
  (r) => r.sys.epoll_wait(fd(r), 4, 0),
  (r) => r.sys.spend(r.dice.pick([0, 1000, 3_000_000])),
];

const ops: readonly Op[] = [
  ...quietOps,
  ...namespaceOps(life),
  ...mountOps,
  (r, depth) => r.sys.fork(() => life(r, depth + 1)),
  (r, depth) => r.sys.clone3({ flags: CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD }, () => life(r, depth + 1)),
  (r, depth) => r.sys.vfork(() => life(r, depth + 2)),
];

/** Runs random programs for about `calls` system calls; throws where an invariant breaks. Returns the number of processes. */
export function fuzz(seed: number, calls: number, checkEvery = 2_000): number {
  const machine = new Machine({ ...DEFAULT_CONFIG, seed });
  machine.run(2e9);
  const { kernel } = machine;
  const r: Run = { sys: kernel.sys, dice: new Dice(seed), left: calls, processes: 0 };
  kernel.spawnHelper("fuzz", () =>
    (function* () {
      yield* r.sys.mkdirat(AT_FDCWD, "/tmp/f", 0o777);
      return 0;
    })(),
  );
  let next = calls - checkEvery;
  while (r.left > 0) {
    // All may have killed each other: a new one goes on.
    if (![...kernel.tasks].some((t) => t.comm === "fuzz" && t.state !== "dead" && t.state !== "stopped"))
      kernel.spawnHelper("fuzz", () => life(r, 0));
    const before = r.left;
    machine.run(machine.nowNs + 5e9, () => r.left < next);
    checkInvariants(kernel);
    next = r.left - checkEvery;
    if (r.left === before) for (const t of kernel.tasks) if (t.comm === "fuzz") kernel.signals.sendToProcess(SIGKILL, t.tg);
  }
  for (const t of [...kernel.tasks]) if (t.comm === "fuzz") kernel.signals.sendToProcess(SIGKILL, t.tg);
  machine.run(machine.nowNs + 5e9);
  checkInvariants(kernel);
  const left = [...kernel.tasks].filter((t) => t.comm === "fuzz");
  if (left.length > 0)
    throw new Error(`${left.length} processes outlived SIGKILL: ${left.map((t) => `${t.pid.nr} ${t.state}`).join(", ")}`);
  checkNoNamespaceLeaks(kernel);
  return r.processes;
}

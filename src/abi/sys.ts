/**
 * The system call interface: what a program may ask of the kernel, and nothing else.
 *
 * Calls bear the names of x86-64 Linux (man section 2). Arguments are JavaScript values where C has pointers: a path is
 * a string (see utf8.ts), a buffer a Uint8Array, and what C writes through a pointer is returned. A call fails by
 * throwing an `Errno`. Every call is made as `yield* sys.name(…)` at once: one that need not wait answers without
 * suspending anything, one that must sleep hands the CPU to the scheduler.
 */

import type { CapSet } from "./capability.ts";
import type { Flock } from "./fcntl.ts";
import type { Inotify } from "./inotify.ts";
import type { IpcSet, MqAttr, MqMessage, MqNotification, Msgbuf, MsqidDs, Sembuf, SemidDs, ShmidDs } from "./ipc.ts";
import type { EpollEvent, PollFd } from "./poll.ts";
import type { PtraceRequest, PtraceStop } from "./ptrace.ts";
import type { Rlimit, Rusage } from "./resource.ts";
import type { SeccompFilter } from "./seccomp.ts";
import type { SigAction, SigInfo, SigSet } from "./signal.ts";
import type { Message, SocketAddress, SocketOption } from "./socket.ts";
import type { Dirent, Stat, Statfs, TimeSetting, Timespec } from "./stat.ts";
import type { IoctlRequest, Ioctls } from "./termios.ts";
import type { Itimer } from "./time.ts";
import type { WaitResult } from "./wait.ts";

/** What a suspended generator hands to the scheduler: nothing, the task's state says why it stopped. */
export type Wait = undefined;

/** Something that runs in a task and may sleep; ends with a `T`, or throws an `Errno`. */
export interface Proc<T> {
  [Symbol.iterator](): Iterator<Wait, T, void>;
}

/** The environment of a process, in the order of `environ`. */
export type Env = Map<string, string>;

/** Which family's words, columns and options a tool speaks. */
export type Voice = "gnu" | "busybox";

/** What the kernel tells a new program image besides argv and environ: getauxval(3). */
export interface Auxv {
  /** From the executable's note. */
  readonly voice: Voice;
  /** AT_EXECFN: the path that execve was given (of the script, for `#!`). */
  readonly execfn: string;
  /** AT_SECURE: set-user-ID or file capabilities are in effect. */
  readonly secure: boolean;
  /** For the dynamic loader: what it is to start when the libraries are found (AT_ENTRY), and DT_NEEDED. */
  readonly dynamic?: { readonly entry: Program; readonly needed: readonly string[] };
}

/** The body of a program; ends with its exit status. */
export type Program = (sys: Sys, argv: readonly string[], env: Env, auxv: Auxv) => Proc<number>;

/** The body of a forked child or of a thread; ends with its exit status. */
export type Body = () => Proc<number>;

/** struct utsname. */
export interface Utsname {
  readonly sysname: string;
  readonly nodename: string;
  readonly release: string;
  readonly version: string;
  readonly machine: string;
  readonly domainname: string;
}

/** struct sysinfo; memory in bytes. */
export interface Sysinfo {
  readonly uptimeSec: number;
  /** Load averages of 1, 5 and 15 minutes. */
  readonly loads: readonly [number, number, number];
  readonly totalram: number;
  readonly freeram: number;
  readonly sharedram: number;
  readonly bufferram: number;
  readonly totalswap: number;
  readonly freeswap: number;
  readonly procs: number;
}

/** Seconds and nanoseconds to sleep, absolute with TIMER_ABSTIME. */
export interface CapData {
  readonly effective: CapSet;
  readonly permitted: CapSet;
  readonly inheritable: CapSet;
}

/** struct clone_args, as far as the machine knows it. */
export interface CloneArgs {
  /** CLONE_*. */
  readonly flags: number;
  /** Signal sent to the parent at exit; SIGCHLD unless given. */
  readonly exitSignal?: number;
  /** A descriptor of the cgroup directory to start in (CLONE_INTO_CGROUP). */
  readonly cgroup?: number;
}

export interface Sys {
  // ── Not system calls of Linux ──────────────────────────────────────────────────────────────────────────────────────
  /** User-mode CPU time of `ns` nanoseconds. May be preempted. A program that loops without system calls must call it. */
  spend(ns: number): Proc<void>;
  /** Touches `length` bytes at `addr`, so that their pages become resident and are charged. May be killed by the OOM killer. */
  touch(addr: number, length: number): Proc<void>;

  // ── Processes ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Starts a child that runs `body` in a copy of the caller's kernel state. JavaScript variables are shared: copy first. Returns the child's PID. */
  fork(body: Body): Proc<number>;
  /** As fork, but the caller sleeps until the child calls execve or exits. */
  vfork(body: Body): Proc<number>;
  clone3(args: CloneArgs, body: Body): Proc<number>;
  /** Leaves namespaces (CLONE_NEW…), and shared filesystem state (CLONE_FS), for new ones of its own. */
  unshare(flags: number): Proc<void>;
  /** Joins the namespace behind a descriptor of /proc/PID/ns; `nstype` 0 accepts any kind. */
  setns(fd: number, nstype: number): Proc<void>;
  /** Replaces the program. Never returns. */
  execve(path: string, argv: readonly string[], env: ReadonlyMap<string, string>): Proc<never>;
  execveat(dirfd: number, path: string, argv: readonly string[], env: ReadonlyMap<string, string>, flags: number): Proc<never>;
  /** Ends the calling thread. */
  exit(status: number): Proc<never>;
  exit_group(status: number): Proc<never>;
  /** Blocks until a child changes state, unless WNOHANG. */
  wait4(pid: number, options: number): Proc<WaitResult>;
  /** Blocks; undefined where WNOHANG found nothing. */
  waitid(idtype: number, id: number, options: number): Proc<SigInfo | undefined>;
  getpid(): Proc<number>;
  gettid(): Proc<number>;
  getppid(): Proc<number>;
  getpgid(pid: number): Proc<number>;
  setpgid(pid: number, pgid: number): Proc<void>;
  getsid(pid: number): Proc<number>;
  setsid(): Proc<number>;
  prctl(option: number, arg2?: number | string, arg3?: number): Proc<number | string>;
  /** Adds a filter for good, for this task and its children. Errors: EACCES without no_new_privs or CAP_SYS_ADMIN. */
  seccomp(filter: SeccompFilter): Proc<void>;
  ptrace(request: PtraceRequest, pid: number, data?: number): Proc<PtraceStop | undefined>;
  /** Blocks on FUTEX_WAIT while `word.value === value`; FUTEX_WAKE wakes up to `value` waiters and returns how many. */
  futex(word: { value: number }, op: "FUTEX_WAIT" | "FUTEX_WAKE", value: number, timeout?: Timespec): Proc<number>;

  // ── Identity ───────────────────────────────────────────────────────────────────────────────────────────────────────
  getuid(): Proc<number>;
  geteuid(): Proc<number>;
  getgid(): Proc<number>;
  getegid(): Proc<number>;
  /** Real, effective, saved. */
  getresuid(): Proc<readonly [number, number, number]>;
  getresgid(): Proc<readonly [number, number, number]>;
  setuid(uid: number): Proc<void>;
  setgid(gid: number): Proc<void>;
  setreuid(ruid: number, euid: number): Proc<void>;
  setregid(rgid: number, egid: number): Proc<void>;
  setresuid(ruid: number, euid: number, suid: number): Proc<void>;
  setresgid(rgid: number, egid: number, sgid: number): Proc<void>;
  getgroups(): Proc<readonly number[]>;
  setgroups(groups: readonly number[]): Proc<void>;
  capget(pid: number): Proc<CapData>;
  capset(data: CapData): Proc<void>;

  // ── Signals and timers ─────────────────────────────────────────────────────────────────────────────────────────────
  kill(pid: number, sig: number): Proc<void>;
  tgkill(tgid: number, tid: number, sig: number): Proc<void>;
  /** Returns the action that was set before; with no `action` changes nothing. */
  rt_sigaction(sig: number, action?: SigAction): Proc<SigAction>;
  /** Returns the mask that was set before; with no `set` changes nothing. */
  rt_sigprocmask(how: number, set?: SigSet): Proc<SigSet>;
  rt_sigpending(): Proc<SigSet>;
  /** Blocks until a signal outside `mask` was handled, then throws EINTR. */
  rt_sigsuspend(mask: SigSet): Proc<never>;
  /** Blocks until a signal of `set` is pending; throws EAGAIN after `timeout`. */
  rt_sigtimedwait(set: SigSet, timeout?: Timespec): Proc<SigInfo>;
  /** Blocks until a signal was handled, then throws EINTR. */
  pause(): Proc<never>;
  /** Returns the seconds that were left of the previous alarm. */
  alarm(seconds: number): Proc<number>;
  setitimer(which: number, value: Itimer): Proc<Itimer>;
  getitimer(which: number): Proc<Itimer>;
  /** Blocks for `ns`. When a signal handler interrupts it throws EINTR. */
  nanosleep(ns: number): Proc<void>;
  /** Blocks until a time (TIMER_ABSTIME) or for a span on the given clock. */
  clock_nanosleep(clock: number, flags: number, time: Timespec): Proc<void>;
  clock_gettime(clock: number): Proc<Timespec>;
  clock_settime(clock: number, time: Timespec): Proc<void>;

  // ── Scheduling, limits, accounting ─────────────────────────────────────────────────────────────────────────────────
  sched_yield(): Proc<void>;
  getpriority(which: number, who: number): Proc<number>;
  setpriority(which: number, who: number, nice: number): Proc<void>;
  sched_getscheduler(pid: number): Proc<number>;
  sched_setscheduler(pid: number, policy: number, priority: number): Proc<void>;
  /** CPU numbers. */
  sched_getaffinity(pid: number): Proc<readonly number[]>;
  sched_setaffinity(pid: number, cpus: readonly number[]): Proc<void>;
  /** Class in the bits above IOPRIO_CLASS_SHIFT, level below. Of several tasks, the highest. */
  ioprio_get(which: number, who: number): Proc<number>;
  ioprio_set(which: number, who: number, ioprio: number): Proc<void>;
  /** Returns the old limit. `pid` 0 is the caller. */
  prlimit64(pid: number, resource: number, limit?: Rlimit): Proc<Rlimit>;
  getrusage(who: number): Proc<Rusage>;

  // ── Memory ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Sets the program break; 0 asks for the present one. Returns the break that is in force. */
  brk(addr: number): Proc<number>;
  /** Returns the address. `fd` is -1 for MAP_ANONYMOUS. */
  mmap(addr: number, length: number, prot: number, flags: number, fd: number, offset: number): Proc<number>;
  munmap(addr: number, length: number): Proc<void>;
  mprotect(addr: number, length: number, prot: number): Proc<void>;

  // ── Descriptors ────────────────────────────────────────────────────────────────────────────────────────────────────
  openat(dirfd: number, path: string, flags: number, mode?: number): Proc<number>;
  close(fd: number): Proc<void>;
  /** Fills `buf`; returns the number of bytes, 0 at the end of the file. May block. */
  read(fd: number, buf: Uint8Array): Proc<number>;
  /** May block; the kernel copies what it takes. Returns the number of bytes written. */
  write(fd: number, buf: Uint8Array): Proc<number>;
  pread64(fd: number, buf: Uint8Array, offset: number): Proc<number>;
  pwrite64(fd: number, buf: Uint8Array, offset: number): Proc<number>;
  lseek(fd: number, offset: number, whence: number): Proc<number>;
  ftruncate(fd: number, length: number): Proc<void>;
  fallocate(fd: number, mode: number, offset: number, length: number): Proc<void>;
  /** Shares content instead of copying it where it can. Returns the number of bytes; 0 at the end of the input. */
  copy_file_range(fdIn: number, offIn: number | undefined, fdOut: number, offOut: number | undefined, length: number): Proc<number>;
  dup(fd: number): Proc<number>;
  dup2(oldfd: number, newfd: number): Proc<number>;
  dup3(oldfd: number, newfd: number, flags: number): Proc<number>;
  /** Descriptors of the read end and the write end. */
  pipe2(flags: number): Proc<readonly [number, number]>;
  fcntl(fd: number, cmd: number, arg?: number | Flock): Proc<number>;
  ioctl<R extends IoctlRequest>(fd: number, request: R, arg?: Ioctls[R]["arg"]): Proc<Ioctls[R]["answer"]>;
  /** May block. */
  flock(fd: number, operation: number): Proc<void>;
  fsync(fd: number): Proc<void>;
  sync(): Proc<void>;
  close_range(first: number, last: number, flags: number): Proc<void>;
  /** The next entries of a directory, at most about `count`; empty at the end. */
  getdents64(fd: number, count?: number): Proc<readonly Dirent[]>;

  // ── Paths ──────────────────────────────────────────────────────────────────────────────────────────────────────────
  newfstatat(dirfd: number, path: string, flags: number): Proc<Stat>;
  fstat(fd: number): Proc<Stat>;
  statfs(path: string): Proc<Statfs>;
  fstatfs(fd: number): Proc<Statfs>;
  faccessat2(dirfd: number, path: string, mode: number, flags: number): Proc<void>;
  getcwd(): Proc<string>;
  chdir(path: string): Proc<void>;
  fchdir(fd: number): Proc<void>;
  chroot(path: string): Proc<void>;
  /** Returns the old mask. */
  umask(mask: number): Proc<number>;
  mkdirat(dirfd: number, path: string, mode: number): Proc<void>;
  mknodat(dirfd: number, path: string, mode: number, dev: number): Proc<void>;
  unlinkat(dirfd: number, path: string, flags: number): Proc<void>;
  renameat2(olddirfd: number, oldpath: string, newdirfd: number, newpath: string, flags: number): Proc<void>;
  linkat(olddirfd: number, oldpath: string, newdirfd: number, newpath: string, flags: number): Proc<void>;
  symlinkat(target: string, newdirfd: number, linkpath: string): Proc<void>;
  readlinkat(dirfd: number, path: string): Proc<string>;
  fchmodat(dirfd: number, path: string, mode: number): Proc<void>;
  fchmod(fd: number, mode: number): Proc<void>;
  /** -1 leaves an id as it is. */
  fchownat(dirfd: number, path: string, uid: number, gid: number, flags: number): Proc<void>;
  fchown(fd: number, uid: number, gid: number): Proc<void>;
  /** An empty path sets the times of `dirfd` itself. */
  utimensat(dirfd: number, path: string, atime: TimeSetting, mtime: TimeSetting, flags: number): Proc<void>;
  truncate(path: string, length: number): Proc<void>;
  getxattr(path: string, name: string, follow?: boolean): Proc<Uint8Array>;
  setxattr(path: string, name: string, value: Uint8Array, flags: number, follow?: boolean): Proc<void>;
  listxattr(path: string, follow?: boolean): Proc<readonly string[]>;
  removexattr(path: string, name: string, follow?: boolean): Proc<void>;
  mount(source: string, target: string, fstype: string, flags: number, data: string): Proc<void>;
  umount2(target: string, flags: number): Proc<void>;
  /** Makes the mount at `newRoot` the root of the mount namespace, and puts the old root on `putOld` below it. */
  pivot_root(newRoot: string, putOld: string): Proc<void>;

  // ── Waiting for descriptors ────────────────────────────────────────────────────────────────────────────────────────
  /** Blocks until one is ready or `timeoutMs` (-1: forever) has passed. Returns how many have `revents`. */
  poll(fds: PollFd[], timeoutMs: number): Proc<number>;
  ppoll(fds: PollFd[], timeout: Timespec | undefined, mask: SigSet | undefined): Proc<number>;
  epoll_create1(flags: number): Proc<number>;
  epoll_ctl(epfd: number, op: number, fd: number, event?: EpollEvent): Proc<void>;
  epoll_wait(epfd: number, maxevents: number, timeoutMs: number): Proc<readonly EpollEvent[]>;
  eventfd2(initval: number, flags: number): Proc<number>;
  timerfd_create(clock: number, flags: number): Proc<number>;
  timerfd_settime(fd: number, flags: number, value: Itimer): Proc<Itimer>;
  signalfd4(fd: number, mask: SigSet, flags: number): Proc<number>;
  inotify_init1(flags: number): Proc<number>;
  inotify_add_watch(fd: number, path: string, mask: number): Proc<number>;
  inotify_rm_watch(fd: number, wd: number): Proc<void>;
  /** The queued events, at least one; blocks. Differs from Linux: read(2) of an inotify descriptor, with the structs decoded. */
  inotify_read(fd: number): Proc<readonly Inotify[]>;

  // ── Sockets ────────────────────────────────────────────────────────────────────────────────────────────────────────
  socket(domain: number, type: number, protocol: number): Proc<number>;
  socketpair(domain: number, type: number, protocol: number): Proc<readonly [number, number]>;
  bind(fd: number, addr: SocketAddress): Proc<void>;
  listen(fd: number, backlog: number): Proc<void>;
  accept4(fd: number, flags: number): Proc<{ readonly fd: number; readonly addr: SocketAddress }>;
  connect(fd: number, addr: SocketAddress): Proc<void>;
  sendmsg(fd: number, buf: Uint8Array, flags: number, to?: SocketAddress, fds?: readonly number[]): Proc<number>;
  recvmsg(fd: number, buf: Uint8Array, flags: number): Proc<Message>;
  shutdown(fd: number, how: number): Proc<void>;
  getsockname(fd: number): Proc<SocketAddress>;
  getpeername(fd: number): Proc<SocketAddress>;
  /** `argument` is what some options take in the buffer that they answer in, such as the name of a table. */
  getsockopt(fd: number, level: number, option: number, argument?: string): Proc<SocketOption>;
  setsockopt(fd: number, level: number, option: number, value: SocketOption): Proc<void>;

  // ── Interprocess communication ─────────────────────────────────────────────────────────────────────────────────────
  shmget(key: number, size: number, shmflg: number): Proc<number>;
  /** Maps a segment; the kernel chooses the address, which is returned. What is touched in it is charged, but cannot be read. */
  shmat(shmid: number, addr: number, shmflg: number): Proc<number>;
  shmdt(addr: number): Proc<void>;
  /** IPC_STAT answers; IPC_SET takes `set`. */
  shmctl(shmid: number, cmd: number, set?: IpcSet): Proc<ShmidDs | undefined>;
  semget(key: number, nsems: number, semflg: number): Proc<number>;
  /** semop(2) with an end. All operations at once or none; blocks. */
  semtimedop(semid: number, sops: readonly Sembuf[], timeout?: Timespec): Proc<void>;
  /** GETALL answers a list, IPC_STAT the struct, the others a number. */
  semctl(semid: number, semnum: number, cmd: number, arg?: number | readonly number[] | IpcSet): Proc<number | readonly number[] | SemidDs>;
  msgget(key: number, msgflg: number): Proc<number>;
  /** Blocks while the queue is full. */
  msgsnd(msqid: number, message: Msgbuf, msgflg: number): Proc<void>;
  /** Blocks until there is a message of that type. */
  msgrcv(msqid: number, size: number, type: number, msgflg: number): Proc<Msgbuf>;
  msgctl(msqid: number, cmd: number, set?: IpcSet): Proc<MsqidDs | undefined>;
  /** `name` without the slash that mq_open(3) wants in front. */
  mq_open(name: string, flags: number, mode?: number, attr?: MqAttr): Proc<number>;
  mq_unlink(name: string): Proc<void>;
  /** Blocks while the queue is full, until the time of day `timeout`. */
  mq_timedsend(fd: number, data: Uint8Array, priority: number, timeout?: Timespec): Proc<void>;
  /** The oldest message of the highest priority; blocks. `size` is that of the buffer. */
  mq_timedreceive(fd: number, size: number, timeout?: Timespec): Proc<MqMessage>;
  /** Asks to be told, once, of a message that arrives in the empty queue; without argument takes that back. */
  mq_notify(fd: number, notification?: MqNotification): Proc<void>;
  /** Returns the attributes; sets O_NONBLOCK where they are given. */
  mq_getsetattr(fd: number, attr?: Pick<MqAttr, "flags">): Proc<MqAttr>;

  // ── The system ─────────────────────────────────────────────────────────────────────────────────────────────────────
  uname(): Proc<Utsname>;
  sethostname(name: string): Proc<void>;
  setdomainname(name: string): Proc<void>;
  sysinfo(): Proc<Sysinfo>;
  getrandom(buf: Uint8Array, flags: number): Proc<number>;
  /** klogctl(3): the kernel log as text (type 3), its clearing (5) or its size (10). */
  syslog(type: number): Proc<string | number>;
  reboot(cmd: number): Proc<void>;
}

export type SyscallName = Exclude<keyof Sys, "spend" | "touch">;

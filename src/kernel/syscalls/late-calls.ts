/**
 * System calls whose code is a module (`task/module.ts`), because nobody makes them before the first prompt: the first of them sends for the code and
 * goes on as if it had been there. To move a family here, name its calls below, and its line goes from `table.ts` to `late-table.ts`.
 */

import { type ModuleName, requestModule } from "../task/module.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

const NAMES = [
  ...(["accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvmsg", "sendmsg", "setsockopt"] as const),
  ...(["shutdown", "socket", "socketpair"] as const),
  ...(["epoll_create1", "epoll_ctl", "epoll_wait", "eventfd2", "signalfd4", "timerfd_create", "timerfd_settime"] as const),
  ...(["inotify_init1", "inotify_add_watch", "inotify_rm_watch", "inotify_read"] as const),
  ...(["shmget", "shmat", "shmdt", "shmctl", "semget", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl"] as const),
  ...(["mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr"] as const),
  ...(["copy_file_range", "fchownat", "fchown", "flock", "linkat", "symlinkat", "renameat2", "utimensat"] as const),
  ...(["truncate", "ftruncate", "fallocate", "fsync", "sync", "statfs", "fstatfs"] as const),
  ...(["getxattr", "setxattr", "listxattr", "removexattr"] as const),
  ...(["pipe2", "pivot_root", "unshare", "setns", "prctl", "seccomp", "ioprio_get", "ioprio_set"] as const),
  ...(["sched_yield", "getpriority", "setpriority", "sched_getscheduler", "sched_setscheduler", "sched_getaffinity"] as const),
  ...(["sched_setaffinity", "prlimit64", "getrusage"] as const),
] as const;

export type LateCalls = Handlers<(typeof NAMES)[number]>;

export const LATE_CALLS: ModuleName<LateCalls> = { name: "late_calls" };

/** As many arguments as a system call has. */
type AnyHandler = (system: System, task: Task, a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown) => unknown;

const later =
  (name: (typeof NAMES)[number]): AnyHandler =>
  (system, task, a, b, c, d, e, f) =>
    (requestModule(system, LATE_CALLS)[name] as AnyHandler)(system, task, a, b, c, d, e, f);

export const lateCalls = Object.fromEntries(NAMES.map((name) => [name, later(name)])) as unknown as LateCalls;

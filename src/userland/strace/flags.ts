/** Names of flags and constants as strace prints them. Bits that have no name are shown in hexadecimal. */

import * as fcntl from "../../abi/fcntl.ts";
import { IN_ACCESS } from "../../abi/poll.ts";
import { findSignalName } from "../../abi/signal.ts";

type Names = readonly (readonly [value: number, name: string])[];

/** `A|B|0x10`, or `none` for zero. */
export function flagText(value: number, names: Names, none = "0"): string {
  let rest = value;
  const parts: string[] = [];
  for (const [bit, name] of names) {
    if (bit !== 0 && (rest & bit) === bit) {
      parts.push(name);
      rest &= ~bit;
    }
  }
  if (rest !== 0) parts.push(`0x${(rest >>> 0).toString(16)}`);
  return parts.length === 0 ? none : parts.join("|");
}

/** The one name of a value, or its number. */
export function constText(value: number, names: Names, prefix = ""): string {
  return names.find(([known]) => known === value)?.[1] ?? `0x${(value >>> 0).toString(16)}${prefix === "" ? "" : ` /* ${prefix}??? */`}`;
}

const openFlags: Names = [
  [fcntl.O_CREAT, "O_CREAT"],
  [fcntl.O_EXCL, "O_EXCL"],
  [fcntl.O_NOCTTY, "O_NOCTTY"],
  [fcntl.O_TRUNC, "O_TRUNC"],
  [fcntl.O_APPEND, "O_APPEND"],
  [fcntl.O_NONBLOCK, "O_NONBLOCK"],
  [fcntl.O_SYNC, "O_SYNC"],
  [fcntl.O_DSYNC, "O_DSYNC"],
  [fcntl.O_DIRECT, "O_DIRECT"],
  [fcntl.O_LARGEFILE, "O_LARGEFILE"],
  [fcntl.O_NOFOLLOW, "O_NOFOLLOW"],
  [fcntl.O_NOATIME, "O_NOATIME"],
  [fcntl.O_CLOEXEC, "O_CLOEXEC"],
  [fcntl.O_PATH, "O_PATH"],
  [fcntl.O_TMPFILE, "O_TMPFILE"],
  [fcntl.O_DIRECTORY, "O_DIRECTORY"],
];

/** Flags of open(2): the access mode always stands first. */
export function openFlagText(flags: number): string {
  const mode = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][flags & 3] ?? "";
  const rest = flags & ~3;
  return rest === 0 ? mode : `${mode}|${flagText(rest, openFlags)}`;
}

/** Flags of pipe2, dup3, epoll_create1 and their like: their own names for O_CLOEXEC and O_NONBLOCK. */
export function shortOpenFlags(flags: number, prefix: string): string {
  return flagText(flags, [
    [fcntl.O_NONBLOCK, `${prefix}NONBLOCK`],
    [fcntl.O_CLOEXEC, `${prefix}CLOEXEC`],
    [1, prefix === "EFD_" ? "EFD_SEMAPHORE" : `${prefix}1`],
  ]);
}

/** Tables by the name of the format that `syscall-table.ts` uses: bits. */
export const flagTables: Readonly<Record<string, Names>> = {
  atflags: [
    [0x100, "AT_SYMLINK_NOFOLLOW"],
    [0x200, "AT_EACCESS"],
    [0x400, "AT_SYMLINK_FOLLOW"],
    [0x800, "AT_NO_AUTOMOUNT"],
    [0x1000, "AT_EMPTY_PATH"],
  ],
  rmflags: [[0x200, "AT_REMOVEDIR"]],
  linkflags: [
    [0x400, "AT_SYMLINK_FOLLOW"],
    [0x1000, "AT_EMPTY_PATH"],
  ],
  renameflags: [
    [1, "RENAME_NOREPLACE"],
    [2, "RENAME_EXCHANGE"],
    [4, "RENAME_WHITEOUT"],
  ],
  waitflags: [
    [1, "WNOHANG"],
    [2, "WSTOPPED"],
    [4, "WEXITED"],
    [8, "WCONTINUED"],
    [0x01000000, "WNOWAIT"],
    [0x40000000, "__WALL"],
  ],
  prot: [
    [1, "PROT_READ"],
    [2, "PROT_WRITE"],
    [4, "PROT_EXEC"],
  ],
  mapflags: [
    [1, "MAP_SHARED"],
    [2, "MAP_PRIVATE"],
    [0x10, "MAP_FIXED"],
    [0x20, "MAP_ANONYMOUS"],
  ],
  access: [
    [4, "R_OK"],
    [2, "W_OK"],
    [1, "X_OK"],
  ],
  flock: [
    [1, "LOCK_SH"],
    [2, "LOCK_EX"],
    [8, "LOCK_UN"],
    [4, "LOCK_NB"],
  ],
  mountflags: [
    [1, "MS_RDONLY"],
    [2, "MS_NOSUID"],
    [4, "MS_NODEV"],
    [8, "MS_NOEXEC"],
    [16, "MS_SYNCHRONOUS"],
    [32, "MS_REMOUNT"],
    [256, "MS_NOSYMFOLLOW"],
    [1024, "MS_NOATIME"],
    [2048, "MS_NODIRATIME"],
    [4096, "MS_BIND"],
    [8192, "MS_MOVE"],
    [16384, "MS_REC"],
    [32768, "MS_SILENT"],
    [1 << 17, "MS_UNBINDABLE"],
    [1 << 18, "MS_PRIVATE"],
    [1 << 19, "MS_SLAVE"],
    [1 << 20, "MS_SHARED"],
    [1 << 21, "MS_RELATIME"],
    [1 << 24, "MS_STRICTATIME"],
  ],
  umountflags: [
    [1, "MNT_FORCE"],
    [2, "MNT_DETACH"],
    [4, "MNT_EXPIRE"],
    [8, "UMOUNT_NOFOLLOW"],
  ],
  pollevents: [
    [1, "POLLIN"],
    [2, "POLLPRI"],
    [4, "POLLOUT"],
    [8, "POLLERR"],
    [16, "POLLHUP"],
    [32, "POLLNVAL"],
    [0x2000, "POLLRDHUP"],
  ],
  epollevents: [
    [1, "EPOLLIN"],
    [2, "EPOLLPRI"],
    [4, "EPOLLOUT"],
    [8, "EPOLLERR"],
    [16, "EPOLLHUP"],
    [0x2000, "EPOLLRDHUP"],
    [0x40000000, "EPOLLONESHOT"],
    [0x80000000 | 0, "EPOLLET"],
  ],
  inotifymask: [
    [IN_ACCESS, "IN_ACCESS"],
    [2, "IN_MODIFY"],
    [4, "IN_ATTRIB"],
    [8, "IN_CLOSE_WRITE"],
    [16, "IN_CLOSE_NOWRITE"],
    [32, "IN_OPEN"],
    [64, "IN_MOVED_FROM"],
    [128, "IN_MOVED_TO"],
    [256, "IN_CREATE"],
    [512, "IN_DELETE"],
    [1024, "IN_DELETE_SELF"],
    [2048, "IN_MOVE_SELF"],
    [0x8000, "IN_IGNORED"],
    [0x40000000, "IN_ISDIR"],
  ],
  msgflags: [
    [1, "MSG_OOB"],
    [2, "MSG_PEEK"],
    [0x20, "MSG_TRUNC"],
    [0x40, "MSG_DONTWAIT"],
    [0x4000, "MSG_NOSIGNAL"],
  ],
  timerflags: [[1, "TIMER_ABSTIME"]],
  grndflags: [
    [1, "GRND_NONBLOCK"],
    [2, "GRND_RANDOM"],
  ],
  fallocflags: [
    [1, "FALLOC_FL_KEEP_SIZE"],
    [2, "FALLOC_FL_PUNCH_HOLE"],
  ],
  xattrflags: [
    [1, "XATTR_CREATE"],
    [2, "XATTR_REPLACE"],
  ],
  cloneflags: [
    [0x100, "CLONE_VM"],
    [0x200, "CLONE_FS"],
    [0x400, "CLONE_FILES"],
    [0x800, "CLONE_SIGHAND"],
    [0x1000, "CLONE_PIDFD"],
    [0x2000, "CLONE_PTRACE"],
    [0x4000, "CLONE_VFORK"],
    [0x8000, "CLONE_PARENT"],
    [0x10000, "CLONE_THREAD"],
    [0x20000, "CLONE_NEWNS"],
    [0x40000, "CLONE_SYSVSEM"],
    [0x80000, "CLONE_SETTLS"],
    [0x2000000, "CLONE_NEWCGROUP"],
    [0x4000000, "CLONE_NEWUTS"],
    [0x8000000, "CLONE_NEWIPC"],
    [0x10000000, "CLONE_NEWUSER"],
    [0x20000000, "CLONE_NEWPID"],
    [0x40000000, "CLONE_NEWNET"],
  ],
};

const numbered = (prefix: string, names: string): Names => names.split(" ").map((name, i) => [i, prefix + name] as const);

/** Tables by the name of the format: one of several. */
export const constTables: Readonly<Record<string, Names>> = {
  whence: numbered("SEEK_", "SET CUR END DATA HOLE"),
  sighow: numbered("SIG_", "BLOCK UNBLOCK SETMASK"),
  clock: [
    [0, "CLOCK_REALTIME"],
    [1, "CLOCK_MONOTONIC"],
    [2, "CLOCK_PROCESS_CPUTIME_ID"],
    [3, "CLOCK_THREAD_CPUTIME_ID"],
    [7, "CLOCK_BOOTTIME"],
  ],
  itimer: numbered("ITIMER_", "REAL VIRTUAL PROF"),
  prio: numbered("PRIO_", "PROCESS PGRP USER"),
  iowho: [
    [1, "IOPRIO_WHO_PROCESS"],
    [2, "IOPRIO_WHO_PGRP"],
    [3, "IOPRIO_WHO_USER"],
  ],
  policy: [
    [0, "SCHED_OTHER"],
    [1, "SCHED_FIFO"],
    [2, "SCHED_RR"],
    [3, "SCHED_BATCH"],
    [5, "SCHED_IDLE"],
  ],
  rlimit: numbered("RLIMIT_", "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME"),
  rusagewho: [
    [0, "RUSAGE_SELF"],
    [-1, "RUSAGE_CHILDREN"],
  ],
  idtype: numbered("P_", "ALL PID PGID PIDFD"),
  fcntl: [
    [0, "F_DUPFD"],
    [1, "F_GETFD"],
    [2, "F_SETFD"],
    [3, "F_GETFL"],
    [4, "F_SETFL"],
    [5, "F_GETLK"],
    [6, "F_SETLK"],
    [7, "F_SETLKW"],
    [1030, "F_DUPFD_CLOEXEC"],
    [1031, "F_SETPIPE_SZ"],
    [1032, "F_GETPIPE_SZ"],
  ],
  epollop: [
    [1, "EPOLL_CTL_ADD"],
    [2, "EPOLL_CTL_DEL"],
    [3, "EPOLL_CTL_MOD"],
  ],
  domain: [
    [0, "AF_UNSPEC"],
    [1, "AF_UNIX"],
    [2, "AF_INET"],
    [10, "AF_INET6"],
    [16, "AF_NETLINK"],
    [17, "AF_PACKET"],
  ],
  shuthow: numbered("SHUT_", "RD WR RDWR"),
  sol: [[1, "SOL_SOCKET"]],
  sockopt: [
    [2, "SO_REUSEADDR"],
    [3, "SO_TYPE"],
    [4, "SO_ERROR"],
    [7, "SO_SNDBUF"],
    [8, "SO_RCVBUF"],
    [9, "SO_KEEPALIVE"],
    [16, "SO_PASSCRED"],
    [17, "SO_PEERCRED"],
    [30, "SO_ACCEPTCONN"],
  ],
  prctl: [
    [1, "PR_SET_PDEATHSIG"],
    [2, "PR_GET_PDEATHSIG"],
    [7, "PR_GET_KEEPCAPS"],
    [8, "PR_SET_KEEPCAPS"],
    [15, "PR_SET_NAME"],
    [16, "PR_GET_NAME"],
    [22, "PR_SET_SECCOMP"],
    [23, "PR_CAPBSET_READ"],
    [24, "PR_CAPBSET_DROP"],
    [27, "PR_GET_SECUREBITS"],
    [28, "PR_SET_SECUREBITS"],
    [36, "PR_SET_CHILD_SUBREAPER"],
    [37, "PR_GET_CHILD_SUBREAPER"],
    [38, "PR_SET_NO_NEW_PRIVS"],
    [39, "PR_GET_NO_NEW_PRIVS"],
    [47, "PR_CAP_AMBIENT"],
  ],
  syslogtype: [
    [3, "SYSLOG_ACTION_READ_ALL"],
    [5, "SYSLOG_ACTION_CLEAR"],
    [10, "SYSLOG_ACTION_SIZE_BUFFER"],
  ],
  rebootcmd: [
    [0x1234567, "LINUX_REBOOT_CMD_RESTART"],
    [0xcdef0123 | 0, "LINUX_REBOOT_CMD_HALT"],
    [0x4321fedc, "LINUX_REBOOT_CMD_POWER_OFF"],
  ],
};

export const socketTypes: Names = [
  [1, "SOCK_STREAM"],
  [2, "SOCK_DGRAM"],
  [3, "SOCK_RAW"],
  [5, "SOCK_SEQPACKET"],
];

export const signalText = (sig: number): string => {
  const name = sig === 0 ? undefined : findSignalName(sig);
  if (name === undefined) return String(sig);
  return sig >= 32 ? `SIGRT_${sig - 32}` : `SIG${name}`;
};

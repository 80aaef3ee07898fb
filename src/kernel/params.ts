/**
 * Every limit and every cost of the machine in one place (xv6's param.h). Costs are virtual nanoseconds.
 *
 * The machine is deliberately slow, some tens of thousands of system calls a virtual second a CPU, so that four runaway
 * processes leave the visitor's computer cool and the graphs readable.
 */

// ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
/** The longest that a CPU runs ahead of the others: the skew between the clocks of CPUs stays below it. */
export const QUANTUM_NS = 1_000_000;
/** Time that a task may run before another of its group gets its turn (base_slice_ns of EEVDF). */
export const SLICE_NS = 3_000_000;
/** Vruntime credit of a task that wakes up. */
export const WAKEUP_CREDIT_NS = 3_000_000;
/** Coarse clock of inode times: one tick of a 250 Hz kernel. */
export const TICK_NS = 4_000_000;
/** USER_HZ: the unit of times(2) and /proc/PID/stat. */
export const USER_HZ = 100;

// ── Costs ────────────────────────────────────────────────────────────────────────────────────────────────────────────
/** Entering and leaving the kernel, for a call that has no entry in SYSCALL_COST_NS. */
export const SYSCALL_NS = 20_000;
/** Own costs of calls that do much more, or much less, than the rest. */
export const SYSCALL_COST_NS: Readonly<Record<string, number>> = {
  fork: 180_000,
  vfork: 90_000,
  clone3: 180_000,
  execve: 400_000,
  execveat: 400_000,
  exit: 60_000,
  exit_group: 60_000,
  mmap: 8_000,
  munmap: 8_000,
  brk: 6_000,
  getpid: 10_000,
  gettid: 10_000,
  getuid: 10_000,
  geteuid: 10_000,
  rt_sigaction: 6_000,
  rt_sigprocmask: 6_000,
  clock_gettime: 4_000,
};
/** Copying to or from a buffer: nanoseconds a byte. About 1 GB a virtual second. */
export const COPY_NS_PER_BYTE = 1;
/** Copying a file up in an overlay, besides its content: making it, its attributes, syncing its directory. */
export const COPY_UP_NS = 60_000;
/** A context switch. */
export const SWITCH_NS = 5_000;
/** A minor page fault: mapping and clearing one page. */
export const PAGE_FAULT_NS = 500;

/** Carrying one packet through a device and the stack above it, whoever's CPU it is. */
export const PACKET_NS = 5_000;

// ── Processes ────────────────────────────────────────────────────────────────────────────────────────────────────────
/** /proc/sys/kernel/pid_max. */
export const PID_MAX = 32_768;
/** PIDs below it are not used again after a wrap-around. */
export const RESERVED_PIDS = 300;
/** /proc/sys/kernel/threads-max, and RLIMIT_NPROC of every user is half of it, as Linux computes it from 2 GiB of memory. */
export const THREADS_MAX = 16_384;
/** Arguments plus environment of execve, bytes (ARG_MAX, a quarter of the stack limit). */
export const ARG_MAX = 2_097_152;
/** One string among them (MAX_ARG_STRLEN). */
export const MAX_ARG_STRLEN = 131_072;
/** Nested `#!` interpreters. */
export const BINPRM_MAX_RECURSION = 4;
/** Nested PID or user namespaces (MAX_PID_NS_LEVEL). */
export const MAX_NAMESPACE_DEPTH = 32;
export const RLIMIT_NOFILE_DEFAULT = 1_024;
export const RLIMIT_NOFILE_HARD = 1_048_576;
/** /proc/sys/fs/file-max: open file descriptions. */
export const FILE_MAX = 65_536;
/** Kernel memory that a task weighs: task_struct, stacks, page tables. */
export const TASK_KERNEL_BYTES = 32_768;
/** Resident memory of a new program image before it touches anything of its own. */
export const IMAGE_BYTES = 1_048_576;

/** Files that a cgroup can have: the inode numbers of two directories of cgroup2 are so far apart. */
export const CGROUP_FILES_MAX = 64;

// ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────
export const PAGE_SIZE = 4_096;
/** Share of memory that a tmpfs may hold unless `size=` says otherwise. */
export const TMPFS_SHARE = 0.5;
/** Real bytes that all file contents may keep in the visitor's browser, whatever the machine's memory is configured to. */
export const HOST_CONTENT_BYTES = 512 * 1024 * 1024;

/** Size of the root filesystem: that of a small disk. What is kept as bytes counts as memory besides. */
export const ROOT_BYTES = 32 * 1024 ** 3;

// ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────
export const NAME_MAX = 255;
export const PATH_MAX = 4_096;
/** Symbolic links followed in one walk (MAXSYMLINKS). */
export const MAX_SYMLINKS = 40;
export const PIPE_BUF = 4_096;
/** Capacity of a pipe unless F_SETPIPE_SZ changes it. */
export const PIPE_CAPACITY = 65_536;
/** /proc/sys/fs/pipe-max-size. */
export const PIPE_MAX_SIZE = 1_048_576;
/** Send buffer of a Unix socket (net.core.wmem_default). */
export const SOCKET_BUFFER = 212_992;
/** Datagrams that wait at a Unix socket which did not choose their sender (net.unix.max_dgram_qlen). */
export const MAX_DGRAM_QLEN = 10;
/** Descriptors in one message (SCM_MAX_FD). */
export const SCM_MAX_FD = 253;
/** net.core.somaxconn. */
export const SOMAXCONN = 4_096;
/** Packets that one drain of the receive queue takes before it lets others run (net.core.netdev_budget). */
export const NETDEV_BUDGET = 300;
/** Packets that wait between drivers and stack (net.core.netdev_max_backlog). */
export const NETDEV_MAX_BACKLOG = 1_000;
/** Canonical line of a terminal (N_TTY_BUF_SIZE). */
export const TTY_BUFFER = 4_096;
/** Output that a pty holds for its master before the writer sleeps. */
export const PTY_OUTPUT_BUFFER = 65_536;
/** Pseudo-terminals of one devpts instance (/proc/sys/kernel/pty/max). */
export const PTY_MAX = 4_096;
/** fs.mount-max: mounts of one namespace. */
export const MOUNT_MAX = 100_000;
/** fs.inotify.max_queued_events. */
export const INOTIFY_MAX_QUEUED = 16_384;
/** fs.protected_hardlinks, as Debian's procps sets it at boot. */
export const PROTECTED_HARDLINKS = 1;
/** fs.inotify.max_user_instances, fs.inotify.max_user_watches. */
export const INOTIFY_MAX_INSTANCES = 128;
export const INOTIFY_MAX_WATCHES = 8_192;
/** kernel.printk ring buffer, bytes. */
export const LOG_BUF_BYTES = 262_144;

// ── Interprocess communication ───────────────────────────────────────────────────────────────────────────────────────
/** /proc/sys/kernel/{shmmax,shmall,shmmni} of a new IPC namespace. The first two are ULONG_MAX - 2^24: no limit in practice. */
export const SHM_LIMITS = { shmmax: 2 ** 64 - 2 ** 24, shmall: 2 ** 64 - 2 ** 24, shmmni: 4_096 };
/** /proc/sys/kernel/{msgmax,msgmnb,msgmni}. */
export const MSG_LIMITS = { msgmax: 8_192, msgmnb: 16_384, msgmni: 32_000 };
/** /proc/sys/kernel/sem: a set, all sets, one call, sets. */
export const SEM_LIMITS = { semmsl: 32_000, semmns: 1_024_000_000, semopm: 500, semmni: 32_000 };
/** /proc/sys/fs/mqueue/*. */
export const MQUEUE_LIMITS = { msg_default: 10, msg_max: 10, msgsize_default: 8_192, msgsize_max: 8_192, queues_max: 256 };

// ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────────
/** uname -r, uname -v. */
export const UTS_RELEASE = "6.1.0-drydock";
export const UTS_VERSION = "#1 SMP PREEMPT_DYNAMIC Drydock";

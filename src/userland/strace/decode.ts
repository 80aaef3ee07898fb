/**
 * System calls as text: what strace(1) prints for their arguments and results. The formats of `syscall-table.ts` are
 * worked out here.
 * Differs from Linux: there are no pointers; where strace would show an address of the program, POINTER stands.
 */

import { Errno } from "../../abi/errno.ts";
import type { PollFd } from "../../abi/poll.ts";
import type { Rlimit, Rusage } from "../../abi/resource.ts";
import { SIGCHLD, sigMembers, type SigAction, type SigInfo } from "../../abi/signal.ts";
import type { SocketAddress } from "../../abi/socket.ts";
import { type Dirent, isBlk, isChr, major, minor, S_IFMT, type Stat, type Statfs, type Timespec } from "../../abi/stat.ts";
import type { CloneArgs, Sysinfo, Utsname } from "../../abi/sys.ts";
import { syscalls } from "../../abi/syscall-table.ts";
import type { Termios, Winsize } from "../../abi/termios.ts";
import type { Itimer } from "../../abi/time.ts";
import { byteLength } from "../../abi/utf8.ts";
import { type WaitResult, wCoreDump, wExitStatus, wIfContinued, wIfExited, wIfStopped, wStopSig, wTermSig } from "../../abi/wait.ts";
import { strftime } from "../libc/strftime.ts";
import { constTables, constText, flagTables, flagText, openFlagText, shortOpenFlags, signalText, socketTypes } from "./flags.ts";
import { type HexMode, quoteBytes, quoteText } from "./quote.ts";
import { sockaddrLength, sockaddrText } from "./sockaddr.ts";

const POINTER = "0x7ffe00001000";

export interface DecodeOptions {
  /** -s. */
  readonly max: number;
  /** -v. */
  readonly verbose: boolean;
  readonly hex: HexMode;
}

/** One call being decoded. */
interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  /** Undefined at entry. */
  readonly result: unknown;
  readonly failed: boolean;
  readonly o: DecodeOptions;
  /** With -y: what a descriptor stands for. */
  readonly fds: ReadonlyMap<number, string>;
  at: number;
}

const num = (value: unknown): number => (typeof value === "number" ? value : 0);
/** `%#03o`. */
const oct = (mode: number): string => ((mode & 0o7777) === 0 ? "000" : `0${(mode & 0o7777).toString(8)}`.padStart(3, "0"));
const hexText = (n: number): string => (n === 0 ? "NULL" : `0x${n.toString(16)}`);
const object = <T>(value: unknown): T => value as T;

const fileTypes = new Map([
  [0o140000, "S_IFSOCK"],
  [0o120000, "S_IFLNK"],
  [0o100000, "S_IFREG"],
  [0o060000, "S_IFBLK"],
  [0o040000, "S_IFDIR"],
  [0o020000, "S_IFCHR"],
  [0o010000, "S_IFIFO"],
]);

function fileMode(mode: number): string {
  const parts = [fileTypes.get(mode & S_IFMT)];
  if (mode & 0o4000) parts.push("S_ISUID");
  if (mode & 0o2000) parts.push("S_ISGID");
  if (mode & 0o1000) parts.push("S_ISVTX");
  return [...parts.filter((part) => part !== undefined), oct(mode & 0o777)].join("|");
}

const makedev = (dev: number): string => `makedev(0x${major(dev).toString(16)}, 0x${minor(dev).toString(16)})`;
const stamp = (t: Timespec): string =>
  `${t.sec} /* ${strftime("%Y-%m-%dT%H:%M:%S", t)}${t.nsec === 0 ? "" : `.${String(t.nsec).padStart(9, "0")}`}+0000 */`;

function statText(s: Stat, verbose: boolean): string {
  const size = isChr(s.mode) || isBlk(s.mode) ? `st_rdev=${makedev(s.rdev)}` : `st_size=${s.size}`;
  if (!verbose) return `{st_mode=${fileMode(s.mode)}, ${size}, ...}`;
  const times = (["atime", "mtime", "ctime"] as const).map((key) => `st_${key}=${stamp(s[key])}, st_${key}_nsec=${s[key].nsec}`);
  return (
    `{st_dev=${makedev(s.dev)}, st_ino=${s.ino}, st_mode=${fileMode(s.mode)}, st_nlink=${s.nlink}, st_uid=${s.uid}, st_gid=${s.gid}, ` +
    `st_blksize=${s.blksize}, st_blocks=${s.blocks}, ${size}, ${times.join(", ")}}`
  );
}

const magics = new Map([
  [0x01021994, "TMPFS_MAGIC"],
  [0x9fa0, "PROC_SUPER_MAGIC"],
  [0x62656572, "SYSFS_MAGIC"],
  [0x1cd1, "DEVPTS_SUPER_MAGIC"],
  [0x63677270, "CGROUP2_SUPER_MAGIC"],
  [0x794c7630, "OVERLAYFS_SUPER_MAGIC"],
]);

function statfsText(s: Statfs): string {
  const type = magics.get(s.type) ?? `0x${s.type.toString(16)}`;
  return (
    `{f_type=${type}, f_bsize=${s.bsize}, f_blocks=${s.blocks}, f_bfree=${s.bfree}, f_bavail=${s.bavail}, f_files=${s.files}, ` +
    `f_ffree=${s.ffree}, f_fsid={val=[0, 0]}, f_namelen=${s.namelen}, f_frsize=${s.bsize}, f_flags=0x${s.flags.toString(16)}}`
  );
}

const timespec = (t: Timespec): string => `{tv_sec=${t.sec}, tv_nsec=${t.nsec}}`;
const ofNs = (ns: number): Timespec => ({ sec: Math.floor(ns / 1e9), nsec: ns % 1e9 });

function itimerText(name: string, t: Itimer): string {
  const one = (ns: number): string => {
    const { sec, nsec } = ofNs(ns);
    return name.startsWith("timerfd") ? `{tv_sec=${sec}, tv_nsec=${nsec}}` : `{tv_sec=${sec}, tv_usec=${Math.floor(nsec / 1000)}}`;
  };
  return `{it_interval=${one(t.intervalNs)}, it_value=${one(t.valueNs)}}`;
}

/** `[USR1 USR2]`, or `~[KILL]` where most are in it. */
export function sigsetText(set: bigint): string {
  const members = sigMembers(set);
  const name = (sig: number): string => signalText(sig).replace(/^SIG/, "");
  if (members.length <= 32) return `[${members.map(name).join(" ")}]`;
  const absent = Array.from({ length: 64 }, (_, i) => i + 1).filter((sig) => !members.includes(sig));
  return `~[${absent.map(name).join(" ")}]`;
}

const actionFlags: readonly (readonly [number, string])[] = [
  [0x1, "SA_NOCLDSTOP"],
  [0x2, "SA_NOCLDWAIT"],
  [0x4, "SA_SIGINFO"],
  [0x10000000, "SA_RESTART"],
  [0x40000000, "SA_NODEFER"],
  [0x80000000 | 0, "SA_RESETHAND"],
];

function sigactionText(action: SigAction): string {
  const handler = typeof action.handler === "string" ? action.handler : POINTER;
  return `{sa_handler=${handler}, sa_mask=${sigsetText(action.mask)}, sa_flags=${flagText(action.flags | 0, actionFlags)}}`;
}

function waitStatus(status: number): string {
  if (wIfExited(status)) return `[{WIFEXITED(s) && WEXITSTATUS(s) == ${wExitStatus(status)}}]`;
  if (wIfStopped(status)) return `[{WIFSTOPPED(s) && WSTOPSIG(s) == ${signalText(wStopSig(status))}}]`;
  if (wIfContinued(status)) return "[{WIFCONTINUED(s)}]";
  return `[{WIFSIGNALED(s) && WTERMSIG(s) == ${signalText(wTermSig(status))}${wCoreDump(status) ? " && WCOREDUMP(s)" : ""}}]`;
}

const childCodes = ["", "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"];
const codes = new Map([
  [0, "SI_USER"],
  [0x80, "SI_KERNEL"],
  [-1, "SI_QUEUE"],
  [-2, "SI_TIMER"],
  [-6, "SI_TKILL"],
]);

/** `{si_signo=SIGCHLD, si_code=CLD_EXITED, …}`. */
export function siginfoText(info: SigInfo): string {
  const head = `{si_signo=${signalText(info.signo)}, si_code=`;
  if (info.signo === SIGCHLD && info.code > 0 && info.code < 7) {
    const status = info.code === 1 ? String(info.status) : signalText(info.status);
    return `${head}${childCodes[info.code]}, si_pid=${info.pid}, si_uid=${info.uid}, si_status=${status}, si_utime=0, si_stime=0}`;
  }
  const code = codes.get(info.code) ?? String(info.code);
  return info.code === 0x80 ? `${head}${code}}` : `${head}${code}, si_pid=${info.pid}, si_uid=${info.uid}}`;
}

const limitText = (n: number): string =>
  n === Number.POSITIVE_INFINITY ? "RLIM64_INFINITY" : n > 1024 && n % 1024 === 0 ? `${n / 1024}*1024` : String(n);
const rlimitText = (l: Rlimit): string => `{rlim_cur=${limitText(l.cur)}, rlim_max=${limitText(l.max)}}`;

function rusageText(r: Rusage, verbose: boolean): string {
  const time = (ns: number): string => `{tv_sec=${Math.floor(ns / 1e9)}, tv_usec=${Math.floor((ns % 1e9) / 1000)}}`;
  const rest = verbose
    ? `ru_maxrss=${r.maxrss}, ru_minflt=${r.minflt}, ru_majflt=${r.majflt}, ru_nvcsw=${r.nvcsw}, ru_nivcsw=${r.nivcsw}`
    : "...";
  return `{ru_utime=${time(r.utimeNs)}, ru_stime=${time(r.stimeNs)}, ${rest}}`;
}

function termiosText(t: Termios): string {
  const words = ["B38400", t.oflag & 1 ? "opost" : "-opost", t.lflag & 1 ? "isig" : "-isig", t.lflag & 2 ? "icanon" : "-icanon"];
  return `{c_iflag=0x${t.iflag.toString(16)}, c_oflag=0x${t.oflag.toString(16)}, c_cflag=0x${t.cflag.toString(16)}, c_lflag=0x${t.lflag.toString(16)}, ...} /* ${words.join(" ")} ${t.lflag & 8 ? "echo" : "-echo"} */`;
}

function listText(words: readonly string[], o: DecodeOptions): string {
  const shown = o.verbose ? words : words.slice(0, 32);
  return `[${shown.map((word) => quoteText(word, o.max, o.hex)).join(", ")}${shown.length < words.length ? ", ..." : ""}]`;
}

const reclen = (entry: Dirent): number => Math.ceil((19 + byteLength(entry.name) + 1) / 8) * 8;

type Format = (value: unknown, call: Call) => string;

function fdText(fd: number, call: Call): string {
  const path = call.fds.get(fd);
  return path === undefined ? String(fd) : `${fd}<${path}>`;
}

function pollText(fds: readonly PollFd[], call: Call): string {
  const names = flagTables.pollevents ?? [];
  return `[${fds.map((f) => `{fd=${fdText(f.fd, call)}, events=${flagText(f.events, names)}}`).join(", ")}]`;
}

/** The commands of shmctl, msgctl and semctl: IPC_…, SEM's own. */
const IPC_COMMANDS: ReadonlyMap<number, string> = new Map([
  [0, "IPC_RMID"],
  [1, "IPC_SET"],
  [2, "IPC_STAT"],
  [13, "GETALL"],
  [14, "GETNCNT"],
  [15, "GETZCNT"],
  [16, "SETVAL"],
  [17, "SETALL"],
]);

/** Formats of what the caller passed: each uses up one argument. */
const inFormats: Readonly<Record<string, Format>> = {
  int: (v) => (v === undefined ? "0" : String(v)),
  pid: (v) => String(v),
  id: (v) => String(v),
  any: (v, call) => (typeof v === "string" ? quoteText(v, call.o.max, call.o.hex) : v === undefined ? "0" : String(v)),
  fd: (v, call) => fdText(num(v), call),
  dirfd: (v, call) => (v === -100 ? (call.fds.has(-100) ? `AT_FDCWD<${call.fds.get(-100)}>` : "AT_FDCWD") : fdText(num(v), call)),
  path: (v, call) => quoteText(String(v), 4096, call.o.hex),
  str: (v, call) => quoteText(String(v), call.o.max, call.o.hex),
  argv: (v, call) => listText(object<readonly string[]>(v), call.o),
  envp: (v, call) => {
    const env = object<ReadonlyMap<string, string>>(v);
    if (!call.o.verbose) return `${POINTER} /* ${env.size} var${env.size === 1 ? "" : "s"} */`;
    return listText(
      [...env].map(([name, value]) => `${name}=${value}`),
      call.o,
    );
  },
  buf: (v, call) => quoteBytes(object<Uint8Array>(v), call.o.max, call.o.hex),
  openflags: (v, call) => {
    const prefix = {
      epoll_create1: "EPOLL_",
      eventfd2: "EFD_",
      timerfd_create: "TFD_",
      signalfd4: "SFD_",
      inotify_init1: "IN_",
      accept4: "SOCK_",
    }[call.name];
    if (prefix !== undefined) return shortOpenFlags(num(v), prefix);
    return call.name === "openat" ? openFlagText(num(v)) : shortOpenFlags(num(v), "O_");
  },
  mode: (v) => oct(num(v)),
  filemode: (v) => fileMode(num(v)),
  dev: (v) => makedev(num(v)),
  addr: (v) => hexText(num(v)),
  size: (v) => String(v),
  ipckey: (v) => (num(v) === 0 ? "IPC_PRIVATE" : `0x${(num(v) >>> 0).toString(16)}`),
  ipcflags: (v) => {
    const flags = ["IPC_CREAT", "IPC_EXCL", "IPC_NOWAIT"].filter((_, i) => (num(v) & (0o1000 << i)) !== 0);
    return [...flags, oct(num(v) & 0o777)].join("|");
  },
  ipccmd: (v) => IPC_COMMANDS.get(num(v)) ?? String(v),
  offset: (v, call) => (call.name === "mmap" && num(v) !== 0 ? `0x${num(v).toString(16)}` : String(v)),
  offp: (v) => (v === undefined ? "NULL" : `[${v}]`),
  signal: (v) => signalText(num(v)),
  sigset: (v) => (v === undefined ? "NULL" : sigsetText(object<bigint>(v))),
  sigaction: (v) => sigactionText(object<SigAction>(v)),
  ns: (v) => timespec(ofNs(num(v))),
  timespec: (v) => timespec(object<Timespec>(v)),
  timeoutms: (v) => String(v),
  itimerval: (v, call) => itimerText(call.name, object<Itimer>(v)),
  times: (v, call) => {
    const other = call.args[call.at];
    call.at++;
    const one = (t: unknown): string =>
      typeof t === "string" ? t : `${timespec(object<Timespec>(t))} /* ${strftime("%Y-%m-%dT%H:%M:%S+0000", object<Timespec>(t))} */`;
    return v === "UTIME_NOW" && other === "UTIME_NOW" ? "NULL" : `[${one(v)}, ${one(other)}]`;
  },
  rlim: (v) => rlimitText(object<Rlimit>(v)),
  cpus: (v) => `[${object<readonly number[]>(v).join(" ")}]`,
  list: (v) => `[${object<readonly number[]>(v).join(", ")}]`,
  schedparam: (v) => `[${v}]`,
  socktype: (v) => {
    const text = constText(num(v) & 0xf, socketTypes);
    const rest = num(v) & ~0xf;
    return rest === 0 ? text : `${text}|${shortOpenFlags(rest, "SOCK_")}`;
  },
  sockaddr: (v, call) =>
    v === undefined ? "NULL" : `${sockaddrText(object<SocketAddress>(v), call.o.hex)}, ${sockaddrLength(object<SocketAddress>(v))}`,
  fds: (v) => `[${object<readonly number[]>(v).join(", ")}]`,
  pollfds: (v, call) => pollText(object<readonly PollFd[]>(v), call),
  epollevent: (v) => epollText(v),
  xattr: (v, call) => `${quoteBytes(object<Uint8Array>(v), call.o.max, call.o.hex)}, ${object<Uint8Array>(v).length}`,
  caps: () => "{...}",
  ioprio: (v) => `IOPRIO_PRIO_VALUE(${IOPRIO_CLASSES[Number(v) >> 13] ?? Number(v) >> 13}, ${Number(v) & 0x1fff})`,
  cloneargs: (v) => {
    const a = object<CloneArgs>(v);
    return `{flags=${flagText(a.flags, flagTables.cloneflags ?? [])}, exit_signal=${signalText(a.exitSignal ?? SIGCHLD)}, stack=NULL, stack_size=0}, 88`;
  },
  ptrace: (v) => String(v),
  futexword: () => POINTER,
  futexop: (v) => String(v),
  ioctl: (v) => String(v),
};

const IOPRIO_CLASSES = ["IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];

function epollText(v: unknown): string {
  const { events, data } = object<{ events: number; data: number }>(v);
  return `{events=${flagText(events, flagTables.epollevents ?? [])}, data={u32=${data}, u64=${data}}}`;
}

/** Formats of what came back. */
const outFormats: Readonly<Record<string, Format>> = {
  wstatus: (v) => (object<WaitResult>(v).pid === 0 ? POINTER : waitStatus(object<WaitResult>(v).status)),
  rusage: (v, call) => (call.name === "wait4" ? "NULL" : rusageText(object<Rusage>(v), call.o.verbose)),
  siginfo: (v) => (v === undefined ? "{}" : siginfoText(object<SigInfo>(v))),
  triple: (v) =>
    object<readonly number[]>(v)
      .map((id) => `[${id}]`)
      .join(", "),
  count: (v) => String(object<readonly number[]>(v).length),
  list: (v) => (object<readonly number[]>(v).length === 0 ? "NULL" : `[${object<readonly number[]>(v).join(", ")}]`),
  caps: () => "{...}",
  sigaction: (v) => sigactionText(object<SigAction>(v)),
  sigset: (v) => sigsetText(object<bigint>(v)),
  itimerval: (v, call) => itimerText(call.name, object<Itimer>(v)),
  timespec: (v) => timespec(object<Timespec>(v)),
  cpus: (v) => `[${object<readonly number[]>(v).join(" ")}]`,
  rlim: (v, call) => (call.args[2] === undefined ? rlimitText(object<Rlimit>(v)) : "NULL"),
  pair: (v) => `[${object<readonly number[]>(v).join(", ")}]`,
  dirents: (v, call) => {
    const entries = object<readonly Dirent[]>(v);
    if (!call.o.verbose) return `${POINTER} /* ${entries.length} entries */`;
    return `[${entries.map((e) => `{d_ino=${e.ino}, d_reclen=${reclen(e)}, d_name=${quoteText(e.name, 4096, call.o.hex)}}`).join(", ")}]`;
  },
  stat: (v, call) => statText(object<Stat>(v), call.o.verbose),
  statfs: (v) => statfsText(object<Statfs>(v)),
  path: (v, call) => quoteText(String(v), 4096, call.o.hex),
  xattr: (v, call) => `${quoteBytes(object<Uint8Array>(v), call.o.max, call.o.hex)}, ${object<Uint8Array>(v).length}`,
  names: (v, call) =>
    `${quoteText(
      object<readonly string[]>(v)
        .map((n) => `${n}\0`)
        .join(""),
      call.o.max,
      call.o.hex,
    )}, 65536`,
  epollevents: (v) => `[${object<readonly unknown[]>(v).map(epollText).join(", ")}]`,
  inotify: (v) => `${POINTER} /* ${object<readonly unknown[]>(v).length} events */`,
  sockaddr: (v, call) => {
    const a = call.name === "accept4" ? object<{ addr: SocketAddress }>(v).addr : object<SocketAddress>(v);
    return `${sockaddrText(a, call.o.hex)}, [${sockaddrLength(a)}]`;
  },
  any: (v) => `[${typeof v === "number" ? v : "{...}"}], [4]`,
  utsname: (v, call) => {
    const u = object<Utsname>(v);
    const rest = call.o.verbose
      ? `release="${u.release}", version="${u.version}", machine="${u.machine}", domainname="${u.domainname}"`
      : "...";
    return `{sysname="${u.sysname}", nodename="${u.nodename}", ${rest}}`;
  },
  sysinfo: (v) => {
    const s = object<Sysinfo>(v);
    return `{uptime=${Math.floor(s.uptimeSec)}, loads=[${s.loads.map((l) => Math.floor(l * 65536)).join(", ")}], totalram=${s.totalram}, freeram=${s.freeram}, sharedram=${s.sharedram}, bufferram=${s.bufferram}, totalswap=${s.totalswap}, freeswap=${s.freeswap}, procs=${s.procs}, totalhigh=0, freehigh=0, mem_unit=1}`;
  },
};

/** What C passes and we do not. */
function constantFormat(word: string, call: Call): string | undefined {
  const last = call.args[call.at - 1];
  switch (word) {
    case "len":
      return last instanceof Uint8Array ? String(last.length) : "65536";
    case "null":
      return "NULL";
    case "zero":
      return "0";
    case "eight":
      return "8";
    case "cpusize":
      return "8";
    case "pathsize":
      return "4096";
    case "dentsize":
      return "32768";
    case "nfds":
      return String(Array.isArray(last) ? last.length : 0);
    case "strlen":
      return String(byteLength(String(last)));
    case "count": {
      const next = call.args[call.at];
      return Array.isArray(next) ? String(next.length) : "0";
    }
    default:
      return undefined;
  }
}

function ioctlArgument(call: Call): string {
  const arg = call.args[2];
  const value = arg ?? call.result;
  if (call.failed) return arg === undefined ? POINTER : "{...}";
  if (typeof value === "object" && value !== null && "cols" in value) {
    const w = object<Winsize>(value);
    return `{ws_row=${w.rows}, ws_col=${w.cols}, ws_xpixel=0, ws_ypixel=0}`;
  }
  if (typeof value === "object" && value !== null && "lflag" in value) return termiosText(object<Termios>(value));
  return value === undefined ? "0" : call.args[1] === "TIOCSCTTY" ? String(value) : `[${value}]`;
}

function fcntlArgument(call: Call): string | undefined {
  const cmd = num(call.args[1]);
  const arg = num(call.args[2]);
  if (cmd === 1 || cmd === 3 || cmd === 1032) return undefined;
  if (cmd === 2) return flagText(arg, [[1, "FD_CLOEXEC"]]);
  return cmd === 4 ? openFlagText(arg) : String(arg);
}

/** One format with `call.at` at its argument; undefined where nothing is shown. */
function formatOne(word: string, call: Call): string | undefined {
  if (word.startsWith(">")) {
    // What would have been filled in is only an address.
    if (call.failed) return POINTER;
    return outFormats[word.slice(1)]?.(call.result, call) ?? POINTER;
  }
  if (word === "ioctlarg") return ioctlArgument(call);
  if (word === "fcntlarg") return fcntlArgument(call);
  if (word === "obuf") {
    const buf = call.args[call.at++];
    if (call.failed || !(buf instanceof Uint8Array)) return POINTER;
    const length = typeof call.result === "number" ? call.result : object<{ length: number }>(call.result).length;
    return quoteBytes(buf.subarray(0, length), call.o.max, call.o.hex);
  }
  const name = word.replace(/\?$/, "");
  const constant = constantFormat(name, call);
  if (constant !== undefined) return constant;
  const value = call.args[call.at++];
  if (word.endsWith("?") && value === undefined) return name === "mode" || name === "fds" ? undefined : "NULL";
  // Only device nodes have a number.
  if (name === "dev" && !isChr(num(call.args[2])) && !isBlk(num(call.args[2]))) return undefined;
  if (name === "mode" && call.name === "openat" && (num(call.args[2]) & 0o100) === 0) return undefined;
  const flags = flagTables[name];
  if (flags !== undefined) return flagText(num(value), flags, name === "access" ? "F_OK" : name === "prot" ? "PROT_NONE" : "0");
  const constants = constTables[name];
  if (constants !== undefined) return constText(num(value) | 0, constants);
  return inFormats[name]?.(value, call) ?? String(value);
}

const isOut = (word: string): boolean => word.startsWith(">") || word === "obuf" || word === "ioctlarg";

/** The parts of a line: what is known at entry, what exit adds, and the result. */
export interface DecodedExit {
  readonly rest: string;
  readonly result: string;
}

/** `name(first, second, `: everything up to the first argument that the call fills in. */
export function decodeEntry(name: string, args: readonly unknown[], o: DecodeOptions, fds: ReadonlyMap<number, string>): string {
  const formats = syscalls.get(name)?.args ?? args.map(() => "any");
  const call: Call = { name, args, result: undefined, failed: false, o, fds, at: 0 };
  const parts: string[] = [];
  let open = false;
  for (const word of formats) {
    if (isOut(word)) {
      open = true;
      break;
    }
    const text = formatOne(word, call);
    if (text !== undefined) parts.push(text);
  }
  return `${name === "inotify_read" ? "read" : name}(${parts.join(", ")}${open && parts.length > 0 ? ", " : ""}`;
}

/** What follows the entry. */
export function decodeExit(
  name: string,
  args: readonly unknown[],
  result: unknown,
  o: DecodeOptions,
  fds: ReadonlyMap<number, string>,
): DecodedExit {
  const formats = syscalls.get(name)?.args ?? args.map(() => "any");
  const call: Call = { name, args, result, failed: result instanceof Errno, o, fds, at: 0 };
  const parts: string[] = [];
  let rest = false;
  for (const word of formats) {
    if (isOut(word)) rest = true;
    const text = formatOne(word, call);
    if (rest && text !== undefined) parts.push(text);
  }
  return { rest: parts.join(", "), result: resultText(call) };
}

function resultText(call: Call): string {
  const { result, name } = call;
  if (result instanceof Errno) return `-1 ${result.name} (${result.message})`;
  if (result === undefined) return "0";
  if (typeof result === "number") return numberResult(result, call);
  if (typeof result === "string")
    return name === "getcwd" ? String(byteLength(result) + 1) : name === "prctl" ? "0" : String(byteLength(result));
  if (typeof result === "bigint") return "0";
  if (Array.isArray(result)) {
    if (name === "getdents64") return String((result as Dirent[]).reduce((sum, e) => sum + reclen(e), 0));
    if (name === "listxattr") return String((result as string[]).reduce((sum, n) => sum + byteLength(n) + 1, 0));
    if (name === "sched_getaffinity") return "8";
    if (name === "inotify_read") return String(result.length * 16);
    return name === "pipe2" || name === "socketpair" || name.startsWith("getres") ? "0" : String(result.length);
  }
  if (result instanceof Uint8Array) return String(result.length);
  if (typeof result === "object" && result !== null) {
    if (name === "wait4") return String(object<WaitResult>(result).pid);
    if (name === "accept4") return fdText(object<{ fd: number }>(result).fd, call);
    if (name === "recvmsg") return String(object<{ length: number }>(result).length);
  }
  return "0";
}

const returnsFd = new Set([
  "openat",
  "dup",
  "dup2",
  "dup3",
  "socket",
  "epoll_create1",
  "eventfd2",
  "timerfd_create",
  "signalfd4",
  "inotify_init1",
]);

function numberResult(n: number, call: Call): string {
  const { name, args } = call;
  if (name === "brk" || name === "mmap") return `0x${n.toString(16)}`;
  if (name === "umask") return `0${n.toString(8)}`;
  if (returnsFd.has(name)) return fdText(n, call);
  if (name === "getsockopt") return "0";
  if (name === "poll" || name === "ppoll") {
    if (n === 0) return "0 (Timeout)";
    const ready = object<readonly PollFd[]>(args[0]).filter((f) => f.revents !== 0);
    return `${n} ([${ready.map((f) => `{fd=${fdText(f.fd, call)}, revents=${flagText(f.revents, flagTables.pollevents ?? [])}}`).join(", ")}])`;
  }
  if (name === "fcntl" && args[1] === 3) return `${n === 0 ? "0" : `0x${n.toString(16)}`} (flags ${openFlagText(n)})`;
  if (name === "fcntl" && args[1] === 1) return n === 0 ? "0" : "0x1 (flags FD_CLOEXEC)";
  return String(n);
}

/** Indexes of the arguments that are descriptors, for -y. */
export function descriptorsOf(name: string, args: readonly unknown[]): number[] {
  const formats = syscalls.get(name)?.args ?? [];
  const found: number[] = [];
  let at = 0;
  for (const word of formats) {
    if (word.startsWith(">") || word === "len" || word === "null" || word === "eight") continue;
    const value = args[at++];
    if ((word === "fd" || word === "dirfd") && typeof value === "number") found.push(value);
    if (word === "pollfds" && Array.isArray(value)) for (const f of value as PollFd[]) found.push(f.fd);
  }
  return found;
}

/** The descriptor that a successful call made, for -y. */
export const madeDescriptor = (name: string, result: unknown): number | undefined =>
  returnsFd.has(name) && typeof result === "number" ? result : undefined;

/** Whether a format of the system call table is one that is worked out here. */
export function isKnownFormat(word: string): boolean {
  const name = word.replace(/\?$/, "");
  if (name.startsWith(">")) return Object.hasOwn(outFormats, name.slice(1));
  if (name === "obuf" || name === "ioctlarg" || name === "fcntlarg") return true;
  if (
    constantFormat(name, {
      name: "",
      args: [],
      result: undefined,
      failed: false,
      o: { max: 0, verbose: false, hex: 0 },
      fds: new Map(),
      at: 0,
    })
  )
    return true;
  return Object.hasOwn(flagTables, name) || Object.hasOwn(constTables, name) || Object.hasOwn(inFormats, name);
}

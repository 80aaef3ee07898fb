/** Which calls and signals are shown: the classes of `-e trace=` and the words of `-e signal=`, `-e status=`. */

import { findSignalNumber } from "../../abi/signal.ts";
import { syscalls, syscallTable } from "../../abi/syscall-table.ts";

/** A wrong expression, in strace's words. */
export class FilterError {
  constructor(readonly message: string) {}
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

const classes: Readonly<Record<string, ReadonlySet<string>>> = {
  process: words("fork vfork clone3 execve execveat exit exit_group wait4 waitid kill tgkill"),
  signal: words("kill tgkill rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait pause signalfd4"),
  memory: words("brk mmap munmap mprotect"),
  network: words("socket socketpair bind listen accept4 connect sendmsg recvmsg shutdown getsockname getpeername getsockopt setsockopt"),
  creds: words(
    "getuid geteuid getgid getegid getresuid getresgid setuid setgid setreuid setregid setresuid setresgid getgroups setgroups capget capset prctl",
  ),
  ipc: new Set(),
  stat: new Set(),
  lstat: new Set(),
  fstat: words("newfstatat fstat"),
  statfs: words("statfs"),
  fstatfs: words("fstatfs"),
  clock: words("clock_gettime clock_settime"),
  pure: words("getpid gettid getppid getuid geteuid getgid getegid"),
};

function inClass(name: string, klass: string): boolean | undefined {
  const formats = syscalls.get(name)?.args ?? [];
  if (klass === "file") return formats.some((f) => f === "path" || f === ">path");
  if (klass === "desc")
    return (
      formats.some((f) => f === "fd" || f === "dirfd" || f === "pollfds" || f === ">pair") ||
      /^(epoll|eventfd|timerfd|signalfd|inotify)/.test(name)
    );
  if (klass === "all") return true;
  if (klass === "none") return false;
  const set = classes[klass === "net" ? "network" : klass];
  return set?.has(name);
}

/** The test of a list like `open,close`, `%file`, `!desc`, `/^get`. */
export function syscallFilter(expression: string): (name: string) => boolean {
  const negated = expression.startsWith("!");
  const tests = (negated ? expression.slice(1) : expression).split(",").map(syscallTest);
  return (name) => tests.some((test) => test(name)) !== negated;
}

function syscallTest(word: string): (name: string) => boolean {
  const known = word.replace(/^\?/, "");
  if (known.startsWith("/")) {
    const pattern = new RegExp(known.slice(1));
    return (name) => pattern.test(name);
  }
  const klass = known.replace(/^%/, "");
  if (inClass("", klass) !== undefined && (known.startsWith("%") || !syscalls.has(known))) return (name) => inClass(name, klass) === true;
  const number = /^[0-9]+$/.test(known) ? Number(known) : undefined;
  if (number !== undefined && syscallTable.some((entry) => entry.number === number)) return (name) => syscalls.get(name)?.number === number;
  if (!syscallTable.some((entry) => entry.name === known) && !word.startsWith("?")) throw new FilterError(`invalid system call '${word}'`);
  return (name) => name === known;
}

/** The test of `-e signal=`. */
export function signalFilter(expression: string): (sig: number) => boolean {
  const negated = expression.startsWith("!");
  const list = negated ? expression.slice(1) : expression;
  if (list === "all" || list === "none") return () => (list === "all") !== negated;
  const signals = new Set(
    list.split(",").map((word) => {
      const sig = findSignalNumber(word);
      if (sig === undefined || sig === 0) throw new FilterError(`invalid signal '${word}'`);
      return sig;
    }),
  );
  return (sig) => signals.has(sig) !== negated;
}

/** The test of `-e status=`, `-z`, `-Z`: whether calls that worked, failed, or never returned are shown. */
export function statusFilter(expression: string): ReadonlySet<string> {
  const negated = expression.startsWith("!");
  const all = ["successful", "failed", "unfinished", "unavailable", "detached"];
  const list = (negated ? expression.slice(1) : expression).split(",");
  for (const word of list) if (word !== "all" && word !== "none" && !all.includes(word)) throw new FilterError(`invalid status '${word}'`);
  const has = (word: string): boolean => list.includes("all") || list.includes(word);
  return new Set(all.filter((word) => has(word) !== negated));
}

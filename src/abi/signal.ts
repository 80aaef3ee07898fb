/** Signals: signal(7), sigaction(2), Linux `include/uapi/asm-generic/signal.h` (x86-64 numbers). */

import type { Proc } from "./sys.ts";

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGSEGV = 11;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGSTKFLT = 16;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGXCPU = 24;
export const SIGXFSZ = 25;
export const SIGVTALRM = 26;
export const SIGPROF = 27;
export const SIGWINCH = 28;
export const SIGIO = 29;
export const SIGPWR = 30;
export const SIGSYS = 31;
/** First and last real-time signals as glibc shows them (32 and 33 belong to its threads). */
export const SIGRTMIN = 34;
export const SIGRTMAX = 64;

/** What the kernel does where no handler is set; the letters of signal(7)'s table. */
export type DefaultAction = "Term" | "Ign" | "Core" | "Stop" | "Cont";

interface SignalRow {
  readonly name: string;
  readonly action: DefaultAction;
  /** The words of strsignal(3). */
  readonly description: string;
}

const rows: readonly (readonly [string, DefaultAction, string])[] = [
  ["HUP", "Term", "Hangup"],
  ["INT", "Term", "Interrupt"],
  ["QUIT", "Core", "Quit"],
  ["ILL", "Core", "Illegal instruction"],
  ["TRAP", "Core", "Trace/breakpoint trap"],
  ["ABRT", "Core", "Aborted"],
  ["BUS", "Core", "Bus error"],
  ["FPE", "Core", "Floating point exception"],
  ["KILL", "Term", "Killed"],
  ["USR1", "Term", "User defined signal 1"],
  ["SEGV", "Core", "Segmentation fault"],
  ["USR2", "Term", "User defined signal 2"],
  ["PIPE", "Term", "Broken pipe"],
  ["ALRM", "Term", "Alarm clock"],
  ["TERM", "Term", "Terminated"],
  ["STKFLT", "Term", "Stack fault"],
  ["CHLD", "Ign", "Child exited"],
  ["CONT", "Cont", "Continued"],
  ["STOP", "Stop", "Stopped (signal)"],
  ["TSTP", "Stop", "Stopped"],
  ["TTIN", "Stop", "Stopped (tty input)"],
  ["TTOU", "Stop", "Stopped (tty output)"],
  ["URG", "Ign", "Urgent I/O condition"],
  ["XCPU", "Core", "CPU time limit exceeded"],
  ["XFSZ", "Core", "File size limit exceeded"],
  ["VTALRM", "Term", "Virtual timer expired"],
  ["PROF", "Term", "Profiling timer expired"],
  ["WINCH", "Ign", "Window changed"],
  ["IO", "Term", "I/O possible"],
  ["PWR", "Term", "Power failure"],
  ["SYS", "Core", "Bad system call"],
];

function rowOf(sig: number): SignalRow | undefined {
  const row = rows[sig - 1];
  if (row !== undefined) return { name: row[0], action: row[1], description: row[2] };
  if (sig < 32 || sig > SIGRTMAX) return undefined;
  // bash names the upper half from the top: RTMIN…RTMIN+15, RTMAX-14…RTMAX.
  const up = sig - SIGRTMIN;
  const down = SIGRTMAX - sig;
  const name = sig < SIGRTMIN ? `${sig}` : up === 0 ? "RTMIN" : down === 0 ? "RTMAX" : up <= 15 ? `RTMIN+${up}` : `RTMAX-${down}`;
  return { name, action: "Term", description: sig < SIGRTMIN ? `Unknown signal ${sig}` : `Real-time signal ${up}` };
}

/** The name without `SIG` (`"TERM"`), or undefined for a number that is no signal. */
export function findSignalName(sig: number): string | undefined {
  return rowOf(sig)?.name;
}

/** The number of `"TERM"`, `"SIGTERM"`, `"term"` or `"15"`; undefined if there is none. 0 is accepted as the null signal. */
export function findSignalNumber(text: string): number | undefined {
  if (/^[0-9]+$/.test(text)) {
    const n = Number(text);
    return n <= SIGRTMAX ? n : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (name === "EXIT") return 0;
  if (name === "POLL") return SIGIO;
  if (name === "CLD") return SIGCHLD;
  if (name === "IOT") return SIGABRT;
  for (let sig = 1; sig <= SIGRTMAX; sig++) if (rowOf(sig)?.name === name) return sig;
  return undefined;
}

/** The words of strsignal(3). */
export function strsignal(sig: number): string {
  return rowOf(sig)?.description ?? `Unknown signal ${sig}`;
}

export function getDefaultAction(sig: number): DefaultAction {
  return rowOf(sig)?.action ?? "Term";
}

/** A set of signals: bit `sig - 1`. A bigint, since there are 64. */
export type SigSet = bigint;

const bits: readonly SigSet[] = Array.from({ length: SIGRTMAX + 1 }, (_, sig) => (sig === 0 ? 0n : 1n << BigInt(sig - 1)));

/** The set that holds just `sig`. */
export function sigBit(sig: number): SigSet {
  return bits[sig] ?? 0n;
}

export function sigSet(...signals: readonly number[]): SigSet {
  return signals.reduce((set, sig) => set | sigBit(sig), 0n);
}

/** The members of `set`, ascending. */
export function sigMembers(set: SigSet): number[] {
  const members: number[] = [];
  for (let sig = 1; sig <= SIGRTMAX; sig++) if (set & sigBit(sig)) members.push(sig);
  return members;
}

export const SIG_DFL = "SIG_DFL";
export const SIG_IGN = "SIG_IGN";

/** siginfo_t, as far as it is filled in. */
export interface SigInfo {
  readonly signo: number;
  /** SI_USER, SI_KERNEL, CLD_EXITED … */
  readonly code: number;
  /** The sender (SI_USER) or the child (SIGCHLD), as numbered in the receiver's PID namespace. */
  readonly pid: number;
  readonly uid: number;
  /** Exit status or signal of the child (SIGCHLD). */
  readonly status: number;
}

export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_QUEUE = -1;
export const SI_TIMER = -2;
export const SI_MESGQ = -3;
export const SI_TKILL = -6;
export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_DUMPED = 3;
export const CLD_TRAPPED = 4;
export const CLD_STOPPED = 5;
export const CLD_CONTINUED = 6;

/** A handler runs in the task's own context at the return of a system call and may itself make system calls. */
export type SignalHandler = (sig: number, info: SigInfo) => Proc<void>;

export interface SigAction {
  readonly handler: SignalHandler | typeof SIG_DFL | typeof SIG_IGN;
  /** SA_RESTART … */
  readonly flags: number;
  /** Blocked as well while the handler runs. */
  readonly mask: SigSet;
}

export const SA_NOCLDSTOP = 0x1;
export const SA_NOCLDWAIT = 0x2;
export const SA_SIGINFO = 0x4;
export const SA_RESTART = 0x10000000;
export const SA_NODEFER = 0x40000000;
export const SA_RESETHAND = 0x80000000;

export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;

/**
 * ptrace(2), as far as strace needs it. A tracee that stops is reported by wait4 with status
 * `stoppedStatus(SIGTRAP | 0x80)` for a system call stop and `stoppedStatus(SIGTRAP) | event << 16` for an event.
 */
import type { SigInfo } from "./signal.ts";

export type PtraceRequest =
  /** Attach without stopping; `data` holds PTRACE_O_*. Children of the tracee are traced too with the options that say so. */
  | "PTRACE_SEIZE"
  | "PTRACE_DETACH"
  /** Continue until the next system call entry or exit; `data` is a signal to deliver. */
  | "PTRACE_SYSCALL"
  | "PTRACE_CONT"
  /** What the tracee stopped at. */
  | "PTRACE_GET_SYSCALL_INFO";

export const PTRACE_O_TRACESYSGOOD = 1;
export const PTRACE_O_TRACEFORK = 2;
export const PTRACE_O_TRACEVFORK = 4;
export const PTRACE_O_TRACECLONE = 8;
export const PTRACE_O_TRACEEXEC = 16;
export const PTRACE_EVENT_FORK = 1;
export const PTRACE_EVENT_VFORK = 2;
export const PTRACE_EVENT_CLONE = 3;
export const PTRACE_EVENT_EXEC = 4;
export const PTRACE_EVENT_STOP = 128;

/** Where a tracee stopped. Values are those of the call itself: paths as strings, buffers as the caller's own arrays. */
export type PtraceStop =
  | { readonly op: "entry"; readonly name: string; readonly args: readonly unknown[]; readonly atNs: number }
  | {
      readonly op: "exit";
      readonly name: string;
      readonly args: readonly unknown[];
      /** The value returned, or the `Errno` thrown. */
      readonly result: unknown;
      readonly atNs: number;
    }
  | { readonly op: "signal"; readonly sig: number; readonly info?: SigInfo }
  | { readonly op: "none" };

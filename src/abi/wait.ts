/** wait(2): options and the encoding of a status. */

import type { Rusage } from "./resource.ts";

export const WNOHANG = 1;
export const WUNTRACED = 2;
export const WSTOPPED = 2;
export const WEXITED = 4;
export const WCONTINUED = 8;
export const WNOWAIT = 0x01000000;

export const P_ALL = 0;
export const P_PID = 1;
export const P_PGID = 2;

export const wExitStatus = (status: number): number => (status >> 8) & 0xff;
export const wTermSig = (status: number): number => status & 0x7f;
export const wStopSig = (status: number): number => (status >> 8) & 0xff;
export const wIfExited = (status: number): boolean => (status & 0x7f) === 0;
export const wIfStopped = (status: number): boolean => (status & 0xff) === 0x7f;
export const wIfContinued = (status: number): boolean => status === 0xffff;
export const wIfSignaled = (status: number): boolean => !wIfExited(status) && !wIfStopped(status) && !wIfContinued(status);
export const wCoreDump = (status: number): boolean => (status & 0x80) !== 0;

export const exitedStatus = (code: number): number => (code & 0xff) << 8;
export const stoppedStatus = (sig: number): number => (sig << 8) | 0x7f;
export const continuedStatus = 0xffff;

/** What wait4(2) gives back; `pid` is 0 where WNOHANG found nothing. */
export interface WaitResult {
  readonly pid: number;
  readonly status: number;
  readonly rusage: Rusage;
}

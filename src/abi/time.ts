/** clock_gettime(2), setitimer(2). */

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME_ID = 2;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_BOOTTIME = 7;
export const ITIMER_REAL = 0;
export const ITIMER_VIRTUAL = 1;
export const ITIMER_PROF = 2;
export const TIMER_ABSTIME = 1;

/** struct itimerspec in nanoseconds; value 0 disarms. */
export interface Itimer {
  readonly intervalNs: number;
  readonly valueNs: number;
}

export const NS_PER_SEC = 1_000_000_000;
export const NS_PER_MSEC = 1_000_000;
export const NS_PER_USEC = 1_000;

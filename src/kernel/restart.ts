/**
 * Codes that never leave the kernel: Linux `include/linux/errno.h`. A sleep that a signal ends throws one of them; the gate
 * runs the handler and then restarts the call or turns the code into EINTR.
 */

import { Errno } from "../abi/errno.ts";

/** Restart if no handler ran or the handler has SA_RESTART; else EINTR. */
export const ERESTARTSYS = new Errno(512, "ERESTARTSYS", "Interrupted system call should be restarted");
/** Restart only if no handler ran (poll, nanosleep, pause, sigsuspend). */
export const ERESTARTNOHAND = new Errno(514, "ERESTARTNOHAND", "Restart if no handler");

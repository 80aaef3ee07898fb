/**
 * How a program becomes files of a root filesystem. `bin/<command>.ts` exports one Executable; `bin/index.ts` lists them.
 */

import type { Program } from "../abi/sys.ts";

export interface Executable {
  /** The command; also the program's name in the ELF note, and the busybox applet's name. */
  readonly name: string;
  /** The program. Of one that comes with code of its own (`load`), written by the machine once that is there. */
  main?: Program;
  /**
   * Fetches the code of a rarely used program. Called by the machine outside of virtual time: an execve that needs it stops the clock
   * until it is there.
   */
  readonly load?: () => PromiseLike<{ readonly main: Program }>;
  /** Where the GNU installation puts it; the first is the file, others are symbolic links to it. Absent: busybox only. */
  readonly paths?: readonly string[];
  /** DT_NEEDED of the GNU executable, as on Debian 12; `["libc.so.6"]` unless given. */
  readonly needed?: readonly string[];
  /** Size of the GNU file in bytes, as on Debian 12. */
  readonly sizeBytes?: number;
  /** Where busybox (Alpine) puts its link, such as `/bin/ls`; absent where busybox has no such applet. */
  readonly applet?: string;
  /** Mode of the GNU file; 0o755 unless given (0o4755 for su). */
  readonly mode?: number;
}

/**
 * The heap of a program as the kernel sees it: malloc(3) by brk(2). What a program keeps in JavaScript is declared here, so that it counts for
 * its cgroup, shows in ps, and is worth the OOM killer's attention. Programs whose memory stays small have no need to.
 */

import { ENOMEM } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";

/** M_TOP_PAD: the break moves in steps of this many bytes. */
const TOP_PAD = 128 * 1024;

export class Heap {
  private start = 0;
  /** Bytes in use, and bytes below the break. */
  private used = 0;
  private reserved = 0;

  constructor(private readonly sys: Sys) {}

  /** More bytes that are kept and were written to. Errors: ENOMEM. May be killed by the OOM killer. */
  *grow(bytes: number): Proc<void> {
    const { sys } = this;
    if (this.start === 0) this.start = yield* sys.brk(0);
    const used = this.used + bytes;
    if (used > this.reserved) {
      const reserved = Math.ceil((used + TOP_PAD) / 4096) * 4096;
      if ((yield* sys.brk(this.start + reserved)) < this.start + reserved) throw ENOMEM;
      this.reserved = reserved;
    }
    yield* sys.touch(this.start + this.used, bytes);
    this.used = used;
  }
}

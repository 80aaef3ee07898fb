/** /dev/kmsg: one record of the kernel log a read; writes add to it. Linux `Documentation/ABI/testing/dev-kmsg`, `kernel/printk/printk.c`. */

import { EAGAIN, EINVAL, ESPIPE } from "../../../abi/errno.ts";
import { O_NONBLOCK, SEEK_DATA, SEEK_END, SEEK_SET } from "../../../abi/fcntl.ts";
import { POLLIN, POLLOUT } from "../../../abi/poll.ts";
import type { Wait } from "../../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../../abi/utf8.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import type { KernelLog } from "../../task/log.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";

/** Level of a message that names none, and the longest one (PRINTKRB_RECORD_MAX). */
const DEFAULT_LEVEL = 4;
const RECORD_MAX = 1024;

export class KmsgFile extends File {
  private seq = 0;

  constructor(
    private readonly log: KernelLog,
    flags: number,
    override readonly path: Path,
  ) {
    super(path.dentry.inode, flags, path);
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    const n = this.take(buf);
    if (n > 0) return n;
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.readSlowly(caller, buf));
  }

  private *readSlowly(caller: Caller, buf: Uint8Array): Generator<Wait, number, void> {
    for (;;) {
      yield* caller.sched.sleep([this.log.arrived]);
      const n = this.take(buf);
      if (n > 0) return n;
    }
  }

  /** `level,sequence,microseconds,-;text`; 0 if there is none. Errors: EINVAL if the record does not fit. */
  private take(buf: Uint8Array): number {
    const record = this.log.findFrom(this.seq);
    if (record === undefined) return 0;
    const bytes = encodeUtf8(`${record.level},${record.seq},${Math.floor(record.atNs / 1000)},-;${record.text}\n`);
    if (bytes.length > buf.length) throw EINVAL;
    buf.set(bytes);
    this.seq = record.seq + 1;
    return bytes.length;
  }

  override write(_caller: Caller, buf: Uint8Array): number {
    if (buf.length > RECORD_MAX) throw EINVAL;
    const [, level, text = ""] = /^(?:<([0-9]+)>)?([\s\S]*)$/.exec(decodeUtf8(buf)) ?? [];
    this.log.printk(level === undefined ? DEFAULT_LEVEL : Number(level) & 7, text.replace(/\n$/, ""));
    return buf.length;
  }

  override seek(_caller: Caller, offset: number, whence: number): number {
    if (offset !== 0) throw ESPIPE;
    if (whence === SEEK_SET) this.seq = 0;
    else if (whence === SEEK_END) this.seq = this.log.nextSeq;
    else if (whence === SEEK_DATA) this.seq = this.log.records()[0]?.seq ?? this.log.nextSeq;
    else throw EINVAL;
    return 0;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.log.arrived);
    return POLLOUT | (this.log.findFrom(this.seq) === undefined ? 0 : POLLIN);
  }
}

/** /proc/kmsg: the kernel log for one reader, which takes what it reads. Linux `fs/proc/kmsg.c`. */

import { CAP_SYSLOG } from "../../../abi/capability.ts";
import { EAGAIN, EPERM } from "../../../abi/errno.ts";
import { O_NONBLOCK } from "../../../abi/fcntl.ts";
import { POLLIN } from "../../../abi/poll.ts";
import type { Wait } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import { nsCapable } from "../../ns/user.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import { formatRecord, type KernelLog } from "../../task/log.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";
import type { FileEntry, Machine } from "./entry.ts";

/** How far /proc/kmsg of a machine has been read. */
const positions = new WeakMap<KernelLog, number>();

class ProcKmsgFile extends File {
  constructor(
    private readonly log: KernelLog,
    flags: number,
    override readonly path: Path,
  ) {
    super(path.dentry.inode, flags, path);
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    const n = this.take(buf);
    if (n > 0 || buf.length === 0) return n;
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

  /** As many whole records as fit; at least one, cut. */
  private take(buf: Uint8Array): number {
    let used = 0;
    for (;;) {
      const record = this.log.findFrom(positions.get(this.log) ?? 0);
      if (record === undefined) return used;
      const line = encodeUtf8(formatRecord(record));
      if (used > 0 && used + line.length > buf.length) return used;
      const part = line.subarray(0, buf.length - used);
      buf.set(part, used);
      used += part.length;
      positions.set(this.log, record.seq + 1);
    }
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.log.arrived);
    return this.log.findFrom(positions.get(this.log) ?? 0) === undefined ? 0 : POLLIN;
  }
}

export const kmsgEntry: FileEntry<Machine> = {
  kind: "file",
  name: "kmsg",
  mode: 0o400,
  open({ system }, path, flags, opener) {
    if (!nsCapable(opener.cred, system.initUserNs, CAP_SYSLOG)) throw EPERM;
    return new ProcKmsgFile(system.log, flags, path);
  },
};

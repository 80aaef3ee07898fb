/** The memory devices: null(4), zero(4), full(4), random(4); Linux `drivers/char/mem.c`, `drivers/char/random.c`. */

import { ENOSPC } from "../../../abi/errno.ts";
import type { System } from "../../task/system.ts";
import { callerTask } from "../../task/task.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";

/** Swallows what is written; seeking succeeds and goes nowhere. */
abstract class MemFile extends File {
  protected abstract fill(caller: Caller, buf: Uint8Array): number;

  override read(caller: Caller, buf: Uint8Array): number {
    return this.fill(caller, buf);
  }

  override readAt(caller: Caller, buf: Uint8Array, _offset: number): number {
    return this.fill(caller, buf);
  }

  override write(_caller: Caller, buf: Uint8Array): number {
    return buf.length;
  }

  override writeAt(caller: Caller, buf: Uint8Array, _offset: number): number {
    return this.write(caller, buf);
  }

  override seek(): number {
    this.pos = 0;
    return 0;
  }
}

class NullFile extends MemFile {
  protected fill(): number {
    return 0;
  }
}

class ZeroFile extends MemFile {
  protected fill(_caller: Caller, buf: Uint8Array): number {
    buf.fill(0);
    return buf.length;
  }
}

class FullFile extends ZeroFile {
  override write(): number {
    throw ENOSPC;
  }
}

/** random and urandom do not differ once the generator is seeded, which here it always is. */
class RandomFile extends MemFile {
  protected fill(caller: Caller, buf: Uint8Array): number {
    systemOf(caller).random.fill(buf);
    return buf.length;
  }
}

const systemOf = (caller: Caller): System => callerTask(caller).system;

export type MemDevice = "null" | "zero" | "full" | "random" | "urandom";

const classes = { null: NullFile, zero: ZeroFile, full: FullFile, random: RandomFile, urandom: RandomFile };

export function openMem(device: MemDevice, path: Path, flags: number): File {
  return new classes[device](path.dentry.inode, flags, path);
}

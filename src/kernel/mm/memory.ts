/** The machine's memory as one sum of charges by kind; what /proc/meminfo and the OOM killer look at. */

import type { MemoryAccount } from "./address-space.ts";

/** Resident pages of programs, tmpfs pages, stacks and tables of tasks, inodes, buffers of pipes and sockets. */
export type MemoryKind = "anon" | "shmem" | "kernel" | "slab" | "pipe" | "sock";

export class Memory {
  readonly usedBytes: Record<MemoryKind, number> = { anon: 0, shmem: 0, kernel: 0, slab: 0, pipe: 0, sock: 0 };
  /** Frees memory by killing a process; set by task/oom.ts. Returns whether it is worth trying again. */
  outOfMemory: (wantedBytes: number) => boolean = () => false;

  constructor(readonly totalBytes: number) {}

  get freeBytes(): number {
    const u = this.usedBytes;
    return this.totalBytes - u.anon - u.shmem - u.kernel - u.slab - u.pipe - u.sock;
  }

  /** Charges, or returns false where memory is exhausted. */
  tryCharge(kind: MemoryKind, bytes: number): boolean {
    if (bytes > this.freeBytes) return false;
    this.usedBytes[kind] += bytes;
    return true;
  }

  uncharge(kind: MemoryKind, bytes: number): void {
    this.usedBytes[kind] -= bytes;
  }

  /** The account of an address space: exhausted memory calls the OOM killer. */
  readonly anon: MemoryAccount = {
    charge: (bytes) => this.tryCharge("anon", bytes) || (this.outOfMemory(bytes) && this.tryCharge("anon", bytes)),
    uncharge: (bytes) => this.uncharge("anon", bytes),
  };
}

/** The machine's memory: what is used of it by kind, and whose cgroup it counts for. */

import type { Cgroup } from "../cgroup/cgroup.ts";
import type { MemoryController } from "../cgroup/memory.ts";
import type { MemoryKind } from "../cgroup/memory-kind.ts";
import type { CgroupTree } from "../cgroup/tree.ts";
import { PAGE_SIZE } from "../params.ts";
import type { MemoryAccount } from "./address-space.ts";

export type { MemoryKind };

export class Memory {
  readonly usedBytes: Record<MemoryKind, number> = { anon: 0, shmem: 0, kernel: 0, slab: 0, pipe: 0, sock: 0 };
  /** Frees memory by killing a process; set by kernel.ts. Returns whether it is worth trying again. */
  outOfMemory: (wantedBytes: number) => boolean = () => false;
  /** Set by kernel.ts once the tree is there. */
  cgroups!: CgroupTree;

  constructor(readonly totalBytes: number) {}

  get freeBytes(): number {
    const u = this.usedBytes;
    return this.totalBytes - u.anon - u.shmem - u.kernel - u.slab - u.pipe - u.sock;
  }

  /**
   * Charges, or returns false where memory is exhausted or a limit of the cgroup stands against it. Without one it counts for the
   * root alone. Differs from Linux: inodes and the buffers of pipes and sockets do so always.
   */
  tryCharge(kind: MemoryKind, bytes: number, memcg: MemoryController = this.cgroups.root.memory): boolean {
    if (bytes > this.freeBytes || !this.cgroups.charge(memcg, kind, bytes)) return false;
    this.usedBytes[kind] += bytes;
    return true;
  }

  /** Charges what is there already: a limit of the cgroup may call the OOM killer but does not refuse. */
  charge(kind: MemoryKind, bytes: number, memcg: MemoryController): void {
    if (this.tryCharge(kind, bytes, memcg)) return;
    this.usedBytes[kind] += bytes;
    this.cgroups.force(memcg, kind, bytes);
  }

  /** Charges whatever the limits say: what comes in by the network has come. */
  force(kind: MemoryKind, bytes: number, memcg: MemoryController): void {
    this.usedBytes[kind] += bytes;
    this.cgroups.force(memcg, kind, bytes);
  }

  uncharge(kind: MemoryKind, bytes: number, memcg: MemoryController = this.cgroups.root.memory): void {
    this.usedBytes[kind] -= bytes;
    memcg.add(kind, -bytes);
  }
}

/** The pages of one address space. They stay charged where they were touched, wherever the task goes. */
export class AnonAccount implements MemoryAccount {
  private readonly charges: { readonly memcg: MemoryController; bytes: number }[] = [];

  constructor(
    private readonly memory: Memory,
    /** The task that touches. */
    private readonly owner: { readonly cgroup: Cgroup },
  ) {}

  charge(bytes: number): boolean {
    const { memcg } = this.owner.cgroup;
    const { memory } = this;
    const charged =
      memory.tryCharge("anon", bytes, memcg) ||
      (bytes > memory.freeBytes && memory.outOfMemory(bytes) && memory.tryCharge("anon", bytes, memcg));
    if (!charged) return false;
    memcg.pageFaults += bytes / PAGE_SIZE;
    const last = this.charges[this.charges.length - 1];
    if (last?.memcg === memcg) last.bytes += bytes;
    else this.charges.push({ memcg, bytes });
    return true;
  }

  uncharge(bytes: number): void {
    let left = bytes;
    while (left > 0) {
      const last = this.charges[this.charges.length - 1];
      if (last === undefined) throw new Error("more memory is given back than was charged");
      const some = Math.min(left, last.bytes);
      this.memory.uncharge("anon", some, last.memcg);
      last.bytes -= some;
      left -= some;
      if (last.bytes === 0) this.charges.pop();
    }
  }
}

/** What all eight kinds of namespaces share: namespaces(7), Linux `include/linux/ns_common.h`. */

import type { LiveNamespaces } from "./live.ts";
import type { UserNamespace } from "./user.ts";

/** Names as below /proc/PID/ns. */
export type NamespaceKind = "cgroup" | "ipc" | "mnt" | "net" | "pid" | "time" | "user" | "uts";

/** Counted by the tasks, namespaces, descriptors and mounts that use it; it ends with the last of them. */
export abstract class Namespace {
  abstract readonly kind: NamespaceKind;
  private references = 0;
  /**
   * Kernel id of who made it: it counts towards his limit in the owner and in all above (ucounts). Undefined for the initial ones,
   * which nobody made. Written by clone and unshare before the first use.
   */
  creatorUid: number | undefined;

  constructor(
    /** Inode number on nsfs: its identity. */
    readonly ino: number,
    /** Whose capabilities rule it. A user namespace's own parent, for user namespaces. */
    readonly owner: UserNamespace | undefined,
    /** The one that it is nested in: PID and user namespaces. */
    readonly parent: Namespace | undefined = undefined,
  ) {}

  get refCount(): number {
    return this.references;
  }

  /** Those of its machine. */
  protected get registry(): LiveNamespaces | undefined {
    return this.owner?.live;
  }

  get(): this {
    if (this.references++ === 0) {
      this.owner?.get();
      if (this.parent !== this.owner) this.parent?.get();
      this.registry?.add(this);
    }
    return this;
  }

  put(): void {
    if (--this.references > 0) return;
    this.release();
    this.registry?.remove(this);
    if (this.parent !== this.owner) this.parent?.put();
    this.owner?.put();
  }

  /** Nobody uses it any more. */
  protected release(): void {}
}

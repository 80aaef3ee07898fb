/** What all eight kinds of namespaces share: namespaces(7), Linux `include/linux/ns_common.h`. */

import type { UserNamespace } from "./user.ts";

/** Names as below /proc/PID/ns. */
export type NamespaceKind = "cgroup" | "ipc" | "mnt" | "net" | "pid" | "time" | "user" | "uts";

/** Counted by the tasks and descriptors that use it; it ends with the last of them. */
export abstract class Namespace {
  abstract readonly kind: NamespaceKind;
  private references = 0;

  constructor(
    /** Inode number on nsfs: its identity. */
    readonly ino: number,
    /** Whose capabilities rule it. A user namespace's own parent, for user namespaces. */
    readonly owner: UserNamespace | undefined,
  ) {}

  get refCount(): number {
    return this.references;
  }

  get(): this {
    this.references++;
    return this;
  }

  put(): void {
    if (--this.references === 0) this.release();
  }

  /** Nobody uses it any more. */
  protected release(): void {}
}

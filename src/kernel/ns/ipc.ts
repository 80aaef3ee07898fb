/** IPC namespaces: ipc_namespaces(7). What is in one is made by `kernel/ipc`, at its first use. */

import { Namespace } from "./namespace.ts";
import type { UserNamespace } from "./user.ts";

/** The System V objects and message queues of one namespace. */
export interface IpcContents {
  /** The last process has left: everything is freed. */
  free(): void;
}

export class IpcNamespace extends Namespace {
  readonly kind = "ipc";
  /** Written by kernel/ipc, each part at its first use. */
  readonly contents = new Map<string, IpcContents>();

  constructor(
    ino: number,
    readonly userNs: UserNamespace,
  ) {
    super(ino, userNs);
  }

  protected override release(): void {
    for (const part of this.contents.values()) part.free();
    this.contents.clear();
  }
}

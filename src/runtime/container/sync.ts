/** The conversation between the runtime and the `runc init` that becomes the container: lines of JSON over a socket pair. runc `libcontainer/sync.go`. */

import { ECONNRESET } from "../../abi/errno.ts";
import { MSG_NOSIGNAL } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import type { Spec, SpecProcess } from "../spec.ts";

/** What init gets to know at first. */
export interface Bootstrap {
  readonly kind: "standard" | "setns";
  /** CLONE_NEW… of namespaces to make. */
  readonly cloneFlags: number;
  /** Namespaces to join: CLONE_NEW… and path. */
  readonly join: readonly (readonly [flag: number, path: string])[];
  readonly spec: Spec;
  readonly process: SpecProcess;
  /** Absolute. */
  readonly rootfs: string;
  readonly cgroup: string;
  readonly noPivot: boolean;
  /** Path of exec.fifo, which holds a created container back; undefined for one more process. */
  readonly fifo?: string;
}

export type SyncMessage =
  | { readonly type: "bootstrap"; readonly bootstrap: Bootstrap }
  /** The ids of the new user namespace are to be mapped for this process. */
  | { readonly type: "maps"; readonly pid: number }
  /** The container's first process, as its parent sees it. */
  | { readonly type: "pid"; readonly pid: number }
  /** The mounts are made and the root is not changed yet. */
  | { readonly type: "hooks" }
  /** All is prepared: limits may be set. A descriptor of the terminal comes along, if there is one. */
  | { readonly type: "ready" }
  | { readonly type: "go" }
  | { readonly type: "error"; readonly message: string };

export class SyncPipe {
  private buffered = "";
  /** Descriptors that came along. */
  readonly fds: number[] = [];

  constructor(
    private readonly sys: Sys,
    readonly fd: number,
  ) {}

  *send(message: SyncMessage, fds?: readonly number[]): Proc<void> {
    const bytes = encodeUtf8(`${JSON.stringify(message)}\n`);
    for (let at = 0; at < bytes.length; )
      at += yield* this.sys.sendmsg(this.fd, bytes.subarray(at), MSG_NOSIGNAL, undefined, at === 0 ? fds : undefined);
  }

  /** The next message; undefined once the other end is closed. Blocks. */
  *receive(): Proc<SyncMessage | undefined> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const end = this.buffered.indexOf("\n");
      if (end >= 0) {
        const line = this.buffered.slice(0, end);
        this.buffered = this.buffered.slice(end + 1);
        return JSON.parse(line) as SyncMessage;
      }
      try {
        const { length, fds } = yield* this.sys.recvmsg(this.fd, buffer, 0);
        if (length === 0) return undefined;
        this.fds.push(...fds);
        this.buffered += decodeUtf8(buffer.subarray(0, length));
      } catch (e) {
        if (e === ECONNRESET) return undefined;
        throw e;
      }
    }
  }
}

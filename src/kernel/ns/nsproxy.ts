/** The namespaces of a task: namespaces(7), Linux `include/linux/nsproxy.h`. Mount namespaces are in `vfs/mount.ts`. */

import type { PidNamespace } from "./pid.ts";
import type { UserNamespace } from "./user.ts";

export class UtsNamespace {
  /** Written by sethostname(2) and setdomainname(2). */
  hostname: string;
  domainname: string;

  constructor(
    readonly ino: number,
    readonly userNs: UserNamespace,
    hostname: string,
    domainname: string,
  ) {
    this.hostname = hostname;
    this.domainname = domainname;
  }
}

/** A namespace that as yet holds nothing but its identity: IPC, network, cgroup, time. */
export class PlainNamespace {
  constructor(
    readonly ino: number,
    readonly userNs: UserNamespace,
  ) {}
}

/** Shared between tasks; unshare and setns give the task a new one. The mount namespace type is the VFS's. */
export interface NsProxy<M = unknown> {
  readonly uts: UtsNamespace;
  readonly ipc: PlainNamespace;
  readonly net: PlainNamespace;
  readonly cgroup: PlainNamespace;
  readonly time: PlainNamespace;
  readonly mnt: M;
  /** Where the children of the task will be; the task's own is that of its Pid. */
  readonly pidForChildren: PidNamespace;
}

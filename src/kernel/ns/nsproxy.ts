/** The namespaces of a task: namespaces(7), Linux `include/linux/nsproxy.h`. Mount namespaces are in `vfs/mount.ts`. */

import type { Cgroup } from "../cgroup/cgroup.ts";
import type { IpcNamespace } from "./ipc.ts";
import { Namespace, type NamespaceKind } from "./namespace.ts";
import type { PidNamespace } from "./pid.ts";
import type { UserNamespace } from "./user.ts";

export class UtsNamespace extends Namespace {
  readonly kind = "uts";
  /** Written by sethostname(2) and setdomainname(2). */
  hostname: string;
  domainname: string;

  constructor(
    ino: number,
    readonly userNs: UserNamespace,
    hostname: string,
    domainname: string,
  ) {
    super(ino, userNs);
    this.hostname = hostname;
    this.domainname = domainname;
  }
}

/** cgroup_namespaces(7): paths are shown from where its creator was. */
export class CgroupNamespace extends Namespace {
  readonly kind = "cgroup";

  constructor(
    ino: number,
    readonly userNs: UserNamespace,
    readonly root: Cgroup,
  ) {
    super(ino, userNs);
  }

  /** The path of a cgroup as seen from inside: `/..` for each level that it lies outside, kernfs_path_from_node(). */
  pathOf(cgroup: Cgroup): string {
    const above = new Set(this.root.ancestors());
    const down: string[] = [];
    let common: Cgroup | undefined = cgroup;
    for (; common !== undefined && !above.has(common); common = common.parent) down.unshift(common.name);
    let text = "";
    for (let up: Cgroup | undefined = this.root; up !== undefined && up !== common; up = up.parent) text += "/..";
    for (const name of down) text += `/${name}`;
    return text === "" ? "/" : text;
  }
}

/** A namespace whose contents the lower layers do not know: the network, which is `net/net-namespace.ts`. */
export class PlainNamespace<K extends NamespaceKind> extends Namespace {
  constructor(
    readonly kind: K,
    ino: number,
    readonly userNs: UserNamespace,
  ) {
    super(ino, userNs);
  }
}

/** time_namespaces(7): what is added to CLOCK_MONOTONIC and CLOCK_BOOTTIME. */
export class TimeNamespace extends Namespace {
  readonly kind = "time";
  /** Nanoseconds. Written through /proc/PID/timens_offsets while no task is in it. */
  monotonicNs = 0;
  boottimeNs = 0;
  /** A task has entered: the offsets are fixed. */
  frozen = false;

  constructor(
    ino: number,
    readonly userNs: UserNamespace,
  ) {
    super(ino, userNs);
  }
}

/** What a task can be in. `M` is the mount namespace, whose type is the VFS's. */
export interface NamespaceSet<M> {
  readonly uts: UtsNamespace;
  readonly ipc: IpcNamespace;
  readonly net: PlainNamespace<"net">;
  readonly cgroup: CgroupNamespace;
  readonly time: TimeNamespace;
  readonly timeForChildren: TimeNamespace;
  readonly mnt: M;
  /** Where the children of the task will be; the task's own is that of its Pid. */
  readonly pidForChildren: PidNamespace;
}

/** Shared between tasks; unshare and setns give the task a new one. */
export class NsProxy<M extends Namespace> implements NamespaceSet<M> {
  readonly uts: UtsNamespace;
  readonly ipc: IpcNamespace;
  readonly net: PlainNamespace<"net">;
  readonly cgroup: CgroupNamespace;
  readonly time: TimeNamespace;
  readonly timeForChildren: TimeNamespace;
  readonly mnt: M;
  readonly pidForChildren: PidNamespace;
  /** Tasks that use it. */
  private users = 0;

  constructor(set: NamespaceSet<M>) {
    this.uts = set.uts;
    this.ipc = set.ipc;
    this.net = set.net;
    this.cgroup = set.cgroup;
    this.time = set.time;
    this.timeForChildren = set.timeForChildren;
    this.mnt = set.mnt;
    this.pidForChildren = set.pidForChildren;
    for (const ns of this.all()) ns.get();
  }

  private all(): Namespace[] {
    return [this.uts, this.ipc, this.net, this.cgroup, this.time, this.timeForChildren, this.mnt, this.pidForChildren];
  }

  get(): this {
    this.users++;
    return this;
  }

  put(): void {
    if (--this.users === 0) for (const ns of this.all()) ns.put();
  }
}

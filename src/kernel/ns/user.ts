/** User namespaces and credentials: user_namespaces(7), credentials(7), Linux `kernel/user_namespace.c`, `kernel/cred.c`. */

import { CAP_FULL_SET, type CapSet, capBit } from "../../abi/capability.ts";
import { THREADS_MAX } from "../params.ts";
import { LiveNamespaces } from "./live.ts";
import { Namespace, type NamespaceKind } from "./namespace.ts";

/** Inode numbers of namespaces as nsfs hands them out: the initial ones are the well-known constants of Linux. */
export const PROC_TIME_INIT_INO = 4026531834;
export const PROC_CGROUP_INIT_INO = 4026531835;
export const PROC_PID_INIT_INO = 4026531836;
export const PROC_USER_INIT_INO = 4026531837;
export const PROC_UTS_INIT_INO = 4026531838;
export const PROC_IPC_INIT_INO = 4026531839;
export const PROC_NET_INIT_INO = 4026531840;
export const PROC_MNT_INIT_INO = 4026531841;

export interface IdMapEntry {
  /** First id inside the namespace. */
  readonly inside: number;
  /** First id in the parent namespace. */
  readonly outside: number;
  readonly count: number;
}

export class UserNamespace extends Namespace {
  readonly kind = "user";
  /** Written once, through /proc/PID/uid_map. */
  uidMap: readonly IdMapEntry[] = [];
  gidMap: readonly IdMapEntry[] = [];
  /** /proc/PID/setgroups: denied for good before an unprivileged gid_map is written; children inherit it. */
  setgroupsAllowed = true;
  readonly level: number;
  declare readonly parent: UserNamespace | undefined;
  /** All namespaces of the machine. */
  readonly live: LiveNamespaces;
  /** Namespaces by kind and user, such as `uts 1000`: those owned by it or by one below. Written by LiveNamespaces. */
  readonly counts = new Map<string, number>();
  /** /proc/sys/user/max_KIND_namespaces, where they were written. */
  readonly limits = new Map<NamespaceKind, number>();
  /** Its creator had CAP_SETFCAP: he may map the parent's root into it from inside. */
  parentCouldSetfcap = false;

  constructor(
    ino: number,
    parent: UserNamespace | undefined,
    /** Kernel ids of the creator, who has all capabilities in it from the parent namespace. */
    readonly ownerUid: number,
    readonly ownerGid = 0,
  ) {
    super(ino, parent, parent);
    this.live = parent === undefined ? new LiveNamespaces() : parent.live;
    this.level = parent === undefined ? 0 : parent.level + 1;
    if (parent === undefined) {
      const all = [{ inside: 0, outside: 0, count: 0xffffffff }];
      this.uidMap = all;
      this.gidMap = all;
    } else this.setgroupsAllowed = parent.setgroupsAllowed;
  }

  /** How many namespaces of a kind a user may have in it. */
  limitOf(kind: NamespaceKind): number {
    return this.limits.get(kind) ?? (this.parent === undefined ? THREADS_MAX / 2 : 0x7fffffff);
  }

  protected override get registry(): LiveNamespaces {
    return this.live;
  }
}

/** Immutable: a change makes a new one (prepare_creds, commit_creds). Ids are kernel ids, those of the initial namespace. */
export interface Cred {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  readonly permitted: CapSet;
  readonly effective: CapSet;
  readonly inheritable: CapSet;
  readonly bounding: CapSet;
  readonly ambient: CapSet;
  readonly securebits: number;
  readonly noNewPrivs: boolean;
  readonly userNs: UserNamespace;
}

export function rootCred(userNs: UserNamespace): Cred {
  return {
    uid: 0,
    euid: 0,
    suid: 0,
    fsuid: 0,
    gid: 0,
    egid: 0,
    sgid: 0,
    fsgid: 0,
    groups: [0],
    permitted: CAP_FULL_SET,
    effective: CAP_FULL_SET,
    inheritable: 0n,
    bounding: CAP_FULL_SET,
    ambient: 0n,
    securebits: 0,
    noNewPrivs: false,
    userNs,
  };
}

/** ns_capable(): whether `cred` has `cap` towards objects owned by `ns`. Linux `security/commoncap.c:cap_capable`. */
export function nsCapable(cred: Cred, ns: UserNamespace, cap: number): boolean {
  for (let at: UserNamespace | undefined = ns; at !== undefined; at = at.parent) {
    if (at === cred.userNs) return (cred.effective & capBit(cap)) !== 0n;
    // The owner of a namespace has all capabilities in it when he stands in its parent.
    if (at.parent === cred.userNs && at.ownerUid === cred.euid) return true;
  }
  return false;
}

/** in_userns(): whether `ns` is `above` or nested in it. */
export function isWithin(ns: UserNamespace, above: UserNamespace): boolean {
  for (let at: UserNamespace | undefined = ns; at !== undefined; at = at.parent) if (at === above) return true;
  return false;
}

export function inGroup(cred: Cred, gid: number): boolean {
  return cred.fsgid === gid || cred.groups.includes(gid);
}

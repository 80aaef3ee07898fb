/** Ids seen through user namespaces: user_namespaces(7), Linux `kernel/user_namespace.c` (make_kuid, from_kuid_munged). */

import { EINVAL } from "../../abi/errno.ts";
import type { UserNamespace } from "./user.ts";

export type IdKind = "uidMap" | "gidMap";

/** What an id without a number in a namespace is shown as: /proc/sys/kernel/overflowuid. */
export const OVERFLOW_ID = 65_534;

/** The kernel's id of `id` as written in `ns`; undefined where it is not mapped. */
export function toKernelId(ns: UserNamespace, kind: IdKind, id: number): number | undefined {
  if (ns.parent === undefined) return id;
  for (const e of ns[kind]) if (id >= e.inside && id < e.inside + e.count) return toKernelId(ns.parent, kind, id - e.inside + e.outside);
  return undefined;
}

/** The kernel's id of an argument; -1, which leaves an id as it is, stays. Errors: EINVAL where the id is not mapped. */
export function requireKernelId(ns: UserNamespace, kind: IdKind, id: number): number {
  if (id === -1) return -1;
  const found = toKernelId(ns, kind, id);
  if (found === undefined) throw EINVAL;
  return found;
}

/** The number of a kernel id in `ns`; undefined where it has none. */
export function fromKernelId(ns: UserNamespace, kind: IdKind, id: number): number | undefined {
  if (ns.parent === undefined) return id;
  const outside = fromKernelId(ns.parent, kind, id);
  if (outside === undefined) return undefined;
  for (const e of ns[kind]) if (outside >= e.outside && outside < e.outside + e.count) return outside - e.outside + e.inside;
  return undefined;
}

/** Whether an object's owner and group both have a number in `ns`: else its capabilities and set-id bits do not count there. */
export function idsMapped(ns: UserNamespace, uid: number, gid: number): boolean {
  return ns.parent === undefined || (fromKernelId(ns, "uidMap", uid) !== undefined && fromKernelId(ns, "gidMap", gid) !== undefined);
}

export function shownId(ns: UserNamespace, kind: IdKind, id: number): number {
  return ns.parent === undefined ? id : (fromKernelId(ns, kind, id) ?? OVERFLOW_ID);
}

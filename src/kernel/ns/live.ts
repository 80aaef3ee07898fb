/** Every namespace of a machine that something uses, and how many of them each user may have: Linux `kernel/ucount.c`. */

import { ENOSPC } from "../../abi/errno.ts";
import type { Namespace, NamespaceKind } from "./namespace.ts";
import type { UserNamespace } from "./user.ts";

export class LiveNamespaces {
  private readonly byIno = new Map<number, Namespace>();
  /** Grows with every birth, end and change of what tells a namespace apart: who has seen this version need not look again. */
  version = 0;
  /** Called after the end of one. Set by kernel.ts. */
  ended: (ns: Namespace) => void = () => {};

  /** In the order of their birth. */
  all(): IterableIterator<Namespace> {
    return this.byIno.values();
  }

  find(ino: number): Namespace | undefined {
    return this.byIno.get(ino);
  }

  /** A host name, an id map or an offset was written. */
  changed(): void {
    this.version++;
  }

  /** Called by Namespace.get() and put() only. */
  add(ns: Namespace): void {
    this.byIno.set(ns.ino, ns);
    this.version++;
    count(ns, 1);
  }

  remove(ns: Namespace): void {
    this.byIno.delete(ns.ino);
    this.version++;
    count(ns, -1);
    this.ended(ns);
  }
}

/** The owner with the creator, then each user namespace above with the one who made the one below. */
function* charged(owner: UserNamespace | undefined, creatorUid: number): IterableIterator<readonly [UserNamespace, number]> {
  let uid = creatorUid;
  for (let ns = owner; ns !== undefined; ns = ns.parent) {
    yield [ns, uid];
    uid = ns.ownerUid;
  }
}

function count({ owner, creatorUid, kind }: Namespace, by: 1 | -1): void {
  if (creatorUid === undefined) return;
  for (const [ns, uid] of charged(owner, creatorUid)) {
    const key = `${kind} ${uid}`;
    const now = (ns.counts.get(key) ?? 0) + by;
    if (now === 0) ns.counts.delete(key);
    else ns.counts.set(key, now);
  }
}

/** inc_ucount(). Errors: ENOSPC where a limit of /proc/sys/user stands against one more. */
export function checkNamespaceLimit(owner: UserNamespace, creatorUid: number, kind: NamespaceKind): void {
  for (const [ns, uid] of charged(owner, creatorUid)) if ((ns.counts.get(`${kind} ${uid}`) ?? 0) >= ns.limitOf(kind)) throw ENOSPC;
}

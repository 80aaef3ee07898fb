/** Namespaces, for frames: looked at when one was born, has ended, or was written to. */

import type { Delta, NamespaceEntity } from "../../bridge/messages.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Namespace } from "../../kernel/ns/namespace.ts";
import { TimeNamespace, UtsNamespace } from "../../kernel/ns/nsproxy.ts";
import { UserNamespace } from "../../kernel/ns/user.ts";

export class NamespaceSource {
  private readonly seen = new Map<number, NamespaceEntity>();
  private version = -1;

  constructor(private readonly kernel: Kernel) {}

  collect(): Delta<NamespaceEntity> | undefined {
    const { live } = this.kernel.initUserNs;
    if (live.version === this.version) return undefined;
    this.version = live.version;
    const upsert: NamespaceEntity[] = [];
    const remove: number[] = [];
    for (const ns of live.all()) {
      const before = this.seen.get(ns.ino);
      const label = labelOf(ns);
      // A number is not given to another kind.
      if (before?.label === label) continue;
      const entity = describe(ns, label);
      this.seen.set(ns.ino, entity);
      upsert.push(entity);
    }
    for (const ino of this.seen.keys()) {
      if (live.find(ino) !== undefined) continue;
      this.seen.delete(ino);
      remove.push(ino);
    }
    return upsert.length === 0 && remove.length === 0 ? undefined : { upsert, remove };
  }
}

function describe(ns: Namespace, label: string): NamespaceEntity {
  return {
    ino: ns.ino,
    kind: ns.kind,
    ...(ns.parent === undefined ? {} : { parent: ns.parent.ino }),
    ...(ns.owner === undefined ? {} : { owner: ns.owner.ino }),
    label,
  };
}

function labelOf(ns: Namespace): string {
  if (ns instanceof UtsNamespace) return ns.hostname;
  if (ns instanceof TimeNamespace) return ns.monotonicNs === 0 && ns.boottimeNs === 0 ? "" : offset(ns.boottimeNs || ns.monotonicNs);
  if (!(ns instanceof UserNamespace)) return "";
  const [first] = ns.uidMap;
  return first === undefined ? "no ids" : `${first.inside} ${first.outside} ${first.count}`;
}

function offset(ns: number): string {
  return `${ns > 0 ? "+" : "−"}${Math.abs(ns) / 1e9} s`;
}

/**
 * Network namespaces: network_namespaces(7), Linux `include/net/net_namespace.h`. Each part of the stack keeps its state here, in one field
 * that it alone writes; a part makes its own on first use of a namespace.
 */

import { Namespace } from "../ns/namespace.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { System } from "../task/system.ts";
import type { NetDevice } from "./device.ts";

export class NetNamespace extends Namespace {
  readonly kind = "net";
  /** By ifindex, in the order of registration. Written by `devices.ts`. */
  readonly devices = new Map<number, NetDevice>();
  readonly deviceNames = new Map<string, NetDevice>();
  private readonly parts = new Map<symbol, object>();

  constructor(
    readonly system: System,
    ino: number,
    readonly userNs: UserNamespace,
  ) {
    super(ino, userNs);
  }

  /** The state of one part of the stack, made when it is first asked for. */
  part<T extends object>(key: NetPart<T>): T {
    let state = this.parts.get(key.symbol);
    if (state === undefined) {
      state = key.make(this);
      this.parts.set(key.symbol, state);
    }
    return state as T;
  }
}

/** Names the state that a part of the stack keeps in each namespace. */
export interface NetPart<T extends object> {
  readonly symbol: symbol;
  make(ns: NetNamespace): T;
}

export function netPart<T extends object>(name: string, make: (ns: NetNamespace) => T): NetPart<T> {
  return { symbol: Symbol(name), make };
}

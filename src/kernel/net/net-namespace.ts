/**
 * Network namespaces: network_namespaces(7), Linux `include/net/net_namespace.h`. Each part of the stack keeps its state here, in one field
 * that it alone writes; a part makes its own on first use of a namespace.
 */

import { PlainNamespace } from "../ns/nsproxy.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { NetCore } from "./core.ts";
import type { NetDevice } from "./device.ts";
import type { Netfilter } from "./netfilter/hooks.ts";
import type { SkBuff } from "./skb.ts";
import { Mib } from "./snmp.ts";

/** A packet socket that listens. `dev` is whose packet it is; the packet is a clone of its own. */
export interface PacketTap {
  /** 0 for all devices. */
  readonly ifindex: number;
  /** ETH_P_ALL or one EtherType: then packets that go out are not shown. */
  readonly protocol: number;
  receive(skb: SkBuff, dev: NetDevice): void;
}

export class NetNamespace extends PlainNamespace<"net"> {
  /** By ifindex, in the order of registration. Written by `dev.ts`. */
  readonly devices = new Map<number, NetDevice>();
  readonly deviceNames = new Map<string, NetDevice>();
  /** The index given out last. Written by `dev.ts`. */
  lastIfindex = 0;
  /** Grows with every change of a device, an address or a route of this one: what `NetCore.version` is for all, without neighbours and sockets. */
  version = 0;
  /** The loopback device: there as long as the namespace. */
  declare loopback: NetDevice;
  /** Set by `net.ts`: the initial namespace is older than the network. */
  declare core: NetCore;
  /** Rules and connection tracking, once there are any. Written by `netfilter/`. */
  netfilter: Netfilter | undefined;
  /** Written by `packet/`. */
  readonly taps = new Set<PacketTap>();
  readonly mib = new Mib();
  /** The IP identification given out last. */
  ipId = 0;
  /** Settings of /proc/sys/net that were written, by their path below it. What is not in it has its default (`sysctl.ts`). */
  readonly sysctl = new Map<string, number | string>();
  /** Called when nobody uses it any more. Set by `net.ts`. */
  exit: () => void = () => {};
  private readonly parts = new Map<symbol, object>();

  constructor(
    readonly system: System,
    ino: number,
    userNs: UserNamespace,
  ) {
    super("net", ino, userNs);
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

  /** A device, an address or a route is another. */
  changed(): void {
    this.version++;
    this.core.version++;
  }

  /** The device, or undefined. */
  findDevice(name: string): NetDevice | undefined {
    return this.deviceNames.get(name);
  }

  protected override release(): void {
    this.exit();
  }
}

/** The network namespace that a task is in. */
export function netNsOf(task: Task): NetNamespace {
  return task.ns.net as NetNamespace;
}

/** Names the state that a part of the stack keeps in each namespace. */
export interface NetPart<T extends object> {
  readonly symbol: symbol;
  make(ns: NetNamespace): T;
}

export function netPart<T extends object>(name: string, make: (ns: NetNamespace) => T): NetPart<T> {
  return { symbol: Symbol(name), make };
}

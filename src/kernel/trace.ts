/**
 * Trace events, named after the tracepoints of Linux (`/sys/kernel/tracing/events`). The rare ones are always emitted;
 * single system calls only while somebody asks for them (`Tracer.syscalls`). Without listeners an event costs one test.
 */

/** As in `ns/namespace.ts`, which comes after this file. */
type NamespaceKind = "cgroup" | "ipc" | "mnt" | "net" | "pid" | "time" | "user" | "uts";

/** Why something happened: the task and the system call in which it did; absent for what the hardware began. */
export interface Cause {
  readonly pid: number;
  readonly comm: string;
  readonly syscall: string;
}

/** A packet as its tracepoints show it; addresses and protocol numbers as in `abi/inet.ts`. What it does not have is absent. */
export interface TracedPacket {
  /** The same from the socket that sent it to the one that receives it, whatever was rewritten on the way. */
  readonly id: number;
  /** Bytes with the link header, where there is one. */
  readonly length: number;
  readonly ethType?: number;
  readonly macSrc?: number;
  readonly macDst?: number;
  readonly arpOp?: number;
  readonly ipSrc?: number;
  readonly ipDst?: number;
  /** Of IPv6, as text. */
  readonly ip6Src?: string;
  readonly ip6Dst?: string;
  readonly ttl?: number;
  readonly protocol?: number;
  /** Ports; identifier and sequence number of an ICMP echo are `icmpId` and `icmpSeq`. */
  readonly srcPort?: number;
  readonly dstPort?: number;
  readonly tcpFlags?: number;
  readonly tcpSeq?: number;
  readonly tcpAck?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly icmpId?: number;
  readonly icmpSeq?: number;
  readonly payloadBytes?: number;
}

/** What happens to a cgroup (events/cgroup). Linux has no tracepoint for throttling, only the counters of cpu.stat. */
export type CgroupEvent =
  | "cgroup_mkdir"
  | "cgroup_rmdir"
  | "cgroup_freeze"
  | "cgroup_unfreeze"
  | "cgroup_notify_populated"
  | "cgroup_notify_frozen"
  | "cgroup_throttle"
  | "cgroup_unthrottle";

export type TracePayload =
  | {
      readonly name: "sched_process_fork";
      readonly pid: number;
      readonly childPid: number;
      readonly comm: string;
      readonly thread: boolean;
    }
  | {
      readonly name: "sched_process_exec";
      readonly pid: number;
      readonly filename: string;
      readonly comm: string;
      readonly argv: readonly string[];
    }
  | { readonly name: "sched_process_exit"; readonly pid: number; readonly comm: string; readonly waitStatus: number }
  /** The parent collected the zombie. */
  | { readonly name: "sched_process_wait"; readonly pid: number; readonly parentPid: number }
  /** The parent died; `newParentPid` is the subreaper or init. */
  | { readonly name: "sched_process_reparent"; readonly pid: number; readonly newParentPid: number }
  | { readonly name: "signal_generate"; readonly sig: number; readonly pid: number; readonly comm: string; readonly group: boolean }
  | { readonly name: "signal_deliver"; readonly sig: number; readonly pid: number; readonly action: "handler" | "default" | "ignore" }
  | { readonly name: "sched_process_stop"; readonly pid: number; readonly sig: number }
  | { readonly name: "sched_process_continue"; readonly pid: number }
  | { readonly name: "sys_enter"; readonly pid: number; readonly syscall: string; readonly args: readonly unknown[] }
  | { readonly name: "sys_exit"; readonly pid: number; readonly syscall: string; readonly result: unknown }
  | { readonly name: "mount"; readonly source: string; readonly target: string; readonly fstype: string }
  | { readonly name: "umount"; readonly target: string }
  | { readonly name: "pivot_root"; readonly newRoot: string; readonly putOld: string }
  /** `path` is from the overlay's root, `dev` its device, `layer` where the file was, counted from the topmost. */
  | { readonly name: "overlay_copy_up"; readonly dev: number; readonly path: string; readonly layer: number; readonly bytes: number }
  | { readonly name: "overlay_whiteout"; readonly dev: number; readonly path: string }
  | { readonly name: "pivot_root"; readonly newRoot: string; readonly putOld: string }
  /**
   * Namespaces come, are joined by setns(2) and end with their last user. Linux has no tracepoints for these: the names are ours.
   * `pid` is the process that made it for itself (unshare) or was made in it (clone).
   */
  | {
      readonly name: "namespace_create";
      readonly kind: NamespaceKind;
      readonly ino: number;
      readonly how: "clone" | "unshare";
      readonly pid: number;
    }
  | { readonly name: "namespace_join"; readonly kind: NamespaceKind; readonly ino: number; readonly pid: number }
  | { readonly name: "namespace_destroy"; readonly kind: NamespaceKind; readonly ino: number }
  /** `value`: whether it is populated or frozen now, 1 or 0. */
  | { readonly name: CgroupEvent; readonly id: number; readonly path: string; readonly value: number }
  | { readonly name: "cgroup_attach_task"; readonly pid: number; readonly comm: string; readonly id: number; readonly path: string }
  /** Packets, while `Tracer.packets` is on: before the qdisc, to the driver, from the driver. `ns` is the inode number of the network namespace. */
  | {
      readonly name: "net_dev_queue" | "net_dev_xmit" | "netif_receive_skb";
      readonly ns: number;
      readonly dev: string;
      readonly ifindex: number;
      readonly packet: TracedPacket;
    }
  /** A packet went no further, and why; or, with the reason CONSUMED, has arrived. */
  /** A connection of TCP, or a listener, goes from one state to the next. Addresses are numbers, 0 for none. */
  | {
      readonly name: "inet_sock_set_state";
      readonly ns: number;
      readonly oldState: string;
      readonly newState: string;
      readonly ipSrc: number;
      readonly srcPort: number;
      readonly ipDst: number;
      readonly dstPort: number;
    }
  | { readonly name: "kfree_skb"; readonly ns: number; readonly dev: string; readonly reason: string; readonly packet: TracedPacket }
  /**
   * A packet has come by a rule that matches, or to the end of a built-in chain (rule 0: its policy). Verdicts: `accept`, `drop`, `stolen`, `continue`, `jump`, `goto`, `return`;
   * `rewrite`: NAT has changed it, `from` is as it was, the rule that of the connection's first packet (chain "": none, another port was needed).
   */
  | {
      readonly name: "nf_hook";
      readonly ns: number;
      readonly hook: string;
      /** The device that it comes in by, or goes out by. */
      readonly ifindex: number;
      readonly table: string;
      readonly chain: string;
      readonly rule: number;
      readonly target: string;
      readonly verdict: string;
      readonly from?: TracedPacket;
      readonly packet: TracedPacket;
    }
  | {
      readonly name: "neigh_update";
      readonly ns: number;
      readonly dev: string;
      readonly addr: number;
      readonly mac: number;
      readonly state: string;
    }
  | { readonly name: "br_fdb_update"; readonly ns: number; readonly bridge: string; readonly port: string; readonly mac: number }
  /** Devices come, go and change. Linux has no tracepoint for these but netlink messages: the name is ours. */
  | {
      readonly name: "net_device";
      readonly action: "register" | "unregister" | "up" | "down" | "carrier" | "rename" | "move" | "master";
      readonly ns: number;
      readonly dev: string;
      readonly ifindex: number;
    }
  | { readonly name: "mm_oom_kill"; readonly pid: number; readonly comm: string; readonly rssBytes: number; readonly cgroup: number }
  | { readonly name: "tty_open"; readonly tty: string }
  | { readonly name: "tty_hangup"; readonly tty: string };

export type TraceEvent = TracePayload & { readonly seq: number; readonly atNs: number; readonly cause?: Cause };

export type TraceListener = (event: TraceEvent) => void;

export class Tracer {
  private readonly listeners = new Set<TraceListener>();
  private seq = 0;
  /** Whether `sys_enter` and `sys_exit` are emitted. Read at the gate on every call. */
  syscalls = false;
  /** Whether the events of single packets are emitted. */
  packets = false;

  constructor(
    private readonly nowNs: () => number,
    private readonly findCause: () => Cause | undefined,
  ) {}

  get active(): boolean {
    return this.listeners.size > 0;
  }

  listen(listener: TraceListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(payload: TracePayload): void {
    if (this.listeners.size === 0) return;
    const cause = this.findCause();
    const stamp = { seq: this.seq++, atNs: this.nowNs() };
    const event: TraceEvent = cause === undefined ? { ...payload, ...stamp } : { ...payload, ...stamp, cause };
    for (const listener of this.listeners) listener(event);
  }
}

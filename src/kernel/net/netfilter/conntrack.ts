/**
 * Connection tracking: Linux `net/netfilter/nf_conntrack_core.c`. A packet finds the entry of its connection by its tuple, in one of two
 * directions; the first packet makes one, which enters the table when that packet has come through all rules (confirm).
 * Left out: expectations and helpers, zones, accounting. One timer for each namespace, armed while there are entries.
 */

import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../../abi/inet.ts";
import { Heap, type HeapNode } from "../../sched/heap.ts";
import { Timer } from "../../sched/timer.ts";
import { isIcmpError } from "../ipv4/icmp-types.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import type { Ipv4Header, SkBuff } from "../skb.ts";
import { netSetting } from "../sysctl.ts";
import { readIpv4 } from "../wire.ts";
import {
  CT_CLOSE,
  CT_ESTABLISHED,
  CT_IGNORE,
  CT_INVALID,
  CT_NONE,
  CT_SYN_RECV,
  CT_SYN_SENT,
  CT_TIME_WAIT,
  nextTcpState,
  timeoutSetting,
} from "./conntrack-state.ts";
import { hashTuple, invert, isIcmpQuestion, sameTuple, type Tuple, tupleOf } from "./tuple.ts";

/** UDP that still talks after this long is a stream. */
const UDP_STREAM_NS = 2e9;

/** DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST. */
const COMPLAINTS_NS = 5e9;
const COMPLAINTS_MOST = 10;
/** Entries that are looked at for one that can go: eight chains of the table. */
const EARLY_DROP_MOST = 64;

export type ConntrackEvent = "new" | "update" | "destroy";

/** The id of a connection that a packet has which only asks: it never enters a table. */
export const PROBE_ID = 0;

export class Conntrack implements HeapNode {
  heapIndex = -1;
  /** When the timer looks at it; not later than `expiresNs`. */
  lookNs = 0;
  expiresNs = 0;
  seenReply = false;
  assured = false;
  /** In the table. */
  confirmed = false;
  dying = false;
  /** NAT: whether it was decided, whether it changes anything. Written by `nat.ts`. */
  srcNatDone = false;
  dstNatDone = false;
  srcNat = false;
  dstNat = false;
  /** The rules that decided it, for traces. */
  srcNatRule = "";
  dstNatRule = "";
  /** The device that MASQUERADE chose the address of. */
  masqueradeIfindex = 0;
  mark = 0;
  tcpState = CT_NONE;
  streamNs = 0;

  constructor(
    readonly id: number,
    readonly original: Tuple,
    /** Changed by NAT, before it is confirmed. */
    public reply: Tuple,
  ) {}
}

interface Slot {
  readonly tuple: Tuple;
  readonly ct: Conntrack;
  readonly reply: boolean;
}

/** The connections of one network namespace. */
export class ConntrackTable {
  private readonly slots = new Map<number, Slot[]>();
  /** In the order of their confirmation. */
  readonly entries = new Set<Conntrack>();
  readonly listeners = new Set<(event: ConntrackEvent, ct: Conntrack) => void>();
  private readonly deadlines = new Heap<Conntrack>((a, b) => a.lookNs < b.lookNs || (a.lookNs === b.lookNs && a.id < b.id));
  private readonly timer = new Timer(() => this.expire());
  private lastId = 0;
  private quietUntilNs = 0;
  private said = 0;
  private held = 0;

  constructor(readonly ns: NetNamespace) {}

  find(tuple: Tuple): Slot | undefined {
    return this.slots.get(hashTuple(tuple))?.find((slot) => sameTuple(slot.tuple, tuple));
  }

  /** init_conntrack(). Undefined where the table is full, or nobody could answer. */
  create(tuple: Tuple): Conntrack | undefined {
    const reply = invert(tuple);
    if (reply === undefined) return undefined;
    const max = netSetting(this.ns, "netfilter/nf_conntrack_max");
    if (max > 0 && this.entries.size >= max && !this.earlyDrop()) return undefined;
    return new Conntrack(++this.lastId, tuple, reply);
  }

  /** early_drop(): makes room by forgetting a connection that was never answered both ways. */
  private earlyDrop(): boolean {
    let looked = 0;
    for (const ct of this.entries) {
      if (looked++ >= EARLY_DROP_MOST) return false;
      if (ct.assured) continue;
      this.delete(ct);
      return true;
    }
    return false;
  }

  /** net_warn_ratelimited(): ten lines in five seconds; then how many were held back. */
  complain(): void {
    const { log, sched } = this.ns.system;
    if (sched.clockNs >= this.quietUntilNs) {
      if (this.held > 0) log.printk(4, `net_ratelimit: ${this.held} callbacks suppressed`);
      this.quietUntilNs = sched.clockNs + COMPLAINTS_NS;
      this.said = this.held = 0;
    }
    if (this.said++ >= COMPLAINTS_MOST) {
      this.held++;
      return;
    }
    const place = this.ns === this.ns.core.initNs ? "table full, dropping packet" : `table full in netns ${this.ns.ino}: dropping packet`;
    log.printk(4, `nf_conntrack: nf_conntrack: ${place}`);
  }

  /** __nf_conntrack_confirm(): false where another has taken its tuples meanwhile. */
  confirm(ct: Conntrack): boolean {
    if (ct.confirmed) return true;
    if (this.find(ct.original) !== undefined || this.find(ct.reply) !== undefined) return false;
    ct.confirmed = true;
    this.insert({ tuple: ct.original, ct, reply: false });
    this.insert({ tuple: ct.reply, ct, reply: true });
    this.entries.add(ct);
    this.schedule(ct);
    this.tell("new", ct);
    return true;
  }

  private insert(slot: Slot): void {
    const hash = hashTuple(slot.tuple);
    const chain = this.slots.get(hash);
    if (chain === undefined) this.slots.set(hash, [slot]);
    else chain.push(slot);
  }

  private remove(tuple: Tuple, ct: Conntrack): void {
    const hash = hashTuple(tuple);
    const rest = (this.slots.get(hash) ?? []).filter((slot) => slot.ct !== ct);
    if (rest.length === 0) this.slots.delete(hash);
    else this.slots.set(hash, rest);
  }

  delete(ct: Conntrack): void {
    if (ct.dying) return;
    ct.dying = true;
    if (!ct.confirmed) return;
    this.remove(ct.original, ct);
    this.remove(ct.reply, ct);
    this.entries.delete(ct);
    if (ct.heapIndex >= 0) this.deadlines.remove(ct);
    if (this.entries.size === 0) this.ns.system.sched.timers.cancel(this.timer);
    this.tell("destroy", ct);
  }

  flush(): void {
    for (const ct of [...this.entries]) this.delete(ct);
  }

  tell(event: ConntrackEvent, ct: Conntrack): void {
    for (const listener of this.listeners) listener(event, ct);
  }

  /** nf_ct_refresh(): it is remembered for this many seconds from now. */
  refresh(ct: Conntrack, seconds: number): void {
    ct.expiresNs = this.ns.system.sched.clockNs + seconds * 1e9;
    // A later deadline is noticed when the earlier one comes; only an earlier one moves the entry.
    if (ct.confirmed && !ct.dying && ct.expiresNs < ct.lookNs) this.schedule(ct);
  }

  private schedule(ct: Conntrack): void {
    if (ct.heapIndex >= 0) this.deadlines.remove(ct);
    ct.lookNs = ct.expiresNs;
    this.deadlines.add(ct);
    this.arm();
  }

  private arm(): void {
    const first = this.deadlines.peek();
    const { timers } = this.ns.system.sched;
    if (first === undefined) timers.cancel(this.timer);
    else if (!this.timer.armed || this.timer.atNs !== first.lookNs) timers.arm(this.timer, first.lookNs);
  }

  private expire(): void {
    const now = this.ns.system.sched.clockNs;
    for (let ct = this.deadlines.peek(); ct !== undefined && ct.lookNs <= now; ct = this.deadlines.peek()) {
      if (ct.expiresNs <= now) this.delete(ct);
      else {
        this.deadlines.remove(ct);
        ct.lookNs = ct.expiresNs;
        this.deadlines.add(ct);
      }
    }
    this.arm();
  }
}

export const conntrackPart = netPart("netfilter.conntrack", (ns) => new ConntrackTable(ns));
export const conntrackOf = (ns: NetNamespace): ConntrackTable => ns.part(conntrackPart);

/** What a packet is to its connection: enum ip_conntrack_info, as `--ctstate` names it. */
export type CtState = "INVALID" | "NEW" | "ESTABLISHED" | "RELATED" | "UNTRACKED";

/** IP_CT_UNTRACKED: in the place of an entry, by `-j CT --notrack`. */
export const UNTRACKED: unique symbol = Symbol("untracked");

export const ctOf = (skb: SkBuff): Conntrack | undefined => (skb.ct === UNTRACKED ? undefined : (skb.ct as Conntrack | undefined));

export function ctState(skb: SkBuff): CtState {
  const ct = ctOf(skb);
  if (ct === undefined) return skb.ct === UNTRACKED ? "UNTRACKED" : "INVALID";
  if (skb.transport.kind === "icmp" && isIcmpError(skb.transport.type)) return "RELATED";
  return skb.ctReply || ct.seenReply ? "ESTABLISHED" : "NEW";
}

/** nf_conntrack_in(): gives the packet its entry. False where it must be dropped. */
export function conntrackIn(ns: NetNamespace, skb: SkBuff): boolean {
  // Seen before, on its way through the loopback device; or an error that was sent about a packet.
  if (skb.ct !== undefined) return true;
  const { transport } = skb;
  if (skb.corrupt && netSetting(ns, "netfilter/nf_conntrack_checksum") !== 0) return true;
  const table = conntrackOf(ns);
  if (transport.kind === "icmp" && isIcmpError(transport.type)) {
    relate(table, skb);
    return true;
  }
  const tuple = tupleOf(skb.network as Ipv4Header, transport);
  if (tuple === undefined) return true;
  let slot = table.find(tuple);
  if (slot !== undefined && reopens(slot, skb)) {
    table.delete(slot.ct);
    slot = undefined;
  }
  if (slot !== undefined) {
    skb.ct = slot.ct;
    skb.ctReply = slot.reply;
    if (!advance(table, slot.ct, skb)) skb.ct = undefined;
    return true;
  }
  return begin(table, tuple, skb);
}

/** As conntrackIn(), for a packet that only asks: it knows the connections of its own questions alone. */
export function conntrackProbe(ns: NetNamespace, skb: SkBuff, connections: Map<NetNamespace, unknown>): void {
  if (skb.ct !== undefined) return;
  const { transport } = skb;
  const tuple = tupleOf(skb.network as Ipv4Header, transport);
  const known = connections.get(ns) as Conntrack | undefined;
  if (tuple === undefined) return;
  if (known !== undefined && (sameTuple(known.original, tuple) || sameTuple(known.reply, tuple))) {
    skb.ct = known;
    skb.ctReply = !sameTuple(known.original, tuple);
    known.seenReply ||= skb.ctReply;
    return;
  }
  const reply = invert(tuple);
  const begins = transport.kind === "icmp" ? isIcmpQuestion(transport.type) : transport.kind !== "tcp" || (transport.flags & 18) === 2;
  if (reply === undefined || !begins) return;
  const ct = new Conntrack(PROBE_ID, tuple, reply);
  connections.set(ns, ct);
  skb.ct = ct;
  skb.ctReply = false;
}

function begin(table: ConntrackTable, tuple: Tuple, skb: SkBuff): boolean {
  const { transport } = skb;
  const { ns } = table;
  if (transport.kind === "icmp" && !isIcmpQuestion(transport.type)) return true;
  if (transport.kind === "tcp") {
    const state = nextTcpState(CT_NONE, transport.flags, false);
    if (state < 0 || (state !== CT_SYN_SENT && netSetting(ns, "netfilter/nf_conntrack_tcp_loose") === 0)) return true;
  }
  const ct = table.create(tuple);
  if (ct === undefined) {
    if (tuple.protocol === IPPROTO_ICMP && invert(tuple) === undefined) return true;
    table.complain();
    return false;
  }
  ct.streamNs = ns.system.sched.clockNs + UDP_STREAM_NS;
  skb.ct = ct;
  skb.ctReply = false;
  advance(table, ct, skb);
  return true;
}

/** A SYN for a connection that is over begins a new one with the same ports. */
function reopens({ ct, reply }: Slot, { transport }: SkBuff): boolean {
  if (transport.kind !== "tcp" || ct.tcpState < CT_TIME_WAIT || ct.tcpState > CT_CLOSE) return false;
  return nextTcpState(ct.tcpState, transport.flags, reply) === CT_SYN_SENT;
}

/** The protocol's part: states and timeouts. False for a packet that does not belong there. */
function advance(table: ConntrackTable, ct: Conntrack, skb: SkBuff): boolean {
  const { ns } = table;
  const { transport, ctReply: reply } = skb;
  const { protocol } = ct.original;
  let changed = false;
  if (transport.kind === "tcp") {
    const old = ct.tcpState;
    const state = nextTcpState(old, transport.flags, reply);
    if (state === CT_INVALID) return false;
    if (state !== CT_IGNORE && (transport.flags & 4) !== 0 && !ct.seenReply) {
      // A refused attempt leaves nothing behind.
      ct.tcpState = state;
      table.delete(ct);
      return true;
    }
    if (reply) changed = markReplied(ct);
    if (state === CT_IGNORE) return true;
    ct.tcpState = state;
    changed ||= state !== old;
    if (ct.seenReply && !ct.assured && state === CT_ESTABLISHED && (old === CT_SYN_RECV || old === CT_ESTABLISHED)) {
      ct.assured = true;
      changed = true;
    }
  } else {
    if (reply) changed = markReplied(ct);
    if (protocol === IPPROTO_UDP && ct.seenReply && !ct.assured && ns.system.sched.clockNs > ct.streamNs) ct.assured = changed = true;
  }
  const key = timeoutSetting(protocol, ct.tcpState, protocol !== IPPROTO_TCP || ct.seenReply, ct.assured);
  table.refresh(ct, netSetting(ns, key));
  if (changed && ct.confirmed) table.tell("update", ct);
  return true;
}

function markReplied(ct: Conntrack): boolean {
  if (ct.seenReply) return false;
  ct.seenReply = true;
  return true;
}

/** nf_conntrack_inet_error(): an ICMP error belongs to the connection of the packet that it quotes. */
function relate(table: ConntrackTable, skb: SkBuff): void {
  const quoted = readIpv4(skb.payload);
  const inner = quoted === undefined ? undefined : tupleOf(quoted.ip, quoted.transport);
  const back = inner === undefined ? undefined : invert(inner);
  const slot = back === undefined ? undefined : table.find(back);
  if (slot === undefined) return;
  skb.ct = slot.ct;
  // The error goes the way that an answer to the quoted packet would go.
  skb.ctReply = slot.reply;
}

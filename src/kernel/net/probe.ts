/**
 * What would become of a packet: its way is walked as the stack would carry it, through the same routing, the same rules and the same wires, and the answer's
 * way back; but nothing is sent, counted, logged or remembered. Neighbours are taken to answer: who has the next hop's address on that wire is looked up.
 * Left out: MTU, packets that netem or a full queue would lose, connections that are there already.
 */

import { Errno } from "../../abi/errno.ts";
import { formatIpv4, IPPROTO_ICMP, IPPROTO_TCP } from "../../abi/inet.ts";
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../abi/iptables.ts";
import type { NetDevice } from "./device.ts";
import type { BridgeDevice, BridgePort } from "./devices/bridge.ts";
import { findOnWire, leadsTo } from "./wires.ts";
import { routeInput, routeOutput } from "./ipv4/route.ts";
import { tcpTable } from "./ipv4/tcp/table.ts";
import type { NfHook, Probe, RuleVisit } from "./netfilter/hooks.ts";
import type { NetNamespace } from "./net-namespace.ts";
import { type Ipv4Header, SkBuff, type TransportHeader } from "./skb.ts";
import { netSetting } from "./sysctl.ts";

/** A loop of routes ends somewhere. */
const MAX_HOPS = 16;
/** The client's port: one that is not likely to be taken. */
const CLIENT_PORT = 60_999;
const ICMP_ID = 60_999;

/** What is asked for: an echo, or a connection to a TCP port. */
export interface Question {
  readonly dst: number;
  /** Absent: an ICMP echo. */
  readonly port?: number;
}

/** Where and why a packet went no further. */
export type Halt =
  /** A rule, or a policy, ended it. */
  | { readonly kind: "rule"; readonly visit: RuleVisit }
  | {
      readonly kind: "no-route" | "no-forwarding" | "martian" | "loop" | "refused" | "ignored";
      readonly ns: NetNamespace;
      readonly dst: number;
    }
  /** The device is down or without carrier, or nobody on its wire has the address of the next hop. */
  | { readonly kind: "down" | "nobody"; readonly ns: NetNamespace; readonly dst: number; readonly dev: NetDevice }
  /** A rule sends it back to where it came from, and that port of the bridge does not send back. */
  | { readonly kind: "hairpin"; readonly ns: NetNamespace; readonly dst: number; readonly dev: NetDevice };

export interface Journey {
  /** Namespaces that it came to, in their order, without the first. */
  readonly by: readonly NetNamespace[];
  /** Where it was delivered. */
  readonly at: NetNamespace | undefined;
  readonly halt: Halt | undefined;
  /** The rules that changed it. */
  readonly rewrites: readonly RuleVisit[];
}

export interface ProbeResult {
  readonly there: Journey;
  /** The answer's way; absent where there was nobody to answer. */
  readonly back: Journey | undefined;
}

/** Asks. Changes nothing. */
export function probe(from: NetNamespace, question: Question): ProbeResult {
  const asked: Probe = { visits: [], connections: new Map() };
  const skb = new SkBuff();
  const there = new Walk(asked);
  const source = there.begin(from, skb, question.dst, 0, transportOf(question));
  const first = there.end();
  const { at } = first;
  if (at === undefined || source === undefined) return { there: first, back: undefined };
  const arrived = skb.network as Ipv4Header;
  const refusal = refuse(at, arrived, skb.transport);
  if (refusal !== undefined) return { there: { ...first, halt: refusal }, back: undefined };
  const reply = new SkBuff();
  const back = new Walk(asked);
  back.begin(at, reply, arrived.src, arrived.dst, answerOf(skb.transport));
  const second = back.end();
  if (second.at === from && (reply.network as Ipv4Header).dst === source && (reply.network as Ipv4Header).src !== question.dst) {
    // The asker does not know the one who answers.
    return {
      there: first,
      back: { ...second, at: undefined, halt: { kind: "martian", ns: from, dst: (reply.network as Ipv4Header).src } },
    };
  }
  return { there: first, back: second };
}

function transportOf({ port }: Question): TransportHeader {
  if (port === undefined) return { kind: "icmp", type: 8, code: 0, id: ICMP_ID, sequence: 1 };
  return segment(CLIENT_PORT, port, 2);
}

function segment(srcPort: number, dstPort: number, flags: number): TransportHeader {
  const options = { mss: 0, windowScale: undefined, sackPermitted: false, timestamps: undefined };
  return { kind: "tcp", srcPort, dstPort, seq: 0, ack: 0, flags, window: 65_535, ...options };
}

function answerOf(transport: TransportHeader): TransportHeader {
  if (transport.kind === "tcp") return segment(transport.dstPort, transport.srcPort, 18);
  return transport.kind === "icmp" ? { ...transport, type: 0 } : transport;
}

/** Nobody would answer it. */
function refuse(ns: NetNamespace, { dst }: Ipv4Header, transport: TransportHeader): Halt | undefined {
  if (transport.kind !== "tcp") return netSetting(ns, "ipv4/icmp_echo_ignore_all") === 0 ? undefined : { kind: "ignored", ns, dst };
  if (tcpTable(ns).findListener(dst, transport.dstPort, 0, transport.srcPort) !== undefined) return undefined;
  return { kind: "refused", ns, dst };
}

/** One packet on its way. */
class Walk {
  private readonly by: NetNamespace[] = [];
  private at: NetNamespace | undefined;
  private halt: Halt | undefined;
  private readonly firstVisit: number;
  private hops = 0;
  /** The port of a bridge that it came in by, and must not go out by again. */
  private turned: BridgePort | undefined;

  constructor(private readonly asked: Probe) {
    this.firstVisit = asked.visits.length;
  }

  end(): Journey {
    const rewrites = this.asked.visits.slice(this.firstVisit).filter(({ verdict }) => verdict === "rewrite");
    return { by: this.by, at: this.at, halt: this.halt, rewrites };
  }

  /** Sends it off. Returns its source address, undefined where it could not be sent. */
  begin(ns: NetNamespace, skb: SkBuff, dst: number, src: number, transport: TransportHeader): number | undefined {
    let route: ReturnType<typeof routeOutput>;
    try {
      route = routeOutput(ns, { dst, src, oif: 0, iif: 0, mark: 0, tos: 0 });
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.halt = { kind: "no-route", ns, dst };
      return undefined;
    }
    const protocol = transport.kind === "tcp" ? IPPROTO_TCP : IPPROTO_ICMP;
    const rest = { protocol, ttl: 64, tos: 0, id: 0, dontFragment: true, moreFragments: false, fragmentOffset: 0 };
    skb.network = { kind: "ipv4", src: route.src, dst, ...rest };
    skb.transport = transport;
    skb.route = route;
    skb.dev = route.dev;
    if (this.pass(ns, NF_INET_LOCAL_OUT, skb, undefined, route.dev)) this.output(ns, skb);
    return route.src;
  }

  /** False where the rules end it. */
  private pass(ns: NetNamespace, hook: NfHook, skb: SkBuff, indev: NetDevice | undefined, outdev: NetDevice | undefined): boolean {
    if (ns.netfilter === undefined || ns.netfilter.hook(hook, skb, indev, outdev, this.asked) === "accept") return true;
    const visit = this.asked.visits.at(-1);
    if (visit !== undefined) this.halt = { kind: "rule", visit };
    return false;
  }

  private output(ns: NetNamespace, skb: SkBuff): void {
    const { route, network } = skb;
    const { dst } = network as Ipv4Header;
    if (route === undefined || route.error !== undefined) {
      this.halt = { kind: "no-route", ns, dst };
      return;
    }
    const { dev, gateway } = route;
    if (!this.pass(ns, NF_INET_POST_ROUTING, skb, undefined, dev)) return;
    if (dev.isLoopback) {
      this.receive(ns, skb, dev);
      return;
    }
    const hop = gateway !== 0 ? gateway : dst;
    if (!dev.up || !dev.carrier) {
      this.halt = { kind: "down", ns, dst: hop, dev };
      return;
    }
    const found = findOnWire(dev, hop);
    if (found === undefined) {
      this.halt = { kind: "nobody", ns, dst: hop, dev };
      return;
    }
    if (this.turned !== undefined && leadsTo(this.turned.dev, found.dev)) {
      this.halt = { kind: "hairpin", ns, dst: hop, dev: this.turned.dev };
      return;
    }
    for (const bridge of found.bridges) if (!this.cross(bridge, skb)) return;
    this.leave(skb);
    this.by.push(found.dev.ns);
    this.receive(found.dev.ns, skb, found.dev, found.port);
  }

  /** Nothing of its life in one namespace comes along into the next. */
  private leave(skb: SkBuff): void {
    skb.ct = undefined;
    skb.ctReply = false;
    skb.route = undefined;
    skb.mark = 0;
  }

  /** Through a bridge from port to port: its namespace's rules see that. False where it does not come out at the other side. */
  private cross(bridge: BridgeDevice, skb: SkBuff): boolean {
    const { ns } = bridge;
    if (ns.netfilter === undefined || netSetting(ns, "bridge/bridge-nf-call-iptables") === 0) return true;
    this.leave(skb);
    const { dst } = skb.network as Ipv4Header;
    if (!this.pass(ns, NF_INET_PRE_ROUTING, skb, bridge, undefined)) return false;
    if ((skb.network as Ipv4Header).dst !== dst) {
      // Where it is to go now is the bridge's host to say.
      this.by.push(ns);
      this.route(ns, skb, bridge);
      return false;
    }
    return this.pass(ns, NF_INET_FORWARD, skb, bridge, bridge) && this.pass(ns, NF_INET_POST_ROUTING, skb, undefined, bridge);
  }

  private receive(ns: NetNamespace, skb: SkBuff, dev: NetDevice, port?: BridgePort): void {
    if (this.hops++ >= MAX_HOPS) {
      this.halt = { kind: "loop", ns, dst: (skb.network as Ipv4Header).dst };
      return;
    }
    skb.dev = dev;
    const { dst } = skb.network as Ipv4Header;
    if (!this.pass(ns, NF_INET_PRE_ROUTING, skb, dev, undefined)) return;
    // With another destination on the same bridge it stays a frame of the bridge (br_netfilter).
    const stays = (skb.network as Ipv4Header).dst !== dst && port?.hairpin === false;
    this.turned = stays && netSetting(ns, "bridge/bridge-nf-call-iptables") !== 0 ? port : undefined;
    this.route(ns, skb, dev);
  }

  private route(ns: NetNamespace, skb: SkBuff, dev: NetDevice): void {
    const { src, dst } = skb.network as Ipv4Header;
    const route = skb.route ?? routeInput(ns, skb, dst, src, 0, dev, true);
    if (route === undefined) {
      this.halt = { kind: "martian", ns, dst: src };
      return;
    }
    skb.route = route;
    if (route.error !== undefined) {
      this.halt = { kind: dev.ip?.conf.forwarding === 0 ? "no-forwarding" : "no-route", ns, dst };
      return;
    }
    if (route.local) {
      if (this.pass(ns, NF_INET_LOCAL_IN, skb, dev, undefined)) this.at = ns;
      return;
    }
    if (this.pass(ns, NF_INET_FORWARD, skb, dev, route.dev)) this.output(ns, skb);
  }
}

/** In words, of this host: `has no route to 10.0.0.2`. */
export function tellHalt(halt: Halt): string {
  switch (halt.kind) {
    case "rule": {
      const { table, chain, rule, target, verdict } = halt.visit;
      const place = rule === 0 ? `the policy of ${chain} (${table})` : `rule ${rule} of ${chain} (${table}, ${target})`;
      return verdict === "drop" && target === "REJECT" ? `${place} rejects it` : `${place} drops it`;
    }
    case "no-route":
      return `has no route to ${formatIpv4(halt.dst)}`;
    case "no-forwarding":
      return "does not forward: net.ipv4.ip_forward is 0";
    case "martian":
      return `does not take packets from ${formatIpv4(halt.dst)} here`;
    case "loop":
      return "sees it again and again: its way goes round in a circle";
    case "refused":
      return "refuses it: nobody listens there";
    case "ignored":
      return "does not answer echos";
    case "down":
      return `cannot send: ${halt.dev.name} is ${halt.dev.up ? "without carrier" : "down"}`;
    case "hairpin":
      return `does not send it back out of ${halt.dev.name}: hairpin is off`;
    case "nobody":
      return `finds nobody who has ${formatIpv4(halt.dst)} on ${halt.dev.name}`;
  }
}

export const haltedAt = (halt: Halt): NetNamespace => (halt.kind === "rule" ? halt.visit.ns : halt.ns);

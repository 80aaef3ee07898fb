/**
 * Packets, for frames, while a page looks at them: the tracer's events turned into ways through wires, rewrites and drops. A rewrite shows by itself: the same
 * packet has another header than when it was last seen in the same namespace.
 */

import { ETH_P_ARP, formatIpv4, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../abi/inet.ts";
import type { LinkEnd, PacketEntity } from "../../bridge/messages.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { NetDevice } from "../../kernel/net/device.ts";
import { UplinkDevice } from "../../kernel/net/devices/uplink.ts";
import { VethDevice } from "../../kernel/net/devices/veth.ts";
import { NetNamespace } from "../../kernel/net/net-namespace.ts";
import type { TracedPacket, TraceEvent } from "../../kernel/trace.ts";
import { endOf } from "./network.ts";

/** Things that happened to packets, in one frame; the rest is counted. */
const MAX_SHOWN = 80;
/** Packets whose last header is kept. */
const MAX_KNOWN = 512;

export type PacketEvent = Extract<TraceEvent, { readonly packet: TracedPacket }>;

interface Known {
  readonly ns: number;
  readonly from: string;
  readonly to: string;
}

export class PacketSource {
  private shown: PacketEntity[] = [];
  private leftOut = 0;
  private watched = false;
  /** By packet id: its ends when it was last seen. */
  private readonly known = new Map<number, Known>();
  /** What netfilter last said of a packet: which rule changed it. */
  private readonly rules = new Map<number, string>();
  private world: NetNamespace | undefined;

  constructor(private readonly kernel: Kernel) {}

  watch(on: boolean): void {
    this.watched = on;
    this.kernel.trace.packets = on;
    if (on) return;
    this.known.clear();
    this.rules.clear();
    this.shown = [];
    this.leftOut = 0;
  }

  note(event: PacketEvent): void {
    if (!this.watched) return;
    const { packet, ns } = event;
    if (event.name === "nf_hook" && event.verdict === "rewrite" && event.chain !== "") {
      this.rules.set(packet.id, `${event.table} ${event.chain} ${event.rule} (${event.target})`);
      if (this.rules.size > MAX_KNOWN) this.rules.delete(this.rules.keys().next().value ?? 0);
    }
    this.noteRewrite(event);
    if (event.name === "net_dev_xmit") {
      const dev = this.findDevice(ns, event.ifindex);
      const peer = dev instanceof VethDevice || dev instanceof UplinkDevice ? dev.peer : undefined;
      if (dev !== undefined && peer !== undefined) this.add(event, { kind: "hop", from: this.end(dev), to: this.end(peer) });
    } else if (event.name === "kfree_skb" && event.reason !== "CONSUMED") {
      const dev = this.findNamespace(ns)?.findDevice(event.dev);
      this.add(event, { kind: "drop", at: { netNs: ns, ifindex: dev?.ifindex ?? 0 }, reason: event.reason });
    }
    if (event.name === "kfree_skb") this.known.delete(packet.id);
  }

  take(): { readonly shown: readonly PacketEntity[]; readonly leftOut: number } | undefined {
    const { shown, leftOut } = this;
    if (shown.length + leftOut === 0) return undefined;
    this.shown = [];
    this.leftOut = 0;
    return { shown, leftOut };
  }

  private noteRewrite(event: PacketEvent): void {
    const { packet, ns } = event;
    if (packet.ipSrc === undefined || packet.ipDst === undefined) return;
    const from = endText(packet.ipSrc, packet.srcPort);
    const to = endText(packet.ipDst, packet.dstPort);
    const before = this.known.get(packet.id);
    if (before?.ns === ns && before.from === from && before.to === to) return;
    if (this.known.size >= MAX_KNOWN && before === undefined) this.known.delete(this.known.keys().next().value ?? 0);
    this.known.set(packet.id, { ns, from, to });
    if (before === undefined || before.ns !== ns) return;
    const at = { netNs: ns, ifindex: "ifindex" in event ? event.ifindex : 0 };
    const tell = (what: "DNAT" | "SNAT", old: string): void => {
      const rule = this.rules.get(packet.id);
      this.add(event, { kind: "rewrite", at, what, before: old, ...(rule === undefined ? {} : { rule }) });
    };
    if (before.to !== to) tell("DNAT", before.to);
    if (before.from !== from) tell("SNAT", before.from);
  }

  private add(event: PacketEvent, what: PacketEntity["event"]): void {
    if (this.shown.length >= MAX_SHOWN) {
      this.leftOut++;
      return;
    }
    const { packet, seq, atNs } = event;
    const protocol = protocolOf(packet);
    this.shown.push({ seq, id: packet.id, atNs, header: tellHeader(packet), bytes: packet.length, protocol, event: what });
  }

  private end(dev: NetDevice): LinkEnd {
    const { netNs, ifindex } = endOf(dev);
    // Namespaces of the world outside have numbers of their own, and no place on the page.
    return this.kernel.initUserNs.live.find(netNs) === undefined ? { netNs: 0, ifindex } : { netNs, ifindex };
  }

  private findNamespace(ino: number): NetNamespace | undefined {
    const ns = this.kernel.initUserNs.live.find(ino);
    if (ns instanceof NetNamespace) return ns;
    if (this.world?.ino === ino) return this.world;
    const [first] = [...this.kernel.initUserNs.live.all()].filter((one) => one instanceof NetNamespace);
    for (const one of first?.core.namespaces ?? []) if (one.ino === ino) this.world = one;
    return this.world?.ino === ino ? this.world : undefined;
  }

  private findDevice(ino: number, ifindex: number): NetDevice | undefined {
    return this.findNamespace(ino)?.devices.get(ifindex);
  }
}

const endText = (addr: number, port: number | undefined): string => `${formatIpv4(addr)}${port === undefined ? "" : `:${port}`}`;

function protocolOf({ ethType, protocol }: TracedPacket): PacketEntity["protocol"] {
  if (ethType === ETH_P_ARP) return "arp";
  if (protocol === IPPROTO_ICMP) return "icmp";
  if (protocol === IPPROTO_TCP) return "tcp";
  return protocol === IPPROTO_UDP ? "udp" : "other";
}

const TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

const ICMP_WORDS: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "unreachable",
  5: "redirect",
  8: "echo request",
  11: "time exceeded",
};

/** One line that tells protocol, ends and what is special. */
export function tellHeader(packet: TracedPacket): string {
  const { ipSrc = 0, ipDst = 0, arpOp } = packet;
  if (arpOp !== undefined) {
    return arpOp === 1
      ? `ARP who has ${formatIpv4(ipDst)}? tell ${formatIpv4(ipSrc)}`
      : `ARP ${formatIpv4(ipSrc)} is here, to ${formatIpv4(ipDst)}`;
  }
  if (packet.ipSrc === undefined) return `EtherType ${(packet.ethType ?? 0).toString(16).padStart(4, "0")}`;
  const ends = `${endText(ipSrc, packet.srcPort)} → ${endText(ipDst, packet.dstPort)}`;
  const data = packet.payloadBytes === undefined || packet.payloadBytes === 0 ? "" : ` ${packet.payloadBytes} B`;
  switch (protocolOf(packet)) {
    case "icmp": {
      const words = ICMP_WORDS[packet.icmpType ?? -1] ?? `type ${packet.icmpType ?? "?"}`;
      const echo = packet.icmpType === 0 || packet.icmpType === 8 ? ` ${packet.icmpSeq ?? 0}` : "";
      return `ICMP ${ends} ${words}${echo}`;
    }
    case "tcp":
      return `TCP ${ends} ${TCP_FLAGS.filter((_, bit) => ((packet.tcpFlags ?? 0) & (1 << bit)) !== 0).join(" ")}${data}`;
    case "udp":
      return `UDP ${ends}${data}`;
    default:
      return `IP ${ends} protocol ${packet.protocol ?? 0}`;
  }
}

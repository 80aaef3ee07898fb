/**
 * Packets, for frames, while a page looks at them: the tracer's events turned into ways through wires, rewrites and drops, with the rules that caused them.
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
/** Packets whose last rule is kept. */
const MAX_KNOWN = 512;

export type PacketEvent = Extract<TraceEvent, { readonly packet: TracedPacket }>;

export class PacketSource {
  private shown: PacketEntity[] = [];
  private leftOut = 0;
  private watched = false;
  /** By packet id: the rule that has just ended it. */
  private readonly rules = new Map<number, string>();
  private world: NetNamespace | undefined;

  constructor(private readonly kernel: Kernel) {}

  watch(on: boolean): void {
    this.watched = on;
    this.kernel.trace.packets = on;
    if (on) return;
    this.rules.clear();
    this.shown = [];
    this.leftOut = 0;
  }

  note(event: PacketEvent): void {
    if (!this.watched) return;
    const { packet, ns } = event;
    switch (event.name) {
      case "nf_hook":
        this.noteRule(event);
        break;
      case "net_dev_xmit": {
        const dev = this.findDevice(ns, event.ifindex);
        const peer = dev instanceof VethDevice || dev instanceof UplinkDevice ? dev.peer : undefined;
        if (dev !== undefined && peer !== undefined) this.add(event, { kind: "hop", from: this.end(dev), to: this.end(peer) });
        break;
      }
      case "kfree_skb": {
        const rule = this.rules.get(packet.id);
        this.rules.delete(packet.id);
        if (event.reason === "CONSUMED") break;
        const dev = this.findNamespace(ns)?.findDevice(event.dev);
        const at = { netNs: ns, ifindex: dev?.ifindex ?? 0 };
        this.add(event, { kind: "drop", at, reason: event.reason, ...(rule === undefined ? {} : { rule }) });
        break;
      }
      default:
        break;
    }
  }

  private noteRule(event: Extract<PacketEvent, { readonly name: "nf_hook" }>): void {
    const { packet, ns, ifindex, hook, table, chain, rule: number, target, verdict, from } = event;
    const rule = number === 0 ? `${table} ${chain} policy ${target}` : `${table} ${chain} ${number} (${target})`;
    if (verdict === "drop") {
      // kfree_skb follows.
      this.rules.set(packet.id, rule);
      if (this.rules.size > MAX_KNOWN) this.rules.delete(this.rules.keys().next().value ?? 0);
    }
    if (from === undefined) return;
    const at = { netNs: ns, ifindex };
    const asked = SOURCE_TARGETS.includes(target) ? "SNAT" : "DNAT";
    for (const [what, before, after] of [
      ["DNAT", endText(from.ipDst, from.dstPort), endText(packet.ipDst, packet.dstPort)],
      ["SNAT", endText(from.ipSrc, from.srcPort), endText(packet.ipSrc, packet.srcPort)],
    ] as const) {
      if (before !== after) this.add(event, { kind: "rewrite", at, hook, what, before, after, rule, answer: what !== asked });
    }
  }

  take(): { readonly shown: readonly PacketEntity[]; readonly leftOut: number } | undefined {
    const { shown, leftOut } = this;
    if (shown.length + leftOut === 0) return undefined;
    this.shown = [];
    this.leftOut = 0;
    return { shown, leftOut };
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

/** Targets that change where a packet comes from. */
const SOURCE_TARGETS = ["SNAT", "MASQUERADE"];

const endText = (addr: number | undefined, port: number | undefined): string =>
  `${formatIpv4(addr ?? 0)}${port === undefined ? "" : `:${port}`}`;

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

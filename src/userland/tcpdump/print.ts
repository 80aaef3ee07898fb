/** Packets as lines: the formats of tcpdump 4.99's print-arp.c, print-ip.c, print-icmp.c, print-udp.c, print-tcp.c and print-domain.c. */

import {
  ETH_P_ARP,
  ETH_P_IP,
  formatIpv4,
  formatIpv6,
  formatMac,
  parseIpv6,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "../../abi/inet.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { decodeDns, NXDOMAIN, T_A, T_AAAA, T_CNAME, T_MX, T_NS, T_OPT, T_PTR, T_SOA, T_TXT, type DnsRecord } from "../libc/dns.ts";
import { checksum } from "../libc/icmp.ts";
import { icmp6Text } from "./icmp6.ts";
import { decodeIp, type Ip, type Packet, PROTOCOLS, viewOf } from "./packet.ts";

export interface Style {
  readonly verbose: number;
  readonly quiet: boolean;
  readonly link: boolean;
  host(addr: number): string;
  port(port: number, protocol: "tcp" | "udp"): string;
}

const FLAGS = "FSRP.UEW";
const TYPES: Readonly<Record<number, string>> = {
  ...{ [T_A]: "A", [T_AAAA]: "AAAA", [T_CNAME]: "CNAME", [T_MX]: "MX", [T_NS]: "NS", [T_PTR]: "PTR", [T_SOA]: "SOA", [T_TXT]: "TXT" },
};
const ETHERTYPES: Readonly<Record<number, string>> = { [ETH_P_IP]: "IPv4", [ETH_P_ARP]: "ARP", 34525: "IPv6" };
const HTTP_PORTS = [80, 8080, 3128];

/** AFS talks by ports 7000 to 7009, with headers of 28 bytes. */
const RX_HEADER = 28;
const isRx = (port: number): boolean => port >= 7000 && port <= 7009;

export class PacketPrinter {
  /** By the two ends of a connection: the first sequence number of either. */
  private readonly flows = new Map<string, { seq: number; ack: number }>();

  constructor(private readonly style: Style) {}

  /** One packet, without the time. May be several lines. */
  print(packet: Packet): string {
    const { style } = this;
    const { ip, arp } = packet;
    const type = packet.type.toString(16).padStart(4, "0");
    const kind = ETHERTYPES[packet.type];
    let head = "";
    if (style.link) {
      const dst = packet.dst === 0xffffffffffff ? "Broadcast" : formatMac(packet.dst);
      const shown = dst === "Broadcast" ? formatMac(packet.dst) : dst;
      head = `${formatMac(packet.src)} > ${shown}, ethertype ${kind ?? "Unknown"} (0x${type}), length ${packet.length}: `;
      if (style.quiet) head = `${formatMac(packet.src)} > ${shown}, ${kind ?? `0x${type}`}, length ${packet.length}: `;
    }
    if (arp !== undefined) {
      const tail = `, length ${packet.body.length}`;
      const name = style.link ? "" : "ARP, ";
      const detail = style.verbose > 0 ? "Ethernet (len 6), IPv4 (len 4), " : "";
      if (arp.op === 1) return `${head}${name}${detail}Request who-has ${style.host(arp.targetIp)} tell ${style.host(arp.senderIp)}${tail}`;
      return `${head}${name}${detail}Reply ${style.host(arp.senderIp)} is-at ${formatMac(arp.senderMac)}${tail}`;
    }
    if (ip !== undefined) return `${head}${style.link ? "" : typeof ip.src === "string" ? "IP6 " : "IP "}${this.ip(ip)}`;
    return `${head}ethertype ${kind ?? "Unknown"} (0x${type}), length ${packet.length}`;
  }

  private host(addr: number | string): string {
    return typeof addr === "string" ? addr : this.style.host(addr);
  }

  private ip(ip: Ip): string {
    if (this.style.verbose === 0) return this.transport(ip);
    if (typeof ip.src === "string") {
      const name = PROTOCOLS[ip.protocol] ?? "unknown";
      const kind = ip.tos === 0 ? "" : `class 0x${ip.tos.toString(16).padStart(2, "0")}, `;
      return `(${kind}hlim ${ip.ttl}, next-header ${name} (${ip.protocol}) payload length: ${ip.length}) ${this.transport(ip)}`;
    }
    const flags = [ip.moreFragments ? "+" : "", ip.dontFragment ? "DF" : ""].filter((flag) => flag !== "").join(", ");
    const proto = PROTOCOLS[ip.protocol] ?? "unknown";
    const head = `(tos 0x${ip.tos.toString(16)}, ttl ${ip.ttl}, id ${ip.id}, offset ${ip.offset}, flags [${flags || "none"}], proto ${proto} (${ip.protocol}), length ${ip.length})`;
    return `${head}\n    ${this.transport(ip)}`;
  }

  private transport(ip: Ip): string {
    const { style } = this;
    const hosts = `${this.host(ip.src)} > ${this.host(ip.dst)}`;
    if (ip.offset > 0) return `${hosts}: ${(PROTOCOLS[ip.protocol] ?? `ip-proto-${ip.protocol}`).toLowerCase()}`;
    if (ip.protocol === IPPROTO_ICMPV6 && typeof ip.src === "string" && ip.payload.length >= 8)
      return `${hosts}: ${icmp6Text(ip.payload, (n, p) => style.port(n, p))}`;
    if (ip.protocol === IPPROTO_ICMP && ip.payload.length >= 8) return `${hosts}: ${this.icmp(ip)}`;
    if (ip.protocol === IPPROTO_UDP && ip.srcPort !== undefined && ip.dstPort !== undefined && ip.payload.length >= 8)
      return this.udp(ip, ip.srcPort, ip.dstPort);
    if (ip.protocol === IPPROTO_TCP && ip.srcPort !== undefined && ip.dstPort !== undefined && ip.payload.length >= 20)
      return this.tcp(ip, ip.srcPort, ip.dstPort);
    return `${hosts}:  ip-proto-${ip.protocol} ${ip.payload.length}`;
  }

  private icmp({ payload }: Ip): string {
    const { style } = this;
    const view = viewOf(payload);
    const [type, code] = [view.getUint8(0), view.getUint8(1)];
    const length = `, length ${payload.length}`;
    if (type === 8 || type === 0)
      return `ICMP echo ${type === 8 ? "request" : "reply"}, id ${view.getUint16(4)}, seq ${view.getUint16(6)}${length}`;
    const quoted = decodeIp(payload.subarray(8));
    const about = style.verbose > 0 && quoted !== undefined ? `\n\tIP ${this.ip(quoted)}` : "";
    if (type === 11) return `ICMP ${code === 0 ? "time exceeded in-transit" : "ip reassembly time exceeded"}${length}${about}`;
    if (type !== 3 || quoted === undefined) return `ICMP type-#${type}${length}`;
    const dst = this.host(quoted.dst);
    if (code === 0) return `ICMP net ${dst} unreachable${length}${about}`;
    if (code === 1) return `ICMP host ${dst} unreachable${length}${about}`;
    if (code === 2) return `ICMP ${dst} protocol ${quoted.protocol} unreachable${length}${about}`;
    if (code === 3) {
      const protocol = quoted.protocol === IPPROTO_TCP ? "tcp" : "udp";
      return `ICMP ${dst} ${protocol} port ${style.port(quoted.dstPort ?? 0, protocol)} unreachable${length}${about}`;
    }
    if (code === 4) return `ICMP ${dst} unreachable - need to frag (mtu ${view.getUint16(6)})${length}${about}`;
    const prohibited: Readonly<Record<number, string>> = { 9: "net", 10: "host", 13: "admin prohibited filter" };
    if (code === 13) return `ICMP host ${dst} unreachable - admin prohibited filter${length}${about}`;
    return `ICMP ${prohibited[code] ?? "#"} ${dst} unreachable - admin prohibited${length}${about}`;
  }

  private udp(ip: Ip, src: number, dst: number): string {
    const { style } = this;
    const head = `${this.host(ip.src)}.${style.port(src, "udp")} > ${this.host(ip.dst)}.${style.port(dst, "udp")}: `;
    const data = ip.payload.subarray(8);
    const length = viewOf(ip.payload).getUint16(4) - 8;
    if (style.quiet) return `${head}UDP, length ${length}`;
    const sum = style.verbose > 1 ? `${this.checksum(ip, 6)} ` : "";
    // The ports of AFS, by number; a datagram shorter than its header is cut.
    if (length < RX_HEADER && (isRx(src) || isRx(dst))) return `${head}${sum} [|rx] (${length})`;
    if (src === 53 || dst === 53) return `${head}${sum}${dnsText(data, length)}`;
    return `${head}${sum}UDP, length ${length}`;
  }

  /** With -v: whether the checksum is right. */
  private checksum(ip: Ip, at: number): string {
    const given = viewOf(ip.payload).getUint16(at);
    if (at === 6 && given === 0) return "[no cksum]";
    const ends = [ip.src, ip.dst].flatMap((addr) => (typeof addr === "number" ? [addr >>> 16, addr & 0xffff] : (parseIpv6(addr) ?? [])));
    const head = 2 * ends.length + 4;
    const pseudo = new Uint8Array(head + ip.payload.length);
    const view = viewOf(pseudo);
    for (const [i, word] of [...ends, ip.protocol, ip.payload.length].entries()) view.setUint16(2 * i, word);
    pseudo.set(ip.payload, head);
    const good = checksum(pseudo) === 0;
    const hex = (value: number): string => `0x${value.toString(16).padStart(4, "0")}`;
    view.setUint16(head + at, 0);
    const words = good ? "correct" : `incorrect -> ${hex(checksum(pseudo))}`;
    if (at === 6) return good ? "[udp sum ok]" : `[bad udp cksum ${hex(given)} -> ${hex(checksum(pseudo))}!]`;
    return `cksum ${hex(given)} (${words})`;
  }

  private tcp(ip: Ip, srcPort: number, dstPort: number): string {
    const { style } = this;
    const view = viewOf(ip.payload);
    const offset = (view.getUint8(12) >>> 4) * 4;
    const data = ip.payload.subarray(offset);
    const head = `${this.host(ip.src)}.${style.port(srcPort, "tcp")} > ${this.host(ip.dst)}.${style.port(dstPort, "tcp")}: `;
    if (style.quiet) return `${head}tcp ${data.length}`;
    const bits = view.getUint8(13);
    const flags = [...FLAGS].filter((_, i) => (bits & (1 << i)) !== 0).join("");
    const { seq, ack } = this.relative(ip, srcPort, dstPort, bits);
    let out = `${head}Flags [${flags === "" ? "none" : flags}]`;
    if (style.verbose > 0) out += `, ${this.checksum(ip, 16)}`;
    if (data.length > 0 || (bits & 7) !== 0) out += `, seq ${seq}${data.length > 0 ? `:${(seq + data.length) >>> 0}` : ""}`;
    if ((bits & 16) !== 0) out += `, ack ${ack}`;
    out += `, win ${view.getUint16(14)}`;
    const options = optionsText(ip.payload.subarray(20, offset), (n) => this.relativeSack(ip, srcPort, dstPort, n));
    if (options !== "") out += `, options [${options}]`;
    out += `, length ${data.length}`;
    if (data.length > 0 && (HTTP_PORTS.includes(srcPort) || HTTP_PORTS.includes(dstPort))) out += this.http(data);
    return out;
  }

  private flowOf(ip: Ip, srcPort: number, dstPort: number): { key: string; reverse: boolean } {
    const reverse = srcPort === dstPort ? ip.src > ip.dst : srcPort > dstPort;
    const ends = [`${ip.src}:${srcPort}`, `${ip.dst}:${dstPort}`];
    return { key: (reverse ? ends.reverse() : ends).join(" "), reverse };
  }

  /** Sequence numbers counted from the first ones seen, except in that packet and with SYN. */
  private relative(ip: Ip, srcPort: number, dstPort: number, bits: number): { seq: number; ack: number } {
    const view = viewOf(ip.payload);
    const [seq, ack] = [view.getUint32(4), view.getUint32(8)];
    const { key, reverse } = this.flowOf(ip, srcPort, dstPort);
    const flow = this.flows.get(key);
    if (flow === undefined || (bits & 2) !== 0) {
      const before = (ack - 1) >>> 0;
      this.flows.set(key, reverse ? { seq: before, ack: seq } : { seq, ack: before });
      return { seq, ack };
    }
    const [own, other] = reverse ? [flow.ack, flow.seq] : [flow.seq, flow.ack];
    return { seq: (seq - own) >>> 0, ack: (ack - other) >>> 0 };
  }

  private relativeSack(ip: Ip, srcPort: number, dstPort: number, n: number): number {
    const { key, reverse } = this.flowOf(ip, srcPort, dstPort);
    const flow = this.flows.get(key);
    return flow === undefined ? n : (n - (reverse ? flow.seq : flow.ack)) >>> 0;
  }

  private http(data: Uint8Array): string {
    const text = decodeUtf8(data);
    const begins = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|HTTP\/\d)/.test(text);
    if (this.style.verbose === 0) return begins ? `: HTTP: ${text.slice(0, text.indexOf("\r\n"))}` : ": HTTP";
    if (!begins) return ": HTTP";
    const end = text.indexOf("\r\n\r\n");
    const lines = text.slice(0, end < 0 ? undefined : end + 2).split("\r\n");
    return `: HTTP, length: ${data.length}\n${lines.map((line) => `\t${line}`).join("\n")}`;
  }
}

function optionsText(bytes: Uint8Array, relative: (n: number) => number): string {
  const view = viewOf(bytes);
  const out: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at] as number;
    if (kind === 0) {
      out.push("eol");
      break;
    }
    if (kind === 1) {
      out.push("nop");
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > bytes.length) {
      out.push("opt-malformed");
      break;
    }
    if (kind === 2) out.push(`mss ${view.getUint16(at + 2)}`);
    else if (kind === 3) out.push(`wscale ${view.getUint8(at + 2)}`);
    else if (kind === 4) out.push("sackOK");
    else if (kind === 5) {
      const blocks: string[] = [];
      for (let i = at + 2; i < at + length; i += 8) blocks.push(`{${relative(view.getUint32(i))}:${relative(view.getUint32(i + 4))}}`);
      out.push(`sack ${blocks.length} ${blocks.join("")}`);
    } else if (kind === 8) out.push(`TS val ${view.getUint32(at + 2)} ecr ${view.getUint32(at + 6)}`);
    else out.push(`unknown-${kind}`);
    at += length;
  }
  return out.join(",");
}

function dnsText(bytes: Uint8Array, length: number): string {
  const m = decodeDns(bytes);
  if (m === undefined) return `[|domain] (${length})`;
  const question = m.questions.map(({ name, type }) => `${TYPES[type] ?? `Type${type}`}? ${name}.`).join(" ");
  const counts = `${m.answers.length}/${m.authority.length}/${m.additional.length}`;
  if (!m.response) {
    const extra = m.additional.length > 0 ? `[${m.additional.length}au] ` : "";
    return `${m.id}${m.recursionDesired ? "+" : ""} ${extra}${question} (${length})`;
  }
  const flags = `${m.authoritative ? "*" : ""}${m.recursionAvailable ? "" : "-"}${m.truncated ? "|" : ""}`;
  const rcode = m.rcode === NXDOMAIN ? " NXDomain" : m.rcode === 2 ? " ServFail" : m.rcode === 5 ? " Refused" : "";
  const answers = m.answers.filter(({ type }) => type !== T_OPT).map(answerText);
  return `${m.id}${rcode}${flags} ${counts}${answers.length > 0 ? ` ${answers.join(", ")}` : ""} (${length})`;
}

function answerText({ type, data }: DnsRecord): string {
  const name = TYPES[type] ?? `Type${type}`;
  if (data.kind === "address") return `${name} ${formatIpv4(data.addr)}`;
  if (data.kind === "address6") return `${name} ${formatIpv6(data.groups)}`;
  if (data.kind === "name") return `${name} ${data.name}.`;
  return name;
}

/** -X and -A: bytes of a packet. */
export function hexAndAscii(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = Array.from({ length: Math.ceil(row.length / 2) }, (_, i) =>
      Array.from(row.subarray(2 * i, 2 * i + 2), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    ).join(" ");
    const ascii = Array.from(row, (byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    out += `\t0x${at.toString(16).padStart(4, "0")}:  ${hex.padEnd(39)}  ${ascii}\n`;
  }
  return out;
}

export function ascii(bytes: Uint8Array): string {
  return `${Array.from(bytes, (byte, i) => {
    if (byte === 13 && bytes[i + 1] === 10) return "";
    return byte === 10 || byte === 9 || (byte >= 32 && byte < 127) ? String.fromCharCode(byte) : ".";
  }).join("")}\n`;
}

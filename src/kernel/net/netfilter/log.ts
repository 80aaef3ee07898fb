/** The LOG target: a line of the kernel's log for each packet. Linux `net/netfilter/nf_log_syslog.c`. IP options are none, so --log-ip-options adds nothing. */

import { ETH_P_IP, formatIpv4, formatMac } from "../../../abi/inet.ts";
import { type Ipv4Header, type SkBuff, tcpHeaderLength } from "../skb.ts";
import { InetSock } from "../ipv4/inet-sock.ts";
import { netSetting } from "../sysctl.ts";
import { readIpv4, writeIpv4 } from "../wire.ts";
import { type HookPacket, number, type OptionReader } from "./rule.ts";

export interface LogOptions {
  readonly level: number;
  readonly prefix: string;
  readonly tcpSequence: boolean;
  readonly tcpOptions: boolean;
  readonly macDecode: boolean;
  readonly uid: boolean;
}

export const readLogOptions = (options: OptionReader): LogOptions => ({
  level: number(options.value("log-level") ?? "4", 7),
  prefix: options.value("log-prefix") ?? "",
  tcpSequence: options.has("log-tcp-sequence"),
  tcpOptions: options.has("log-tcp-options"),
  macDecode: options.has("log-macdecode"),
  uid: options.has("log-uid"),
});

const PROTOCOLS: Readonly<Record<number, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP" };

const hex2 = (value: number): string => `0x${value.toString(16).toUpperCase().padStart(2, "0")}`;

/** nf_log_ip_packet(). Only what happens in the initial namespace is logged, unless nf_log_all_netns says otherwise. */
export function logPacket({ ns, skb, indev, outdev, ip }: HookPacket, how: LogOptions): void {
  if (ns !== ns.core.initNs && netSetting(ns.core.initNs, "netfilter/nf_log_all_netns") === 0) return;
  let text = `${how.prefix}IN=${indev?.name ?? ""} OUT=${outdev?.name ?? ""} `;
  if (skb.nfBridge !== undefined && indev !== undefined) text += `PHYSIN=${skb.nfBridge.port.name} `;
  if (indev !== undefined) text += macPart(skb, indev.isLoopback, how.macDecode);
  text += describe(ip, skb, skb.length, how, skb);
  // Differs from Linux: the group is the user's number.
  if (how.uid && skb.sk instanceof InetSock) text += `UID=${skb.sk.uid} GID=${skb.sk.uid} `;
  if (skb.mark !== 0) text += `MARK=0x${skb.mark.toString(16)} `;
  ns.system.log.printk(how.level, text);
}

/** dump_mac_header(): destination, source and type, as the bytes of the header. */
function macPart({ eth }: SkBuff, loopback: boolean, decode: boolean): string {
  const { dst, src, type } = loopback ? { dst: 0, src: 0, type: ETH_P_IP } : (eth ?? { dst: 0, src: 0, type: 0 });
  const proto = type.toString(16).padStart(4, "0");
  if (decode && !loopback) return `MACSRC=${formatMac(src)} MACDST=${formatMac(dst)} MACPROTO=${proto} `;
  if (eth === undefined && !loopback) return "MAC= ";
  return `MAC=${formatMac(dst)}:${formatMac(src)}:${proto.slice(0, 2)}:${proto.slice(2)} `;
}

/** The bytes of the TCP options, as `OPT (0204…)`. */
function optionsPart(skb: SkBuff): string {
  if (skb.transport.kind !== "tcp") return "";
  const bytes = writeIpv4(skb).subarray(40, 20 + tcpHeaderLength(skb.transport));
  const hex = [...bytes].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
  return hex === "" ? "" : `OPT (${hex}) `;
}

function describe(
  ip: Ipv4Header,
  skb: Pick<SkBuff, "transport" | "payload">,
  length: number,
  how: LogOptions,
  outer: SkBuff | undefined,
): string {
  let text = `SRC=${formatIpv4(ip.src)} DST=${formatIpv4(ip.dst)} LEN=${length} TOS=${hex2(ip.tos & 0x1e)} PREC=${hex2(ip.tos & 0xe0)} TTL=${ip.ttl} ID=${ip.id} `;
  if (ip.dontFragment) text += "DF ";
  if (ip.moreFragments) text += "MF ";
  if (ip.fragmentOffset > 0) return `${text}FRAG:${ip.fragmentOffset / 8} PROTO=${PROTOCOLS[ip.protocol] ?? ip.protocol} `;
  const { transport: t } = skb;
  switch (t.kind) {
    case "tcp": {
      text += `PROTO=TCP SPT=${t.srcPort} DPT=${t.dstPort} `;
      if (how.tcpSequence) text += `SEQ=${t.seq} ACK=${t.ack} `;
      const flags = [
        [32, "URG"],
        [16, "ACK"],
        [8, "PSH"],
        [4, "RST"],
        [2, "SYN"],
        [1, "FIN"],
      ] as const;
      text += `WINDOW=${t.window} RES=0x00 `;
      for (const [bit, name] of flags) if ((t.flags & bit) !== 0) text += `${name} `;
      return `${text}URGP=0 ${how.tcpOptions && outer !== undefined ? optionsPart(outer) : ""}`;
    }
    case "udp":
      return `${text}PROTO=UDP SPT=${t.srcPort} DPT=${t.dstPort} LEN=${skb.payload.length + 8} `;
    case "icmp": {
      text += `PROTO=ICMP TYPE=${t.type} CODE=${t.code} `;
      if (t.type === 8 || t.type === 0) return `${text}ID=${t.id} SEQ=${t.sequence} `;
      const quoted = outer === undefined ? undefined : readIpv4(skb.payload);
      if (quoted !== undefined) {
        const inner = new DataView(skb.payload.buffer, skb.payload.byteOffset).getUint16(2);
        text += `[${describe(quoted.ip, quoted, inner, how, undefined)}] `;
      }
      return t.type === 3 && t.code === 4 ? `${text}MTU=${t.sequence} ` : text;
    }
    case "other":
      return `${text}PROTO=${ip.protocol} `;
  }
}

/** Counters of IPv6 and ICMPv6 in a network namespace: /proc/net/snmp6, Linux `net/ipv6/proc.c`. */

import { netPart } from "../net-namespace.ts";

export class Mib6 {
  readonly ip = {
    InReceives: 0,
    InHdrErrors: 0,
    InTooBigErrors: 0,
    InNoRoutes: 0,
    InAddrErrors: 0,
    InUnknownProtos: 0,
    InTruncatedPkts: 0,
    InDiscards: 0,
    InDelivers: 0,
    OutForwDatagrams: 0,
    OutRequests: 0,
    OutDiscards: 0,
    OutNoRoutes: 0,
    ReasmTimeout: 0,
    ReasmReqds: 0,
    ReasmOKs: 0,
    ReasmFails: 0,
    FragOKs: 0,
    FragFails: 0,
    FragCreates: 0,
    InMcastPkts: 0,
    OutMcastPkts: 0,
    InOctets: 0,
    OutOctets: 0,
    InMcastOctets: 0,
    OutMcastOctets: 0,
    InBcastOctets: 0,
    OutBcastOctets: 0,
    InNoECTPkts: 0,
    InECT1Pkts: 0,
    InECT0Pkts: 0,
    InCEPkts: 0,
    OutTransmits: 0,
  };
  readonly icmp = { InMsgs: 0, InErrors: 0, OutMsgs: 0, OutErrors: 0, InCsumErrors: 0, OutRateLimitHost: 0 };
  readonly inTypes = new Map<number, number>();
  readonly outTypes = new Map<number, number>();
}

export const mib6 = netPart("ipv6.mib", () => new Mib6());

export const countType = (types: Map<number, number>, type: number): void => void types.set(type, (types.get(type) ?? 0) + 1);

/** snmp6_seq_show(). */
export function snmp6Text({ ip, icmp, inTypes, outTypes }: Mib6): string {
  const line = (name: string, value: number): string => `${name.padEnd(32)}\t${value}\n`;
  const all = (head: string, part: Readonly<Record<string, number>>): string =>
    Object.entries(part)
      .map(([name, value]) => line(head + name, value))
      .join("");
  const types = (head: string, counted: ReadonlyMap<number, number>): string =>
    [...counted]
      .sort(([a], [b]) => a - b)
      .map(([type, value]) => line(`${head}${type}`, value))
      .join("");
  return all("Ip6", ip) + all("Icmp6", icmp) + types("Icmp6InType", inTypes) + types("Icmp6OutType", outTypes);
}

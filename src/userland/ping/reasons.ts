/** What ping(8) says of ICMP errors: pr_icmph() of iputils. */

import { formatIpv4 } from "../../abi/inet.ts";
import { ICMPV6_DEST_UNREACH, ICMPV6_PKT_TOOBIG, ICMPV6_TIME_EXCEED, type Icmp6Message } from "../libc/icmp6.ts";
import { ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, type IcmpMessage } from "../libc/icmp.ts";

const UNREACHABLE: readonly string[] = [
  "Destination Net Unreachable",
  "Destination Host Unreachable",
  "Destination Protocol Unreachable",
  "Destination Port Unreachable",
  "Frag needed and DF set",
  "Source Route Failed",
  "Destination Net Unknown",
  "Destination Host Unknown",
  "Source Host Isolated",
  "Destination Net Prohibited",
  "Destination Host Prohibited",
  "Destination Net Unreachable for Type of Service",
  "Destination Host Unreachable for Type of Service",
  "Packet filtered",
  "Precedence Violation",
  "Precedence Cutoff",
];

const UNREACHABLE6: readonly string[] = [
  "No route",
  "Administratively prohibited",
  "Beyond scope of source address",
  "Address unreachable",
  "Port unreachable",
];

/** The same of ICMPv6. */
export function reasonOf6({ type, code, mtu }: Icmp6Message): string {
  if (type === ICMPV6_DEST_UNREACH) return `Destination unreachable: ${UNREACHABLE6[code] ?? `Unknown code ${code}`}`;
  if (type === ICMPV6_PKT_TOOBIG) return `Packet too big: mtu=${mtu}`;
  if (type === ICMPV6_TIME_EXCEED)
    return `Time exceeded: ${code === 0 ? "Hop limit" : code === 1 ? "Defragmentation failure" : `code ${code}`}`;
  return `Parameter problem: ${code === 0 ? "Wrong header field " : code === 1 ? "Unknown header " : "Unknown option "}at ${mtu}`;
}

export function reasonOf({ type, code, mtu }: IcmpMessage): string {
  if (type === ICMP_DEST_UNREACH) {
    if (code === 4) return `Frag needed and DF set (mtu = ${mtu})`;
    return UNREACHABLE[code] ?? `Dest Unreachable, Bad Code: ${code}`;
  }
  if (type === ICMP_TIME_EXCEEDED) {
    if (code === 0) return "Time to live exceeded";
    return code === 1 ? "Frag reassembly time exceeded" : `Time exceeded, Bad Code: ${code}`;
  }
  if (type === 5) return `Redirect Host(New nexthop: ${formatIpv4(mtu)})`;
  return `Bad ICMP type: ${type}`;
}

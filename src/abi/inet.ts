/** Internet addresses and protocol numbers as text and numbers: inet(3), ip(7), RFC 791, 5952. */

export const IPPROTO_IP = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_RAW = 255;

export const ETH_P_ALL = 0x0003;
export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_IPV6 = 0x86dd;

export const INADDR_ANY = 0;
export const INADDR_LOOPBACK = 0x7f000001;
export const INADDR_BROADCAST = 0xffffffff;

/** `10.0.0.1` for an address in host order. */
export function formatIpv4(addr: number): string {
  return `${addr >>> 24}.${(addr >>> 16) & 255}.${(addr >>> 8) & 255}.${addr & 255}`;
}

/** The strict form of inet_pton(3): four decimal numbers without leading zeros; undefined for anything else. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let addr = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part[0] === "0")) return undefined;
    addr = addr * 256 + Number(part);
  }
  return addr;
}

/** The mask of a prefix length, in host order. */
export function prefixMask(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

/** `02:42:ac:11:00:02` for a 48-bit number. */
export function formatMac(mac: number): string {
  return mac
    .toString(16)
    .padStart(12, "0")
    .replace(/..(?!$)/g, "$&:");
}

export function parseMac(text: string): number | undefined {
  return /^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)
    ? text.split(":").reduce((mac, byte) => mac * 256 + Number.parseInt(byte, 16), 0)
    : undefined;
}

/** An IPv6 address as eight 16-bit groups in the text form of RFC 5952. */
export function formatIpv6(groups: readonly number[]): string {
  let best = -1;
  let bestLength = 1;
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > bestLength) [best, bestLength] = [at, length];
  }
  // Addresses of IPv4 in IPv6 keep their looks, as inet_ntop(3) writes them.
  if (groups[0] === 0 && ((best === 0 && bestLength === 6) || (best === 0 && bestLength === 5 && groups[5] === 0xffff)))
    return `::${bestLength === 5 ? "ffff:" : ""}${formatIpv4((((groups[6] ?? 0) << 16) | (groups[7] ?? 0)) >>> 0)}`;
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

/** Eight groups, or undefined. A zone (`%eth0`) is not part of it. */
export function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const parse = (half: string): number[] | undefined => {
    if (half === "") return [];
    const groups: number[] = [];
    for (const [i, part] of half.split(":").entries()) {
      const v4 = part.includes(".") && i === half.split(":").length - 1 ? parseIpv4(part) : undefined;
      if (v4 !== undefined) groups.push(v4 >>> 16, v4 & 0xffff);
      else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
      else return undefined;
    }
    return groups;
  };
  const head = parse(halves[0] as string);
  const tail = halves.length === 2 ? parse(halves[1] as string) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

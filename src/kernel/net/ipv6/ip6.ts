/**
 * IPv6 addresses inside the stack: strings of eight UTF-16 units, one for each group. They compare with ===, are keys of maps, and cannot be taken for an
 * IPv4 address, which is a number. RFC 4291, Linux `include/net/ipv6.h`. Outside of the stack they are arrays of eight groups (`abi/inet.ts`).
 */

export type Ip6 = string;

/** The address of either family: its type tells which. Where sockets mean "any", it is the number 0 in both. */
export type IpAddr = number | Ip6;

export const ip6Of = (groups: readonly number[]): Ip6 => String.fromCharCode(...groups);
export const groupsOfIp6 = (addr: Ip6): number[] => Array.from({ length: 8 }, (_, i) => addr.charCodeAt(i));

export const IN6_ANY = ip6Of([0, 0, 0, 0, 0, 0, 0, 0]);
export const IN6_LOOPBACK = ip6Of([0, 0, 0, 0, 0, 0, 0, 1]);
export const ALL_NODES = ip6Of([0xff02, 0, 0, 0, 0, 0, 0, 1]);
export const ALL_ROUTERS = ip6Of([0xff02, 0, 0, 0, 0, 0, 0, 2]);

export const isMulticast6 = (addr: Ip6): boolean => addr.charCodeAt(0) >>> 8 === 0xff;
export const isLinkLocal6 = (addr: Ip6): boolean => (addr.charCodeAt(0) & 0xffc0) === 0xfe80;
/** It means something only together with a device: link-local ones, and groups of a link or a node. */
export const needsScope = (addr: Ip6): boolean => isLinkLocal6(addr) || (isMulticast6(addr) && (addr.charCodeAt(0) & 15) <= 2);

/** ff02::1:ffXX:XXXX: whom to ask for the neighbour with this address. */
export const solicitedNode = (addr: Ip6): Ip6 => ip6Of([0xff02, 0, 0, 0, 0, 1, 0xff00 | (addr.charCodeAt(6) & 0xff), addr.charCodeAt(7)]);

/** The hardware address of a group. */
export const multicastMac6 = (addr: Ip6): number => 0x3333_0000_0000 + addr.charCodeAt(6) * 0x10000 + addr.charCodeAt(7);

/** How many bits two addresses begin with in common. */
export function commonPrefix(a: Ip6, b: Ip6): number {
  for (let i = 0; i < 8; i++) {
    const differ = a.charCodeAt(i) ^ b.charCodeAt(i);
    if (differ !== 0) return 16 * i + Math.clz32(differ) - 16;
  }
  return 128;
}

export const matchesPrefix = (addr: Ip6, prefix: Ip6, length: number): boolean => length === 0 || commonPrefix(addr, prefix) >= length;

/** The bits of a prefix; the rest is zero. */
export const networkOf = (addr: Ip6, length: number): Ip6 =>
  ip6Of(
    groupsOfIp6(addr).map((group, i) => {
      const bits = Math.min(16, Math.max(0, length - 16 * i));
      return group & (0xffff << (16 - bits)) & 0xffff;
    }),
  );

export function writeIp6(bytes: Uint8Array, at: number, addr: Ip6): void {
  for (let i = 0; i < 8; i++) {
    const group = addr.charCodeAt(i);
    bytes[at + 2 * i] = group >>> 8;
    bytes[at + 2 * i + 1] = group & 255;
  }
}

export const bytesOfIp6 = (addr: Ip6): Uint8Array => {
  const bytes = new Uint8Array(16);
  writeIp6(bytes, 0, addr);
  return bytes;
};

export const readIp6 = (bytes: Uint8Array, at = 0): Ip6 =>
  ip6Of(Array.from({ length: 8 }, (_, i) => ((bytes[at + 2 * i] as number) << 8) | (bytes[at + 2 * i + 1] as number)));

/** ::ffff:a.b.c.d, as sockets of IPv6 call IPv4 addresses. */
export const mappedGroups = (addr: number): number[] => [0, 0, 0, 0, 0, 0xffff, addr >>> 16, addr & 0xffff];
export const isMapped = (groups: readonly number[]): boolean => groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);

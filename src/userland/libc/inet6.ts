/** Addresses of IPv6 as programs write them, with the device that link-local ones need (`fe80::1%eth0`): inet_pton(3), getaddrinfo(3), RFC 4007. */

import { formatIpv6, parseIpv6 } from "../../abi/inet.ts";
import { AF_INET, AF_INET6, type Inet6Address, SOCK_DGRAM } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { Errno } from "../../abi/errno.ts";

export const IN6ADDR_ANY: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0];

export const readGroups = (bytes: Uint8Array, at: number): number[] =>
  Array.from({ length: 8 }, (_, i) => ((bytes[at + 2 * i] as number) << 8) | (bytes[at + 2 * i + 1] as number));

/** Means something only together with a device. */
export const isScoped = (groups: readonly number[]): boolean => {
  const first = groups[0] ?? 0;
  return (first & 0xffc0) === 0xfe80 || (first >>> 8 === 0xff && (first & 15) <= 2);
};

export const inet6Address = (addr: readonly number[], port: number, scopeId = 0): Inet6Address => ({
  family: AF_INET6,
  addr,
  port,
  scopeId,
});

/** A literal, perhaps with `%device` or `%index`; undefined for what is none, or names a device that is not there. */
export function* parseInet6(sys: Sys, text: string, port: number): Proc<Inet6Address | undefined> {
  const at = text.indexOf("%");
  const groups = parseIpv6(at < 0 ? text : text.slice(0, at));
  if (groups === undefined) return undefined;
  if (at < 0) return inet6Address(groups, port);
  const zone = text.slice(at + 1);
  if (/^\d+$/.test(zone)) return inet6Address(groups, port, Number(zone));
  const fd = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
  try {
    return inet6Address(groups, port, yield* sys.ioctl(fd, "SIOCGIFINDEX", zone));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return undefined;
  } finally {
    yield* sys.close(fd);
  }
}

/** As getnameinfo(3) writes it: with the device, where it needs one. */
export function* formatInet6(sys: Sys, { addr, scopeId }: Inet6Address): Proc<string> {
  const text = formatIpv6(addr);
  if (scopeId === 0 || !isScoped(addr)) return text;
  const fd = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
  try {
    return `${text}%${yield* sys.ioctl(fd, "SIOCGIFNAME", scopeId)}`;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return `${text}%${scopeId}`;
  } finally {
    yield* sys.close(fd);
  }
}

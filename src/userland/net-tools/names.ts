/** What tools that list sockets and routes share: service names, names of hosts in /etc/hosts, and which process holds a socket. */

import { formatIpv4, formatIpv6 } from "../../abi/inet.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { readProcDir, readProcFile, readProcLink } from "../libc/libproc.ts";
import { optional, readText } from "../libc/unistd.ts";

/** `port/protocol` to name, from /etc/services. */
export function* serviceNames(sys: Sys): Proc<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const line of ((yield* optional(readText(sys, "/etc/services"))) ?? "").split("\n")) {
    const [name, key] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (name !== undefined && key !== undefined && !names.has(key)) names.set(key, name);
  }
  return names;
}

/** Address to name, from /etc/hosts. Differs from Linux: DNS is not asked, so that a list never waits for an answer. */
export function* hostNames(sys: Sys): Proc<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const line of ((yield* optional(readText(sys, "/etc/hosts"))) ?? "").split("\n")) {
    const [address, name] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (address !== undefined && name !== undefined && !names.has(address)) names.set(address, name);
  }
  return names;
}

export interface SocketOwner {
  readonly comm: string;
  readonly pid: number;
  readonly fd: number;
}

/** The descriptors of each socket, by inode number. */
export function* socketOwners(sys: Sys): Proc<ReadonlyMap<number, readonly SocketOwner[]>> {
  const owners = new Map<number, SocketOwner[]>();
  for (const entry of yield* readProcDir(sys, "/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    let comm: string | undefined;
    for (const fd of yield* readProcDir(sys, `/proc/${entry}/fd`)) {
      const ino = /^socket:\[(\d+)\]$/.exec((yield* readProcLink(sys, `/proc/${entry}/fd/${fd}`)) ?? "")?.[1];
      if (ino === undefined) continue;
      comm ??= ((yield* readProcFile(sys, `/proc/${entry}/comm`)) ?? "").trim();
      const list = owners.get(Number(ino)) ?? [];
      list.push({ comm, pid: Number(entry), fd: Number(fd) });
      owners.set(Number(ino), list);
    }
  }
  return owners;
}

/** An address as /proc/net writes it: hexadecimal in the machine's byte order. */
export function addressOfHex(hex: string): number {
  const value = Number.parseInt(hex, 16);
  return (((value & 255) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

export const textOfHex = (hex: string): string => (hex.length > 8 ? formatIpv6(groupsOfHex(hex)) : formatIpv4(addressOfHex(hex)));

/** Four words of IPv6, each as the number that its bytes are on a little-endian machine. */
const groupsOfHex = (hex: string): number[] =>
  [0, 8, 16, 24].flatMap((at) => {
    const word = addressOfHex(hex.slice(at, at + 8));
    return [word >>> 16, word & 0xffff];
  });

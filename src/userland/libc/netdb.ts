/**
 * Names of hosts, services and protocols: getaddrinfo(3), getnameinfo(3), getservbyname(3), with the sources and the order of nsswitch.conf(5): `files` and `dns`.
 * Left out: other sources (they count as unavailable), actions in brackets, nscd, international names.
 */

import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../../abi/inet.ts";
import { AF_INET, AF_INET6, AF_UNSPEC } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { type DnsMessage, NXDOMAIN, reverseName, T_A, T_AAAA, T_CNAME, T_PTR } from "./dns.ts";
import { readResolvConf, resQuery, searchList } from "./resolv.ts";
import { optional, readText } from "./unistd.ts";

/** gai_strerror(3). */
const GAI_TEXTS = {
  EAI_NONAME: "Name or service not known",
  EAI_AGAIN: "Temporary failure in name resolution",
  EAI_NODATA: "No address associated with hostname",
  EAI_ADDRFAMILY: "Address family for hostname not supported",
  EAI_SERVICE: "Servname not supported for ai_socktype",
} as const;

export type GaiCode = keyof typeof GAI_TEXTS;

/** What getaddrinfo(3) returns instead of addresses. */
export class GaiError extends Error {
  constructor(readonly code: GaiCode) {
    super(GAI_TEXTS[code]);
  }
}

export type HostAddress =
  | { readonly family: typeof AF_INET; readonly addr: number }
  | { readonly family: typeof AF_INET6; readonly addr: readonly number[] };

export interface Host {
  readonly addresses: readonly HostAddress[];
  /** The official name: after aliases of DNS, or the first in the line of /etc/hosts. */
  readonly canonical: string;
  readonly aliases: readonly string[];
}

/** What a source knows: a host, or why not. */
type Lookup = Host | "notfound" | "tryagain" | "nodata";

export interface HostLine {
  readonly address: HostAddress;
  readonly names: readonly string[];
}

export function parseHostAddress(text: string): HostAddress | undefined {
  const addr = parseIpv4(text);
  if (addr !== undefined) return { family: AF_INET, addr };
  const groups = parseIpv6(text.replace(/%.*/, ""));
  return groups === undefined ? undefined : { family: AF_INET6, addr: groups };
}

/** The lines of /etc/hosts. */
export function* hostLines(sys: Sys): Proc<HostLine[]> {
  const text = (yield* optional(readText(sys, "/etc/hosts"))) ?? "";
  const lines: HostLine[] = [];
  for (const line of text.split("\n")) {
    const [first = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const address = parseHostAddress(first);
    if (address !== undefined && names.length > 0) lines.push({ address, names });
  }
  return lines;
}

/** The sources for a database of /etc/nsswitch.conf, in order. */
function* sources(sys: Sys, database: string): Proc<string[]> {
  const text = (yield* optional(readText(sys, "/etc/nsswitch.conf"))) ?? "";
  const line = text.split("\n").find((one) => one.trim().startsWith(`${database}:`));
  // Without the file glibc asks DNS first; without a line, too.
  if (line === undefined) return ["dns", "files"];
  return line
    .replace(/#.*/, "")
    .replace(/\[[^\]]*\]/g, " ")
    .trim()
    .split(/\s+/)
    .slice(1);
}

const wanted = (family: number, address: HostAddress): boolean => family === AF_UNSPEC || address.family === family;

function* fromFiles(sys: Sys, name: string, family: number): Proc<Lookup> {
  const lower = name.toLowerCase();
  const lines = (yield* hostLines(sys)).filter(({ names }) => names.some((one) => one.toLowerCase() === lower));
  const some = lines.filter(({ address }) => wanted(family, address));
  const [first] = some;
  if (first === undefined) return lines.length > 0 ? "nodata" : "notfound";
  // All lines of a name together: `multi on` of host.conf(5), which is always so for two lines or more.
  const [canonical = name] = first.names;
  const aliases = [...new Set(some.flatMap(({ names }) => names))].filter((one) => one !== canonical);
  return { addresses: some.map(({ address }) => address), canonical, aliases };
}

/** Follows the aliases in an answer; the addresses of the last name. */
function readAnswer(message: DnsMessage, name: string): Host {
  const aliases: string[] = [];
  let canonical = name;
  for (let i = 0; i < 16; i++) {
    const alias = message.answers.find((r) => r.type === T_CNAME && r.name.toLowerCase() === canonical.toLowerCase());
    if (alias?.data.kind !== "name") break;
    aliases.push(canonical);
    canonical = alias.data.name;
  }
  const addresses: HostAddress[] = [];
  for (const { name: owner, data } of message.answers) {
    if (owner.toLowerCase() !== canonical.toLowerCase()) continue;
    if (data.kind === "address") addresses.push({ family: AF_INET, addr: data.addr });
    else if (data.kind === "address6") addresses.push({ family: AF_INET6, addr: data.groups });
  }
  return { addresses, canonical, aliases };
}

function* fromDns(sys: Sys, name: string, family: number): Proc<Lookup> {
  const conf = yield* readResolvConf(sys);
  const types = family === AF_UNSPEC ? [T_A, T_AAAA] : [family === AF_INET ? T_A : T_AAAA];
  let worst: Lookup = "notfound";
  for (const candidate of searchList(conf, name)) {
    let host: Host = { addresses: [], canonical: candidate, aliases: [] };
    let known = false;
    for (const type of types) {
      const message = yield* resQuery(sys, conf, candidate, type);
      if (message === undefined) {
        worst = "tryagain";
        // The other type would only wait as long again.
        break;
      }
      if (message.rcode === NXDOMAIN) break;
      known = true;
      const found = readAnswer(message, candidate);
      host = { ...found, addresses: [...host.addresses, ...found.addresses] };
    }
    if (host.addresses.length > 0) return host;
    if (known && worst === "notfound") worst = "nodata";
  }
  return worst;
}

/** The addresses of a name, or of an address written as text. `services` take the place of those in nsswitch.conf. Blocks. Errors: GaiError. */
export function* getHost(sys: Sys, name: string, family: number = AF_UNSPEC, services?: readonly string[]): Proc<Host> {
  const literal = parseHostAddress(name) ?? looseIpv4(name);
  if (literal !== undefined) {
    if (!wanted(family, literal)) throw new GaiError("EAI_ADDRFAMILY");
    return { addresses: [literal], canonical: name, aliases: [] };
  }
  if (name === "" || name.length > 255 || /\.\.|[^\x21-\x7e]|^\.|[^.]{64}/.test(name)) throw new GaiError("EAI_NONAME");
  let outcome: Lookup = "notfound";
  for (const source of services ?? (yield* sources(sys, "hosts"))) {
    let found: Lookup = "notfound";
    if (source === "files") found = yield* fromFiles(sys, name, family);
    else if (source === "dns") found = yield* fromDns(sys, name, family);
    else continue;
    if (typeof found === "object") return found;
    if (outcome !== "nodata") outcome = found;
  }
  if (outcome === "tryagain") throw new GaiError("EAI_AGAIN");
  throw new GaiError(outcome === "nodata" ? "EAI_NODATA" : "EAI_NONAME");
}

/** The addresses of the old form that inet_aton(3) takes: `127.1`, `2130706433`, `0x7f000001`. */
function looseIpv4(text: string): HostAddress | undefined {
  const parts = text.split(".");
  if (parts.length > 4 || !parts.every((part) => /^(0x[0-9a-f]+|\d+)$/i.test(part))) return undefined;
  const numbers = parts.map((part) => (/^0\d/.test(part) ? Number.parseInt(part, 8) : Number(part)));
  const last = numbers.pop() as number;
  if (numbers.some((n) => n > 255) || last >= 256 ** (4 - numbers.length)) return undefined;
  return { family: AF_INET, addr: numbers.reduce((addr, n, i) => addr + n * 256 ** (3 - i), 0) + last };
}

/** The IPv4 addresses of a name. Blocks. Errors: GaiError. */
export function* getHostIpv4(sys: Sys, name: string): Proc<{ addresses: readonly number[]; canonical: string }> {
  const { addresses, canonical } = yield* getHost(sys, name, AF_INET);
  return { addresses: addresses.flatMap((a) => (a.family === AF_INET ? [a.addr] : [])), canonical };
}

/** The names of an address, the official one first; none if nobody knows it: gethostbyaddr(3). Blocks. */
export function* getHostNames(sys: Sys, address: HostAddress, services?: readonly string[]): Proc<readonly string[]> {
  const text = formatHostAddress(address);
  for (const source of services ?? (yield* sources(sys, "hosts"))) {
    if (source === "files") {
      const line = (yield* hostLines(sys)).find((one) => formatHostAddress(one.address) === text);
      if (line !== undefined) return line.names;
    } else if (source === "dns" && address.family === AF_INET) {
      const message = yield* resQuery(sys, yield* readResolvConf(sys), reverseName(address.addr), T_PTR);
      const pointer = message?.answers.find(({ type }) => type === T_PTR);
      if (pointer?.data.kind === "name") return [pointer.data.name];
    }
  }
  return [];
}

export const formatHostAddress = (address: HostAddress): string =>
  address.family === AF_INET ? formatIpv4(address.addr) : formatIpv6(address.addr);

/** The name of an address, undefined if it has none: getnameinfo(3). Blocks. */
export function* getHostName(sys: Sys, addr: number): Proc<string | undefined> {
  return (yield* getHostNames(sys, { family: AF_INET, addr }))[0];
}

// ── Services and protocols ───────────────────────────────────────────────────────────────────────────────────────────

export interface Service {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly aliases: readonly string[];
}

/** The lines of /etc/services. */
export function* getServices(sys: Sys): Proc<Service[]> {
  const text = (yield* optional(readText(sys, "/etc/services"))) ?? "";
  return text.split("\n").flatMap((line) => {
    const [name = "", where = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [port, protocol] = where.split("/");
    return protocol === undefined ? [] : [{ name, port: Number(port), protocol, aliases }];
  });
}

/** The port behind a number or a name of /etc/services; undefined if there is none. */
export function* getPort(sys: Sys, text: string, protocol: "tcp" | "udp"): Proc<number | undefined> {
  if (/^\d+$/.test(text)) return Number(text) <= 65_535 ? Number(text) : undefined;
  const found = (yield* getServices(sys)).find((s) => s.protocol === protocol && (s.name === text || s.aliases.includes(text)));
  return found?.port;
}

/** The name of a port, undefined if it has none. */
export function* getServiceName(sys: Sys, port: number, protocol: "tcp" | "udp"): Proc<string | undefined> {
  return (yield* getServices(sys)).find((s) => s.protocol === protocol && s.port === port)?.name;
}

/** /etc/hosts and /etc/resolv.conf of a container, which the engine writes: libnetwork `etchosts`, `resolvconf`, `sandbox_dns_unix.go`. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { optional, readText, writeFile } from "../../userland/libc/unistd.ts";

const MODE = 0o644;

export interface HostsRecord {
  readonly ip: string;
  /** Names with blanks between. */
  readonly hosts: string;
}

const DEFAULT_HOSTS: readonly HostsRecord[] = [
  { ip: "127.0.0.1", hosts: "localhost" },
  { ip: "::1", hosts: "localhost ip6-localhost ip6-loopback" },
  { ip: "fe00::0", hosts: "ip6-localnet" },
  { ip: "ff00::0", hosts: "ip6-mcastprefix" },
  { ip: "ff02::1", hosts: "ip6-allnodes" },
  { ip: "ff02::2", hosts: "ip6-allrouters" },
];

const line = ({ ip, hosts }: HostsRecord): string => `${ip}\t${hosts}\n`;

/** Writes a new file: what every container has, and `extra`. */
export function* buildHosts(sys: Sys, path: string, extra: readonly HostsRecord[]): Proc<void> {
  yield* writeFile(sys, path, [...DEFAULT_HOSTS, ...extra].map(line).join(""), MODE);
}

// The file is a mount in the container: it is written in place, never replaced.
export function* addHosts(sys: Sys, path: string, records: readonly HostsRecord[]): Proc<void> {
  if (records.length === 0) return;
  const old = yield* optional(readText(sys, path));
  if (old !== undefined) yield* writeFile(sys, path, old + records.map(line).join(""), MODE);
}

/** Takes lines away that are exactly those. */
export function* deleteHosts(sys: Sys, path: string, records: readonly HostsRecord[]): Proc<void> {
  if (records.length === 0) return;
  const gone = new Set(records.map(line));
  const old = yield* optional(readText(sys, path));
  if (old === undefined) return;
  const lines = old.split("\n").filter((one) => one !== "" && !gone.has(`${one}\n`));
  yield* writeFile(sys, path, lines.map((one) => `${one}\n`).join(""), MODE);
}

/** Gives the host whose names begin with `host` another address: of a linked container that was started again. */
export function* updateHosts(sys: Sys, path: string, ip: string, host: string): Proc<void> {
  const old = yield* optional(readText(sys, path));
  if (old === undefined) return;
  const escaped = host.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  yield* writeFile(sys, path, old.replace(new RegExp(`(\\S*)(\\t${escaped})(\\s|\\.)`, "g"), `${ip}$2$3`), MODE);
}

/** The names of a container in its own file: `a.b.c` is also `a`. */
export function ownNames(hostname: string, domainname: string): string {
  const fqdn = domainname === "" ? hostname : `${hostname}.${domainname}`;
  const dot = fqdn.indexOf(".");
  return dot < 0 ? fqdn : `${fqdn} ${fqdn.slice(0, dot)}`;
}

// ── resolv.conf ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DnsSettings {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

const DEFAULT_SERVERS = ["8.8.8.8", "8.8.4.4"];
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

const uncommented = (text: string): string[] => text.split("\n").map((one) => one.replace(/#.*/, ""));

const wordsAfter = (text: string, keyword: string): string[] => {
  const lines = uncommented(text).filter((one) => new RegExp(`^\\s*${keyword}\\s`).test(one));
  const last = lines[lines.length - 1];
  return last === undefined ? [] : last.trim().split(/\s+/).slice(1);
};

/** What a resolv.conf says. Of several lines with search domains or options the last one counts. */
export function readDns(text: string): DnsSettings {
  return {
    servers: uncommented(text).flatMap((one) => /^\s*nameserver\s+([0-9A-Fa-f:.%\w]+)\s*$/.exec(one)?.[1] ?? []),
    search: wordsAfter(text, "search"),
    options: wordsAfter(text, "options"),
  };
}

export const isIpv4 = (server: string): boolean => IPV4.test(server);

/** resolvconf.Build(). */
export function formatDns({ servers, search, options }: DnsSettings): string {
  const domains = search.join(" ").trim();
  return [
    ...(domains === "" || domains === "." ? [] : [`search ${search.join(" ")}\n`]),
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(options.length === 0 ? [] : [`options ${options.join(" ")}\n`]),
  ].join("");
}

/** The host's file without servers that a container cannot reach: FilterResolvDNS(). Without any, Google's. */
function filterDns(text: string): string {
  const cleaned = text
    .replace(/^\s*nameserver\s+(127\.\d+\.\d+\.\d+|::1)\s*\n?/gm, "")
    .replace(/^\s*nameserver\s+[0-9a-fA-F]*:[^\s]*\s*\n?/gm, "");
  if (readDns(cleaned).servers.length > 0) return cleaned;
  return `${cleaned}\n${DEFAULT_SERVERS.map((server) => `nameserver ${server}`).join("\n")}`;
}

const isSet = ({ servers, search, options }: DnsSettings): boolean => servers.length + search.length + options.length > 0;

/**
 * Writes the file: the host's, changed by what was asked for. Returns the servers that the embedded one asks in turn; `loopback` ones are asked from the
 * host. The digest beside it tells whether somebody has changed the file.
 */
export function* buildDns(sys: Sys, path: string, asked: DnsSettings): Proc<ExternalServer[]> {
  const host = (yield* optional(readText(sys, "/etc/resolv.conf"))) ?? "";
  const own = readDns(host);
  let servers: ExternalServer[];
  let text: string;
  if (isSet(asked)) {
    const pick = (what: keyof DnsSettings): readonly string[] => (asked[what].length > 0 ? asked[what] : own[what]);
    text = formatDns({ servers: pick("servers"), search: pick("search"), options: pick("options") });
    servers = readDns(text).servers.map((address) => ({ address, loopback: false }));
  } else {
    text = filterDns(host);
    servers = own.servers.map((address) => ({ address, loopback: address.startsWith("127.") }));
    // Without any of its own, a container asks those that it is given instead.
    if (servers.length === 0) servers = readDns(text).servers.map((address) => ({ address, loopback: false }));
  }
  yield* writeFile(sys, path, text, MODE);
  yield* writeFile(sys, `${path}.hash`, bytesToHex(sha256(encodeUtf8(text))), MODE);
  return servers.filter(({ address }) => isIpv4(address));
}

export interface ExternalServer {
  readonly address: string;
  readonly loopback: boolean;
}

/** Makes `resolver` the only server: rebuildDNS(). True if the container has said itself how many dots a name needs. */
export function* pointDnsAt(sys: Sys, path: string, resolver: string): Proc<boolean> {
  const { search, options } = readDns((yield* optional(readText(sys, path))) ?? "");
  const ndots = options.some((option) => /^ndots:\d+$/.test(option));
  yield* writeFile(sys, path, formatDns({ servers: [resolver], search, options: ndots ? options : [...options, "ndots:0"] }), MODE);
  return ndots;
}

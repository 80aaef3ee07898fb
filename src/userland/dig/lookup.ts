/** What dig, host and nslookup share: asking one server, and records as text. BIND 9.18. */

import { ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, Errno, ETIMEDOUT } from "../../abi/errno.ts";
import { formatIpv4, formatIpv6, parseIpv4 } from "../../abi/inet.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { type DnsAnswer, askTcp, askUdp, queryId } from "../libc/resolv.ts";
import {
  type DnsMessage,
  type DnsRecord,
  makeQuery,
  reverseName,
  T_A,
  T_AAAA,
  T_ANY,
  T_CNAME,
  T_MX,
  T_NS,
  T_OPT,
  T_PTR,
  T_SOA,
  T_SRV,
  T_TXT,
} from "../libc/dns.ts";

export const TYPES: Readonly<Record<string, number>> = {
  A: T_A,
  NS: T_NS,
  CNAME: T_CNAME,
  SOA: T_SOA,
  PTR: T_PTR,
  MX: T_MX,
  TXT: T_TXT,
  AAAA: T_AAAA,
  SRV: T_SRV,
  ANY: T_ANY,
};

export const typeName = (type: number): string => Object.keys(TYPES).find((name) => TYPES[name] === type) ?? `TYPE${type}`;

const RCODES: readonly string[] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
export const rcodeName = (rcode: number): string => RCODES[rcode] ?? `RESERVED${rcode}`;

/** A name as it stands in answers: with the final dot. */
export const dotted = (name: string): string => (name === "" ? "." : `${name}.`);

/** The data of a record as in a zone file. */
export function recordText({ data }: DnsRecord): string {
  switch (data.kind) {
    case "address":
      return formatIpv4(data.addr);
    case "address6":
      return formatIpv6(data.groups);
    case "name":
      return dotted(data.name);
    case "mx":
      return `${data.preference} ${dotted(data.name)}`;
    case "srv":
      return `${data.priority} ${data.weight} ${data.port} ${dotted(data.name)}`;
    case "soa":
      return `${dotted(data.mname)} ${dotted(data.rname)} ${data.numbers.join(" ")}`;
    case "text":
      return data.texts.map((text) => `"${text}"`).join(" ");
    case "bytes":
      return `\\# ${data.bytes.length} ${Array.from(data.bytes, (byte) => byte.toString(16).padStart(2, "0"))
        .join("")
        .toUpperCase()}`;
  }
}

export interface Ask {
  readonly server: number;
  readonly port: number;
  readonly name: string;
  readonly type: number;
  readonly timeoutMs: number;
  readonly tries: number;
  readonly tcp: boolean;
  readonly recurse: boolean;
  /** Bytes of a datagram that may come; 0 sends no OPT record. */
  readonly edns: number;
}

/** Asks; `complain` gets a line for each try that failed. Undefined if none succeeded. Blocks. */
export function* ask(sys: Sys, a: Ask, complain: (text: string) => Proc<void>): Proc<(DnsAnswer & { readonly tcp: boolean }) | undefined> {
  const cookie = new Uint8Array(12);
  yield* sys.getrandom(cookie, 0);
  cookie.set([0, 10, 0, 8]);
  const opt: DnsRecord = { name: "", type: T_OPT, class: a.edns, ttl: 0, data: { kind: "bytes", bytes: cookie } };
  const query: DnsMessage = {
    ...makeQuery(yield* queryId(sys), a.name, a.type),
    recursionDesired: a.recurse,
    additional: a.edns > 0 ? [opt] : [],
  };
  const where = `${formatIpv4(a.server)}#${a.port}`;
  for (let i = 0; i < a.tries; i++) {
    try {
      let answer: DnsAnswer | undefined;
      let tcp = a.tcp;
      if (!tcp) answer = yield* askUdp(sys, a.server, a.port, query, a.timeoutMs);
      if (answer?.message.truncated) {
        yield* complain(";; Truncated, retrying in TCP mode.");
        tcp = true;
      }
      if (tcp) answer = yield* askTcp(sys, a.server, a.port, query, a.timeoutMs);
      if (answer !== undefined) return { ...answer, tcp };
      yield* complain(`;; communications error to ${where}: timed out`);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (e === ENETUNREACH) {
        yield* complain(`;; UDP setup with ${where}(${formatIpv4(a.server)}) for ${a.name} failed: network unreachable.`);
        return undefined;
      }
      const words =
        e === ECONNREFUSED ? "connection refused" : e === ETIMEDOUT ? "timed out" : e === EHOSTUNREACH ? "host unreachable" : e.message;
      yield* complain(`;; communications error to ${where}: ${words}`);
    }
  }
  return undefined;
}

/** `10.0.0.1` as the name to ask for; undefined for what is no address. */
export function pointerName(text: string): string | undefined {
  const addr = parseIpv4(text);
  return addr === undefined ? undefined : reverseName(addr);
}

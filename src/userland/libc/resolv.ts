/**
 * The stub resolver: resolv.conf(5), resolver(3), Linux glibc `resolv/res_send.c`. Queries go by UDP to each name server in turn, and again by TCP where an answer
 * was cut. Left out: EDNS, `rotate`, `sortlist`, IPv6 name servers.
 */

import { Errno } from "../../abi/errno.ts";
import { parseIpv4 } from "../../abi/inet.ts";
import { POLLIN } from "../../abi/poll.ts";
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { type DnsMessage, decodeDns, encodeDns, makeQuery, NOERROR, NXDOMAIN } from "./dns.ts";
import { connectTo, inetAddress, nowMs } from "./inet.ts";
import { ExactSource } from "./stream.ts";
import { optional, readText } from "./unistd.ts";

export const DNS_PORT = 53;

export interface ResolvConf {
  readonly nameservers: readonly number[];
  readonly search: readonly string[];
  readonly ndots: number;
  readonly timeoutSec: number;
  readonly attempts: number;
}

/** Reads /etc/resolv.conf; without one, the server is this machine. */
export function* readResolvConf(sys: Sys): Proc<ResolvConf> {
  const text = (yield* optional(readText(sys, "/etc/resolv.conf"))) ?? "";
  const nameservers: number[] = [];
  let search: string[] = [];
  const options = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === "nameserver") {
      const addr = parseIpv4(rest[0] ?? "");
      if (addr !== undefined && nameservers.length < 3) nameservers.push(addr);
    } else if (word === "search") search = rest;
    else if (word === "domain") search = rest.slice(0, 1);
    else if (word === "options")
      for (const option of rest) {
        const [name = "", value] = option.split(":");
        if (value !== undefined && /^\d+$/.test(value)) options.set(name, Number(value));
      }
  }
  if (nameservers.length === 0) nameservers.push(0x7f000001);
  return {
    nameservers,
    search,
    ndots: Math.min(options.get("ndots") ?? 1, 15),
    timeoutSec: Math.max(1, Math.min(options.get("timeout") ?? 5, 30)),
    attempts: Math.max(1, Math.min(options.get("attempts") ?? 2, 5)),
  };
}

export function* queryId(sys: Sys): Proc<number> {
  const two = new Uint8Array(2);
  yield* sys.getrandom(two, 0);
  return (two[0] as number) * 256 + (two[1] as number);
}

/** One datagram there, and the answer to it; undefined if none came in time. Blocks. Errors: ECONNREFUSED and those of routes. */
export function* askUdp(sys: Sys, server: number, port: number, query: DnsMessage, timeoutMs: number): Proc<DnsAnswer | undefined> {
  const fd = yield* sys.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    yield* sys.connect(fd, inetAddress(server, port));
    const started = yield* nowMs(sys);
    yield* sys.sendmsg(fd, encodeDns(query), 0);
    const buf = new Uint8Array(65_536);
    for (let leftMs = timeoutMs; leftMs > 0; leftMs = timeoutMs - ((yield* nowMs(sys)) - started)) {
      if ((yield* sys.poll([{ fd, events: POLLIN, revents: 0 }], Math.ceil(leftMs))) === 0) return undefined;
      const { length } = yield* sys.recvmsg(fd, buf, 0);
      const message = decodeDns(buf.slice(0, length));
      // Something else than the answer is not listened to.
      if (message?.id === query.id && message.response) return { message, size: length };
    }
    return undefined;
  } finally {
    yield* sys.close(fd);
  }
}

export interface DnsAnswer {
  readonly message: DnsMessage;
  /** Bytes on the wire. */
  readonly size: number;
}

/** The same over a connection: RFC 7766. */
export function* askTcp(sys: Sys, server: number, port: number, query: DnsMessage, timeoutMs: number): Proc<DnsAnswer | undefined> {
  const stream = yield* connectTo(sys, inetAddress(server, port), { timeoutMs });
  try {
    stream.deadlineMs = (yield* nowMs(sys)) + timeoutMs;
    const bytes = encodeDns(query);
    const framed = new Uint8Array(bytes.length + 2);
    framed.set([bytes.length >>> 8, bytes.length & 255]);
    framed.set(bytes, 2);
    yield* stream.write(framed);
    const source = new ExactSource(stream);
    const head = new Uint8Array(2);
    if ((yield* source.fill(head)) < 2) return undefined;
    const body = new Uint8Array((head[0] as number) * 256 + (head[1] as number));
    if ((yield* source.fill(body)) < body.length) return undefined;
    const message = decodeDns(body);
    return message === undefined ? undefined : { message, size: body.length };
  } finally {
    yield* stream.close();
  }
}

/** res_query(): asks the servers in turn. Undefined if none has answered. Blocks. */
export function* resQuery(sys: Sys, conf: ResolvConf, name: string, type: number): Proc<DnsMessage | undefined> {
  const query = makeQuery(yield* queryId(sys), name, type);
  for (let attempt = 0; attempt < conf.attempts; attempt++) {
    for (const server of conf.nameservers) {
      try {
        const timeoutMs = conf.timeoutSec * 1000;
        let answer = yield* askUdp(sys, server, DNS_PORT, query, timeoutMs);
        if (answer?.message.truncated) answer = yield* askTcp(sys, server, DNS_PORT, query, timeoutMs);
        if (answer === undefined) continue;
        const { rcode } = answer.message;
        // A server that cannot say is not the last word.
        if (rcode === NOERROR || rcode === NXDOMAIN) return answer.message;
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
    }
  }
  return undefined;
}

/** The names to try for one that was typed, in order: res_search(3). */
export function searchList(conf: ResolvConf, name: string): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const dots = name.split(".").length - 1;
  const searched = conf.search.map((domain) => (domain === "." ? name : `${name}.${domain}`));
  return dots >= conf.ndots ? [name, ...searched] : [...searched, name];
}

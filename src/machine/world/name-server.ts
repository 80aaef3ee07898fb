/** The name server of the machine's network, by UDP and TCP: answers for the hosts of `hosts.ts`, and says NXDOMAIN of everything else. */

import {
  C_IN,
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  decodeDns,
  encodeDns,
  FORMERR,
  NOERROR,
  NOTIMP,
  NXDOMAIN,
  REFUSED,
  reverseName,
  T_A,
  T_ANY,
  T_CNAME,
  T_OPT,
  T_PTR,
  T_SOA,
} from "../../userland/libc/dns.ts";
import { bindUdp, type KernelUdp, listenTcp } from "../../kernel/net/ipv4/kernel-socket.ts";
import type { NetNamespace } from "../../kernel/net/net-namespace.ts";
import { requireAddress } from "./host.ts";
import { hosts, routerNames } from "./hosts.ts";

const PORT = 53;
const TTL = 300;
/** What a datagram may carry unless the asker has room for more (RFC 1035, 6891). */
const PLAIN_LIMIT = 512;
const EDNS_LIMIT = 1232;

const lower = (name: string): string => name.toLowerCase();

/** Every record there is, by its owner's name. */
const records: ReadonlyMap<string, readonly DnsRecord[]> = makeRecords();

function makeRecords(): Map<string, DnsRecord[]> {
  const all = new Map<string, DnsRecord[]>();
  const add = (name: string, type: number, data: DnsRecord["data"]): void => {
    const record = { name, type, class: C_IN, ttl: TTL, data };
    const known = all.get(name);
    if (known === undefined) all.set(name, [record]);
    else known.push(record);
  };
  for (const { names, address, alias } of [...hosts, ...routerNames]) {
    for (const name of names) {
      if (address !== undefined) add(name, T_A, { kind: "address", addr: requireAddress(address) });
      if (alias !== undefined) add(name, T_CNAME, { kind: "name", name: alias });
    }
    if (address !== undefined) add(reverseName(requireAddress(address)), T_PTR, { kind: "name", name: names[0] as string });
  }
  return all;
}

/** The start of authority that a negative answer comes with: of the two-part domain where it is known, else of the root. */
function authorityOf(name: string): DnsRecord {
  const zone = lower(name).split(".").slice(-2).join(".");
  const known = [...records.keys()].some((owner) => owner === zone || owner.endsWith(`.${zone}`));
  return {
    name: known ? zone : "",
    type: T_SOA,
    class: C_IN,
    ttl: TTL,
    data: {
      kind: "soa",
      mname: known ? `ns1.${zone}` : "a.root-servers.net",
      rname: known ? `hostmaster.${zone}` : "nstld.verisign-grs.com",
      numbers: [2026010100, 1800, 900, 604_800, TTL],
    },
  };
}

/** The answers to a question, aliases followed. */
function find({ name, type }: DnsQuestion): { rcode: number; answers: DnsRecord[] } {
  const answers: DnsRecord[] = [];
  let owner = lower(name);
  for (let i = 0; i < 8; i++) {
    const own = records.get(owner);
    if (own === undefined) return { rcode: NXDOMAIN, answers };
    const named = own.map((record) => (i === 0 ? { ...record, name } : record));
    const hits = named.filter((record) => record.type === type || type === T_ANY);
    const alias = named.find((record) => record.type === T_CNAME);
    answers.push(...hits);
    if (hits.length > 0 || alias?.data.kind !== "name") return { rcode: NOERROR, answers };
    answers.push(alias);
    owner = lower(alias.data.name);
  }
  return { rcode: NOERROR, answers };
}

/** The reply to a message; undefined for what is none. */
export function answer(bytes: Uint8Array, limit: (query: DnsMessage) => number): Uint8Array | undefined {
  const query = decodeDns(bytes);
  if (query === undefined || query.response) return undefined;
  const [question] = query.questions;
  const opt = query.additional.find(({ type }) => type === T_OPT);
  const reply: DnsMessage = {
    ...query,
    response: true,
    authoritative: false,
    truncated: false,
    recursionAvailable: true,
    rcode: NOERROR,
    ...{ answers: [], authority: [] },
    additional: opt === undefined ? [] : [{ ...opt, class: EDNS_LIMIT, ttl: 0, data: { kind: "bytes", bytes: new Uint8Array(0) } }],
  };
  const end = (more: Partial<DnsMessage>): Uint8Array => encodeDns({ ...reply, ...more });
  if (query.opcode !== 0) return end({ rcode: NOTIMP });
  if (question === undefined || query.questions.length > 1) return end({ rcode: FORMERR });
  if (question.class !== C_IN) return end({ rcode: REFUSED });
  const { rcode, answers } = find(question);
  const nothing = answers.every(({ type }) => type === T_CNAME);
  const whole = end({ rcode, answers, authority: nothing ? [authorityOf(answers.length > 0 ? nameAfter(answers) : question.name)] : [] });
  return whole.length <= limit(query) ? whole : end({ rcode, truncated: true });
}

function nameAfter(aliases: readonly DnsRecord[]): string {
  const data = aliases[aliases.length - 1]?.data;
  return data?.kind === "name" ? data.name : "";
}

function datagramLimit(query: DnsMessage): number {
  const opt = query.additional.find(({ type }) => type === T_OPT);
  return opt === undefined ? PLAIN_LIMIT : Math.max(PLAIN_LIMIT, Math.min(opt.class, EDNS_LIMIT));
}

export function startNameServer(ns: NetNamespace, addr: number): void {
  const socket: KernelUdp = bindUdp(ns, addr, PORT, (bytes, from) => {
    const reply = answer(bytes, datagramLimit);
    if (reply !== undefined) socket.send(from.addr, from.port, reply);
  });
  listenTcp(ns, addr, PORT, (stream) => {
    let got = new Uint8Array(0);
    stream.events = {
      data(bytes) {
        const more = new Uint8Array(got.length + bytes.length);
        more.set(got);
        more.set(bytes, got.length);
        got = more;
        while (got.length >= 2) {
          const length = (got[0] as number) * 256 + (got[1] as number);
          if (got.length < length + 2) return;
          const reply = answer(got.slice(2, length + 2), () => 65_535);
          got = got.slice(length + 2);
          if (reply === undefined) return stream.abort();
          stream.write(Uint8Array.of(reply.length >>> 8, reply.length & 255));
          stream.write(reply);
        }
      },
      ended: () => stream.end(),
    };
  });
}

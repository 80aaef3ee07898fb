/** DNS messages as bytes, both ways: RFC 1035. Left out: DNSSEC and EDNS options (an OPT record is read as any other). */

import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";

export const T_A = 1;
export const T_NS = 2;
export const T_CNAME = 5;
export const T_SOA = 6;
export const T_PTR = 12;
export const T_MX = 15;
export const T_TXT = 16;
export const T_AAAA = 28;
export const T_SRV = 33;
export const T_OPT = 41;
export const T_ANY = 255;
export const C_IN = 1;

export const NOERROR = 0;
export const FORMERR = 1;
export const SERVFAIL = 2;
export const NXDOMAIN = 3;
export const NOTIMP = 4;
export const REFUSED = 5;

export interface DnsQuestion {
  /** Without the final dot; the root is empty. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** The data of a record, by type; bytes for types that are not taken apart. */
export type DnsData =
  | { readonly kind: "address"; readonly addr: number }
  | { readonly kind: "address6"; readonly groups: readonly number[] }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "mx"; readonly preference: number; readonly name: string }
  | { readonly kind: "srv"; readonly priority: number; readonly weight: number; readonly port: number; readonly name: string }
  | { readonly kind: "text"; readonly texts: readonly string[] }
  | {
      readonly kind: "soa";
      readonly mname: string;
      readonly rname: string;
      /** Serial, refresh, retry, expire, minimum. */
      readonly numbers: readonly [number, number, number, number, number];
    }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  readonly data: DnsData;
}

export interface DnsMessage {
  readonly id: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly rcode: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
}

/** A question for one name. */
export function makeQuery(id: number, name: string, type: number): DnsMessage {
  return {
    ...{
      id,
      response: false,
      opcode: 0,
      authoritative: false,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: false,
      rcode: 0,
    },
    questions: [{ name, type, class: C_IN }],
    ...{ answers: [], authority: [], additional: [] },
  };
}

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class Writer {
  readonly bytes: number[] = [];
  /** Where which name stands, for compression. */
  private readonly names = new Map<string, number>();

  u16(value: number): void {
    this.bytes.push((value >>> 8) & 255, value & 255);
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value);
  }

  name(name: string): void {
    let rest = name.toLowerCase();
    for (let original = name; original !== ""; ) {
      const known = this.names.get(rest);
      if (known !== undefined) {
        this.u16(0xc000 | known);
        return;
      }
      if (this.bytes.length < 0x4000) this.names.set(rest, this.bytes.length);
      const dot = original.indexOf(".");
      const label = encodeUtf8(dot < 0 ? original : original.slice(0, dot)).subarray(0, 63);
      this.bytes.push(label.length, ...label);
      original = dot < 0 ? "" : original.slice(dot + 1);
      rest = dot < 0 ? "" : rest.slice(dot + 1);
    }
    this.bytes.push(0);
  }

  record({ name, type, class: cls, ttl, data }: DnsRecord): void {
    this.name(name);
    this.u16(type);
    this.u16(cls);
    this.u32(ttl);
    const at = this.bytes.length;
    this.u16(0);
    this.data(data);
    const length = this.bytes.length - at - 2;
    this.bytes[at] = length >>> 8;
    this.bytes[at + 1] = length & 255;
  }

  private data(data: DnsData): void {
    switch (data.kind) {
      case "address":
        return this.u32(data.addr);
      case "address6":
        for (const group of data.groups) this.u16(group);
        return;
      case "name":
        return this.name(data.name);
      case "mx":
        this.u16(data.preference);
        return this.name(data.name);
      case "srv":
        for (const value of [data.priority, data.weight, data.port]) this.u16(value);
        return this.name(data.name);
      case "text":
        for (const text of data.texts) {
          const bytes = encodeUtf8(text).subarray(0, 255);
          this.bytes.push(bytes.length, ...bytes);
        }
        return;
      case "soa":
        this.name(data.mname);
        this.name(data.rname);
        for (const value of data.numbers) this.u32(value);
        return;
      case "bytes":
        this.bytes.push(...data.bytes);
    }
  }
}

export function encodeDns(message: DnsMessage): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  const bit = (on: boolean, at: number): number => (on ? 1 << at : 0);
  writer.u16(message.id);
  writer.u16(
    bit(message.response, 15) |
      (message.opcode << 11) |
      bit(message.authoritative, 10) |
      bit(message.truncated, 9) |
      bit(message.recursionDesired, 8) |
      bit(message.recursionAvailable, 7) |
      message.rcode,
  );
  const { questions, answers, authority, additional } = message;
  for (const list of [questions, answers, authority, additional]) writer.u16(list.length);
  for (const question of questions) {
    writer.name(question.name);
    writer.u16(question.type);
    writer.u16(question.class);
  }
  for (const record of [...answers, ...authority, ...additional]) writer.record(record);
  return Uint8Array.from(writer.bytes);
}

// ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Thrown inside only: the message is malformed. */
class Malformed extends Error {}

class Reader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  private u8(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new Malformed();
    return value;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65536 + this.u16();
  }

  name(): string {
    const labels: string[] = [];
    let back: number | undefined;
    // Each pointer leads back: more than this many is a loop.
    for (let jumps = 0; jumps < 64; ) {
      const length = this.u8();
      if (length === 0) {
        if (back !== undefined) this.at = back;
        return labels.join(".");
      }
      if (length >= 0xc0) {
        const target = (length & 0x3f) * 256 + this.u8();
        back ??= this.at;
        this.at = target;
        jumps++;
        continue;
      }
      if (length > 63 || this.at + length > this.bytes.length) throw new Malformed();
      labels.push(decodeUtf8(this.bytes.subarray(this.at, this.at + length)));
      this.at += length;
      if (labels.length > 127) throw new Malformed();
    }
    throw new Malformed();
  }

  record(): DnsRecord {
    const head = { name: this.name(), type: this.u16(), class: this.u16(), ttl: this.u32() };
    const length = this.u16();
    const end = this.at + length;
    if (end > this.bytes.length) throw new Malformed();
    const data = this.data(head.type, length);
    if (this.at > end) throw new Malformed();
    this.at = end;
    return { ...head, data };
  }

  private data(type: number, length: number): DnsData {
    switch (type) {
      case T_A:
        return { kind: "address", addr: this.u32() };
      case T_AAAA:
        return { kind: "address6", groups: Array.from({ length: 8 }, () => this.u16()) };
      case T_NS:
      case T_CNAME:
      case T_PTR:
        return { kind: "name", name: this.name() };
      case T_MX:
        return { kind: "mx", preference: this.u16(), name: this.name() };
      case T_SRV:
        return { kind: "srv", priority: this.u16(), weight: this.u16(), port: this.u16(), name: this.name() };
      case T_SOA:
        return {
          kind: "soa",
          mname: this.name(),
          rname: this.name(),
          numbers: [this.u32(), this.u32(), this.u32(), this.u32(), this.u32()],
        };
      case T_TXT: {
        const end = this.at + length;
        const texts: string[] = [];
        while (this.at < end) {
          const size = this.u8();
          texts.push(decodeUtf8(this.bytes.subarray(this.at, this.at + size)));
          this.at += size;
        }
        return { kind: "text", texts };
      }
      default: {
        const bytes = this.bytes.slice(this.at, this.at + length);
        this.at += length;
        return { kind: "bytes", bytes };
      }
    }
  }
}

/** Undefined for what is no DNS message. */
export function decodeDns(bytes: Uint8Array): DnsMessage | undefined {
  try {
    const reader = new Reader(bytes);
    const id = reader.u16();
    const flags = reader.u16();
    const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
    const records = (count: number): DnsRecord[] => Array.from({ length: count }, () => reader.record());
    return {
      id,
      response: (flags & 0x8000) !== 0,
      opcode: (flags >>> 11) & 15,
      authoritative: (flags & 0x400) !== 0,
      truncated: (flags & 0x200) !== 0,
      recursionDesired: (flags & 0x100) !== 0,
      recursionAvailable: (flags & 0x80) !== 0,
      rcode: flags & 15,
      questions: Array.from({ length: counts[0] }, () => ({ name: reader.name(), type: reader.u16(), class: reader.u16() })),
      answers: records(counts[1]),
      authority: records(counts[2]),
      additional: records(counts[3]),
    };
  } catch (e) {
    if (e instanceof Malformed) return undefined;
    throw e;
  }
}

/** `1.2.0.192.in-addr.arpa` for 192.0.2.1. */
export function reverseName(addr: number): string {
  return `${addr & 255}.${(addr >>> 8) & 255}.${(addr >>> 16) & 255}.${addr >>> 24}.in-addr.arpa`;
}

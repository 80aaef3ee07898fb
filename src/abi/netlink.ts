/**
 * Netlink messages as bytes: netlink(7), rtnetlink(7), Linux `include/uapi/linux/{netlink,rtnetlink,if_link,if_addr,neighbour}.h`. Both sides of
 * the socket use the codec: a message is a header, a fixed struct of its family and attributes (type, length, value), which may nest. Little endian.
 */

import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;

export const NLM_F_REQUEST = 1;
export const NLM_F_MULTI = 2;
export const NLM_F_ACK = 4;
export const NLM_F_ROOT = 0x100;
export const NLM_F_MATCH = 0x200;
export const NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;
export const RTM_NEWQDISC = 36;
export const RTM_DELQDISC = 37;
export const RTM_GETQDISC = 38;

/** One message: header fields and what follows the header. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly pid: number;
  readonly payload: Uint8Array;
}

const HEADER = 16;
const align = (length: number): number => (length + 3) & ~3;

/** Puts a message together: fixed fields, then attributes. Grows as needed. */
export class NetlinkWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  private room(more: number): number {
    const at = this.length;
    this.length += more;
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }

  u8(value: number): this {
    const at = this.room(1);
    this.view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.room(2);
    this.view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.room(4);
    this.view.setUint32(at, value, true);
    return this;
  }

  /** Bytes as they are, without padding. */
  raw(bytes: Uint8Array): this {
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
    return this;
  }

  /** An attribute of these bytes, padded. */
  attr(type: number, value: Uint8Array): this {
    this.u16(value.length + 4)
      .u16(type)
      .raw(value);
    this.room(align(value.length) - value.length);
    return this;
  }

  attrU8(type: number, value: number): this {
    return this.attr(type, Uint8Array.of(value));
  }

  attrU16(type: number, value: number): this {
    return this.attr(type, Uint8Array.of(value & 255, (value >>> 8) & 255));
  }

  attrU32(type: number, value: number): this {
    return this.attr(type, Uint8Array.of(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255));
  }

  /** A number up to 2⁵³. */
  attrU64(type: number, value: number): this {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, value >>> 0, true);
    view.setUint32(4, Math.floor(value / 2 ** 32), true);
    return this.attr(type, bytes);
  }

  /** With its final NUL. */
  attrString(type: number, value: string): this {
    return this.attr(type, encodeUtf8(`${value}\0`));
  }

  /** An IPv4 address or another number in network order. */
  attrBe32(type: number, value: number): this {
    return this.attr(type, Uint8Array.of((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255));
  }

  /** A 48-bit hardware address. */
  attrMac(type: number, mac: number): this {
    return this.attr(
      type,
      Uint8Array.from({ length: 6 }, (_, i) => Math.floor(mac / 256 ** (5 - i)) & 255),
    );
  }

  /** Attributes inside an attribute. */
  nest(type: number, fill: (inner: this) => void): this {
    const at = this.room(4);
    this.view.setUint16(at + 2, type, true);
    fill(this);
    this.view.setUint16(at, this.length - at, true);
    return this;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

export function encodeMessage({ type, flags, seq, pid, payload }: NetlinkMessage): Uint8Array {
  const writer = new NetlinkWriter()
    .u32(HEADER + payload.length)
    .u16(type)
    .u16(flags)
    .u32(seq)
    .u32(pid)
    .raw(payload);
  return pad(writer.finish());
}

function pad(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(align(bytes.length));
  padded.set(bytes);
  return padded;
}

/** The messages in a buffer; one that is cut short ends it. */
export function* decodeMessages(bytes: Uint8Array): IterableIterator<NetlinkMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > bytes.length) return;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      seq: view.getUint32(at + 8, true),
      pid: view.getUint32(at + 12, true),
      payload: bytes.subarray(at + HEADER, at + length),
    };
    at += align(length);
  }
}

/** An attribute's value, read as what its type says it is. */
export class NetlinkAttribute {
  constructor(readonly bytes: Uint8Array) {}

  private get view(): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  get u8(): number {
    return this.bytes[0] ?? 0;
  }

  get u16(): number {
    return this.bytes.length < 2 ? 0 : this.view.getUint16(0, true);
  }

  get u32(): number {
    return this.bytes.length < 4 ? 0 : this.view.getUint32(0, true);
  }

  get u64(): number {
    return this.bytes.length < 8 ? 0 : this.view.getUint32(0, true) + this.view.getUint32(4, true) * 2 ** 32;
  }

  get be32(): number {
    return this.bytes.length < 4 ? 0 : this.view.getUint32(0, false);
  }

  get mac(): number {
    return this.bytes.subarray(0, 6).reduce((mac, byte) => mac * 256 + byte, 0);
  }

  get string(): string {
    const end = this.bytes.indexOf(0);
    return decodeUtf8(end < 0 ? this.bytes : this.bytes.subarray(0, end));
  }

  get nested(): ReadonlyMap<number, NetlinkAttribute> {
    return decodeAttributes(this.bytes);
  }
}

/** The attributes after `offset` bytes of fixed fields, by type without the nesting flag; of equal ones the last. */
export function decodeAttributes(bytes: Uint8Array, offset = 0): ReadonlyMap<number, NetlinkAttribute> {
  const found = new Map<number, NetlinkAttribute>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = align(offset); at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & 0x3fff, new NetlinkAttribute(bytes.subarray(at + 4, at + length)));
    at += align(length);
  }
  return found;
}

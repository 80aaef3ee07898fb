/** ICMPv6 messages as bytes: what ping(8) sends and receives through raw sockets of IPv6, which show no IP header. RFC 4443. */

import { readGroups } from "./inet6.ts";

export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;

/** An echo request; its checksum is the kernel's. */
export function encodeEcho6(id: number, sequence: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + data.length);
  bytes.set([ICMPV6_ECHO_REQUEST, 0, 0, 0, id >>> 8, id & 255, (sequence >>> 8) & 255, sequence & 255]);
  bytes.set(data, 8);
  return bytes;
}

export interface Icmp6Message {
  readonly type: number;
  readonly code: number;
  readonly id: number;
  readonly sequence: number;
  /** Of "packet too big". */
  readonly mtu: number;
  readonly length: number;
  /** Of errors: what the packet was that it is about. */
  readonly about: { readonly dst: readonly number[]; readonly nextHeader: number; readonly transport: Uint8Array } | undefined;
}

export function decodeIcmp6(bytes: Uint8Array): Icmp6Message | undefined {
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const type = view.getUint8(0);
  const quoted = bytes.subarray(8);
  return {
    ...{ type, code: view.getUint8(1), id: view.getUint16(4), sequence: view.getUint16(6), mtu: view.getUint32(4), length: bytes.length },
    about:
      type < 128 && quoted.length >= 48
        ? { dst: readGroups(quoted, 24), nextHeader: quoted[6] as number, transport: quoted.subarray(40, 48) }
        : undefined,
  };
}

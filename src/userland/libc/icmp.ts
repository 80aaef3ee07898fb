/** ICMP messages as bytes: what ping(8) and traceroute(8) send and receive through raw sockets. RFC 792. */

export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;

/** The Internet checksum: RFC 1071. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] as number) * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An echo request with its header. */
export function encodeEcho(id: number, sequence: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + data.length);
  bytes.set([ICMP_ECHO, 0, 0, 0, id >>> 8, id & 255, (sequence >>> 8) & 255, sequence & 255]);
  bytes.set(data, 8);
  const sum = checksum(bytes);
  bytes[2] = sum >>> 8;
  bytes[3] = sum & 255;
  return bytes;
}

export interface IcmpMessage {
  readonly src: number;
  readonly ttl: number;
  readonly type: number;
  readonly code: number;
  /** Of echos, else 0. */
  readonly id: number;
  readonly sequence: number;
  /** The MTU of "fragmentation needed". */
  readonly mtu: number;
  /** ICMP header and data. */
  readonly length: number;
  readonly data: Uint8Array;
  /** Of errors: what the packet was that it is about. */
  readonly about: { readonly dst: number; readonly protocol: number; readonly transport: Uint8Array } | undefined;
}

/** Takes apart what a raw socket receives: an IP header and a message. Undefined for what is none. */
export function decodeIcmp(packet: Uint8Array): IcmpMessage | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const ihl = packet.length < 20 ? 0 : ((packet[0] as number) & 15) * 4;
  if (ihl < 20 || packet.length < ihl + 8) return undefined;
  const type = view.getUint8(ihl);
  const quoted = packet.subarray(ihl + 8);
  const error = type !== ICMP_ECHO && type !== ICMP_ECHOREPLY && quoted.length >= 28;
  const quotedIhl = error ? ((quoted[0] as number) & 15) * 4 : 0;
  return {
    src: view.getUint32(12),
    ttl: view.getUint8(8),
    type,
    code: view.getUint8(ihl + 1),
    id: view.getUint16(ihl + 4),
    sequence: view.getUint16(ihl + 6),
    mtu: view.getUint16(ihl + 6),
    length: packet.length - ihl,
    data: quoted,
    about: error
      ? { dst: view.getUint32(ihl + 8 + 16), protocol: quoted[9] as number, transport: quoted.subarray(quotedIhl, quotedIhl + 8) }
      : undefined,
  };
}

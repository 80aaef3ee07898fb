/** Messages in the receive queues of Unix sockets: Linux `struct sk_buff` and what it weighs. */

import type { SocketAddress } from "../../abi/socket.ts";
import { PAGE_SIZE } from "../params.ts";
import type { File } from "../vfs/file.ts";
import type { Creds } from "./socket.ts";
import type { UnixSocket } from "./unix.ts";

export interface UnixMessage {
  /** The sender's bytes, copied. */
  readonly data: Uint8Array;
  /** How many of them were read (stream). */
  consumed: number;
  /** In flight: one reference each. Emptied when handed over. */
  files: readonly File[];
  readonly creds: Creds;
  readonly from: SocketAddress | undefined;
  /** Whose send buffer it fills, and by how much. */
  readonly sender: UnixSocket;
  readonly weight: number;
}

/** sizeof(struct sk_buff), sizeof(struct skb_shared_info), the smallest kmalloc that is used for data. */
const SK_BUFF = 256;
const SHARED_INFO = 320;
const LEAST_HEAD = 512;
/** Most bytes of a message that lie outside of pages: SKB_MAX_HEAD(0) for streams, SKB_MAX_ALLOC for datagrams. */
const STREAM_HEAD = 3_776;
const DGRAM_HEAD = 16_064;
/** Longest piece of a stream (SKB_MAX_HEAD(0) + UNIX_SKB_FRAGS_SZ). */
export const STREAM_CHUNK = STREAM_HEAD + 32_768;

const pages = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;

/** truesize: what a message of `length` bytes takes of the send buffer. */
export function weigh(length: number, stream: boolean): number {
  const most = stream ? STREAM_HEAD : DGRAM_HEAD;
  const paged = length > most ? Math.min(length, pages(length - most)) : 0;
  let head = LEAST_HEAD;
  while (head < length - paged + SHARED_INFO) head *= 2;
  return SK_BUFF + head + pages(paged);
}

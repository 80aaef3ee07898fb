/** Copies between descriptors in both directions at once, as nc, telnet and socat do: one poll(2) loop. */

import { EAGAIN, EINTR, Errno } from "../../abi/errno.ts";
import { POLLIN } from "../../abi/poll.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { writeAll } from "./stdio.ts";

export interface Leg {
  readonly from: number;
  /** Takes what was read. */
  write(bytes: Uint8Array): Proc<void>;
  /** The source has ended. True ends the whole copying. */
  ended(): Proc<boolean>;
}

export const toFd =
  (sys: Sys, fd: number): Leg["write"] =>
  (bytes) =>
    writeAll(sys, fd, bytes);

export interface RelayOptions {
  /** Milliseconds without anything on any leg after which it is over; -1: never. */
  idleMs: number;
}

/**
 * Runs until a leg says so, all have ended, or nothing came for long. Returns whether it was the latter. `options` may change meanwhile. Blocks.
 * Errors: those of reading and writing.
 */
export function* relay(sys: Sys, legs: readonly Leg[], options: RelayOptions): Proc<boolean> {
  const open = new Set(legs);
  const buf = new Uint8Array(16_384);
  while (open.size > 0) {
    const polled = [...open].map((leg) => ({ leg, fd: { fd: leg.from, events: POLLIN, revents: 0 } }));
    const ready = yield* sys.poll(
      polled.map(({ fd }) => fd),
      options.idleMs,
    );
    if (ready === 0) return true;
    for (const { leg, fd } of polled) {
      if (fd.revents === 0) continue;
      let n: number;
      try {
        n = yield* sys.read(leg.from, buf);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (e === EAGAIN || e === EINTR) continue;
        throw e;
      }
      if (n > 0) yield* leg.write(buf.subarray(0, n));
      else {
        open.delete(leg);
        if (yield* leg.ended()) return false;
      }
    }
  }
  return false;
}

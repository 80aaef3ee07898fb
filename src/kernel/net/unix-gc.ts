/**
 * Sockets that are only in messages of each other can never be reached again. Linux `net/unix/garbage.c`: counts the references
 * in flight, finds the sockets that have no other, and clears the queues of those which only such sockets hold.
 */

import type { System } from "../task/system.ts";
import type { File } from "../vfs/file.ts";
import type { UnixSocket } from "./unix.ts";

/** How many references to each Unix socket are in messages. */
export class Inflight {
  private readonly counts = new Map<File, { readonly socket: UnixSocket; count: number }>();
  /** A collection closes sockets, which asks for another one. */
  private collecting = false;

  add(socket: UnixSocket): void {
    const entry = this.counts.get(socket);
    if (entry === undefined) this.counts.set(socket, { socket, count: 1 });
    else entry.count++;
  }

  remove(socket: UnixSocket): void {
    const entry = this.counts.get(socket);
    if (entry !== undefined && --entry.count === 0) this.counts.delete(socket);
  }

  collect(): void {
    if (this.counts.size === 0 || this.collecting) return;
    this.collecting = true;
    const garbage = this.findGarbage();
    // One more reference each, so that none goes before all are cleared.
    for (const socket of garbage) socket.get();
    for (const socket of garbage) socket.purge();
    for (const socket of garbage) socket.put();
    this.collecting = false;
  }

  /** Sockets that only messages refer to, minus what can be reached from those with a message in a queue that someone holds. */
  private findGarbage(): readonly UnixSocket[] {
    /** Candidates, with the references that are not in candidates' queues. */
    const outside = new Map<UnixSocket, number>();
    for (const { socket, count } of this.counts.values()) if (socket.refCount === count) outside.set(socket, count);
    for (const candidate of outside.keys()) {
      for (const held of this.heldBy(candidate)) {
        const count = outside.get(held);
        if (count !== undefined) outside.set(held, count - 1);
      }
    }
    const reached = [...outside].filter(([, count]) => count > 0).map(([socket]) => socket);
    for (let socket = reached.pop(); socket !== undefined; socket = reached.pop()) {
      if (outside.delete(socket)) reached.push(...this.heldBy(socket));
    }
    return [...outside.keys()];
  }

  private heldBy(socket: UnixSocket): UnixSocket[] {
    const held: UnixSocket[] = [];
    for (const message of socket.pending()) {
      for (const file of message.files) {
        const entry = this.counts.get(file);
        if (entry !== undefined) held.push(entry.socket);
      }
    }
    return held;
  }
}

const bySystem = new WeakMap<System, Inflight>();

export function inflightOf(system: System): Inflight {
  let inflight = bySystem.get(system);
  if (inflight === undefined) {
    inflight = new Inflight();
    bySystem.set(system, inflight);
  }
  return inflight;
}

export function collectGarbage(system: System): void {
  bySystem.get(system)?.collect();
}

/**
 * Entities that wait for a CPU, least virtual run time first. They are filed by the set of CPUs that they may use, so that the first one for a
 * given CPU is found without looking at those that are bound elsewhere: O(sets + log n), and nearly always there is one set.
 */

import { Heap, type HeapNode } from "./heap.ts";

export interface Queued extends HeapNode {
  vruntime: number;
  queuedSeq: number;
  /** CPUs that it, or something in it, may use. */
  readonly cpuMask: number;
  /** Where it is filed. Written by RunQueue only. */
  filed: Filed | undefined;
}

interface Filed {
  readonly cpuMask: number;
  readonly heap: Heap<Queued>;
}

function before(a: Queued, b: Queued): boolean {
  return a.vruntime < b.vruntime || (a.vruntime === b.vruntime && a.queuedSeq < b.queuedSeq);
}

export class RunQueue<T extends Queued> {
  /** None of them empty. */
  private readonly files: Filed[] = [];
  size = 0;

  /** CPUs that at least one member may use. */
  get cpuMask(): number {
    let mask = 0;
    for (const file of this.files) mask |= file.cpuMask;
    return mask;
  }

  add(entity: T): void {
    const { cpuMask } = entity;
    let file = this.files.find((f) => f.cpuMask === cpuMask);
    if (file === undefined) {
      file = { cpuMask, heap: new Heap(before) };
      this.files.push(file);
    }
    file.heap.add(entity);
    entity.filed = file;
    this.size++;
  }

  remove(entity: T): void {
    const file = entity.filed as Filed;
    file.heap.remove(entity);
    entity.filed = undefined;
    if (file.heap.size === 0) this.files.splice(this.files.indexOf(file), 1);
    this.size--;
  }

  /** The key of a member has changed. */
  update(entity: T): void {
    (entity.filed as Filed).heap.update(entity);
  }

  /** The first that may use a CPU of `cpuMask`; it stays. */
  first(cpuMask = -1): T | undefined {
    let best: Queued | undefined;
    for (const file of this.files) {
      if ((file.cpuMask & cpuMask) === 0) continue;
      const head = file.heap.peek() as Queued;
      if (best === undefined || before(head, best)) best = head;
    }
    return best as T | undefined;
  }

  /** Members in no particular order. */
  *values(): IterableIterator<T> {
    for (const file of this.files) yield* file.heap.values() as readonly T[];
  }
}

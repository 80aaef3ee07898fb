/** A binary heap whose members know their place, so that one of them can be moved or taken out in O(log n). */

export interface HeapNode {
  /** Index in the heap that holds it, or -1. Written by Heap only. */
  heapIndex: number;
}

export class Heap<T extends HeapNode> {
  private readonly nodes: T[] = [];

  constructor(private readonly before: (a: T, b: T) => boolean) {}

  get size(): number {
    return this.nodes.length;
  }

  /** The first member, which stays. */
  peek(): T | undefined {
    return this.nodes[0];
  }

  /** Members in no particular order. */
  values(): readonly T[] {
    return this.nodes;
  }

  add(node: T): void {
    node.heapIndex = this.nodes.length;
    this.nodes.push(node);
    this.up(node);
  }

  remove(node: T): void {
    const at = node.heapIndex;
    const last = this.nodes.pop() as T;
    node.heapIndex = -1;
    if (last === node) return;
    this.nodes[at] = last;
    last.heapIndex = at;
    this.update(last);
  }

  /** Restores the order after the key of `node` changed. */
  update(node: T): void {
    this.up(node);
    this.down(node);
  }

  private up(node: T): void {
    const nodes = this.nodes;
    let at = node.heapIndex;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = nodes[parentAt] as T;
      if (!this.before(node, parent)) break;
      nodes[at] = parent;
      parent.heapIndex = at;
      at = parentAt;
    }
    nodes[at] = node;
    node.heapIndex = at;
  }

  private down(node: T): void {
    const nodes = this.nodes;
    const size = nodes.length;
    let at = node.heapIndex;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= size) break;
      let child = nodes[childAt] as T;
      if (childAt + 1 < size && this.before(nodes[childAt + 1] as T, child)) child = nodes[++childAt] as T;
      if (!this.before(child, node)) break;
      nodes[at] = child;
      child.heapIndex = at;
      at = childAt;
    }
    nodes[at] = node;
    node.heapIndex = at;
  }
}

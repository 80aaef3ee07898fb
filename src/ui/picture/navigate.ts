/** Arrow keys among the things of a drawing: the nearest one that lies in the key's direction. */

export interface Item {
  readonly key: string;
  /** Its middle. */
  readonly x: number;
  readonly y: number;
}

const DIRECTIONS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Where `key` leads from `from`; undefined for no way on. What lies aside counts three times as far. */
export function findNeighbour(items: readonly Item[], from: string | undefined, key: string): Item | undefined {
  const direction = DIRECTIONS[key];
  const start = items.find((item) => item.key === from);
  if (direction === undefined || start === undefined) return undefined;
  let best: Item | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const dx = item.x - start.x;
    const dy = item.y - start.y;
    const ahead = dx * direction[0] + dy * direction[1];
    const aside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
    if (item.key === from || ahead < 1) continue;
    const distance = ahead + 3 * aside;
    if (distance >= least) continue;
    least = distance;
    best = item;
  }
  return best;
}

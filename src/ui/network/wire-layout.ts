/** Wires of the network drawing: which there are, and their ways at right angles in the channel between the cards and at its sides. Pure. */
import type { LinkEnd, NetworkEntity } from "../../bridge/messages.ts";
import { endKey, isWired, type NetworkShapes, type Point, type PortShape, type WireShape, works } from "./shapes.ts";

export interface Wire {
  readonly kind: WireShape["kind"];
  readonly from: LinkEnd;
  readonly to: LinkEnd;
  readonly works: boolean;
}

/** Each pair of ends once. */
export function listWires(networks: readonly NetworkEntity[]): readonly Wire[] {
  const wires: Wire[] = [];
  const seen = new Set<string>();
  for (const { ino, links } of networks) {
    for (const link of links) {
      const { peer, kind } = link;
      if (peer === undefined || !isWired(link, ino)) continue;
      const from = { netNs: ino, ifindex: link.ifindex };
      if (seen.has(endKey(peer)) && kind === "veth") continue;
      seen.add(endKey(from));
      wires.push({ kind: kind === "veth" ? "veth" : "macvlan", from, to: peer, works: works(link) });
    }
  }
  return wires;
}
export interface Channel {
  readonly bottom: number;
  readonly hostY: number;
  readonly left: number;
  readonly right: number;
}

type Drawn = Omit<NetworkShapes, "wires">;

export function routeWires(
  { cards, rack, waterY }: Drawn,
  drawn: readonly Wire[],
  trunk: readonly Wire[],
  channel: Channel,
): readonly WireShape[] {
  const ports = new Map<string, PortShape>();
  for (const card of cards) for (const port of card.ports) if (port.link.kind !== "uplink") ports.set(endKey(port.end), port);
  // A link that is tapped stands at both borders of the host: macvlans are drawn to the upper one.
  for (const card of cards) for (const port of card.ports) if (!ports.has(endKey(port.end))) ports.set(endKey(port.end), port);
  const ends = drawn.flatMap((wire) => {
    const a = ports.get(endKey(wire.from));
    const b = ports.get(endKey(wire.to));
    return a === undefined || b === undefined ? [] : [{ wire, a: a.y <= b.y ? a : b, b: a.y <= b.y ? b : a, flipped: a.y > b.y }];
  });
  const rightward = (e: (typeof ends)[number]): boolean => e.b.x > e.a.x;
  const bent = ends
    .filter(({ a, b }) => Math.abs(a.x - b.x) > 1 || a.y === b.y || a.y < channel.bottom - 1)
    .sort((p, q) => Number(rightward(p)) - Number(rightward(q)) || (rightward(p) ? q.a.x - p.a.x : p.a.x - q.a.x));
  const step = (channel.hostY - channel.bottom - 24) / (bent.length + 1);
  const middle = (channel.left + channel.right) / 2;
  let lefts = 0;
  let rights = 0;
  const shapes: WireShape[] = ends.map((e) => {
    const { wire, a, b, flipped } = e;
    const track = bent.indexOf(e);
    const y = channel.bottom + 12 + (track + 1) * step;
    let points: Point[] = [
      [a.x, a.y],
      [b.x, b.y],
    ];
    if (track >= 0 && a.y < channel.bottom - 1 && !(a.y >= channel.hostY)) {
      const side = a.x < middle ? channel.left - 8 - 5 * lefts++ : channel.right + 8 + 5 * rights++;
      const under = a.y + 10 + ((lefts + rights) % 8) * 5;
      points = [
        [a.x, a.y],
        [a.x, under],
        [side, under],
        [side, y],
        [b.x, y],
        [b.x, b.y],
      ];
    } else if (track >= 0)
      points = [
        [a.x, a.y],
        [a.x, y],
        [b.x, y],
        [b.x, b.y],
      ];
    return {
      key: `w${endKey(wire.from)}`,
      kind: wire.kind,
      from: wire.from,
      to: wire.to,
      works: wire.works,
      points: flipped ? points.reverse() : points,
    };
  });
  if (rack !== undefined) {
    for (const port of cards
      .flatMap((card) => card.ports)
      .filter(
        ({ count, link }) =>
          count > 1 ||
          (link.peer !== undefined &&
            trunk.some(({ from, to }) => endKey(from) === endKey(link.peer as LinkEnd) || endKey(to) === endKey(link.peer as LinkEnd))),
      )) {
      const aside = channel.right + 12 + 5 * rights;
      rights += 2;
      const y = channel.hostY - 14;
      const middleY = rack.y + rack.height / 2;
      const points: Point[] = [
        [port.x, port.y],
        [port.x, y],
        [aside, y],
        [aside, middleY],
        [rack.x + rack.width, middleY],
      ];
      shapes.push({
        key: `t${endKey(port.end)}`,
        kind: "trunk",
        from: port.end,
        to: port.link.peer ?? port.end,
        works: works(port.link),
        points,
      });
    }
  }
  for (const card of cards) {
    for (const port of card.ports.filter(({ link, y }) => link.kind === "uplink" && y > card.y)) {
      if (waterY === undefined) continue;
      const to = { netNs: 0, ifindex: port.link.ifindex };
      const aside = channel.right + 12;
      const points: Point[] = card.host
        ? [
            [port.x, port.y],
            [port.x, waterY],
          ]
        : [
            [port.x, port.y],
            [port.x, port.y + 14],
            [aside, port.y + 14],
            [aside, waterY],
          ];
      shapes.push({ key: `u${endKey(port.end)}`, kind: "uplink", from: port.end, to, works: works(port.link), points });
    }
  }
  return shapes;
}

/** The way of a wire as a path. */
export function tellPath(points: readonly Point[]): string {
  return points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`).join("");
}

import { expect, test } from "vitest";
import type { LinkEntity, NetworkEntity } from "../../bridge/messages.ts";
import { spread } from "./card-layout.ts";
import { layoutNetwork } from "./layout.ts";
import type { NetworkShapes } from "./shapes.ts";

const HOST = 1;

function link(ifindex: number, more: Partial<LinkEntity> = {}): LinkEntity {
  return {
    ...{ ifindex, name: `v${ifindex}`, kind: "veth", mac: "", mtu: 1500, up: true, carrier: true, addresses: [], addresses6: [] },
    ...more,
  };
}

/** A host with a bridge and namespaces 2 … at its ports. */
function bridged(count: number): NetworkEntity[] {
  const inner = Array.from({ length: count }, (_, i) => i + 2);
  const base = { name: "", routes: [], rules: 0, forwarding: false };
  return [
    {
      ...{ ...base, ino: HOST },
      links: [
        link(1, { kind: "loopback", name: "lo" }),
        link(2, { kind: "uplink", name: "eth0", addresses: ["10.0.2.15/24"] }),
        link(3, { kind: "bridge", name: "br0", addresses: ["10.0.0.1/24"] }),
        ...inner.map((n) => link(10 + n, { master: 3, peer: { netNs: n, ifindex: 2 } })),
      ],
    },
    ...inner.map((n) => ({
      ...{ ...base, ino: n },
      links: [link(2, { name: "eth0", addresses: [`10.0.0.${n}/24`], peer: { netNs: HOST, ifindex: 10 + n } })],
    })),
  ];
}

const lay = (networks: readonly NetworkEntity[], width = 560): NetworkShapes =>
  layoutNetwork({ networks, host: HOST, nameOf: (ino) => `n${ino}`, width, height: 600 });

test("the host stands below the others, and each pair is one wire between its two ports", () => {
  const { cards, wires } = lay(bridged(3));
  const [host, ...others] = cards;
  expect(host?.host).toBe(true);
  for (const card of others) expect(card.y + card.height).toBeLessThan(host?.y ?? 0);
  expect(wires.map(({ kind }) => kind)).toEqual(["veth", "veth", "veth", "uplink"]);
  const ports = new Map(cards.flatMap((card) => card.ports).map((port) => [`${port.end.netNs}.${port.end.ifindex}`, port]));
  for (const wire of wires.slice(0, 3)) {
    const from = ports.get(`${wire.from.netNs}.${wire.from.ifindex}`);
    const to = ports.get(`${wire.to.netNs}.${wire.to.ifindex}`);
    expect(wire.points[0]).toEqual([from?.x, from?.y]);
    expect(wire.points.at(-1)).toEqual([to?.x, to?.y]);
  }
});

test("a bridge is a bar over its ports, which lead to it", () => {
  const host = lay(bridged(3)).cards[0];
  const bar = host?.bars[0];
  const ports = host?.ports.filter(({ link: { master } }) => master === 3) ?? [];
  expect(ports).toHaveLength(3);
  for (const port of ports) {
    expect(port.barY).toBe(bar?.y);
    expect(port.x).toBeGreaterThan(bar?.x ?? 0);
    expect(port.x).toBeLessThan((bar?.x ?? 0) + (bar?.width ?? 0));
  }
});

test("a new namespace leaves the places of the others alone", () => {
  const before = lay(bridged(2)).cards.slice(1);
  const after = lay(bridged(3)).cards.slice(1);
  expect(after.slice(0, 2).map(({ x, y }) => [x, y])).toEqual(before.map(({ x, y }) => [x, y]));
});

test("cards do not overlap, on a phone either", () => {
  for (const width of [350, 560, 900]) {
    const { cards } = lay(bridged(5), width);
    for (const [i, a] of cards.entries()) {
      for (const b of cards.slice(i + 1)) {
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect(apart).toBe(true);
      }
    }
  }
});

test("a thousand namespaces are two rows of cards and one rack with one trunk", () => {
  const { cards, rack, wires } = lay(bridged(1000));
  expect(cards.length).toBeLessThan(12);
  expect(rack?.title).toBe(`${1000 - (cards.length - 1)} more namespaces`);
  expect((rack?.cells.length ?? 0) + (rack?.left ?? 0)).toBe(1000 - (cards.length - 1));
  expect(wires.filter(({ kind }) => kind === "trunk")).toHaveLength(1);
});

test("things that want the same place stand beside each other in their order", () => {
  const items = [100, 100, 20].map((want) => ({ want, width: 40 }));
  expect(spread(items, 0, 200)).toEqual([100, 140, 180]);
  expect(spread(items, 0, 130)).toEqual([30, 70, 110]);
});

/**
 * Where things of the network stand: the host's card at the bottom like a keel, the other namespaces' cards in rows above it in the order of their birth, ports
 * on the borders that face each other, bridges as bars, wires at right angles in the channel between, the world outside below a water line. Pure.
 */
import type { LinkEnd, NetworkEntity } from "../../bridge/messages.ts";
import { cardHeight, drawCard, listNotes, orderBorder, type Slot, slotOf, spread, tellWhole } from "./card-layout.ts";
import { type CardShape, endKey, isWired, type NetworkInput, type NetworkShapes, type RackShape, textWidth, works } from "./shapes.ts";
import { listWires, routeWires, type Wire } from "./wire-layout.ts";

const EDGE = 20;
const GAP = 14;
const TRACK = 9;
const CARD_LEAST = 112;
/** Rows of cards drawn in full; the others stand in one rack above them. */
const ROWS_MOST = 2;
/** Cells of a rack that are drawn. */
const CELLS_MOST = 400;
const CELL = 11;

export function layoutNetwork(input: NetworkInput): NetworkShapes {
  const { networks, host } = input;
  const base = networks.find(({ ino }) => ino === host);
  const others = networks.filter((network) => network !== base);
  const columns = Math.max(1, Math.floor((input.width - 2 * EDGE - 40) / (CARD_LEAST + 6 + GAP)));
  const full = others.slice(0, columns * ROWS_MOST);
  const racked = others.slice(full.length);
  const wires = listWires(networks);
  const shown = new Set([...(base === undefined ? [] : [base.ino]), ...full.map(({ ino }) => ino)]);
  const drawn = wires.filter(({ from, to }) => shown.has(from.netNs) && shown.has(to.netNs));
  const trunk = wires.filter(({ from, to }) => shown.has(from.netNs) !== shown.has(to.netNs));
  const upper = placeCards(input, full, racked, drawn.length);
  const bottom = Math.max(
    EDGE - 8,
    ...upper.cards.map(({ y, height }) => y + height),
    upper.rack === undefined ? 0 : upper.rack.y + upper.rack.height,
  );
  const findX = new Map(upper.cards.flatMap(({ ports }) => ports.map((port) => [endKey(port.end), port.x] as const)));
  const border = base === undefined ? undefined : orderBorder(base, listHostSlots(base, drawn, trunk, shown, findX, upper.rack));
  const needed = (border?.slots ?? []).reduce((sum, { width }) => sum + width, 24);
  const room = Math.max(
    input.width - 2 * EDGE - upper.margin * 2,
    needed,
    ...upper.cards.map(({ x, width }) => x + width - EDGE - upper.margin),
  );
  const left = EDGE + upper.margin;
  const crossing = drawn.length + (trunk.length > 0 ? 1 : 0);
  const channel = upper.cards.length + (upper.rack === undefined ? 0 : 1) === 0 ? 10 : Math.max(58, 34 + crossing * TRACK);
  const hostHeight = base === undefined || border === undefined ? 0 : cardHeight(base, border, true);
  const cabled = networks.some(({ links }) => links.some(({ kind }) => kind === "uplink"));
  const tail = cabled ? 84 : EDGE;
  const spare = Math.max(0, input.height - bottom - channel - hostHeight - tail - 4);
  const hostY = bottom + channel + (channel > 10 ? Math.min(70, spare * 0.5) : 0);
  const cards = [...upper.cards];
  if (base !== undefined && border !== undefined) {
    const xs = spread(border.slots, left + 12, left + room - 12);
    cards.unshift(drawCard(base, border, xs, { x: left, y: hostY, width: room, title: input.nameOf(base.ino), host: true }));
  }
  const waterY = cabled ? hostY + hostHeight + 40 : undefined;
  const width = Math.max(input.width, left + room + upper.margin + EDGE);
  const shapes = { cards, rack: upper.rack, waterY, width, height: hostY + hostHeight + tail };
  return { ...shapes, wires: routeWires(shapes, drawn, trunk, { bottom, hostY, left, right: left + room }) };
}

/** Ports of the host that face the other cards; those that lead into the rack are one for each bridge. */
function listHostSlots(
  base: NetworkEntity,
  drawn: readonly Wire[],
  trunk: readonly Wire[],
  shown: ReadonlySet<number>,
  findX: ReadonlyMap<string, number>,
  rack: RackShape | undefined,
): readonly Slot[] {
  const slots: Slot[] = [];
  const bundles = new Map<number, Slot>();
  const racked = new Set(
    trunk
      .flatMap(({ from, to }) => [from, to])
      .filter(({ netNs }) => netNs === base.ino)
      .map(({ ifindex }) => ifindex),
  );
  const rackX = rack === undefined ? 0 : rack.x + rack.width / 2;
  let last = EDGE;
  for (const link of base.links) {
    if (!isWired(link, base.ino)) continue;
    if (racked.has(link.ifindex) && link.peer !== undefined && !shown.has(link.peer.netNs)) {
      const of = link.master ?? 0;
      const before = bundles.get(of);
      const count = (before?.count ?? 0) + 1;
      const slot = before ?? slotOf(base.ino, link, rackX);
      bundles.set(of, {
        ...slot,
        count,
        name: count === 1 ? link.name : `${count} × veth`,
        address: count === 1 ? slot.address : "",
        width: 92,
      });
      continue;
    }
    const want = findX.get(endKey(link.peer as LinkEnd)) ?? last + 60;
    last = want;
    slots.push(slotOf(base.ino, link, want));
  }
  // Where a macvlan elsewhere sits on a link of the host, that link shows here too.
  const tapped = new Set<number>();
  for (const { kind, from, to } of drawn) {
    const link = kind === "macvlan" && to.netNs === base.ino ? base.links.find(({ ifindex }) => ifindex === to.ifindex) : undefined;
    if (link === undefined || isWired(link, base.ino) || tapped.has(link.ifindex)) continue;
    tapped.add(link.ifindex);
    slots.push({ ...slotOf(base.ino, { ...link, addresses: [] }, findX.get(endKey(from)) ?? 0), address: "" });
  }
  return [...slots, ...bundles.values()];
}

interface Upper {
  readonly cards: readonly CardShape[];
  readonly rack: RackShape | undefined;
  /** Room at both sides for wires that come from the upper rows. */
  readonly margin: number;
}

/** Cards in rows; wires of all rows but the last go down at the sides. */
function placeCards(input: NetworkInput, full: readonly NetworkEntity[], racked: readonly NetworkEntity[], wires: number): Upper {
  const measured = full.map((network) => {
    const wired = network.links.filter((link) => isWired(link, network.ino));
    const border = orderBorder(
      network,
      wired.map((link) => slotOf(network.ino, link, link.ifindex)),
    );
    const title = input.nameOf(network.ino);
    const uplink = network.links.some(({ kind }) => kind === "uplink") ? 150 : 0;
    const words = Math.max(
      title.length * 7.8 + 34 + textWidth(tellWhole(network, false)),
      ...listNotes(network).map(({ text }) => textWidth(text) + 24),
    );
    const width = Math.max(
      CARD_LEAST,
      words,
      border.slots.reduce((sum, slot) => sum + slot.width, 12 + uplink),
    );
    return { network, border, title, width, height: cardHeight(network, border, false), uplink };
  });
  const total = measured.reduce((sum, { width }) => sum + width + GAP, 0);
  const oneRow = racked.length === 0 && total - GAP <= input.width - 2 * EDGE;
  const margin = oneRow ? 0 : Math.min(60, 10 + (wires / 2) * 5);
  const left = EDGE + margin;
  const right = Math.max(left + CARD_LEAST, input.width - EDGE - margin);
  const rows: (typeof measured)[] = [];
  let x = left;
  for (const card of measured) {
    if (rows.length === 0 || x + card.width > right) {
      rows.push([]);
      x = left;
    }
    rows.at(-1)?.push(card);
    x += card.width + GAP;
  }
  const cards: CardShape[] = [];
  const rack = racked.length === 0 ? undefined : placeRack(input, racked, EDGE - 4, { left, right });
  let y = rack === undefined ? EDGE - 4 : rack.y + rack.height + GAP;
  for (const row of rows) {
    const height = Math.max(...row.map((card) => card.height));
    x = left;
    for (const { network, border, title, width, uplink, height: own } of row) {
      const slack = width - uplink - border.slots.reduce((sum, slot) => sum + slot.width, 0);
      const first = x + slack / 2;
      let at = first;
      const xs = border.slots.map((slot) => {
        at += slot.width;
        return at - slot.width / 2;
      });
      // The ports of a row are at one height.
      cards.push(drawCard(network, border, xs, { x, y: y + height - own, width, title, host: false }));
      x += width + GAP;
    }
    const ports = row.reduce((sum, { border }) => sum + border.slots.length, 0);
    y += height + (row === rows.at(-1) ? 0 : 18 + ports * 6);
  }
  return { cards, margin, rack };
}

function placeRack(
  input: NetworkInput,
  racked: readonly NetworkEntity[],
  top: number,
  room: { readonly left: number; readonly right: number },
): RackShape {
  const columns = Math.max(1, Math.floor((room.right - room.left - 20) / CELL));
  const shown = racked.slice(0, CELLS_MOST);
  const rows = Math.ceil(shown.length / columns);
  const cells = shown.map((network, i) => ({
    ino: network.ino,
    x: room.left + 10 + (i % columns) * CELL,
    y: top + 24 + Math.floor(i / columns) * CELL,
    title: input.nameOf(network.ino),
    works: network.links.some((link) => link.kind !== "loopback" && works(link)),
  }));
  const title = `${racked.length} more namespaces`;
  return {
    x: room.left,
    y: top,
    width: room.right - room.left,
    height: 34 + rows * CELL,
    title,
    cells,
    left: racked.length - shown.length,
  };
}

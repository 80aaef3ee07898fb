/**
 * Where things of the network stand: the host's card at the bottom like a keel, the other namespaces' cards in rows above it in the order of their birth, ports
 * on the borders that face each other, bridges as bars, wires at right angles in the channel between, the world outside below a water line. Pure.
 */
import type { LinkEnd, LinkEntity, NetworkEntity } from "../../bridge/messages.ts";
import { tellState } from "./names.ts";

const EDGE = 20;
const GAP = 14;
const CHAR = 6.45;
const HEAD = 26;
const LABELS = 36;
const BAR = 17;
const NOTE = 15;
const TRACK = 9;
const CARD_LEAST = 112;
/** Rows of cards drawn in full; the others stand in one rack above them. */
const ROWS_MOST = 2;
/** Cells of a rack that are drawn. */
const CELLS_MOST = 400;
const CELL = 11;
const NOTES_MOST = 6;

export interface PortShape {
  readonly key: string;
  readonly end: LinkEnd;
  readonly link: LinkEntity;
  /** Middle of the port, on the border. */
  readonly x: number;
  readonly y: number;
  readonly name: string;
  readonly address: string;
  /** Baselines of the two. */
  readonly nameY: number;
  readonly addressY: number;
  /** Where the line to its bridge ends; absent for what is no port of a bridge. */
  readonly barY?: number;
  /** More than one, drawn as one. */
  readonly count: number;
}

export interface BarShape {
  readonly key: string;
  readonly end: LinkEnd;
  readonly link: LinkEntity;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Baseline of its address, above or below it. */
  readonly addressY: number;
}

export interface CardShape {
  readonly key: string;
  readonly network: NetworkEntity;
  readonly title: string;
  readonly host: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly headY: number;
  readonly ports: readonly PortShape[];
  readonly bars: readonly BarShape[];
  /** Links without a wire, and what else is to be said. */
  readonly notes: readonly { readonly key: string; readonly text: string; readonly x: number; readonly y: number; readonly off: boolean }[];
  /** What is to be said of it as a whole, in a word or two. */
  readonly state: string;
}

export type Point = readonly [number, number];

export interface WireShape {
  readonly key: string;
  readonly kind: "veth" | "macvlan" | "uplink" | "trunk";
  readonly from: LinkEnd;
  readonly to: LinkEnd;
  readonly points: readonly Point[];
  readonly works: boolean;
}

export interface RackShape {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly cells: readonly {
    readonly ino: number;
    readonly x: number;
    readonly y: number;
    readonly title: string;
    readonly works: boolean;
  }[];
  readonly left: number;
}

export interface NetworkShapes {
  readonly width: number;
  readonly height: number;
  readonly cards: readonly CardShape[];
  readonly wires: readonly WireShape[];
  readonly rack: RackShape | undefined;
  /** The world outside begins here; absent where no cable leads there. */
  readonly waterY: number | undefined;
}

export interface NetworkInput {
  /** The host first, then the others in their order. */
  readonly networks: readonly NetworkEntity[];
  readonly host: number | undefined;
  readonly nameOf: (ino: number) => string;
  readonly width: number;
  readonly height: number;
}

const textWidth = (text: string): number => text.length * CHAR;
export const endKey = ({ netNs, ifindex }: LinkEnd): string => `${netNs}.${ifindex}`;
const works = ({ up, carrier }: LinkEntity): boolean => up && carrier;
const isWired = ({ kind, peer }: LinkEntity, netNs: number): boolean =>
  (kind === "veth" && peer !== undefined) || (kind === "macvlan" && peer !== undefined && peer.netNs !== netNs);

/** A place on a border, before it has one. */
interface Slot {
  readonly end: LinkEnd;
  readonly link: LinkEntity;
  readonly width: number;
  readonly want: number;
  readonly count: number;
  readonly name: string;
  readonly address: string;
}

/** Puts things beside each other as near to where they want to be as their order and room let them. Returns their middles. */
export function spread(items: readonly { readonly want: number; readonly width: number }[], left: number, right: number): number[] {
  const at: number[] = [];
  let free = left;
  for (const { want, width } of items) {
    const x = Math.max(want, free + width / 2);
    at.push(x);
    free = x + width / 2;
  }
  let limit = Math.max(right, left + items.reduce((sum, { width }) => sum + width, 0));
  for (let i = items.length - 1; i >= 0; i--) {
    const half = (items[i]?.width ?? 0) / 2;
    at[i] = Math.min(at[i] ?? 0, limit - half);
    limit = (at[i] ?? 0) - half;
  }
  return at;
}

/** Addresses as they fit beside a port: the first, and how many more. */
function tellAddress({ addresses, addresses6 }: LinkEntity): string {
  const [first = addresses6[0] ?? ""] = addresses;
  const more = addresses.length + (addresses.length === 0 ? 0 : addresses6.length) - 1;
  return more > 0 ? `${first} +${more}` : first;
}

function slotOf(netNs: number, link: LinkEntity, want: number): Slot {
  const address = link.master === undefined ? tellAddress(link) : "";
  const width = Math.max(46, textWidth(link.name) + 16, textWidth(address) + 16);
  return { end: { netNs, ifindex: link.ifindex }, link, width, want, count: 1, name: link.name, address };
}

interface Border {
  /** In order along the border: ports of one bridge stand together. */
  readonly slots: readonly Slot[];
  readonly bridges: readonly LinkEntity[];
}

/** The ports of a card in their order, by bridge and by where they want to be. Bridges without ports have a place of their own. */
function orderBorder(network: NetworkEntity, slots: readonly Slot[]): Border {
  const bridges = network.links.filter(({ kind }) => kind === "bridge");
  const groups = new Map<number, Slot[]>();
  for (const bridge of bridges) groups.set(bridge.ifindex, []);
  for (const slot of slots) {
    const group = groups.get(slot.link.master ?? -slot.link.ifindex);
    if (group === undefined) groups.set(-slot.link.ifindex - (slot.count > 1 ? 1e6 : 0), [slot]);
    else group.push(slot);
  }
  const ordered = [...groups].map(([key, group]) => {
    const bridge = bridges.find(({ ifindex }) => ifindex === key);
    const inside = [...group].sort((a, b) => a.want - b.want || a.end.ifindex - b.end.ifindex);
    if (bridge !== undefined) widen(network, bridge, inside);
    return { inside, want: inside.reduce((sum, { want }) => sum + want, 0) / Math.max(1, inside.length) };
  });
  return { slots: ordered.sort((a, b) => a.want - b.want).flatMap(({ inside }) => inside), bridges };
}

/** Under its ports there must be room for a bridge's own words. */
function widen(network: NetworkEntity, bridge: LinkEntity, group: Slot[]): void {
  const needed = Math.max(textWidth(bridge.name) + textWidth(" bridge") + 20, textWidth(tellAddress(bridge)) + 16);
  const last = group.at(-1);
  if (last === undefined) {
    group.push({
      end: { netNs: network.ino, ifindex: bridge.ifindex },
      link: bridge,
      width: needed,
      want: 0,
      count: 0,
      name: "",
      address: "",
    });
    return;
  }
  const lacking = needed - group.reduce((sum, { width }) => sum + width, 0);
  if (lacking <= 0) return;
  const each = lacking / group.length;
  for (const [i, slot] of group.entries()) group[i] = { ...slot, width: slot.width + each };
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly title: string;
  readonly host: boolean;
}

/** Links that stand in the card as a line of text. */
function listNotes({ ino, links }: NetworkEntity): readonly { readonly key: string; readonly text: string; readonly off: boolean }[] {
  const plain = links.filter((link) => !["loopback", "bridge", "uplink"].includes(link.kind) && !isWired(link, ino));
  const told = plain.slice(0, NOTES_MOST).map((link) => ({
    key: `i${link.ifindex}`,
    text: [link.name, link.kind, tellAddress(link), works(link) ? "" : tellState(link)].filter((word) => word !== "").join(" "),
    off: !works(link),
  }));
  return plain.length > NOTES_MOST ? [...told, { key: "more", text: `and ${plain.length - NOTES_MOST} more links`, off: true }] : told;
}

function cardHeight(network: NetworkEntity, border: Border, host: boolean): number {
  const ports = border.slots.some(({ count }) => count > 0) ? LABELS : host ? 8 : 4;
  const uplink = !host && network.links.some(({ kind }) => kind === "uplink") ? LABELS - ports : 0;
  const bars = border.bridges.length > 0 ? BAR + 22 : 0;
  return HEAD + ports + Math.max(0, uplink) + bars + listNotes(network).length * NOTE + 8;
}

/** A loopback device that is down is worth a word, and forwarding where there is something to forward to. */
function tellWhole({ links, forwarding, rules }: NetworkEntity, host: boolean): string {
  const lo = links.find(({ kind }) => kind === "loopback");
  const ruled = rules === 0 ? "" : rules === 1 ? "1 rule" : `${rules} rules`;
  const words = [ruled, forwarding && (host || links.length > 2) ? "forwards" : "", lo?.up === false ? "lo down" : host ? "lo up" : ""];
  return words.filter((word) => word !== "").join(" · ");
}

/** Everything in a card, once its place and its ports' places along the border are known. */
function drawCard(network: NetworkEntity, border: Border, xs: readonly number[], place: Place): CardShape {
  const { x, y, width, title, host } = place;
  const height = cardHeight(network, border, host);
  const borderY = host ? y : y + height;
  const hasPorts = border.slots.some(({ count }) => count > 0);
  const barTop = host ? y + (hasPorts ? LABELS : 8) : y + height - (hasPorts ? LABELS : 4) - BAR;
  const ports: PortShape[] = [];
  const spans = new Map<number, [number, number]>();
  for (const [i, slot] of border.slots.entries()) {
    const at = xs[i] ?? x;
    const bridge = slot.count === 0 ? slot.link.ifindex : slot.link.master;
    if (bridge !== undefined) {
      const span = spans.get(bridge) ?? [at - slot.width / 2 + 5, 0];
      spans.set(bridge, [span[0], at + slot.width / 2 - 5]);
    }
    if (slot.count === 0) continue;
    ports.push({
      ...{ key: `p${endKey(slot.end)}`, end: slot.end, link: slot.link, x: at, y: borderY, name: slot.name, address: slot.address },
      ...{ nameY: borderY + (host ? 19 : slot.address === "" ? -11 : -23), addressY: borderY + (host ? 31 : -11), count: slot.count },
      ...(slot.link.master === undefined ? {} : { barY: host ? barTop : barTop + BAR }),
    });
  }
  const bars = border.bridges.flatMap((link): BarShape[] => {
    const span = spans.get(link.ifindex);
    if (span === undefined) return [];
    const end = { netNs: network.ino, ifindex: link.ifindex };
    const addressY = host ? barTop + BAR + 13 : barTop - 6;
    return [{ key: `b${endKey(end)}`, end, link, x: span[0], y: barTop, width: span[1] - span[0], height: BAR, addressY }];
  });
  const headY = host ? y + height - 10 : y + 17;
  const noteY = host ? barTop + (bars.length > 0 ? BAR + 30 : 14) : y + HEAD + 11;
  const notes = listNotes(network).map((note, i) => ({ ...note, x: x + 12, y: noteY + i * NOTE }));
  for (const [i, link] of network.links.filter(({ kind }) => kind === "uplink").entries()) {
    const end = { netNs: network.ino, ifindex: link.ifindex };
    const at = x + width - Math.max(60, textWidth(`${link.name} ${tellAddress(link)}`) / 2 + 16) - i * 150;
    const address = tellAddress(link);
    ports.push({
      ...{ key: `p${endKey(end)}`, end, link, x: at, y: y + height, name: link.name, address },
      ...{ nameY: y + height - (host ? 10 : 23), addressY: y + height - (host ? 10 : 11), count: 1 },
      ...(link.master === undefined ? {} : { barY: barTop + (host ? BAR : 0) }),
    });
  }
  return { key: `n${network.ino}`, network, title, host, x, y, width, height, headY, ports, bars, notes, state: tellWhole(network, host) };
}

interface Wire {
  readonly kind: WireShape["kind"];
  readonly from: LinkEnd;
  readonly to: LinkEnd;
  readonly works: boolean;
}

/** Each pair of ends once. */
function listWires(networks: readonly NetworkEntity[]): readonly Wire[] {
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

interface Channel {
  readonly bottom: number;
  readonly hostY: number;
  readonly left: number;
  readonly right: number;
}

type Drawn = Omit<NetworkShapes, "wires">;

function routeWires(
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

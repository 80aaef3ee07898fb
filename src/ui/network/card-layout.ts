/** A card of the network drawing: the order of the ports along its border, its height, and everything in it once its place is known. Pure. */
import type { LinkEnd, LinkEntity, NetworkEntity } from "../../bridge/messages.ts";
import { tellState } from "./names.ts";
import { type BarShape, type CardShape, endKey, isWired, type PortShape, textWidth, works } from "./shapes.ts";

const HEAD = 26;
const LABELS = 36;
const BAR = 17;
const NOTE = 15;
const NOTES_MOST = 6;

/** A place on a border, before it has one. */
export interface Slot {
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
export function tellAddress({ addresses, addresses6 }: LinkEntity): string {
  const [first = addresses6[0] ?? ""] = addresses;
  const more = addresses.length + (addresses.length === 0 ? 0 : addresses6.length) - 1;
  return more > 0 ? `${first} +${more}` : first;
}

export function slotOf(netNs: number, link: LinkEntity, want: number): Slot {
  const address = link.master === undefined ? tellAddress(link) : "";
  const width = Math.max(46, textWidth(link.name) + 16, textWidth(address) + 16);
  return { end: { netNs, ifindex: link.ifindex }, link, width, want, count: 1, name: link.name, address };
}

export interface Border {
  /** In order along the border: ports of one bridge stand together. */
  readonly slots: readonly Slot[];
  readonly bridges: readonly LinkEntity[];
}

/** The ports of a card in their order, by bridge and by where they want to be. Bridges without ports have a place of their own. */
export function orderBorder(network: NetworkEntity, slots: readonly Slot[]): Border {
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
  const needed = Math.max(textWidth(bridge.name) + textWidth(" bridge") + 32, textWidth(tellAddress(bridge)) + 16);
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

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly title: string;
  readonly host: boolean;
}

/** Links that stand in the card as a line of text. */
export function listNotes({
  ino,
  links,
}: NetworkEntity): readonly { readonly key: string; readonly text: string; readonly off: boolean }[] {
  const plain = links.filter((link) => !["loopback", "bridge", "uplink"].includes(link.kind) && !isWired(link, ino));
  const told = plain.slice(0, NOTES_MOST).map((link) => ({
    key: `i${link.ifindex}`,
    text: [link.name, link.kind, tellAddress(link), works(link) ? "" : tellState(link)].filter((word) => word !== "").join(" "),
    off: !works(link),
  }));
  return plain.length > NOTES_MOST ? [...told, { key: "more", text: `and ${plain.length - NOTES_MOST} more links`, off: true }] : told;
}

export function cardHeight(network: NetworkEntity, border: Border, host: boolean): number {
  const ports = border.slots.some(({ count }) => count > 0) ? LABELS : host ? 8 : 4;
  const uplink = !host && network.links.some(({ kind }) => kind === "uplink") ? LABELS - ports : 0;
  const bars = border.bridges.length > 0 ? BAR + 22 : 0;
  return HEAD + ports + Math.max(0, uplink) + bars + listNotes(network).length * NOTE + 8;
}

/** A loopback device that is down is worth a word, and forwarding where there is something to forward to. */
export function tellWhole({ links, forwarding, rules }: NetworkEntity, host: boolean): string {
  const lo = links.find(({ kind }) => kind === "loopback");
  const ruled = rules === 0 ? "" : rules === 1 ? "1 rule" : `${rules} rules`;
  const words = [ruled, forwarding && (host || links.length > 2) ? "forwards" : "", lo?.up === false ? "lo down" : host ? "lo up" : ""];
  return words.filter((word) => word !== "").join(" · ");
}

/** Everything in a card, once its place and its ports' places along the border are known. */
export function drawCard(network: NetworkEntity, border: Border, xs: readonly number[], place: Place): CardShape {
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
  const cables = ports.filter(({ link }) => link.kind === "uplink").map((port) => port.x - textWidth(`${port.name} ${port.address}`) / 2);
  const room = Math.min(x + width, ...cables) - x - 24 - title.length * 8;
  return {
    key: `n${network.ino}`,
    network,
    title,
    host,
    x,
    y,
    width,
    height,
    headY,
    ports,
    bars,
    notes,
    state: fitting(tellWhole(network, host), host ? room : width),
  };
}

/** As many of the words as there is room for, the first ones first. */
function fitting(words: string, room: number): string {
  const parts = words.split(" · ");
  while (parts.length > 0 && textWidth(parts.join(" · ")) > room) parts.pop();
  return parts.join(" · ");
}

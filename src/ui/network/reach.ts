/**
 * Who can reach whom, computed from what the namespaces have: addresses, routes of the main table, links that are up, bridges, forwarding. A packet is followed
 * from hop to hop, there and back. Not considered: rules of netfilter (filters, NAT), policy routing, rp_filter, IPv6, what is slow or lossy.
 */
import { parseIpv4, prefixMask } from "../../bridge/inet.ts";
import type { LinkEnd, LinkEntity, NetworkEntity, RouteEntity } from "../../bridge/messages.ts";

/** A loop of routes ends somewhere. */
const MAX_HOPS = 16;

export const NOT_CONSIDERED =
  "Computed from addresses, routes, bridges, links that are up, and forwarding. Not considered: rules of iptables and NAT, policy routing, rp_filter, IPv6.";

export type Reach =
  | { readonly kind: "both"; readonly address: string; readonly by: readonly number[] }
  /** It gets there, and the answer does not get back. */
  | { readonly kind: "one way"; readonly address: string; readonly by: readonly number[]; readonly why: string }
  | { readonly kind: "none"; readonly why: string };

type Networks = ReadonlyMap<number, NetworkEntity>;

interface Trace {
  /** Namespaces on the way, without the first. */
  readonly by: readonly number[];
  /** Address that it is sent from. */
  readonly src: number | undefined;
  /** Absent: it arrived. */
  readonly why?: string;
}

const bare = (address: string): string => address.slice(0, address.indexOf("/"));
const works = (link: LinkEntity): boolean => link.up && link.carrier;

/** What is asked for again and again of one namespace; entities never change. */
interface Index {
  readonly links: ReadonlyMap<number, LinkEntity>;
  readonly ports: ReadonlyMap<number, readonly number[]>;
  readonly addresses: ReadonlySet<number>;
}

const indices = new WeakMap<NetworkEntity, Index>();

function indexOf(network: NetworkEntity): Index {
  let index = indices.get(network);
  if (index === undefined) {
    const ports = new Map<number, number[]>();
    for (const { ifindex, master } of network.links) {
      if (master === undefined) continue;
      const list = ports.get(master);
      if (list === undefined) ports.set(master, [ifindex]);
      else list.push(ifindex);
    }
    const addresses = network.links.filter(({ up }) => up).flatMap((link) => link.addresses.map((text) => parseIpv4(bare(text)) ?? 0));
    index = { links: new Map(network.links.map((link) => [link.ifindex, link])), ports, addresses: new Set(addresses) };
    indices.set(network, index);
  }
  return index;
}

function findLink(networks: Networks, { netNs, ifindex }: LinkEnd): LinkEntity | undefined {
  const network = networks.get(netNs);
  return network === undefined ? undefined : indexOf(network).links.get(ifindex);
}

function findRoute({ routes }: NetworkEntity, dst: number): RouteEntity | undefined {
  let best: RouteEntity | undefined;
  let length = -1;
  for (const route of routes) {
    const [prefix = "", bits = "32"] = route.dst === "default" ? ["0.0.0.0", "0"] : route.dst.split("/");
    const mask = prefixMask(Number(bits));
    if (((dst & mask) ^ ((parseIpv4(prefix) ?? 0) & mask)) !== 0) continue;
    if (Number(bits) < length || (Number(bits) === length && route.metric >= (best?.metric ?? Number.POSITIVE_INFINITY))) continue;
    best = route;
    length = Number(bits);
  }
  return best;
}

/** Macvlans of other namespaces, by the link that they sit on. */
function findMacvlans(networks: Networks): ReadonlyMap<string, readonly LinkEnd[]> {
  const found = new Map<string, LinkEnd[]>();
  for (const [netNs, { links }] of networks) {
    for (const { kind, peer, ifindex } of links) {
      if (kind !== "macvlan" || peer === undefined) continue;
      const key = `${peer.netNs}.${peer.ifindex}`;
      found.set(key, [...(found.get(key) ?? []), { netNs, ifindex }]);
    }
  }
  return found;
}

/** All links that a frame sent out of one gets to: through wires and bridges. */
export function findSegment(networks: Networks, from: LinkEnd): { readonly ends: readonly LinkEnd[]; readonly outside: boolean } {
  const seen = new Set<string>();
  const ends: LinkEnd[] = [];
  let outside = false;
  const macvlans = findMacvlans(networks);
  const open: LinkEnd[] = [];
  const visit = (end: LinkEnd): void => {
    const key = `${end.netNs}.${end.ifindex}`;
    const link = findLink(networks, end);
    if (seen.has(key) || link === undefined || !works(link)) return;
    seen.add(key);
    open.push(end);
    ends.push(end);
  };
  visit(from);
  for (let end = open.pop(); end !== undefined; end = open.pop()) {
    const { netNs } = end;
    const link = findLink(networks, end);
    if (link === undefined) continue;
    if (link.kind === "uplink") outside = true;
    if (link.peer !== undefined) visit(link.peer);
    if (link.master !== undefined) visit({ netNs, ifindex: link.master });
    const network = networks.get(netNs);
    for (const ifindex of (network === undefined ? undefined : indexOf(network).ports.get(link.ifindex)) ?? []) visit({ netNs, ifindex });
    for (const upper of macvlans.get(`${netNs}.${end.ifindex}`) ?? []) visit(upper);
  }
  return { ends, outside };
}

/** Follows a packet to an address. */
function follow(networks: Networks, from: number, dst: number, text: string, nameOf: (ino: number) => string): Trace {
  const by: number[] = [];
  let src: number | undefined;
  let at = networks.get(from);
  for (let hops = 0; at !== undefined && hops < MAX_HOPS; hops++) {
    const here = at;
    const name = hops === 0 ? "It" : nameOf(here.ino);
    if (indexOf(here).addresses.has(dst)) return { by, src: src ?? dst };
    if (hops > 0 && !here.forwarding) return { by, src, why: `${name} does not forward: net.ipv4.ip_forward is 0` };
    const route = findRoute(here, dst);
    if (route === undefined) return { by, src, why: `${name} has no route to ${text}` };
    if (route.type !== "unicast") return { by, src, why: `${name} has the route ${text} as ${route.type}` };
    const out = here.links.find(({ ifindex }) => ifindex === route.dev);
    if (out === undefined || !works(out))
      return { by, src, why: `${out?.name ?? "the link"} of ${nameOf(here.ino)} is ${out?.up === true ? "without carrier" : "down"}` };
    src ??= parseIpv4(route.src ?? bare(out.addresses[0] ?? "0.0.0.0/0"));
    const next = route.gateway === undefined ? dst : parseIpv4(route.gateway);
    const { ends, outside } = findSegment(networks, { netNs: here.ino, ifindex: out.ifindex });
    const owner = ends.find(
      (end) =>
        end.netNs !== here.ino &&
        findLink(networks, end)?.master === undefined &&
        next !== undefined &&
        indexOf(networks.get(end.netNs) as NetworkEntity).addresses.has(next),
    );
    if (owner === undefined) {
      const asked = route.gateway ?? text;
      return {
        by,
        src,
        why: outside
          ? `it is sent to the world outside, by ${out.name} of ${nameOf(here.ino)}`
          : `nobody on ${out.name} of ${nameOf(here.ino)} has ${asked}`,
      };
    }
    by.push(owner.netNs);
    at = networks.get(owner.netNs);
  }
  return { by, src, why: "its way goes round in a circle" };
}

/** Whether `from` can reach some address of `to`, and gets an answer. */
export function findReach(networks: Networks, from: number, to: number, nameOf: (ino: number) => string): Reach {
  const target = networks.get(to);
  const addresses = target?.links.filter(({ kind }) => kind !== "loopback").flatMap((link) => link.addresses.map(bare)) ?? [];
  let answer: Reach = { kind: "none", why: "it has no address" };
  for (const address of addresses) {
    const there = follow(networks, from, parseIpv4(address) ?? 0, address, nameOf);
    if (there.why !== undefined) {
      if (answer.kind === "none") answer = { kind: "none", why: there.why };
      continue;
    }
    const source = there.src;
    const back =
      source === undefined || source === 0 ? { why: "it has no address to be answered at" } : answerTo(networks, to, source, nameOf);
    if (back.why === undefined) return { kind: "both", address, by: there.by };
    if (answer.kind === "none") answer = { kind: "one way", address, by: there.by, why: back.why };
  }
  return answer;
}

function answerTo(networks: Networks, from: number, dst: number, nameOf: (ino: number) => string): { readonly why?: string } {
  const text = [24, 16, 8, 0].map((shift) => (dst >>> shift) & 255).join(".");
  const { why } = follow(networks, from, dst, text, nameOf);
  return why === undefined ? {} : { why: `no way back: ${why.replace(/^It /, `${nameOf(from)} `)}` };
}

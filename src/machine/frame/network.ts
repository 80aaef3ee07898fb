/**
 * Networks, for frames: links, addresses and routes of each namespace are described anew only where its version has grown; counters are compared a few
 * times a second, and only those that moved are sent.
 */

import { formatIpv4, formatIpv6, formatMac } from "../../abi/inet.ts";
import type { Delta, LinkCounters, LinkEnd, LinkEntity, NetworkEntity, RouteEntity } from "../../bridge/messages.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { NetDevice } from "../../kernel/net/device.ts";
import { UplinkDevice } from "../../kernel/net/devices/uplink.ts";
import { type FibRoute, fibOf } from "../../kernel/net/ipv4/fib.ts";
import { ipv4Conf } from "../../kernel/net/ipv4/in-device.ts";
import { RT_SCOPE_LINK, RT_TABLE_MAIN, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNREACHABLE } from "../../kernel/net/ipv4/route-types.ts";
import { ipv6Addresses } from "../../kernel/net/ipv6/addresses.ts";
import { NetNamespace } from "../../kernel/net/net-namespace.ts";

/** Frames from one comparison to the next: some ten comparisons a second. */
const EVERY_FRAMES = 6;
/** Links, routes and addresses of one namespace that are told: a page draws no more. */
const MAX_TOLD = 1000;

interface Seen {
  readonly version: number;
  readonly name: string;
  /** Undefined where there is nothing to show. */
  readonly entity: NetworkEntity | undefined;
}

export class NetworkSource {
  private readonly seen = new Map<number, Seen>();
  private readonly counted = new WeakMap<NetDevice, { readonly ns: NetNamespace; readonly moved: number }>();
  private frames = 0;
  /** Of the namespaces alive, of all networks, of the mounts that pin: when they were last looked at. */
  private looked = "";
  private names: ReadonlyMap<number, string> = new Map();

  constructor(private readonly kernel: Kernel) {}

  collect(): { readonly networks?: Delta<NetworkEntity>; readonly linkCounters?: readonly LinkCounters[] } {
    if (this.frames++ % EVERY_FRAMES !== 0) return {};
    const networks = this.compareNetworks();
    const linkCounters = this.compareCounters();
    return { ...(networks === undefined ? {} : { networks }), ...(linkCounters.length === 0 ? {} : { linkCounters }) };
  }

  private *namespaces(): IterableIterator<NetNamespace> {
    for (const ns of this.kernel.initUserNs.live.all()) if (ns instanceof NetNamespace) yield ns;
  }

  private compareNetworks(): Delta<NetworkEntity> | undefined {
    const { live } = this.kernel.initUserNs;
    const mntNs = this.kernel.init?.leader.mntNs;
    const [first] = this.namespaces();
    const state = `${live.version} ${first?.core.version} ${mntNs?.size}`;
    if (state === this.looked) return undefined;
    this.looked = state;
    this.names = findNames(this.kernel);
    const upsert: NetworkEntity[] = [];
    const remove: number[] = [];
    const alive = new Set<number>();
    for (const ns of this.namespaces()) {
      alive.add(ns.ino);
      const before = this.seen.get(ns.ino);
      const name = this.names.get(ns.ino) ?? "";
      if (before !== undefined && before.version === ns.version && before.name === name) continue;
      const entity = isShown(ns) ? describeNetwork(ns, name) : undefined;
      this.seen.set(ns.ino, { version: ns.version, name, entity });
      if (entity !== undefined) upsert.push(entity);
      else if (before?.entity !== undefined) remove.push(ns.ino);
    }
    for (const [ino, { entity }] of this.seen) {
      if (alive.has(ino)) continue;
      this.seen.delete(ino);
      if (entity !== undefined) remove.push(ino);
    }
    return upsert.length + remove.length === 0 ? undefined : { upsert, remove };
  }

  private compareCounters(): LinkCounters[] {
    const told: LinkCounters[] = [];
    for (const ns of this.namespaces()) {
      for (const dev of ns.devices.values()) {
        const { rxPackets, rxBytes, rxDropped, txPackets, txBytes, txDropped } = dev.stats;
        const moved = rxPackets + txPackets + rxDropped + txDropped;
        const before = this.counted.get(dev);
        if (before === undefined ? moved === 0 : before.moved === moved && before.ns === ns) continue;
        this.counted.set(dev, { ns, moved });
        told.push({ netNs: ns.ino, ifindex: dev.ifindex, rxPackets, rxBytes, rxDropped, txPackets, txBytes, txDropped });
      }
    }
    return told;
  }
}

/** The names under which namespaces are pinned, as the first process sees them. */
function findNames(kernel: Kernel): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const mount of kernel.init?.leader.mntNs.mounts ?? []) {
    if (mount.sb.fstype === "nsfs" && mount.mountpoint !== undefined) names.set(mount.root.inode.ino, mount.mountpoint.name);
  }
  return names;
}

/** A namespace that nobody has given anything is told of in the namespaces' own view. */
function isShown(ns: NetNamespace): boolean {
  return ns === ns.core.initNs || ns.devices.size > 1 || ns.loopback.up;
}

function describeNetwork(ns: NetNamespace, name: string): NetworkEntity {
  const main = fibOf(ns).tables.get(RT_TABLE_MAIN);
  return {
    ino: ns.ino,
    name,
    links: [...ns.devices.values()].slice(0, MAX_TOLD).map(describeLink),
    routes: (main?.all() ?? []).slice(0, MAX_TOLD).map(describeRoute),
    forwarding: ns.part(ipv4Conf).all.forwarding !== 0,
    rules: ns.netfilter?.ruleCount ?? 0,
  };
}

const KINDS = new Set(["veth", "bridge", "dummy", "macvlan"]);

function kindOf(dev: NetDevice): LinkEntity["kind"] {
  if (dev.isLoopback) return "loopback";
  if (dev instanceof UplinkDevice) return "uplink";
  return KINDS.has(dev.kind ?? "") ? (dev.kind as LinkEntity["kind"]) : "other";
}

function describeLink(dev: NetDevice): LinkEntity {
  const { link } = dev;
  return {
    ifindex: dev.ifindex,
    name: dev.name,
    kind: kindOf(dev),
    mac: formatMac(dev.mac),
    mtu: dev.mtu,
    up: dev.up,
    carrier: dev.carrier,
    ...(dev.master === undefined ? {} : { master: dev.master.ifindex }),
    ...(link === dev ? {} : { peer: endOf(link) }),
    addresses: (dev.ip?.addresses ?? []).map(({ local, prefixLength }) => `${formatIpv4(local)}/${prefixLength}`),
    addresses6: ipv6Addresses(dev)
      .filter(({ scope }) => scope !== RT_SCOPE_LINK)
      .map(({ addr, prefixLength }) => `${formatIpv6(addr)}/${prefixLength}`),
  };
}

/** A link as the page knows it. */
export function endOf(dev: NetDevice): LinkEnd {
  return { netNs: dev.ns.ino, ifindex: dev.ifindex };
}

const ROUTE_TYPES: Readonly<Record<number, RouteEntity["type"]>> = {
  [RTN_BLACKHOLE]: "blackhole",
  [RTN_UNREACHABLE]: "unreachable",
  [RTN_PROHIBIT]: "prohibit",
};

function describeRoute(route: FibRoute): RouteEntity {
  const { prefix, prefixLength, gateway, dev, prefSrc } = route;
  return {
    dst: prefixLength === 0 ? "default" : `${formatIpv4(prefix)}${prefixLength === 32 ? "" : `/${prefixLength}`}`,
    ...(gateway === 0 ? {} : { gateway: formatIpv4(gateway) }),
    ...(dev === undefined ? {} : { dev: dev.ifindex }),
    metric: route.priority,
    ...(prefSrc === 0 ? {} : { src: formatIpv4(prefSrc) }),
    type: ROUTE_TYPES[route.type] ?? "unicast",
  };
}

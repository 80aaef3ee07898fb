/**
 * Whom a network namespace reaches: asked for each address of the others, for each TCP port that somebody listens at, and for each port that a rule sends
 * elsewhere (a published port), by packets that leave no trace (`kernel/net/probe.ts`).
 */

import { formatIpv4, IPPROTO_TCP } from "../abi/inet.ts";
import type { ReachRewrite, ReachWay } from "../bridge/messages.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { TCP_STATE_NUMBER } from "../kernel/net/ipv4/tcp/constants.ts";
import { tcpEntries } from "../kernel/net/ipv4/tcp/describe.ts";
import type { RuleVisit } from "../kernel/net/netfilter/hooks.ts";
import { firewallOf } from "../kernel/net/netfilter/netfilter.ts";
import { NetNamespace } from "../kernel/net/net-namespace.ts";
import { haltedAt, probe, type Question, tellHalt } from "../kernel/net/probe.ts";
import type { Ipv4Header, SkBuff } from "../kernel/net/skb.ts";
import { requireAddress } from "./world/host.ts";

/** Namespaces that are asked about. */
const TARGETS_MOST = 60;
const ADDRESSES_MOST = 3;
const PORTS_MOST = 4;
const PUBLISHED_MOST = 24;
/** A host of the world outside that answers pings: example.com. */
const OUTSIDE = requireAddress("203.0.113.10");

export function findWays(kernel: Kernel, from: NetNamespace): ReachWay[] {
  const { live } = kernel.initUserNs;
  const all = [...live.all()].filter((ns) => ns instanceof NetNamespace);
  const numberOf = (ns: NetNamespace): number => (live.find(ns.ino) === ns ? ns.ino : 0);
  const ways: ReachWay[] = [];
  const ask = (question: Question, to?: NetNamespace): ReachWay => tell(from, question, to, numberOf);
  for (const to of all.slice(0, TARGETS_MOST)) {
    if (to === from) continue;
    const asked = addressesOf(to).map((dst) => ask({ dst }, to));
    ways.push(...asked);
    const best = asked.find(({ state }) => state === "answered") ?? asked[0];
    if (best === undefined) continue;
    for (const port of portsOf(to)) ways.push(ask({ dst: requireAddress(best.dst), port }, to));
  }
  for (const question of publishedPorts(all)) {
    const way = ask(question);
    if (way.rewrites.some(({ what }) => what === "DNAT") && !ways.some(({ protocol, dst }) => protocol === "tcp" && dst === way.dst))
      ways.push(way);
  }
  if (all.some((ns) => ns.core.namespaces.size > all.length)) ways.push({ ...ask({ dst: OUTSIDE }), to: 0 });
  return ways;
}

function addressesOf(ns: NetNamespace): readonly number[] {
  const found: number[] = [];
  for (const dev of ns.devices.values()) if (!dev.isLoopback) for (const { local } of dev.ip?.addresses ?? []) found.push(local);
  return found.slice(0, ADDRESSES_MOST);
}

function portsOf(ns: NetNamespace): readonly number[] {
  const found = new Set<number>();
  for (const { state, localAddr, localPort } of tcpEntries(ns)) {
    // Listeners come first.
    if (state !== TCP_STATE_NUMBER.LISTEN) break;
    if (typeof localAddr === "number" && localAddr >>> 24 !== 127) found.add(localPort);
  }
  return [...found].slice(0, PORTS_MOST);
}

/** Ports that some rule sends elsewhere, at each address of the host that has the rule. */
function publishedPorts(all: readonly NetNamespace[]): readonly Question[] {
  const found: Question[] = [];
  for (const ns of all) {
    const chains = ns.netfilter === undefined ? [] : (firewallOf(ns).tables.get("nat")?.read().chains ?? []);
    for (const { rules } of chains) {
      for (const { target, protocol, matches, dst } of rules) {
        if ((target.name !== "DNAT" && target.name !== "REDIRECT") || protocol?.number !== IPPROTO_TCP) continue;
        const port = matches.flatMap(({ options }) => options).find(({ name, invert }) => name === "dport" && !invert)?.values[0];
        if (port === undefined || !/^\d+$/.test(port)) continue;
        const addresses = dst !== undefined && dst.mask === 0xffff_ffff && !dst.invert ? [dst.addr] : addressesOf(ns);
        for (const addr of addresses) found.push({ dst: addr, port: Number(port) });
      }
    }
  }
  return found.slice(0, PUBLISHED_MOST);
}

function tell(from: NetNamespace, question: Question, to: NetNamespace | undefined, numberOf: (ns: NetNamespace) => number): ReachWay {
  const { there, back } = probe(from, question);
  const end = there.at === undefined || there.halt !== undefined ? there.halt : back?.at === from ? undefined : back?.halt;
  const state = back?.at === from ? "answered" : there.at !== undefined && there.halt === undefined ? "there" : "none";
  const by = there.by.map(numberOf).filter((ino, i, list) => ino !== list[i - 1]);
  return {
    to: numberOf(there.at ?? to ?? there.by.at(-1) ?? from),
    protocol: question.port === undefined ? "icmp" : "tcp",
    dst: `${formatIpv4(question.dst)}${question.port === undefined ? "" : `:${question.port}`}`,
    state,
    ...(state === "answered" || end === undefined
      ? {}
      : { halt: { netNs: numberOf(haltedAt(end)), words: tellHalt(end), byRule: end.kind === "rule" } }),
    by,
    rewrites: there.rewrites.flatMap((visit) => tellRewrite(visit, numberOf)),
  };
}

function tellRewrite({ ns, table, chain, rule, target, from, to }: RuleVisit, numberOf: (ns: NetNamespace) => number): ReachRewrite[] {
  if (from === undefined || to === undefined) return [];
  const [source, destination] = [endOf(from, to, "src"), endOf(from, to, "dst")];
  const what = destination[0] === destination[1] ? "SNAT" : "DNAT";
  const [before, after] = what === "SNAT" ? source : destination;
  return [{ netNs: numberOf(ns), what, rule: `${table} ${chain} ${rule} (${target})`, before, after }];
}

/** One end before and after; a source's port is named where it is another one. */
function endOf(from: SkBuff, to: SkBuff, side: "src" | "dst"): readonly [string, string] {
  const port = ({ transport }: SkBuff): number =>
    transport.kind === "tcp" || transport.kind === "udp" ? (side === "src" ? transport.srcPort : transport.dstPort) : 0;
  const named = side === "dst" ? port(from) + port(to) > 0 : port(from) !== port(to);
  const text = (skb: SkBuff): string => `${formatIpv4((skb.network as Ipv4Header)[side])}${named ? `:${port(skb)}` : ""}`;
  return [text(from), text(to)];
}

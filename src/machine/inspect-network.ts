/** What a network namespace has besides links and routes, told when somebody asks: neighbours, sockets that listen, rules, and whom it reaches. */

import { ENOENT } from "../abi/errno.ts";
import { formatIpv4, formatIpv6, formatMac } from "../abi/inet.ts";
import { groupsOfIp6 } from "../kernel/net/ipv6/ip6.ts";
import type { Answer, Query } from "../bridge/messages.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { NUD_NOARP } from "../kernel/net/ipv4/neighbour.ts";
import { TCP_STATE_NUMBER } from "../kernel/net/ipv4/tcp/constants.ts";
import { tcpEntries } from "../kernel/net/ipv4/tcp/describe.ts";
import { udpTable } from "../kernel/net/ipv4/udp.ts";
import { NetNamespace } from "../kernel/net/net-namespace.ts";
import { conntrackOf } from "../kernel/net/netfilter/conntrack.ts";
import { firewallOf } from "../kernel/net/netfilter/netfilter.ts";
import { ruleText } from "../userland/iptables/show.ts";
import { findWays } from "./inspect-reach.ts";

/** Of each list. */
const MAX_TOLD = 500;

/** Errors: ENOENT where there is no such namespace. */
export function inspectNetwork(kernel: Kernel, query: Extract<Query, { kind: "network" | "reach" }>): Answer {
  const ns = kernel.initUserNs.live.find(query.kind === "network" ? query.netNs : query.from);
  if (!(ns instanceof NetNamespace)) throw ENOENT;
  if (query.kind === "reach") return { kind: "reach", ways: findWays(kernel, ns) };
  return {
    kind: "network",
    neighbours: [...listNeighbours(ns)].slice(0, MAX_TOLD),
    listening: listListening(ns).slice(0, MAX_TOLD),
    rules: [...listRules(ns)].slice(0, MAX_TOLD),
    connections: ns.netfilter === undefined ? 0 : conntrackOf(ns).entries.size,
  };
}

/** In the words of iptables-save, without what every table has. */
function* listRules(ns: NetNamespace): Iterable<string> {
  if (ns.netfilter === undefined) return;
  for (const table of firewallOf(ns).tables.values()) {
    const { table: name, chains } = table.read();
    for (const { name: chain, policy } of chains) if (policy === "DROP") yield `${name} -P ${chain} DROP`;
    for (const { name: chain, rules } of chains) for (const rule of rules) yield `${name} ${ruleText(chain, rule, false)}`;
  }
}

/** In the words of `ip neighbour`. */
function* listNeighbours(ns: NetNamespace): Iterable<string> {
  for (const dev of ns.devices.values()) {
    for (const [addr, { mac, state, stateName }] of dev.ip?.neighbours ?? []) {
      if ((state & NUD_NOARP) !== 0 || state === 0) continue;
      yield `${formatIpv4(addr)} dev ${dev.name}${mac === 0 ? "" : ` lladdr ${formatMac(mac)}`} ${stateName}`;
    }
  }
}

function listListening(ns: NetNamespace): readonly string[] {
  const told = new Set<string>();
  const end = (addr: number | string, port: number): string =>
    `${addr === 0 ? "*" : typeof addr === "number" ? formatIpv4(addr) : `[${formatIpv6(groupsOfIp6(addr))}]`}:${port}`;
  for (const { state, localAddr, localPort } of tcpEntries(ns)) {
    // Listeners come first.
    if (state !== TCP_STATE_NUMBER.LISTEN) break;
    told.add(`tcp ${end(localAddr, localPort)}`);
  }
  for (const sock of udpTable(ns).socks) if (!sock.connected) told.add(`udp ${end(sock.rcvSaddr, sock.localPort)}`);
  return [...told];
}

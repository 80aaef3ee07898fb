/** What a network namespace has besides links and routes, told when somebody asks: neighbours, and sockets that listen. */

import { ENOENT } from "../abi/errno.ts";
import { formatIpv4, formatMac } from "../abi/inet.ts";
import type { Answer } from "../bridge/messages.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { NUD_NOARP } from "../kernel/net/ipv4/neighbour.ts";
import { TCP_STATE_NUMBER } from "../kernel/net/ipv4/tcp/constants.ts";
import { tcpEntries } from "../kernel/net/ipv4/tcp/describe.ts";
import { udpTable } from "../kernel/net/ipv4/udp.ts";
import { NetNamespace } from "../kernel/net/net-namespace.ts";

/** Of each list. */
const MAX_TOLD = 500;

/** Errors: ENOENT where there is no such namespace. */
export function describeNetworking(kernel: Kernel, ino: number): Answer {
  const ns = kernel.initUserNs.live.find(ino);
  if (!(ns instanceof NetNamespace)) throw ENOENT;
  return { kind: "network", neighbours: [...listNeighbours(ns)].slice(0, MAX_TOLD), listening: listListening(ns).slice(0, MAX_TOLD) };
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
  const end = (addr: number, port: number): string => `${addr === 0 ? "*" : formatIpv4(addr)}:${port}`;
  for (const { state, localAddr, localPort } of tcpEntries(ns)) {
    // Listeners come first.
    if (state !== TCP_STATE_NUMBER.LISTEN) break;
    told.add(`tcp ${end(localAddr, localPort)}`);
  }
  for (const sock of udpTable(ns).socks) if (!sock.connected) told.add(`udp ${end(sock.rcvSaddr, sock.localPort)}`);
  return [...told];
}

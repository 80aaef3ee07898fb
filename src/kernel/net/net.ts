/** The network as a whole: puts its parts together, once for each machine. It comes as a module: `module.ts` is what the rest of the kernel sees of it. */

import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "../../abi/inet.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET } from "../../abi/socket.ts";
import { findModule, type Module, requestModule } from "../task/module.ts";
import type { System } from "../task/system.ts";
import { type InetProtocol, NetCore, type NetWiring } from "./core.ts";
import { deviceIoctl } from "./dev-ioctl.ts";
import { exitNamespace, netifReceiveSkb, openDevice, registerDevice } from "./dev.ts";
import { bridgeEvent } from "./devices/bridge.ts";
import { macvlanEvent } from "./devices/macvlan.ts";
import { LoopbackDevice } from "./devices/loopback.ts";
import { arpReceive } from "./ipv4/arp.ts";
import { inetdevEvent } from "./ipv4/devinet.ts";
import { dropFragments } from "./ipv4/fragment.ts";
import { icmpProtocol } from "./ipv4/icmp.ts";
import { inetFamily } from "./ipv4/inet-family.ts";
import { ipReceive } from "./ipv4/input.ts";
import { pingSockets } from "./ipv4/ping.ts";
import { rawSockets } from "./ipv4/raw.ts";
import { tcpProtocol } from "./ipv4/tcp/protocol.ts";
import { exitTcp } from "./ipv4/tcp/table.ts";
import { udpProtocol } from "./ipv4/udp.ts";
import { addrconfEvent } from "./ipv6/addresses.ts";
import { icmp6Protocol } from "./ipv6/icmp.ts";
import { ip6Receive } from "./ipv6/input.ts";
import { NET, type NetModule } from "./module.ts";
import { NetNamespace } from "./net-namespace.ts";
import { packetEvent, packetFamily } from "./packet/packet-socket.ts";
import { announceConnections } from "./netfilter/ctnetlink.ts";
import { exitNetfilter, masqueradeEvent } from "./netfilter/netfilter.ts";
import { netfilterOptions } from "./netfilter/sockopt.ts";
import { forgetNamespace } from "./netlink/nsid.ts";
import { netlinkProtocols } from "./netlink/protocols.ts";
import { rtnetlinkEvent, rtnlNotifier } from "./netlink/rtnetlink.ts";
import { netlinkFamily } from "./netlink/socket.ts";
import type { SocketFamily } from "./socket.ts";

const wiring: NetWiring = {
  notifiers: [bridgeEvent, macvlanEvent, inetdevEvent, addrconfEvent, masqueradeEvent, packetEvent, rtnetlinkEvent],
  packetTypes: new Map([
    [ETH_P_IP, ipReceive],
    [ETH_P_ARP, arpReceive],
    [ETH_P_IPV6, ip6Receive],
  ]),
  inetProtocols: new Map<number, InetProtocol>([
    [IPPROTO_ICMP, icmpProtocol],
    [IPPROTO_TCP, tcpProtocol],
    [IPPROTO_UDP, udpProtocol],
  ]),
  inet6Protocols: new Map<number, InetProtocol>([
    [IPPROTO_ICMPV6, icmp6Protocol],
    [IPPROTO_TCP, tcpProtocol],
    [IPPROTO_UDP, udpProtocol],
  ]),
  raw: rawSockets,
  ping: pingSockets,
  netfilterOptions,
};

const families: ReadonlyMap<number, SocketFamily> = new Map<number, SocketFamily>([
  [AF_INET, inetFamily(AF_INET)],
  [AF_INET6, inetFamily(AF_INET6)],
  [AF_PACKET, packetFamily],
  [AF_NETLINK, netlinkFamily(netlinkProtocols)],
]);

export const netModule: Module<NetModule> = {
  init(system) {
    const core = new NetCore(system, wiring, netifReceiveSkb);
    core.rtnl = rtnlNotifier;
    setupNamespace(core, system.initNetNs as NetNamespace);
    const newNamespace: NetModule["newNamespace"] = (ino, userNs) => setupNamespace(core, new NetNamespace(system, ino, userNs));
    return { core, families, deviceIoctl, newNamespace };
  },
};

/** The network of a machine; sets it up if nobody has used it before. */
export function netCoreOf(system: System): NetCore {
  return requestModule(system, NET).core;
}

/** The network of a machine, if it was used before. */
export function findNetCore(system: System): NetCore | undefined {
  return findModule(system, NET)?.core;
}

/** setup_net(): a namespace gets its loopback device, which is down. The first one is the initial one. */
function setupNamespace(core: NetCore, ns: NetNamespace): NetNamespace {
  ns.core = core;
  core.namespaces.add(ns);
  ns.exit = () => {
    exitTcp(ns);
    exitNamespace(ns);
    dropFragments(ns);
    exitNetfilter(ns);
    forgetNamespace(ns);
  };
  ns.loopback = new LoopbackDevice(ns);
  registerDevice(ns.loopback, "lo");
  announceConnections(ns);
  return ns;
}

/** For worlds outside of the machine: a namespace that no task is in, so that nothing in the machine sees it, with its loopback device up. */
export function newWorldNamespace({ core, newNamespace }: NetModule): NetNamespace {
  // Its number is no inode number of nsfs.
  const ns = newNamespace(core.namespaces.size, core.system.initUserNs);
  openDevice(ns.loopback);
  return ns;
}

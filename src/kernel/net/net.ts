/** The network as a whole: puts its parts together, once for each machine. */

import { ETH_P_ARP, ETH_P_IP, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../abi/inet.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { System } from "../task/system.ts";
import { type InetProtocol, NetCore, type NetWiring } from "./core.ts";
import { exitNamespace, netifReceiveSkb, openDevice, registerDevice } from "./dev.ts";
import { bridgeEvent } from "./devices/bridge.ts";
import { macvlanEvent } from "./devices/macvlan.ts";
import { LoopbackDevice } from "./devices/loopback.ts";
import { arpReceive } from "./ipv4/arp.ts";
import { inetdevEvent } from "./ipv4/devinet.ts";
import { dropFragments } from "./ipv4/fragment.ts";
import { icmpProtocol } from "./ipv4/icmp.ts";
import { ipReceive } from "./ipv4/input.ts";
import { pingSockets } from "./ipv4/ping.ts";
import { rawSockets } from "./ipv4/raw.ts";
import { tcpProtocol } from "./ipv4/tcp/protocol.ts";
import { exitTcp } from "./ipv4/tcp/table.ts";
import { udpProtocol } from "./ipv4/udp.ts";
import { addrconfEvent } from "./ipv6/addresses.ts";
import { NetNamespace } from "./net-namespace.ts";
import { packetEvent } from "./packet/packet-socket.ts";
import { exitNetfilter, masqueradeEvent } from "./netfilter/netfilter.ts";
import { netfilterOptions } from "./netfilter/sockopt.ts";
import { forgetNamespace } from "./netlink/nsid.ts";
import { rtnetlinkEvent, rtnlNotifier } from "./netlink/rtnetlink.ts";

const wiring: NetWiring = {
  notifiers: [bridgeEvent, macvlanEvent, inetdevEvent, addrconfEvent, masqueradeEvent, packetEvent, rtnetlinkEvent],
  packetTypes: new Map([
    [ETH_P_IP, ipReceive],
    [ETH_P_ARP, arpReceive],
  ]),
  inetProtocols: new Map<number, InetProtocol>([
    [IPPROTO_ICMP, icmpProtocol],
    [IPPROTO_TCP, tcpProtocol],
    [IPPROTO_UDP, udpProtocol],
  ]),
  raw: rawSockets,
  ping: pingSockets,
  netfilterOptions,
};

const cores = new WeakMap<System, NetCore>();

/** The network of a machine. */
export function netCoreOf(system: System): NetCore {
  let core = cores.get(system);
  if (core === undefined) {
    core = new NetCore(system, wiring, netifReceiveSkb);
    core.rtnl = rtnlNotifier;
    cores.set(system, core);
  }
  return core;
}

/** A namespace with nothing but its loopback device, which is down: setup_net(). The first one is the initial one. */
export function newNetNamespace(system: System, ino: number, userNs: UserNamespace): NetNamespace {
  const core = netCoreOf(system);
  const ns = new NetNamespace(core, ino, userNs);
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
  return ns;
}

/** For worlds outside of the machine: a namespace that no task is in, so that nothing in the machine sees it, with its loopback device up. */
export function newWorldNamespace(system: System): NetNamespace {
  // Its number is no inode number of nsfs.
  const ns = newNetNamespace(system, netCoreOf(system).namespaces.size, system.initUserNs);
  openDevice(ns.loopback);
  return ns;
}

/**
 * Where the machine's network card is plugged in: three routers in a row, in the addresses of QEMU's user-mode network at home, then the provider's, then the
 * computing centre whose hosts `hosts.ts` lists. They are namespaces of the same stack in which no task runs; nobody there translates addresses, so a packet from an
 * address that the world does not know gets no answer.
 */

import { openDevice } from "../../kernel/net/dev.ts";
import type { NetDevice } from "../../kernel/net/device.ts";
import { type LinkSpeed, newUplink } from "../../kernel/net/devices/uplink.ts";
import { addAddress, defaultBroadcast, setForwarding } from "../../kernel/net/ipv4/devinet.ts";
import { fibOf } from "../../kernel/net/ipv4/fib.ts";
import { RT_SCOPE_LINK, RT_TABLE_MAIN, RTN_UNICAST, RTPROT_BOOT } from "../../kernel/net/ipv4/route-types.ts";
import type { NetModule } from "../../kernel/net/module.ts";
import { newWorldNamespace } from "../../kernel/net/net.ts";
import type { NetNamespace } from "../../kernel/net/net-namespace.ts";
import { requireAddress } from "./host.ts";
import { hosts } from "./hosts.ts";
import { startNameServer } from "./name-server.ts";

const CARD_MAC = 0x525400123456;
const GATEWAY_MAC = 0x52550a000202;

/** A home connection: 100 Mbit/s, five milliseconds to the first router. */
const HOME: LinkSpeed = { rate: 100e6, delayNs: 5e6 };
const PROVIDER: LinkSpeed = { rate: 10e9, delayNs: 2e6 };
const CENTRE: LinkSpeed = { rate: 10e9, delayNs: 3e6 };

const GATEWAY = requireAddress("10.0.2.2");
const NAME_SERVER = requireAddress("10.0.2.3");
const GATEWAY_OUT = requireAddress("100.64.0.2");
const PROVIDER_IN = requireAddress("100.64.0.1");
const PROVIDER_OUT = requireAddress("198.51.100.1");
const CENTRE_IN = requireAddress("198.51.100.2");

/** Plugs `eth0` of the machine into a new network, and gives the gateway's namespace. The machine's end is down until somebody sets it up. */
export function plugIn(net: NetModule): NetNamespace {
  const { softnet, initNs } = net.core;
  return softnet.run(() => {
    const [gateway, provider, centre] = [newWorldNamespace(net), newWorldNamespace(net), newWorldNamespace(net)];
    const [, lan] = newUplink(initNs, "eth0", CARD_MAC, gateway, "lan0", GATEWAY_MAC, HOME);
    const [wan, line] = newUplink(gateway, "wan0", GATEWAY_MAC + 1, provider, "line0", 0x525564400001, PROVIDER);
    const [trunk, rack] = newUplink(provider, "trunk0", 0x5255c6336401, centre, "rack0", 0x5255c6336402, CENTRE);
    address(lan, GATEWAY, 24);
    address(lan, NAME_SERVER, 24);
    address(wan, GATEWAY_OUT, 30);
    address(line, PROVIDER_IN, 30);
    address(trunk, PROVIDER_OUT, 30);
    address(rack, CENTRE_IN, 30);
    for (const host of hosts) if (host.address !== undefined) address(rack, requireAddress(host.address), 32);
    for (const dev of [lan, wan, line, trunk, rack]) openDevice(dev);
    for (const router of [gateway, provider]) setForwarding(router, 1);
    route(wan, 0, 0, PROVIDER_IN);
    route(line, requireAddress("10.0.2.0"), 24, GATEWAY_OUT);
    route(rack, 0, 0, PROVIDER_OUT);
    for (const { address: text } of hosts) if (text !== undefined) route(trunk, requireAddress(text), 32, CENTRE_IN);
    startNameServer(gateway, NAME_SERVER);
    for (const { address: text, services = [] } of hosts)
      for (const service of services) if (text !== undefined) service(centre, requireAddress(text));
    return gateway;
  });
}

function address(dev: NetDevice, local: number, prefixLength: number): void {
  addAddress(dev, { local, prefixLength, broadcast: prefixLength < 31 ? defaultBroadcast(local, prefixLength) : 0 });
}

function route(dev: NetDevice, prefix: number, prefixLength: number, gateway: number): void {
  const hop = { gateway, dev, nhScope: RT_SCOPE_LINK, onlink: false, mtu: 0, metrics: new Map() };
  const to = { table: RT_TABLE_MAIN, prefix, prefixLength, tos: 0, type: RTN_UNICAST };
  const fib = fibOf(dev.ns);
  fib
    .table(RT_TABLE_MAIN)
    .insert(
      { ...to, ...hop, scope: 0, protocol: RTPROT_BOOT, priority: 0, prefSrc: 0 },
      { create: true, exclusive: true, replace: false, append: false },
    );
  fib.changed();
}

/**
 * Where the machine's network card is plugged in: a network of one gateway, with the addresses of QEMU's user-mode network. It is a namespace of the same
 * stack in which no task runs.
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { openDevice } from "../../kernel/net/dev.ts";
import { type LinkSpeed, newUplink } from "../../kernel/net/devices/uplink.ts";
import { addAddress, defaultBroadcast } from "../../kernel/net/ipv4/devinet.ts";
import { netCoreOf, newWorldNamespace } from "../../kernel/net/net.ts";
import type { NetNamespace } from "../../kernel/net/net-namespace.ts";

const CARD_MAC = 0x525400123456;
const GATEWAY_MAC = 0x52550a000202;
/** 10.0.2.2, and 10.0.2.3 for DNS. */
const GATEWAY = 0x0a000202;
const NAME_SERVER = 0x0a000203;

/** A home connection: 100 Mbit/s, five milliseconds to the first router. */
const SPEED: LinkSpeed = { rate: 100e6, delayNs: 5e6 };

/** Plugs `eth0` of the machine into a new network, and gives the gateway's namespace. The machine's end is down until somebody sets it up. */
export function plugIn(kernel: Kernel): NetNamespace {
  const { softnet, initNs } = netCoreOf(kernel);
  return softnet.run(() => {
    const gateway = newWorldNamespace(kernel);
    const [, port] = newUplink(initNs, "eth0", CARD_MAC, gateway, "lan0", GATEWAY_MAC, SPEED);
    for (const local of [GATEWAY, NAME_SERVER]) addAddress(port, { local, prefixLength: 24, broadcast: defaultBroadcast(local, 24) });
    openDevice(port);
    return gateway;
  });
}

/** For tests of the network below system calls: namespaces of a kernel without programs, wired by hand. */

import { IPPROTO_ICMP, parseIpv4 } from "../abi/inet.ts";
import { Kernel } from "../kernel/kernel.ts";
import { findBuiltIn } from "../kernel/modules.ts";
import { openDevice, registerDevice } from "../kernel/net/dev.ts";
import type { NetDevice } from "../kernel/net/device.ts";
import { BridgeDevice } from "../kernel/net/devices/bridge.ts";
import { newVethPair } from "../kernel/net/devices/veth.ts";
import { addAddress, defaultBroadcast, setForwarding } from "../kernel/net/ipv4/devinet.ts";
import { fibOf } from "../kernel/net/ipv4/fib.ts";
import { ipLocalOut, newDatagram } from "../kernel/net/ipv4/output.ts";
import { routeOutput } from "../kernel/net/ipv4/route.ts";
import { type Route, RT_SCOPE_LINK, RT_TABLE_MAIN, RTN_UNICAST, RTPROT_BOOT } from "../kernel/net/ipv4/route-types.ts";
import { NET } from "../kernel/net/module.ts";
import { netCoreOf } from "../kernel/net/net.ts";
import type { NetNamespace } from "../kernel/net/net-namespace.ts";
import { requestModule } from "../kernel/task/module.ts";
import type { TracePayload } from "../kernel/trace.ts";

export function ip(text: string): number {
  const addr = parseIpv4(text);
  if (addr === undefined) throw new Error(`no address: ${text}`);
  return addr;
}

const CONFIG = { seed: 1, startSec: 1_767_225_600, cpus: 2, memoryBytes: 256 * 1024 ** 2, hostname: "test" };

export class Lab {
  readonly kernel = new Kernel(CONFIG, () => undefined, findBuiltIn);
  readonly events: TracePayload[] = [];
  /** The initial namespace, so that there is one; nothing of it is used. */
  readonly init = netCoreOf(this.kernel).initNs;

  /** A namespace with its loopback device up. */
  ns(): NetNamespace {
    const ns = requestModule(this.kernel, NET).newNamespace(this.kernel.nextNamespaceIno(), this.kernel.initUserNs).get();
    this.run(() => openDevice(ns.loopback));
    return ns;
  }

  /** A pair of veths, both up; `10.0.0.1/24` gives an end an address. */
  veth(a: NetNamespace, b: NetNamespace, aAddr?: string, bAddr?: string): readonly [NetDevice, NetDevice] {
    return this.run(() => {
      const pair = newVethPair({ ns: a, name: "veth%d" }, { ns: b, name: "veth%d" });
      for (const [i, text] of [aAddr, bAddr].entries()) if (text !== undefined) this.address(pair[i] as NetDevice, text);
      for (const dev of pair) openDevice(dev);
      return pair;
    });
  }

  /** A bridge that is up. */
  bridge(ns: NetNamespace): BridgeDevice {
    return this.run(() => {
      const bridge = new BridgeDevice(ns, undefined);
      registerDevice(bridge, "br%d");
      openDevice(bridge);
      return bridge;
    });
  }

  /** `ip route add PREFIX via GATEWAY`, or `dev` alone. */
  route(ns: NetNamespace, prefix: string, via: string, dev: NetDevice): void {
    const [addr, length] = prefix.split("/") as [string, string];
    const hop = { gateway: ip(via), dev, nhScope: RT_SCOPE_LINK, onlink: false, mtu: 0, metrics: new Map() };
    const route = { table: RT_TABLE_MAIN, prefix: ip(addr), prefixLength: Number(length), tos: 0, type: RTN_UNICAST, ...hop };
    fibOf(ns)
      .table(RT_TABLE_MAIN)
      .insert(
        { ...route, scope: 0, protocol: RTPROT_BOOT, priority: 0, prefSrc: 0 },
        { create: true, exclusive: true, replace: false, append: false },
      );
    fibOf(ns).changed();
  }

  /** net.ipv4.ip_forward. */
  forward(ns: NetNamespace): void {
    setForwarding(ns, 1);
  }

  address(dev: NetDevice, text: string): void {
    const [addr, length] = text.split("/") as [string, string];
    const prefixLength = Number(length);
    addAddress(dev, { local: ip(addr), prefixLength, broadcast: prefixLength < 31 ? defaultBroadcast(ip(addr), prefixLength) : 0 });
  }

  /** Sends an ICMP echo of `size` bytes. Throws the Errno of routing. */
  ping(ns: NetNamespace, to: string, { sequence = 1, size = 56, ttl = 64, dontFragment = false } = {}): void {
    this.run(() => {
      const route = routeOutput(ns, { dst: ip(to), src: 0, oif: 0, iif: 0, mark: 0, tos: 0 });
      this.echo(ns, route, 0, ip(to), { sequence, size, ttl, dontFragment });
    });
  }

  /** Sends an echo by a route that is known. */
  echo(
    ns: NetNamespace,
    route: Route,
    src: number,
    dst: number,
    { sequence = 1, size = 56, ttl = 64, dontFragment = false } = {},
    freed?: () => void,
  ): void {
    const header = { kind: "icmp", type: 8, code: 0, id: 1, sequence } as const;
    const options = { protocol: IPPROTO_ICMP, ttl, tos: 0, dontFragment };
    const skb = newDatagram(ns, route, src, dst, options, header, new Uint8Array(size));
    skb.destructor = freed;
    ipLocalOut(ns, skb);
  }

  run<T>(work: () => T): T {
    return this.init.core.softnet.run(work);
  }

  /** Lets `ms` of virtual time go by. */
  advance(ms: number): void {
    this.kernel.run(this.kernel.sched.clockNs + ms * 1e6, () => false);
  }

  /** Keeps the events of packets from here on. */
  watch(): this {
    this.kernel.trace.packets = true;
    this.kernel.trace.listen((event) => this.events.push(event));
    return this;
  }

  /** ICMP messages of a type that a namespace has received. */
  received(ns: NetNamespace, type: number): number {
    return ns.mib.icmp.inTypes[type] ?? 0;
  }
}

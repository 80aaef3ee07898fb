/** Replays what `oracle/record-ping.py` has recorded of a real Linux: who answers whom, by way of random routes, settings and MTUs. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EACCES, Errno } from "../../abi/errno.ts";
import { ETH_P_IP, formatIpv4, IPPROTO_ICMP } from "../../abi/inet.ts";
import { ip, Lab } from "../../machine/net-testing.ts";
import { openDevice, setMtu } from "./dev.ts";
import type { NetDevice } from "./device.ts";
import { newVethPair } from "./devices/veth.ts";
import { setForwarding } from "./ipv4/devinet.ts";
import { fibOf } from "./ipv4/fib.ts";
import { fibLookup } from "./ipv4/fib-lookup.ts";
import { type ConfName, ipv4Conf } from "./ipv4/in-device.ts";
import type { NetNamespace } from "./net-namespace.ts";
import type { SkBuff } from "./skb.ts";

interface World {
  readonly count: number;
  readonly links: readonly (readonly [number, number])[];
  readonly routes: readonly (readonly [ns: number, type: string, prefix: string, via: string])[];
  readonly settings: readonly (readonly [ns: number, name: ConfName, value: number])[];
  readonly mtus: readonly (readonly [link: number, mtu: number])[];
  readonly pings: readonly (readonly [ns: number, to: string, ttl: number, size: number])[];
  readonly answers: readonly (readonly (string | number)[])[];
}

const worlds = JSON.parse(readFileSync(join(import.meta.dirname, "oracle/ping.golden.json"), "utf8")) as readonly World[];

const TYPES: Readonly<Record<string, number>> = { unicast: 1, blackhole: 6, unreachable: 7, prohibit: 8 };
const UNREACHABLE: Readonly<Record<number, string>> = {
  ...{ 0: "Destination Net Unreachable", 1: "Destination Host Unreachable", 13: "Packet filtered" },
};

/** `ip route add`, which fails where the gateway is on no link, and where there is one already. */
function addRoute(ns: NetNamespace, type: string, prefix: string, via: string): void {
  const [addr, length] = prefix.split("/") as [string, string];
  let dev: NetDevice | undefined;
  if (via !== "") {
    const hop = fibLookup(ns, { dst: ip(via), src: 0, oif: 0, iif: ns.loopback.ifindex, mark: 0, tos: 0, scope: 253 });
    if (hop instanceof Errno) return;
    dev = hop.dev;
  }
  const route = {
    ...{
      table: 254,
      prefix: ip(addr),
      prefixLength: Number(length),
      tos: 0,
      type: TYPES[type] as number,
      scope: 0,
      protocol: 3,
      priority: 0,
    },
    ...{ prefSrc: 0, gateway: via === "" ? 0 : ip(via), dev, nhScope: via === "" ? 255 : 253, onlink: false, mtu: 0, metrics: new Map() },
  };
  try {
    fibOf(ns).table(254).insert(route, { create: true, exclusive: true, replace: false, append: false });
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

function build(lab: Lab, world: World): NetNamespace[] {
  const all = Array.from({ length: world.count }, () => lab.ns());
  world.links.forEach(([a, b], n) => {
    lab.run(() => {
      const pair = newVethPair({ ns: all[a] as NetNamespace, name: `l${n}a` }, { ns: all[b] as NetNamespace, name: `l${n}b` });
      pair.forEach((dev, side) => {
        lab.address(dev, `10.0.${n}.${side + 1}/24`);
        openDevice(dev);
      });
      const mtu = world.mtus.find(([link]) => link === n)?.[1];
      if (mtu !== undefined) for (const dev of pair) setMtu(dev, mtu);
    });
  });
  for (const [ns, name, value] of world.settings) {
    if (name === "forwarding") setForwarding(all[ns] as NetNamespace, value);
    else (all[ns] as NetNamespace).part(ipv4Conf).all[name] = value;
  }
  for (const [ns, type, prefix, via] of world.routes) addRoute(all[ns] as NetNamespace, type, prefix, via);
  return all;
}

/** ICMP header and what follows, also where only the first fragment of it is at hand. */
function messageOf({
  network,
  transport,
  payload,
}: SkBuff): { type: number; code: number; sequence: number; quoted: Uint8Array } | undefined {
  if (network.kind !== "ipv4" || network.protocol !== IPPROTO_ICMP || network.fragmentOffset > 0) return undefined;
  if (transport.kind === "icmp") return { ...transport, quoted: payload };
  const [type = 0, code = 0, , , , , high = 0, low = 0] = payload;
  return { type, code, sequence: high * 256 + low, quoted: payload.subarray(8) };
}

/** What ping(8) would print. */
function ping(lab: Lab, ns: NetNamespace, to: string, ttl: number, size: number, sequence: number): (string | number)[] {
  let answer: (string | number)[] | undefined;
  const receive = (skb: SkBuff): void => {
    const message = messageOf(skb);
    if (skb.pkttype > 0 || message === undefined || answer !== undefined || skb.network.kind !== "ipv4") return;
    const from = formatIpv4(skb.network.src);
    if (message.type === 0) {
      if (message.sequence === sequence) answer = ["reply", from, skb.network.ttl];
      return;
    }
    // The sequence number of the echo that the error is about.
    if (message.quoted[26] !== sequence >> 8 || message.quoted[27] !== (sequence & 255)) return;
    if (message.type === 11) answer = ["error", from, "Time to live exceeded"];
    else if (message.type === 3) answer = ["error", from, UNREACHABLE[message.code] ?? `code ${message.code}`];
  };
  const tap = { ifindex: 0, protocol: ETH_P_IP, receive };
  ns.taps.add(tap);
  try {
    lab.ping(ns, to, { ttl, size, sequence });
    lab.advance(1_000);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    // ping takes it for a broadcast address, and says other words.
    return e === EACCES ? ["none"] : ["local", e.message];
  } finally {
    ns.taps.delete(tap);
  }
  return answer ?? ["none"];
}

worlds.forEach((world, number) => {
  test(`recorded pings ${number}`, () => {
    const lab = new Lab();
    const all = build(lab, world);
    const got = world.pings.map(([ns, to, ttl, size], i) => ping(lab, all[ns] as NetNamespace, to, ttl, size, i + 1));
    expect(got.map((answer, i) => [...(world.pings[i] as World["pings"][0]), ...answer])).toEqual(
      world.answers.map((answer, i) => [...(world.pings[i] as World["pings"][0]), ...answer]),
    );
  });
});

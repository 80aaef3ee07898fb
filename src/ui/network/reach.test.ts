import { expect, test } from "vitest";
import type { LinkEntity, NetworkEntity, RouteEntity } from "../../bridge/messages.ts";
import { findReach, findSegment } from "./reach.ts";

const HOST = 1;

function link(ifindex: number, more: Partial<LinkEntity> = {}): LinkEntity {
  return {
    ...{ ifindex, name: `v${ifindex}`, kind: "veth", mac: "", mtu: 1500, up: true, carrier: true, addresses: [], addresses6: [] },
    ...more,
  };
}

const route = (dst: string, dev: number, gateway?: string): RouteEntity => ({
  ...{ dst, dev, metric: 0, type: "unicast" as const },
  ...(gateway === undefined ? {} : { gateway }),
});

/** The host with a bridge 10.0.0.1/24, and namespaces 2 … at its ports with 10.0.0.2 …, which go out by it. */
function bridged(count: number, change: Partial<NetworkEntity> = {}): Map<number, NetworkEntity> {
  const inner = Array.from({ length: count }, (_, i) => i + 2);
  const networks = new Map<number, NetworkEntity>();
  networks.set(HOST, {
    ...{ ino: HOST, name: "", forwarding: true },
    links: [
      link(2, { kind: "uplink", name: "eth0", addresses: ["10.0.2.15/24"] }),
      link(3, { kind: "bridge", name: "br0", addresses: ["10.0.0.1/24"] }),
      ...inner.map((n) => link(10 + n, { master: 3, peer: { netNs: n, ifindex: 2 } })),
    ],
    routes: [route("default", 2, "10.0.2.2"), route("10.0.2.0/24", 2), route("10.0.0.0/24", 3)],
    ...change,
  });
  for (const n of inner) {
    networks.set(n, {
      ...{ ino: n, name: `n${n}`, forwarding: false },
      links: [link(2, { name: "eth0", addresses: [`10.0.0.${n}/24`], peer: { netNs: HOST, ifindex: 10 + n } })],
      routes: [route("10.0.0.0/24", 2), route("default", 2, "10.0.0.1")],
    });
  }
  return networks;
}

const name = (ino: number): string => (ino === HOST ? "host" : `n${ino}`);
const change = (networks: Map<number, NetworkEntity>, ino: number, more: Partial<NetworkEntity>): void =>
  void networks.set(ino, { ...(networks.get(ino) as NetworkEntity), ...more });

test("on one bridge everybody reaches everybody", () => {
  const networks = bridged(3);
  expect(findReach(networks, 2, 3, name)).toEqual({ kind: "both", address: "10.0.0.3", by: [3] });
  expect(findReach(networks, 2, HOST, name)).toMatchObject({ kind: "both" });
  expect(findReach(networks, HOST, 4, name)).toEqual({ kind: "both", address: "10.0.0.4", by: [4] });
  expect(findSegment(networks, { netNs: 2, ifindex: 2 })).toMatchObject({ outside: false });
});

test("a link that is down ends the way, whichever side asks", () => {
  const networks = bridged(2);
  change(networks, 3, { links: [link(2, { name: "eth0", up: false, addresses: ["10.0.0.3/24"], peer: { netNs: HOST, ifindex: 13 } })] });
  expect(findReach(networks, 2, 3, name)).toEqual({ kind: "none", why: "nobody on eth0 of n2 has 10.0.0.3" });
  expect(findReach(networks, 3, 2, name)).toEqual({ kind: "none", why: "eth0 of n3 is down" });
});

test("without a route nothing is sent; without one back nothing is answered", () => {
  const networks = bridged(1);
  change(networks, 2, { routes: [route("10.0.0.0/24", 2)] });
  const far = link(20, { name: "w0", addresses: ["10.9.0.1/24"], peer: { netNs: 9, ifindex: 2 } });
  const host = networks.get(HOST) as NetworkEntity;
  change(networks, HOST, { links: [...host.links, far], routes: [...host.routes, route("10.9.0.0/24", 20)] });
  networks.set(9, {
    ...{ ino: 9, name: "n9", forwarding: false },
    links: [link(2, { addresses: ["10.9.0.2/24"], peer: { netNs: HOST, ifindex: 20 } })],
    routes: [route("10.9.0.0/24", 2), route("default", 2, "10.9.0.1")],
  });
  expect(findReach(networks, 2, 9, name)).toEqual({ kind: "none", why: "It has no route to 10.9.0.2" });
  expect(findReach(networks, 9, 2, name)).toEqual({
    kind: "one way",
    address: "10.0.0.2",
    by: [HOST, 2],
    why: "no way back: n2 has no route to 10.9.0.2",
  });
  change(networks, 2, { routes: [route("10.0.0.0/24", 2), route("default", 2, "10.0.0.1")] });
  expect(findReach(networks, 2, 9, name)).toEqual({ kind: "both", address: "10.9.0.2", by: [HOST, 9] });
  change(networks, HOST, { forwarding: false });
  expect(findReach(networks, 2, 9, name)).toEqual({ kind: "none", why: "host does not forward: net.ipv4.ip_forward is 0" });
});

test("the longest prefix wins, then the lowest metric; a blackhole ends the way", () => {
  const networks = bridged(2);
  change(networks, 2, {
    routes: [route("default", 2, "10.0.0.99"), route("10.0.0.0/24", 2), { dst: "10.0.0.3", metric: 0, type: "blackhole" }],
  });
  expect(findReach(networks, 2, 3, name)).toEqual({ kind: "none", why: "It has the route 10.0.0.3 as blackhole" });
  expect(findReach(networks, 2, HOST, name)).toMatchObject({ kind: "both", address: "10.0.0.1" });
});

test("routes in a circle are not followed for ever", () => {
  const networks = new Map<number, NetworkEntity>();
  for (const [ino, other] of [
    [2, 3],
    [3, 2],
  ] as const) {
    networks.set(ino, {
      ...{ ino, name: "", forwarding: true },
      links: [link(2, { addresses: [`10.0.0.${ino}/24`], peer: { netNs: other, ifindex: 2 } })],
      routes: [route("10.0.0.0/24", 2), route("default", 2, `10.0.0.${other}`)],
    });
  }
  networks.set(4, { ino: 4, name: "", forwarding: false, links: [link(2, { addresses: ["10.4.0.4/24"] })], routes: [] });
  expect(findReach(networks, 2, 4, name)).toEqual({ kind: "none", why: "its way goes round in a circle" });
});

/** The network below system calls: namespaces wired by hand, pings between them. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { ENETUNREACH } from "../../abi/errno.ts";
import { ip, Lab } from "../../machine/net-testing.ts";
import { openDevice } from "./dev.ts";
import { type BridgePort, bridgePortOf } from "./devices/bridge.ts";
import { newUplink } from "./devices/uplink.ts";
import { fibOf } from "./ipv4/fib.ts";
import type { NetDevice } from "./device.ts";
import type { NetNamespace } from "./net-namespace.ts";

const ECHO = 8;
const REPLY = 0;
const UNREACH = 3;
const EXCEEDED = 11;

test("a namespace pings itself and 127.0.0.1", () => {
  const lab = new Lab();
  const a = lab.ns();
  lab.ping(a, "127.0.0.1");
  expect(lab.received(a, REPLY)).toBe(1);
  expect(a.loopback.stats).toMatchObject({ rxPackets: 2, txPackets: 2, rxBytes: 196, txBytes: 196 });
});

test("a ping goes over a veth pair, after ARP", () => {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  const [va, vb] = lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  lab.ping(a, "10.0.0.2");
  expect([lab.received(b, ECHO), lab.received(a, REPLY)]).toEqual([1, 1]);
  // A request and a reply of ARP (42 bytes), an echo and its reply (98).
  expect(va.stats).toMatchObject({ txPackets: 2, rxPackets: 2, txBytes: 140, rxBytes: 140 });
  expect(va.ip?.neighbours.get(ip("10.0.0.2"))?.mac).toBe(vb.mac);
  expect(vb.ip?.neighbours.get(ip("10.0.0.1"))?.stateName).toBe("DELAY");
});

test("who has nobody to ask gets host unreachable after three seconds", () => {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  const [va] = lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  lab.ping(a, "10.0.0.9");
  lab.advance(2_900);
  expect(lab.received(a, UNREACH)).toBe(0);
  lab.advance(200);
  expect(lab.received(a, UNREACH)).toBe(1);
  expect(va.ip?.neighbours.get(ip("10.0.0.9"))?.stateName).toBe("FAILED");
});

test("without a route there is no network", () => {
  const lab = new Lab();
  expect(() => lab.ping(lab.ns(), "10.0.0.1")).toThrow(ENETUNREACH.message);
});

function routed(lab: Lab) {
  const [a, r, b] = [lab.ns(), lab.ns(), lab.ns()];
  const [va, ra] = lab.veth(a, r, "10.0.1.2/24", "10.0.1.1/24");
  const [vb, rb] = lab.veth(b, r, "10.0.2.2/24", "10.0.2.1/24");
  lab.route(a, "0.0.0.0/0", "10.0.1.1", va);
  lab.route(b, "0.0.0.0/0", "10.0.2.1", vb);
  return { a, r, b, va, ra, vb, rb };
}

test("a router passes packets on only when it is told to", () => {
  const lab = new Lab();
  const { a, r, b } = routed(lab);
  lab.ping(a, "10.0.2.2");
  expect(lab.received(b, ECHO)).toBe(0);
  lab.forward(r);
  lab.ping(a, "10.0.2.2");
  expect([lab.received(b, ECHO), lab.received(a, REPLY)]).toEqual([1, 1]);
  expect(r.mib.ip.forwDatagrams).toBe(2);
});

test("a packet whose time to live ends is reported", () => {
  const lab = new Lab();
  const { a, r } = routed(lab);
  lab.forward(r);
  lab.ping(a, "10.0.2.2", { ttl: 1 });
  expect(lab.received(a, EXCEEDED)).toBe(1);
});

test("two routers that point at each other end a packet by its time to live", () => {
  const lab = new Lab();
  const { a, r, b, rb, vb } = routed(lab);
  for (const ns of [r, b]) lab.forward(ns);
  lab.route(r, "10.9.0.0/16", "10.0.2.2", rb);
  lab.route(b, "10.9.0.0/16", "10.0.2.1", vb);
  lab.ping(a, "10.9.0.1");
  expect(lab.received(a, EXCEEDED)).toBe(1);
  expect(r.mib.ip.forwDatagrams + b.mib.ip.forwDatagrams).toBeGreaterThanOrEqual(63);
});

test("large packets are cut and put together; those that may not be cut come back with the MTU", () => {
  const lab = new Lab();
  const { a, r, b, rb, vb } = routed(lab);
  lab.forward(r);
  lab.ping(a, "10.0.2.2", { size: 4000 });
  expect(lab.received(a, REPLY)).toBe(1);
  expect(b.mib.ip).toMatchObject({ reasmOKs: 1, fragOKs: 1, fragCreates: 3 });
  rb.mtu = 1000;
  vb.mtu = 1000;
  lab.ping(a, "10.0.2.2", { size: 1200, dontFragment: true });
  expect(lab.received(a, UNREACH)).toBe(1);
  lab.ping(a, "10.0.2.2", { size: 1200 });
  expect(lab.received(a, REPLY)).toBe(2);
});

test("an idle network arms no timer", () => {
  const lab = new Lab();
  const { a, r } = routed(lab);
  lab.forward(r);
  lab.ping(a, "10.0.2.2");
  lab.advance(120_000);
  expect(lab.kernel.sched.timers.nextNs).toBe(Number.POSITIVE_INFINITY);
});

test("a namespace that ends takes its devices and their peers along", () => {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  a.put();
  expect([...b.deviceNames.keys()]).toEqual(["lo"]);
  expect(fibOf(b).table(254).all()).toEqual([]);
  expect(a.core.namespaces.has(a)).toBe(false);
});

function bridged(lab: Lab, count: number) {
  const host = lab.ns();
  const bridge = lab.bridge(host);
  lab.address(bridge, "10.0.0.254/16");
  const members = Array.from({ length: count }, (_, i) => {
    const ns = lab.ns();
    const [dev, port] = lab.veth(ns, host, `10.0.${i >> 7}.${(i & 127) + 1}/16`);
    lab.run(() => bridge.addPort(port));
    return { ns, dev, port };
  });
  return { host, bridge, members };
}

test("a bridge learns, floods what it does not know, and is a host itself", () => {
  const lab = new Lab();
  const { host, bridge, members } = bridged(lab, 4);
  const [a, b, c] = members as [(typeof members)[0], (typeof members)[0], (typeof members)[0]];
  lab.ping(a.ns, "10.0.0.2");
  expect(lab.received(a.ns, REPLY)).toBe(1);
  // C has seen the ARP request only.
  expect([b.dev.stats.rxPackets, c.dev.stats.rxPackets]).toEqual([2, 1]);
  expect(bridge.fdb.get(a.dev.mac)?.port?.dev).toBe(a.port);
  lab.ping(a.ns, "10.0.0.254");
  lab.ping(host, "10.0.0.3");
  expect([lab.received(a.ns, REPLY), lab.received(host, REPLY)]).toEqual([2, 1]);
  expect(bridge.mac).toBe(Math.min(...members.map((m) => m.port.mac)));
  lab.advance(400_000);
  expect([...bridge.fdb.values()].every((entry) => entry.local)).toBe(true);
  expect(lab.kernel.sched.timers.nextNs).toBe(Number.POSITIVE_INFINITY);
});

test("isolated ports reach the host but not each other", () => {
  const lab = new Lab();
  const { members } = bridged(lab, 2);
  for (const { port } of members) (bridgePortOf(port) as BridgePort).isolated = true;
  const [a] = members as [(typeof members)[0]];
  lab.ping(a.ns, "10.0.0.2");
  lab.ping(a.ns, "10.0.0.254");
  lab.advance(4_000);
  expect([lab.received(a.ns, REPLY), lab.received(a.ns, UNREACH)]).toEqual([1, 1]);
});

test("a loop of bridges costs virtual time, not real time", () => {
  const lab = new Lab();
  const host = lab.ns();
  const bridges = [lab.bridge(host), lab.bridge(host)] as const;
  lab.address(bridges[0], "10.0.0.1/24");
  for (let i = 0; i < 2; i++) {
    const [x, y] = lab.veth(host, host);
    lab.run(() => {
      bridges[0].addPort(x);
      bridges[1].addPort(y);
    });
  }
  lab.ping(host, "10.0.0.2");
  const before = host.core.softnet.processed;
  lab.advance(100);
  const packets = host.core.softnet.processed - before;
  expect(packets).toBeGreaterThan(1_000);
  expect(packets).toBeLessThan(30_000);
});

test("a thousand namespaces on one bridge", () => {
  const lab = new Lab();
  const { members } = bridged(lab, 1000);
  const [a] = members as [(typeof members)[0]];
  lab.ping(a.ns, "10.0.7.50");
  lab.advance(20);
  expect(lab.received(a.ns, REPLY)).toBe(1);
  for (let i = 0; i < 1000; i += 50) {
    lab.ping((members[i] as typeof a).ns, "10.0.0.254");
    lab.advance(20);
  }
  expect(members.filter((m) => lab.received(m.ns, REPLY) > 0)).toHaveLength(20);
});

test("a slow link delays packets by their length and its own", () => {
  const lab = new Lab();
  const [a, w] = [lab.ns(), lab.ns()];
  lab.run(() => {
    const [near, far] = newUplink(a, "eth0", 1, w, "host0", 2, { rate: 1e6, delayNs: 10e6 });
    lab.address(near, "10.0.2.15/24");
    lab.address(far, "10.0.2.2/24");
    openDevice(near);
    openDevice(far);
  });
  lab.ping(a, "10.0.2.2", { size: 958 });
  // ARP: 2 × (10 ms + 42 bytes); echo and reply: 2 × (10 ms + 1000 bytes, 8 ms).
  lab.advance(56);
  expect(lab.received(a, REPLY)).toBe(0);
  lab.advance(2);
  expect(lab.received(a, REPLY)).toBe(1);
});

interface Segment {
  readonly subnet: number;
  readonly parent: Segment | undefined;
  readonly hosts: { readonly ns: NetNamespace; readonly addr: string; readonly dev: NetDevice }[];
}

/** A tree of Ethernet segments, each a bridge, joined by routers; every host knows the router towards the root, every router what is below it. */
function tree(lab: Lab, shape: readonly { readonly parent: number; readonly hosts: number }[]) {
  const pairs: (readonly [NetDevice, NetDevice])[] = [];
  const segments: (Segment & { readonly plug: (ns: NetNamespace, host: number) => NetDevice })[] = [];
  shape.forEach(({ parent, hosts }, subnet) => {
    const ns = lab.ns();
    const bridge = lab.bridge(ns);
    const plug = (host: NetNamespace, number: number): NetDevice => {
      const pair = lab.veth(host, ns, `10.0.${subnet}.${number}/24`);
      lab.run(() => bridge.addPort(pair[1]));
      pairs.push(pair);
      return pair[0];
    };
    const up = subnet === 0 ? undefined : segments[parent % subnet];
    const segment = { subnet, parent: up, hosts: [] as Segment["hosts"], plug };
    segments.push(segment);
    if (up !== undefined) {
      const router = lab.ns();
      const above = up.plug(router, 100 + subnet);
      plug(router, 1);
      lab.forward(router);
      // Everything that is not below it is above it.
      lab.route(router, "0.0.0.0/0", `10.0.${up.subnet}.1`, above);
      for (let at: Segment | undefined = up, child = segment as Segment; at !== undefined; child = at, at = at.parent) {
        const from = at.parent === undefined ? roots : routersOf.get(at);
        for (const gate of from ?? []) {
          if (gate.ns !== router) lab.route(gate.ns, `10.0.${subnet}.0/24`, `10.0.${at.subnet}.${100 + child.subnet}`, gate.dev);
        }
      }
      routersOf.set(segment, [{ ns: router, dev: router.findDevice("veth1") as NetDevice }]);
    } else {
      const root = lab.ns();
      const dev = plug(root, 1);
      lab.forward(root);
      roots.push({ ns: root, dev });
    }
    for (let i = 0; i < hosts; i++) {
      const host = lab.ns();
      const dev = plug(host, 10 + i);
      lab.route(host, "0.0.0.0/0", `10.0.${subnet}.1`, dev);
      segment.hosts.push({ ns: host, addr: `10.0.${subnet}.${10 + i}`, dev });
    }
  });
  return { pairs, hosts: segments.flatMap((segment) => segment.hosts) };
}

const roots: { readonly ns: NetNamespace; readonly dev: NetDevice }[] = [];
const routersOf = new Map<Segment, readonly { readonly ns: NetNamespace; readonly dev: NetDevice }[]>();

test("without netem packets are neither lost nor doubled, whatever the tree of bridges and routers", () => {
  const shapes = fc.array(fc.record({ parent: fc.nat(7), hosts: fc.integer({ min: 1, max: 4 }) }), { minLength: 1, maxLength: 6 });
  const talks = fc.array(fc.record({ from: fc.nat(23), to: fc.nat(23), size: fc.integer({ min: 0, max: 5_000 }) }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(shapes, talks, (shape, talk) => {
      roots.length = 0;
      routersOf.clear();
      const lab = new Lab();
      const { hosts, pairs } = tree(lab, shape);
      const asked = hosts.map(() => 0);
      const answered = hosts.map(() => 0);
      for (const { from, to, size } of talk) {
        const [a, b] = [from % hosts.length, to % hosts.length];
        lab.ping((hosts[a] as (typeof hosts)[0]).ns, (hosts[b] as (typeof hosts)[0]).addr, { size });
        asked[b] = (asked[b] ?? 0) + 1;
        answered[a] = (answered[a] ?? 0) + 1;
      }
      lab.advance(100);
      expect(hosts.map(({ ns }) => lab.received(ns, ECHO))).toEqual(asked);
      expect(hosts.map(({ ns }) => lab.received(ns, REPLY))).toEqual(answered);
      for (const [x, y] of pairs) {
        expect([x.stats.txPackets, x.stats.txBytes]).toEqual([y.stats.rxPackets, y.stats.rxBytes]);
        expect([y.stats.txPackets, y.stats.txBytes]).toEqual([x.stats.rxPackets, x.stats.rxBytes]);
      }
      lab.advance(400_000);
      expect(lab.kernel.sched.timers.nextNs).toBe(Number.POSITIVE_INFINITY);
    }),
    { numRuns: 30, seed: 1 },
  );
});

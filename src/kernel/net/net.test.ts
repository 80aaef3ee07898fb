/** The network below system calls: namespaces wired by hand, pings between them. */

import { expect, test } from "vitest";
import { ENETUNREACH } from "../../abi/errno.ts";
import { ip, Lab } from "../../machine/net-testing.ts";
import { fibOf } from "./ipv4/fib.ts";
import type { NetDevice } from "./device.ts";
import type { NetNamespace } from "./net-namespace.ts";
import { ipv4Conf } from "./ipv4/in-device.ts";

const ECHO = 8;
const REPLY = 0;
const UNREACH = 3;
const EXCEEDED = 11;

function route(ns: NetNamespace, prefix: string, via: string, dev: NetDevice): void {
  const [addr, length] = prefix.split("/") as [string, string];
  fibOf(ns)
    .table(254)
    .insert(
      {
        ...{ table: 254, prefix: ip(addr), prefixLength: Number(length), tos: 0, type: 1, scope: 0, protocol: 3, priority: 0, prefSrc: 0 },
        ...{ gateway: ip(via), dev, nhScope: 253, onlink: false, mtu: 0, metrics: new Map() },
      },
      { create: true, exclusive: true, replace: false, append: false },
    );
}

function forward(ns: NetNamespace): void {
  ns.part(ipv4Conf).all.forwarding = 1;
  for (const dev of ns.devices.values()) if (dev.ip !== undefined) dev.ip.conf.forwarding = 1;
}

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
  route(a, "0.0.0.0/0", "10.0.1.1", va);
  route(b, "0.0.0.0/0", "10.0.2.1", vb);
  return { a, r, b, va, ra, vb, rb };
}

test("a router passes packets on only when it is told to", () => {
  const lab = new Lab();
  const { a, r, b } = routed(lab);
  lab.ping(a, "10.0.2.2");
  expect(lab.received(b, ECHO)).toBe(0);
  forward(r);
  lab.ping(a, "10.0.2.2");
  expect([lab.received(b, ECHO), lab.received(a, REPLY)]).toEqual([1, 1]);
  expect(r.mib.ip.forwDatagrams).toBe(2);
});

test("a packet whose time to live ends is reported", () => {
  const lab = new Lab();
  const { a, r } = routed(lab);
  forward(r);
  lab.ping(a, "10.0.2.2", { ttl: 1 });
  expect(lab.received(a, EXCEEDED)).toBe(1);
});

test("two routers that point at each other end a packet by its time to live", () => {
  const lab = new Lab();
  const { a, r, b, rb, vb } = routed(lab);
  for (const ns of [r, b]) forward(ns);
  route(r, "10.9.0.0/16", "10.0.2.2", rb);
  route(b, "10.9.0.0/16", "10.0.2.1", vb);
  lab.ping(a, "10.9.0.1");
  expect(lab.received(a, EXCEEDED)).toBe(1);
  expect(r.mib.ip.forwDatagrams + b.mib.ip.forwDatagrams).toBeGreaterThanOrEqual(63);
});

test("large packets are cut and put together; those that may not be cut come back with the MTU", () => {
  const lab = new Lab();
  const { a, r, b, rb, vb } = routed(lab);
  forward(r);
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
  forward(r);
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

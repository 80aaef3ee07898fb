/** Addresses, routes, rules and neighbours of IPv4, below system calls. */

import { expect, test } from "vitest";
import { ENETUNREACH } from "../../../abi/errno.ts";
import { formatIpv4 } from "../../../abi/inet.ts";
import { ip, Lab } from "../../../machine/net-testing.ts";
import { closeDevice, moveDevice, openDevice } from "../dev.ts";
import { DummyDevice } from "../devices/dummy.ts";
import { MacvlanDevice } from "../devices/macvlan.ts";
import { registerDevice } from "../dev.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { findAddress, removeAddress } from "./devinet.ts";
import { fibOf } from "./fib.ts";
import { ipv4Conf } from "./in-device.ts";
import { neighbourOf } from "./arp.ts";
import { routeOutput } from "./route.ts";

const ECHO = 8;
const REPLY = 0;

const routes = (ns: NetNamespace, table: number): string[] =>
  fibOf(ns)
    .table(table)
    .all()
    .map((r) => `${r.type} ${formatIpv4(r.prefix)}/${r.prefixLength} ${r.dev?.name ?? ""} src ${formatIpv4(r.prefSrc)}`);

const sourceTo = (ns: NetNamespace, dst: string): string =>
  formatIpv4(routeOutput(ns, { dst: ip(dst), src: 0, oif: 0, iif: 0, mark: 0, tos: 0 }).src);

function dummy(lab: Lab, ns: NetNamespace, ...addresses: string[]): NetDevice {
  const dev = new DummyDevice(ns);
  lab.run(() => {
    registerDevice(dev, "dummy%d");
    for (const address of addresses) lab.address(dev, address);
    openDevice(dev);
  });
  return dev;
}

test("an address brings its routes, and takes them along", () => {
  const lab = new Lab();
  const ns = lab.ns();
  const dev = dummy(lab, ns, "10.0.0.1/24", "10.0.0.2/24", "192.168.0.1/32");
  expect(routes(ns, 254)).toEqual(["1 10.0.0.0/24 dummy0 src 10.0.0.1"]);
  expect(routes(ns, 255).filter((r) => !r.includes(" lo "))).toEqual([
    "2 10.0.0.1/32 dummy0 src 10.0.0.1",
    "2 10.0.0.2/32 dummy0 src 10.0.0.1",
    "3 10.0.0.255/32 dummy0 src 10.0.0.1",
    "2 192.168.0.1/32 dummy0 src 192.168.0.1",
  ]);
  // Deleting the primary one takes the secondary along.
  const first = findAddress(ns, ip("10.0.0.1"));
  lab.run(() => removeAddress(dev, first?.ifa as never));
  expect(routes(ns, 254)).toEqual([]);
  expect(dev.ip?.addresses.map((a) => formatIpv4(a.local))).toEqual(["192.168.0.1"]);
});

test("with promote_secondaries the next address becomes the primary one", () => {
  const lab = new Lab();
  const ns = lab.ns();
  const dev = dummy(lab, ns, "10.0.0.1/24", "10.0.0.2/24");
  ns.part(ipv4Conf).all.promote_secondaries = 1;
  lab.run(() => removeAddress(dev, dev.ip?.addresses[0] as never));
  expect(routes(ns, 254)).toEqual(["1 10.0.0.0/24 dummy0 src 10.0.0.2"]);
  expect(routes(ns, 255).filter((r) => !r.includes(" lo "))).toEqual([
    "2 10.0.0.2/32 dummy0 src 10.0.0.2",
    "3 10.0.0.255/32 dummy0 src 10.0.0.2",
  ]);
});

test("a device that goes down loses its routes but not its addresses", () => {
  const lab = new Lab();
  const ns = lab.ns();
  const dev = dummy(lab, ns, "10.0.0.1/24");
  lab.route(ns, "10.9.0.0/16", "10.0.0.9", dev);
  lab.run(() => closeDevice(dev));
  expect(routes(ns, 254)).toEqual([]);
  lab.ping(ns, "10.0.0.1");
  expect(lab.received(ns, REPLY)).toBe(1);
  lab.run(() => openDevice(dev));
  expect(routes(ns, 254)).toEqual(["1 10.0.0.0/24 dummy0 src 10.0.0.1"]);
});

test("the longest prefix wins, then the metric; rules choose the table", () => {
  const lab = new Lab();
  const ns = lab.ns();
  const near = dummy(lab, ns, "10.0.0.1/24");
  const far = dummy(lab, ns, "10.0.1.1/24");
  lab.route(ns, "0.0.0.0/0", "10.0.0.254", near);
  lab.route(ns, "10.5.0.0/16", "10.0.1.254", far);
  expect([sourceTo(ns, "8.8.8.8"), sourceTo(ns, "10.5.1.1"), sourceTo(ns, "10.0.0.77")]).toEqual(["10.0.0.1", "10.0.1.1", "10.0.0.1"]);
  const fib = fibOf(ns);
  const [wide] = fib.table(254).all();
  fib.table(100).insert({ ...(wide as never as object), table: 100, dev: far, gateway: ip("10.0.1.254") } as never, {
    ...{ create: true, exclusive: true, replace: false, append: false },
  });
  const anyone = { src: 0, srcLength: 0, dst: 0, dstLength: 0, iif: "", oif: "", tos: 0, invert: false, protocol: 0 };
  fib.addRule({ ...anyone, priority: 100, action: 1, table: 100, mark: 7, markMask: 255, suppressPrefixLength: -1 });
  const marked = routeOutput(ns, { dst: ip("8.8.8.8"), src: 0, oif: 0, iif: 0, mark: 7, tos: 0 });
  expect([marked.dev.name, sourceTo(ns, "8.8.8.8")]).toEqual([far.name, "10.0.0.1"]);
  fib.addRule({
    ...anyone,
    dst: ip("9.0.0.0"),
    dstLength: 8,
    priority: 50,
    action: 7,
    table: 0,
    mark: 0,
    markMask: 0,
    suppressPrefixLength: -1,
  });
  expect(() => sourceTo(ns, "9.9.9.9")).toThrow(ENETUNREACH.message);
});

test("a neighbour that is used is asked again, and forgotten when it does not answer", () => {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  const [va, vb] = lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  const state = (): string | undefined => va.ip?.neighbours.get(ip("10.0.0.2"))?.stateName;
  lab.ping(a, "10.0.0.2");
  expect(state()).toBe("REACHABLE");
  lab.advance(31_000);
  expect(state()).toBe("STALE");
  lab.ping(a, "10.0.0.2");
  expect(state()).toBe("DELAY");
  lab.advance(5_100);
  // It has answered the question that was put to it alone.
  expect(state()).toBe("REACHABLE");
  lab.advance(40_000);
  lab.run(() => closeDevice(vb));
  lab.run(() => openDevice(vb));
  b.deviceNames.get("veth0")?.ip?.addresses.splice(0);
  fibOf(b)
    .table(255)
    .all()
    .filter((r) => r.prefix === ip("10.0.0.2"))
    .forEach((r) => {
      fibOf(b).table(255).remove(r);
    });
  lab.ping(a, "10.0.0.2");
  lab.advance(10_000);
  expect(state()).toBe("FAILED");
});

test("a permanent neighbour needs no question; a gratuitous answer moves another one", () => {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  const [va, vb] = lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  const fixed = neighbourOf(va.ip as never, ip("10.0.0.2"));
  lab.run(() => fixed.update(0x020000000099, 0x80, { override: true, admin: true }));
  lab.ping(a, "10.0.0.2");
  // The frame is for somebody else.
  expect([lab.received(b, ECHO), vb.stats.rxPackets]).toEqual([0, 1]);
  lab.run(() => fixed.update(vb.mac, 0x80, { override: true, admin: true }));
  lab.ping(a, "10.0.0.2");
  expect(lab.received(b, ECHO)).toBe(1);
});

test("proxy_arp answers for those behind a router", () => {
  const lab = new Lab();
  const [a, r, b] = [lab.ns(), lab.ns(), lab.ns()];
  const [va, ra] = lab.veth(a, r, "10.0.1.2/16", "10.0.1.1/24");
  const [vb] = lab.veth(b, r, "10.0.2.2/24", "10.0.2.1/24");
  lab.route(b, "0.0.0.0/0", "10.0.2.1", vb);
  lab.forward(r);
  lab.ping(a, "10.0.2.2");
  lab.advance(4_000);
  expect(lab.received(a, REPLY)).toBe(0);
  (ra.ip as never as { conf: { proxy_arp: number } }).conf.proxy_arp = 1;
  lab.ping(a, "10.0.2.2");
  lab.advance(10);
  expect([lab.received(a, REPLY), va.ip?.neighbours.get(ip("10.0.2.2"))?.mac]).toEqual([1, ra.mac]);
});

test("rp_filter drops what comes by a way that does not lead back", () => {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  const [, vb] = lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  dummy(lab, a, "172.16.0.1/24");
  lab.route(b, "172.16.0.0/24", "10.0.0.77", dummy(lab, b, "10.0.0.3/25"));
  const send = (): void => {
    lab.run(() => {
      const route = routeOutput(a, { dst: ip("10.0.0.2"), src: ip("172.16.0.1"), oif: 0, iif: 0, mark: 0, tos: 0 });
      lab.echo(a, route, ip("172.16.0.1"), ip("10.0.0.2"));
    });
  };
  send();
  expect(lab.received(b, ECHO)).toBe(1);
  (vb.ip as never as { conf: { rp_filter: number } }).conf.rp_filter = 1;
  send();
  expect([lab.received(b, ECHO), b.mib.ext.ipReversePathFilter]).toEqual([1, 1]);
});

test("a veth moves to another namespace without its addresses, and keeps its peer", () => {
  const lab = new Lab();
  const [a, b, c] = [lab.ns(), lab.ns(), lab.ns()];
  const [va, vb] = lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  lab.run(() => moveDevice(vb, c));
  expect([vb.ns === c, vb.up, va.carrier, vb.ip?.addresses.length, vb.ifindex]).toEqual([true, false, false, 0, 2]);
  lab.address(vb, "10.0.0.3/24");
  lab.run(() => openDevice(vb));
  lab.ping(a, "10.0.0.3");
  expect(lab.received(a, REPLY)).toBe(1);
});

test("macvlans reach each other and the link, but not the host below", () => {
  const lab = new Lab();
  const [host, other, x, y] = [lab.ns(), lab.ns(), lab.ns(), lab.ns()];
  const [lower] = lab.veth(host, other, "10.0.0.1/24", "10.0.0.2/24");
  for (const [ns, address] of [
    [x, "10.0.0.11/24"],
    [y, "10.0.0.12/24"],
  ] as const) {
    const dev = new MacvlanDevice(ns, lower, undefined);
    lab.run(() => {
      registerDevice(dev, "macvlan%d");
      dev.attach();
      lab.address(dev, address);
      openDevice(dev);
    });
  }
  for (const to of ["10.0.0.12", "10.0.0.2", "10.0.0.1"]) lab.ping(x, to);
  lab.advance(4_000);
  expect([lab.received(y, ECHO), lab.received(other, ECHO), lab.received(host, ECHO), lab.received(x, REPLY)]).toEqual([1, 1, 0, 2]);
});

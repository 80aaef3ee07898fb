/** Links made slow, lossy and narrow: netem and tbf between two namespaces. */

import { expect, test } from "vitest";
import { ip, Lab } from "../../../machine/net-testing.ts";
import { closeDevice, moveDevice, wakeQueue } from "../dev.ts";
import { routeOutput } from "../ipv4/route.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { Netem, type NetemOptions } from "./netem.ts";
import { Tbf } from "./tbf.ts";

const NONE: NetemOptions = {
  ...{ latencyNs: 0, jitterNs: 0, delayCorrelation: 0, limit: 1000, loss: 0, lossCorrelation: 0, duplicate: 0, duplicateCorrelation: 0 },
  ...{ gap: 0, reorder: 0, reorderCorrelation: 0, corrupt: 0, corruptCorrelation: 0, rate: 0 },
};
const share = (percent: number): number => Math.round((percent / 100) * 0xffff_ffff);
const ECHO = 8;

/** Two namespaces that know each other's hardware address, with a qdisc at the first one's end. */
function linked(options: Partial<NetemOptions> | undefined): { lab: Lab; a: NetNamespace; b: NetNamespace; dev: NetDevice } {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  const [dev] = lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  lab.ping(a, "10.0.0.2");
  if (options !== undefined) dev.qdisc = new Netem(dev, 0x10000, { ...NONE, ...options });
  return { lab, a, b, dev };
}

test("netem delays each packet and keeps their order", () => {
  const { lab, a, b, dev } = linked({ latencyNs: 10e6 });
  for (let i = 0; i < 3; i++) lab.ping(a, "10.0.0.2");
  lab.advance(9);
  expect([lab.received(b, ECHO), dev.qdisc?.backlogPackets]).toEqual([1, 3]);
  lab.advance(2);
  expect([lab.received(b, ECHO), dev.qdisc?.backlogPackets, dev.qdisc?.stats.packets]).toEqual([4, 0, 3]);
});

test("netem loses and doubles the share that it is told to", () => {
  const lossy = linked({ loss: share(30) });
  for (let i = 0; i < 1000; i++) lossy.lab.ping(lossy.a, "10.0.0.2");
  const lost = 1001 - lossy.lab.received(lossy.b, ECHO);
  expect(lost).toBeGreaterThan(240);
  expect(lost).toBeLessThan(360);
  expect(lossy.dev.qdisc?.stats.drops).toBe(lost);
  const doubling = linked({ duplicate: share(100) });
  for (let i = 0; i < 10; i++) doubling.lab.ping(doubling.a, "10.0.0.2");
  expect(doubling.lab.received(doubling.b, ECHO)).toBe(21);
});

test("what netem corrupts does not reach the protocol", () => {
  const { lab, a, b } = linked({ corrupt: share(100) });
  lab.ping(a, "10.0.0.2");
  expect([lab.received(b, ECHO), b.mib.icmp.inCsumErrors]).toEqual([1, 1]);
});

test("netem drops what its limit does not hold, and all of it when the device goes down", () => {
  const { lab, a, dev } = linked({ latencyNs: 1e9, limit: 5 });
  for (let i = 0; i < 8; i++) lab.ping(a, "10.0.0.2");
  expect([dev.qdisc?.backlogPackets, dev.qdisc?.stats.drops]).toEqual([5, 3]);
  dev.qdisc?.reset();
  expect(dev.qdisc?.backlogPackets).toBe(0);
});

test("netem with a rate takes the time that a slow line takes", () => {
  // 1000 bytes with their headers at 100 kB/s: 10 ms each.
  const { lab, a, b } = linked({ rate: 100_000 });
  for (let i = 0; i < 5; i++) lab.ping(a, "10.0.0.2", { size: 958 });
  lab.advance(35);
  expect(lab.received(b, ECHO)).toBe(4);
  lab.advance(20);
  expect(lab.received(b, ECHO)).toBe(6);
});

test("tbf lets a burst through and then keeps to its rate", () => {
  const { lab, a, b, dev } = linked(undefined);
  const burst = 2_000;
  dev.qdisc = new Tbf(dev, 0x10000, { rate: 100_000, limit: 10_000, burst, bufferNs: (burst * 1e9) / 100_000 });
  for (let i = 0; i < 20; i++) lab.ping(a, "10.0.0.2", { size: 958 });
  expect(lab.received(b, ECHO)).toBe(3);
  // Two are gone, ten wait, the rest found no room.
  expect([dev.qdisc.backlogPackets, dev.qdisc.stats.drops]).toEqual([10, 8]);
  lab.advance(55);
  expect(lab.received(b, ECHO)).toBe(8);
  lab.advance(100);
  expect([lab.received(b, ECHO), dev.qdisc.stats.packets]).toEqual([13, 12]);
  lab.ping(a, "10.0.0.2", { size: 4_000 });
  lab.advance(60_000);
  expect(lab.kernel.sched.timers.nextNs).toBe(Number.POSITIVE_INFINITY);
});

test("a stopped driver holds packets in the queue until it takes them again", () => {
  const { lab, a, b, dev } = linked({});
  dev.stopped = true;
  lab.ping(a, "10.0.0.2");
  expect(lab.received(b, ECHO)).toBe(1);
  lab.run(() => wakeQueue(dev));
  expect(lab.received(b, ECHO)).toBe(2);
});

test("every packet gives its sender's buffer back once, however it ends", () => {
  const rough = { loss: share(20), duplicate: share(20), corrupt: share(10), latencyNs: 3e6, jitterNs: 2e6, limit: 20 };
  const { lab, a, b, dev } = linked(rough);
  const host = lab.ns();
  const bridge = lab.bridge(host);
  const [, port] = lab.veth(a, host, "10.1.0.1/24");
  const [, other] = lab.veth(b, host, "10.1.0.2/24");
  lab.run(() => {
    bridge.addPort(port);
    bridge.addPort(other);
  });
  let sent = 0;
  let freed = 0;
  // Answered, unknown, broadcast, oneself; small, in fragments, too large.
  for (let i = 0; i < 400; i++) {
    const to = ["10.0.0.2", "10.0.0.9", "10.0.0.255", "10.1.0.2", "10.1.0.9", "127.0.0.1"][i % 6] as string;
    lab.run(() => {
      const route = routeOutput(a, { dst: ip(to), src: 0, oif: 0, iif: 0, mark: 0, tos: 0 });
      const size = [10, 1400, 4000][i % 3] as number;
      sent++;
      lab.echo(a, route, 0, ip(to), { size, ttl: 1 + (i % 2), dontFragment: i % 5 === 0 }, () => freed++);
    });
    if (i % 50 === 49) lab.advance(10);
    if (i === 300) lab.run(() => closeDevice(other));
    if (i === 350) lab.run(() => moveDevice(port, lab.ns()));
  }
  lab.run(() => closeDevice(dev));
  lab.advance(60_000);
  expect(freed).toBe(sent);
});

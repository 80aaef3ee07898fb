/** TCP through the whole network: namespaces, devices, tables, without programs. */

import { expect, test } from "vitest";
import { ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ETIMEDOUT } from "../../../../abi/errno.ts";
import { ip, Lab } from "../../../../machine/net-testing.ts";
import { Random } from "../../../random.ts";
import { setMtu } from "../../dev.ts";
import type { NetDevice } from "../../device.ts";
import type { NetNamespace } from "../../net-namespace.ts";
import { Netem } from "../../qdisc/netem.ts";
import type { SkBuff } from "../../skb.ts";
import { fibOf } from "../fib.ts";
import { ipv4Conf } from "../in-device.ts";
import { connectTcp, type KernelStream, listenTcp } from "../kernel-socket.ts";
import { tcpTable } from "./table.ts";

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const bytes = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

/** A server that sends back what it gets. */
function echo(ns: NetNamespace, port: number): void {
  listenTcp(ns, 0, port, (stream) => {
    stream.events = { data: (chunk) => stream.write(chunk), ended: () => stream.end() };
  });
}

function pair(): { lab: Lab; a: NetNamespace; b: NetNamespace } {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  return { lab, a, b };
}

test("a connection through loopback carries bytes both ways, and ends in TIME_WAIT for a minute", () => {
  const lab = new Lab();
  const ns = lab.ns();
  echo(ns, 7);
  const log: string[] = [];
  const stream = connectTcp(ns, ip("127.0.0.1"), 7, {
    connected: () => log.push("connected"),
    data: (chunk) => log.push(text(chunk)),
    ended: () => log.push("ended"),
    closed: (error) => log.push(`closed ${error?.name}`),
  });
  stream.write(bytes("hello"));
  lab.advance(10);
  expect(log).toEqual(["connected", "hello"]);
  stream.end();
  lab.advance(10);
  expect(log).toEqual(["connected", "hello", "ended", "closed undefined"]);
  expect([...tcpTable(ns).timeWaits].map((t) => t.substate)).toEqual(["TIME_WAIT"]);
  lab.advance(61_000);
  expect([tcpTable(ns).timeWaits.size, tcpTable(ns).socks.size, [...tcpTable(ns).ports.all()].length]).toEqual([0, 1, 1]);
});

test("nobody listens: refused; nobody there: no route to host after three seconds; no answer at all: timed out", () => {
  const { lab, a, b } = pair();
  const errors: unknown[] = [];
  const call = (to: string): KernelStream => connectTcp(a, ip(to), 9, { closed: (e) => errors.push(e) });
  call("10.0.0.2");
  lab.advance(10);
  expect(errors).toEqual([ECONNREFUSED]);
  call("10.0.0.77");
  lab.advance(4_000);
  expect(errors).toEqual([ECONNREFUSED, EHOSTUNREACH]);
  b.deviceNames.forEach((dev) => {
    const transmit = dev.transmit.bind(dev);
    dev.transmit = (skb) => (skb.eth?.type === 0x0800 ? skb.free() : transmit(skb));
  });
  call("10.0.0.2");
  lab.advance(140_000);
  expect(errors[2]).toBe(ETIMEDOUT);
});

test("ten megabytes over a veth pair come whole", () => {
  const { lab, a, b } = pair();
  let got = 0;
  let wrong = 0;
  listenTcp(b, 0, 80, (stream) => {
    stream.events = {
      data(chunk) {
        for (let i = 0; i < chunk.length; i++) if (chunk[i] !== ((got + i) & 255)) wrong++;
        got += chunk.length;
      },
      ended: () => stream.end(),
    };
  });
  const stream = connectTcp(a, ip("10.0.0.2"), 80, {});
  const block = Uint8Array.from({ length: 1 << 20 }, (_, i) => i & 255);
  for (let i = 0; i < 10; i++) stream.write(block);
  stream.end();
  lab.advance(60_000);
  expect([got, wrong]).toEqual([10 << 20, 0]);
});

test("unread bytes at the close reset the other side; the end of a namespace leaves nothing armed", () => {
  const { lab, a, b } = pair();
  let server: KernelStream | undefined;
  listenTcp(b, 0, 80, (stream) => {
    server = stream;
  });
  const errors: unknown[] = [];
  connectTcp(a, ip("10.0.0.2"), 80, { closed: (e) => errors.push(e) });
  lab.advance(10);
  server?.abort();
  lab.advance(10);
  expect(errors).toEqual([ECONNRESET]);
  connectTcp(a, ip("10.0.0.2"), 80, {}).write(bytes("x"));
  lab.advance(10);
  a.put();
  b.put();
  lab.advance(300_000);
  expect(lab.kernel.sched.timers.nextNs).toBe(Number.POSITIVE_INFINITY);
});

test("a full accept queue drops SYNs; who waits gets in when there is room", () => {
  const { lab, a, b } = pair();
  const table = tcpTable(b);
  const accepted: KernelStream[] = [];
  const listener = listenTcp(b, 0, 80, (s) => accepted.push(s), 1);
  const [sock] = [...table.socks];
  if (sock === undefined) throw new Error("no listener");
  const { listener: look } = sock;
  sock.listener = undefined;
  let connected = 0;
  for (let i = 0; i < 4; i++) connectTcp(a, ip("10.0.0.2"), 80, { connected: () => connected++ });
  lab.advance(500);
  expect([connected, sock.listen?.ready.length]).toEqual([2, 2]);
  sock.listener = look;
  look?.();
  lab.advance(4000);
  expect(accepted.length).toBe(4);
  listener.close();
});

/** Sends `total` bytes from one to the other; returns how many came right, and how long it took. */
function transfer(
  lab: Lab,
  from: NetNamespace,
  to: NetNamespace,
  addr: string,
  total: number,
  seconds: number,
): { got: number; wrong: number; ms: number } {
  const result = { got: 0, wrong: 0, ms: 0 };
  const start = lab.kernel.sched.clockNs;
  listenTcp(to, 0, 80, (stream) => {
    stream.events = {
      data(chunk) {
        for (let i = 0; i < chunk.length; i++) if (chunk[i] !== ((result.got + i) & 255)) result.wrong++;
        result.got += chunk.length;
        result.ms = Math.round((lab.kernel.sched.clockNs - start) / 1e6);
      },
      ended: () => stream.end(),
    };
  });
  const stream = connectTcp(from, ip(addr), 80, {});
  stream.write(Uint8Array.from({ length: total }, (_, i) => i & 255));
  stream.end();
  lab.advance(seconds * 1000);
  return result;
}

test("a link with a smaller MTU behind a router: the segments get smaller, the bytes come", () => {
  const lab = new Lab();
  const [a, r, b] = [lab.ns(), lab.ns(), lab.ns()];
  const [va] = lab.veth(a, r, "10.0.1.2/24", "10.0.1.1/24");
  const [vb, rb] = lab.veth(b, r, "10.0.2.2/24", "10.0.2.1/24");
  const route = (ns: NetNamespace, via: string, dev: NetDevice): void => {
    fibOf(ns)
      .table(254)
      .insert(
        {
          ...{ table: 254, prefix: 0, prefixLength: 0, tos: 0, type: 1, scope: 0, protocol: 3, priority: 0, prefSrc: 0 },
          ...{ gateway: ip(via), dev, nhScope: 253, onlink: false, mtu: 0, metrics: new Map() },
        },
        { create: true, exclusive: true, replace: false, append: false },
      );
  };
  route(a, "10.0.1.1", va);
  route(b, "10.0.2.1", vb);
  r.part(ipv4Conf).all.forwarding = 1;
  for (const dev of r.devices.values()) if (dev.ip !== undefined) dev.ip.conf.forwarding = 1;
  // The other end still says that it takes 1500 in its SYN.
  setMtu(rb, 900);
  const result = transfer(lab, a, b, "10.0.2.2", 300_000, 30);
  expect(result).toMatchObject({ got: 300_000, wrong: 0 });
  expect(result.ms).toBeLessThan(1000);
  expect(r.mib.ip.fragFails).toBeGreaterThan(0);
});

test("packets that are lost or overtaken on a real wire cost time only, and the same seed gives the same time", () => {
  const run = (seed: number): { got: number; wrong: number; ms: number } => {
    const { lab, a, b } = pair();
    const random = new Random(seed);
    for (const ns of [a, b]) {
      for (const dev of ns.devices.values()) {
        if (dev.isLoopback) continue;
        const transmit = dev.transmit.bind(dev);
        let kept: SkBuff | undefined;
        dev.transmit = (skb) => {
          const luck = random.below(1000);
          if (luck < 30 && skb.network.kind === "ipv4") skb.free();
          else if (luck < 60 && kept === undefined) kept = skb;
          else {
            transmit(skb);
            if (kept !== undefined) transmit(kept);
            kept = undefined;
          }
        };
      }
    }
    return transfer(lab, a, b, "10.0.0.2", 3_000_000, 120);
  };
  for (const seed of [1, 2, 3]) expect(run(seed)).toMatchObject({ got: 3_000_000, wrong: 0 });
  expect(run(4)).toEqual(run(4));
});

test("netem: loss on a long way, and no more than the rate allows", () => {
  const share = (percent: number): number => Math.round((percent / 100) * 0xffff_ffff);
  const none = {
    ...{ latencyNs: 0, jitterNs: 0, delayCorrelation: 0, limit: 1000, loss: 0, lossCorrelation: 0, duplicate: 0, duplicateCorrelation: 0 },
    ...{ gap: 0, reorder: 0, reorderCorrelation: 0, corrupt: 0, corruptCorrelation: 0, rate: 0 },
  };
  const over = (make: (dev: NetDevice) => NetDevice["qdisc"], total: number): { got: number; wrong: number; ms: number } => {
    const { lab, a, b } = pair();
    const dev = [...a.devices.values()].find((d) => !d.isLoopback) as NetDevice;
    lab.ping(a, "10.0.0.2");
    dev.qdisc = make(dev);
    return transfer(lab, a, b, "10.0.0.2", total, 300);
  };
  const lossy = over(
    (dev) => new Netem(dev, 0x10000, { ...none, latencyNs: 20e6, jitterNs: 5e6, loss: share(2), duplicate: share(1), reorder: share(5) }),
    1_000_000,
  );
  expect(lossy).toMatchObject({ got: 1_000_000, wrong: 0 });
  expect(lossy.ms).toBeLessThan(60_000);
  const narrow = over((dev) => new Netem(dev, 0x10000, { ...none, rate: 1_000_000 }), 2_000_000);
  expect(narrow).toMatchObject({ got: 2_000_000, wrong: 0 });
  expect(narrow.ms).toBeGreaterThan(2_000);
  expect(narrow.ms).toBeLessThan(3_000);
});

test("segments of random bytes from a packet tool neither throw nor break a connection of others", () => {
  const { lab, a, b } = pair();
  const random = new Random(9);
  const dev = [...a.devices.values()].find((d) => !d.isLoopback) as NetDevice;
  const transmit = dev.transmit.bind(dev);
  // After each honest packet some that are not.
  dev.transmit = (skb) => {
    transmit(skb);
    const { network, transport } = skb;
    if (network.kind !== "ipv4" || transport.kind !== "tcp") return;
    for (let i = 0; i < 3; i++) {
      const bad = skb.clone();
      const port = random.below(3) === 0 ? transport.srcPort : random.below(65_536);
      const flags = random.below(64) & ~(port === transport.srcPort ? 2 : 0);
      bad.transport = { ...transport, srcPort: port, seq: random.next(), ack: random.next(), flags, window: random.below(65_536) };
      bad.payload = new Uint8Array(random.below(100));
      bad.gsoSize = 0;
      bad.corrupt = random.below(4) === 0;
      transmit(bad);
    }
  };
  expect(transfer(lab, a, b, "10.0.0.2", 200_000, 60)).toMatchObject({ got: 200_000, wrong: 0 });
});

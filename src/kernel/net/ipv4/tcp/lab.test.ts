/** TCP through the whole network: namespaces, devices, tables, without programs. */

import { expect, test } from "vitest";
import { ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ETIMEDOUT } from "../../../../abi/errno.ts";
import { ip, Lab } from "../../../../machine/net-testing.ts";
import type { NetNamespace } from "../../net-namespace.ts";
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

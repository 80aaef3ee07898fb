/** UDP between namespaces: fragments, broadcasts, groups, errors that come back, many who hear one port. */

import { expect, test } from "vitest";
import { ECONNREFUSED, EHOSTUNREACH } from "../../../abi/errno.ts";
import { ip, Lab } from "../../../machine/net-testing.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { bindUdp, type KernelUdp } from "./kernel-socket.ts";
import { joinGroup } from "./multicast.ts";
import { UdpSock, udpTable } from "./udp.ts";

function pair(): { lab: Lab; a: NetNamespace; b: NetNamespace } {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  return { lab, a, b };
}

/** Hears a port and keeps what comes. */
function hear(ns: NetNamespace, addr: number, port: number): { readonly got: string[]; readonly udp: KernelUdp } {
  const got: string[] = [];
  return { got, udp: bindUdp(ns, addr, port, (bytes, from) => got.push(`${bytes.length} from ${from.port}`)) };
}

test("a datagram longer than the link comes whole, with an answer", () => {
  const { lab, a, b } = pair();
  const answers: number[] = [];
  const server = bindUdp(b, 0, 53, (bytes, from) => server.send(from.addr, from.port, bytes.subarray(0, 3000)));
  const client = bindUdp(a, 0, 0, (bytes) => answers.push(bytes.length));
  client.send(ip("10.0.0.2"), 53, new Uint8Array(5000));
  lab.advance(100);
  expect(answers).toEqual([3000]);
  expect([a.mib.ip.fragCreates, b.mib.ip.reasmOKs]).toEqual([4, 1]);
});

test("broadcasts and groups are heard by all who want them, the sender's own among them", () => {
  const { lab, a, b } = pair();
  const [here, there] = [hear(a, 0, 99), hear(b, 0, 99)];
  const sender = new UdpSock(a, { uid: 0 });
  sender.takePort(1000);
  sender.broadcast = true;
  lab.run(() => sender.sendTo(ip("10.0.0.255"), 99, new Uint8Array(5)));
  lab.advance(10);
  expect([here.got, there.got]).toEqual([["5 from 1000"], ["5 from 1000"]]);
  const group = ip("239.1.2.3");
  const [device] = [...a.devices.values()].filter((d) => !d.isLoopback);
  sender.multicastDev = device?.ifindex ?? 0;
  lab.run(() => sender.sendTo(group, 99, new Uint8Array(6)));
  lab.advance(10);
  expect(there.got.length).toBe(1);
  const [member] = [...udpTable(b).socks];
  const [link] = [...b.devices.values()].filter((d) => !d.isLoopback);
  lab.run(() => joinGroup(member as UdpSock, { group, address: 0, ifindex: link?.ifindex ?? 0 }));
  lab.run(() => sender.sendTo(group, 99, new Uint8Array(7)));
  lab.advance(10);
  expect(there.got).toEqual(["5 from 1000", "7 from 1000"]);
});

test("a connected socket learns that the port is closed, and that nobody is there", () => {
  const { lab, a } = pair();
  const open = (addr: string): UdpSock => {
    const sock = new UdpSock(a, { uid: 0 });
    sock.autobind();
    sock.connectTo(ip(addr), 7);
    lab.run(() => sock.sendTo(ip(addr), 7, new Uint8Array(1)));
    return sock;
  };
  const [closed, nobody] = [open("10.0.0.2"), open("10.0.0.77")];
  lab.advance(10);
  expect(closed.takeError()).toBe(ECONNREFUSED);
  lab.advance(4000);
  // "Host unreachable" is no final word: it is told only with IP_RECVERR.
  expect(nobody.takeError()).toBeUndefined();
  nobody.recvErr = true;
  lab.run(() => nobody.sendTo(ip("10.0.0.77"), 7, new Uint8Array(1)));
  lab.advance(4000);
  expect(nobody.takeError()).toBe(EHOSTUNREACH);
  expect(nobody.errors.length).toBe(1);
});

test("a full receive buffer drops, and counts it", () => {
  const { lab, a, b } = pair();
  const sink = new UdpSock(b, { uid: 0 });
  sink.takePort(9);
  const source = new UdpSock(a, { uid: 0 });
  source.autobind();
  for (let i = 0; i < 400; i++) lab.run(() => source.sendTo(ip("10.0.0.2"), 9, new Uint8Array(1)));
  lab.advance(10);
  // As on Linux 6.1, where each of them weighs 768 bytes.
  expect(sink.queue.length).toBe(278);
  expect([sink.drops, sink.mib.RcvbufErrors, sink.mib.InDatagrams]).toEqual([122, 122, 278]);
});

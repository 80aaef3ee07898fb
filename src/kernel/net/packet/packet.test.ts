/** Packet sockets over loopback, by system calls. */

import { expect, it } from "vitest";
import { ENETDOWN, ENXIO, type Errno } from "../../../abi/errno.ts";
import { ETH_P_ALL, ETH_P_IP } from "../../../abi/inet.ts";
import { CLONE_NEWNET } from "../../../abi/sched.ts";
import { AF_INET, AF_PACKET, MSG_DONTWAIT, type PacketAddress, SOCK_DGRAM, SOCK_RAW, SOL_PACKET } from "../../../abi/socket.ts";
import { PACKET_OUTGOING, PACKET_STATISTICS } from "../../../abi/sockopt.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { KernelUnderTest } from "../../../machine/kernel-testing.ts";
import { closeDevice, openDevice } from "../dev.ts";
import { netCoreOf } from "../net.ts";
import type { NetNamespace } from "../net-namespace.ts";

function inNewNet<T>(body: (sys: Sys, ns: NetNamespace) => Proc<T>): T {
  const k = new KernelUnderTest();
  return k.run(function* (sys) {
    yield* sys.unshare(CLONE_NEWNET);
    const [, ...rest] = netCoreOf(k.kernel).namespaces;
    const ns = rest[rest.length - 1] as NetNamespace;
    ns.core.softnet.run(() => openDevice(ns.loopback));
    return yield* body(sys, ns);
  });
}

const lo = (protocol: number): PacketAddress => ({ family: AF_PACKET, ifindex: 1, protocol, hatype: 0, pkttype: 0, mac: 0 });
const hello = Uint8Array.from("hello", (c) => c.charCodeAt(0));

it("a socket for all protocols sees what goes out and what comes in; one for IP what comes in, without link header", () => {
  inNewNet(function* (sys) {
    const all = yield* sys.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    const inward = yield* sys.socket(AF_PACKET, SOCK_DGRAM, ETH_P_IP);
    const udp = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
    yield* sys.bind(udp, { family: AF_INET, addr: 0x7f000001, port: 500 });
    yield* sys.sendmsg(udp, hello, 0, { family: AF_INET, addr: 0x7f000001, port: 500 });
    const buf = new Uint8Array(100);
    const out = yield* sys.recvmsg(all, buf, MSG_DONTWAIT);
    expect(out).toMatchObject({ length: 14 + 28 + 5, from: { ifindex: 1, protocol: ETH_P_IP, hatype: 772, pkttype: PACKET_OUTGOING } });
    expect(buf.slice(42, 47)).toEqual(hello);
    expect((yield* sys.recvmsg(all, buf, MSG_DONTWAIT)).from).toMatchObject({ pkttype: 0 });
    expect((yield* sys.recvmsg(inward, buf, MSG_DONTWAIT)).length).toBe(33);
    expect(buf[0]).toBe(0x45);
    expect(yield* sys.getsockopt(all, SOL_PACKET, PACKET_STATISTICS)).toEqual({ packets: 2, drops: 0 });
    expect(yield* sys.getsockopt(all, SOL_PACKET, PACKET_STATISTICS)).toEqual({ packets: 0, drops: 0 });
  });
});

it("what is sent comes in again; a broken packet is dropped and counted", () => {
  inNewNet(function* (sys, ns) {
    const fd = yield* sys.socket(AF_PACKET, SOCK_DGRAM, ETH_P_ALL);
    const before = ns.mib.ip.inHdrErrors;
    yield* sys.sendmsg(fd, Uint8Array.of(0x45, 0, 0, 5), 0, lo(ETH_P_IP));
    expect(ns.mib.ip.inHdrErrors).toBe(before + 1);
    for (let n = 0; n < 200; n++) {
      const junk = Uint8Array.from({ length: n % 60 }, (_, i) => (i * 37 + n * 91) & 255);
      if (junk.length > 0) junk[0] = 0x45;
      yield* sys.sendmsg(fd, junk, 0, lo(ETH_P_IP));
    }
  });
});

it("a device that goes down ends the hearing with ENETDOWN", () => {
  inNewNet(function* (sys, ns) {
    const fd = yield* sys.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    try {
      yield* sys.sendmsg(fd, new Uint8Array(20), 0);
    } catch (e) {
      expect(e).toBe(ENXIO);
    }
    yield* sys.bind(fd, lo(ETH_P_ALL));
    ns.core.softnet.run(() => closeDevice(ns.loopback));
    try {
      yield* sys.recvmsg(fd, new Uint8Array(20), MSG_DONTWAIT);
    } catch (e) {
      expect((e as Errno).name).toBe(ENETDOWN.name);
    }
    expect(ns.taps.size).toBe(0);
  });
});

/** UDP, raw and ping sockets by system calls, over loopback. */

import { describe, expect, it } from "vitest";
import { EACCES, EADDRINUSE, EAGAIN, ECONNREFUSED, EDESTADDRREQ, EMSGSIZE, Errno, ENETUNREACH } from "../../../abi/errno.ts";
import { IPPROTO_ICMP } from "../../../abi/inet.ts";
import { CLONE_NEWNET } from "../../../abi/sched.ts";
import { AF_INET, type InetAddress, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_TRUNC, SO_ERROR, SO_REUSEADDR, SOCK_DGRAM, SOCK_RAW, SOL_IP, SOL_SOCKET } from "../../../abi/socket.ts"; // biome-ignore format: one line
import { IP_RECVERR, IP_RECVTTL, IP_TTL } from "../../../abi/sockopt.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { KernelUnderTest } from "../../../machine/kernel-testing.ts";
import { openDevice } from "../dev.ts";
import { netCoreOf } from "../net.ts";

const at = (port: number, addr = 0x7f000001): InetAddress => ({ family: AF_INET, addr, port });
const bytes = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

/** Runs in a network namespace of its own, whose loopback is up. */
function inNewNet<T>(body: (sys: Sys) => Proc<T>): T {
  const k = new KernelUnderTest();
  return k.run(function* (sys) {
    yield* sys.unshare(CLONE_NEWNET);
    const [, ...rest] = netCoreOf(k.kernel).namespaces;
    const ns = rest[rest.length - 1];
    if (ns === undefined) throw new Error("no namespace");
    ns.core.softnet.run(() => openDevice(ns.loopback));
    return yield* body(sys);
  });
}

function* fails(proc: Proc<unknown>): Proc<string> {
  try {
    yield* proc;
    return "done";
  } catch (e) {
    if (e instanceof Errno) return e.name;
    throw e;
  }
}

describe("UDP", () => {
  it("carries datagrams whole, tells who sent them, and cuts what does not fit", () => {
    inNewNet(function* (sys) {
      const a = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
      const b = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
      yield* sys.bind(a, at(1000));
      yield* sys.bind(b, at(2000));
      yield* sys.setsockopt(b, SOL_IP, IP_RECVTTL, 1);
      yield* sys.setsockopt(a, SOL_IP, IP_TTL, 9);
      yield* sys.sendmsg(a, bytes("one"), 0, at(2000));
      yield* sys.sendmsg(a, bytes(""), 0, at(2000));
      yield* sys.sendmsg(a, bytes("three"), 0, at(2000));
      expect(yield* sys.ioctl(b, "FIONREAD")).toBe(3);
      const buf = new Uint8Array(4);
      expect(yield* sys.recvmsg(b, buf, 0)).toEqual({ length: 3, fds: [], flags: 0, from: at(1000), control: { ttl: 9 } });
      expect((yield* sys.recvmsg(b, buf, 0)).length).toBe(0);
      expect(yield* sys.recvmsg(b, buf, 0)).toMatchObject({ length: 4, flags: MSG_TRUNC });
      expect(yield* fails(sys.recvmsg(b, buf, MSG_DONTWAIT))).toBe(EAGAIN.name);
    });
  });

  it("a connected socket is told that nobody listens; with IP_RECVERR an unconnected one, too", () => {
    inNewNet(function* (sys) {
      const a = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
      expect(yield* fails(sys.sendmsg(a, bytes("x"), 0))).toBe(EDESTADDRREQ.name);
      yield* sys.sendmsg(a, bytes("x"), 0, at(9));
      expect(yield* sys.getsockopt(a, SOL_SOCKET, SO_ERROR)).toBe(0);
      yield* sys.connect(a, at(9));
      yield* sys.sendmsg(a, bytes("x"), 0);
      expect(yield* fails(sys.sendmsg(a, bytes("x"), 0))).toBe(ECONNREFUSED.name);
      const b = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
      yield* sys.setsockopt(b, SOL_IP, IP_RECVERR, 1);
      yield* sys.sendmsg(b, bytes("hello"), 0, at(9));
      expect(yield* fails(sys.recvmsg(b, new Uint8Array(9), MSG_DONTWAIT))).toBe(ECONNREFUSED.name);
      const buf = new Uint8Array(9);
      const got = yield* sys.recvmsg(b, buf, MSG_ERRQUEUE);
      expect(got).toMatchObject({ length: 5, from: at(9), flags: MSG_ERRQUEUE });
      expect(got.control?.error).toEqual({ errno: 111, origin: 2, type: 3, code: 3, info: 0, offender: 0x7f000001 });
    });
  });

  it("a port is shared only by those who all want to", () => {
    inNewNet(function* (sys) {
      const a = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
      const b = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
      yield* sys.bind(a, at(1000, 0));
      expect(yield* fails(sys.bind(b, at(1000)))).toBe(EADDRINUSE.name);
      const [c, d] = [yield* sys.socket(AF_INET, SOCK_DGRAM, 0), yield* sys.socket(AF_INET, SOCK_DGRAM, 0)];
      for (const fd of [c, d]) yield* sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      yield* sys.bind(c, at(1001));
      yield* sys.bind(d, at(1001));
      yield* sys.close(a);
      yield* sys.bind(b, at(1000));
    });
  });

  it("too long, without a way, without a broadcast's permission", () => {
    inNewNet(function* (sys) {
      const a = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
      expect(yield* fails(sys.sendmsg(a, new Uint8Array(70_000), 0, at(9)))).toBe(EMSGSIZE.name);
      expect(yield* fails(sys.sendmsg(a, bytes("x"), 0, at(9, 0x0a000001)))).toBe(ENETUNREACH.name);
      expect(yield* fails(sys.sendmsg(a, bytes("x"), 0, at(9, 0x7fffffff)))).toBe(EACCES.name);
    });
  });
});

describe("ICMP", () => {
  const echo = (id: number, sequence: number): Uint8Array => {
    const packet = new Uint8Array(16);
    packet.set([8, 0, 0, 0, id >>> 8, id & 255, sequence >>> 8, sequence & 255]);
    let sum = 0;
    for (let i = 0; i < 16; i += 2) sum += ((packet[i] as number) << 8) | (packet[i + 1] as number);
    packet[2] = (~sum >>> 8) & 255;
    packet[3] = ~sum & 255;
    return packet;
  };

  it("a raw socket sees the echo and its answer, with their headers", () => {
    inNewNet(function* (sys) {
      const fd = yield* sys.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
      yield* sys.sendmsg(fd, echo(7, 1), 0, at(0));
      const buf = new Uint8Array(100);
      const types: number[] = [];
      for (let i = 0; i < 2; i++) {
        expect((yield* sys.recvmsg(fd, buf, MSG_DONTWAIT)).length).toBe(36);
        types.push(buf[20] as number);
      }
      expect(types).toEqual([8, 0]);
    });
  });

  it("ping sockets are for the groups in ping_group_range only", () => {
    inNewNet(function* (sys) {
      expect(yield* fails(sys.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP))).toBe(EACCES.name);
    });
  });
});

it("buffers count for the memory of the machine, and are given back", () => {
  const k = new KernelUnderTest();
  k.run(function* (sys) {
    yield* sys.unshare(CLONE_NEWNET);
    const spaces = [...netCoreOf(k.kernel).namespaces];
    const ns = spaces[spaces.length - 1];
    ns?.core.softnet.run(() => openDevice(ns.loopback));
    const a = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
    yield* sys.bind(a, at(1000));
    for (let i = 0; i < 20; i++) yield* sys.sendmsg(a, new Uint8Array(3000), 0, at(1000));
    expect(k.kernel.memory.usedBytes.sock).toBeGreaterThan(60_000);
    expect(k.kernel.memory.usedBytes.sock % 4096).toBe(0);
  });
  k.advance(10);
  expect(k.kernel.memory.usedBytes.sock).toBe(0);
  k.check();
});

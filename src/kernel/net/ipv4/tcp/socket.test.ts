/** TCP sockets by blocking system calls, over loopback; what /proc/net and sock_diag tell of them. */

import { expect, it } from "vitest";
import { EAGAIN, ECONNABORTED, ECONNREFUSED, ECONNRESET, EINTR, EINPROGRESS, EPIPE, Errno } from "../../../../abi/errno.ts";
import { AT_FDCWD, O_RDONLY } from "../../../../abi/fcntl.ts";
import { IPPROTO_TCP } from "../../../../abi/inet.ts";
import { decodeMessages, encodeMessage, NETLINK_SOCK_DIAG, NetlinkWriter, NLM_F_DUMP, NLM_F_REQUEST } from "../../../../abi/netlink.ts";
import { POLLIN } from "../../../../abi/poll.ts";
import { CLONE_NEWNET } from "../../../../abi/sched.ts";
import { SIGALRM, SIGPIPE } from "../../../../abi/signal.ts";
import * as S from "../../../../abi/socket.ts";
import { SOCK_DESTROY, SOCK_DIAG_BY_FAMILY } from "../../../../abi/sock-diag.ts";
import { TCP_INFO } from "../../../../abi/sockopt.ts";
import type { Proc, Sys } from "../../../../abi/sys.ts";
import { KernelUnderTest } from "../../../../machine/kernel-testing.ts";
import { openDevice } from "../../dev.ts";
import { netCoreOf } from "../../net.ts";

const LOOPBACK = 0x7f000001;
const at = (port: number, addr = LOOPBACK): S.InetAddress => ({ family: S.AF_INET, addr, port });
const bytes = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

function inNewNet<T>(body: (sys: Sys) => Proc<T>): T {
  const k = new KernelUnderTest();
  const result = k.run(function* (sys) {
    yield* sys.unshare(CLONE_NEWNET);
    const spaces = [...netCoreOf(k.kernel).namespaces];
    const ns = spaces[spaces.length - 1];
    ns?.core.softnet.run(() => openDevice(ns.loopback));
    return yield* body(sys);
  });
  k.advance(100);
  k.check();
  return result;
}

function* nameOf(proc: Proc<unknown>): Proc<string> {
  try {
    yield* proc;
    return "done";
  } catch (e) {
    if (e instanceof Errno) return e.name;
    throw e;
  }
}

function* listen(sys: Sys, port: number, backlog = 5): Proc<number> {
  const fd = yield* sys.socket(S.AF_INET, S.SOCK_STREAM, 0);
  yield* sys.bind(fd, at(port));
  yield* sys.listen(fd, backlog);
  return fd;
}

function* readFile(sys: Sys, path: string): Proc<string> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY);
  const buf = new Uint8Array(65_536);
  const n = yield* sys.read(fd, buf);
  yield* sys.close(fd);
  return String.fromCharCode(...buf.subarray(0, n));
}

it("accept, connect, read and write wait for each other", () => {
  inNewNet(function* (sys) {
    const server = yield* listen(sys, 80);
    const child = yield* sys.fork(function* () {
      yield* sys.nanosleep(50e6);
      const fd = yield* sys.socket(S.AF_INET, S.SOCK_STREAM, 0);
      yield* sys.connect(fd, at(80));
      const buf = new Uint8Array(10);
      const n = yield* sys.read(fd, buf);
      yield* sys.write(fd, buf.subarray(0, n));
      return 7;
    });
    const { fd, addr } = yield* sys.accept4(server, 0);
    expect(addr).toMatchObject({ family: S.AF_INET, addr: LOOPBACK });
    yield* sys.nanosleep(50e6);
    yield* sys.write(fd, bytes("ping"));
    const buf = new Uint8Array(10);
    expect(yield* sys.recvmsg(fd, buf, S.MSG_WAITALL)).toMatchObject({ length: 4 });
    expect(yield* sys.read(fd, buf)).toBe(0);
    expect((yield* sys.wait4(child, 0)).pid).toBe(child);
  });
});

it("a writer sleeps while nobody reads, and every byte comes", () => {
  inNewNet(function* (sys) {
    const server = yield* listen(sys, 80);
    const total = 5_000_000;
    yield* sys.fork(function* () {
      const fd = yield* sys.socket(S.AF_INET, S.SOCK_STREAM, 0);
      yield* sys.connect(fd, at(80));
      const block = Uint8Array.from({ length: total }, (_, i) => (i * 7) & 255);
      return (yield* sys.write(fd, block)) === total ? 0 : 1;
    });
    const { fd } = yield* sys.accept4(server, 0);
    yield* sys.nanosleep(300e6);
    const info = (yield* sys.getsockopt(fd, S.SOL_TCP, TCP_INFO)) as S.TcpInfo;
    expect(info.bytesReceived).toBeGreaterThan(60_000);
    expect(info.bytesReceived).toBeLessThan(4_000_000);
    const buf = new Uint8Array(50_000);
    let got = 0;
    for (;;) {
      const n = yield* sys.read(fd, buf);
      if (n === 0) break;
      for (let i = 0; i < n; i += 97) if (buf[i] !== (((got + i) * 7) & 255)) throw new Error(`byte ${got + i}`);
      got += n;
    }
    expect(got).toBe(total);
  });
});

it("timeouts, signals and SIGPIPE", () => {
  inNewNet(function* (sys) {
    const server = yield* listen(sys, 80);
    yield* sys.setsockopt(server, S.SOL_SOCKET, S.SO_RCVTIMEO, 20e6);
    expect(yield* nameOf(sys.accept4(server, 0))).toBe(EAGAIN.name);
    const fd = yield* sys.socket(S.AF_INET, S.SOCK_STREAM, 0);
    yield* sys.connect(fd, at(80));
    yield* sys.setsockopt(fd, S.SOL_SOCKET, S.SO_RCVTIMEO, 20e6);
    expect(yield* nameOf(sys.read(fd, new Uint8Array(1)))).toBe(EAGAIN.name);
    yield* sys.setsockopt(fd, S.SOL_SOCKET, S.SO_RCVTIMEO, 0);
    yield* sys.rt_sigaction(SIGALRM, { handler: function* () {}, flags: 0, mask: 0n });
    yield* sys.setitimer(0, { intervalNs: 0, valueNs: 20e6 });
    expect(yield* nameOf(sys.read(fd, new Uint8Array(1)))).toBe(EINTR.name);
    let pipes = 0;
    yield* sys.rt_sigaction(SIGPIPE, { handler: function* () { pipes++; }, flags: 0, mask: 0n }); // biome-ignore format: one line
    yield* sys.shutdown(fd, S.SHUT_WR);
    expect(yield* nameOf(sys.write(fd, bytes("x")))).toBe(EPIPE.name);
    expect(yield* nameOf(sys.sendmsg(fd, bytes("x"), S.MSG_NOSIGNAL))).toBe(EPIPE.name);
    expect(pipes).toBe(1);
    expect(yield* nameOf(sys.connect(yield* sys.socket(S.AF_INET, S.SOCK_STREAM, 0), at(81)))).toBe(ECONNREFUSED.name);
  });
});

it("a nonblocking connect tells by poll and SO_ERROR how it ended", () => {
  inNewNet(function* (sys) {
    yield* listen(sys, 80);
    const ok = yield* sys.socket(S.AF_INET, S.SOCK_STREAM | S.SOCK_NONBLOCK, 0);
    expect(yield* nameOf(sys.connect(ok, at(80)))).toBe(EINPROGRESS.name);
    const bad = yield* sys.socket(S.AF_INET, S.SOCK_STREAM | S.SOCK_NONBLOCK, 0);
    expect(yield* nameOf(sys.connect(bad, at(81)))).toBe(EINPROGRESS.name);
    const fds = [ok, bad].map((fd) => ({ fd, events: 4, revents: 0 }));
    expect(yield* sys.poll(fds, 100)).toBe(2);
    expect(fds.map((f) => f.revents)).toEqual([4, 28]);
    expect([yield* sys.getsockopt(ok, S.SOL_SOCKET, S.SO_ERROR), yield* sys.getsockopt(bad, S.SOL_SOCKET, S.SO_ERROR)]).toEqual([0, 111]);
    expect(POLLIN).toBe(1);
  });
});

it("/proc/net/tcp and sock_diag list listeners, connections and TIME_WAIT", () => {
  inNewNet(function* (sys) {
    const server = yield* listen(sys, 80);
    const fd = yield* sys.socket(S.AF_INET, S.SOCK_STREAM, 0);
    yield* sys.bind(fd, at(1234));
    yield* sys.connect(fd, at(80));
    const peer = (yield* sys.accept4(server, 0)).fd;
    yield* sys.write(fd, bytes("hello"));
    const table = yield* readFile(sys, "/proc/self/net/tcp");
    const lines = table.split("\n");
    expect(lines.slice(1, 4).map((l) => l.slice(4, 64).replace(/:[0-9A-F]{8} [0-9A-F]{2}:.*/, ""))).toEqual([
      ": 0100007F:0050 00000000:0000 0A 00000000",
      ": 0100007F:04D2 0100007F:0050 01 00000000",
      ": 0100007F:0050 0100007F:04D2 01 00000000",
    ]);
    expect(lines.every((l) => l === "" || l.length === 149)).toBe(true);
    expect((yield* readFile(sys, "/proc/self/net/sockstat")).split("\n")[1]).toBe("TCP: inuse 3 orphan 0 tw 0 alloc 3 mem 1");
    expect(yield* readFile(sys, "/proc/self/net/snmp")).toMatch(/\nTcp: 1 200 120000 -1 1 1 0 0 2 /);

    const diag = yield* sys.socket(S.AF_NETLINK, S.SOCK_RAW, NETLINK_SOCK_DIAG);
    const request = new NetlinkWriter().u8(S.AF_INET).u8(IPPROTO_TCP).u8(0xff).u8(0).u32(0xffffffff).raw(new Uint8Array(48)).finish();
    const message = encodeMessage({ type: SOCK_DIAG_BY_FAMILY, flags: NLM_F_REQUEST | NLM_F_DUMP, seq: 1, pid: 0, payload: request });
    yield* sys.sendmsg(diag, message, 0);
    const buf = new Uint8Array(32_768);
    const n = yield* sys.read(diag, buf);
    const states = [...decodeMessages(buf.subarray(0, n))]
      .filter((m) => m.type === SOCK_DIAG_BY_FAMILY)
      .map((m) => [m.payload[1], m.payload[56]]);
    expect(states).toEqual([
      [10, 0],
      [1, 0],
      [1, 5],
    ]);
    // ss -K: by its ends; what the other side sees is a reset.
    const other = yield* sys.socket(S.AF_INET, S.SOCK_STREAM, 0);
    yield* sys.bind(other, at(1235));
    yield* sys.connect(other, at(80));
    const kill = new Uint8Array(56);
    kill.set([S.AF_INET, IPPROTO_TCP], 0);
    kill.set([1235 >> 8, 1235 & 255, 0, 80, 127, 0, 0, 1], 8);
    kill.set([127, 0, 0, 1], 28);
    yield* sys.sendmsg(diag, encodeMessage({ type: SOCK_DESTROY, flags: NLM_F_REQUEST, seq: 2, pid: 0, payload: kill }), 0);
    expect(yield* nameOf(sys.read(other, buf))).toBe(ECONNABORTED.name);
    expect(yield* nameOf(sys.read((yield* sys.accept4(server, 0)).fd, buf))).toBe(ECONNRESET.name);
    yield* sys.read(peer, buf);
    yield* sys.close(fd);
    yield* sys.close(peer);
    yield* sys.nanosleep(5e6);
    expect((yield* readFile(sys, "/proc/self/net/tcp")).split("\n")[2]?.slice(0, 60)).toBe(
      "   1: 0100007F:04D2 0100007F:0050 06 00000000:00000000 03:00",
    );
  });
});

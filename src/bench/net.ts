/** What the network carries: bytes of a TCP stream and connections a real second, through loopback and through a veth pair. */

import { INADDR_LOOPBACK } from "../abi/inet.ts";
import { AF_INET, MSG_WAITALL, SOCK_STREAM } from "../abi/socket.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { DEFAULT_CONFIG, Machine } from "../machine/boot.ts";
import { ip, Lab } from "../machine/net-testing.ts";
import { openDevice } from "../kernel/net/dev.ts";
import { connectTcp, listenTcp } from "../kernel/net/ipv4/kernel-socket.ts";
import { netCoreOf } from "../kernel/net/net.ts";

/** A machine whose loopback device is up. */
function booted(): Machine {
  const machine = new Machine(DEFAULT_CONFIG);
  machine.run(2e9);
  const { initNs } = netCoreOf(machine.kernel);
  initNs.core.softnet.run(() => openDevice(initNs.loopback));
  return machine;
}

/** Real seconds until `body`, a process of the machine, has ended. */
function timeBody(machine: Machine, body: (sys: Sys) => Proc<void>): number {
  let done = false;
  machine.kernel.spawnHelper("bench", () =>
    (function* () {
      yield* body(machine.kernel.sys);
      done = true;
      return 0;
    })(),
  );
  const start = performance.now();
  machine.run(Number.POSITIVE_INFINITY, () => done);
  return (performance.now() - start) / 1000;
}

function* listener(sys: Sys, port: number): Proc<number> {
  const fd = yield* sys.socket(AF_INET, SOCK_STREAM, 0);
  yield* sys.bind(fd, { family: AF_INET, addr: INADDR_LOOPBACK, port });
  yield* sys.listen(fd, 128);
  return fd;
}

/** Megabytes a second from one process to another over 127.0.0.1, in writes of 64 KiB. */
export function loopbackRate(megabytes = 512): number {
  const machine = booted();
  const seconds = timeBody(machine, function* (sys) {
    const server = yield* listener(sys, 5001);
    yield* sys.fork(function* () {
      const fd = yield* sys.socket(AF_INET, SOCK_STREAM, 0);
      yield* sys.connect(fd, { family: AF_INET, addr: INADDR_LOOPBACK, port: 5001 });
      const block = new Uint8Array(65_536);
      for (let i = 0; i < megabytes * 16; i++) yield* sys.write(fd, block);
      return 0;
    });
    const { fd } = yield* sys.accept4(server, 0);
    const buf = new Uint8Array(65_536);
    for (let got = 0; got < megabytes * 1024 * 1024; ) {
      const n = yield* sys.read(fd, buf);
      if (n === 0) throw new Error("the stream has ended early");
      got += n;
    }
  });
  return megabytes / seconds;
}

/** Connections a second over 127.0.0.1: connect, one byte there and back, close. */
export function connectRate(count = 5_000): number {
  const machine = booted();
  const seconds = timeBody(machine, function* (sys) {
    const server = yield* listener(sys, 5001);
    yield* sys.fork(function* () {
      const byte = new Uint8Array(1);
      for (;;) {
        const { fd } = yield* sys.accept4(server, 0);
        yield* sys.recvmsg(fd, byte, MSG_WAITALL);
        yield* sys.write(fd, byte);
        yield* sys.close(fd);
      }
    });
    const byte = new Uint8Array(1);
    for (let i = 0; i < count; i++) {
      const fd = yield* sys.socket(AF_INET, SOCK_STREAM, 0);
      yield* sys.connect(fd, { family: AF_INET, addr: INADDR_LOOPBACK, port: 5001 });
      yield* sys.write(fd, byte);
      yield* sys.read(fd, byte);
      yield* sys.read(fd, byte);
      yield* sys.close(fd);
    }
  });
  return count / seconds;
}

/** Megabytes a second between two namespaces over a veth pair, from kernel socket to kernel socket. */
export function vethRate(megabytes = 512): number {
  const lab = new Lab();
  const [a, b] = [lab.ns(), lab.ns()];
  lab.veth(a, b, "10.0.0.1/24", "10.0.0.2/24");
  let got = 0;
  listenTcp(b, 0, 80, (stream) => {
    stream.events = { data: (chunk) => (got += chunk.length) };
  });
  const block = new Uint8Array(1 << 20);
  let left = megabytes;
  const stream = connectTcp(a, ip("10.0.0.2"), 80, {
    drained() {
      for (let i = 0; i < 4 && left > 0; i++, left--) stream.write(block);
    },
  });
  stream.write(block);
  left--;
  const start = performance.now();
  lab.kernel.run(Number.POSITIVE_INFINITY, () => got === megabytes << 20);
  if (got !== megabytes << 20) throw new Error(`only ${got} bytes came`);
  return megabytes / ((performance.now() - start) / 1000);
}

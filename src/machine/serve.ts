/**
 * The engine's socket for clients of the host: connections to 127.0.0.1:PORT in Node become connections to /var/run/docker.sock inside. The machine's clock follows the wall's while
 * nothing runs, and goes ahead of it while something does.
 */

import { createServer, type Socket } from "node:net";
import { Errno } from "../abi/errno.ts";
import { AF_UNIX, MSG_NOSIGNAL, SHUT_WR, SOCK_CLOEXEC, SOCK_STREAM } from "../abi/socket.ts";
import type { Proc } from "../abi/sys.ts";
import { WaitQueue } from "../kernel/sched/wait-queue.ts";
import { Agent } from "./agent.ts";
import type { Machine } from "./boot.ts";

const SOCKET = "/var/run/docker.sock";
const TICK_MS = 5;
/** How far ahead of the wall the machine may go for each millisecond of it. */
const FASTEST = 20;

/** A connection of the host, and the processes of the machine that carry its bytes. */
class Bridge {
  private readonly pending: Uint8Array[] = [];
  private ended = false;
  private readonly arrived = new WaitQueue();

  constructor(
    private readonly machine: Machine,
    private readonly socket: Socket,
  ) {
    socket.on("data", (bytes: Buffer) => {
      this.pending.push(new Uint8Array(bytes));
      this.arrived.wake();
    });
    const end = (): void => {
      this.ended = true;
      this.arrived.wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);
    machine.kernel.spawnHelper("docker-bridge", () => this.carry());
  }

  private *carry(): Proc<number> {
    const { sys } = this.machine.kernel;
    try {
      const fd = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      yield* sys.connect(fd, { family: AF_UNIX, path: SOCKET });
      yield* sys.fork(() => this.carryOut(fd));
      yield* this.carryIn(fd);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.socket.end();
    }
    return 0;
  }

  private *carryIn(fd: number): Proc<void> {
    const { sys, sched } = this.machine.kernel;
    for (;;) {
      const bytes = this.pending.shift();
      if (bytes !== undefined) {
        for (let at = 0; at < bytes.length; ) at += yield* sys.sendmsg(fd, bytes.subarray(at), MSG_NOSIGNAL);
        continue;
      }
      if (this.ended) break;
      yield* sched.sleep([this.arrived]);
    }
    yield* sys.shutdown(fd, SHUT_WR);
  }

  private *carryOut(fd: number): Proc<number> {
    const { sys } = this.machine.kernel;
    const buf = new Uint8Array(65_536);
    try {
      for (let n = yield* sys.read(fd, buf); n > 0; n = yield* sys.read(fd, buf)) this.socket.write(buf.slice(0, n));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    this.socket.end();
    return 0;
  }
}

/** Starts the engine and listens. Never ends by itself; `ready` is called once it listens. */
export function serve(machine: Machine, port: number, ready: () => void): void {
  const { status, stderr } = new Agent(machine).run("systemctl start docker");
  if (status !== 0) throw new Error(stderr);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    new Bridge(machine, socket);
    setImmediate(turn);
  });
  server.listen(port, "127.0.0.1", ready);
  let last = performance.now();
  let targetNs = machine.nowNs;
  let aheadNs = 0;
  const turn = (): void => {
    const now = performance.now();
    const elapsedNs = Math.floor(Math.min(now - last, 1000) * 1e6);
    last = now;
    const late = (): boolean => performance.now() > now + 50;
    targetNs = Math.max(targetNs + elapsedNs, machine.nowNs);
    machine.run(targetNs, late);
    aheadNs = Math.max(0, aheadNs - elapsedNs * FASTEST);
    // Something is at work: it is not made to wait for the wall.
    while (!late() && aheadNs < 100e6 && machine.kernel.sched.nextEventNs <= machine.nowNs + 1e5) {
      const before = machine.nowNs;
      machine.run(before + 1e6, late);
      aheadNs += machine.nowNs - before;
    }
    targetNs = machine.nowNs;
    const { panic, halted } = machine.kernel;
    if (panic !== undefined || halted !== undefined) {
      process.stderr.write(`${panic ?? halted}\n`);
      process.exit(panic === undefined ? 0 : 1);
    }
  };
  setInterval(turn, TICK_MS);
}

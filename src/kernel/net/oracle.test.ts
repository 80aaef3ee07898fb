/** Unix sockets and pipes against a recording of a real Linux (oracle/record.py): every result, and what poll says of all descriptors after it. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Errno } from "../../abi/errno.ts";
import { O_NONBLOCK } from "../../abi/fcntl.ts";
import { POLLIN, POLLOUT, POLLRDHUP, type PollFd } from "../../abi/poll.ts";
import { SIG_IGN, SIGPIPE } from "../../abi/signal.ts";
import {
  AF_UNIX,
  MSG_CTRUNC,
  MSG_TRUNC,
  SO_ACCEPTCONN,
  SO_ERROR,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  type UnixAddress,
} from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";

type Result = number | string | readonly number[];

interface Step {
  /** Its name, the descriptor's place in the list, and the rest of the arguments. */
  readonly op: readonly [string, ...(number | string | readonly number[])[]];
  readonly result: Result;
  readonly poll: readonly number[];
}

const recorded = JSON.parse(readFileSync(new URL("oracle/sockets.golden.json", import.meta.url), "utf8")) as readonly (readonly Step[])[];
const TYPES: Readonly<Record<string, number>> = { stream: SOCK_STREAM, dgram: SOCK_DGRAM, seqpacket: SOCK_SEQPACKET };

class Replay {
  private readonly slots: number[] = [];
  private next = 0;

  constructor(private readonly sys: Sys) {}

  private *add(fd: number): Proc<void> {
    yield* this.sys.ioctl(fd, "FIONBIO", 1);
    if (this.slots.length < 10) this.slots.push(fd);
    else yield* this.sys.close(fd);
  }

  private data(n: number): Uint8Array {
    const start = this.next;
    this.next += n;
    return Uint8Array.from({ length: n }, (_, i) => (start + i) & 0xff);
  }

  *step(op: Step["op"]): Proc<{ result: Result; poll: number[] }> {
    let result: Result;
    try {
      result = yield* this.call(op);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      result = e.name;
    }
    // As in the recording, the collector of sockets in flight gets its turn after each step.
    for (const fd of yield* this.sys.socketpair(AF_UNIX, SOCK_STREAM, 0)) yield* this.sys.close(fd);
    const fds: PollFd[] = this.slots.map((fd) => ({ fd, events: POLLIN | POLLOUT | POLLRDHUP, revents: 0 }));
    yield* this.sys.poll(fds, 0);
    return { result, poll: fds.map((f) => (f.fd < 0 ? -1 : f.revents)) };
  }

  private *call(op: Step["op"]): Proc<Result> {
    const { sys } = this;
    const [kind, a, b, c] = op;
    const address = (letter: unknown): UnixAddress => ({ family: AF_UNIX, path: `\0${letter}` });
    const ends = function* (this: Replay, pair: readonly [number, number]): Proc<number> {
      yield* this.add(pair[0]);
      yield* this.add(pair[1]);
      return 0;
    }.bind(this);
    if (kind === "pipe") return yield* ends(yield* sys.pipe2(O_NONBLOCK));
    if (kind === "pair") return yield* ends(yield* sys.socketpair(AF_UNIX, TYPES[a as string] as number, 0));
    if (kind === "socket") {
      yield* this.add(yield* sys.socket(AF_UNIX, TYPES[a as string] as number, 0));
      return 0;
    }
    const fd = this.slots[a as number] as number;
    switch (kind) {
      case "close":
        yield* sys.close(fd);
        this.slots[a as number] = -1;
        return 0;
      case "write":
        return yield* sys.write(fd, this.data(b as number));
      case "read": {
        const buf = new Uint8Array(b as number);
        const n = yield* sys.read(fd, buf);
        return [n, n > 0 ? (buf[0] as number) : -1, n > 0 ? (buf[n - 1] as number) : -1];
      }
      default:
        // What is no socket fails before any byte is made.
        yield* sys.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN);
        return yield* this.socketCall(kind, fd, b, c, address);
    }
  }

  private *socketCall(kind: string, fd: number, b: unknown, c: unknown, address: (letter: unknown) => UnixAddress): Proc<Result> {
    const { sys } = this;
    switch (kind) {
      case "bind":
        yield* sys.bind(fd, address(b));
        return 0;
      case "listen":
        yield* sys.listen(fd, b as number);
        return 0;
      case "connect":
        yield* sys.connect(fd, address(b));
        return 0;
      case "accept":
        yield* this.add((yield* sys.accept4(fd, SOCK_NONBLOCK)).fd);
        return 0;
      case "send":
        return yield* sys.sendmsg(fd, this.data(b as number), c as number);
      case "sendto":
        return yield* sys.sendmsg(fd, this.data(b as number), 0, address(c));
      case "sendfd":
        return yield* sys.sendmsg(fd, this.data(b as number), 0, undefined, (c as number[]).map((i) => this.slots[i] as number)); // biome-ignore format: one line
      case "recv": {
        const buf = new Uint8Array(b as number);
        const got = yield* sys.recvmsg(fd, buf, c as number);
        for (const n of got.fds) yield* this.add(n);
        const n = Math.min(got.length, buf.length);
        // Python cuts the length that MSG_TRUNC reports.
        return [
          n,
          n > 0 ? (buf[0] as number) : -1,
          n > 0 ? (buf[n - 1] as number) : -1,
          got.fds.length,
          got.flags & (MSG_TRUNC | MSG_CTRUNC),
        ];
      }
      case "shutdown":
        yield* sys.shutdown(fd, b as number);
        return 0;
      case "error":
        return (yield* sys.getsockopt(fd, SOL_SOCKET, SO_ERROR)) as number;
      case "accepts":
        return (yield* sys.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN)) as number;
      case "queued":
        return yield* sys.ioctl(fd, "FIONREAD");
      default:
        throw new Error(`no such step: ${kind}`);
    }
  }
}

it("sockets and pipes answer as those of a real Linux did", { timeout: 30_000 }, () => {
  const k = new KernelUnderTest();
  /** The first difference of each recorded case. */
  const differences: unknown[] = [];
  for (const [i, steps] of recorded.entries()) {
    k.run(function* (sys) {
      yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
      const replay = new Replay(sys);
      for (const [n, { op, result, poll }] of steps.entries()) {
        const got = yield* replay.step(op);
        if (JSON.stringify(got) === JSON.stringify({ result, poll })) continue;
        differences.push({ case: i, step: n, op: JSON.stringify(op), recorded: { result, poll }, got });
        return;
      }
    });
  }
  expect(differences).toEqual([]);
  k.advance(100);
  expect(k.kernel.memory.usedBytes.sock).toBe(0);
  k.check();
});

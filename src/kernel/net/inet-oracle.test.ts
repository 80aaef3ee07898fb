/** Internet sockets over loopback against a recording of a real Linux (oracle/record-inet.py): every result, and what poll says of all sockets after it. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Errno } from "../../abi/errno.ts";
import { parseIpv4 } from "../../abi/inet.ts";
import { POLLIN, POLLOUT, POLLPRI, POLLRDHUP, type PollFd } from "../../abi/poll.ts";
import { CLONE_NEWNET } from "../../abi/sched.ts";
import { SIG_IGN, SIGPIPE } from "../../abi/signal.ts";
import * as S from "../../abi/socket.ts";
import { IP_MTU, IP_RECVERR, IP_TOS, IP_TTL, TCP_INFO, TCP_NODELAY } from "../../abi/sockopt.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";
import { openDevice } from "./dev.ts";
import { netCoreOf } from "./net.ts";

type Name = readonly [string, number | "any"];
type Result = number | string | readonly (number | Name | null)[] | Name;

interface Step {
  readonly op: readonly [string, ...(number | string)[]];
  readonly result: Result;
  readonly poll: readonly number[];
}

const recorded = JSON.parse(readFileSync(new URL("oracle/inet.golden.json", import.meta.url), "utf8")) as readonly (readonly Step[])[];

const TYPES: Readonly<Record<string, number>> = { stream: S.SOCK_STREAM, dgram: S.SOCK_DGRAM, raw: S.SOCK_RAW };
const ADDRESSES: Readonly<Record<string, string>> = { l: "127.0.0.1", m: "127.0.0.2", a: "0.0.0.0", x: "10.9.9.9", b: "127.255.255.255" };
const OPTIONS: Readonly<Record<string, readonly [number, number]>> = {
  reuseaddr: [S.SOL_SOCKET, S.SO_REUSEADDR],
  reuseport: [S.SOL_SOCKET, S.SO_REUSEPORT],
  type: [S.SOL_SOCKET, S.SO_TYPE],
  protocol: [S.SOL_SOCKET, S.SO_PROTOCOL],
  domain: [S.SOL_SOCKET, S.SO_DOMAIN],
  accepts: [S.SOL_SOCKET, S.SO_ACCEPTCONN],
  keepalive: [S.SOL_SOCKET, S.SO_KEEPALIVE],
  broadcast: [S.SOL_SOCKET, S.SO_BROADCAST],
  nodelay: [S.SOL_TCP, TCP_NODELAY],
  ttl: [S.SOL_IP, IP_TTL],
  tos: [S.SOL_IP, IP_TOS],
  recverr: [S.SOL_IP, IP_RECVERR],
  mtu: [S.SOL_IP, IP_MTU],
};

const address = (letter: unknown, port: unknown): S.InetAddress => ({
  family: S.AF_INET,
  addr: parseIpv4(ADDRESSES[letter as string] as string) as number,
  port: port as number,
});

/** Ports that were not chosen are random. */
function shown(a: S.SocketAddress): Name {
  if (a.family !== S.AF_INET) throw new Error("no internet address");
  return [`${a.addr >>> 24}.${(a.addr >>> 16) & 255}.${(a.addr >>> 8) & 255}.${a.addr & 255}`, a.port < 2000 ? a.port : "any"];
}

class Replay {
  private readonly fds: number[] = [];
  private next = 0;

  constructor(private readonly sys: Sys) {}

  private *add(fd: number): Proc<void> {
    yield* this.sys.ioctl(fd, "FIONBIO", 1);
    if (this.fds.length < 8) this.fds.push(fd);
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
    yield* this.sys.nanosleep(2_000_000);
    const fds: PollFd[] = this.fds.map((fd) => ({ fd, events: POLLIN | POLLOUT | POLLRDHUP | POLLPRI, revents: 0 }));
    yield* this.sys.poll(fds, 0);
    return { result, poll: fds.map((f) => (f.fd < 0 ? -1 : f.revents)) };
  }

  private *call([kind, a, b, c, d]: Step["op"]): Proc<Result> {
    const { sys } = this;
    if (kind === "socket") {
      yield* this.add(yield* sys.socket(S.AF_INET, TYPES[a as string] as number, b as number));
      return 0;
    }
    const fd = this.fds[a as number] as number;
    switch (kind) {
      case "close":
        yield* sys.close(fd);
        this.fds[a as number] = -1;
        return 0;
      case "bind":
        yield* sys.bind(fd, address(b, c));
        return 0;
      case "listen":
        yield* sys.listen(fd, b as number);
        return 0;
      case "connect":
        yield* sys.connect(fd, address(b, c));
        return 0;
      case "disconnect":
        yield* sys.connect(fd, { family: S.AF_UNSPEC });
        return 0;
      case "accept": {
        const got = yield* sys.accept4(fd, S.SOCK_NONBLOCK);
        yield* this.add(got.fd);
        return shown(got.addr);
      }
      case "send":
        return yield* sys.sendmsg(fd, this.data(b as number), S.MSG_NOSIGNAL);
      case "sendto":
        return yield* sys.sendmsg(fd, this.data(b as number), S.MSG_NOSIGNAL, address(c, d));
      case "recv":
        return yield* this.receive(fd, b as number, c as number);
      case "shutdown":
        yield* sys.shutdown(fd, b as number);
        return 0;
      default:
        return yield* this.ask(kind, fd, b, c);
    }
  }

  private *receive(fd: number, size: number, flags: number): Proc<Result> {
    const buf = new Uint8Array(size);
    const got = yield* this.sys.recvmsg(fd, buf, flags);
    // Python cuts the length that MSG_TRUNC reports.
    const n = Math.min(got.length, size);
    const stream = got.from === undefined;
    const first = n > 0 ? (buf[0] as number) : -1;
    return [
      n,
      first,
      n > 0 ? (buf[n - 1] as number) : -1,
      got.flags & S.MSG_TRUNC,
      stream || got.from === undefined ? null : shown(got.from),
    ];
  }

  private *ask(kind: string, fd: number, b: unknown, c: unknown): Proc<Result> {
    const { sys } = this;
    switch (kind) {
      case "error":
        return (yield* sys.getsockopt(fd, S.SOL_SOCKET, S.SO_ERROR)) as number;
      case "queued":
        return yield* sys.ioctl(fd, "FIONREAD");
      case "linger":
        yield* sys.setsockopt(fd, S.SOL_SOCKET, S.SO_LINGER, { on: true, seconds: 0 });
        return 0;
      case "get":
        return (yield* sys.getsockopt(fd, ...(OPTIONS[b as string] as readonly [number, number]))) as number;
      case "set":
        yield* sys.setsockopt(fd, ...(OPTIONS[b as string] as readonly [number, number]), c as number);
        return 0;
      case "name":
        return shown(yield* sys.getsockname(fd));
      case "peer":
        return shown(yield* sys.getpeername(fd));
      case "state":
        return ((yield* sys.getsockopt(fd, S.SOL_TCP, TCP_INFO)) as S.TcpInfo).state;
      default:
        throw new Error(`no such step: ${kind}`);
    }
  }
}

it("internet sockets answer as those of a real Linux did", { timeout: 60_000 }, () => {
  const k = new KernelUnderTest();
  /** The first difference of each recorded case. */
  const differences: unknown[] = [];
  for (const [i, steps] of recorded.entries()) {
    k.run(function* (sys) {
      yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
      yield* sys.unshare(CLONE_NEWNET);
      const spaces = [...netCoreOf(k.kernel).namespaces];
      const ns = spaces[spaces.length - 1];
      ns?.core.softnet.run(() => openDevice(ns.loopback));
      const replay = new Replay(sys);
      for (const [n, { op, result, poll }] of steps.entries()) {
        const got = yield* replay.step(op);
        if (n % 8 === 0) k.check();
        if (JSON.stringify(got) === JSON.stringify({ result, poll })) continue;
        differences.push({ case: i, step: n, op: JSON.stringify(op), recorded: { result, poll }, got });
        return;
      }
    });
  }
  if (process.env.INET_DIFFS !== undefined) {
    for (const d of differences) console.log(JSON.stringify(d));
    console.log(differences.length, "of", recorded.length);
  }
  expect(differences).toEqual([]);
  k.advance(100_000);
  expect(k.kernel.memory.usedBytes.sock).toBe(0);
  k.check();
});

/** Unix sockets through real tasks. Figures of buffers are those that python3 measured on Linux 6.18. */

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  EADDRINUSE,
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOENT,
  ENOTCONN,
  ENOTSOCK,
  EOPNOTSUPP,
  EPIPE,
  EPROTOTYPE,
  type Errno,
} from "../../abi/errno.ts";
import { AT_FDCWD, O_NONBLOCK } from "../../abi/fcntl.ts";
import { POLLHUP, POLLIN, POLLOUT, POLLRDHUP, type PollFd } from "../../abi/poll.ts";
import { SIG_IGN, SIGPIPE } from "../../abi/signal.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  SHUT_RD,
  SHUT_WR,
  SO_ERROR,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  type UnixAddress,
} from "../../abi/socket.ts";
import { isSock } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";

let k: KernelUnderTest;
let charged: number;

beforeEach(() => {
  k = new KernelUnderTest();
  charged = k.kernel.memory.usedBytes.sock;
});

afterEach(() => {
  k.advance(50);
  expect(k.kernel.memory.usedBytes.sock).toBe(charged);
  k.check();
});

const unix = (path: string): UnixAddress => ({ family: AF_UNIX, path });

function* errnoOf(call: Proc<unknown>): Proc<Errno | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (e) {
    return e as Errno;
  }
}

const send = (sys: Sys, fd: number, text: string, flags = 0): Proc<number> => sys.sendmsg(fd, encodeUtf8(text), flags);

function* receive(sys: Sys, fd: number, flags = 0, size = 100): Proc<string> {
  const buf = new Uint8Array(size);
  const { length } = yield* sys.recvmsg(fd, buf, flags);
  return decodeUtf8(buf, 0, Math.min(length, size));
}

function* pollOne(sys: Sys, fd: number): Proc<number> {
  const entry: PollFd = { fd, events: POLLIN | POLLOUT | POLLRDHUP, revents: 0 };
  yield* sys.poll([entry], 0);
  return entry.revents;
}

const pair = (sys: Sys, type: number): Proc<readonly [number, number]> => sys.socketpair(AF_UNIX, type, 0);

describe("stream", () => {
  it("connects by path, serves, and says who is there", () => {
    k.run(function* (sys) {
      const server = yield* sys.socket(AF_UNIX, SOCK_STREAM, 0);
      yield* sys.bind(server, unix("/tmp/s"));
      expect(isSock((yield* sys.newfstatat(AT_FDCWD, "/tmp/s", 0)).mode)).toBe(true);
      expect(yield* pollOne(sys, server)).toBe(POLLOUT | POLLHUP);
      yield* sys.listen(server, 5);
      const pid = yield* sys.fork(function* () {
        const c = yield* sys.socket(AF_UNIX, SOCK_STREAM, 0);
        yield* sys.connect(c, unix("/tmp/s"));
        expect(yield* sys.getpeername(c)).toEqual(unix("/tmp/s"));
        yield* send(sys, c, "ping");
        expect(yield* receive(sys, c)).toBe("pong");
        return 0;
      });
      const { fd, addr } = yield* sys.accept4(server, 0);
      expect(addr).toEqual(unix(""));
      expect(yield* sys.getsockname(fd)).toEqual(unix("/tmp/s"));
      expect(yield* sys.getsockopt(fd, SOL_SOCKET, SO_PEERCRED)).toEqual({ pid, uid: 0, gid: 0 });
      expect(yield* receive(sys, fd)).toBe("ping");
      yield* send(sys, fd, "pong");
      expect((yield* sys.wait4(pid, 0)).status).toBe(0);
      expect(yield* receive(sys, fd)).toBe("");
      expect(yield* pollOne(sys, fd)).toBe(POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    });
  });

  it("answers wrong use as Linux does", () => {
    k.run(function* (sys) {
      const s = yield* sys.socket(AF_UNIX, SOCK_STREAM, 0);
      expect(yield* errnoOf(sys.connect(s, unix("/tmp/none")))).toBe(ENOENT);
      expect(yield* errnoOf(sys.connect(s, unix("\0none")))).toBe(ECONNREFUSED);
      expect(yield* errnoOf(sys.listen(s, 1))).toBe(EINVAL);
      expect(yield* errnoOf(sys.accept4(s, 0))).toBe(EINVAL);
      expect(yield* errnoOf(send(sys, s, "x"))).toBe(ENOTCONN);
      expect(yield* errnoOf(receive(sys, s))).toBe(EINVAL);
      expect(yield* errnoOf(sys.getpeername(s))).toBe(ENOTCONN);
      expect(yield* sys.getsockname(s)).toEqual(unix(""));
      yield* sys.bind(s, unix("/tmp/a"));
      expect(yield* errnoOf(sys.bind(s, unix("/tmp/b")))).toBe(EINVAL);
      const other = yield* sys.socket(AF_UNIX, SOCK_STREAM, 0);
      expect(yield* errnoOf(sys.bind(other, unix("/tmp/a")))).toBe(EADDRINUSE);
      expect(yield* errnoOf(sys.connect(other, unix("/tmp/a")))).toBe(ECONNREFUSED);
      yield* sys.listen(s, 5);
      const dgram = yield* sys.socket(AF_UNIX, SOCK_DGRAM, 0);
      expect(yield* errnoOf(sys.connect(dgram, unix("/tmp/a")))).toBe(EPROTOTYPE);
      expect(yield* errnoOf(sys.listen(dgram, 1))).toBe(EOPNOTSUPP);
      yield* sys.connect(other, unix("/tmp/a"));
      expect(yield* errnoOf(sys.connect(other, unix("/tmp/a")))).toBe(EISCONN);
      expect(yield* sys.getsockopt(other, SOL_SOCKET, SO_TYPE)).toBe(SOCK_STREAM);
      const [r] = yield* sys.pipe2(0);
      expect(yield* errnoOf(sys.listen(r, 1))).toBe(ENOTSOCK);
      expect(yield* errnoOf(sys.socket(9, SOCK_STREAM, 0))).toBe(EAFNOSUPPORT);
      expect(yield* errnoOf(sys.socket(AF_UNIX, SOCK_STREAM, 6))).toBeDefined();
    });
  });

  it("makes those who connect wait while the backlog is full", () => {
    k.run(function* (sys) {
      const server = yield* sys.socket(AF_UNIX, SOCK_STREAM, 0);
      yield* sys.bind(server, unix("\0backlog"));
      yield* sys.listen(server, 1);
      const clients: number[] = [];
      for (let i = 0; i < 2; i++) {
        const c = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        yield* sys.connect(c, unix("\0backlog"));
        clients.push(c);
      }
      const third = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
      expect(yield* errnoOf(sys.connect(third, unix("\0backlog")))).toBe(EAGAIN);
      const pid = yield* sys.fork(function* () {
        const c = yield* sys.socket(AF_UNIX, SOCK_STREAM, 0);
        yield* sys.connect(c, unix("\0backlog"));
        yield* send(sys, c, "third");
        return 0;
      });
      yield* sys.nanosleep(1e7);
      let last = 0;
      for (let i = 0; i < 3; i++) last = (yield* sys.accept4(server, 0)).fd;
      expect(yield* receive(sys, last)).toBe("third");
      yield* sys.wait4(pid, 0);
      // Closing the listener resets a connection that was not accepted.
      yield* sys.connect(third, unix("\0backlog"));
      yield* sys.close(server);
      expect(yield* errnoOf(receive(sys, third))).toBe(ECONNRESET);
    });
  });

  it("fails with EPIPE after the peer has gone, with SIGPIPE unless MSG_NOSIGNAL", () => {
    k.run(function* (sys) {
      const [a, b] = yield* pair(sys, SOCK_STREAM);
      let pipes = 0;
      yield* sys.rt_sigaction(SIGPIPE, { handler: function* () { pipes++; }, flags: 0, mask: 0n }); // biome-ignore format: one line
      yield* sys.close(b);
      expect(yield* errnoOf(send(sys, a, "x", MSG_NOSIGNAL))).toBe(EPIPE);
      expect(pipes).toBe(0);
      expect(yield* errnoOf(sys.write(a, Uint8Array.of(1)))).toBe(EPIPE);
      expect(pipes).toBe(1);
      expect(yield* receive(sys, a)).toBe("");
    });
  });

  it("is reset when the peer closes with unread data", () => {
    k.run(function* (sys) {
      const [a, b] = yield* pair(sys, SOCK_STREAM);
      yield* send(sys, a, "unread");
      yield* sys.close(b);
      expect(yield* sys.getsockopt(a, SOL_SOCKET, SO_ERROR)).toBe(ECONNRESET.code);
      expect(yield* sys.getsockopt(a, SOL_SOCKET, SO_ERROR)).toBe(0);
    });
  });

  it("shuts down one direction at a time", () => {
    k.run(function* (sys) {
      yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
      const [a, b] = yield* pair(sys, SOCK_STREAM);
      yield* send(sys, a, "last");
      yield* sys.shutdown(a, SHUT_WR);
      expect(yield* errnoOf(send(sys, a, "x"))).toBe(EPIPE);
      expect(yield* pollOne(sys, b)).toBe(POLLIN | POLLOUT | POLLRDHUP);
      expect(yield* receive(sys, b)).toBe("last");
      expect(yield* receive(sys, b)).toBe("");
      yield* send(sys, b, "answer");
      expect(yield* receive(sys, a)).toBe("answer");
      yield* sys.shutdown(a, SHUT_RD);
      expect(yield* errnoOf(send(sys, b, "x"))).toBe(EPIPE);
      expect(yield* errnoOf(sys.shutdown(a, 3))).toBe(EINVAL);
    });
  });

  it("peeks, and reads over the borders of sends", () => {
    k.run(function* (sys) {
      const [a, b] = yield* pair(sys, SOCK_STREAM);
      yield* send(sys, a, "one");
      yield* send(sys, a, "two");
      expect(yield* receive(sys, b, MSG_PEEK, 4)).toBe("onet");
      expect(yield* sys.ioctl(b, "FIONREAD")).toBe(6);
      expect(yield* receive(sys, b, 0, 4)).toBe("onet");
      expect(yield* receive(sys, b)).toBe("wo");
      expect(yield* errnoOf(receive(sys, b, MSG_DONTWAIT))).toBe(EAGAIN);
    });
  });

  it("holds as much as Linux does", () => {
    k.run(function* (sys) {
      const fill = function* (type: number, size: number): Proc<number> {
        const [a, b] = yield* pair(sys, type | SOCK_NONBLOCK);
        let total = 0;
        for (;;) {
          try {
            total += yield* sys.write(a, new Uint8Array(size));
          } catch (e) {
            expect(e).toBe(EAGAIN);
            break;
          }
        }
        yield* sys.close(a);
        yield* sys.close(b);
        return total;
      };
      const stream: Record<number, number> = {
        1: 278,
        193: 32_231,
        3776: 185_024,
        3777: 166_188,
        8192: 196_608,
        65536: 233_152,
        1000000: 219_264,
      };
      for (const [size, total] of Object.entries(stream)) expect(yield* fill(SOCK_STREAM, Number(size))).toBe(total);
      const dgram: Record<number, number> = { 1: 278, 705: 65_565, 3777: 98_202, 16384: 180_224, 100000: 300_000 };
      for (const [size, total] of Object.entries(dgram)) expect(yield* fill(SOCK_DGRAM, Number(size))).toBe(total);
      const [a] = yield* pair(sys, SOCK_DGRAM);
      expect(yield* errnoOf(sys.write(a, new Uint8Array(212_961)))).toBe(EMSGSIZE);
    });
  });

  it("carries any sends to any receives unchanged", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 70_000 }),
        (sizes, readSize) => {
          const ok = k.run(function* (sys) {
            const [a, b] = yield* pair(sys, SOCK_STREAM);
            const pid = yield* sys.fork(function* () {
              yield* sys.close(b);
              let next = 0;
              for (const size of sizes) yield* sys.sendmsg(a, Uint8Array.from({ length: size }, () => next++ & 0xff), 0); // biome-ignore format: one line
              return 0;
            });
            yield* sys.close(a);
            const buf = new Uint8Array(readSize);
            let at = 0;
            let good = true;
            for (;;) {
              const n = yield* sys.read(b, buf);
              if (n === 0) break;
              for (let i = 0; i < n; i++) good &&= buf[i] === (at++ & 0xff);
            }
            yield* sys.close(b);
            yield* sys.wait4(pid, 0);
            return good && at === sizes.reduce((x, y) => x + y, 0);
          });
          expect(ok).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("packets", () => {
  it("keep their borders, are cut with MSG_TRUNC, and name their sender", () => {
    k.run(function* (sys) {
      const server = yield* sys.socket(AF_UNIX, SOCK_DGRAM, 0);
      yield* sys.bind(server, unix("\0d"));
      const client = yield* sys.socket(AF_UNIX, SOCK_DGRAM, 0);
      yield* sys.bind(client, unix("\0c"));
      yield* sys.sendmsg(client, encodeUtf8("hello"), 0, unix("\0d"));
      yield* sys.sendmsg(client, encodeUtf8(""), 0, unix("\0d"));
      const buf = new Uint8Array(3);
      expect(yield* sys.recvmsg(server, buf, 0)).toEqual({ length: 3, fds: [], flags: MSG_TRUNC, from: unix("\0c") });
      expect(yield* sys.recvmsg(server, buf, 0)).toEqual({ length: 0, fds: [], flags: 0, from: unix("\0c") });
      expect(yield* errnoOf(send(sys, client, "x"))).toBe(ENOTCONN);
      yield* sys.connect(client, unix("\0d"));
      yield* send(sys, client, "connected");
      expect((yield* sys.recvmsg(server, buf, MSG_TRUNC)).length).toBe(9);
      yield* sys.close(server);
      expect(yield* errnoOf(send(sys, client, "x"))).toBe(ECONNREFUSED);
    });
  });

  it("wait at a server that does not read, after eleven of them", () => {
    k.run(function* (sys) {
      const server = yield* sys.socket(AF_UNIX, SOCK_DGRAM, 0);
      yield* sys.bind(server, unix("\0slow"));
      const client = yield* sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      yield* sys.connect(client, unix("\0slow"));
      let n = 0;
      while ((yield* errnoOf(send(sys, client, "x"))) === undefined) n++;
      expect(n).toBe(11);
      expect(yield* pollOne(sys, client)).toBe(0);
      yield* receive(sys, server);
      expect(yield* pollOne(sys, client)).toBe(POLLOUT);
    });
  });

  it("in sequence end like a stream", () => {
    k.run(function* (sys) {
      const [a, b] = yield* pair(sys, SOCK_SEQPACKET);
      yield* send(sys, a, "one");
      yield* send(sys, a, "two");
      yield* sys.close(a);
      expect(yield* receive(sys, b)).toBe("one");
      expect(yield* receive(sys, b)).toBe("two");
      expect(yield* receive(sys, b)).toBe("");
      expect(yield* errnoOf(send(sys, b, "x"))).toBe(EPIPE);
    });
  });
});

describe("descriptors in messages", () => {
  it("become descriptors of the receiver, and a read stops behind them", () => {
    k.run(function* (sys) {
      const [a, b] = yield* pair(sys, SOCK_STREAM);
      const [r, w] = yield* sys.pipe2(0);
      yield* sys.sendmsg(a, encodeUtf8("fd"), 0, undefined, [w]);
      yield* send(sys, a, "after");
      yield* sys.close(w);
      const buf = new Uint8Array(10);
      const { length, fds } = yield* sys.recvmsg(b, buf, 0);
      expect([length, fds.length]).toEqual([2, 1]);
      expect(yield* receive(sys, b)).toBe("after");
      yield* sys.write(fds[0] as number, encodeUtf8("through"));
      expect(yield* sys.read(r, buf)).toBe(7);
      yield* sys.close(fds[0] as number);
      expect(yield* sys.read(r, buf)).toBe(0);
    });
  });

  it("keep a file open while in flight, and are closed when nobody receives them", () => {
    k.run(function* (sys) {
      const [a, b] = yield* pair(sys, SOCK_STREAM);
      const [r, w] = yield* sys.pipe2(O_NONBLOCK);
      yield* sys.sendmsg(a, encodeUtf8("x"), 0, undefined, [w]);
      yield* sys.close(w);
      expect(yield* errnoOf(sys.read(r, new Uint8Array(1)))).toBe(EAGAIN);
      yield* sys.close(a);
      yield* sys.close(b);
      expect(yield* sys.read(r, new Uint8Array(1))).toBe(0);
    });
  });

  it("that form a cycle are collected", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(O_NONBLOCK);
      const [a, b] = yield* pair(sys, SOCK_STREAM);
      const [c, d] = yield* pair(sys, SOCK_STREAM);
      // a's queue holds d and the pipe, d's queue holds a: only messages refer to them.
      yield* sys.sendmsg(b, encodeUtf8("x"), 0, undefined, [d, w]);
      yield* sys.sendmsg(c, encodeUtf8("y"), 0, undefined, [a]);
      // As in Linux, the collector runs when a socket is released: here b, and then c.
      for (const fd of [w, a, d, b, c]) yield* sys.close(fd);
      expect(yield* sys.read(r, new Uint8Array(1))).toBe(0);
      // What a queue that someone can read holds stays, and what that holds in turn.
      const [e, f] = yield* pair(sys, SOCK_STREAM);
      const [g, h] = yield* pair(sys, SOCK_STREAM);
      const [i, j] = yield* pair(sys, SOCK_STREAM);
      yield* sys.sendmsg(e, encodeUtf8("z"), 0, undefined, [f, j]);
      yield* sys.sendmsg(g, encodeUtf8("z"), 0, undefined, [f]);
      for (const fd of [f, j, g]) yield* sys.close(fd);
      expect(yield* send(sys, e, "still", MSG_NOSIGNAL)).toBe(5);
      expect(yield* send(sys, i, "there", MSG_NOSIGNAL)).toBe(5);
      yield* sys.close(h);
      expect(yield* errnoOf(send(sys, e, "gone", MSG_NOSIGNAL))).toBe(EPIPE);
      expect(yield* errnoOf(send(sys, i, "gone", MSG_NOSIGNAL))).toBe(EPIPE);
    });
  });

  it("go with the sender's credentials where SO_PASSCRED asks for them", () => {
    k.run(function* (sys) {
      const [a, b] = yield* pair(sys, SOCK_STREAM);
      yield* sys.setsockopt(b, SOL_SOCKET, SO_PASSCRED, 1);
      const pid = yield* sys.fork(function* () {
        yield* send(sys, a, "child");
        return 0;
      });
      yield* sys.wait4(pid, 0);
      yield* send(sys, a, "parent");
      const buf = new Uint8Array(100);
      const first = yield* sys.recvmsg(b, buf, 0);
      expect([first.length, first.creds?.uid]).toEqual([5, 0]);
      expect((yield* sys.recvmsg(b, buf, 0)).creds?.pid).toBe(yield* sys.getpid());
    });
  });
});

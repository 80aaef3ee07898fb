/** Pipes and FIFOs through real tasks of a booted machine. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EAGAIN, EBUSY, EINTR, ENXIO, EPIPE, type Errno } from "../../../abi/errno.ts";
import { AT_FDCWD, F_GETPIPE_SZ, F_SETPIPE_SZ, O_DIRECT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../../abi/fcntl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, type PollFd } from "../../../abi/poll.ts";
import { SIG_IGN, SIGALRM, SIGKILL, SIGPIPE } from "../../../abi/signal.ts";
import { S_IFIFO } from "../../../abi/stat.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { wTermSig } from "../../../abi/wait.ts";
import { KernelUnderTest } from "../../../machine/kernel-testing.ts";
import { Pipe } from "./pipe.ts";

const k = new KernelUnderTest();

/** The errno that `call` fails with, or undefined. */
function* errnoOf(call: Proc<unknown>): Proc<Errno | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (e) {
    return e as Errno;
  }
}

function* pollOne(sys: Sys, fd: number, events = POLLIN | POLLOUT): Proc<number> {
  const entry: PollFd = { fd, events, revents: 0 };
  yield* sys.poll([entry], 0);
  return entry.revents;
}

/** Everything up to the end of the file. */
function* slurp(sys: Sys, fd: number, chunk: number): Proc<number[]> {
  const all: number[] = [];
  const buf = new Uint8Array(chunk);
  for (;;) {
    const n = yield* sys.read(fd, buf);
    if (n === 0) return all;
    for (let i = 0; i < n; i++) all.push(buf[i] as number);
  }
}

describe("pipe", () => {
  it("holds 64 KiB, then a write without O_NONBLOCK waits for a reader", () => {
    const total = k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(O_NONBLOCK);
      let held = 0;
      for (;;) {
        try {
          held += yield* sys.write(w, new Uint8Array(1));
        } catch (e) {
          expect(e).toBe(EAGAIN);
          break;
        }
      }
      expect(yield* sys.ioctl(r, "FIONREAD")).toBe(held);
      expect(yield* pollOne(sys, w)).toBe(0);
      // One page has to be read before there is room again.
      yield* sys.read(r, new Uint8Array(4095));
      expect(yield* pollOne(sys, w)).toBe(0);
      yield* sys.read(r, new Uint8Array(1));
      expect(yield* pollOne(sys, w)).toBe(POLLOUT);
      return held;
    });
    expect(total).toBe(65_536);
  });

  it("writes up to PIPE_BUF whole or not at all, and more of it in part", () => {
    k.run(function* (sys) {
      const [, w] = yield* sys.pipe2(O_NONBLOCK);
      // One byte of the last page is taken: what does not fit behind it needs a page of its own.
      expect(yield* sys.write(w, new Uint8Array(15 * 4096))).toBe(15 * 4096);
      expect(yield* sys.write(w, new Uint8Array(1))).toBe(1);
      expect(yield* errnoOf(sys.write(w, new Uint8Array(4096)))).toBe(EAGAIN);
      expect(yield* sys.write(w, new Uint8Array(4095))).toBe(4095);
      const [, w2] = yield* sys.pipe2(O_NONBLOCK);
      expect(yield* sys.write(w2, new Uint8Array(100_000))).toBe(65_536);
    });
  });

  it("fails with EPIPE and SIGPIPE without a reader", () => {
    const status = k.run(function* (sys) {
      const pid = yield* sys.fork(function* () {
        const [r, w] = yield* sys.pipe2(0);
        yield* sys.close(r);
        yield* sys.write(w, new Uint8Array(1));
        return 0;
      });
      return (yield* sys.wait4(pid, 0)).status;
    });
    expect(wTermSig(status)).toBe(SIGPIPE);
    k.run(function* (sys) {
      yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
      const [r, w] = yield* sys.pipe2(0);
      yield* sys.close(r);
      expect(yield* errnoOf(sys.write(w, new Uint8Array(1)))).toBe(EPIPE);
      expect(yield* sys.write(w, new Uint8Array(0))).toBe(0);
      expect(yield* pollOne(sys, w)).toBe(POLLOUT | POLLERR);
    });
  });

  it("tells a blocked writer that the last reader has gone", () => {
    k.run(function* (sys) {
      yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
      const [r, w] = yield* sys.pipe2(0);
      const pid = yield* sys.fork(function* () {
        yield* sys.close(w);
        yield* sys.nanosleep(1e9);
        return 0;
      });
      yield* sys.close(r);
      expect(yield* sys.write(w, new Uint8Array(70_000))).toBe(65_536);
      yield* sys.wait4(pid, 0);
    });
  });

  it("ends with 0 and POLLHUP when the last writer has gone, after what was left in it", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(0);
      yield* sys.write(w, Uint8Array.of(1, 2, 3));
      yield* sys.close(w);
      expect(yield* pollOne(sys, r)).toBe(POLLIN | POLLHUP);
      expect(yield* slurp(sys, r, 2)).toEqual([1, 2, 3]);
      expect(yield* pollOne(sys, r)).toBe(POLLHUP);
    });
  });

  it("returns what it wrote when a signal interrupts it, else EINTR", () => {
    k.run(function* (sys) {
      yield* sys.rt_sigaction(SIGALRM, { handler: function* () {}, flags: 0, mask: 0n });
      const [r, w] = yield* sys.pipe2(0);
      yield* sys.alarm(1);
      expect(yield* sys.write(w, new Uint8Array(70_000))).toBe(65_536);
      yield* sys.alarm(1);
      expect(yield* errnoOf(sys.write(w, new Uint8Array(1)))).toBe(EINTR);
      yield* sys.read(r, new Uint8Array(65_536));
      yield* sys.alarm(1);
      expect(yield* errnoOf(sys.read(r, new Uint8Array(1)))).toBe(EINTR);
    });
  });

  it("changes its capacity by F_SETPIPE_SZ, but not below what is in it", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(O_NONBLOCK);
      expect(yield* sys.fcntl(w, F_GETPIPE_SZ)).toBe(65_536);
      expect(yield* sys.fcntl(w, F_SETPIPE_SZ, 5000)).toBe(8192);
      expect(yield* sys.write(w, new Uint8Array(10_000).fill(7))).toBe(8192);
      expect(yield* errnoOf(sys.fcntl(w, F_SETPIPE_SZ, 4096))).toBe(EBUSY);
      expect(yield* sys.fcntl(r, F_SETPIPE_SZ, 1_000_000)).toBe(1_048_576);
      expect(yield* sys.write(w, new Uint8Array(10_000).fill(8))).toBe(10_000);
      const buf = new Uint8Array(20_000);
      expect(yield* sys.read(r, buf)).toBe(18_192);
      expect([buf[0], buf[8191], buf[8192], buf[18_191]]).toEqual([7, 7, 8, 8]);
    });
  });

  it("keeps the borders of writes in packet mode", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(O_DIRECT);
      yield* sys.write(w, Uint8Array.of(1, 2, 3));
      yield* sys.write(w, Uint8Array.of(4, 5));
      const buf = new Uint8Array(2);
      expect(yield* sys.read(r, buf)).toBe(2);
      expect(yield* sys.read(r, buf)).toBe(2);
      expect([...buf]).toEqual([4, 5]);
    });
  });

  it("gives back all memory that it was charged for", () => {
    const before = k.kernel.memory.usedBytes.pipe;
    k.run(function* (sys) {
      const [, w] = yield* sys.pipe2(0);
      yield* sys.write(w, new Uint8Array(50_000));
      expect(k.kernel.memory.usedBytes.pipe).toBe(before + 53_248);
    });
    k.advance(10);
    expect(k.kernel.memory.usedBytes.pipe).toBe(before);
    k.check();
  });

  it("carries any writes to any reads unchanged, with any interleaving of tasks", () => {
    const chunk = fc.record({ size: fc.integer({ min: 1, max: 9000 }), spendNs: fc.integer({ min: 0, max: 3_000_000 }) });
    fc.assert(
      fc.property(fc.array(chunk, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 10_000 }), (chunks, readSize) => {
        const got = k.run(function* (sys) {
          const [r, w] = yield* sys.pipe2(0);
          const pid = yield* sys.fork(function* () {
            yield* sys.close(r);
            let next = 0;
            for (const { size, spendNs } of chunks) {
              const bytes = Uint8Array.from({ length: size }, () => next++ & 0xff);
              let at = 0;
              while (at < size) at += yield* sys.write(w, bytes.subarray(at));
              yield* sys.spend(spendNs);
            }
            return 0;
          });
          yield* sys.close(w);
          const bytes = yield* slurp(sys, r, readSize);
          yield* sys.wait4(pid, 0);
          return bytes;
        });
        const total = chunks.reduce((sum, c) => sum + c.size, 0);
        expect(got.length).toBe(total);
        expect(got.every((b, i) => b === (i & 0xff))).toBe(true);
      }),
      { numRuns: 40 },
    );
    k.check();
  });

  it("accepts and gives out bytes as a queue of pages does", () => {
    const step = fc.oneof(
      fc.record({ put: fc.integer({ min: 1, max: 12_000 }) }),
      fc.record({ take: fc.integer({ min: 1, max: 12_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { memory } = k.kernel;
        const pipe = new Pipe(memory, () => {});
        let written = 0;
        let read = 0;
        for (const s of steps) {
          if ("put" in s) {
            const n = pipe.put(
              Uint8Array.from({ length: s.put }, (_, i) => (written + i) & 0xff),
              0,
              true,
              false,
            );
            if (s.put <= 4096) expect([0, s.put]).toContain(n);
            // The odd part goes first where it fits behind the last bytes: what was taken is always a prefix.
            written += n;
          } else {
            const buf = new Uint8Array(s.take);
            const n = pipe.take(buf);
            expect(n).toBe(Math.min(s.take, written - read));
            for (let i = 0; i < n; i++) if (buf[i] !== ((read + i) & 0xff)) throw new Error(`byte ${read + i}`);
            read += n;
          }
          expect(pipe.available).toBe(written - read);
          expect(memory.usedBytes.pipe).toBeLessThanOrEqual(65_536);
        }
        pipe.clear();
        expect(memory.usedBytes.pipe).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});

describe("FIFO", () => {
  let serial = 0;
  function* makeFifo(sys: Sys): Proc<string> {
    const path = `/tmp/fifo${serial++}`;
    yield* sys.mknodat(AT_FDCWD, path, S_IFIFO | 0o600, 0);
    return path;
  }

  it("opens on both sides at once when they meet", () => {
    k.run(function* (sys) {
      const path = yield* makeFifo(sys);
      const pid = yield* sys.fork(function* () {
        const w = yield* sys.openat(AT_FDCWD, path, O_WRONLY);
        yield* sys.write(w, Uint8Array.of(42));
        return 0;
      });
      const r = yield* sys.openat(AT_FDCWD, path, O_RDONLY);
      expect(yield* slurp(sys, r, 10)).toEqual([42]);
      yield* sys.wait4(pid, 0);
    });
  });

  it("does not wait with O_NONBLOCK or O_RDWR", () => {
    k.run(function* (sys) {
      const path = yield* makeFifo(sys);
      expect(yield* errnoOf(sys.openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK))).toBe(ENXIO);
      const r = yield* sys.openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
      // Nobody has written yet: no hang-up.
      expect(yield* pollOne(sys, r)).toBe(0);
      expect(yield* sys.read(r, new Uint8Array(1))).toBe(0);
      const w = yield* sys.openat(AT_FDCWD, path, O_WRONLY);
      yield* sys.close(w);
      expect(yield* pollOne(sys, r)).toBe(POLLHUP);
      const both = yield* sys.openat(AT_FDCWD, path, O_RDWR);
      yield* sys.write(both, Uint8Array.of(1));
      expect(yield* pollOne(sys, r)).toBe(POLLIN);
    });
  });

  it("forgets an opener that was killed while it waited", () => {
    k.run(function* (sys) {
      const path = yield* makeFifo(sys);
      const pid = yield* sys.fork(function* () {
        yield* sys.openat(AT_FDCWD, path, O_RDONLY);
        return 0;
      });
      yield* sys.nanosleep(1e7);
      yield* sys.kill(pid, SIGKILL);
      yield* sys.wait4(pid, 0);
      expect(yield* errnoOf(sys.openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK))).toBe(ENXIO);
    });
    k.check();
  });

  it("gives EINTR to an opener that a handler interrupts", () => {
    k.run(function* (sys) {
      const path = yield* makeFifo(sys);
      yield* sys.rt_sigaction(SIGALRM, { handler: function* () {}, flags: 0, mask: 0n });
      yield* sys.alarm(1);
      expect(yield* errnoOf(sys.openat(AT_FDCWD, path, O_RDONLY))).toBe(EINTR);
      expect(yield* errnoOf(sys.openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK))).toBe(ENXIO);
    });
  });
});

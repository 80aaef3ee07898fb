/** poll, epoll, eventfd, timerfd and signalfd through real tasks. */

import { describe, expect, it } from "vitest";
import { EAGAIN, EBADF, EEXIST, EINTR, EINVAL, ELOOP, ENFILE, ENOENT, EPERM, type Errno } from "../../../abi/errno.ts";
import { AT_FDCWD, O_CREAT, O_NONBLOCK, O_RDWR } from "../../../abi/fcntl.ts";
import {
  EFD_SEMAPHORE,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLONESHOT,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  type PollFd,
} from "../../../abi/poll.ts";
import { RLIMIT_NOFILE } from "../../../abi/resource.ts";
import { SIG_BLOCK, SIGALRM, SIGCHLD, SIGUSR1, sigSet } from "../../../abi/signal.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { CLOCK_MONOTONIC } from "../../../abi/time.ts";
import { KernelUnderTest } from "../../../machine/kernel-testing.ts";

const k = new KernelUnderTest();

function* errnoOf(call: Proc<unknown>): Proc<Errno | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (e) {
    return e as Errno;
  }
}

function* readU64(sys: Sys, fd: number): Proc<bigint> {
  const buf = new Uint8Array(8);
  yield* sys.read(fd, buf);
  return new DataView(buf.buffer).getBigUint64(0, true);
}

function u64(value: bigint): Uint8Array {
  const buf = new Uint8Array(8);
  new DataView(buf.buffer).setBigUint64(0, value, true);
  return buf;
}

const fd = (n: number, events: number): PollFd => ({ fd: n, events, revents: 99 });

function* nowNs(sys: Sys): Proc<number> {
  const { sec, nsec } = yield* sys.clock_gettime(CLOCK_MONOTONIC);
  return sec * 1e9 + nsec;
}

describe("poll", () => {
  it("reports each descriptor, skips negative ones, and knows closed ones", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(0);
      const fds = [fd(r, POLLIN), fd(w, POLLIN | POLLOUT), fd(-1, POLLIN), fd(77, POLLIN)];
      expect(yield* sys.poll(fds, 0)).toBe(2);
      expect(fds.map((f) => f.revents)).toEqual([0, POLLOUT, 0, POLLNVAL]);
    });
  });

  it("sleeps until an event, or the timeout to the nanosecond", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(0);
      yield* sys.fork(function* () {
        yield* sys.nanosleep(3e8);
        yield* sys.write(w, Uint8Array.of(1));
        return 0;
      });
      const start = yield* nowNs(sys);
      expect(yield* sys.poll([fd(r, POLLIN)], -1)).toBe(1);
      const woken = yield* nowNs(sys);
      expect(woken - start).toBeGreaterThan(3e8);
      expect(woken - start).toBeLessThan(3.1e8);
      yield* sys.read(r, new Uint8Array(1));
      expect(yield* sys.poll([fd(r, POLLIN)], 500)).toBe(0);
      expect((yield* nowNs(sys)) - woken).toBeLessThan(5.01e8);
    });
  });

  it("is interrupted by a handler, whatever SA_RESTART says", () => {
    k.run(function* (sys) {
      yield* sys.rt_sigaction(SIGALRM, { handler: function* () {}, flags: 0x10000000, mask: 0n });
      yield* sys.alarm(1);
      expect(yield* errnoOf(sys.poll([], -1))).toBe(EINTR);
    });
  });

  it("ppoll lets a blocked signal in while it waits, and restores the mask", () => {
    k.run(function* (sys) {
      let seen = 0;
      yield* sys.rt_sigaction(SIGUSR1, { handler: function* () { seen++; }, flags: 0, mask: 0n }); // biome-ignore format: one line
      yield* sys.rt_sigprocmask(SIG_BLOCK, sigSet(SIGUSR1));
      yield* sys.kill(yield* sys.getpid(), SIGUSR1);
      expect(seen).toBe(0);
      expect(yield* errnoOf(sys.ppoll([], undefined, 0n))).toBe(EINTR);
      expect(seen).toBe(1);
      expect(yield* sys.rt_sigprocmask(SIG_BLOCK)).toBe(sigSet(SIGUSR1));
      expect(yield* sys.ppoll([], { sec: 0, nsec: 1000 }, 0n)).toBe(0);
      expect(yield* sys.rt_sigprocmask(SIG_BLOCK)).toBe(sigSet(SIGUSR1));
    });
  });
});

describe("epoll", () => {
  it("level-triggered reports as long as there is something, edge-triggered once a change", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(0);
      const ep = yield* sys.epoll_create1(0);
      yield* sys.epoll_ctl(ep, EPOLL_CTL_ADD, r, { events: POLLIN, data: 5 });
      expect(yield* sys.epoll_wait(ep, 10, 0)).toEqual([]);
      yield* sys.write(w, new Uint8Array(10));
      expect(yield* sys.epoll_wait(ep, 10, -1)).toEqual([{ events: POLLIN, data: 5 }]);
      expect(yield* sys.epoll_wait(ep, 10, -1)).toEqual([{ events: POLLIN, data: 5 }]);
      yield* sys.epoll_ctl(ep, EPOLL_CTL_MOD, r, { events: POLLIN | EPOLLET, data: 6 });
      expect(yield* sys.epoll_wait(ep, 10, 0)).toEqual([{ events: POLLIN, data: 6 }]);
      expect(yield* sys.epoll_wait(ep, 10, 0)).toEqual([]);
      yield* sys.write(w, new Uint8Array(1));
      expect(yield* sys.epoll_wait(ep, 10, 0)).toEqual([{ events: POLLIN, data: 6 }]);
      yield* sys.close(w);
      expect(yield* sys.epoll_wait(ep, 10, 0)).toEqual([{ events: POLLIN | POLLHUP, data: 6 }]);
    });
  });

  it("one-shot fires once until it is armed again", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(0);
      const ep = yield* sys.epoll_create1(0);
      yield* sys.epoll_ctl(ep, EPOLL_CTL_ADD, r, { events: POLLIN | EPOLLONESHOT, data: 1 });
      yield* sys.write(w, new Uint8Array(1));
      expect(yield* sys.epoll_wait(ep, 10, 0)).toHaveLength(1);
      yield* sys.write(w, new Uint8Array(1));
      expect(yield* sys.epoll_wait(ep, 10, 0)).toEqual([]);
      yield* sys.epoll_ctl(ep, EPOLL_CTL_MOD, r, { events: POLLIN | EPOLLONESHOT, data: 2 });
      expect(yield* sys.epoll_wait(ep, 10, 0)).toEqual([{ events: POLLIN, data: 2 }]);
    });
  });

  it("serves all ready descriptors in turn when maxevents is small", () => {
    k.run(function* (sys) {
      const ep = yield* sys.epoll_create1(0);
      for (let i = 0; i < 3; i++) {
        const [r, w] = yield* sys.pipe2(0);
        yield* sys.epoll_ctl(ep, EPOLL_CTL_ADD, r, { events: POLLIN, data: i });
        yield* sys.write(w, new Uint8Array(1));
      }
      const order: number[] = [];
      for (let i = 0; i < 6; i++) order.push((yield* sys.epoll_wait(ep, 1, 0))[0]?.data ?? -1);
      expect(order).toEqual([0, 1, 2, 0, 1, 2]);
    });
  });

  it("forgets a file when its last descriptor is closed", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(0);
      const ep = yield* sys.epoll_create1(0);
      yield* sys.epoll_ctl(ep, EPOLL_CTL_ADD, r, { events: POLLIN, data: 0 });
      yield* sys.write(w, new Uint8Array(1));
      yield* sys.close(r);
      expect(yield* sys.epoll_wait(ep, 1, 0)).toEqual([]);
    });
  });

  it("answers wrong use as Linux does", () => {
    k.run(function* (sys) {
      const [r] = yield* sys.pipe2(0);
      const ep = yield* sys.epoll_create1(0);
      const event = { events: POLLIN, data: 0 };
      yield* sys.epoll_ctl(ep, EPOLL_CTL_ADD, r, event);
      expect(yield* errnoOf(sys.epoll_ctl(ep, EPOLL_CTL_ADD, r, event))).toBe(EEXIST);
      expect(yield* errnoOf(sys.epoll_ctl(ep, EPOLL_CTL_ADD, 99, event))).toBe(EBADF);
      expect(yield* errnoOf(sys.epoll_ctl(ep, EPOLL_CTL_ADD, ep, event))).toBe(EINVAL);
      expect(yield* errnoOf(sys.epoll_ctl(r, EPOLL_CTL_ADD, ep, event))).toBe(EINVAL);
      yield* sys.epoll_ctl(ep, EPOLL_CTL_DEL, r);
      expect(yield* errnoOf(sys.epoll_ctl(ep, EPOLL_CTL_DEL, r))).toBe(ENOENT);
      expect(yield* errnoOf(sys.epoll_wait(ep, 0, 0))).toBe(EINVAL);
      const file = yield* sys.openat(AT_FDCWD, "/tmp/plain", O_RDWR | O_CREAT, 0o600);
      expect(yield* errnoOf(sys.epoll_ctl(ep, EPOLL_CTL_ADD, file, event))).toBe(EPERM);
      const outer = yield* sys.epoll_create1(0);
      yield* sys.epoll_ctl(outer, EPOLL_CTL_ADD, ep, event);
      expect(yield* errnoOf(sys.epoll_ctl(ep, EPOLL_CTL_ADD, outer, event))).toBe(ELOOP);
    });
  });

  it("is itself pollable, and nests", () => {
    k.run(function* (sys) {
      const [r, w] = yield* sys.pipe2(0);
      const inner = yield* sys.epoll_create1(0);
      const outer = yield* sys.epoll_create1(0);
      yield* sys.epoll_ctl(inner, EPOLL_CTL_ADD, r, { events: POLLIN, data: 1 });
      yield* sys.epoll_ctl(outer, EPOLL_CTL_ADD, inner, { events: POLLIN, data: 2 });
      yield* sys.fork(function* () {
        yield* sys.nanosleep(1e7);
        yield* sys.write(w, new Uint8Array(1));
        return 0;
      });
      expect(yield* sys.epoll_wait(outer, 5, -1)).toEqual([{ events: POLLIN, data: 2 }]);
      expect(yield* sys.poll([fd(inner, POLLIN)], -1)).toBe(1);
    });
  });
});

describe("eventfd", () => {
  it("counts, and as a semaphore gives one at a time", () => {
    k.run(function* (sys) {
      const e = yield* sys.eventfd2(3, O_NONBLOCK);
      yield* sys.write(e, u64(4n));
      expect(yield* readU64(sys, e)).toBe(7n);
      expect(yield* errnoOf(readU64(sys, e))).toBe(EAGAIN);
      const s = yield* sys.eventfd2(2, EFD_SEMAPHORE | O_NONBLOCK);
      expect([yield* readU64(sys, s), yield* readU64(sys, s)]).toEqual([1n, 1n]);
      expect(yield* errnoOf(readU64(sys, s))).toBe(EAGAIN);
      yield* sys.write(e, u64(0xffff_ffff_ffff_fffen));
      expect(yield* errnoOf(sys.write(e, u64(1n)))).toBe(EAGAIN);
      expect(yield* errnoOf(sys.write(e, u64(0xffff_ffff_ffff_ffffn)))).toBe(EINVAL);
    });
  });
});

describe("timerfd", () => {
  it("tells how many intervals have passed", () => {
    k.run(function* (sys) {
      const t = yield* sys.timerfd_create(CLOCK_MONOTONIC, 0);
      yield* sys.timerfd_settime(t, 0, { valueNs: 1e8, intervalNs: 5e7 });
      expect(yield* readU64(sys, t)).toBe(1n);
      yield* sys.nanosleep(1.7e8);
      expect(yield* readU64(sys, t)).toBe(3n);
      const old = yield* sys.timerfd_settime(t, 0, { valueNs: 0, intervalNs: 0 });
      expect(old.intervalNs).toBe(5e7);
      expect(yield* sys.poll([fd(t, POLLIN)], 200)).toBe(0);
    });
  });
});

describe("signalfd", () => {
  it("reads blocked signals as records of 128 bytes", () => {
    k.run(function* (sys) {
      const set = sigSet(SIGUSR1, SIGCHLD);
      yield* sys.rt_sigprocmask(SIG_BLOCK, set);
      const s = yield* sys.signalfd4(-1, set, 0);
      const pid = yield* sys.fork(function* () {
        yield* sys.nanosleep(1e7);
        return 3;
      });
      expect(yield* sys.poll([fd(s, POLLIN)], -1)).toBe(1);
      const buf = new Uint8Array(256);
      expect(yield* sys.read(s, buf)).toBe(128);
      const v = new DataView(buf.buffer);
      expect([v.getUint32(0, true), v.getUint32(12, true), v.getInt32(40, true)]).toEqual([SIGCHLD, pid, 3]);
    });
  });
});

describe("100,000 pipes", () => {
  it("end at ENFILE, and closing them gives everything back", () => {
    const before = { ...k.kernel.memory.usedBytes };
    const made = k.run(function* (sys) {
      yield* sys.prlimit64(0, RLIMIT_NOFILE, { cur: 1_000_000, max: 1_000_000 });
      let n = 0;
      for (;;) {
        const failure = yield* errnoOf(sys.pipe2(0));
        if (failure !== undefined) {
          expect(failure).toBe(ENFILE);
          break;
        }
        n++;
      }
      yield* sys.close_range(3, 1_000_000, 0);
      yield* sys.pipe2(0);
      return n;
    });
    expect(made).toBeGreaterThan(60_000);
    k.advance(20);
    expect(k.kernel.memory.usedBytes.pipe).toBe(before.pipe);
    k.check();
  });
});

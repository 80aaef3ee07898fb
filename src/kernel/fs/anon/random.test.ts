/**
 * Random processes that block in, pass around and fight over pipes, FIFOs, sockets, ptys and what waits for them, and that are
 * killed at any moment. When all are dead, nothing may be left of them.
 */

import fc from "fast-check";
import { expect, it } from "vitest";
import { Errno } from "../../../abi/errno.ts";
import { AT_FDCWD, F_SETPIPE_SZ, O_DIRECT, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../../abi/fcntl.ts";
import { EPOLLET, EPOLLONESHOT, POLLIN, POLLOUT } from "../../../abi/poll.ts";
import { SA_RESTART, SIG_IGN, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGSTOP, SIGTTOU, SIGUSR1, sigSet } from "../../../abi/signal.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from "../../../abi/socket.ts";
import { S_IFIFO } from "../../../abi/stat.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { ECHO, ICANON, TOSTOP } from "../../../abi/termios.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { WNOHANG } from "../../../abi/wait.ts";
import { KernelUnderTest } from "../../../machine/kernel-testing.ts";
import { Random } from "../../random.ts";
import { anonInodesInUse } from "../../task/anon-inode.ts";
import { hostDevpts } from "../devpts/devpts.ts";
import { openOutsidePty } from "../devpts/outside.ts";

class Life {
  left = 1500;

  constructor(
    readonly sys: Sys,
    readonly random: Random,
  ) {}

  pick<T>(...from: readonly T[]): T {
    return from[this.random.below(from.length)] as T;
  }

  fd(): number {
    return this.random.below(16);
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.pick(0, 1, 64, 4096, 5000, 70_000)).fill(this.pick(97, 10, 3, 4, 26));
  }

  /** Sleeps at most briefly where it can be told so, else until something comes, or death. */
  *once(depth: number): Proc<unknown> {
    const { sys, random } = this;
    const address = { family: AF_UNIX, path: this.pick("\0a", "\0b", "/tmp/sock-a", "") } as const;
    const ops: readonly (() => Proc<unknown>)[] = [
      () => sys.pipe2(this.pick(0, O_NONBLOCK, O_DIRECT)),
      () => sys.read(this.fd(), this.bytes()),
      () => sys.write(this.fd(), this.bytes()),
      () => sys.close(this.fd()),
      () => sys.dup2(this.fd(), this.fd()),
      () => sys.fcntl(this.fd(), F_SETPIPE_SZ, this.pick(1, 4096, 1_048_576)),
      () => sys.openat(AT_FDCWD, "/tmp/fifo", this.pick(O_RDONLY, O_WRONLY, O_RDWR) | this.pick(0, O_NONBLOCK)),
      () =>
        sys.openat(AT_FDCWD, this.pick("/dev/ptmx", "/dev/pts/0", "/dev/pts/1", "/dev/pts/2", "/dev/tty"), O_RDWR | this.pick(0, O_NOCTTY)),
      () => sys.ioctl(this.fd(), "TIOCSPTLCK", 0),
      () => sys.ioctl(this.fd(), "TIOCSCTTY", this.pick(0, 1)),
      () => sys.ioctl(this.fd(), "TIOCNOTTY"),
      () => sys.ioctl(this.fd(), "TIOCSTI", this.pick(3, 97, 10)),
      () => sys.ioctl(this.fd(), "TCFLSH", this.pick(0, 1, 2)),
      () => sys.ioctl(this.fd(), "TIOCSWINSZ", { rows: random.below(50), cols: 80 }),
      () => this.setForeground(),
      () => this.setTermios(),
      () => sys.socketpair(AF_UNIX, this.pick(SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET), 0),
      () => sys.socket(AF_UNIX, this.pick(SOCK_STREAM, SOCK_DGRAM), 0),
      () => sys.bind(this.fd(), address),
      () => sys.unlinkat(AT_FDCWD, "/tmp/sock-a", 0),
      () => sys.listen(this.fd(), this.pick(0, 5)),
      () => sys.accept4(this.fd(), 0),
      () => sys.connect(this.fd(), address),
      () => sys.sendmsg(this.fd(), this.bytes(), this.pick(0, 0x40, 0x4000), undefined, this.pick([], [this.fd()], [this.fd(), this.fd()])),
      () => sys.recvmsg(this.fd(), this.bytes(), this.pick(0, 2, 0x40)),
      () => sys.shutdown(this.fd(), this.pick(0, 1, 2)),
      () => sys.epoll_create1(0),
      () =>
        sys.epoll_ctl(this.fd(), this.pick(1, 2, 3), this.fd(), { events: POLLIN | this.pick(0, POLLOUT, EPOLLET, EPOLLONESHOT), data: 7 }),
      () => sys.epoll_wait(this.fd(), 3, this.pick(0, 5, -1)),
      () => sys.poll([{ fd: this.fd(), events: POLLIN, revents: 0 }, { fd: this.fd(), events: POLLOUT, revents: 0 }], this.pick(0, 3, -1)), // biome-ignore format: one line
      () => sys.eventfd2(random.below(3), 0),
      () => sys.timerfd_create(1, 0),
      () => sys.timerfd_settime(this.fd(), 0, { valueNs: random.below(5e6), intervalNs: this.pick(0, 1e6) }),
      () => sys.signalfd4(-1, sigSet(SIGUSR1), this.pick(0, O_NONBLOCK)),
      () => sys.rt_sigaction(this.pick(SIGPIPE, SIGTTOU, SIGHUP), { handler: SIG_IGN, flags: 0, mask: 0n }),
      () => sys.rt_sigaction(this.pick(SIGINT, SIGUSR1), { handler: function* () {}, flags: this.pick(0, SA_RESTART), mask: 0n }),
      () => sys.kill(this.pick(4, 5, 6, 7, 8, 9, 10), this.pick(SIGUSR1, SIGKILL, SIGSTOP, SIGCONT, SIGINT)),
      () => sys.setsid(),
      () => sys.setpgid(0, 0),
      () => sys.wait4(-1, WNOHANG),
      () => sys.nanosleep(random.below(2e6)),
    ];
    if (depth < 4 && random.below(12) === 0) return yield* sys.fork(() => this.run(depth + 1));
    return yield* (ops[random.below(ops.length)] as () => Proc<unknown>)();
  }

  *setForeground(): Proc<void> {
    const { sys } = this;
    yield* sys.ioctl(this.fd(), "TIOCSPGRP", yield* sys.getpgid(0));
  }

  *setTermios(): Proc<void> {
    const { sys } = this;
    const fd = this.fd();
    const t = yield* sys.ioctl(fd, "TCGETS");
    yield* sys.ioctl(fd, this.pick("TCSETS", "TCSETSF"), { ...t, lflag: t.lflag ^ this.pick(ICANON, ECHO, TOSTOP) });
  }

  *run(depth: number): Proc<number> {
    // Sent now and then from outside, so that nobody waits for ever.
    yield* this.sys.rt_sigaction(SIGUSR1, { handler: function* () {}, flags: this.pick(0, SA_RESTART), mask: 0n });
    while (this.left-- > 0) {
      try {
        yield* this.once(depth);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
      if (depth > 0 && this.random.below(60) === 0) break;
    }
    return 0;
  }
}

it("processes that die while they wait leave nothing behind", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (seed) => {
      const k = new KernelUnderTest();
      const { kernel } = k;
      const before = { inodes: anonInodesInUse(kernel), pipe: kernel.memory.usedBytes.pipe, sock: kernel.memory.usedBytes.sock };
      const random = new Random(seed);
      const terminal = openOutsidePty(kernel, { rows: 24, cols: 80 });
      const old = new Set(kernel.tasks);
      k.spawn(function* (sys) {
        yield* sys.mknodat(AT_FDCWD, "/tmp/fifo", S_IFIFO | 0o666, 0);
        for (let i = 0; i < 4; i++) yield* sys.fork(() => new Life(sys, random).run(0));
        return 0;
      });
      for (let i = 0; i < 40; i++) {
        terminal.input(encodeUtf8(random.below(3) === 0 ? "\x03" : "some text\n"));
        k.advance(3);
        terminal.readOutput(5000);
        for (const task of kernel.tasks) if (!old.has(task) && random.below(2) === 0) kernel.signals.sendToProcess(SIGUSR1, task.tg);
        if (i === 30) terminal.close();
      }
      for (let round = 0; round < 3; round++) {
        for (const task of kernel.tasks) if (!old.has(task)) kernel.signals.sendToProcess(SIGKILL, task.tg);
        k.advance(20);
      }
      k.check();
      const after = { inodes: anonInodesInUse(kernel), pipe: kernel.memory.usedBytes.pipe, sock: kernel.memory.usedBytes.sock };
      expect({ seed, tasks: [...kernel.tasks].filter((t) => !old.has(t)).map((t) => `${t.comm} ${t.state}`), ...after }).toEqual({
        seed,
        tasks: [],
        ...before,
      });
      expect(Array.from({ length: 50 }, (_, i) => hostDevpts(kernel).find(i)).filter((pair) => pair !== undefined)).toEqual([]);
    }),
    { numRuns: Number(process.env.RUNS ?? 12), endOnFailure: true },
  );
});

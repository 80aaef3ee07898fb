import { describe, expect, test } from "vitest";
import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR } from "../../abi/fcntl.ts";
import {
  GETALL,
  GETNCNT,
  GETVAL,
  GETZCNT,
  IPC_CREAT,
  IPC_EXCL,
  IPC_NOWAIT,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_STAT,
  MSG_EXCEPT,
  MSG_NOERROR,
  SEM_UNDO,
  SETALL,
  SETVAL,
} from "../../abi/ipc.ts";
import { CLONE_NEWIPC } from "../../abi/sched.ts";
import { SIG_DFL, SIGKILL, SIGUSR1 } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";

function* errnoOf(call: () => Proc<unknown>): Proc<string> {
  try {
    yield* call();
    return "ok";
  } catch (e) {
    if (e instanceof Errno) return e.name;
    throw e;
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

function run<T>(body: (sys: Sys, k: KernelUnderTest) => Proc<T>): T {
  const k = new KernelUnderTest();
  const result = k.run((sys) => body(sys, k));
  k.check();
  return result;
}

/** Runs `body` in a child and waits for it. */
function* inChild(sys: Sys, body: () => Proc<number>, flags = 0): Proc<void> {
  yield* sys.wait4(yield* sys.clone3({ flags }, body), 0);
}

describe("keys and ids", () => {
  test("a key is found again, IPC_PRIVATE never, IPC_EXCL refuses what is there", () => {
    const seen = run(function* (sys) {
      const first = yield* sys.msgget(5, IPC_CREAT | 0o600);
      const again = yield* sys.msgget(5, 0);
      const own = yield* sys.msgget(IPC_PRIVATE, 0o600);
      return [
        first,
        again,
        own,
        yield* errnoOf(() => sys.msgget(5, IPC_CREAT | IPC_EXCL)),
        yield* errnoOf(() => sys.msgget(6, 0)),
        yield* errnoOf(() => sys.msgctl(9, IPC_STAT)),
      ];
    });
    expect(seen).toEqual([0, 0, 1, "EEXIST", "ENOENT", "EINVAL"]);
  });

  test("a place that is used again gives another id, and the old one is said to be removed", () => {
    const seen = run(function* (sys) {
      for (let i = 0; i < 64; i++) yield* sys.msgctl(yield* sys.msgget(IPC_PRIVATE, 0o600), IPC_RMID);
      const id = yield* sys.msgget(IPC_PRIVATE, 0o600);
      return [id, yield* errnoOf(() => sys.msgctl(0, IPC_STAT))];
    });
    expect(seen).toEqual([32_768, "EIDRM"]);
  });
});

describe("shared memory", () => {
  test("pages are charged to who touches them first, once, and go with the segment", () => {
    const seen = run(function* (sys, k) {
      const used = (): number => k.kernel.memory.usedBytes.shmem;
      const before = used();
      const id = yield* sys.shmget(IPC_PRIVATE, 40_960, 0o600);
      const at = yield* sys.shmat(id, 0, 0);
      const steps = [used() - before];
      yield* sys.touch(at, 8192);
      steps.push(used() - before);
      yield* inChild(sys, function* () {
        yield* sys.touch(at, 8192);
        steps.push(used() - before);
        yield* sys.touch(at, 40_960);
        return 0;
      });
      steps.push(used() - before);
      yield* sys.shmdt(at);
      steps.push(used() - before);
      yield* sys.shmctl(id, IPC_RMID);
      return [...steps, used() - before];
    });
    expect(seen).toEqual([0, 8192, 8192, 40_960, 40_960, 0]);
  });

  test("attachments are counted through fork, exec-less exit and removal", () => {
    const seen = run(function* (sys) {
      const id = yield* sys.shmget(3, 4096, IPC_CREAT | 0o600);
      const at = yield* sys.shmat(id, 0, 0);
      const counts: unknown[] = [(yield* sys.shmctl(id, IPC_STAT))?.nattch];
      yield* inChild(sys, function* () {
        counts.push((yield* sys.shmctl(id, IPC_STAT))?.nattch);
        return 0;
      });
      counts.push((yield* sys.shmctl(id, IPC_STAT))?.nattch);
      yield* sys.shmctl(id, IPC_RMID);
      const left = yield* sys.shmctl(id, IPC_STAT);
      counts.push(left?.perm.key, ((left?.perm.mode ?? 0) & 0o1000) !== 0, yield* errnoOf(() => sys.shmget(3, 0, 0)));
      yield* sys.shmdt(at);
      return [...counts, yield* errnoOf(() => sys.shmctl(id, IPC_STAT)), yield* errnoOf(() => sys.shmdt(at))];
    });
    expect(seen).toEqual([1, 2, 1, 0, true, "ENOENT", "EINVAL", "EINVAL"]);
  });
});

describe("semaphores", () => {
  test("who waits goes on when the value is there; all operations of a call or none", () => {
    const seen = run(function* (sys) {
      const id = yield* sys.semget(IPC_PRIVATE, 2, 0o600);
      const order: string[] = [];
      const child = yield* sys.fork(function* () {
        yield* sys.semtimedop(id, [
          { num: 0, op: -2, flg: 0 },
          { num: 1, op: 1, flg: 0 },
        ]);
        order.push("child");
        return 0;
      });
      yield* sys.nanosleep(1_000_000);
      order.push(`waits ${yield* sys.semctl(id, 0, GETNCNT)}`);
      yield* sys.semtimedop(id, [{ num: 0, op: 1, flg: 0 }]);
      order.push(`one ${yield* sys.semctl(id, 1, GETVAL)}`);
      yield* sys.semtimedop(id, [{ num: 0, op: 1, flg: 0 }]);
      yield* sys.wait4(child, 0);
      return [...order, String(yield* sys.semctl(id, 0, GETALL))];
    });
    expect(seen).toEqual(["waits 1", "one 0", "child", "0,1"]);
  });

  test("SEM_UNDO gives back at the end, SETVAL forgets", () => {
    const seen = run(function* (sys) {
      const id = yield* sys.semget(IPC_PRIVATE, 1, 0o600);
      const values: unknown[] = [];
      yield* inChild(sys, function* () {
        yield* sys.semtimedop(id, [{ num: 0, op: 5, flg: SEM_UNDO }]);
        values.push(yield* sys.semctl(id, 0, GETVAL));
        return 0;
      });
      values.push(yield* sys.semctl(id, 0, GETVAL));
      yield* inChild(sys, function* () {
        yield* sys.semtimedop(id, [{ num: 0, op: 5, flg: SEM_UNDO }]);
        yield* sys.semctl(id, 0, SETVAL, 3);
        return 0;
      });
      return [...values, yield* sys.semctl(id, 0, GETVAL)];
    });
    expect(seen).toEqual([5, 0, 3]);
  });

  test("waiting for zero, with an end, and without waiting", () => {
    const seen = run(function* (sys) {
      const id = yield* sys.semget(IPC_PRIVATE, 1, 0o600);
      yield* sys.semctl(id, 0, SETALL, [1]);
      const out = [yield* errnoOf(() => sys.semtimedop(id, [{ num: 0, op: 0, flg: IPC_NOWAIT }]))];
      out.push(yield* errnoOf(() => sys.semtimedop(id, [{ num: 0, op: 0, flg: 0 }], { sec: 0, nsec: 1_000_000 })));
      const child = yield* sys.fork(function* () {
        yield* sys.semtimedop(id, [{ num: 0, op: 0, flg: 0 }]);
        return 7;
      });
      yield* sys.nanosleep(1_000_000);
      out.push(String(yield* sys.semctl(id, 0, GETZCNT)));
      yield* sys.semtimedop(id, [{ num: 0, op: -1, flg: 0 }]);
      out.push(String((yield* sys.wait4(child, 0)).status >> 8));
      out.push(yield* errnoOf(() => sys.semtimedop(id, [{ num: 4, op: 0, flg: 0 }])));
      out.push(yield* errnoOf(() => sys.semtimedop(id, [{ num: 0, op: 32_768, flg: 0 }])));
      return out;
    });
    expect(seen).toEqual(["EAGAIN", "EAGAIN", "1", "7", "EFBIG", "ERANGE"]);
  });

  test("removal and death end the waiting", () => {
    const seen = run(function* (sys) {
      const id = yield* sys.semget(IPC_PRIVATE, 1, 0o600);
      let outcome = "";
      const waits = function* (): Proc<number> {
        outcome = yield* errnoOf(() => sys.semtimedop(id, [{ num: 0, op: -1, flg: 0 }]));
        return 0;
      };
      const killed = yield* sys.fork(waits);
      const other = yield* sys.fork(waits);
      yield* sys.nanosleep(1_000_000);
      yield* sys.kill(killed, SIGKILL);
      yield* sys.wait4(killed, 0);
      const left = yield* sys.semctl(id, 0, GETNCNT);
      yield* sys.semctl(id, 0, IPC_RMID);
      yield* sys.wait4(other, 0);
      return [left, outcome];
    });
    expect(seen).toEqual([1, "EIDRM"]);
  });
});

describe("message queues", () => {
  test("messages are chosen by type", () => {
    const seen = run(function* (sys) {
      const id = yield* sys.msgget(IPC_PRIVATE, 0o600);
      for (const [mtype, data] of [
        [3, "c"],
        [1, "a"],
        [2, "b"],
        [1, "A"],
      ] as const)
        yield* sys.msgsnd(id, { mtype, data: bytes(data) }, 0);
      const take = function* (type: number, flags = 0): Proc<string> {
        return text((yield* sys.msgrcv(id, 100, type, IPC_NOWAIT | flags)).data);
      };
      const out = [yield* take(2), yield* take(-2), yield* take(1, MSG_EXCEPT), yield* take(0)];
      return [...out, yield* errnoOf(() => sys.msgrcv(id, 10, 0, IPC_NOWAIT))];
    });
    expect(seen).toEqual(["b", "a", "c", "A", "ENOMSG"]);
  });

  test("a full queue makes the sender wait, a short buffer is refused or cuts", () => {
    const seen = run(function* (sys) {
      const id = yield* sys.msgget(IPC_PRIVATE, 0o600);
      const big = new Uint8Array(8192);
      yield* sys.msgsnd(id, { mtype: 1, data: big }, 0);
      yield* sys.msgsnd(id, { mtype: 1, data: big }, 0);
      const out = [yield* errnoOf(() => sys.msgsnd(id, { mtype: 1, data: bytes("x") }, IPC_NOWAIT))];
      const child = yield* sys.fork(function* () {
        yield* sys.msgsnd(id, { mtype: 9, data: bytes("late") }, 0);
        return 0;
      });
      yield* sys.nanosleep(1_000_000);
      out.push(yield* errnoOf(() => sys.msgrcv(id, 10, 1, 0)));
      yield* sys.msgrcv(id, 10, 1, MSG_NOERROR);
      yield* sys.wait4(child, 0);
      out.push(text((yield* sys.msgrcv(id, 10, 9, 0)).data));
      out.push(yield* errnoOf(() => sys.msgsnd(id, { mtype: 0, data: bytes("") }, 0)));
      out.push(yield* errnoOf(() => sys.msgsnd(id, { mtype: 1, data: new Uint8Array(8193) }, 0)));
      return out;
    });
    expect(seen).toEqual(["EAGAIN", "E2BIG", "late", "EINVAL", "EINVAL"]);
  });
});

describe("POSIX queues", () => {
  test("the highest priority first, the oldest among equals", () => {
    const seen = run(function* (sys) {
      const fd = yield* sys.mq_open("q", O_CREAT | O_RDWR, 0o600);
      for (const [data, priority] of [
        ["low", 1],
        ["first", 5],
        ["second", 5],
      ] as const)
        yield* sys.mq_timedsend(fd, bytes(data), priority);
      const { curmsgs } = yield* sys.mq_getsetattr(fd);
      const out: unknown[] = [curmsgs];
      for (let i = 0; i < 3; i++) out.push(text((yield* sys.mq_timedreceive(fd, 8192)).data));
      return [
        ...out,
        yield* errnoOf(() => sys.mq_timedreceive(fd, 100)),
        yield* errnoOf(() => sys.mq_timedreceive(fd, 8192, { sec: 1, nsec: 0 })),
      ];
    });
    expect(seen).toEqual([3, "first", "second", "low", "EMSGSIZE", "ETIMEDOUT"]);
  });

  test("a notification comes once, for a message that nobody waits for", () => {
    const seen = run(function* (sys) {
      const fd = yield* sys.mq_open("q", O_CREAT | O_RDWR | O_NONBLOCK, 0o600);
      const told: number[] = [];
      yield* sys.rt_sigaction(SIGUSR1, {
        handler: function* (_sig, info) {
          told.push(info.code);
          yield* sys.getpid();
        },
        flags: 0,
        mask: 0n,
      });
      yield* sys.mq_notify(fd, { signo: SIGUSR1 });
      const busy = yield* errnoOf(() => sys.mq_notify(fd, { signo: SIGUSR1 }));
      yield* sys.mq_timedsend(fd, bytes("a"), 0);
      yield* sys.mq_timedsend(fd, bytes("b"), 0);
      yield* sys.rt_sigaction(SIGUSR1, { handler: SIG_DFL, flags: 0, mask: 0n });
      return [busy, ...told];
    });
    expect(seen).toEqual(["EBUSY", -3]);
  });

  test("names, modes and the last close", () => {
    const seen = run(function* (sys, k) {
      const slab = k.kernel.memory.usedBytes.slab;
      const fd = yield* sys.mq_open("q", O_CREAT | O_RDWR, 0o600);
      yield* sys.mq_timedsend(fd, bytes("kept"), 0);
      const out = [
        yield* errnoOf(() => sys.mq_open("q", O_CREAT | 0o200 | O_RDWR, 0o600)),
        yield* errnoOf(() => sys.mq_open("/q", O_RDONLY)),
        yield* errnoOf(() => sys.mq_open("none", O_RDONLY)),
        yield* errnoOf(() => sys.mq_timedsend(99, bytes(""), 0)),
      ];
      yield* sys.mq_unlink("q");
      out.push(text((yield* sys.mq_timedreceive(fd, 8192)).data), yield* errnoOf(() => sys.mq_unlink("q")));
      yield* sys.close(fd);
      return [...out, String(k.kernel.memory.usedBytes.slab - slab)];
    });
    expect(seen).toEqual(["EEXIST", "EACCES", "ENOENT", "EBADF", "kept", "ENOENT", "0"]);
  });
});

describe("IPC namespaces", () => {
  test("each has its own objects, and the last process takes them along", () => {
    const seen = run(function* (sys, k) {
      const { usedBytes } = k.kernel.memory;
      const before = usedBytes.shmem + usedBytes.slab;
      const out: unknown[] = [];
      yield* sys.msgget(7, IPC_CREAT | 0o600);
      yield* inChild(
        sys,
        function* () {
          out.push(yield* errnoOf(() => sys.msgget(7, 0)));
          const id = yield* sys.shmget(8, 8192, IPC_CREAT | 0o600);
          const at = yield* sys.shmat(id, 0, 0);
          yield* sys.touch(at, 8192);
          const queue = yield* sys.msgget(7, IPC_CREAT | 0o600);
          yield* sys.msgsnd(queue, { mtype: 1, data: bytes("inside") }, 0);
          const mq = yield* sys.mq_open("m", O_CREAT | O_RDWR, 0o600);
          yield* sys.mq_timedsend(mq, bytes("inside"), 0);
          out.push(usedBytes.shmem + usedBytes.slab - before);
          return 0;
        },
        CLONE_NEWIPC,
      );
      out.push(
        usedBytes.shmem + usedBytes.slab - before,
        yield* errnoOf(() => sys.shmget(8, 0, 0)),
        yield* errnoOf(() => sys.mq_unlink("m")),
      );
      return out;
    });
    expect(seen).toEqual(["ENOENT", 8192 + 2 * (48 + 6), 0, "ENOENT", "ENOENT"]);
  });

  test("a semaphore is given back when its namespace is left", () => {
    const seen = run(function* (sys) {
      const id = yield* sys.semget(IPC_PRIVATE, 1, 0o600);
      const values: unknown[] = [];
      const [reader, writer] = yield* sys.pipe2(0);
      const child = yield* sys.fork(function* () {
        yield* sys.semtimedop(id, [{ num: 0, op: 4, flg: SEM_UNDO }]);
        yield* sys.unshare(CLONE_NEWIPC);
        yield* sys.write(writer, new Uint8Array(1));
        yield* sys.nanosleep(1e9);
        return 0;
      });
      yield* sys.read(reader, new Uint8Array(1));
      values.push(yield* sys.semctl(id, 0, GETVAL));
      yield* sys.kill(child, SIGKILL);
      yield* sys.wait4(child, 0);
      return values;
    });
    expect(seen).toEqual([0]);
  });
});

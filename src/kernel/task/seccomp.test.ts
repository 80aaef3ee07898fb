import { describe, expect, test } from "vitest";
import { EACCES, EINVAL, EPERM, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_RDONLY } from "../../abi/fcntl.ts";
import { PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS } from "../../abi/sched.ts";
import type { SeccompAction, SeccompFilter } from "../../abi/seccomp.ts";
import { SIGSYS } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";

const on = (names: readonly string[], action: SeccompAction): SeccompFilter => ({
  defaultAction: { action: "allow" },
  rules: [{ names, ...action }],
});

/** How a child ends that sets `filter` and then does `body`. */
function endOf(filter: SeccompFilter, body: (sys: Sys) => Proc<number>): number {
  return new KernelUnderTest().run(function* (sys) {
    const child = yield* sys.fork(function* () {
      yield* sys.seccomp(filter);
      return yield* body(sys);
    });
    return (yield* sys.wait4(child, 0)).status;
  });
}

function* attempt(call: Proc<unknown>): Proc<Errno | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (e) {
    if (e instanceof Errno) return e;
    throw e;
  }
}

describe("seccomp", () => {
  test("errno refuses the call and nothing else", () => {
    const status = endOf(on(["getppid"], { action: "errno", errno: 13 }), function* (sys) {
      const refused = yield* attempt(sys.getppid());
      yield* sys.getpid();
      return refused === EACCES ? 1 : 2;
    });
    expect(status >> 8).toBe(1);
  });

  test("kill_process ends it by SIGSYS with a core", () => {
    expect(endOf(on(["getppid"], { action: "kill_process" }), (sys) => sys.getppid())).toBe(SIGSYS | 0x80);
  });

  test("trap sends SIGSYS, which can be caught", () => {
    const status = endOf(on(["getppid"], { action: "trap" }), function* (sys) {
      let caught = 0;
      yield* sys.rt_sigaction(SIGSYS, {
        handler: function* () {
          caught++;
          yield* sys.getpid();
        },
        flags: 0,
        mask: 0n,
      });
      yield* attempt(sys.getppid());
      return caught;
    });
    expect(status >> 8).toBe(1);
  });

  test("log lets the call through", () => {
    expect(endOf(on(["getppid"], { action: "log" }), (sys) => sys.getppid()) & 0x7f).toBe(0);
  });

  test("children inherit filters, more filters only narrow, and status tells", () => {
    const k = new KernelUnderTest();
    const seen = k.run(function* (sys) {
      yield* sys.seccomp(on(["getppid"], { action: "errno", errno: 1 }));
      yield* sys.seccomp(on(["getppid"], { action: "allow" }));
      let outcome: Errno | undefined;
      const child = yield* sys.fork(function* () {
        outcome = yield* attempt(sys.getppid());
        return 0;
      });
      yield* sys.wait4(child, 0);
      const fd = yield* sys.openat(AT_FDCWD, "/proc/self/status", O_RDONLY);
      const buf = new Uint8Array(4096);
      const text = decodeUtf8(buf, 0, yield* sys.read(fd, buf));
      return [outcome, yield* sys.prctl(PR_GET_SECCOMP), /^Seccomp:\t.*\nSeccomp_filters:\t.*$/m.exec(text)?.[0]];
    });
    expect(seen).toEqual([EPERM, 2, "Seccomp:\t2\nSeccomp_filters:\t2"]);
  });

  test("who has no CAP_SYS_ADMIN must have given up new privileges", () => {
    const filter = on(["getppid"], { action: "log" });
    const seen = new KernelUnderTest().run(function* (sys) {
      yield* sys.setresuid(1000, 1000, 1000);
      const without = yield* attempt(sys.seccomp(filter));
      yield* sys.prctl(PR_SET_NO_NEW_PRIVS, 1);
      return [without, yield* attempt(sys.seccomp(filter)), yield* attempt(sys.seccomp(on(["x"], { action: "errno", errno: 9999 })))];
    });
    expect(seen).toEqual([EACCES, undefined, EINVAL]);
  });
});

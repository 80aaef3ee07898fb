/** A kernel for tests of system calls: its only program is the test itself, which runs as PID 1 on an almost empty root. */

import { Errno } from "../abi/errno.ts";
import type { Proc, Program, Sys } from "../abi/sys.ts";
import { type FillEntry, fillTmpfs } from "./fs/tmpfs/fill.ts";
import { Kernel } from "./kernel.ts";
import { findBuiltIn } from "./modules.ts";

const DIRS = ["/", "/sbin", "/dev", "/proc", "/tmp", "/mnt"];

const rootfs: readonly FillEntry[] = [
  ...DIRS.map((path) => ({ kind: "dir" as const, path, mode: path === "/tmp" ? 0o1777 : 0o755, mtimeSec: 0 })),
  {
    kind: "elf",
    path: "/sbin/init",
    mode: 0o755,
    elf: { type: "ET_EXEC", needed: [], program: "test", voice: "gnu" },
    sizeBytes: 4096,
    mtimeSec: 0,
  },
];

export interface KernelRun<T> {
  readonly kernel: Kernel;
  readonly value: T;
}

/** Runs `body` as PID 1 until it ends, at most a virtual hour. Throws what it throws. */
export function runKernel<T>(body: (sys: Sys, kernel: Kernel) => Proc<T>, memoryBytes = 256 * 1024 ** 2): KernelRun<T> {
  let outcome: { value: T } | { thrown: unknown } | undefined;
  const program: Program = function* (sys) {
    try {
      outcome = { value: yield* body(sys, kernel) };
    } catch (thrown) {
      outcome = { thrown };
    }
    return 0;
  };
  const config = { cpus: 2, memoryBytes, startSec: 1_767_225_600, hostname: "test", seed: 1 };
  const kernel = new Kernel(config, () => program, findBuiltIn);
  fillTmpfs(kernel.rootfs, rootfs);
  kernel.boot();
  kernel.run(3600e9, () => outcome !== undefined);
  if (outcome === undefined) throw new Error(`the test did not end: ${kernel.panic ?? kernel.crashes.join("\n")}`);
  if ("thrown" in outcome) throw outcome.thrown;
  return { kernel, value: outcome.value };
}

/** The errno that a call fails with; undefined where it succeeds. */
export function* errnoOf<T>(call: () => Proc<T>): Generator<undefined, Errno | undefined, void> {
  try {
    yield* call();
    return undefined;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return e;
  }
}

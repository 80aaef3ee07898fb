/** What a container costs at least: a process in namespaces of its own that executes a program and ends. The peer is this computer's own kernel. */

import { spawnSync } from "node:child_process";
import { CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS } from "../abi/sched.ts";
import { DEFAULT_CONFIG, Machine } from "../machine/boot.ts";
import { boot } from "../machine/testing.ts";

const SCRIPT = (count: number): string => `for ((i = 0; i < ${count}; i++)); do unshare -m -u -i -p -f /bin/true; done`;

/** `unshare -m -u -i -p -f /bin/true` from a shell, a second. */
export function unshareExecRate(count = 300): number {
  const machine = boot();
  machine.run(SCRIPT(20));
  const start = performance.now();
  const { status, stderr } = machine.run(SCRIPT(count));
  if (status !== 0) throw new Error(stderr);
  return count / ((performance.now() - start) / 1000);
}

/** The same script on this computer; undefined where it may not make namespaces. */
export function realUnshareExecRate(count = 300): number | undefined {
  const run = (n: number): boolean => spawnSync("bash", ["-c", SCRIPT(n)], { stdio: "ignore" }).status === 0;
  if (!run(20)) return undefined;
  const start = performance.now();
  run(count);
  return count / ((performance.now() - start) / 1000);
}

/** clone3 with four new namespaces, execve of /bin/true, and wait, a second: without a shell and without unshare(1). */
export function cloneExecRate(count = 2_000): number {
  const machine = new Machine(DEFAULT_CONFIG);
  machine.run(2e9);
  const { sys } = machine.kernel;
  let done = false;
  machine.kernel.spawnHelper("bench", () =>
    (function* () {
      const flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID;
      for (let i = 0; i < count; i++) {
        const pid = yield* sys.clone3({ flags }, () => sys.execve("/bin/true", ["true"], new Map()));
        yield* sys.wait4(pid, 0);
      }
      done = true;
      return 0;
    })(),
  );
  const start = performance.now();
  machine.run(Number.POSITIVE_INFINITY, () => done);
  return count / ((performance.now() - start) / 1000);
}

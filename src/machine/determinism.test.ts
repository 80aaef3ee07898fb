import { describe, expect, test } from "vitest";
import type { InputLog } from "../bridge/messages.ts";
import { DEFAULT_CONFIG, Machine } from "./boot.ts";
import { loadAllPrograms } from "./programs.ts";
import { hashOfSession, hashTrace, replayHash } from "./trace-hash.ts";

await loadAllPrograms();

/** Types on a terminal, with frames of odd lengths in between as a page would have them. */
function session(frames: readonly number[]): { machine: Machine; digest: () => string } {
  const machine = new Machine(DEFAULT_CONFIG);
  const hash = hashTrace(machine);
  machine.take({ type: "open", terminal: 1, rows: 24, cols: 80 });
  let next = 0;
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; ) {
      const frame = Math.min(left, frames[next++ % frames.length] as number);
      machine.run(machine.nowNs + frame * 1e6);
      left -= frame;
    }
  };
  pass(1500);
  machine.take({
    type: "type",
    terminal: 1,
    text: "for i in 1 2 3 4; do (head -c 8 /dev/urandom | md5sum; echo $RANDOM; sleep 0.1) & done; wait\r",
  });
  pass(1203);
  machine.take({ type: "type", terminal: 1, text: "while :; do :; done\r" });
  pass(777);
  machine.take({ type: "type", terminal: 1, text: "\x03" });
  pass(500);
  return { machine, digest: () => hash.digest };
}

/**
 * As in the page's worker: each module, and each program but the first ones, is not there when it is first asked for. `late` is how often
 * somebody had to wait.
 */
function makeLate(machine: Machine): { late: number } {
  const kernel = machine.kernel as { -readonly [K in "findModuleCode" | "findProgram"]: (typeof machine.kernel)[K] };
  const { findModuleCode, findProgram } = kernel;
  const seen = new Set<string>(["init", "bash"]);
  const count = { late: 0 };
  const isThere = (name: string): boolean => {
    if (seen.has(name)) return true;
    seen.add(name);
    count.late++;
    return false;
  };
  kernel.findModuleCode = (module) => (isThere(`module ${module.name}`) ? findModuleCode(module) : undefined);
  kernel.findProgram = (name, argv, voice) => (isThere(name) ? findProgram(name, argv, voice) : "loading");
  return count;
}

/** Uses every module, from several processes at once. */
const USES_ALL = [
  "cat /proc/net/dev & ipcmk -Q & (while :; do :; done) & ip -br address; ls /proc/sys/net/ipv4 | wc -l\r",
  "mkdir -p /tmp/o/l /tmp/o/u /tmp/o/w /tmp/o/m; mount -t overlay o -o lowerdir=/tmp/o/l,upperdir=/tmp/o/u,workdir=/tmp/o/w /tmp/o/m; kill %3\r",
  "unshare -n ip -br link; sysctl kernel.shmmax; ping -c 1 example.com; ls /sys/class/net\r",
];

/** The hash of a session with frames of odd lengths; where code is not there, the machine is run again until it goes on. */
function hashWithModules(late: boolean): {
  readonly digest: string;
  readonly waits: number;
  readonly log: InputLog;
  readonly endNs: number;
} {
  const machine = new Machine(DEFAULT_CONFIG);
  const hash = hashTrace(machine);
  const count = late ? makeLate(machine) : { late: 0 };
  const pass = (ms: number): void => {
    const untilNs = machine.nowNs + ms * 1e6;
    while (machine.run(untilNs) === "stalled");
  };
  machine.take({ type: "open", terminal: 1, rows: 24, cols: 80 });
  for (const text of USES_ALL) {
    pass(703);
    machine.take({ type: "type", terminal: 1, text });
  }
  pass(2000);
  return { digest: hash.digest, waits: count.late, log: machine.log, endNs: machine.nowNs };
}

test("code that comes late leaves no trace", () => {
  const late = hashWithModules(true);
  expect(late.waits).toBeGreaterThan(12);
  expect(late.digest).toBe(hashWithModules(false).digest);
  expect(late.digest).toBe(replayHash(late.log, late.endNs));
});

test("a key that is typed while code is on its way comes in a replay at the same instant", () => {
  const machine = new Machine(DEFAULT_CONFIG);
  const hash = hashTrace(machine);
  makeLate(machine);
  machine.take({ type: "open", terminal: 1, rows: 24, cols: 80 });
  for (let frame = 0; frame < 200; frame++) {
    if (machine.run(machine.nowNs + 3e6) === "stalled") machine.take({ type: "type", terminal: 1, text: "ip link; cat /proc/net/route\r" });
  }
  expect(machine.inputs.length).toBeGreaterThan(3);
  expect(replayHash(machine.log, machine.nowNs)).toBe(hash.digest);
});

describe("the same seed and inputs", () => {
  test("give the same trace again", () => {
    expect(hashOfSession()).toBe(hashOfSession());
  });

  test("give the same trace after a replay of the input log", () => {
    const { machine, digest } = session([16]);
    expect(replayHash(machine.log, machine.nowNs)).toBe(digest());
  });

  test("give another trace for another seed", () => {
    const { machine, digest } = session([16]);
    const other = { ...machine.log, config: { ...machine.config, seed: 2 } };
    expect(replayHash(other, machine.nowNs)).not.toBe(digest());
  });

  test("survive being stopped at any frame: replayed in other steps, the log gives the same trace", () => {
    const { machine, digest } = session([1, 7, 40, 3]);
    expect(replayHash(machine.log, machine.nowNs)).toBe(digest());
  });
});

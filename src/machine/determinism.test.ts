import { describe, expect, test } from "vitest";
import { DEFAULT_CONFIG, Machine } from "./boot.ts";
import { hashOfSession, hashTrace, replayHash } from "./trace-hash.ts";

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

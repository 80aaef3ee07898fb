import { expect, test } from "vitest";
import { fitsSettings, formatView, makeConfig, parseSettings, parseView } from "./url-state.ts";

test("a view survives the way through the address", () => {
  for (const state of [{ view: "processes", pid: 12 } as const, { view: "text", pid: undefined } as const]) {
    expect(parseView(formatView(state))).toEqual(state);
  }
});

test("nonsense in the address is the default", () => {
  expect(parseView("#view=<script>&pid=-1")).toEqual({ view: "processes", pid: undefined });
  expect(parseSettings("?seed=abc&speed=NaN&cpus=0&mem=9e9")).toEqual({
    seed: undefined,
    startSec: undefined,
    cpus: 1,
    memoryBytes: 2 ** 31,
    pace: { kind: "speed", factor: 1 },
  });
});

test("speeds: a factor, zero for paused, max for as fast as possible", () => {
  expect(parseSettings("?speed=0.1").pace).toEqual({ kind: "speed", factor: 0.1 });
  expect(parseSettings("?speed=0").pace).toEqual({ kind: "paused" });
  expect(parseSettings("?speed=max").pace).toEqual({ kind: "asap" });
});

test("a kept session fits unless the address asks for another machine", () => {
  const config = makeConfig(parseSettings(""), 1e12, 5);
  expect(config).toMatchObject({ seed: 5, startSec: 1e9, cpus: 4, hostname: "drydock" });
  expect(fitsSettings(parseSettings(""), config)).toBe(true);
  expect(fitsSettings(parseSettings("?seed=6"), config)).toBe(false);
  expect(fitsSettings(parseSettings("?cpus=2"), config)).toBe(false);
});

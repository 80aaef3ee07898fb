import { expect, test } from "vitest";
import { fitsSettings, formatView, makeConfig, parseSettings, parseView, type ViewState } from "./url-state.ts";

test("a view survives the way through the address", () => {
  const states = [
    { view: "processes", asText: false, selection: { kind: "task", pid: 12 } },
    { view: "namespaces", asText: true, selection: { kind: "namespace", ino: 4026531836 } },
    { view: "cgroups", asText: false, selection: { kind: "cgroup", id: 34 } },
    { view: "files", asText: true, selection: { kind: "mount", id: 25 } },
    { view: "layers", asText: false, selection: { kind: "overlay", id: 30 } },
    { view: "cgroups", asText: false, selection: undefined },
  ].map((state) => ({ ...state, seenFrom: undefined }) as ViewState);
  for (const state of states) expect(parseView(formatView(state))).toEqual(state);
  const [first] = states;
  expect(parseView(formatView({ ...(first as ViewState), seenFrom: 4026532001 })).seenFrom).toBe(4026532001);
});

test("an address from when the text was a view of its own still leads there", () => {
  expect(parseView("#view=text&pid=12")).toMatchObject({ view: "processes", asText: true, selection: { kind: "task", pid: 12 } });
});

test("nonsense in the address is the default", () => {
  expect(parseView("#view=<script>&pid=-1")).toEqual({ view: "cutaway", asText: false, selection: undefined, seenFrom: undefined });
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

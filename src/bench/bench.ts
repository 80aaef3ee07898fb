/** `npm run bench`: one line a figure: name, ours, peer's, ratio. Peers run in the same process, one after the other. */

import { chromium } from "@playwright/test";
import { build } from "vite";
import { boot } from "../machine/testing.ts";
import { bootMs, fileRate, getpidRate, measure, type Micro, pipeRate } from "./micro.ts";
import { copyUpCost, lookupCost, readdirCost, statCost } from "./overlay.ts";
import { line } from "./line.ts";
import { connectRate, loopbackRate, vethRate } from "./net.ts";
import { curlRate, idleEvents, ncRate } from "./net-programs.ts";
import { cloneExecRate, realUnshareExecRate, unshareExecRate } from "./isolation.ts";
import { openJustBash } from "./peers.ts";
import { boundCost, runnableCost, treeCost, wakeCost } from "./sched.ts";

const rate = (n: number, unit = "/s"): string =>
  n >= 1e6 ? `${(n / 1e6).toFixed(2)} M${unit}` : n >= 1e3 ? `${(n / 1e3).toFixed(1)} k${unit}` : `${n.toFixed(1)} ${unit}`;

/** The best of some rounds, in seconds: what disturbs a run only makes it longer. */
async function best(rounds: number, run: () => Promise<void> | void): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await run();
    least = Math.min(least, (performance.now() - start) / 1000);
  }
  return least;
}

interface Script {
  readonly name: string;
  readonly script: string;
  /** How many of the thing the name tells the script does. */
  readonly count: number;
}

const scripts: readonly Script[] = [
  { name: "exec+wait (/bin/true)", script: "for i in $(seq 1 1000); do /bin/true; done", count: 1000 },
  { name: "exec+wait with output (/bin/echo)", script: "for i in $(seq 1 1000); do /bin/echo hello; done >/dev/null", count: 1000 },
  { name: "loop iterations ([ ], $((i+1)))", script: "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; echo $i", count: 50_000 },
  { name: "three-stage pipelines", script: "for i in $(seq 1 300); do echo hello | cat | wc -c; done >/dev/null", count: 300 },
];

async function againstJustBash(): Promise<void> {
  const machine = boot();
  const peer = await openJustBash();
  for (const { name, script, count } of scripts) {
    machine.run(script);
    const ours = await best(5, () => {
      const { status, stderr } = machine.run(script);
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
    });
    await peer.exec(script);
    const theirs = await best(3, async () => {
      await peer.exec(script);
    });
    line(name, rate(count / ours), rate(count / theirs), `${(theirs / ours).toFixed(1)}×`);
  }
}

/** The same measures in a web worker of a real Chromium. */
async function inChromium(): Promise<Micro> {
  const output = await build({
    configFile: false,
    logLevel: "error",
    build: { write: false, minify: true, target: "es2023", lib: { entry: "src/bench/worker.ts", formats: ["iife"], name: "bench" } },
  });
  const bundles = Array.isArray(output) ? output : [output];
  const chunk = bundles.flatMap((b) => ("output" in b ? b.output : [])).find((o) => o.type === "chunk");
  if (chunk === undefined || chunk.type !== "chunk") throw new Error("the bench was not bundled");
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    return await page.evaluate(
      (code) =>
        new Promise<Micro>((resolve, reject) => {
          const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
          worker.onmessage = (e) => resolve(e.data as Micro);
          worker.onerror = (e) => reject(new Error(e.message));
        }),
      chunk.code,
    );
  } finally {
    await browser.close();
  }
}

line("figure", "ours", "peer", "ratio");
await againstJustBash();
getpidRate(500_000);
line("getpid, Node", rate(getpidRate()), "aim 10 M/s", "");
line("64-byte pipe operations, Node", rate(pipeRate()), "aim 2 M/s", "");
line("open+fstat+read+close calls, Node", rate(fileRate()), "", "");
line("clone into 4 namespaces+exec+wait, Node", rate(cloneExecRate()), "", "");
const [unshares, realUnshares] = [unshareExecRate(), realUnshareExecRate()];
line(
  "unshare -muipf /bin/true from bash (real kernel)",
  rate(unshares),
  realUnshares === undefined ? "" : rate(realUnshares),
  realUnshares === undefined ? "" : `${(unshares / realUnshares).toFixed(1)}×`,
);
loopbackRate(32);
line("TCP through loopback, Node", rate(loopbackRate(), "MB/s"), "", "");
line("TCP through a veth pair, Node", rate(vethRate(), "MB/s"), "", "");
line("TCP connections, a byte each way, Node", rate(connectRate()), "", "");
for (const [name, unit, { ours, real }] of [
  ["curl, httpd through veth+bridge+NAT (real kernel)", "/s", curlRate()],
  ["nc through a veth pair (real kernel)", "MB/s", ncRate()],
] as const) {
  const peer = real === undefined ? "no root or tools" : rate(real, unit);
  line(name, rate(ours, unit), peer, real === undefined ? "" : `${(ours / real).toFixed(2)}×`);
}
line("idle network of 100 namespaces, timers/s", idleEvents().toFixed(3), "aim 0", "");
const growth = (few: number, many: number): string => `${few.toFixed(0)} → ${many.toFixed(0)} ns`;
function grows(name: string, of: (n: number) => number, from: number, to: number): void {
  of(from);
  const [few, many] = [of(from), of(to)];
  line(`${name}, ${from} → ${to}`, growth(few, many), "log n", `${(many / few).toFixed(1)}×`);
}
grows("scheduler, runnable tasks", runnableCost, 10, 10_000);
grows("scheduler, half of them bound", boundCost, 10, 10_000);
grows("scheduler, cgroups side by side", (n) => treeCost(n, 1), 10, 10_000);
grows("scheduler, levels of cgroups", (n) => treeCost(10, n), 1, 32);
grows("scheduler, sleepers woken by timers", wakeCost, 10, 10_000);
/** As grows(), for what should not depend on it. */
function stays(name: string, of: (n: number) => number, from: number, to: number, aim: string): void {
  of(from);
  const least = (n: number): number => Math.min(of(n), of(n), of(n));
  const [few, many] = [least(from), least(to)];
  line(`${name}, ${from} → ${to}`, growth(few, many), aim, `${(many / few).toFixed(1)}×`);
}
stays("overlay readdir a name, layers", readdirCost, 1, 100, "constant");
stays("overlay stat, cached, layers", statCost, 1, 100, "constant");
stays("overlay first lookup, layers", lookupCost, 1, 100, "linear");
stays("overlay copy-up, layers", copyUpCost, 1, 100, "linear");
await import("./docker-lines.ts");
line("boot to prompt, Node", `${bootMs().toFixed(1)} ms`, "aim 50 ms", "");
const micro = await inChromium();
line("getpid, Chromium worker", rate(micro.getpid), "aim 10 M/s", "");
line("64-byte pipe operations, Chromium worker", rate(micro.pipe), "aim 2 M/s", "");
line("open+fstat+read+close calls, Chromium worker", rate(micro.file), "", "");
line("boot to prompt, Chromium worker", `${micro.bootMs.toFixed(1)} ms`, "aim 50 ms", "");
line("trace hash, Node = Chromium", measure().hash === micro.hash ? "equal" : "DIFFERENT", micro.hash, "");

/** What Docker costs: a container's life, many containers, a list of them, a pull. The peer is a real engine, where DOCKER_HOST leads to one. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { boot, type TestMachine } from "../machine/testing.ts";

/** Makes the image of the cases from busybox, without a network. */
const PREPARE = readFileSync(join(process.cwd(), "src/parity/docker/prepare.sh"), "utf8");
const RUN = "docker run --rm alpine true";

/** User and system CPU time of this process, seconds: what others do on this computer does not count. */
function cpuSec(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Runs a script that must not fail. Returns wall and CPU seconds. */
function timed(machine: TestMachine, script: string): { wall: number; cpu: number } {
  const [cpu, start] = [cpuSec(), performance.now()];
  const { status, stderr } = machine.run(script);
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return { wall: (performance.now() - start) / 1000, cpu: cpuSec() - cpu };
}

/** A machine with an engine that runs and an image. */
function bootEngine(memoryBytes = 2 * 2 ** 30): TestMachine {
  const machine = boot({ memoryBytes });
  timed(machine, `systemctl start docker\n${PREPARE}`);
  return machine;
}

export interface Runs {
  /** Wall time of one, seconds. */
  readonly ours: number;
  /** Undefined where there is no real engine, or no image on it. */
  readonly real: number | undefined;
}

/** `docker run --rm alpine true` from a shell. */
export function runTime(): Runs {
  const machine = bootEngine();
  const ten = `for i in 1 2 3 4 5 6 7 8 9 10; do ${RUN}; done`;
  for (let i = 0; i < 5; i++) timed(machine, ten);
  const ours = Math.min(...Array.from({ length: 5 }, () => timed(machine, ten).wall / 10));
  machine.check();
  return { ours, real: realRunTime() };
}

function realRunTime(): number | undefined {
  if (process.env.DOCKER_HOST === undefined) return undefined;
  const run = (): boolean => spawnSync("docker", RUN.split(" ").slice(1), { stdio: "ignore", timeout: 30_000 }).status === 0;
  // The first one may fetch the image.
  if (!run()) return undefined;
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    run();
    return (performance.now() - start) / 1000;
  });
  return Math.min(...times);
}

export interface Many {
  readonly count: number;
  /** CPU seconds of `docker run -d` of each of those that came since the row before. */
  readonly startEach: number;
  /** CPU seconds of `docker run --rm` beside so many. */
  readonly runBeside: number;
  /** Wall seconds of `docker ps`. */
  readonly list: number;
}

/** Ever more containers that run side by side; afterwards all are stopped and removed, and nothing is left. */
export function manyContainers(
  counts: readonly number[],
  report: (row: Many) => void,
): { total: number; left: string; residentBytes: number } {
  const machine = bootEngine(16 * 2 ** 30);
  const census =
    "ps -e -o comm= | sort | uniq -c; ip -o link | wc -l; findmnt -rn | wc -l; find /sys/fs/cgroup -type d | wc -l; iptables-save | grep -c DOCKER";
  for (let i = 0; i < 40; i++) timed(machine, RUN);
  const before = machine.run(census).stdout;
  const start = performance.now();
  let have = 0;
  for (const count of counts) {
    const { cpu } = timed(machine, `for ((i = ${have}; i < ${count}; i++)); do docker run -d alpine sleep 1000000 > /dev/null; done`);
    const beside = timed(machine, `for i in 1 2 3 4 5; do ${RUN}; done`).cpu / 5;
    const lists = [1, 2, 3].map(() => timed(machine, "docker ps > /dev/null").wall);
    report({ count, startEach: cpu / (count - have), runBeside: beside, list: Math.min(...lists) });
    have = count;
  }
  machine.check();
  const residentBytes = process.memoryUsage().rss;
  timed(machine, "docker rm -f $(docker ps -aq) > /dev/null; sleep 1");
  machine.check();
  const after = machine.run(census).stdout;
  return { total: (performance.now() - start) / 1000, left: after === before ? "nothing" : `${before}${after}`, residentBytes };
}

/** Wall seconds of `docker pull alpine`, from the machine's own registry. */
export function pullTime(): number {
  const machine = boot();
  timed(machine, "systemctl start docker");
  const pulls = [1, 2, 3].map(() => {
    const { wall } = timed(machine, "docker pull -q alpine > /dev/null");
    timed(machine, "docker rmi alpine > /dev/null");
    return wall;
  });
  return Math.min(...pulls);
}

/** top of busybox: `procps/top.c`, as Alpine builds it. Keys: q, N, P, M, T, R, and any other to draw again. */

import type { Proc } from "../../abi/sys.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import type { Command } from "../libc/command.ts";
import { IdNames } from "../libc/passwd.ts";
import { busyboxArgs, smartKib } from "../ps/busybox.ts";
import { type Sample, Sampler, type Task } from "./sample.ts";
import { Keyboard } from "./keyboard.ts";

type Order = "N" | "P" | "M" | "T";

const orders: Readonly<Record<Order, (t: Task) => number>> = {
  N: (t) => t.p.pid,
  P: (t) => t.cpu,
  M: (t) => t.virtKib,
  T: (t) => t.ticks,
};

function lines(sample: Sample, order: Order, reversed: boolean, cols: number, rows: number): string[] {
  const m = (key: string): number => sample.memory.get(key) ?? 0;
  const p = (n: number): string => `${Math.round(n)}%`.padStart(4);
  const { total: t } = sample;
  const running = sample.tasks.filter((task) => task.p.state === "R").length;
  const head = [
    `Mem: ${m("MemTotal") - m("MemFree")}K used, ${m("MemFree")}K free, ${m("Shmem")}K shrd, ${m("Buffers")}K buff, ${m("Cached")}K cached`,
    `CPU: ${p(t.us)} usr ${p(t.sy)} sys ${p(t.ni)} nic ${p(t.id)} idle ${p(t.wa)} io ${p(t.hi)} irq ${p(t.si)} sirq`,
    `Load average: ${sample.loads.slice(0, 3).join(" ")} ${running}/${sample.tasks.length} ${sample.loads[4] ?? ""}`,
    "  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND",
  ];
  const key = orders[order];
  const sign = reversed ? -1 : 1;
  const tasks = [...sample.tasks].sort((a, b) => sign * (key(b) - key(a)) || a.p.pid - b.p.pid);
  const cpus = Math.max(1, sample.cpus.length);
  const memory = Math.max(1, m("MemTotal"));
  const body = tasks.slice(0, Math.max(0, rows - head.length)).map((task) => {
    const { p: one } = task;
    const state = one.state + (one.nice < 0 ? " <" : one.nice > 0 ? " N" : "");
    return (
      `${String(one.pid).padStart(5)} ${String(one.ppid).padStart(5)} ${task.user.slice(0, 8).padEnd(8)} ${state.padEnd(4)} ` +
      `${smartKib(task.virtKib).padStart(5)} ${p((100 * task.virtKib) / memory)} ${String(one.processor).padStart(3)} ${p(task.cpu / cpus)} ${busyboxArgs(one)}`
    );
  });
  return [...head, ...body].map((line) => line.slice(0, cols));
}

export function* busyboxTop(c: Command): Proc<number> {
  const { options } = yield* c.getopt({ short: "bHn:d:m" });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const delay = Number(options.findLast((o) => o.name === "d")?.arg ?? 5);
  let left = Number(options.findLast((o) => o.name === "n")?.arg ?? Number.POSITIVE_INFINITY);
  if (has("m")) return yield* c.fail("option -m is not supported");
  const sampler = new Sampler(c.sys, new IdNames(c.sys));
  const keyboard = has("b") ? undefined : yield* Keyboard.open(c);
  let order: Order = "P";
  let reversed = false;
  try {
    for (;;) {
      const sample = yield* sampler.take(has("H"));
      const { cols, rows } = keyboard === undefined ? { cols: 0xffff, rows: 0xffff } : yield* keyboard.size();
      const text = lines(sample, order, reversed, cols, rows);
      yield* c.print(keyboard === undefined ? `${text.join("\n")}\n` : `\x1b[H${text.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
      yield* c.stdout.flush();
      if (--left <= 0) return 0;
      if (keyboard === undefined) {
        yield* c.sys.nanosleep(delay * NS_PER_SEC);
        continue;
      }
      const key = yield* keyboard.key(delay * 1000);
      if (key === "q" || key === "Q" || key === "\x03" || keyboard.ended) return 0;
      const upper = key?.toUpperCase();
      if (upper === "N" || upper === "P" || upper === "M" || upper === "T") order = upper;
      else if (upper === "R") reversed = !reversed;
    }
  } finally {
    if (keyboard !== undefined) yield* keyboard.close();
  }
}

/**
 * Random mount calls of processes in several mount and user namespaces, against a recording of a real Linux (oracle/record.py): every
 * answer, and what everybody's mountinfo shows after it.
 */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import {
  MNT_DETACH,
  MNT_EXPIRE,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../../abi/mount.ts";
import { CLONE_NEWNS, CLONE_NEWUSER } from "../../abi/sched.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";

type Op = readonly [worker: number, kind: string, a: string, b: string];
type Answer = 0 | string;

const recorded = JSON.parse(readFileSync(new URL("oracle/mounts.golden.json", import.meta.url), "utf8")) as (readonly [
  Op,
  Answer,
  string,
])[][];

const TOP = ["/a", "/b", "/c", "/a/x", "/a/y", "/b/x", "/b/y", "/c/x", "/a/x/x", "/b/x/x", "/a/x/y"];
const PROPAGATION: Readonly<Record<string, number>> = {
  shared: MS_SHARED,
  slave: MS_SLAVE,
  private: MS_PRIVATE,
  unbindable: MS_UNBINDABLE,
};
const FLAGS: Readonly<Record<string, number>> = {
  ro: MS_RDONLY,
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
  noatime: MS_NOATIME,
};

/** A process that does what it is told: a byte through a pipe says that an order is there, one through another that it was done. */
class Worker {
  order: Op | undefined;
  answer: Answer = 0;
  pid = 0;
  mounted: number;
  readonly fds: number[] = [];

  constructor(
    index: number,
    readonly go: readonly [number, number],
    readonly done: readonly [number, number],
  ) {
    this.mounted = index * 100;
  }
}

function* execute(sys: Sys, w: Worker, [, kind, a, b]: Op): Proc<unknown> {
  switch (kind) {
    case "tmpfs":
      yield* sys.mount(`t${++w.mounted}`, a, "tmpfs", 0, "mode=755");
      for (const name of ["x", "y"]) {
        try {
          yield* sys.mkdirat(AT_FDCWD, `${a}/${name}`, 0o777);
          yield* sys.mkdirat(AT_FDCWD, `${a}/${name}/x`, 0o777);
        } catch (e) {
          if (!(e instanceof Errno)) throw e;
        }
      }
      return;
    case "bind":
      return yield* sys.mount(a, b, "", MS_BIND, "");
    case "rbind":
      return yield* sys.mount(a, b, "", MS_BIND | MS_REC, "");
    case "move":
      return yield* sys.mount(a, b, "", MS_MOVE, "");
    case "umount":
      return yield* sys.umount2(a, 0);
    case "detach":
      return yield* sys.umount2(a, MNT_DETACH);
    case "expire":
      return yield* sys.umount2(a, MNT_EXPIRE);
    case "prop":
      return yield* sys.mount("", a, "", PROPAGATION[b] as number, "");
    case "rprop":
      return yield* sys.mount("", a, "", (PROPAGATION[b] as number) | MS_REC, "");
    case "flags":
      return yield* sys.mount("", a, "", MS_REMOUNT | MS_BIND | (FLAGS[b] ?? 0), "");
    case "pivot":
      return yield* sys.pivot_root(a, b);
    case "pivotdot":
      yield* sys.chdir(a);
      return yield* sys.pivot_root(".", ".");
    case "chdir":
      return yield* sys.chdir(a);
    case "open":
      return w.fds.push(yield* sys.openat(AT_FDCWD, a, O_RDONLY));
    case "close": {
      const fd = w.fds.pop();
      return fd === undefined ? undefined : yield* sys.close(fd);
    }
    case "rmdir":
      return yield* sys.unlinkat(AT_FDCWD, a, AT_REMOVEDIR);
    default:
      throw new Error(`no such call: ${kind}`);
  }
}

function* answerTo(run: () => Proc<unknown>): Proc<Answer> {
  try {
    yield* run();
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return e.name;
  }
}

const byte = new Uint8Array(1);

class Replay {
  private readonly workers: Worker[] = [];

  constructor(private readonly sys: Sys) {}

  private *serve(w: Worker): Proc<number> {
    const { sys } = this;
    for (;;) {
      yield* sys.write(w.done[1], byte);
      yield* sys.read(w.go[0], new Uint8Array(1));
      const op = w.order;
      if (op === undefined) return 0;
      if (["fork", "newns", "newuser"].includes(op[1])) yield* this.spawn(op[1]);
      else w.answer = yield* answerTo(() => execute(sys, w, op));
    }
  }

  /** A child of the calling worker. */
  private *spawn(kind: string): Proc<void> {
    const { sys } = this;
    const child = this.workers.at(-1) as Worker;
    const flags = kind === "fork" ? 0 : kind === "newns" ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    const { serve } = this;
    yield* sys.fork(
      function* (this: Replay): Proc<number> {
        child.answer = yield* answerTo(() => sys.unshare(flags));
        return yield* serve.call(this, child);
      }.bind(this),
    );
  }

  private *add(index: number): Proc<Worker> {
    const w = new Worker(index, yield* this.sys.pipe2(0), yield* this.sys.pipe2(0));
    this.workers.push(w);
    return w;
  }

  *first(): Proc<void> {
    const { sys } = this;
    // Pipes for all are made before, so that each inherits them.
    const w = yield* this.add(0);
    const serve = this.serve.bind(this);
    w.pid = yield* sys.fork(function* () {
      yield* sys.unshare(CLONE_NEWNS);
      yield* sys.mount("none", "/", "", MS_REC | MS_PRIVATE, "");
      yield* sys.mount("root", "/mnt", "tmpfs", 0, "mode=755");
      yield* sys.mkdirat(AT_FDCWD, "/mnt/old", 0o777);
      yield* sys.pivot_root("/mnt", "/mnt/old");
      yield* sys.chdir("/");
      yield* sys.umount2("/old", MNT_DETACH);
      yield* sys.unlinkat(AT_FDCWD, "/old", AT_REMOVEDIR);
      for (const path of TOP) yield* sys.mkdirat(AT_FDCWD, path, 0o777);
      return yield* serve(w);
    });
    yield* sys.read(w.done[0], new Uint8Array(1));
  }

  *step(op: Op, spare: Worker[]): Proc<readonly [Answer, string]> {
    const { sys } = this;
    const w = this.workers[op[0]] as Worker;
    w.order = op;
    w.answer = 0;
    const child = ["fork", "newns", "newuser"].includes(op[1]) ? (spare.shift() as Worker) : undefined;
    if (child !== undefined) {
      child.mounted = this.workers.length * 100;
      this.workers.push(child);
    }
    yield* sys.write(w.go[1], byte);
    yield* sys.read(w.done[0], new Uint8Array(1));
    let answer: Answer = w.answer;
    if (child !== undefined) {
      yield* sys.read(child.done[0], new Uint8Array(1));
      child.pid = Math.max(...(yield* this.pids()));
      answer = child.answer;
      if (op[1] === "newuser" && answer === 0)
        for (const name of ["uid_map", "gid_map"]) yield* this.write(`/proc/${child.pid}/${name}`, "0 0 1000");
    }
    return [answer, yield* this.snapshot()];
  }

  private *pids(): Proc<number[]> {
    const fd = yield* this.sys.openat(AT_FDCWD, "/proc", O_RDONLY);
    const all: number[] = [];
    for (let part = yield* this.sys.getdents64(fd); part.length > 0; part = yield* this.sys.getdents64(fd))
      all.push(...part.map((e) => Number(e.name)));
    yield* this.sys.close(fd);
    return all.filter((n) => n > 0);
  }

  private *write(path: string, text: string): Proc<void> {
    const fd = yield* this.sys.openat(AT_FDCWD, path, O_WRONLY);
    yield* this.sys.write(fd, new TextEncoder().encode(text));
    yield* this.sys.close(fd);
  }

  private *read(path: string): Proc<string> {
    const fd = yield* this.sys.openat(AT_FDCWD, path, O_RDONLY);
    const buf = new Uint8Array(65536);
    let text = "";
    for (let n = yield* this.sys.read(fd, buf); n > 0; n = yield* this.sys.read(fd, buf))
      text += new TextDecoder().decode(buf.subarray(0, n));
    yield* this.sys.close(fd);
    return text;
  }

  /** As the recorder writes it. */
  private *snapshot(): Proc<string> {
    const ids = new Map<string, number>();
    const groups = new Map<string, number>();
    const number = (seen: Map<string, number>, text: string): number => {
      if (!seen.has(text)) seen.set(text, seen.size + 1);
      return seen.get(text) as number;
    };
    const lines: string[] = [];
    for (const [i, w] of this.workers.entries()) {
      lines.push(`worker ${i}`);
      for (const line of (yield* this.read(`/proc/${w.pid}/mountinfo`)).split("\n")) {
        if (line === "") continue;
        const [before = "", after = ""] = line.split(" - ");
        const [id = "", parent = "", , root, target, options, ...tags] = before.split(" ");
        const shown = tags.map((t) => t.replace(/:(.*)/, (_, n: string) => `:${number(groups, n)}`));
        lines.push([number(ids, id), number(ids, parent), root, target, options, ...shown, after.split(" ")[1]].join(" "));
      }
    }
    return lines.join("\n");
  }

  *quit(): Proc<void> {
    for (const w of [...this.workers].reverse()) {
      w.order = undefined;
      yield* this.sys.write(w.go[1], byte);
    }
  }

  *spares(n: number): Proc<Worker[]> {
    const made: Worker[] = [];
    for (let i = 0; i < n; i++) made.push(yield* this.add(i + 1));
    this.workers.length = 0;
    return made;
  }
}

function fnv(text: string): string {
  let h = 0x811c9dc5;
  for (const b of new TextEncoder().encode(text)) h = Math.imul(h ^ b, 0x01000193) >>> 0;
  return h.toString(16).padStart(8, "0");
}

/** The first difference of a sequence. */
function* firstDifference(sys: Sys, steps: (typeof recorded)[number]): Proc<string | undefined> {
  const replay = new Replay(sys);
  const spare = yield* replay.spares(4);
  yield* replay.first();
  let before = "";
  try {
    for (const [n, [op, answer, hash]] of steps.entries()) {
      const [got, text] = yield* replay.step(op, spare);
      if (got !== answer || fnv(text) !== hash)
        return `step ${n} ${JSON.stringify(op)}: ${got}, recorded ${answer}${got === answer ? `; tree before:\n${before}\nnow:\n${text}` : ""}`;
      before = text;
    }
  } finally {
    yield* replay.quit();
  }
  return undefined;
}

it("mount calls do what they did on a real Linux, here and wherever they propagate to", { timeout: 120_000 }, () => {
  const k = new KernelUnderTest();
  const differences: string[] = [];
  for (const [i, steps] of recorded.entries()) {
    const found = k.run((sys) => firstDifference(sys, steps));
    if (found !== undefined) differences.push(`sequence ${i}: ${found}`);
    if (differences.length > 5) break;
  }
  expect(differences).toEqual([]);
  k.advance(100);
  k.check();
});

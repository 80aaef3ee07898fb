/**
 * Control groups, version 2: the tree, who is in it, and which controllers are enabled where. cgroups(7),
 * Documentation/admin-guide/cgroup-v2.rst, Linux `kernel/cgroup/cgroup.c`.
 *
 * A controller is enabled for a cgroup by its parent's cgroup.subtree_control. Where it is not, the cgroup's tasks count for the nearest
 * ancestor for which it is. Left out: io has no device to work on; rdma, hugetlb and misc are absent.
 */

import { EAGAIN, EBUSY, EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP } from "../../abi/errno.ts";
import type { SchedGroup, SchedTask } from "../sched/entity.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { CpuController } from "./cpu.ts";
import { MemoryController, type MemoryEvents } from "./memory.ts";
import type { MemoryKind } from "./memory-kind.ts";

/** In the order of cgroup.controllers. */
export const controllers = ["cpuset", "cpu", "io", "memory", "pids"] as const;
export type ControllerName = (typeof controllers)[number];

/** What cgroups know of a task. */
export interface CgroupTask extends SchedTask {
  cgroup: Cgroup;
  /** Its process: threads of one are in the same cgroup, unless it is threaded. */
  readonly process: object;
  /** Held at the next way out of the kernel, until thawed. */
  frozen: boolean;
  /** CPUs asked for by sched_setaffinity; the cpuset narrows them. */
  wantedAffinity: number;
}

/** What the tree asks of the layers above. */
export interface CgroupHooks {
  /** The task is to stop at the next way out of the kernel, or to go on. */
  freeze(task: CgroupTask): void;
  kill(task: CgroupTask): void;
  /** Ends a process of `cgroup` to free memory. Returns whether memory has come back. */
  outOfMemory(cgroup: Cgroup): boolean;
  nextIno(): number;
}

/** pids controller. */
export class PidsController {
  max = Number.POSITIVE_INFINITY;
  current = 0;
  peak = 0;
  /** Forks that failed because of `max`. */
  maxEvents = 0;
}

export class Cgroup {
  readonly children = new Map<string, Cgroup>();
  /** Living tasks in this very cgroup. */
  readonly tasks = new Set<CgroupTask>();
  readonly subtreeControl = new Set<ControllerName>();
  readonly ino: number;
  readonly cpu: CpuController;
  readonly memory: MemoryController;
  readonly pids = new PidsController();
  /** cpuset.cpus as asked for; undefined: all of the parent's. */
  cpus: number | undefined;
  cpusText = "";
  memsText = "";
  type: "domain" | "threaded" = "domain";
  /** Living tasks here and below. */
  populated = 0;
  /** cgroup.freeze of this cgroup; it holds for all below. */
  freezeAsked = false;
  frozenTasks = 0;
  maxDescendants = Number.POSITIVE_INFINITY;
  maxDepth = Number.POSITIVE_INFINITY;
  descendants = 0;
  removed = false;
  /** Woken when cgroup.events changes. */
  readonly eventsChanged = new WaitQueue();
  eventsVersion = 0;
  /** Woken when memory.events or pids.events changes. */
  readonly countersChanged = new WaitQueue();

  constructor(
    readonly tree: CgroupTree,
    readonly name: string,
    readonly parent: Cgroup | undefined,
  ) {
    this.ino = tree.hooks.nextIno();
    this.cpu = new CpuController(tree.sched);
    this.memory = new MemoryController(tree.sched);
  }

  get isRoot(): boolean {
    return this.parent === undefined;
  }

  get depth(): number {
    return this.parent === undefined ? 0 : this.parent.depth + 1;
  }

  /** As in /proc/PID/cgroup, from the real root. */
  get path(): string {
    if (this.parent === undefined) return "/";
    return this.parent.parent === undefined ? `/${this.name}` : `${this.parent.path}/${this.name}`;
  }

  /** Whether a controller is enabled for it. */
  has(controller: ControllerName): boolean {
    return this.parent === undefined || this.parent.subtreeControl.has(controller);
  }

  /** cgroup.controllers. */
  get available(): ControllerName[] {
    return controllers.filter((c) => this.has(c));
  }

  /** The run queue of its tasks. */
  get schedGroup(): SchedGroup {
    for (let c: Cgroup = this; ; c = c.parent) {
      if (c.parent === undefined) return this.tree.sched.root;
      if (c.cpu.group !== undefined) return c.cpu.group;
    }
  }

  get isFrozen(): boolean {
    return this.populated > 0 && this.frozenTasks === this.populated;
  }

  get freezes(): boolean {
    return this.freezeAsked || this.parent?.freezes === true;
  }

  /** CPUs that its tasks may use, as a bit mask. */
  get effectiveCpus(): number {
    if (this.parent === undefined) return 2 ** this.tree.sched.cpus.length - 1;
    const above = this.parent.effectiveCpus;
    if (!this.has("cpuset") || this.cpus === undefined) return above;
    return (this.cpus & above) === 0 ? above : this.cpus & above;
  }

  *ancestors(): IterableIterator<Cgroup> {
    for (let c: Cgroup | undefined = this; c !== undefined; c = c.parent) yield c;
  }

  /** This cgroup and all below. */
  *subtree(): IterableIterator<Cgroup> {
    yield this;
    for (const child of this.children.values()) yield* child.subtree();
  }

  notifyEvents(): void {
    this.eventsVersion++;
    this.eventsChanged.wake();
  }
}

export class CgroupTree {
  readonly root: Cgroup;

  constructor(
    readonly sched: Scheduler,
    readonly hooks: CgroupHooks,
  ) {
    this.root = new Cgroup(this, "", undefined);
  }

  // ── The tree ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** mkdir(2). Errors: EEXIST; EINVAL for a name with a newline; EAGAIN over cgroup.max.depth or cgroup.max.descendants; ENODEV below a removed one. */
  create(parent: Cgroup, name: string): Cgroup {
    if (parent.removed) throw ENODEV;
    if (name.includes("\n")) throw EINVAL;
    if (parent.children.has(name)) throw EEXIST;
    let level = 1;
    for (const up of parent.ancestors()) {
      if (up.descendants >= up.maxDescendants || level > up.maxDepth) throw EAGAIN;
      level++;
    }
    const cgroup = new Cgroup(this, name, parent);
    parent.children.set(name, cgroup);
    for (const up of parent.ancestors()) up.descendants++;
    this.enableFor(cgroup);
    return cgroup;
  }

  /** rmdir(2). Errors: EBUSY while it has living tasks or children. */
  remove(cgroup: Cgroup): void {
    if (cgroup.parent === undefined || cgroup.populated > 0 || cgroup.children.size > 0) throw EBUSY;
    cgroup.removed = true;
    cgroup.cpu.release();
    cgroup.memory.pressure.release();
    cgroup.parent.children.delete(cgroup.name);
    for (const up of cgroup.parent.ancestors()) up.descendants--;
    cgroup.notifyEvents();
  }

  private enableFor(cgroup: Cgroup): void {
    if (cgroup.has("cpu") && cgroup.cpu.group === undefined && cgroup.parent !== undefined) cgroup.cpu.enable(cgroup.parent.schedGroup);
  }

  /**
   * cgroup.subtree_control: `+cpu -memory`. Errors: EINVAL for an unknown name; ENOENT for one that is not available here; EBUSY for the "no
   * internal process" rule, or while a child passes it on; EOPNOTSUPP for a domain controller in a threaded cgroup.
   */
  setSubtreeControl(cgroup: Cgroup, text: string): void {
    const on = new Set<ControllerName>();
    const off = new Set<ControllerName>();
    for (const word of text
      .trim()
      .split(/\s+/)
      .filter((w) => w !== "")) {
      const name = controllers.find((c) => c === word.slice(1));
      if (name === undefined || (word[0] !== "+" && word[0] !== "-")) throw EINVAL;
      (word[0] === "+" ? on : off).add(name);
      (word[0] === "+" ? off : on).delete(name);
    }
    for (const name of on) if (!cgroup.has(name)) throw ENOENT;
    for (const name of off) {
      if (cgroup.subtreeControl.has(name)) for (const child of cgroup.children.values()) if (child.subtreeControl.has(name)) throw EBUSY;
    }
    const added = [...on].filter((name) => !cgroup.subtreeControl.has(name));
    if (cgroup.type === "threaded" && added.some((name) => name === "memory" || name === "io")) throw EOPNOTSUPP;
    if (added.length > 0 && !cgroup.isRoot && cgroup.type === "domain" && cgroup.tasks.size > 0) throw EBUSY;
    for (const name of added) cgroup.subtreeControl.add(name);
    for (const name of off) cgroup.subtreeControl.delete(name);
    for (const child of cgroup.children.values()) this.controllersChanged(child);
  }

  private controllersChanged(cgroup: Cgroup): void {
    const { cpu } = cgroup;
    if (cgroup.has("cpu") && cpu.group === undefined) this.enableFor(cgroup);
    const dropCpu = !cgroup.has("cpu") && cpu.group !== undefined;
    const target = dropCpu ? (cgroup.parent as Cgroup).schedGroup : cgroup.schedGroup;
    if (dropCpu || cpu.group !== undefined) {
      for (const below of cgroup.subtree()) {
        if (below !== cgroup && below.cpu.group !== undefined) continue;
        for (const task of below.tasks) if (task.group !== target) this.sched.moveTask(task, target);
      }
    }
    if (dropCpu) cpu.disable();
    this.applyCpus(cgroup);
  }

  // ── Tasks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A new task joins its parent's cgroup. Errors: EAGAIN where pids.max of an ancestor stands against it. */
  checkFork(cgroup: Cgroup): void {
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) {
      if (up.isRoot || !up.has("pids") || up.pids.current < up.pids.max) continue;
      up.pids.maxEvents++;
      up.countersChanged.wake();
      throw EAGAIN;
    }
  }

  enter(task: CgroupTask, cgroup: Cgroup): void {
    task.cgroup = cgroup;
    task.group = cgroup.schedGroup;
    this.count(task, cgroup, 1);
    this.countPid(cgroup, 1);
    if (cgroup.freezes) this.setFrozen(task, true);
  }

  /** A task has ended; its zombie still counts for pids.current. */
  leave(task: CgroupTask): void {
    this.setFrozenFlag(task, false);
    this.count(task, task.cgroup, -1);
  }

  /** The zombie was collected. */
  released(task: CgroupTask): void {
    this.countPid(task.cgroup, -1);
  }

  private countPid(cgroup: Cgroup, by: number): void {
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) {
      up.pids.current += by;
      if (up.pids.current > up.pids.peak) up.pids.peak = up.pids.current;
    }
  }

  private count(task: CgroupTask, cgroup: Cgroup, by: 1 | -1): void {
    if (by > 0) cgroup.tasks.add(task);
    else cgroup.tasks.delete(task);
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) {
      const before = up.populated;
      up.populated += by;
      if (task.frozen) up.frozenTasks += by;
      if ((before === 0) !== (up.populated === 0)) up.notifyEvents();
    }
  }

  /** Whether tasks may be put into it. Errors: EBUSY for the "no internal process" rule; EOPNOTSUPP for an invalid domain; ENODEV once removed. */
  checkDestination(to: Cgroup): void {
    if (to.removed) throw ENODEV;
    if (!to.isRoot && to.type === "domain" && to.subtreeControl.size > 0) throw EBUSY;
    if (to.type === "domain" && to.parent?.type === "threaded") throw EOPNOTSUPP;
  }

  /** Moves one task; memory stays charged where it was. */
  move(task: CgroupTask, to: Cgroup): void {
    const from = task.cgroup;
    if (from === to) return;
    this.sched.account();
    this.noteState(task, -1);
    const wasFrozen = task.frozen;
    this.setFrozenFlag(task, false);
    this.count(task, from, -1);
    this.countPid(from, -1);
    task.cgroup = to;
    this.count(task, to, 1);
    this.countPid(to, 1);
    this.noteState(task, 1);
    this.sched.moveTask(task, to.schedGroup);
    task.affinity = this.affinityOf(task);
    if (to.freezes) this.setFrozen(task, true);
    else if (wasFrozen) this.hooks.freeze(task);
  }

  /** CPU time of a task. */
  chargeCpu(task: CgroupTask, userNs: number, systemNs: number): void {
    for (let c: Cgroup | undefined = task.cgroup; c !== undefined; c = c.parent) c.cpu.charge(userNs, systemNs);
  }

  /** A task began or ended to run, or to wait for a CPU. */
  noteMoved(task: CgroupTask, running: number, waiting: number): void {
    for (let c: Cgroup | undefined = task.cgroup; c !== undefined; c = c.parent) c.cpu.noteTasks(running, waiting, c.parent === undefined);
  }

  private noteState(task: CgroupTask, by: 1 | -1): void {
    if (task.state !== "running") return;
    const onCpu = task === this.sched.current || this.sched.cpus.some((c) => c.current === task);
    for (let up: Cgroup | undefined = task.cgroup; up !== undefined; up = up.parent)
      up.cpu.noteTasks(onCpu ? by : 0, onCpu ? 0 : by, up.isRoot);
  }

  // ── Freezer ────────────────────────────────────────────────────────────────────────────────────────────────────────

  setFreeze(cgroup: Cgroup, on: boolean): void {
    if (cgroup.freezeAsked === on) return;
    cgroup.freezeAsked = on;
    for (const below of cgroup.subtree()) {
      const frozen = below.freezes;
      for (const task of below.tasks) if (task.frozen !== frozen) this.setFrozen(task, frozen);
    }
  }

  private setFrozen(task: CgroupTask, on: boolean): void {
    this.setFrozenFlag(task, on);
    this.hooks.freeze(task);
  }

  private setFrozenFlag(task: CgroupTask, on: boolean): void {
    if (task.frozen === on) return;
    task.frozen = on;
    for (let up: Cgroup | undefined = task.cgroup; up !== undefined; up = up.parent) {
      const before = up.isFrozen;
      up.frozenTasks += on ? 1 : -1;
      if (before !== up.isFrozen) up.notifyEvents();
    }
  }

  /** cgroup.kill. */
  kill(cgroup: Cgroup): void {
    for (const below of cgroup.subtree()) for (const task of [...below.tasks]) this.hooks.kill(task);
  }

  // ── cpuset ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  affinityOf(task: CgroupTask): number {
    const allowed = task.cgroup.effectiveCpus;
    return (task.wantedAffinity & allowed) === 0 ? allowed : task.wantedAffinity & allowed;
  }

  applyCpus(cgroup: Cgroup): void {
    for (const below of cgroup.subtree()) for (const task of below.tasks) task.affinity = this.affinityOf(task);
  }

  // ── Memory ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Charges `bytes` to `cgroup` and all above. Where memory.max of one stands against it a process of that one is killed; returns false
   * if that does not help.
   */
  charge(cgroup: Cgroup, kind: MemoryKind, bytes: number): boolean {
    for (let tries = 0; tries < 2; tries++) {
      const full = this.findFull(cgroup, bytes);
      if (full === undefined) {
        this.addMemory(cgroup, kind, bytes);
        return true;
      }
      this.noteEvent(full, "max");
      this.noteEvent(full, "oom");
      if (!this.hooks.outOfMemory(full)) return false;
    }
    return false;
  }

  private findFull(cgroup: Cgroup, bytes: number): Cgroup | undefined {
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent)
      if (!up.isRoot && up.has("memory") && up.memory.current + bytes > up.memory.max) return up;
    return undefined;
  }

  /** Charges whatever the limits say. */
  force(cgroup: Cgroup, kind: MemoryKind, bytes: number): void {
    this.addMemory(cgroup, kind, bytes);
  }

  private addMemory(cgroup: Cgroup, kind: MemoryKind, bytes: number): void {
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) {
      up.memory.add(kind, bytes);
      if (!up.isRoot && up.has("memory") && up.memory.current > up.memory.high) this.noteEvent(up, "high");
    }
  }

  uncharge(cgroup: Cgroup, kind: MemoryKind, bytes: number): void {
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) up.memory.add(kind, -bytes);
  }

  /** Notes an event here, and hierarchically above. */
  noteEvent(cgroup: Cgroup, event: keyof MemoryEvents): void {
    cgroup.memory.localEvents[event]++;
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) {
      up.memory.events[event]++;
      up.countersChanged.wake();
    }
  }

  /** Bytes by which memory.high is exceeded, for the delay of who allocates. */
  overHigh(cgroup: Cgroup): number {
    let over = 0;
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent)
      if (!up.isRoot && up.has("memory")) over = Math.max(over, up.memory.current - up.memory.high);
    return over;
  }
}

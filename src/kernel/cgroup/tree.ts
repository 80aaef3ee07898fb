/**
 * The tree of control groups: making and removing them, enabling controllers, moving tasks, freezing and killing. cgroups(7), Linux
 * `kernel/cgroup/cgroup.c`, `freezer.c`.
 *
 * Left out: io has no device to work on; rdma, hugetlb, misc and perf_event are absent.
 */

import { EAGAIN, EBUSY, EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP } from "../../abi/errno.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import type { CgroupEvent } from "../trace.ts";
import {
  Cgroup,
  type CgroupTask,
  type ControllerName,
  CPU,
  CPUSET,
  controllers,
  MEMORY,
  maskOf,
  PIDS,
  THREADED_CONTROLLERS,
} from "./cgroup.ts";
import { MemoryController } from "./memory.ts";
import type { MemoryKind } from "./memory-kind.ts";

/** What the tree asks of the layers above. */
export interface CgroupHooks {
  /** The task is to stop at the next way out of the kernel, or to go on. */
  freeze(task: CgroupTask): void;
  kill(task: CgroupTask): void;
  /** Ends a process below `memcg` to free memory. Returns whether it is worth trying again. */
  outOfMemory(memcg: MemoryController): boolean;
  nextIno(): number;
  emit(event: CgroupEvent, cgroup: Cgroup, value: number): void;
  attached(task: CgroupTask, to: Cgroup): void;
  /** pids.max stood against a fork for the first time since it was set up. */
  forkRejected(cgroup: Cgroup): void;
}

export class CgroupTree {
  readonly root: Cgroup;
  /** Removed cgroups that still hold memory: "dying" ones. */
  private readonly dying = new Set<Cgroup>();
  /** Mount options, system wide: cgroup namespaces are borders of delegation; memory.events counts nothing of what is below. */
  nsdelegate = false;
  localEvents = false;
  /** Told of files whose content has changed, for inotify; set by the filesystem once it is there. */
  fileWatch: ((cgroup: Cgroup, file: string) => void) | undefined;

  constructor(
    readonly sched: Scheduler,
    readonly hooks: CgroupHooks,
  ) {
    this.root = new Cgroup(this, "", undefined);
  }

  // ── The tree ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** mkdir(2). Errors: EEXIST; EINVAL for a name with a newline; EAGAIN over cgroup.max.depth or cgroup.max.descendants; ENODEV below a removed one. */
  create(parent: Cgroup, name: string): Cgroup {
    if (name.includes("\n")) throw EINVAL;
    if (parent.removed) throw ENODEV;
    let level = 1;
    for (const up of parent.ancestors()) {
      if (up.descendants >= up.maxDescendants || level > up.maxDepth) throw EAGAIN;
      level++;
    }
    if (parent.children.has(name)) throw EEXIST;
    const cgroup = new Cgroup(this, name, parent);
    parent.children.set(name, cgroup);
    for (const up of parent.ancestors()) up.descendants++;
    parent.version++;
    this.setControl(cgroup, parent.subtreeMask);
    this.hooks.emit("cgroup_mkdir", cgroup, 0);
    return cgroup;
  }

  /** rmdir(2). Errors: EBUSY while it has living tasks or children. */
  remove(cgroup: Cgroup): void {
    if (cgroup.parent === undefined || cgroup.populated > 0 || cgroup.children.size > 0) throw EBUSY;
    this.hooks.emit("cgroup_rmdir", cgroup, 0);
    cgroup.removed = true;
    cgroup.cpu.release();
    cgroup.parent.children.delete(cgroup.name);
    for (const up of cgroup.parent.ancestors()) up.descendants--;
    cgroup.parent.version++;
    if (cgroup.memory.current > 0) this.dying.add(cgroup);
    cgroup.fileChanged("cgroup.events");
  }

  /** cgroup.stat: removed cgroups below that something still holds. */
  countDying(top: Cgroup): number {
    let n = 0;
    for (const cgroup of this.dying) {
      if (cgroup.memory.current === 0) this.dying.delete(cgroup);
      else if (cgroup.isWithin(top)) n++;
    }
    return n;
  }

  // ── Controllers ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * cgroup.subtree_control: `+cpu -memory`, all or nothing. Errors: EINVAL for an unknown name; ENOENT for one that is not available here; EBUSY
   * while a child passes it on, or for the "no internal process" rule; EOPNOTSUPP in an invalid domain, or for a domain controller in a
   * threaded subtree.
   */
  setSubtreeControl(cgroup: Cgroup, text: string): void {
    const { on, off } = parseControl(text);
    if (cgroup.removed) throw ENODEV;
    const enable = on & ~cgroup.subtreeMask;
    const disable = off & cgroup.subtreeMask;
    if ((enable & ~cgroup.control) !== 0) throw ENOENT;
    if (disable !== 0) for (const child of cgroup.children.values()) if ((child.subtreeMask & disable) !== 0) throw EBUSY;
    if (enable === 0 && disable === 0) return;
    if (enable !== 0) checkEnable(cgroup, enable);
    cgroup.subtreeMask = (cgroup.subtreeMask | enable) & ~disable;
    cgroup.version++;
    for (const child of cgroup.children.values()) this.setControl(child, cgroup.subtreeMask);
  }

  /** Gives a cgroup the controllers that its parent hands out. */
  private setControl(cgroup: Cgroup, mask: number): void {
    const wanted = cgroup.threaded ? mask & THREADED_CONTROLLERS : mask;
    const added = wanted & ~cgroup.control;
    const dropped = cgroup.control & ~wanted;
    if (added === 0 && dropped === 0) return;
    const parent = cgroup.parent as Cgroup;
    if ((dropped & CPU) !== 0) this.requeue(cgroup, parent.schedGroup);
    cgroup.control = wanted;
    cgroup.version++;
    if ((dropped & CPU) !== 0) cgroup.cpu.disable();
    if ((dropped & PIDS) !== 0) cgroup.pids.reset();
    if ((dropped & CPUSET) !== 0) cgroup.cpuset.reset();
    // What was charged before counts where it was charged.
    if (((added | dropped) & MEMORY) !== 0) cgroup.memory = new MemoryController(cgroup, parent.memcg);
    if ((added & CPU) !== 0) {
      cgroup.cpu.enable(parent.schedGroup);
      this.requeue(cgroup, cgroup.schedGroup);
    }
    if (((added | dropped) & CPUSET) !== 0) this.applyCpus(cgroup);
  }

  /** Its run queue came or is about to go: its tasks, and those below without a queue of their own, change over. */
  private requeue(cgroup: Cgroup, target: Cgroup["schedGroup"]): void {
    this.sched.account();
    for (const task of cgroup.tasks) if (task.group !== target) this.sched.moveTask(task, target);
    for (const child of cgroup.children.values()) if (child.cpu.group === undefined) this.requeue(child, target);
  }

  /** cgroup.type: `threaded`, for good. Errors: EOPNOTSUPP where the topology does not allow it. */
  makeThreaded(cgroup: Cgroup): void {
    if (cgroup.threaded) return;
    const { parent } = cgroup;
    if (parent === undefined) throw EINVAL;
    if (cgroup.populated > 0 || (cgroup.subtreeMask & ~THREADED_CONTROLLERS) !== 0) throw EOPNOTSUPP;
    const { domain } = parent;
    if (!domain.isValidDomain || !domain.canBeThreadRoot) throw EOPNOTSUPP;
    cgroup.threaded = true;
    cgroup.version++;
    this.setControl(cgroup, parent.subtreeMask);
  }

  // ── Tasks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A new task joins its parent's cgroup. Errors: EAGAIN where pids.max of an ancestor stands against it. */
  checkFork(cgroup: Cgroup): void {
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) {
      if (up.pids.current < up.pids.max) continue;
      const own = cgroup.effective("pids");
      own.pids.maxEvents++;
      if (own.pids.maxEvents === 1) this.hooks.forkRejected(own);
      own.fileChanged("pids.events");
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
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) up.pids.count(by);
  }

  private count(task: CgroupTask, cgroup: Cgroup, by: 1 | -1): void {
    if (by > 0) cgroup.tasks.add(task);
    else cgroup.tasks.delete(task);
    cgroup.version++;
    for (let up: Cgroup | undefined = cgroup; up !== undefined; up = up.parent) {
      const before = up.populated;
      const frozen = up.isFrozen;
      up.populated += by;
      if (task.frozen) up.frozenTasks += by;
      if ((before === 0) !== (up.populated === 0)) {
        if (up.parent !== undefined) this.hooks.emit("cgroup_notify_populated", up, up.populated > 0 ? 1 : 0);
        up.fileChanged("cgroup.events");
      }
      if (up.isFrozen !== frozen) this.frozenChanged(up);
    }
  }

  /**
   * Whether tasks may be put into it. Linux `cgroup_migrate_vet_dst`. Errors: EOPNOTSUPP for an invalid domain; EBUSY for the "no internal process" rule;
   * ENODEV once removed.
   */
  checkDestination(to: Cgroup): void {
    if (to.removed) throw ENODEV;
    if (!to.domain.isValidDomain) throw EOPNOTSUPP;
    if (to.canBeThreadRoot || to.threaded) return;
    if (to.subtreeMask !== 0) throw EBUSY;
  }

  /** Moves one task; memory stays charged where it was. */
  move(task: CgroupTask, to: Cgroup): void {
    const from = task.cgroup;
    if (from === to || task.state === "dead") return;
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
    this.sched.affinityChanged(task);
    this.hooks.attached(task, to);
    if (to.freezes) this.setFrozen(task, true);
    else if (wasFrozen) this.hooks.freeze(task);
  }

  /** CPU time of a task. */
  chargeCpu(task: CgroupTask, userNs: number, systemNs: number): void {
    for (let c: Cgroup | undefined = task.cgroup; c !== undefined; c = c.parent) c.cpu.charge(userNs, systemNs);
  }

  // ── Pressure ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A task began or ended to run, or to wait for a CPU. */
  noteMoved(task: CgroupTask, running: number, waiting: number): void {
    for (let c: Cgroup | undefined = task.cgroup; c !== undefined; c = c.parent) c.pressure.note(running, waiting, 0);
  }

  /** A task began (1) or ended (-1) to be held back for want of memory. */
  noteMemoryStall(cgroup: Cgroup, by: 1 | -1): void {
    for (let c: Cgroup | undefined = cgroup; c !== undefined; c = c.parent) c.pressure.note(0, 0, by);
  }

  private noteState(task: CgroupTask, by: 1 | -1): void {
    if (task.state !== "running") return;
    const onCpu = task === this.sched.current || this.sched.cpus.some((c) => c.current === task);
    this.noteMoved(task, onCpu ? by : 0, onCpu ? 0 : by);
  }

  // ── Freezer ────────────────────────────────────────────────────────────────────────────────────────────────────────

  setFreeze(cgroup: Cgroup, on: boolean): void {
    if (cgroup.freezeAsked === on) return;
    const before = new Map([...cgroup.subtree()].map((c) => [c, c.isFrozen]));
    cgroup.freezeAsked = on;
    cgroup.version++;
    this.hooks.emit(on ? "cgroup_freeze" : "cgroup_unfreeze", cgroup, 0);
    for (const below of before.keys()) {
      const frozen = below.freezes;
      for (const task of below.tasks) {
        if (task.frozen === frozen) continue;
        task.frozen = frozen;
        for (const up of below.ancestors()) up.frozenTasks += frozen ? 1 : -1;
        this.hooks.freeze(task);
      }
    }
    for (const [below, was] of before) if (below.isFrozen !== was) this.frozenChanged(below);
  }

  private frozenChanged(cgroup: Cgroup): void {
    this.hooks.emit("cgroup_notify_frozen", cgroup, cgroup.isFrozen ? 1 : 0);
    cgroup.fileChanged("cgroup.events");
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
      if (before !== up.isFrozen) this.frozenChanged(up);
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
    cgroup.version++;
    for (const below of cgroup.subtree()) {
      for (const task of below.tasks) {
        task.affinity = this.affinityOf(task);
        this.sched.affinityChanged(task);
      }
    }
  }

  // ── Memory ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Charges `bytes` here and to all above. Where memory.max of one stands against it a process of that one is killed; returns false
   * if that does not help.
   */
  charge(memcg: MemoryController, kind: MemoryKind, bytes: number): boolean {
    for (;;) {
      const full = memcg.findFull(bytes);
      if (full === undefined) {
        this.force(memcg, kind, bytes);
        return true;
      }
      full.failCount++;
      full.note("max");
      full.note("oom");
      if (!this.hooks.outOfMemory(full)) return false;
    }
  }

  /** Charges whatever the limits say. */
  force(memcg: MemoryController, kind: MemoryKind, bytes: number): void {
    memcg.add(kind, bytes);
    for (let at: MemoryController | undefined = memcg; at !== undefined; at = at.parent) if (at.current > at.high) at.note("high");
  }

  /** memory.max was lowered: nothing can be reclaimed, so processes are killed until what is left fits, or nobody is left. */
  enforceMax(memcg: MemoryController): void {
    while (memcg.current > memcg.max) {
      memcg.note("oom");
      if (!this.hooks.outOfMemory(memcg)) return;
    }
  }
}

/** Linux `cgroup_subtree_control_write`: the last word on a controller counts. Errors: EINVAL. */
function parseControl(text: string): { on: number; off: number } {
  const on = new Set<ControllerName>();
  const off = new Set<ControllerName>();
  for (const word of text.trim().split(" ")) {
    if (word === "") continue;
    const name = controllers.find((c) => c === word.slice(1));
    if (name === undefined || (word[0] !== "+" && word[0] !== "-")) throw EINVAL;
    (word[0] === "+" ? on : off).add(name);
    (word[0] === "+" ? off : on).delete(name);
  }
  return { on: maskOf(on), off: maskOf(off) };
}

/** Linux `cgroup_vet_subtree_control_enable`. */
function checkEnable(cgroup: Cgroup, enable: number): void {
  if (!cgroup.domain.isValidDomain) throw EOPNOTSUPP;
  if (cgroup.isRoot) return;
  if ((enable & ~THREADED_CONTROLLERS) !== 0) {
    if (cgroup.isThreadRoot || cgroup.threaded) throw EOPNOTSUPP;
  } else if (cgroup.canBeThreadRoot || cgroup.threaded) return;
  if (cgroup.tasks.size > 0) throw EBUSY;
}

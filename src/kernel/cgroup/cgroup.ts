/**
 * One control group, version 2: its place in the tree, who is in it, its type, and which controllers it has. cgroups(7),
 * Documentation/admin-guide/cgroup-v2.rst, Linux `kernel/cgroup/cgroup.c`. What changes the tree is in `tree.ts`.
 *
 * A controller is enabled for a cgroup by its parent's cgroup.subtree_control. Where it is not, the cgroup's tasks count for the nearest
 * ancestor for which it is.
 */

import type { SchedGroup, SchedTask } from "../sched/entity.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { CpuController } from "./cpu.ts";
import { CpusetController } from "./cpuset.ts";
import { MemoryController } from "./memory.ts";
import { PidsController } from "./pids.ts";
import { GroupPressure } from "./psi.ts";
import type { CgroupTree } from "./tree.ts";

/** In the order of cgroup.controllers. */
export const controllers = ["cpuset", "cpu", "io", "memory", "pids"] as const;
export type ControllerName = (typeof controllers)[number];

const bit = (name: ControllerName): number => 1 << controllers.indexOf(name);
export const CPUSET = bit("cpuset");
export const CPU = bit("cpu");
export const MEMORY = bit("memory");
export const PIDS = bit("pids");
export const ALL_CONTROLLERS = (1 << controllers.length) - 1;
/** Those that can tell threads of one process apart; the others are domain controllers. */
export const THREADED_CONTROLLERS = CPUSET | CPU | PIDS;

export const maskOf = (names: Iterable<ControllerName>): number => [...names].reduce((mask, name) => mask | bit(name), 0);
export const namesOf = (mask: number): ControllerName[] => controllers.filter((name) => (mask & bit(name)) !== 0);

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

export type CgroupType = "domain" | "domain threaded" | "domain invalid" | "threaded";

/** For who polls an open file of a cgroup. Made at its first open. */
export interface FileEvents {
  /** Changes so far. */
  count: number;
  readonly changed: WaitQueue;
}

export class Cgroup {
  readonly children = new Map<string, Cgroup>();
  /** Living tasks in this very cgroup. */
  readonly tasks = new Set<CgroupTask>();
  /** Inode number of its directory; kept by nothing else as long as the machine lives. */
  readonly ino: number;
  readonly depth: number;
  /** As in /proc/PID/cgroup, from the real root. */
  readonly path: string;
  /** cgroup.controllers and cgroup.subtree_control as bit masks. Sole writer: tree.ts. */
  control: number;
  subtreeMask = 0;
  /** Marked as threaded: it belongs to the domain of its parent. */
  threaded = false;
  readonly cpu: CpuController;
  readonly cpuset = new CpusetController();
  readonly pids = new PidsController();
  /** io.weight. */
  ioWeight = 100;
  /** Counts while the controller is enabled; replaced when it is enabled anew. Sole writer: tree.ts. */
  memory: MemoryController;
  readonly pressure: GroupPressure;
  /** Living tasks here and below. */
  populated = 0;
  /** cgroup.freeze of this cgroup; it holds for all below. */
  freezeAsked = false;
  frozenTasks = 0;
  maxDescendants = Number.POSITIVE_INFINITY;
  maxDepth = Number.POSITIVE_INFINITY;
  descendants = 0;
  removed = false;
  /** Counts up when limits, controllers, children or members change; usage does not count. */
  version = 0;
  private fileEvents: Map<string, FileEvents> | undefined;

  constructor(
    readonly tree: CgroupTree,
    readonly name: string,
    readonly parent: Cgroup | undefined,
  ) {
    this.ino = tree.hooks.nextIno();
    this.depth = parent === undefined ? 0 : parent.depth + 1;
    this.path = parent === undefined ? "/" : parent.parent === undefined ? `/${name}` : `${parent.path}/${name}`;
    this.control = parent === undefined ? ALL_CONTROLLERS : 0;
    this.cpu = new CpuController(tree.sched, (event) => tree.hooks.emit(event, this, 0));
    this.memory = new MemoryController(this, parent?.memcg);
    this.pressure = new GroupPressure(tree.sched, parent === undefined);
  }

  get isRoot(): boolean {
    return this.parent === undefined;
  }

  // ── Controllers ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether a controller is enabled for it. */
  has(controller: ControllerName): boolean {
    return (this.control & bit(controller)) !== 0;
  }

  /** cgroup.controllers. */
  get available(): ControllerName[] {
    return namesOf(this.control);
  }

  /** cgroup.subtree_control. */
  get subtreeControl(): ControllerName[] {
    return namesOf(this.subtreeMask);
  }

  /** Where its tasks' memory is counted. */
  get memcg(): MemoryController {
    let c: Cgroup = this;
    while (c.parent !== undefined && (c.control & MEMORY) === 0) c = c.parent;
    return c.memory;
  }

  /** The nearest for which a controller is enabled: the root has all. */
  effective(controller: ControllerName): Cgroup {
    const mask = bit(controller);
    let c: Cgroup = this;
    while (c.parent !== undefined && (c.control & mask) === 0) c = c.parent;
    return c;
  }

  /** The run queue of its tasks. */
  get schedGroup(): SchedGroup {
    for (let c: Cgroup = this; ; c = c.parent) {
      if (c.parent === undefined) return this.tree.sched.root;
      if (c.cpu.group !== undefined) return c.cpu.group;
    }
  }

  /** CPUs that its tasks may use, as a bit mask. */
  get effectiveCpus(): number {
    if (this.parent === undefined) return 2 ** this.tree.sched.cpus.length - 1;
    const above = this.parent.effectiveCpus;
    return (this.cpuset.cpus & above) === 0 ? above : this.cpuset.cpus & above;
  }

  // ── Type ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The cgroup that stands for domain controllers: itself, or the nearest above that is not threaded (`dom_cgrp`). */
  get domain(): Cgroup {
    let c: Cgroup = this;
    while (c.threaded && c.parent !== undefined) c = c.parent;
    return c;
  }

  /** Domain children with living tasks somewhere below (`nr_populated_domain_children`). */
  private get hasPopulatedDomains(): boolean {
    for (const child of this.children.values()) if (!child.threaded && child.populated > 0) return true;
    return false;
  }

  /** Linux `cgroup_can_be_thread_root`; the root, which has no limits, can hold both kinds of children. */
  get canBeThreadRoot(): boolean {
    if (this.parent === undefined) return true;
    return !this.threaded && !this.hasPopulatedDomains && (this.subtreeMask & ~THREADED_CONTROLLERS) === 0;
  }

  /** Linux `cgroup_is_thread_root`. */
  get isThreadRoot(): boolean {
    if (this.threaded) return false;
    for (const child of this.children.values()) if (child.threaded) return true;
    return this.tasks.size > 0 && (this.subtreeMask & THREADED_CONTROLLERS) !== 0;
  }

  /** Linux `cgroup_is_valid_domain`. */
  get isValidDomain(): boolean {
    if (this.threaded) return false;
    for (let up = this.parent; up !== undefined; up = up.parent) {
      if (up.threaded || (up.parent !== undefined && up.isThreadRoot)) return false;
    }
    return true;
  }

  /** cgroup.type; the root has no such file, and can hold both kinds of children. */
  get type(): CgroupType {
    if (this.parent === undefined) return "domain";
    if (this.threaded) return "threaded";
    if (!this.isValidDomain) return "domain invalid";
    return this.isThreadRoot ? "domain threaded" : "domain";
  }

  /** Living tasks whose process belongs to this domain: its own, and those of the threaded cgroups below. */
  *domainTasks(): IterableIterator<CgroupTask> {
    yield* this.tasks;
    for (const child of this.children.values()) if (child.threaded) yield* child.domainTasks();
  }

  // ── Freezer ────────────────────────────────────────────────────────────────────────────────────────────────────────

  get freezes(): boolean {
    return this.freezeAsked || this.parent?.freezes === true;
  }

  /** Differs from Linux: a running task counts from when it is told, not from when it has stopped, at most a quantum later. */
  get isFrozen(): boolean {
    return this.frozenTasks === this.populated && this.freezes;
  }

  // ── The tree ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** This cgroup, and all above. */
  *ancestors(): IterableIterator<Cgroup> {
    for (let c: Cgroup | undefined = this; c !== undefined; c = c.parent) yield c;
  }

  /** This cgroup and all below. */
  *subtree(): IterableIterator<Cgroup> {
    yield this;
    for (const child of this.children.values()) yield* child.subtree();
  }

  isWithin(top: Cgroup): boolean {
    let c: Cgroup | undefined = this;
    while (c !== undefined && c.depth > top.depth) c = c.parent;
    return c === top;
  }

  // ── Notification ───────────────────────────────────────────────────────────────────────────────────────────────────

  eventsOf(file: string): FileEvents {
    this.fileEvents ??= new Map();
    let events = this.fileEvents.get(file);
    if (events === undefined) {
      events = { count: 1, changed: new WaitQueue() };
      this.fileEvents.set(file, events);
    }
    return events;
  }

  /** Linux `cgroup_file_notify`: who polls or watches the file learns that its content has changed. */
  fileChanged(file: string): void {
    const events = this.fileEvents?.get(file);
    if (events !== undefined) {
      events.count++;
      events.changed.wake();
    }
    this.tree.fileWatch?.(this, file);
  }
}

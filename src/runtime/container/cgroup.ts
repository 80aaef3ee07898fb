/** The container's cgroup: where it is, its limits, who is in it. cgroup v2 through its filesystem; runc `libcontainer/cgroups/fs2`. */

import { EBUSY, EINTR, ENOENT } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { DT_DIR } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { mkdir, open, optional, readText, stat } from "../../userland/libc/unistd.ts";
import { RuncError, withPath, wrap } from "../error.ts";
import type { Resources } from "../spec.ts";

const ROOT = "/sys/fs/cgroup";

/** The directory of a container's cgroup: as asked for, or beside the caller's own. */
export function* cgroupPath(sys: Sys, id: string, asked: string | undefined): Proc<string> {
  const inner = asked === undefined || asked === "" ? id : asked;
  if (inner.startsWith("/")) return ROOT + inner.replace(/\/+$/, "");
  const own = /^0::(.*)$/m.exec(yield* readText(sys, "/proc/self/cgroup"))?.[1] ?? "/";
  const parent = own.slice(0, own.lastIndexOf("/"));
  return `${ROOT}${parent}/${inner}`;
}

export function* writeCgroupFile(sys: Sys, dir: string, name: string, value: string): Proc<void> {
  const path = `${dir}/${name}`;
  const fd = yield* withPath("open", path, open(sys, path, O_WRONLY));
  try {
    yield* wrap(`failed to write ${JSON.stringify(value)}: write ${path}`, sys.write(fd, encodeUtf8(value)));
  } finally {
    yield* sys.close(fd);
  }
}

/** Makes the cgroup, with every controller that there is passed down to it. */
export function* createCgroup(sys: Sys, dir: string): Proc<void> {
  const parts = dir.slice(ROOT.length + 1).split("/");
  const available = (yield* readText(sys, `${ROOT}/cgroup.controllers`)).trim().split(" ");
  const all = available.map((controller) => `+${controller}`);
  let path = ROOT;
  for (const part of parts) {
    // One by one if not all at once: a controller that cannot be had is no reason to go without the rest.
    const done = yield* attempt(writeCgroupFile(sys, path, "cgroup.subtree_control", all.join(" ")));
    if (!done) for (const one of all) yield* attempt(writeCgroupFile(sys, path, "cgroup.subtree_control", one));
    path += `/${part}`;
    if ((yield* optional(stat(sys, path))) === undefined) yield* withPath("mkdir", path, mkdir(sys, path, 0o755));
  }
}

function* attempt(call: Proc<void>): Proc<boolean> {
  try {
    yield* call;
    return true;
  } catch (e) {
    if (e instanceof RuncError) return false;
    throw e;
  }
}

export const joinCgroup = (sys: Sys, dir: string, pid: number): Proc<void> => writeCgroupFile(sys, dir, "cgroup.procs", String(pid));

/** -1 is unlimited. */
const limit = (value: number): string => (value < 0 ? "max" : String(value));

/** The files of cgroup v2 that stand for the v1 terms of the specification. */
export function resourceFiles(resources: Resources): [name: string, value: string][] {
  const files: [string, string][] = [];
  const { memory = {}, cpu = {}, pids, blockIO, unified = {} } = resources;
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) files.push([name, value]);
  };
  if (pids !== undefined && pids.limit !== 0) add("pids.max", limit(pids.limit));
  if (memory.swap !== undefined && memory.swap !== 0) add("memory.swap.max", swapLimit(memory.limit ?? 0, memory.swap));
  if (memory.limit !== undefined && memory.limit !== 0) add("memory.max", limit(memory.limit));
  if (memory.reservation !== undefined && memory.reservation !== 0) add("memory.low", limit(memory.reservation));
  if (cpu.idle !== undefined) add("cpu.idle", String(cpu.idle));
  if (cpu.shares !== undefined && cpu.shares !== 0) add("cpu.weight", String(weightOfShares(cpu.shares)));
  if (cpu.burst !== undefined) add("cpu.max.burst", String(cpu.burst));
  if ((cpu.quota ?? 0) !== 0 || (cpu.period ?? 0) !== 0) {
    const quota = cpu.quota !== undefined && cpu.quota > 0 ? String(cpu.quota) : "max";
    add("cpu.max", cpu.period === undefined || cpu.period === 0 ? quota : `${quota} ${cpu.period}`);
  }
  if (cpu.cpus) add("cpuset.cpus", cpu.cpus);
  if (cpu.mems) add("cpuset.mems", cpu.mems);
  if (blockIO?.weight) add("io.weight", `default ${1 + Math.floor(((blockIO.weight - 10) * 9999) / 990)}`);
  for (const [name, value] of Object.entries(unified)) add(name, value);
  return files;
}

/** Memory and swap together become swap alone. Errors: RuncError. */
function swapLimit(memory: number, swap: number): string {
  if (swap < 0) return "max";
  if (memory <= 0) throw new RuncError("unable to set swap limit without memory limit");
  if (swap < memory) throw new RuncError("memory+swap limit should be >= memory limit");
  return String(swap - memory);
}

/** cpu.shares of 2 … 262144 onto cpu.weight of 1 … 10000. */
export function weightOfShares(shares: number): number {
  return 1 + Math.floor(((Math.min(Math.max(shares, 2), 262_144) - 2) * 9999) / 262_142);
}

export function* setResources(sys: Sys, dir: string, resources: Resources | undefined): Proc<void> {
  if (resources === undefined) return;
  for (const [name, value] of resourceFiles(resources)) {
    if (name.includes("/")) throw new RuncError(`unified resource ${JSON.stringify(name)} must be a file name (no slashes)`);
    yield* writeCgroupFile(sys, dir, name, value);
  }
}

/** PIDs of all that are in it or below, as the caller sees them. */
export function* cgroupPids(sys: Sys, dir: string): Proc<number[]> {
  const text = yield* optional(readText(sys, `${dir}/cgroup.procs`));
  return (text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

export function* isFrozen(sys: Sys, dir: string): Proc<boolean> {
  const text = yield* optional(readText(sys, `${dir}/cgroup.freeze`));
  return text?.trim() === "1";
}

/** Freezes or thaws, and waits until all have stopped. */
export function* setFrozen(sys: Sys, dir: string, frozen: boolean): Proc<void> {
  yield* writeCgroupFile(sys, dir, "cgroup.freeze", frozen ? "1" : "0");
  const wanted = `frozen ${frozen ? 1 : 0}`;
  for (let tries = 0; tries < 500; tries++) {
    if ((yield* readText(sys, `${dir}/cgroup.events`)).split("\n").includes(wanted)) return;
    yield* sleep(sys, 10e6);
  }
}

/** Removes the cgroup with those that the container has made below. It may take a moment until the last process has left. */
export function* removeCgroup(sys: Sys, dir: string): Proc<void> {
  for (let tries = 0; tries < 50; tries++) {
    try {
      yield* removeTree(sys, dir);
      return;
    } catch (e) {
      if (e === ENOENT) return;
      if (e !== EBUSY) throw e;
    }
    yield* sleep(sys, 10e6);
  }
  throw new RuncError(`unable to remove cgroup ${dir}: device or resource busy`);
}

function* removeTree(sys: Sys, dir: string): Proc<void> {
  const fd = yield* open(sys, dir, O_RDONLY);
  const children: string[] = [];
  try {
    for (let some = yield* sys.getdents64(fd); some.length > 0; some = yield* sys.getdents64(fd))
      for (const { name, type } of some) if (type === DT_DIR && name !== "." && name !== "..") children.push(name);
  } finally {
    yield* sys.close(fd);
  }
  for (const child of children) yield* removeTree(sys, `${dir}/${child}`);
  yield* sys.unlinkat(AT_FDCWD, dir, AT_REMOVEDIR);
}

export function* sleep(sys: Sys, ns: number): Proc<void> {
  try {
    yield* sys.nanosleep(ns);
  } catch (e) {
    if (e !== EINTR) throw e;
  }
}

/**
 * What the runtime knows of a container: a directory below /run/runc with `state.json`, and `exec.fifo` for as long as it was created and not started.
 * runc `libcontainer/{factory,state}_linux.go`.
 */

import { EEXIST, Errno } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { mkdir, optional, readDir, readText, rename, stat, unlink, writeFile } from "../../userland/libc/unistd.ts";
import { AT_FDCWD, AT_REMOVEDIR } from "../../abi/fcntl.ts";
import { RuncError } from "../error.ts";
import type { ContainerStatus, Spec, State } from "../spec.ts";
import { isFrozen } from "./cgroup.ts";

export interface ContainerState {
  readonly id: string;
  readonly initPid: number;
  /** Ticks since boot: a PID alone may have been given to another process since. */
  readonly initStartTime: number;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly cgroup: string;
  readonly spec: Spec;
}

/** The directories of containers, below one root such as /run/runc. */
export class Containers {
  constructor(
    private readonly sys: Sys,
    readonly root: string,
  ) {}

  dirOf(id: string): string {
    return `${this.root}/${id}`;
  }

  fifoOf(id: string): string {
    return `${this.dirOf(id)}/exec.fifo`;
  }

  /** Takes the id. Errors: RuncError if it is no id or is taken. */
  *reserve(id: string): Proc<void> {
    if (!/^[\w+.-]+$/.test(id) || id === "." || id === "..") throw new RuncError("invalid container ID format");
    let path = "";
    for (const part of this.root.split("/").slice(1)) {
      path += `/${part}`;
      yield* optional(mkdir(this.sys, path, 0o700), [EEXIST]);
    }
    try {
      yield* mkdir(this.sys, this.dirOf(id), 0o711);
    } catch (e) {
      if (e === EEXIST) throw new RuncError("container with given ID already exists");
      throw e;
    }
  }

  *save(state: ContainerState): Proc<void> {
    const path = `${this.dirOf(state.id)}/state.json`;
    yield* writeFile(this.sys, `${path}.tmp`, JSON.stringify(state), 0o600);
    yield* rename(this.sys, `${path}.tmp`, path);
  }

  /** Errors: RuncError if there is no such container. */
  *load(id: string): Proc<ContainerState> {
    if (!/^[\w+.-]+$/.test(id)) throw new RuncError("invalid container ID format");
    const text = yield* optional(readText(this.sys, `${this.dirOf(id)}/state.json`));
    if (text === undefined) throw new RuncError("container does not exist");
    return JSON.parse(text) as ContainerState;
  }

  /** All that can be read, by id. */
  *list(): Proc<ContainerState[]> {
    const entries = (yield* optional(readDir(this.sys, this.root))) ?? [];
    const found: ContainerState[] = [];
    for (const name of entries.map((entry) => entry.name).sort()) {
      const text = yield* optional(readText(this.sys, `${this.root}/${name}/state.json`));
      if (text !== undefined) found.push(JSON.parse(text) as ContainerState);
    }
    return found;
  }

  *remove(id: string): Proc<void> {
    const dir = this.dirOf(id);
    for (const { name } of (yield* optional(readDir(this.sys, dir))) ?? [])
      if (name !== "." && name !== "..") yield* unlink(this.sys, `${dir}/${name}`);
    yield* optional(this.sys.unlinkat(AT_FDCWD, dir, AT_REMOVEDIR));
  }

  *status(state: ContainerState): Proc<ContainerStatus> {
    const start = yield* startTime(this.sys, state.initPid);
    if (start === undefined || start !== state.initStartTime) return "stopped";
    if (yield* isFrozen(this.sys, state.cgroup)) return "paused";
    return (yield* optional(stat(this.sys, this.fifoOf(state.id)))) === undefined ? "running" : "created";
  }

  /** As the specification has it, for hooks and `runc state`. */
  *describe(state: ContainerState, status?: ContainerStatus): Proc<State> {
    const now = status ?? (yield* this.status(state));
    return {
      ociVersion: state.spec.ociVersion,
      id: state.id,
      status: now,
      pid: now === "stopped" ? 0 : state.initPid,
      bundle: state.bundle,
      ...(state.spec.annotations === undefined ? {} : { annotations: state.spec.annotations }),
    };
  }
}

/** Field 22 of /proc/PID/stat; undefined for a process that is gone or a zombie. */
export function* startTime(sys: Sys, pid: number): Proc<number | undefined> {
  let text: string | undefined;
  try {
    text = yield* readText(sys, `/proc/${pid}/stat`);
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
}

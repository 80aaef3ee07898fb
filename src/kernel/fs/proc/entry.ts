/**
 * The entries of proc as declarations: name, mode, and how to compute what is read. `S` is what an entry tells about: the machine
 * as seen from a PID namespace, or a task. Nothing here is stored and nothing is constant that could change.
 */

import type { Cred } from "../../ns/user.ts";
import type { PidNamespace } from "../../ns/pid.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { Path } from "../../vfs/dentry.ts";
import type { File } from "../../vfs/file.ts";
import type { Inode } from "../../vfs/inode.ts";
import type { ProcOptions } from "./options.ts";

/** The machine, with PIDs as `ns` numbers them. */
export interface Machine {
  readonly system: System;
  /** The namespace of the proc mount. */
  readonly ns: PidNamespace;
  /** What that mount hides. */
  readonly options: ProcOptions;
}

/** A process, or one thread of it. */
export interface TaskSubject extends Machine {
  readonly task: Task;
  /** Below /proc/PID/task: what is shown is of the thread alone. */
  readonly thread: boolean;
}

interface Common {
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  /**
   * - `ptrace`: besides what the mode says, ptrace_may_access() decides who looks into or through it.
   * - `mode`: the mode alone decides, capabilities do not help (/proc/sys).
   * - `net`: as `mode`, but who has CAP_NET_ADMIN over his network namespace counts as the owner (/proc/sys/net).
   * - `open`: its mayOpen() alone decides.
   */
  readonly access?: "ptrace" | "mode" | "open" | "net";
}

/** Its text is computed when reading begins, and again after a seek to 0. */
export interface FileEntry<S> extends Common {
  readonly kind: "file";
  read?(subject: S, reader: Task): string;
  /** Takes one write as a whole. `opener` is who opened the file, as he was then. Errors: EINVAL for what it does not understand. */
  write?(subject: S, text: string, writer: Task, opener: Cred): void;
  /** Tested at open(2), besides the mode. Errors: EACCES. */
  mayOpen?(subject: S, flags: number, opener: Task): void;
  /** Instead of read and write, for what is no text. */
  open?(subject: S, path: Path, flags: number, opener: Task): File;
}

export interface LinkEntry<S> extends Common {
  readonly kind: "link";
  /** What readlink shows. Errors: ENOENT where there is nothing. */
  target(subject: S, reader: Task): string;
  /** A magic link: the place itself, whatever its path. */
  follow?(subject: S, reader: Task): Path;
  /** st_size. */
  readonly size?: number;
}

export interface DirEntry<S> extends Common {
  readonly kind: "dir";
  /** A function where they come with a module. Errors of it: ELOADING. */
  readonly entries: readonly Entry<S>[] | ((subject: S) => readonly Entry<S>[]);
}

export function entriesOf<S>({ entries }: DirEntry<S>, subject: S): readonly Entry<S>[] {
  return typeof entries === "function" ? entries(subject) : entries;
}

/** A directory whose entries come and go. */
export interface DynamicEntry<S> extends Common {
  readonly kind: "dynamic";
  find(subject: S, name: string, make: MakeInode, reader: Task): Inode | undefined;
  /** Names with inode numbers, in order. */
  list(subject: S, reader: Task): readonly { readonly name: string; readonly ino: number; readonly type: number }[];
  /** st_nlink; 2 unless given. */
  nlink?(subject: S): number;
  /** Who may search and list it, instead of the mode. Errors: EACCES. */
  permission?(subject: S, mask: number, caller: Task): void;
}

export type Entry<S> = FileEntry<S> | LinkEntry<S> | DirEntry<S> | DynamicEntry<S>;

/** Makes the inode of an entry that a dynamic directory has found. */
export type MakeInode = <S extends Machine>(entry: Entry<S>, subject: S, ino: number, owner: Task | undefined) => Inode;

/** The task of a subject, if it is of one. */
export function taskOfSubject(subject: Machine): Task | undefined {
  return "task" in subject ? (subject as TaskSubject).task : undefined;
}

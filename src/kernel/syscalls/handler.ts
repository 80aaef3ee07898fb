/** The shape of a system call's handler, derived from the interface that programs see. */

import type { Proc, Sys, SyscallName } from "../../abi/sys.ts";
import type { MaySleep } from "../blocked.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";

/** `Sys.read(fd, buf): Proc<number>` becomes `(system, task, fd, buf) => number | Blocked<number>`. */
export type Handler<N extends SyscallName> = Sys[N] extends (...args: infer A) => Proc<infer R>
  ? (system: System, task: Task, ...args: A) => MaySleep<R>
  : never;

/** A family of system calls: what one file of this folder exports. */
export type Handlers<N extends SyscallName> = { readonly [K in N]: Handler<K> };

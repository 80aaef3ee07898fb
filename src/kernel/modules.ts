/**
 * The table of modules: every part of the kernel whose code comes after the first prompt. Only what puts a machine together imports it; the rest
 * of the kernel knows a module by its name and by the type of what it gives (`task/module.ts`).
 */

import { OVERLAY } from "./fs/overlay/module.ts";
import { overlayModule } from "./fs/overlay/overlay.ts";
import { lateEntriesModule } from "./fs/proc/late-entries.ts";
import { LATE_ENTRIES } from "./fs/proc/module.ts";
import { PIPES } from "./fs/pipefs/module.ts";
import { pipesModule } from "./fs/pipefs/pipe.ts";
import { QUEUES } from "./ipc/module.ts";
import { queuesModule } from "./ipc/mqueue.ts";
import { NET } from "./net/module.ts";
import { netModule } from "./net/net.ts";
import { LATE_CALLS } from "./syscalls/late-calls.ts";
import { lateCallsModule } from "./syscalls/late-table.ts";
import type { Module, ModuleName } from "./task/module.ts";

const modules: ReadonlyMap<string, Module<unknown>> = new Map<string, Module<unknown>>([
  [LATE_ENTRIES.name, lateEntriesModule],
  [NET.name, netModule],
  [OVERLAY.name, overlayModule],
  [PIPES.name, pipesModule],
  [QUEUES.name, queuesModule],
  [LATE_CALLS.name, lateCallsModule],
]);

export function findBuiltIn<T>({ name }: ModuleName<T>): Module<T> | undefined {
  return modules.get(name) as Module<T> | undefined;
}

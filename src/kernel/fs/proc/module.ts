/**
 * What proc and sysfs show besides tasks and mounts: the network, System V IPC, settings. Nobody reads it before the first prompt, and much of it is
 * about other modules, so it is a module of its own (`task/module.ts`): `late-entries.ts`.
 */

import { type ModuleName, requestModule } from "../../task/module.ts";
import type { NetNamespace } from "../../net/net-namespace.ts";
import type { DirEntry, Entry, Machine, TaskSubject } from "./entry.ts";

export interface LateEntries {
  /** /proc/sys. */
  readonly sys: readonly Entry<Machine>[];
  readonly sysvipc: readonly Entry<Machine>[];
  /** /proc/PID/net. */
  readonly net: readonly Entry<TaskSubject>[];
  /** What the network devices of a namespace are in /sys/class, and in /sys/devices: hardware on its bus, and the virtual ones. */
  sysfsClass(ns: NetNamespace): readonly Entry<Machine>[];
  sysfsDevices(ns: NetNamespace): readonly [hardware: Entry<Machine>, virtual: Entry<Machine>];
}

export const LATE_ENTRIES: ModuleName<LateEntries> = { name: "late_entries" };

export const sysEntry: DirEntry<Machine> = {
  kind: "dir",
  name: "sys",
  mode: 0o555,
  access: "mode",
  entries: ({ system }) => requestModule(system, LATE_ENTRIES).sys,
};

export const sysvipcEntry: DirEntry<Machine> = {
  kind: "dir",
  name: "sysvipc",
  mode: 0o555,
  entries: ({ system }) => requestModule(system, LATE_ENTRIES).sysvipc,
};

export const netEntry: DirEntry<TaskSubject> = {
  kind: "dir",
  name: "net",
  mode: 0o555,
  entries: ({ system }) => requestModule(system, LATE_ENTRIES).net,
};

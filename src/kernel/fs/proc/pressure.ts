/**
 * /proc/pressure: Documentation/accounting/psi.rst, Linux `kernel/sched/psi.c`. Differs from Linux: no triggers here, only in the pressure files
 * of cgroups.
 */

import type { DirEntry, FileEntry, Machine } from "./entry.ts";

const resource = (name: "cpu" | "io" | "memory"): FileEntry<Machine> => ({
  kind: "file",
  name,
  mode: 0o444,
  read: ({ system }) => system.cgroups.root.pressure[name].text(),
});

export const pressureEntry: DirEntry<Machine> = {
  kind: "dir",
  name: "pressure",
  mode: 0o555,
  entries: [resource("io"), resource("cpu"), resource("memory")],
};

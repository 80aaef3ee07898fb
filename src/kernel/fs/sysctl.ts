/** Settings of /proc/sys that have an effect. They are kept in `system.sysctl` by their path below /proc/sys once they were written. */

import { INOTIFY_MAX_QUEUED, INOTIFY_MAX_INSTANCES, INOTIFY_MAX_WATCHES, MOUNT_MAX, PROTECTED_HARDLINKS } from "../params.ts";
import type { System } from "../task/system.ts";

/** Name below /proc/sys and the value at boot. */
export const settings = {
  "fs/inotify/max_queued_events": INOTIFY_MAX_QUEUED,
  "fs/inotify/max_user_instances": INOTIFY_MAX_INSTANCES,
  "fs/inotify/max_user_watches": INOTIFY_MAX_WATCHES,
  "fs/mount-max": MOUNT_MAX,
  "fs/protected_hardlinks": PROTECTED_HARDLINKS,
} as const;

export type SettingName = keyof typeof settings;

export function sysctlNumber(system: System, name: SettingName): number {
  return Number(system.sysctl.get(name) ?? settings[name]);
}

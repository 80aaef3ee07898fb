/** Every filesystem type of the kernel, in the order of /proc/filesystems. */

import type { FilesystemType } from "../task/system.ts";
import { cgroup2 } from "./cgroup2/cgroup2.ts";
import { devpts } from "./devpts/devpts.ts";
import { devtmpfs } from "./devtmpfs/devtmpfs.ts";
import { mqueue } from "./mqueue/mqueue.ts";
import { overlay } from "./overlay/module.ts";
import { proc } from "./proc/proc.ts";
import { sysfs } from "./sysfs/sysfs.ts";
import { tmpfs } from "./tmpfs/tmpfs.ts";

export const filesystemTypes: readonly FilesystemType[] = [sysfs, tmpfs, proc, cgroup2, devtmpfs, devpts, mqueue, overlay];

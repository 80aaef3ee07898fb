/** Every filesystem type of the kernel, in the order of /proc/filesystems. */

import type { FilesystemType } from "../task/system.ts";
import { devpts } from "./devpts/devpts.ts";
import { devtmpfs } from "./devtmpfs/devtmpfs.ts";
import { proc } from "./proc/proc.ts";
import { tmpfs } from "./tmpfs/tmpfs.ts";

export const filesystemTypes: readonly FilesystemType[] = [tmpfs, proc, devtmpfs, devpts];

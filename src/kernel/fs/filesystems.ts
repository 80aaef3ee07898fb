/** Every filesystem type of the kernel, in the order of /proc/filesystems. */

import type { FilesystemType } from "../task/system.ts";
import { devpts } from "./devpts/devpts.ts";
import { devtmpfs } from "./devtmpfs/devtmpfs.ts";
import { tmpfs } from "./tmpfs/tmpfs.ts";

export const filesystemTypes: readonly FilesystemType[] = [tmpfs, devtmpfs, devpts];

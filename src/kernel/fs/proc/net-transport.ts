/** Files of /proc/net that tell of sockets and protocols. */

import type { NetFile } from "./net.ts";

export const transportNetFiles: readonly NetFile[] = [];

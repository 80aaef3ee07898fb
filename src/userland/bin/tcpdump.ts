/** tcpdump(8): see `userland/tcpdump/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const tcpdump: Executable = {
  name: "tcpdump",
  load: () => import("../tcpdump/main.ts"),
  paths: ["/usr/bin/tcpdump"],
  needed: ["libc.so.6"],
  sizeBytes: 1269784,
};

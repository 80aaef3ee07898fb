/** strace(1): see `userland/strace/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const strace: Executable = {
  name: "strace",
  load: () => import("../strace/main.ts"),
  paths: ["/usr/bin/strace"],
  needed: ["libunwind-ptrace.so.0", "libunwind-x86_64.so.8", "libc.so.6"],
  sizeBytes: 2034104,
};

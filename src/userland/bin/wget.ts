/** wget(1): see `userland/wget/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const wget: Executable = {
  name: "wget",
  load: () => import("../wget/main.ts"),
  paths: ["/usr/bin/wget"],
  needed: ["libidn2.so.0", "libz.so.1", "libc.so.6"],
  sizeBytes: 470384,
  applet: "/usr/bin/wget",
};

/** nc(1): see `userland/nc/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const nc: Executable = {
  name: "nc",
  load: () => import("../nc/main.ts"),
  paths: ["/usr/bin/nc.openbsd"],
  needed: ["libbsd.so.0", "libresolv.so.2", "libc.so.6"],
  sizeBytes: 43592,
  applet: "/usr/bin/nc",
};

/** top(1): see `userland/top/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const top: Executable = {
  name: "top",
  load: () => import("../top/main.ts"),
  paths: ["/usr/bin/top"],
  needed: ["libproc2.so.0", "libtinfo.so.6", "libc.so.6"],
  sizeBytes: 134736,
  applet: "/usr/bin/top",
};

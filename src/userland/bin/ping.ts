/** ping(8): see `userland/ping/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const ping: Executable = {
  name: "ping",
  load: () => import("../ping/main.ts"),
  paths: ["/usr/bin/ping"],
  needed: ["libcap.so.2", "libidn2.so.0", "libc.so.6"],
  sizeBytes: 90568,
  applet: "/bin/ping",
};

/** curl(1): see `userland/curl/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const curl: Executable = {
  name: "curl",
  load: () => import("../curl/main.ts"),
  paths: ["/usr/bin/curl"],
  needed: ["libcurl.so.4", "libz.so.1", "libc.so.6"],
  sizeBytes: 280800,
};

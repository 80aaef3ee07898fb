/** host(1): see `userland/dig/host.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";
import { bindLibraries } from "../dig/libraries.ts";

export const host: Executable = {
  name: "host",
  load: () => import("../dig/host.ts"),
  paths: ["/usr/bin/host"],
  needed: bindLibraries,
  sizeBytes: 117456,
};

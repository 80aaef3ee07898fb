/** dig(1): see `userland/dig/dig.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";
import { bindLibraries } from "../dig/libraries.ts";

export const dig: Executable = {
  name: "dig",
  load: () => import("../dig/dig.ts"),
  paths: ["/usr/bin/dig"],
  needed: bindLibraries,
  sizeBytes: 146200,
};

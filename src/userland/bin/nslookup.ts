/** nslookup(1): see `userland/dig/nslookup.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";
import { bindLibraries } from "../dig/libraries.ts";

export const nslookup: Executable = {
  name: "nslookup",
  load: () => import("../dig/nslookup.ts"),
  paths: ["/usr/bin/nslookup"],
  needed: bindLibraries,
  sizeBytes: 117496,
  applet: "/usr/bin/nslookup",
};

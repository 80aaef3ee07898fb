/** traceroute(8): see `userland/traceroute/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const traceroute: Executable = {
  name: "traceroute",
  load: () => import("../traceroute/main.ts"),
  paths: ["/usr/bin/traceroute.db", "/usr/bin/traceroute", "/usr/sbin/traceroute"],
  sizeBytes: 72944,
  applet: "/usr/bin/traceroute",
};

/** The program of the client. It comes as code of its own when it is first started. */

import type { Executable } from "../userland/executable.ts";

export const cliExecutables: readonly Executable[] = [
  { name: "docker", load: () => import("./docker.ts"), paths: ["/usr/bin/docker"], sizeBytes: 42_791_888, needed: [] },
];

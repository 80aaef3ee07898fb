/** The programs of the engine. Each comes as code of its own when it is first started. */

import type { Executable } from "../userland/executable.ts";

export const engineExecutables: readonly Executable[] = [
  {
    name: "dockerd",
    load: () => import("./dockerd.ts"),
    paths: ["/usr/sbin/dockerd"],
    sizeBytes: 75_181_184,
    needed: ["libc.so.6"],
  },
  {
    name: "docker-proxy",
    load: () => import("./proxy/docker-proxy.ts"),
    paths: ["/usr/bin/docker-proxy"],
    sizeBytes: 1_771_584,
    needed: ["libc.so.6"],
  },
];

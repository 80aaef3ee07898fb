/** The programs of the engine. Each comes as code of its own when it is first started. */

import type { Executable } from "../userland/executable.ts";

export const engineExecutables: readonly Executable[] = [
  {
    name: "containerd-shim-runc-v2",
    load: () => import("./shim/main.ts"),
    paths: ["/usr/bin/containerd-shim-runc-v2"],
    sizeBytes: 11_615_216,
    needed: [],
  },
  {
    name: "docker-init",
    load: () => import("./docker-init.ts"),
    paths: ["/usr/bin/docker-init"],
    sizeBytes: 868_064,
    needed: [],
  },
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

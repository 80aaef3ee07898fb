/** Every program of the machine: those of the userland, the container runtime, the engine, its client. `programs.ts` finds their code, `rootfs.ts` makes files of them. */

import { cliExecutables } from "../cli/executables.ts";
import { engineExecutables } from "../engine/executables.ts";
import { imageExecutables } from "../image/executables.ts";
import { runc } from "../runtime/runc/runc.ts";
import { executables as userland } from "../userland/bin/index.ts";
import type { Executable } from "../userland/executable.ts";

const runtime: readonly Executable[] = [
  { name: "runc", main: runc, paths: ["/usr/sbin/runc"], sizeBytes: 8_752_456, needed: ["libseccomp.so.2", "libc.so.6"] },
];

export const executables: readonly Executable[] = [...userland, ...runtime, ...engineExecutables, ...imageExecutables, ...cliExecutables];

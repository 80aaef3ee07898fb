/** Every program of the machine: those of the userland, the container runtime. `programs.ts` finds their code, `rootfs.ts` makes files of them. */

import { runc } from "../runtime/runc/runc.ts";
import { executables as userland } from "../userland/bin/index.ts";
import type { Executable } from "../userland/executable.ts";

export const executables: readonly Executable[] = [...userland, runc];

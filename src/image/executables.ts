/** The programs that images bring and that are made of this folder's code. Each comes as code of its own when it is first started. */

import type { Executable } from "../userland/executable.ts";

export const imageExecutables: readonly Executable[] = [{ name: "registry", load: () => import("./registry/main.ts") }];

/** nginx(8), for the images of that name: see `userland/nginx/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const nginx: Executable = { name: "nginx", load: () => import("../nginx/main.ts") };

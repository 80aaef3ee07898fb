/** Apache's httpd(8), for the images of that name: see `userland/apache2/main.ts`, which comes as a chunk of its own. Its name here is not that of busybox's httpd. */

import type { Executable } from "../executable.ts";

export const apache2: Executable = { name: "apache2", load: () => import("../apache2/main.ts") };

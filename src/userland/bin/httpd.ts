/** httpd(8) of busybox: see `userland/httpd/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const httpd: Executable = { name: "httpd", load: () => import("../httpd/main.ts"), applet: "/usr/sbin/httpd" };

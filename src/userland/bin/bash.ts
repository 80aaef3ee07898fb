/** bash(1): the Bourne-again shell, root's login shell. */

import type { Executable } from "../executable.ts";
import { shell } from "../sh/main.ts";

export const bash: Executable = {
  name: "bash",
  paths: ["/usr/bin/bash"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 1265648,
  main: shell("bash"),
};

/** Every program of the machine. One import and one line each, sorted by name; nothing registers itself. */

import type { Executable } from "../executable.ts";
import { busybox } from "./busybox.ts";
import { find } from "./find.ts";
import { init } from "./init.ts";
import { ldLinux } from "./ld-linux.ts";
import { xargs } from "./xargs.ts";

export const executables: readonly Executable[] = [
  busybox(() => executables),
  find,
  init,
  ldLinux,
  xargs,
];

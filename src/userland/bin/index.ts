/** Every program of the machine. One import and one line each, sorted by name; nothing registers itself. */

import type { Executable } from "../executable.ts";

export const executables: readonly Executable[] = [];

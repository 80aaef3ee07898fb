/** Archives from a file or from standard input. */

import { Errno } from "../abi/errno.ts";
import { O_CLOEXEC, O_RDONLY } from "../abi/fcntl.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { Input } from "../userland/libc/stdio.ts";
import { open } from "../userland/libc/unistd.ts";
import { CliError } from "./errors.ts";

/** Errors: CliError where it cannot be opened. */
export function* openInput(sys: Sys, path: string): Proc<Input> {
  try {
    return new Input(sys, yield* open(sys, path, O_RDONLY | O_CLOEXEC));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new CliError(`open ${path}: ${e.message.toLowerCase()}`);
  }
}

/** Archives that go to a file, which is there only once it is complete. Real counterpart: moby/sys/atomicwriter. */

import { Errno } from "../abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_TRUNC, O_WRONLY } from "../abi/fcntl.ts";
import { isDir } from "../abi/stat.ts";
import type { Proc } from "../abi/sys.ts";
import { writeAll } from "../userland/libc/stdio.ts";
import { dirname, open, optional, rename, stat, unlink } from "../userland/libc/unistd.ts";
import type { Cli } from "./cli.ts";
import type { Response } from "./client.ts";
import { CliError } from "./errors.ts";
import { copyAll } from "./stdcopy.ts";

/** Writes an answer's body to `path`, or to standard output where that is empty. `failure` begins what is said of the file. Blocks. Errors: CliError. */
export function* saveTo(cli: Cli, path: string, failure: string, request: () => Proc<Response>): Proc<void> {
  if (path === "") {
    const { body } = yield* request();
    yield* copyAll(body, cli.stdout);
    return;
  }
  const { sys } = cli;
  const directory = yield* optional(stat(sys, dirname(path)));
  if (directory === undefined) throw new CliError(`${failure}: invalid output path: stat ${dirname(path)}: no such file or directory`);
  const there = yield* optional(stat(sys, path));
  if (there !== undefined && isDir(there.mode)) throw new CliError(`${failure}: invalid output path: cannot write to a directory`);
  const temporary = `${path}.tmp`;
  let fd: number;
  try {
    fd = yield* open(sys, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new CliError(`${failure}: open ${path}: ${e.message.toLowerCase()}`);
  }
  try {
    const { body } = yield* request();
    yield* copyAll(body, { write: (bytes) => writeAll(sys, fd, bytes) });
    yield* rename(sys, temporary, path);
  } catch (e) {
    yield* optional(unlink(sys, temporary));
    throw e;
  } finally {
    yield* sys.close(fd);
  }
}

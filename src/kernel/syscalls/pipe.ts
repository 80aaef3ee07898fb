/** pipe(2). */

import { EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC, O_DIRECT, O_NONBLOCK } from "../../abi/fcntl.ts";
import { RLIMIT_NOFILE } from "../../abi/resource.ts";
import { makePipe } from "../fs/pipefs/pipe.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { File } from "../vfs/file.ts";
import type { Handlers } from "./handler.ts";

/** Installs a new description under the lowest free descriptor. Errors: EMFILE, and the file is released. */
export function installFile(task: Task, file: File, cloexec: boolean): number {
  file.get();
  try {
    return task.files.install(file, cloexec, task.rlimit(RLIMIT_NOFILE));
  } finally {
    file.put();
  }
}

/** Two descriptors or none. Errors: EMFILE. */
export function installPair(task: Task, first: File, second: File, cloexec: boolean): readonly [number, number] {
  second.get();
  try {
    const fd = installFile(task, first, cloexec);
    try {
      return [fd, installFile(task, second, cloexec)];
    } catch (e) {
      task.files.remove(fd).put();
      throw e;
    }
  } finally {
    second.put();
  }
}

function pipe2(system: System, task: Task, flags: number): readonly [number, number] {
  if ((flags & ~(O_NONBLOCK | O_CLOEXEC | O_DIRECT)) !== 0) throw EINVAL;
  const [reader, writer] = makePipe(system, flags & (O_NONBLOCK | O_DIRECT), task);
  return installPair(task, reader, writer, (flags & O_CLOEXEC) !== 0);
}

export const pipeCalls: Handlers<"pipe2"> = { pipe2 };

/** Descriptors for new files: Linux `fs/file.c: fd_install`. */

import { RLIMIT_NOFILE } from "../../abi/resource.ts";
import type { Task } from "../task/task.ts";
import type { File } from "../vfs/file.ts";

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

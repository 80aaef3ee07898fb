/** execve(2), execveat(2). */

import { AT_FDCWD } from "../../abi/fcntl.ts";
import { execve } from "../task/exec.ts";
import type { Handlers } from "./handler.ts";

export const execCalls: Handlers<"execve" | "execveat"> = {
  execve: (system, task, path, argv, env) => execve(system, task, AT_FDCWD, path, argv, env, 0),
  execveat: execve,
};

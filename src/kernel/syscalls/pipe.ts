/** pipe(2). */

import { EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC, O_DIRECT, O_NONBLOCK } from "../../abi/fcntl.ts";
import { makePipe } from "../fs/pipefs/pipe.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";
import { installPair } from "./install.ts";

function pipe2(system: System, task: Task, flags: number): readonly [number, number] {
  if ((flags & ~(O_NONBLOCK | O_CLOEXEC | O_DIRECT)) !== 0) throw EINVAL;
  const [reader, writer] = makePipe(system, flags & (O_NONBLOCK | O_DIRECT), task);
  return installPair(task, reader, writer, (flags & O_CLOEXEC) !== 0);
}

export const pipeCalls: Handlers<"pipe2"> = { pipe2 };

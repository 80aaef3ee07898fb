/** eventfd(2). */

import { EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../../abi/fcntl.ts";
import { EFD_SEMAPHORE } from "../../abi/poll.ts";
import { EventFile } from "../fs/anon/eventfd.ts";
import type { Handlers } from "./handler.ts";
import { installFile } from "./install.ts";

export const eventfdCalls: Handlers<"eventfd2"> = {
  eventfd2: (system, task, initval, flags) => {
    if ((flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK)) !== 0) throw EINVAL;
    if (!Number.isInteger(initval) || initval < 0 || initval > 0xffff_ffff) throw EINVAL;
    const file = new EventFile(system, initval, (flags & EFD_SEMAPHORE) !== 0, flags & O_NONBLOCK, task);
    return installFile(task, file, (flags & O_CLOEXEC) !== 0);
  },
};

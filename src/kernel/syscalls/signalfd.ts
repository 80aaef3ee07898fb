/** signalfd(2). */

import { EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../../abi/fcntl.ts";
import { SignalFile } from "../fs/anon/signalfd.ts";
import type { Handlers } from "./handler.ts";
import { installFile } from "./install.ts";

export const signalfdCalls: Handlers<"signalfd4"> = {
  signalfd4: (system, task, fd, mask, flags) => {
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) throw EINVAL;
    if (fd === -1) return installFile(task, new SignalFile(system, mask, flags & O_NONBLOCK, task), (flags & O_CLOEXEC) !== 0);
    const file = task.files.require(fd);
    if (!(file instanceof SignalFile)) throw EINVAL;
    file.mask = mask;
    return fd;
  },
};

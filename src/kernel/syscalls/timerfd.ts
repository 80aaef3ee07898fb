/** timerfd_create(2), timerfd_settime(2). */

import { EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../../abi/fcntl.ts";
import { TFD_TIMER_ABSTIME } from "../../abi/poll.ts";
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME } from "../../abi/time.ts";
import { TimerFile } from "../fs/anon/timerfd.ts";
import type { Handlers } from "./handler.ts";
import { installFile } from "./install.ts";

export const timerfdCalls: Handlers<"timerfd_create" | "timerfd_settime"> = {
  timerfd_create: (system, task, clock, flags) => {
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) throw EINVAL;
    if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC && clock !== CLOCK_BOOTTIME) throw EINVAL;
    return installFile(task, new TimerFile(system, clock, flags & O_NONBLOCK, task), (flags & O_CLOEXEC) !== 0);
  },
  timerfd_settime: (_system, task, fd, flags, value) => {
    const file = task.files.require(fd);
    if (!(file instanceof TimerFile) || (flags & ~TFD_TIMER_ABSTIME) !== 0) throw EINVAL;
    if (!(value.valueNs >= 0) || !(value.intervalNs >= 0)) throw EINVAL;
    return file.set(flags, value, task.ns.time);
  },
};

/** Every system call and its handler. Numbers, arguments and support levels: `abi/syscall-table.ts`. */

import type { SyscallName } from "../../abi/sys.ts";
import { chmodCalls } from "./chmod.ts";
import { chownCalls } from "./chown.ts";
import { copyCalls } from "./copy.ts";
import { cwdCalls } from "./cwd.ts";
import { dirCalls } from "./dir.ts";
import { dupCalls } from "./dup.ts";
import { epollCalls } from "./epoll.ts";
import { eventfdCalls } from "./eventfd.ts";
import { execCalls } from "./exec.ts";
import { fcntlCalls } from "./fcntl.ts";
import { flockCalls } from "./flock.ts";
import type { Handlers } from "./handler.ts";
import { idCalls } from "./ids.ts";
import { inotifyCalls } from "./inotify.ts";
import { linkCalls } from "./link.ts";
import { memoryCalls } from "./memory.ts";
import { mountCalls } from "./mount.ts";
import { openCalls } from "./open.ts";
import { pivotRootCalls } from "./pivot-root.ts";
import { prctlCalls } from "./prctl.ts";
import { processCalls } from "./process.ts";
import { rareCalls } from "./rare-calls.ts";
import { readCalls } from "./read.ts";
import { schedCalls } from "./sched.ts";
import { signalCalls } from "./signal.ts";
import { statCalls } from "./stat.ts";
import { statfsCalls } from "./statfs.ts";
import { syncCalls } from "./sync.ts";
import { systemCalls } from "./system.ts";
import { timeCalls } from "./time.ts";
import { truncateCalls } from "./truncate.ts";
import { unshareCalls } from "./unshare.ts";
import { utimeCalls } from "./utime.ts";
import { ioctlCalls } from "./ioctl.ts";
import { ioprioCalls } from "./ioprio.ts";
import { pipeCalls } from "./pipe.ts";
import { pollCalls } from "./poll.ts";
import { signalfdCalls } from "./signalfd.ts";
import { socketCalls } from "./socket.ts";
import { timerfdCalls } from "./timerfd.ts";
import { xattrCalls } from "./xattr.ts";

export const handlers: Handlers<SyscallName> = {
  ...chmodCalls,
  ...chownCalls,
  ...copyCalls,
  ...cwdCalls,
  ...dirCalls,
  ...dupCalls,
  ...execCalls,
  ...fcntlCalls,
  ...flockCalls,
  ...idCalls,
  ...inotifyCalls,
  ...linkCalls,
  ...memoryCalls,
  ...mountCalls,
  ...openCalls,
  ...pivotRootCalls,
  ...prctlCalls,
  ...processCalls,
  ...rareCalls,
  ...readCalls,
  ...schedCalls,
  ...signalCalls,
  ...statCalls,
  ...statfsCalls,
  ...syncCalls,
  ...systemCalls,
  ...timeCalls,
  ...truncateCalls,
  ...unshareCalls,
  ...utimeCalls,
  ...epollCalls,
  ...eventfdCalls,
  ...ioctlCalls,
  ...ioprioCalls,
  ...pipeCalls,
  ...pollCalls,
  ...signalfdCalls,
  ...socketCalls,
  ...timerfdCalls,
  ...xattrCalls,
};

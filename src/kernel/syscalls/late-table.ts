/** The handlers behind `late-calls.ts`. */

import type { Module } from "../task/module.ts";
import type { LateCalls } from "./late-calls.ts";
import { chownCalls } from "./chown.ts";
import { copyCalls } from "./copy.ts";
import { epollCalls } from "./epoll.ts";
import { eventfdCalls } from "./eventfd.ts";
import { flockCalls } from "./flock.ts";
import { inotifyCalls } from "./inotify.ts";
import { ioprioCalls } from "./ioprio.ts";
import { linkCalls } from "./link.ts";
import { mqOpenCalls } from "./mq-open.ts";
import { msggetCalls } from "./msgget.ts";
import { pivotRootCalls } from "./pivot-root.ts";
import { pipeCalls } from "./pipe.ts";
import { prctlCalls } from "./prctl.ts";
import { schedCalls } from "./sched.ts";
import { semgetCalls } from "./semget.ts";
import { shmgetCalls } from "./shmget.ts";
import { signalfdCalls } from "./signalfd.ts";
import { socketCalls } from "./socket.ts";
import { statfsCalls } from "./statfs.ts";
import { syncCalls } from "./sync.ts";
import { timerfdCalls } from "./timerfd.ts";
import { truncateCalls } from "./truncate.ts";
import { unshareCalls } from "./unshare.ts";
import { utimeCalls } from "./utime.ts";
import { xattrCalls } from "./xattr.ts";

const calls: LateCalls = {
  ...chownCalls,
  ...copyCalls,
  ...epollCalls,
  ...eventfdCalls,
  ...flockCalls,
  ...inotifyCalls,
  ...ioprioCalls,
  ...linkCalls,
  ...mqOpenCalls,
  ...msggetCalls,
  ...pivotRootCalls,
  ...pipeCalls,
  ...prctlCalls,
  ...schedCalls,
  ...semgetCalls,
  ...shmgetCalls,
  ...signalfdCalls,
  ...socketCalls,
  ...statfsCalls,
  ...syncCalls,
  ...timerfdCalls,
  ...truncateCalls,
  ...unshareCalls,
  ...utimeCalls,
  ...xattrCalls,
};

export const lateCallsModule: Module<LateCalls> = { init: () => calls };

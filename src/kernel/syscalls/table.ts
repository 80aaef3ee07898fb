/** Every system call and its handler. Numbers, arguments and support levels: `abi/syscall-table.ts`. */

import type { SyscallName } from "../../abi/sys.ts";
import { chmodCalls } from "./chmod.ts";
import { cwdCalls } from "./cwd.ts";
import { dirCalls } from "./dir.ts";
import { dupCalls } from "./dup.ts";
import { execCalls } from "./exec.ts";
import { fcntlCalls } from "./fcntl.ts";
import type { Handlers } from "./handler.ts";
import { idCalls } from "./ids.ts";
import { lateCalls } from "./late-calls.ts";
import { memoryCalls } from "./memory.ts";
import { mountCalls } from "./mount.ts";
import { openCalls } from "./open.ts";
import { processCalls } from "./process.ts";
import { readCalls } from "./read.ts";
import { signalCalls } from "./signal.ts";
import { statCalls } from "./stat.ts";
import { systemCalls } from "./system.ts";
import { timeCalls } from "./time.ts";
import { ioctlCalls } from "./ioctl.ts";
import { pollCalls } from "./poll.ts";

export const handlers: Handlers<SyscallName> = {
  ...chmodCalls,
  ...cwdCalls,
  ...dirCalls,
  ...dupCalls,
  ...execCalls,
  ...fcntlCalls,
  ...idCalls,
  ...lateCalls,
  ...memoryCalls,
  ...mountCalls,
  ...openCalls,
  ...processCalls,
  ...readCalls,
  ...signalCalls,
  ...statCalls,
  ...systemCalls,
  ...timeCalls,
  ...ioctlCalls,
  ...pollCalls,
};

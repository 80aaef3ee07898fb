/** Every system call and its handler. Numbers, arguments and support levels: `abi/syscall-table.ts`. */

import type { SyscallName } from "../../abi/sys.ts";
import { execCalls } from "./exec.ts";
import type { Handlers } from "./handler.ts";
import { idCalls } from "./ids.ts";
import { memoryCalls } from "./memory.ts";
import { processCalls } from "./process.ts";
import { schedCalls } from "./sched.ts";
import { signalCalls } from "./signal.ts";
import { systemCalls } from "./system.ts";
import { timeCalls } from "./time.ts";

export const handlers: Handlers<SyscallName> = {
  ...execCalls,
  ...idCalls,
  ...memoryCalls,
  ...processCalls,
  ...schedCalls,
  ...signalCalls,
  ...systemCalls,
  ...timeCalls,
};

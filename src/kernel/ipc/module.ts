/** POSIX message queues as the filesystem of their names knows them: `mqueue.ts` comes as a module (`task/module.ts`). */

import type { MqAttr } from "../../abi/ipc.ts";
import { MQUEUE_LIMITS } from "../params.ts";
import type { ModuleName } from "../task/module.ts";
import type { Task } from "../task/task.ts";
import type { PosixQueue } from "./mqueue.ts";

/** Queues and limits of one IPC namespace. */
export class QueueAccounts {
  /** /proc/sys/fs/mqueue. */
  readonly limits = { ...MQUEUE_LIMITS };
  queues = 0;
  /** Bytes that the queues of a user may come to hold. Differs from Linux: counted for each IPC namespace apart. */
  readonly bytesOf = new Map<number, number>();
}

export interface Queues {
  /** Errors: EINVAL; ENOSPC for queues_max; EMFILE for RLIMIT_MSGQUEUE. */
  newQueue(accounts: QueueAccounts, maker: Task, attr: Pick<MqAttr, "maxmsg" | "msgsize"> | undefined): PosixQueue;
}

export const QUEUES: ModuleName<Queues> = { name: "queues" };

/** msgget(2), msgsnd(2), msgrcv(2), msgctl(2). */

import { EINVAL } from "../../abi/errno.ts";
import { IPC_RMID, IPC_SET, IPC_STAT, type IpcSet, type MsqidDs } from "../../abi/ipc.ts";
import type { MessageQueues } from "../ipc/msg.ts";
import { sysvOf } from "../ipc/sysv.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

const READ = 0o444;

const msgOf = (system: System, task: Task): MessageQueues => sysvOf(system, task.ns.ipc).msg;

function msgctl(system: System, task: Task, id: number, cmd: number, set?: IpcSet): MsqidDs | undefined {
  if (id < 0 || cmd < 0) throw EINVAL;
  const queues = msgOf(system, task);
  const queue = queues.ids.require(id);
  if (cmd === IPC_STAT) {
    queues.ids.checkAccess(task, queue, READ);
    return queue.stat(task);
  }
  if (cmd !== IPC_RMID && cmd !== IPC_SET) throw EINVAL;
  queues.ids.checkOwner(task, queue);
  if (cmd === IPC_RMID) queues.remove(queue);
  else if (set === undefined) throw EINVAL;
  else queues.set(task, queue, set);
  return undefined;
}

export const msggetCalls: Handlers<"msgget" | "msgsnd" | "msgrcv" | "msgctl"> = {
  msgget: (system, task, key, flags) => msgOf(system, task).get(task, key | 0, flags),
  msgsnd: (system, task, id, message, flags) => msgOf(system, task).send(task, id, message, flags),
  msgrcv: (system, task, id, size, type, flags) => msgOf(system, task).receive(task, id, size, type, flags),
  msgctl,
};

/**
 * System calls whose code is a module (`task/module.ts`), because nobody makes them before the first prompt: each of them sends for the code and
 * goes on as if it had been there. To move a call here, name it below and put its handlers into `rare.ts` instead of `table.ts`.
 */

import { type ModuleName, requestModule } from "../task/module.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

const NAMES = [
  ...(["shmget", "shmat", "shmdt", "shmctl", "semget", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl"] as const),
  ...(["mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr"] as const),
] as const;

export type RareCalls = Handlers<(typeof NAMES)[number]>;

export const RARE_CALLS: ModuleName<RareCalls> = { name: "rare_calls" };

type AnyHandler = (system: System, task: Task, ...args: readonly unknown[]) => unknown;

const later =
  (name: (typeof NAMES)[number]): AnyHandler =>
  (system, task, ...args) =>
    (requestModule(system, RARE_CALLS)[name] as AnyHandler)(system, task, ...args);

export const rareCalls = Object.fromEntries(NAMES.map((name) => [name, later(name)])) as unknown as RareCalls;

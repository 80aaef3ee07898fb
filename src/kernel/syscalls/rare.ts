/** The handlers behind `rare-calls.ts`. */

import type { Module } from "../task/module.ts";
import { mqOpenCalls } from "./mq-open.ts";
import { msggetCalls } from "./msgget.ts";
import type { RareCalls } from "./rare-calls.ts";
import { semgetCalls } from "./semget.ts";
import { shmgetCalls } from "./shmget.ts";

export const rareCallsModule: Module<RareCalls> = {
  init: () => ({ ...mqOpenCalls, ...msggetCalls, ...semgetCalls, ...shmgetCalls }),
};

/** `docker context`. */

import type { Group } from "../command.ts";
import { exportContext, importContext } from "../unsupported/context-files.ts";
import { create } from "./create.ts";
import { inspect } from "./inspect.ts";
import { ls } from "./ls.ts";
import { rm } from "./rm.ts";
import { show } from "./show.ts";
import { update } from "./update.ts";
import { use } from "./use.ts";

export const context: Group = {
  name: "context",
  short: "Manage contexts",
  commands: [create, exportContext, importContext, inspect, ls, rm, show, update, use],
};

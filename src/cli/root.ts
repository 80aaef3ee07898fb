/** The whole tree of commands: one line a command. */

import type { Group } from "./command.ts";
import { container, containerShortcuts } from "./container/index.ts";

export const root: Group = {
  name: "docker",
  short: "A self-sufficient runtime for containers",
  commands: [...containerShortcuts, container],
};

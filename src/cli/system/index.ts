/** `docker system`, and the commands of it that stand at the top as well. */

import type { AnyCommand, Group } from "../command.ts";
import { df } from "./df.ts";
import { events } from "./events.ts";
import { info } from "./info.ts";
import { inspect } from "./inspect.ts";
import { prune } from "./prune.ts";
import { version } from "./version.ts";

export const systemShortcuts: readonly AnyCommand[] = [version, info, events, inspect];

export const system: Group = { name: "system", short: "Manage Docker", commands: [df, events, info, prune] };

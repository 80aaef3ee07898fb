/** `docker builder`. */

import type { Group } from "../command.ts";
import { build } from "../image/build.ts";
import { prune } from "./prune.ts";

export const builder: Group = { name: "builder", short: "Manage builds", commands: [build, prune] };

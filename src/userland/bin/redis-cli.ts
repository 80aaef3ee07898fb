/** redis-cli, for the images of redis: see `userland/redis/cli.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const redisCli: Executable = { name: "redis-cli", load: () => import("../redis/cli.ts") };

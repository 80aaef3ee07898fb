/** redis-server, for the images of redis: see `userland/redis/server-main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const redisServer: Executable = { name: "redis-server", load: () => import("../redis/server-main.ts") };

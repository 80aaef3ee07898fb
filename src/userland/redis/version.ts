/** Which Redis this is. One program stands behind the files of all its images; the image says which one it is in its environment. */

import type { Env } from "../../abi/sys.ts";

const NEWEST = "8.0.2";

export const redisVersion = (env: Env): string => /redis-(\d+\.\d+\.\d+)\.tar/.exec(env.get("REDIS_DOWNLOAD_URL") ?? "")?.[1] ?? NEWEST;

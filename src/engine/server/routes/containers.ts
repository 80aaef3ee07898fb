/** /containers and /exec. moby `api/server/router/container`. */

import type { Route } from "../router.ts";

export const containerRoutes: readonly Route[] = [];

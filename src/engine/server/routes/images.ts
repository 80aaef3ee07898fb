/** /images, /build, /commit, /auth and /distribution. */

import type { Route } from "../router.ts";

export const imageRoutes: readonly Route[] = [];

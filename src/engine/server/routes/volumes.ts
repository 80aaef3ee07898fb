/** /volumes. */

import type { Route } from "../router.ts";

export const volumeRoutes: readonly Route[] = [];

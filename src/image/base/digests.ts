/**
 * The digests of the base images' layers, made by `npm run images:digests`; not to be edited. A layer that has changed since is worked out when
 * somebody asks for it, which takes a second for each fifty megabytes.
 */

import type { RecordedDigests } from "./catalogue.ts";

export const recordedDigests: RecordedDigests = {};

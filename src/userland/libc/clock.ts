/** The wall clock: time(2) with its fraction. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { CLOCK_REALTIME, NS_PER_SEC } from "../../abi/time.ts";

/** Seconds since 1970. */
export function* clock(sys: Sys): Proc<number> {
  const { sec, nsec } = yield* sys.clock_gettime(CLOCK_REALTIME);
  return sec + nsec / NS_PER_SEC;
}

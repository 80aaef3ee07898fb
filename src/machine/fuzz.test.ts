import fc from "fast-check";
import { test } from "vitest";
import { fuzz } from "./fuzz.ts";

/** A million calls in each run of the tests; `FUZZ_CALLS=100000000 npx vitest run src/machine/fuzz.test.ts` for a longer one. */
const CALLS = Number(process.env.FUZZ_CALLS ?? 1_000_000);
const RUNS = 20;

test(`random programs of ${CALLS} system calls keep the kernel's books`, { timeout: 3_600_000 }, () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
      fuzz(seed, Math.ceil(CALLS / RUNS));
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

/** Names of containers: what is one, and the ones that are made up. moby `daemon/names`, `pkg/namesgenerator`. */

import words from "docker-names";
import type { Proc, Sys } from "../../abi/sys.ts";

const VALID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export const isValidName = (name: string): boolean => VALID.test(name);

/** Two bytes of the machine's randomness each, so that the words are nearly evenly likely. */
function* pick(sys: Sys, from: readonly string[]): Proc<string> {
  const bytes = new Uint8Array(2);
  yield* sys.getrandom(bytes, 0);
  return from[((bytes[0] as number) * 256 + (bytes[1] as number)) % from.length] as string;
}

/** Six tries for a free one; from the second on with a digit behind it. */
export function* makeUpName(sys: Sys, isFree: (name: string) => boolean): Proc<string | undefined> {
  for (let tries = 0; tries < 6; tries++) {
    let name: string;
    do name = `${yield* pick(sys, words.left)}_${yield* pick(sys, words.right)}`;
    while (
      // Steve Wozniak is not boring.
      name === "boring_wozniak"
    );
    if (tries > 0) name += yield* pick(sys, [..."0123456789"]);
    if (isFree(name)) return name;
  }
  return undefined;
}

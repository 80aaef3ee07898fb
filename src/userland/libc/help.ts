/** The text of `--help` in both voices: "Usage: …" as the GNU tools print it, and under busybox's banner. */

import type { Voice } from "../../abi/sys.ts";

/** The version of busybox that the machine's applets speak like. */
export const BUSYBOX_VERSION = "1.35.0";

/**
 * The version of coreutils that the GNU tools speak like.
 * Differs from Linux: `--version` is this one line, without licence and authors.
 */
export const COREUTILS = "(GNU coreutils) 9.1";

/** `gnu` and `busybox` begin with the synopsis; `busybox` is `gnu` unless given. */
export function help(gnu: string, busybox: string = gnu): (voice: Voice) => string {
  return (voice) => (voice === "gnu" ? `Usage: ${gnu}\n` : `BusyBox v${BUSYBOX_VERSION} multi-call binary.\n\nUsage: ${busybox}\n`);
}

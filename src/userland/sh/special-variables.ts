/** Variables of bash that are computed when they are read: RANDOM, SECONDS, LINENO, BASHPID … */

import type { Shell } from "./shell.ts";
import type { Variable } from "./variables.ts";

/** The next value of a linear congruential generator, as bash's lib/sh/random.c (Park and Miller). */
function nextRandom(sh: Shell): number {
  let n = sh.randomState % 2147483647;
  if (n === 0) n = 123459876;
  const h = Math.floor(n / 127773);
  let t = 16807 * (n - h * 127773) - 2836 * h;
  if (t < 0) t += 2147483647;
  sh.randomState = t;
  return ((t >>> 16) ^ (t & 65535)) & 32767;
}

/** The value of a computed variable now; undefined if it has none. */
export function computeDynamic(sh: Shell, name: string): string | undefined {
  switch (name) {
    case "RANDOM":
      return String(nextRandom(sh));
    case "SRANDOM":
      return String(nextRandom(sh) * 65536 + nextRandom(sh));
    case "SECONDS":
      return String(Math.floor(sh.nowNs / 1e9) - Math.floor(sh.startNs / 1e9));
    case "EPOCHSECONDS":
      return String(Math.floor(sh.nowNs / 1e9));
    case "EPOCHREALTIME": {
      const usec = Math.floor(sh.nowNs / 1000);
      return `${Math.floor(usec / 1e6)}.${String(usec % 1e6).padStart(6, "0")}`;
    }
    case "LINENO":
      return String(sh.line);
    case "BASHPID":
      return String(sh.selfPid);
    case "BASH_SUBSHELL":
      return String(sh.subshellDepth);
    case "BASH_COMMAND":
      return sh.currentCommand;
    case "HISTCMD":
      return String(sh.history.number);
    default:
      return sh.dynamicArray(name)?.[0];
  }
}

/** Takes an assignment to a computed variable; false where it becomes an ordinary one. */
export function setDynamic(sh: Shell, v: Variable, value: string): boolean {
  switch (v.name) {
    case "RANDOM":
      sh.randomState = Number(sh.evaluate(value));
      return true;
    case "SECONDS":
      sh.startNs = sh.nowNs - Number(sh.evaluate(value)) * 1e9;
      return true;
    default:
      // Assignments to the others have no effect, as in bash.
      return true;
  }
}

/** Variables whose value must be asked of the kernel before it is read. */
export const needsClock = /\b(SECONDS|EPOCHSECONDS|EPOCHREALTIME)\b/;

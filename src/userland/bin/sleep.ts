/** sleep(1) of coreutils: waits for the sum of some spans of time. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { quote } from "../libc/quotearg.ts";
import { parseDuration } from "../libc/xstrtol.ts";

const usage = `sleep NUMBER[SUFFIX]...
Wait for the sum of the given times, fractions allowed. SUFFIX is s for seconds (the default), m minutes, h hours, d days.`;

export const sleep: Executable = {
  name: "sleep",
  paths: ["/usr/bin/sleep"],
  sizeBytes: 43888,
  applet: "/bin/sleep",
  main: command({ version: COREUTILS, help: help(usage) }, function* (c) {
    const { operands } = yield* c.getopt({ short: "+" });
    checkOperands(c, operands, 1);
    let seconds = 0;
    let bad = false;
    for (const word of operands) {
      const span = parseDuration(word);
      if (span !== undefined) seconds += span;
      else if (c.voice === "busybox") yield* c.fail(`invalid number '${word}'`);
      else {
        yield* c.warn(`invalid time interval ${quote(word)}`);
        bad = true;
      }
    }
    if (bad) throw new UsageError("");
    if (seconds === Number.POSITIVE_INFINITY) yield* c.sys.pause();
    yield* c.sys.nanosleep(Math.round(seconds * 1e9));
    return 0;
  }),
};

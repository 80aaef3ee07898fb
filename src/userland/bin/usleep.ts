/** usleep(1), an applet of busybox: waits for microseconds. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { parseCount } from "../libc/xstrtol.ts";

export const usleep: Executable = {
  name: "usleep",
  applet: "/bin/usleep",
  main: command({ help: help("usleep N\n\nPause for N microseconds") }, function* (c) {
    const { operands } = yield* c.getopt({ short: "+" });
    checkOperands(c, operands, 1, 1);
    const [word = ""] = operands;
    const count = parseCount(word);
    if (count === undefined) return yield* c.fail(`invalid number '${word}'`);
    yield* c.sys.nanosleep(count * 1000);
    return 0;
  }),
};

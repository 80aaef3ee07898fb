/** test(1) of coreutils and busybox. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { evaluateTest, TestError } from "../libc/test-expression.ts";

export const testUsage = `test EXPRESSION
  or:  test
  or:  [ EXPRESSION ]
  or:  [ ]
  or:  [ OPTION
Exit with the status that EXPRESSION determines.

      --help     show this help and exit

  ( EXPR )  ! EXPR  EXPR -a EXPR  EXPR -o EXPR
  -n STR  -z STR  STR = STR  STR != STR
  INT -eq INT, and -ne -lt -le -gt -ge
  FILE -nt FILE, and -ot (older) -ef (the same)
  -b -c -d -e -f -g -G -h -k -L -N -O -p -r -s -S -u -w -x FILE, -t FD`;

/** Evaluates and turns a wrong expression into status 2. */
export function* runTest(c: Command, args: readonly string[]): Proc<number> {
  try {
    return (yield* evaluateTest(c.sys, args, c.voice === "busybox" ? "busybox" : "coreutils")) ? 0 : 1;
  } catch (e) {
    if (!(e instanceof TestError)) throw e;
    yield* c.warn(e.message);
    return 2;
  }
}

export const test: Executable = {
  name: "test",
  paths: ["/usr/bin/test"],
  sizeBytes: 60304,
  applet: "/usr/bin/test",
  // `test --help` is an expression: a string that is not empty.
  main: command({ help: help(testUsage) }, (c) => runTest(c, c.args)),
};

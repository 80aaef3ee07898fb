/** The log of socat(1): lines with time, program and process, by level. */

import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { type Command, Exit } from "../libc/command.ts";
import { strftime } from "../libc/strftime.ts";

export type Level = "F" | "E" | "W" | "N" | "I";
const LEVELS: readonly Level[] = ["F", "E", "W", "N", "I"];

export class Log {
  /** The lowest level that is printed: errors, more with each -d. */
  private verbosity = 1;

  constructor(
    readonly c: Command,
    readonly program: string,
  ) {}

  more(): void {
    this.verbosity++;
  }

  *say(level: Level, text: string): Proc<void> {
    if (LEVELS.indexOf(level) > this.verbosity) return;
    const now = yield* this.c.sys.clock_gettime(CLOCK_REALTIME);
    yield* this.c.eprint(`${strftime("%Y/%m/%d %H:%M:%S", now)} ${this.program}[${yield* this.c.sys.getpid()}] ${level} ${text}\n`);
  }

  /** Says it and ends the program. */
  *fail(text: string): Proc<never> {
    yield* this.say("E", text);
    yield* this.say("N", "exit(1)");
    throw new Exit(1);
  }
}

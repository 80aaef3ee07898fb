/** What find(1) knows while it reads its expression. */

import type { Errno } from "../../abi/errno.ts";
import type { Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import type { IdNames } from "../libc/passwd.ts";
import type { Output } from "../libc/stdio.ts";
import { timegm } from "../libc/strftime.ts";
import type { Batch } from "./exec.ts";
import { ExpressionError } from "./expression.ts";
import type { WalkOptions } from "./walk.ts";

export class Parsing {
  /** The predicate being read. */
  name = "";
  at = 0;
  readonly options: WalkOptions = {
    follow: "never",
    depthFirst: false,
    maxdepth: Number.POSITIVE_INFINITY,
    mindepth: 0,
    xdev: false,
  };
  regextype = "findutils-default";
  daystart = false;
  explicitDepth = false;
  prunes = false;
  deletes = false;
  /** Whether suspicious usage is remarked upon; only if stdin is a terminal, unless -warn. */
  warns = false;
  /** To be run at the end. */
  readonly batches: Batch[] = [];
  /** Files of -fprint and the like; one stream a file. */
  readonly files = new Map<string, Output>();

  constructor(
    readonly c: Command,
    readonly args: readonly string[],
    readonly names: IdNames,
    readonly nowSec: number,
    /** Prints that a file cannot be read, and makes the exit status 1. */
    readonly failed: (subject: string, e: Errno) => Proc<void>,
  ) {}

  get busybox(): boolean {
    return this.c.voice === "busybox";
  }

  /** The next word, the predicate's argument. Throws ExpressionError if there is none. */
  argument(): string {
    const word = this.args[this.at];
    if (word === undefined) {
      throw new ExpressionError(this.busybox ? `${this.name} requires an argument` : `missing argument to \`${this.name}'`);
    }
    this.at++;
    return word;
  }

  /**
   * The time of -newermt. Differs from Linux: `YYYY-MM-DD[ HH:MM[:SS]]`, `@seconds`, `now`, `today`, `yesterday`, `tomorrow`
   * and `N unit ago` are understood, not all of GNU's date input formats.
   */
  parseTime(text: string): Timespec | undefined {
    const word = text.trim().toLowerCase();
    const now: Timespec = { sec: Math.floor(this.nowSec), nsec: 0 };
    if (word === "" || word === "now" || word === "today") return word === "" ? { sec: Math.floor(now.sec / 86400) * 86400, nsec: 0 } : now;
    if (word === "yesterday") return { sec: now.sec - 86400, nsec: 0 };
    if (word === "tomorrow") return { sec: now.sec + 86400, nsec: 0 };
    const seconds = /^@(-?[0-9]+)(?:\.([0-9]+))?$/.exec(word);
    if (seconds !== null) return { sec: Number(seconds[1]), nsec: Number((seconds[2] ?? "").padEnd(9, "0").slice(0, 9)) };
    const date =
      /^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[t ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?)?(?: *(?:z|utc))?$/.exec(word);
    if (date !== null) {
      const [, y, mo, d, h, mi, s] = date.map(Number);
      if ((mo as number) < 1 || (mo as number) > 12 || (d as number) < 1 || (d as number) > 31) return undefined;
      const sec = timegm(y as number, (mo as number) - 1, d as number, h || 0, mi || 0, s || 0);
      return { sec, nsec: Number((date[7] ?? "").padEnd(9, "0").slice(0, 9)) };
    }
    const ago = /^([0-9]+) *(second|sec|minute|min|hour|day|week)s?( +ago)?$/.exec(word);
    if (ago === null) return undefined;
    const unit = { second: 1, sec: 1, minute: 60, min: 60, hour: 3600, day: 86400, week: 604800 }[ago[2] as "day"];
    return { sec: now.sec + (ago[3] === undefined ? 1 : -1) * Number(ago[1]) * unit, nsec: 0 };
  }
}

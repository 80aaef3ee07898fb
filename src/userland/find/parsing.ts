/** What find(1) knows while it reads its expression. */

import type { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import type { IdNames } from "../libc/passwd.ts";
import type { Output } from "../libc/stdio.ts";
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
}

/** A question on stderr and its answer from standard input: gnulib's yesno. */

import type { Proc } from "../../abi/sys.ts";
import type { Command } from "./command.ts";

/** Asks `name: question` and says whether the answer begins with y. Blocks until a line comes. */
export function* ask(c: Command, question: string): Proc<boolean> {
  yield* c.stdout.flush();
  yield* c.eprint(`${c.name}: ${question} `);
  const line = yield* c.stdin.readLine();
  return line !== undefined && /^[yY]/.test(line);
}

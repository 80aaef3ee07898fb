/** The complaints of coreutils about operands; busybox shows its usage instead. */

import type { Command } from "./command.ts";
import { UsageError } from "./getopt.ts";
import { quote } from "./quotearg.ts";

/** Too few operands: after the last one given, if any. */
export function missingOperand(c: Command, after?: string): UsageError {
  if (c.voice === "busybox") return new UsageError("");
  return new UsageError(after === undefined ? "missing operand" : `missing operand after ${quote(after)}`);
}

export function extraOperand(c: Command, operand: string): UsageError {
  return new UsageError(c.voice === "busybox" ? "" : `extra operand ${quote(operand)}`);
}

/** Throws unless `operands` are between `least` and `most` many. */
export function checkOperands(c: Command, operands: readonly string[], least: number, most = Number.POSITIVE_INFINITY): void {
  if (operands.length < least) throw missingOperand(c, operands.at(-1));
  const extra = operands[most];
  if (extra !== undefined) throw extraOperand(c, extra);
}

/** The one of `choices` that `arg` begins, as XARGMATCH does it. Throws UsageError in its words, listing the choices. */
export function argmatch<T>(c: Command, context: string, arg: string, choices: readonly (readonly [string, T])[]): T {
  const exact = choices.find(([name]) => name === arg);
  if (exact !== undefined) return exact[1];
  const some = choices.filter(([name]) => name.startsWith(arg));
  const first = some[0];
  if (first !== undefined && some.every(([, value]) => value === first[1])) return first[1];
  if (c.voice === "busybox") throw new UsageError("");
  const groups: T[] = [];
  const lines: string[] = [];
  for (const [name, value] of choices) {
    if (groups.includes(value)) lines[groups.indexOf(value)] += `, ${quote(name)}`;
    else {
      groups.push(value);
      lines.push(`  - ${quote(name)}`);
    }
  }
  const problem = first === undefined ? "invalid" : "ambiguous";
  throw new UsageError(`${problem} argument ${quote(arg)} for ${quote(context)}\nValid arguments are:\n${lines.join("\n")}`, 1);
}

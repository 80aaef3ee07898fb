/** The flags in front of an instruction's arguments: `--from=x`. BuildKit `frontend/dockerfile/instructions/bflag.go`. */

import { InstructionError } from "./error.ts";

export type FlagKind = "text" | "yes-no";

/** What was given, in order of appearance. Errors: InstructionError. */
export function parseInstructionFlags(given: readonly string[], known: Readonly<Record<string, FlagKind>>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const flag of given) {
    if (flag === "--") return found;
    const equals = flag.indexOf("=");
    const name = equals < 0 ? flag.slice(2) : flag.slice(2, equals);
    const value = equals < 0 ? undefined : flag.slice(equals + 1);
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) throw new InstructionError(`Unknown flag: ${name}`);
    if (found.has(name)) throw new InstructionError(`Duplicate flag specified: ${name}`);
    found.set(name, kind === "text" ? textOf(name, value) : yesNoOf(name, value));
  }
  return found;
}

function textOf(name: string, value: string | undefined): string {
  if (value === undefined) throw new InstructionError(`Missing a value on flag: ${name}`);
  return value;
}

function yesNoOf(name: string, value: string | undefined): string {
  if (value === "") throw new InstructionError(`Missing a value on flag: ${name}`);
  const lower = (value ?? "true").toLowerCase();
  if (lower !== "true" && lower !== "false") throw new InstructionError(`Expecting boolean value for flag ${name}, not: ${value}`);
  return lower;
}

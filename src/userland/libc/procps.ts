/** What the programs of procps and psmisc have in common: their usage, signals by name, comma lists. */

import { Errno } from "../../abi/errno.ts";
import { findSignalName, findSignalNumber } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, Exit } from "./command.ts";
import { getopt, type OptionSpec, type Parsed, UsageError } from "./getopt.ts";

/** procps says a wrong option and then its whole usage, with status 1 unless given. */
export function* procpsGetopt(c: Command, spec: OptionSpec, usage: string, args = c.args, status = 1): Proc<Parsed> {
  const long = [...(spec.long ?? []), { name: "help", as: "--help" }, { name: "version", as: "--version" }];
  try {
    const parsed = getopt(args, { short: spec.short, long }, c.voice);
    for (const { name } of parsed.options) {
      if (name === "--help") {
        yield* c.print(usage);
        throw new Exit(0);
      }
      if (name === "--version" || (name === "V" && spec.short.includes("V"))) {
        yield* c.print(`${c.name} from procps-ng 4.0.2\n`);
        throw new Exit(0);
      }
    }
    return parsed;
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    if (c.voice === "busybox") throw e;
    yield* c.eprint(`${c.name}: ${e.message}\n${usage}`);
    throw new Exit(status);
  }
}

/** What follows every list of options. */
export const usageTail = (name: string): string =>
  `\n -h, --help     display this help and exit\n -V, --version  output version information and exit\n\nFor more details see ${name}(1).\n`;

/** procps and busybox call SIGIO by its other name. */
export const signalName = (sig: number): string | undefined => (sig === 29 ? "POLL" : sig > 31 ? undefined : findSignalName(sig));

/** A standard signal by name or number, without the real-time ones. */
export function findSignal(text: string): number | undefined {
  const sig = findSignalNumber(text);
  return sig !== undefined && (/^[0-9]+$/.test(text) || sig <= 31) ? sig : undefined;
}

/** The names in lines of 78 columns, as `kill -l` and `killall -l` print them. */
export function signalList(): string {
  const lines: string[] = [];
  let line = "";
  for (let sig = 1; sig <= 31; sig++) {
    const name = signalName(sig) ?? "";
    if (line !== "" && line.length + 1 + name.length > 77) {
      lines.push(line);
      line = name;
    } else line += (line === "" ? "" : " ") + name;
  }
  return `${[...lines, line].join("\n")}\n`;
}

/** `kill -l` of busybox. */
export const busyboxSignalList = (): string =>
  Array.from({ length: 31 }, (_, i) => `${String(i + 1).padStart(2)}) ${signalName(i + 1)}\n`).join("");

/** The errno of a call that may fail, or undefined where it did not. */
export function* attempt(call: Proc<unknown>): Proc<Errno | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (e) {
    if (e instanceof Errno) return e;
    throw e;
  }
}

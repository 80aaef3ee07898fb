/**
 * Command-line options: getopt(3), getopt_long(3) of glibc, with its error texts; busybox words where the voice asks.
 * Options and operands may be mixed; `--` ends the options; a unique prefix of a long option is enough.
 */

import type { Voice } from "../../abi/sys.ts";

export interface LongOption {
  readonly name: string;
  readonly arg?: "required" | "optional";
  /** What `Option.name` shall be: usually the short letter. The long name unless given. */
  readonly as?: string;
}

export interface OptionSpec {
  /** Letters as for getopt(3): `a:` takes an argument, `a::` an optional one; a leading `+` stops at the first operand. */
  readonly short: string;
  readonly long?: readonly LongOption[];
}

export interface Option {
  readonly name: string;
  /** Empty string where the option takes no argument or an optional one was left out: then `hasArg` is false. */
  readonly arg: string;
  readonly hasArg: boolean;
}

export interface Parsed {
  readonly options: readonly Option[];
  readonly operands: readonly string[];
}

/** Wrong usage; `command` prints it with the program's name and the hint to `--help`. */
export class UsageError {
  constructor(
    readonly message: string,
    /** Exit status, where it is not the program's usual one. */
    readonly status?: number,
  ) {}
}

/** Throws UsageError in the words of glibc or busybox. */
export function getopt(args: readonly string[], spec: OptionSpec, voice: Voice = "gnu"): Parsed {
  const inOrder = spec.short.startsWith("+");
  const short = spec.short.replace(/^\+/, "");
  const long = spec.long ?? [];
  const options: Option[] = [];
  const operands: string[] = [];
  const bad = (gnu: string, busybox: string): UsageError => new UsageError(voice === "gnu" ? gnu : busybox);
  let i = 0;
  for (; i < args.length; i++) {
    const word = args[i] as string;
    if (word === "--") {
      i++;
      break;
    }
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const found = findLong(long, name);
      if (found === undefined)
        throw bad(`unrecognized option '${word.slice(0, equals < 0 ? undefined : equals)}'`, `unrecognized option: ${name}`);
      if (Array.isArray(found)) {
        const choices = found.map((o) => `'--${o.name}'`).join(" ");
        throw bad(`option '${word}' is ambiguous; possibilities: ${choices}`, `ambiguous option: ${name}`);
      }
      const option = found as LongOption;
      const as = option.as ?? option.name;
      if (equals >= 0) {
        if (option.arg === undefined)
          throw bad(`option '--${option.name}' doesn't allow an argument`, `option doesn't take an argument: ${option.name}`);
        options.push({ name: as, arg: word.slice(equals + 1), hasArg: true });
      } else if (option.arg === "required") {
        const arg = args[++i];
        if (arg === undefined) throw bad(`option '--${option.name}' requires an argument`, `option requires an argument: ${option.name}`);
        options.push({ name: as, arg, hasArg: true });
      } else options.push({ name: as, arg: "", hasArg: false });
      continue;
    }
    if (word.startsWith("-") && word.length > 1) {
      for (let k = 1; k < word.length; k++) {
        const letter = word[k] as string;
        const at = letter === ":" ? -1 : short.indexOf(letter);
        if (at < 0) throw bad(`invalid option -- '${letter}'`, `unrecognized option: ${letter}`);
        const takes = short[at + 1] === ":" ? (short[at + 2] === ":" ? "optional" : "required") : "none";
        if (takes === "none") {
          options.push({ name: letter, arg: "", hasArg: false });
          continue;
        }
        const rest = word.slice(k + 1);
        if (rest !== "") options.push({ name: letter, arg: rest, hasArg: true });
        else if (takes === "optional") options.push({ name: letter, arg: "", hasArg: false });
        else {
          const arg = args[++i];
          if (arg === undefined) throw bad(`option requires an argument -- '${letter}'`, `option requires an argument: ${letter}`);
          options.push({ name: letter, arg, hasArg: true });
        }
        break;
      }
      continue;
    }
    if (inOrder) break;
    operands.push(word);
  }
  for (; i < args.length; i++) operands.push(args[i] as string);
  return { options, operands };
}

function findLong(long: readonly LongOption[], name: string): LongOption | LongOption[] | undefined {
  const exact = long.find((o) => o.name === name);
  if (exact) return exact;
  const some = long.filter((o) => o.name.startsWith(name));
  const same = some.every((o) => (o.as ?? o.name) === (some[0]?.as ?? some[0]?.name) && o.arg === some[0]?.arg);
  return some.length > 1 && !same ? some : some[0];
}

/** The command line of curl 7.88: options and their arguments. An option that is not built is unknown. */

import type { Option } from "../libc/getopt.ts";

type Arg = "none" | "required";

/** Long name, letter, argument. */
const table: readonly (readonly [long: string, letter: string, arg: Arg])[] = [
  ["connect-timeout", "", "required"],
  ["data", "d", "required"],
  ["data-ascii", "", "required"],
  ["data-binary", "", "required"],
  ["data-raw", "", "required"],
  ["data-urlencode", "", "required"],
  ["fail", "f", "none"],
  ["fail-with-body", "", "none"],
  ["form", "F", "required"],
  ["get", "G", "none"],
  ["head", "I", "none"],
  ["header", "H", "required"],
  ["help", "h", "none"],
  ["http1.0", "0", "none"],
  ["http1.1", "", "none"],
  ["include", "i", "none"],
  ["insecure", "k", "none"],
  ["ipv4", "4", "none"],
  ["location", "L", "none"],
  ["max-redirs", "", "required"],
  ["max-time", "m", "required"],
  ["no-buffer", "N", "none"],
  ["no-progress-meter", "", "none"],
  ["output", "o", "required"],
  ["referer", "e", "required"],
  ["remote-name", "O", "none"],
  ["request", "X", "required"],
  ["resolve", "", "required"],
  ["show-error", "S", "none"],
  ["silent", "s", "none"],
  ["dump-header", "D", "required"],
  ["unix-socket", "", "required"],
  ["upload-file", "T", "required"],
  ["url", "", "required"],
  ["user", "u", "required"],
  ["user-agent", "A", "required"],
  ["verbose", "v", "none"],
  ["version", "V", "none"],
  ["write-out", "w", "required"],
];

/** What is wrong with a command line: `option X: is unknown`. */
export class OptionError {
  constructor(
    readonly option: string,
    readonly problem: string,
  ) {}
}

/** Options in order, operands as `url`. Throws OptionError. */
export function parseArgs(args: readonly string[]): Option[] {
  const options: Option[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (!word.startsWith("-") || word === "-") {
      options.push({ name: "url", arg: word, hasArg: true });
      continue;
    }
    if (word === "--") {
      for (const url of args.slice(i + 1)) options.push({ name: "url", arg: url, hasArg: true });
      break;
    }
    const take = (): string => {
      const arg = args[++i];
      if (arg === undefined) throw new OptionError(word, "requires parameter");
      return arg;
    };
    if (word.startsWith("--")) {
      const name = word.slice(2);
      const exact = table.find(([long]) => long === name);
      const some = exact === undefined ? table.filter(([long]) => long.startsWith(name)) : [exact];
      if (some.length > 1) throw new OptionError(word, "is ambiguous");
      const [row] = some;
      if (row === undefined) throw new OptionError(word, "is unknown");
      options.push({ name: row[0], arg: row[2] === "required" ? take() : "", hasArg: row[2] === "required" });
      continue;
    }
    for (let k = 1; k < word.length; k++) {
      const row = table.find(([, letter]) => letter === word[k]);
      if (row === undefined) throw new OptionError(word, "is unknown");
      const [name, , arg] = row;
      if (arg === "none") {
        options.push({ name, arg: "", hasArg: false });
        continue;
      }
      const rest = word.slice(k + 1);
      options.push({ name, arg: rest !== "" ? rest : take(), hasArg: true });
      break;
    }
  }
  return options;
}

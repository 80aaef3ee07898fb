/** iptables-restore(8) 1.8.9 (legacy): tables from a file, each written at its COMMIT. Left out: -M, -T. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { framed, takeLock } from "../iptables/frame.ts";
import { IPTABLES_HELP } from "../iptables/help.ts";
import { Names, ParameterProblem } from "../iptables/names.ts";
import { checkChainName, CommandLine, VERSION } from "../iptables/parse.ts";
import { runRequest } from "../iptables/run.ts";
import { IptFailure, TableError, TableHandle } from "../iptables/tables.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { readText } from "../libc/unistd.ts";

const PROGRAM = "iptables-restore";
const HELP = `Usage: iptables-restore [-c] [-v] [-V] [-t] [-h] [-n] [-w secs] [-W usecs] [-T table] [-M command] [file]
	   [ --counters ]
	   [ --verbose ]
	   [ --version]
	   [ --test ]
	   [ --help ]
	   [ --noflush ]
`;

interface Options {
  counters: boolean;
  verbose: boolean;
  test: boolean;
  noflush: boolean;
}

/** Words of a line: blanks part them, quotes keep them together, a backslash in quotes saves a character (add_param_to_argv). */
export function splitLine(line: string): string[] {
  const words: string[] = [];
  let word = "";
  let open = false;
  let quote = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i] as string;
    if (quote) {
      if (char === "\\") word += line[++i] ?? "";
      else if (char === '"') quote = false;
      else word += char;
    } else if (char === '"') {
      quote = open = true;
    } else if (char === " " || char === "\t") {
      if (open) words.push(word);
      word = "";
      open = false;
    } else {
      word += char;
      open = true;
    }
  }
  if (quote) throw new ParameterProblem("Unterminated quote?");
  if (open) words.push(word);
  return words;
}

class Restorer {
  line = 0;
  /** The table between `*` and COMMIT. */
  private table: TableHandle | undefined;
  private tableName = "";

  constructor(
    private readonly c: Command,
    private readonly names: Names,
    private readonly options: Options,
  ) {}

  *run(text: string): Proc<number> {
    const lines = text.split("\n");
    if (lines[lines.length - 1] === "") lines.pop();
    for (const content of lines) {
      this.line++;
      yield* this.take(content);
      yield* this.c.sys.spend(20_000);
    }
    if (this.table === undefined) return 0;
    yield* this.c.eprint(`${PROGRAM}: COMMIT expected at line ${this.line + 1}\n`);
    return 1;
  }

  private *take(content: string): Proc<void> {
    const { c, options } = this;
    if (content === "") return;
    if (content.startsWith("#")) {
      if (options.verbose) yield* c.print(`${content}\n`);
    } else if (content === "COMMIT" && this.table !== undefined) {
      if (!options.test) yield* this.table.commit();
      this.table = undefined;
    } else if (content.startsWith("*") && this.table === undefined) yield* this.open(content.slice(1).trim());
    else if (this.table === undefined) throw new IptFailure("no table");
    else if (content.startsWith(":")) yield* this.chain(this.table, content.slice(1));
    else yield* this.rule(this.table, content);
  }

  private *open(name: string): Proc<void> {
    const { c, options } = this;
    try {
      this.table = yield* TableHandle.open(c.sys, name);
    } catch (e) {
      if (!(e instanceof TableError)) throw e;
      throw new ParameterProblem(`${PROGRAM}: unable to initialize table '${name}'`);
    }
    this.tableName = name;
    if (options.noflush) return;
    for (const chain of this.table.chains) {
      if (options.verbose) yield* c.print(`Flushing chain \`${chain.name}'\n`);
      chain.rules = [];
    }
    for (const chain of this.table.chains.filter(({ policy }) => policy === undefined)) {
      if (options.verbose) yield* c.print(`Deleting chain \`${chain.name}'\n`);
      this.table.remove(chain.name);
    }
  }

  /** `NAME POLICY [packets:bytes]`. */
  private *chain(table: TableHandle, text: string): Proc<void> {
    const [name = "", policy, counters] = text.split(/[ \t]+/);
    if (name === "") throw new ParameterProblem(`${PROGRAM}: line ${this.line} chain name invalid`);
    const existing = table.find(name);
    if (existing === undefined) {
      checkChainName(name);
      table.create(name);
    } else if (existing.policy === undefined) existing.rules = [];
    if (policy === undefined) throw new ParameterProblem(`${PROGRAM}: line ${this.line} policy invalid`);
    if (policy === "-") return;
    const match = /^\[(\d+):(\d+)\]$/.exec(counters ?? "");
    const kept: readonly [number, number] = this.options.counters && match !== null ? [Number(match[1]), Number(match[2])] : [0, 0];
    try {
      table.setPolicy(name, policy, kept);
    } catch (e) {
      if (!(e instanceof IptFailure)) throw e;
      const why = e.message.replace(". Run `dmesg' for more information", "");
      yield* this.c.eprint(`${PROGRAM} ${VERSION}: Can't set policy \`${policy}' on \`${name}' line ${this.line}: ${why}\n`);
      throw new Exit(1);
    }
  }

  private *rule(table: TableHandle, content: string): Proc<void> {
    const match = /^\[(\d+):(\d+)\]\s*(.*)$/.exec(content);
    const words = splitLine(match?.[3] ?? content);
    const counters = match !== null && this.options.counters ? ["-c", match[1] as string, match[2] as string] : [];
    const verbose = this.options.verbose ? ["-v"] : [];
    const args = [...words, ...counters, ...verbose];
    const request = yield* new CommandLine(this.c.sys, this.names, args, PROGRAM, IPTABLES_HELP, this.tableName).parse();
    yield* runRequest(this.c, this.names, table, request);
  }
}

function* run(c: Command): Proc<number> {
  const options: Options = { counters: false, verbose: false, test: false, noflush: false };
  const flags = [
    ["counters", "c"],
    ["verbose", "v"],
    ["test", "t"],
    ["noflush", "n"],
    ["version", "V"],
    ["wait", "w"],
  ] as const;
  let file: string | undefined;
  try {
    const long = flags.map(([name, as]) => ({ name, as, ...(as === "w" ? { arg: "optional" as const } : {}) }));
    const parsed = yield* c.getopt({ short: "cvtnVw::", long });
    for (const { name } of parsed.options) {
      if (name === "c") options.counters = true;
      else if (name === "v") options.verbose = true;
      else if (name === "t") options.test = true;
      else if (name === "n") options.noflush = true;
      else if (name === "V") {
        yield* c.print(`${PROGRAM} ${VERSION}\n`);
        return 0;
      }
    }
    if (parsed.operands.length > 1) {
      yield* c.eprint("Unknown arguments found on commandline\n");
      return 1;
    }
    file = parsed.operands[0];
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    yield* c.eprint("Try `iptables-restore -h' for more information.\n");
    return 1;
  }
  let text: string;
  try {
    text = yield* readText(c.sys, file ?? "/dev/stdin");
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.eprint(`Can't open ${file}: ${e.message}\n`);
    return 1;
  }
  yield* takeLock(c);
  const restorer = new Restorer(c, yield* Names.load(c.sys), options);
  return yield* framed(
    c,
    PROGRAM,
    () => restorer.line,
    () => restorer.run(text),
  );
}

export const iptablesRestore: Executable = {
  name: "iptables-restore",
  main: command({ help: HELP }, run),
  paths: ["/usr/sbin/iptables-restore", "/usr/sbin/iptables-legacy-restore"],
  needed: ["libxtables.so.12", "libip4tc.so.2", "libip6tc.so.2", "libc.so.6"],
  sizeBytes: 91_112,
};

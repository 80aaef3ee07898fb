/**
 * The frame of `docker`'s commands: a tree of groups and commands declared as data, parsed as spf13/cobra and spf13/pflag do it. A command is one file with
 * `defineCommand({ use, short, args, flags, run })`; the words of wrong usage are those of docker/cli `cli/required.go`.
 */

import type { Proc } from "../abi/sys.ts";
import type { Cli } from "./cli.ts";
import { CliError } from "./errors.ts";
import type { Flag, Flags, Values } from "./flags.ts";

/** How many operands a command takes. */
export type ArgsRule =
  | { readonly kind: "none" }
  | { readonly kind: "exactly"; readonly n: number }
  | { readonly kind: "least"; readonly n: number }
  | { readonly kind: "most"; readonly n: number }
  | { readonly kind: "between"; readonly min: number; readonly max: number };

export const noArgs: ArgsRule = { kind: "none" };
export const exactly = (n: number): ArgsRule => ({ kind: "exactly", n });
export const atLeast = (n: number): ArgsRule => ({ kind: "least", n });
export const atMost = (n: number): ArgsRule => ({ kind: "most", n });
export const between = (min: number, max: number): ArgsRule => ({ kind: "between", min, max });

/** What Tab offers for an operand. */
export type Completes = "containers" | "all containers" | "images" | "networks" | "volumes" | "contexts" | "files" | "nothing";

/** What a command that runs is given. */
export interface Invocation<F extends Flags> {
  readonly cli: Cli;
  readonly o: Values<F>;
  readonly args: readonly string[];
  /** Whether the flag stood on the command line. */
  readonly given: (name: keyof F & string) => boolean;
  readonly command: AnyCommand;
  /** `docker container run`. */
  readonly path: string;
}

export interface CommandSpec<F extends Flags> {
  /** The usage line without what stands before: `run [OPTIONS] IMAGE [COMMAND] [ARG...]`. Further lines are forms of their own. */
  readonly use: string;
  readonly short: string;
  readonly long?: string;
  /** Other names of the command. */
  readonly names?: readonly string[];
  /** All its full names, as help lists them. */
  readonly aliases?: readonly string[];
  readonly args: ArgsRule;
  readonly flags: F;
  /** Flags end at the first operand: what follows belongs to the container's command. */
  readonly flagsFirst?: true;
  /** Not in help. */
  readonly hidden?: true;
  /** Where the group's help lists it. */
  readonly topic?: "common" | "swarm";
  /** What it needs of the engine; hidden and refused otherwise. */
  readonly only?: "experimental";
  readonly completes?: Completes;
  readonly run: (call: Invocation<F>) => Proc<number | void>;
}

export type AnyCommand = CommandSpec<Flags>;

/** Checks a command's types; what comes back is one of many. */
export function defineCommand<F extends Flags>(spec: CommandSpec<F>): AnyCommand {
  return spec as unknown as AnyCommand;
}

/** Several commands under one name. */
export interface Group {
  readonly name: string;
  readonly short: string;
  /** What its own usage says after its name, where an unknown command is answered with it. */
  readonly usage?: "COMMAND";
  readonly topic?: "swarm";
  readonly hidden?: true;
  readonly only?: "experimental";
  readonly commands: readonly Node[];
}

export type Node = AnyCommand | Group;

export const isGroup = (node: Node): node is Group => "commands" in node;
export const nameOf = (node: Node): string => (isGroup(node) ? node.name : (node.use.split(/[ \n]/, 1)[0] as string));
const namesOf = (node: Node): readonly string[] => [nameOf(node), ...(isGroup(node) ? [] : (node.names ?? []))];

export function findChild(group: Group, name: string): Node | undefined {
  return group.commands.find((node) => namesOf(node).includes(name));
}

/** A command under another name or at another place. */
export const under = (command: AnyCommand, changes: Partial<AnyCommand>): AnyCommand => ({ ...command, ...changes });

/** `docker run [OPTIONS] IMAGE…`: the first line gets the path before it, as cobra has it. */
export function usageLine(node: Node, path: string): string {
  const parent = path.includes(" ") ? path.slice(0, path.lastIndexOf(" ")) : "";
  if (isGroup(node)) return node.usage === undefined ? path : `${path} ${node.usage}`;
  return `${parent === "" ? "" : `${parent} `}${node.use}`;
}

const plural = (n: number): string => (n === 1 ? "argument" : "arguments");

/** Errors: CliError where the number of operands is wrong. */
export function checkArgs(command: AnyCommand, path: string, args: readonly string[]): void {
  const rule = command.args;
  const usage = (what: string, see: string): never => {
    throw new CliError(`docker: '${path}' ${what}\n\nUsage:  ${usageLine(command, path)}\n\n${see} '${path} --help' for more information`);
  };
  const n = args.length;
  switch (rule.kind) {
    case "none":
      if (n > 0) usage("accepts no arguments", "Run");
      return;
    case "exactly":
      if (n !== rule.n) usage(`requires ${rule.n} ${plural(rule.n)}`, "Run");
      return;
    case "least":
      if (n < rule.n) usage(`requires at least ${rule.n} ${plural(rule.n)}`, "See");
      return;
    case "most":
      // The slip of the pen is the real one's.
      if (n > rule.n) usage(`requires at most ${rule.n} ${plural(rule.n)}`, "SRun");
      return;
    case "between":
      if (n < rule.min || n > rule.max) usage(`requires at least ${rule.min} and at most ${rule.max} ${plural(rule.max)}`, "Run");
  }
}

export interface Parsed {
  readonly values: ReadonlyMap<string, unknown>;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** Asked for by a flag that the command does not declare itself: the letter is deprecated. */
  readonly help: "--help" | "-h" | undefined;
}

/** What is wrong with the flags themselves. */
export class FlagError extends Error {}

/** A table of flags, together with the text that follows: what has been parsed so far. */
class FlagParser {
  readonly values = new Map<string, unknown>();
  readonly given = new Set<string>();
  readonly args: string[] = [];
  help: Parsed["help"];

  constructor(
    private readonly flags: Flags,
    private readonly rest: string[],
  ) {
    for (const [name, flag] of Object.entries(flags)) this.values.set(name, flag.initial);
  }

  /** The value of an occurrence: behind it, the default of a switch, or the next word. */
  private value(flag: Flag<unknown>, attached: string | undefined, missing: () => string): string {
    if (attached !== undefined) return attached;
    if (flag.bare !== undefined) return flag.bare;
    const next = this.rest.shift();
    if (next === undefined) throw new FlagError(missing());
    return next;
  }

  private set(name: string, flag: Flag<unknown>, text: string): void {
    try {
      this.values.set(name, flag.parse(text, this.values.get(name), this.given.has(name)));
    } catch (e) {
      const shown = flag.short === undefined || flag.deprecated !== undefined ? `--${name}` : `-${flag.short}, --${name}`;
      throw new FlagError(`invalid argument ${JSON.stringify(text)} for ${JSON.stringify(shown)} flag: ${(e as Error).message}`);
    }
    this.given.add(name);
  }

  long(word: string): void {
    const body = word.slice(2);
    if (/^[-=]/.test(body)) throw new FlagError(`bad flag syntax: ${word}`);
    const at = body.indexOf("=");
    const name = at < 0 ? body : body.slice(0, at);
    const flag = this.flags[name];
    if (flag === undefined) {
      if (name !== "help") throw new FlagError(`unknown flag: --${name}`);
      this.help = "--help";
      return;
    }
    this.set(
      name,
      flag,
      this.value(flag, at < 0 ? undefined : body.slice(at + 1), () => `flag needs an argument: --${name}`),
    );
  }

  letters(word: string): void {
    for (let rest = word.slice(1); rest !== ""; ) {
      const letter = [...rest][0] as string;
      const found = Object.entries(this.flags).find(([, flag]) => flag.short === letter);
      if (found === undefined) {
        if (letter !== "h") throw new FlagError(`unknown shorthand flag: '${letter}' in -${rest}`);
        this.help = "-h";
        return;
      }
      const [name, flag] = found;
      const after = rest.slice(letter.length);
      const attached =
        after.startsWith("=") && after.length > 1 ? after.slice(1) : flag.bare === undefined && after !== "" ? after : undefined;
      const text = this.value(flag, attached, () => `flag needs an argument: '${letter}' in -${rest}`);
      this.set(name, flag, text);
      rest = attached === undefined ? after : "";
    }
  }
}

/** Errors: FlagError. */
export function parseFlags(flags: Flags, words: readonly string[], flagsFirst: boolean): Parsed {
  const rest = [...words];
  const parser = new FlagParser(flags, rest);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith("-") || word === "-") {
      parser.args.push(word);
      if (flagsFirst) break;
    } else if (word === "--") break;
    else if (word.startsWith("--")) parser.long(word);
    else parser.letters(word);
    if (parser.help !== undefined) break;
  }
  parser.args.push(...rest);
  return parser;
}

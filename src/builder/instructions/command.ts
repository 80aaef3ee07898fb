/** Instructions with their arguments understood, and stages of them. BuildKit `frontend/dockerfile/instructions/commands.go`. */

import { expandWord, type LexOptions } from "../shell/lex.ts";

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

/** A command line: words of a JSON array, or text for a shell. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly shell: boolean;
}

/** Nanoseconds; 0: Docker's default. */
export interface Health {
  readonly Test: readonly string[];
  readonly Interval: number;
  readonly Timeout: number;
  readonly StartPeriod: number;
  readonly Retries: number;
}

export interface CopyCommand {
  readonly kind: "add" | "copy";
  readonly sources: readonly string[];
  readonly dest: string;
  readonly chown: string;
  readonly chmod: string;
  /** A stage, its number or an image; empty: the context. */
  readonly from: string;
}

export interface RunCommand {
  readonly kind: "run";
  readonly line: CommandLine;
  /** Names of flags that were given. */
  readonly flags: readonly string[];
}

export interface ArgCommand {
  readonly kind: "arg";
  readonly args: readonly { readonly key: string; readonly value: string | undefined }[];
}

/** Instructions that change nothing but the configuration. */
export type ConfigCommand =
  | { readonly kind: "env"; readonly pairs: readonly KeyValue[] }
  | { readonly kind: "label"; readonly pairs: readonly KeyValue[]; readonly verbatim?: true }
  | { readonly kind: "maintainer"; readonly name: string }
  | { readonly kind: "onbuild"; readonly expression: string }
  | { readonly kind: "cmd"; readonly line: CommandLine }
  | { readonly kind: "entrypoint"; readonly line: CommandLine }
  | { readonly kind: "healthcheck"; readonly health: Health | { readonly Test: readonly ["NONE"] } }
  | { readonly kind: "expose"; readonly ports: readonly string[] }
  | { readonly kind: "user"; readonly user: string }
  | { readonly kind: "volume"; readonly paths: readonly string[] }
  | { readonly kind: "stopsignal"; readonly signal: string }
  | { readonly kind: "shell"; readonly words: readonly string[] };

export interface WorkdirCommand {
  readonly kind: "workdir";
  readonly path: string;
}

export type Command = ConfigCommand | WorkdirCommand | CopyCommand | RunCommand | ArgCommand;

const ACTING: ReadonlySet<Command["kind"]> = new Set(["workdir", "add", "copy", "run", "arg"] as const);

export const isConfigCommand = (command: Command): command is ConfigCommand => !ACTING.has(command.kind);

/** A command where it stands. */
export interface Instruction {
  readonly command: Command;
  /** As written, its continuation lines joined. */
  readonly code: string;
  /** Line of the Dockerfile; 0 for what comes from elsewhere. */
  readonly line: number;
}

export interface Stage {
  /** In lower case; empty where it has none. */
  readonly name: string;
  readonly base: string;
  readonly platform: string;
  readonly code: string;
  readonly line: number;
  readonly instructions: readonly Instruction[];
}

/** The command with the variables in its words replaced, as far as that instruction does so. EXPOSE makes several words of one. Errors: LexError. */
export function expandCommand(command: Command, variables: ReadonlyMap<string, string>, lex: LexOptions): Command {
  const word = (text: string): string => expandWord(text, variables, lex).result;
  switch (command.kind) {
    case "env":
      return { ...command, pairs: command.pairs.map(({ key, value }) => ({ key: word(key), value: word(value) })) };
    case "label":
      if (command.verbatim === true) return command;
      return { ...command, pairs: command.pairs.map(({ key, value }) => ({ key: word(key), value: word(value) })) };
    case "add":
    case "copy":
      return { ...command, chown: word(command.chown), sources: command.sources.map(word), dest: word(command.dest) };
    case "workdir":
      return { ...command, path: word(command.path) };
    case "user":
      return { ...command, user: word(command.user) };
    case "volume":
      return { ...command, paths: command.paths.map(word) };
    case "stopsignal":
      return { ...command, signal: word(command.signal) };
    case "arg":
      return {
        ...command,
        args: command.args.map(({ key, value }) => ({ key: word(key), value: value === undefined ? undefined : word(value) })),
      };
    case "expose":
      return { ...command, ports: command.ports.flatMap((text) => expandWord(text, variables, lex).words) };
    default:
      return command;
  }
}

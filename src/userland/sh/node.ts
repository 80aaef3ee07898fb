/** What the parser's tree is compiled to: commands that run, and words that expand. */

import type { Proc } from "../../abi/sys.ts";
import type { Evaluate } from "./arithmetic/expression.ts";
import type { Shell } from "./shell.ts";

export const NOT_SYNC = -1;

/** A command. */
export interface Node {
  readonly line: number;
  /** The source text, for jobs and `$BASH_COMMAND`. */
  readonly text: string;
  /**
   * Runs the command if that needs no system call, and returns its status; otherwise does nothing and returns NOT_SYNC.
   * Only asked while `Shell.fast` holds.
   */
  trySync(sh: Shell): number;
  /** Runs the command. With `tail` the process has nothing to do afterwards, so a program may replace it. */
  run(sh: Shell, tail: boolean): Proc<number>;
  /** `( … )` only: runs it in a child that was made for it, without making another. */
  runHere?(child: Shell): Proc<number>;
  /** Whether it is a simple command: these decide about `set -e`, and need no fork of their own to exec. */
  readonly simple: boolean;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly body: Node;
  readonly line: number;
  /** File that defined it. */
  readonly source: string;
  /** As `declare -f` prints it. */
  readonly print: () => string;
  readonly exported?: boolean;
}

export interface Literal {
  readonly kind: "literal";
  readonly text: string;
  readonly quoted: boolean;
  /** Unquoted text inside `${x:-…}`, which is split like a value. */
  readonly split: boolean;
}

export interface Parameter {
  readonly kind: "parameter";
  readonly name: string;
  readonly quoted: boolean;
}

export interface Tilde {
  readonly kind: "tilde";
  /** What follows `~`: a user, `+`, `-` or nothing. */
  readonly user: string;
}

export interface CommandSubstitution {
  readonly kind: "command";
  readonly quoted: boolean;
  /** Compiled when it is first run. */
  readonly script: () => Node;
  /** The word of `$(<word)`. */
  readonly file: CompiledWord | undefined;
}

export interface ProcessSubstitution {
  readonly kind: "process";
  readonly quoted: boolean;
  readonly operator: "<" | ">";
  readonly script: () => Node;
}

export interface Arithmetic {
  readonly kind: "arithmetic";
  readonly quoted: boolean;
  /** The expression where it has no expansions inside. */
  readonly text: string | undefined;
  readonly pieces: readonly Piece[];
  /** The expression with `$name` standing for operands, good while their values are plain numbers; and those names. */
  readonly direct: { readonly text: string; readonly names: readonly string[] } | undefined;
  readonly pure: boolean;
  /** Filled at the first evaluation. */
  evaluate: Evaluate | undefined;
}

export type Operation =
  | { readonly type: "default"; readonly operator: string; readonly pieces: readonly Piece[] }
  | { readonly type: "remove"; readonly operator: string; readonly pattern: CompiledWord }
  | { readonly type: "replace"; readonly operator: string; readonly pattern: CompiledWord; readonly replacement: CompiledWord }
  | { readonly type: "slice"; readonly offset: Arithmetic; readonly length: Arithmetic | undefined }
  | { readonly type: "case"; readonly operator: string; readonly pattern: CompiledWord | undefined }
  | { readonly type: "transform"; readonly letter: string }
  | { readonly type: "names"; readonly star: boolean };

export interface Expansion {
  readonly kind: "expansion";
  readonly quoted: boolean;
  readonly text: string;
  readonly name: string;
  readonly indirect: boolean;
  readonly length: boolean;
  readonly index: "@" | "*" | CompiledWord | undefined;
  readonly operation: Operation | undefined;
  /** Malformed, said when it is expanded. */
  readonly bad: boolean;
  readonly pure: boolean;
}

export type Piece = Literal | Parameter | Tilde | CommandSubstitution | ProcessSubstitution | Arithmetic | Expansion;

export interface CompiledWord {
  readonly text: string;
  /** The whole value where nothing is to be expanded and no name to be matched. */
  readonly literal: string | undefined;
  readonly pieces: readonly Piece[];
  /** Expands without system calls, but for matching file names. */
  readonly pure: boolean;
  /** No quotes at all: may be an alias or a reserved word. */
  readonly bare: boolean;
}

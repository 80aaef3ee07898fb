/** What the parser makes of a Dockerfile: instructions as they are written, with where they stand. BuildKit `frontend/dockerfile/parser`. */

/** Lines of the file, counted from 1, both included. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
}

export interface Heredoc {
  readonly name: string;
  /** The word was not quoted: variables in the content mean something. */
  readonly expand: boolean;
  /** `<<-`: tabs before each line do not count. */
  readonly chomp: boolean;
  readonly fileDescriptor: number;
  readonly content: string;
}

export interface InstructionNode {
  /** As written, such as `from` or `FROM`. */
  readonly name: string;
  /** The whole instruction with its continuation lines joined. */
  readonly original: string;
  /** `--chown=…` and the like, in order. */
  readonly flags: readonly string[];
  /** What the instruction's own syntax makes of the rest. ENV and LABEL: name, value and separator (`=` or nothing) in turn. */
  readonly args: readonly string[];
  /** The arguments were a JSON array. */
  readonly json: boolean;
  readonly heredocs: readonly Heredoc[];
  /** The instruction behind ONBUILD. */
  readonly child?: InstructionNode;
  readonly lines: LineRange;
  /** Comments right above it, without `#`. */
  readonly comments: readonly string[];
}

export interface ParseWarning {
  readonly message: string;
  readonly lines: LineRange;
}

export interface Dockerfile {
  readonly nodes: readonly InstructionNode[];
  readonly lines: LineRange;
  readonly escape: string;
  readonly directives: ReadonlyMap<string, Directive>;
  readonly warnings: readonly ParseWarning[];
}

export interface Directive {
  readonly value: string;
  readonly line: number;
}

/** A Dockerfile that cannot be read. The message is BuildKit's; `lines` is where. */
export class DockerfileError extends Error {
  constructor(
    message: string,
    readonly lines: LineRange,
  ) {
    super(message);
  }
}

/**
 * The frame of a program: streams, its name in messages, and the edge at which an Errno or a usage error ends it.
 *
 *   export const yes: Program = command({ usage: "yes [STRING]...", help }, function* (c) { … return 0; });
 */

import { Errno } from "../../abi/errno.ts";
import type { Auxv, Env, Proc, Program, Sys, Voice } from "../../abi/sys.ts";
import { getopt, UsageError, type OptionSpec, type Parsed } from "./getopt.ts";
import { Input, Output } from "./stdio.ts";

export interface CommandSpec {
  /** Printed by `--help` on stdout with status 0, for a command whose options are parsed by `Command.getopt`. */
  readonly help: string | ((voice: Voice) => string);
  /** What stands after the name in `--version` of the GNU voice, such as `(GNU coreutils) 9.1`; no such option unless given. */
  readonly version?: string;
  /** Status after wrong usage; 1 unless given. */
  readonly usageStatus?: number;
  /** How the GNU tool ends when standard output cannot be written; "write error: strerror" and 1 unless given. */
  readonly writeError?: WriteError;
}

export interface WriteError {
  readonly status?: number;
  /** What is said, line by line, where a full buffer cannot be written. */
  readonly during?: (why: string) => readonly string[];
  /** What is said where the last flush fails. */
  readonly last?: (why: string) => readonly string[];
}

const writeErrorWords = (why: string): readonly string[] => [`write error: ${why}`];

/** Ends the program from anywhere below its main function. */
export class Exit {
  constructor(readonly status: number) {}
}

/** A running program's own things. */
export class Command {
  /** How the program calls itself in messages: the last part of argv[0]. */
  readonly name: string;
  readonly args: readonly string[];
  readonly voice: Voice;
  readonly stdin: Input;
  readonly stdout: Output;

  constructor(
    readonly sys: Sys,
    readonly argv: readonly string[],
    readonly env: Env,
    readonly auxv: Auxv,
    private readonly spec: CommandSpec,
  ) {
    const zero = argv[0] ?? "";
    this.name = zero.slice(zero.lastIndexOf("/") + 1);
    this.args = argv.slice(1);
    this.voice = auxv.voice;
    this.stdin = new Input(sys, 0);
    this.stdout = new Output(sys, 1);
  }

  /** Parses the options; prints the help and exits if `--help` is among them. `args` are those of the command unless given. */
  *getopt(spec: OptionSpec, args: readonly string[] = this.args): Proc<Parsed> {
    const version = this.voice === "gnu" ? this.spec.version : undefined;
    const known = version === undefined ? [] : [{ name: "version", as: "--version" }];
    const long = [...(spec.long ?? []), { name: "help", as: "--help" }, ...known];
    const parsed = getopt(args, { short: spec.short, long }, this.voice);
    const asked = parsed.options.find((o) => o.name === "--help" || o.name === "--version");
    if (asked?.name === "--help") yield* this.help();
    if (asked !== undefined) {
      yield* this.stdout.print(`${this.name} ${version}\n`);
      throw new Exit(0);
    }
    return parsed;
  }

  *help(): Proc<never> {
    const help = typeof this.spec.help === "string" ? this.spec.help : this.spec.help(this.voice);
    yield* this.stdout.print(help.endsWith("\n") ? help : `${help}\n`);
    throw new Exit(0);
  }

  print(text: string): Proc<void> {
    return this.stdout.print(text);
  }

  /** `name: message` on stderr. What was printed before goes out first only if stdout is line buffered: as in C. */
  *warn(message: string): Proc<void> {
    yield* this.eprint(`${this.name}: ${message}\n`);
  }

  /** Text on stderr as it is. */
  *eprint(text: string): Proc<void> {
    const err = new Output(this.sys, 2, "none");
    yield* err.print(text);
  }

  /** `name: subject: strerror` on stderr. */
  *perror(subject: string, e: Errno): Proc<void> {
    yield* this.warn(`${subject}: ${e.message}`);
  }

  /** Prints `name: message` and ends the program. */
  *fail(message: string, status = 1): Proc<never> {
    yield* this.warn(message);
    throw new Exit(status);
  }

  /** Says that standard output could not be written; the status to end with. */
  *writeError(e: Errno, when: "during" | "last"): Proc<number> {
    const own = this.voice === "gnu" ? this.spec.writeError : undefined;
    for (const line of (own?.[when] ?? writeErrorWords)(e.message)) yield* this.warn(line);
    return own?.status ?? 1;
  }

  *usageError(e: UsageError): Proc<number> {
    if (e.message !== "") yield* this.warn(e.message);
    if (this.voice === "busybox") {
      const help = typeof this.spec.help === "string" ? this.spec.help : this.spec.help(this.voice);
      yield* this.eprint(help.endsWith("\n") ? help : `${help}\n`);
    } else yield* this.eprint(`Try '${this.name} --help' for more information.\n`);
    return e.status ?? this.spec.usageStatus ?? 1;
  }
}

/** Makes a Program of a main function: opens the streams, flushes at the end, turns what was thrown into a status. */
export function command(spec: CommandSpec, main: (c: Command) => Proc<number>): Program {
  return function* (sys, argv, env, auxv) {
    const c = new Command(sys, argv, env, auxv, spec);
    let status: number;
    try {
      status = yield* main(c);
    } catch (e) {
      if (e instanceof Exit) status = e.status;
      else if (e instanceof UsageError) status = yield* c.usageError(e);
      else if (e instanceof Errno) {
        if (c.stdout.failure === e) status = yield* c.writeError(e, "during");
        else {
          yield* c.warn(e.message);
          status = 1;
        }
      } else throw e;
    }
    if (c.stdout.failure !== undefined) c.stdout.discard();
    try {
      yield* c.stdout.flush();
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      const failed = yield* c.writeError(e, "last");
      if (status === 0 || c.voice === "gnu") status = failed;
    }
    return status;
  };
}

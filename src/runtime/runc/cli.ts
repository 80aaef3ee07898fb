/** runc's command line: options before and after the verb, usage, and how errors are printed. `urfave/cli`, `logrus`. */

import { O_APPEND, O_CREAT, O_WRONLY } from "../../abi/fcntl.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Env, Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { type Output, writeAll } from "../../userland/libc/stdio.ts";
import { strftime } from "../../userland/libc/strftime.ts";
import { open, optional } from "../../userland/libc/unistd.ts";
import type { Containers } from "../container/state-file.ts";
import { RuncError } from "../error.ts";

export interface RuncOption {
  readonly name: string;
  readonly short?: string;
  /** Takes a value; may be given more than once if `many`. */
  readonly value?: "one" | "many";
  readonly usage: string;
}

/** One verb, in one file. */
export interface Verb {
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** Behind `runc <verb> `. */
  readonly usage: string;
  readonly options: readonly RuncOption[];
  /** How many arguments it takes. */
  readonly args: { readonly kind: "exact" | "min" | "max"; readonly count: number } | undefined;
  run(c: Call): Proc<number>;
}

/** A verb being run. */
export interface Call {
  readonly sys: Sys;
  readonly env: Env;
  readonly args: readonly string[];
  readonly containers: Containers;
  readonly out: Output;
  has(option: string): boolean;
  /** The last value. */
  value(option: string): string | undefined;
  values(option: string): readonly string[];
  warn(message: string): Proc<void>;
}

export interface ParsedOptions {
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly rest: readonly string[];
}

/** Options up to the first argument; `-x` and `--x` are the same. Errors: RuncError in the words of Go's flag package. */
export function parseOptions(options: readonly RuncOption[], args: readonly string[]): ParsedOptions {
  const given = new Map<string, string[]>();
  let i = 0;
  for (; i < args.length; i++) {
    const word = args[i] as string;
    if (!word.startsWith("-") || word === "-") break;
    if (word === "--") {
      i++;
      break;
    }
    const text = word.replace(/^--?/, "");
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    const option = options.find((one) => one.name === name || one.short === name);
    if (option === undefined) throw new RuncError(`flag provided but not defined: -${name}`);
    let value = equals < 0 ? "true" : text.slice(equals + 1);
    if (option.value !== undefined && equals < 0) {
      const next = args[++i];
      if (next === undefined) throw new RuncError(`flag needs an argument: -${name}`);
      value = next;
    }
    if (option.value === undefined && value !== "true" && value !== "false")
      throw new RuncError(
        `invalid boolean value ${JSON.stringify(value)} for  -${name}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    if (value === "false" && option.value === undefined) given.delete(option.name);
    else given.set(option.name, [...(given.get(option.name) ?? []), value]);
  }
  return { given, rest: args.slice(i) };
}

export function optionLines(options: readonly RuncOption[]): string {
  const left = options.map(({ name, short, value }) => {
    const tail = value === undefined ? "" : " value";
    return short === undefined ? `--${name}${tail}` : `--${name}${tail}, -${short}${tail}`;
  });
  const width = Math.max(0, ...left.map((text) => text.length));
  return options.map(({ usage }, i) => `   ${(left[i] as string).padEnd(width)}  ${usage}\n`).join("");
}

export function verbHelp({ name, summary, usage, options }: Verb): string {
  const tail = options.length === 0 ? "" : `\nOPTIONS:\n${optionLines(options)}   \n`;
  return `NAME:\n   runc ${name} - ${summary}\n\nUSAGE:\n   runc ${name} ${options.length === 0 ? "" : "[command options] "}${usage}\n${tail}`;
}

/** Where messages go: standard error, or the file of `--log`. */
export interface Log {
  readonly path: string | undefined;
  readonly json: boolean;
}

/** A log line as logrus writes it where no terminal reads it. */
export function* logLine(sys: Sys, log: Log, level: "error" | "warning", message: string): Proc<void> {
  const { sec } = yield* sys.clock_gettime(CLOCK_REALTIME);
  const time = strftime("%Y-%m-%dT%H:%M:%SZ", { sec, nsec: 0 });
  const quoted = /^[\w.-]+$/.test(message) ? message : JSON.stringify(message);
  const line = log.json ? JSON.stringify({ level, msg: message, time }) : `time="${time}" level=${level} msg=${quoted}`;
  const fd = log.path === undefined ? undefined : yield* optional(open(sys, log.path, O_WRONLY | O_CREAT | O_APPEND, 0o644));
  yield* writeAll(sys, fd ?? 2, encodeUtf8(`${line}\n`));
  if (fd !== undefined) yield* sys.close(fd);
}

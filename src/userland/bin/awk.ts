/**
 * awk(1): mawk 1.3.4 20200120, which is Debian 12's /usr/bin/awk, and busybox awk. `../awk/` has the parser, the compiler and the run time.
 * Strings are bytes, as in both. Left out of mawk: -W dump, -W interactive, -W posix_space.
 */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { parseAwk } from "../awk/parser.ts";
import { AwkSyntaxError } from "../awk/lexer.ts";
import { OpenError } from "../awk/io.ts";
import { CompiledProgram } from "../awk/program.ts";
import { AwkRuntimeError, InputError, Runtime } from "../awk/runtime.ts";
import { StrNum } from "../awk/value.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { fromByteString, latin1, toByteString } from "../libc/lines.ts";
import { RegexError } from "../libc/regex.ts";
import { readFile } from "../libc/unistd.ts";

const usage = `awk [Options] [Program] [file ...]

Program:
    The text of the program, unless -f gives a file that holds it.

Options:
    -f program-file  Take the program text from a file, not from the command line.
    -F value         The field separator, FS.
    -v var=value     Set a variable before the program begins.
    -W version       Show the version and exit.
    --               The options end here.`;

const busyboxUsage = `awk [OPTIONS] [AWK_PROGRAM] [FILE]...

\t-v VAR=VAL\tSet variable
\t-F SEP\t\tUse SEP as field separator
\t-f FILE\t\tRead program from FILE
\t-e AWK_PROGRAM`;

const VERSION = `mawk 1.3.4 20200120
Copyright 2008-2019,2020, Thomas E. Dickey
Copyright 1991-1996,2014, Michael D. Brennan

random-funcs:       srandom/random
regex-funcs:        internal
compiled limits:
sprintf buffer      8192
maximum-integer     2147483647
`;

interface Invocation {
  readonly source: string;
  readonly separator: string | undefined;
  readonly assignments: readonly string[];
  readonly operands: readonly string[];
}

function* parseArguments(c: Command): Proc<Invocation> {
  const gnu = c.voice === "gnu";
  let parsed: Parsed;
  try {
    parsed = yield* c.getopt({ short: gnu ? "+F:f:v:W:" : "+F:f:v:e:", long: [] });
  } catch (e) {
    const letter = gnu && e instanceof UsageError ? /'(.)'$/.exec(e.message)?.[1] : undefined;
    if (letter === undefined) throw e;
    return yield* c.fail(`not an option: ${c.args.find((arg) => arg.startsWith("-") && arg.includes(letter)) ?? `-${letter}`}`, 2);
  }
  const { options, operands } = parsed;
  let separator: string | undefined;
  const assignments: string[] = [];
  const sources: string[] = [];
  for (const { name, arg } of options) {
    if (name === "F") separator = arg === "t" ? "\t" : arg;
    else if (name === "v") {
      if (!/^[A-Za-z_][A-Za-z0-9_]*=/.test(arg)) {
        if (gnu) yield* c.fail(`improper assignment: -v ${arg}`, 2);
        throw new UsageError("", 1);
      }
      assignments.push(arg);
    } else if (name === "f") sources.push(yield* programFile(c, arg));
    else if (name === "e") sources.push(toByteString(arg));
    else {
      if (!"version".startsWith(arg.toLowerCase())) yield* c.fail(`option ${arg} is not supported`, 2);
      const [name, details] = VERSION.split("\n\n");
      yield* c.print(`${name}\n\n`);
      yield* c.stdout.flush();
      yield* c.eprint(details ?? "");
      throw new Exit(0);
    }
  }
  if (sources.length > 0) return { source: sources.join("\n"), separator, assignments, operands };
  const [program, ...rest] = operands;
  if (program === undefined) {
    if (!gnu) throw new UsageError("", 1);
    yield* c.eprint(`Usage: ${usage}\n`.replace("Usage: awk", `Usage: ${c.name}`));
    throw new Exit(0);
  }
  return { source: toByteString(program), separator, assignments, operands: rest };
}

function* programFile(c: Command, name: string): Proc<string> {
  try {
    return latin1(name === "-" ? yield* c.stdin.readAll() : yield* readFile(c.sys, name));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(
      c.voice === "gnu" ? `cannot open ${name} (${e.message})` : `can't open '${name}': ${e.message}`,
      c.voice === "gnu" ? 2 : 1,
    );
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const invocation = yield* parseArguments(c);
  const syntax = (e: AwkSyntaxError): Proc<never> =>
    c.fail(gnu ? (e.line > 0 ? `line ${e.line}: ` : "") + e.message : `cmd. line:${e.line}: ${e.message}`, gnu ? 2 : 1);
  const seed = new Uint8Array(4);
  // mawk begins with a seed of its own each time; busybox with 1.
  if (gnu) yield* c.sys.getrandom(seed, 0);
  else seed[0] = 1;
  const rt = new Runtime(c, new Map(), new Map(), new DataView(seed.buffer).getUint32(0, true));
  setVariables(rt, c, invocation);
  let program: CompiledProgram;
  try {
    program = new CompiledProgram(rt, parseAwk(invocation.source, c.voice));
    for (const assignment of invocation.assignments) rt.assignText(assignment);
    if (invocation.separator !== undefined) rt.assignText(`FS=${invocation.separator}`);
  } catch (e) {
    if (e instanceof AwkSyntaxError) return yield* syntax(e);
    if (e instanceof RegexError) return yield* c.fail(gnu ? `line 1: ${e.message}` : e.message, gnu ? 2 : 1);
    throw e;
  }
  try {
    const status = yield* program.run();
    yield* rt.streams.closeAll();
    return status;
  } catch (e) {
    if (e instanceof Errno) throw e;
    yield* rt.streams.closeAll();
    return yield* ending(c, rt, e);
  }
}

/** The program ends with an error: what it printed is out already. */
function* ending(c: Command, rt: Runtime, e: unknown): Proc<number> {
  const gnu = c.voice === "gnu";
  const place = `\tFILENAME="${fromByteString(rt.text(rt.getGlobal("FILENAME")))}" FNR=${rt.text(rt.fnr)} NR=${rt.text(rt.nr)}\n`;
  if (e instanceof AwkSyntaxError) return yield* c.fail(gnu ? e.message : `cmd. line:${e.line}: ${e.message}`, gnu ? 2 : 1);
  if (e instanceof InputError) {
    const name = fromByteString(e.name);
    return yield* c.fail(gnu ? `cannot open ${name} (${e.errno.message})` : `${name}: ${e.errno.message}`, gnu ? 2 : 1);
  }
  if (e instanceof OpenError) {
    const name = fromByteString(e.name);
    return yield* c.fail(
      gnu ? `cannot open "${name}" for output (${e.errno.message})` : `can't open '${name}': ${e.errno.message}`,
      gnu ? 2 : 1,
    );
  }
  if (e instanceof AwkRuntimeError) {
    if (!gnu) return yield* c.fail(`cmd. line:1: ${e.message}`, 1);
    yield* c.warn(`run time error: ${fromByteString(e.message)}`);
    yield* c.eprint(place);
    return 2;
  }
  if (e instanceof RegexError) {
    if (!gnu) return yield* c.fail(e.message, 1);
    yield* c.warn(`run time error: ${e.message}`);
    yield* c.eprint(place);
    return 2;
  }
  throw e;
}

function setVariables(rt: Runtime, c: Command, invocation: Invocation): void {
  const defaults: readonly (readonly [string, string])[] = [
    ["FS", " "],
    ["OFS", " "],
    ["ORS", "\n"],
    ["RS", "\n"],
    ["SUBSEP", "\x1c"],
    ["CONVFMT", "%.6g"],
    ["OFMT", "%.6g"],
    ["FILENAME", ""],
  ];
  for (const [name, text] of defaults) rt.setGlobal(name, text);
  rt.setGlobal("RSTART", 0);
  rt.setGlobal("RLENGTH", c.voice === "gnu" ? -1 : 0);
  const argv = [c.argv[0] ?? "awk", ...invocation.operands];
  rt.setGlobal("ARGC", argv.length);
  const array = rt.array("ARGV");
  argv.forEach((arg, i) => {
    array.set(`${i}`, new StrNum(toByteString(arg)));
  });
  const environ = rt.array("ENVIRON");
  for (const [name, text] of c.env) environ.set(toByteString(name), new StrNum(toByteString(text)));
}

export const awk: Executable = {
  name: "awk",
  paths: ["/usr/bin/mawk", "/usr/bin/awk"],
  needed: ["libm.so.6", "libc.so.6"],
  sizeBytes: 158376,
  applet: "/usr/bin/awk",
  main: command({ help: help(usage, busyboxUsage), usageStatus: 2 }, run),
};

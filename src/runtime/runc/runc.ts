/**
 * runc(8), the OCI runtime: makes a container of a bundle by system calls and nothing else. Presents itself as 1.1.5. Left out: checkpoint, restore, events, features, systemd
 * cgroups, SELinux and AppArmor, notify sockets, Intel RDT.
 */

import { Errno } from "../../abi/errno.ts";
import type { Env, Proc, Program, Sys } from "../../abi/sys.ts";
import { Output } from "../../userland/libc/stdio.ts";
import { runInit } from "../container/init.ts";
import { Containers } from "../container/state-file.ts";
import { goError, RuncError } from "../error.ts";
import { type Log, logLine, optionLines, type ParsedOptions, parseOptions, type RuncOption, type Verb, verbHelp } from "./cli.ts";
import { create } from "./create.ts";
import { deleteVerb } from "./delete.ts";
import { exec } from "./exec.ts";
import { kill } from "./kill.ts";
import { list } from "./list.ts";
import { pause } from "./pause.ts";
import { ps } from "./ps.ts";
import { resume } from "./resume.ts";
import { run } from "./run.ts";
import { spec } from "./spec.ts";
import { start } from "./start.ts";
import { state } from "./state.ts";
import { update } from "./update.ts";

const verbs: readonly Verb[] = [create, deleteVerb, exec, kill, list, pause, ps, resume, run, spec, start, state, update];

const globalOptions: readonly RuncOption[] = [
  { name: "root", value: "one", usage: 'directory for the state of containers (default: "/run/runc")' },
  { name: "log", value: "one", usage: 'file for messages (default: "/dev/stderr")' },
  { name: "log-format", value: "one", usage: 'text or json (default: "text")' },
  { name: "help", short: "h", usage: "show help" },
  { name: "version", short: "v", usage: "print the version" },
];

const VERSION = "runc version 1.1.5\nspec: 1.0.2-dev\n";

function help(): string {
  const width = Math.max(...verbs.map(({ name }) => name.length));
  const lines = verbs.map(({ name, summary }) => `   ${name.padEnd(width)}  ${summary}\n`).join("");
  return `NAME:\n   runc - Open Container Initiative runtime\n\nUSAGE:\n   runc [global options] command [command options] [arguments...]\n\nVERSION:\n   1.1.5\nspec: 1.0.2-dev\n\nCOMMANDS:\n${lines}\nGLOBAL OPTIONS:\n${optionLines(globalOptions)}`;
}

function* main(sys: Sys, argv: readonly string[], env: Env): Proc<number> {
  const out = new Output(sys, 1);
  const { given, rest } = parseOptions(globalOptions, argv.slice(1));
  const [name, ...words] = rest;
  if (given.has("version")) yield* out.print(VERSION);
  else if (given.has("help") || name === undefined || name === "help" || name === "h") yield* out.print(help());
  else {
    const verb = verbs.find((one) => one.name === name);
    if (verb === undefined) throw new RuncError(`No help topic for '${name}'\n`);
    const status = yield* runVerb(sys, env, out, verb, words, given.get("root")?.at(-1) ?? "/run/runc", logOf(given));
    yield* out.flush();
    return status;
  }
  yield* out.flush();
  return 0;
}

function* runVerb(sys: Sys, env: Env, out: Output, verb: Verb, words: readonly string[], root: string, log: Log): Proc<number> {
  if (words.some((word) => word === "--help" || word === "-h")) {
    yield* out.print(verbHelp(verb));
    return 0;
  }
  let parsed: ParsedOptions;
  try {
    parsed = parseOptions(verb.options, words);
  } catch (e) {
    if (!(e instanceof RuncError)) throw e;
    yield* out.print(`Incorrect Usage: ${e.message}\n\n${verbHelp(verb)}`);
    yield* out.flush();
    throw e;
  }
  const { given, rest } = parsed;
  const { args } = verb;
  if (
    args !== undefined &&
    (args.kind === "exact" ? rest.length !== args.count : args.kind === "min" ? rest.length < args.count : rest.length > args.count)
  ) {
    yield* out.print(`Incorrect Usage.\n\n${verbHelp(verb)}`);
    yield* out.flush();
    const least = args.kind === "exact" ? "exactly" : args.kind === "min" ? "a minimum of" : "a maximum of";
    throw new RuncError(`runc: "${verb.name}" requires ${least} ${args.count} argument(s)`);
  }
  return yield* verb.run({
    ...{ sys, env, out, args: rest, containers: new Containers(sys, root) },
    has: (option) => given.has(option),
    value: (option) => given.get(option)?.at(-1),
    values: (option) => given.get(option) ?? [],
    warn: (message) => logLine(sys, log, "warning", message),
  });
}

/** Verbs whose messages name them, and the status after their failure. */
const PREFIXES: Readonly<Record<string, string>> = { create: "runc create failed: ", run: "runc run failed: ", exec: "exec failed: " };

const logOf = (given: ParsedOptions["given"]): Log => ({
  path: given.get("log")?.at(-1),
  json: given.get("log-format")?.at(-1) === "json",
});

/** What the words say of the log, whatever else is wrong with them. */
function findLog(words: readonly string[]): Log {
  try {
    return logOf(parseOptions(globalOptions, words).given);
  } catch (e) {
    if (!(e instanceof RuncError)) throw e;
    return { path: undefined, json: false };
  }
}

/** The program, `runc init` included. */
export const runc: Program = function* (sys, argv, env) {
  if (argv[1] === "init") return yield* runInit(sys, env);
  try {
    return yield* main(sys, argv, env);
  } catch (e) {
    if (!(e instanceof RuncError || e instanceof Errno)) throw e;
    const verb = argv.slice(1).find((word) => word in PREFIXES) ?? "";
    const usage = e.message.startsWith("runc: ");
    yield* logLine(sys, findLog(argv.slice(1)), "error", `${usage ? "" : (PREFIXES[verb] ?? "")}${goError(e)}`);
    return verb === "exec" ? 255 : 1;
  }
};

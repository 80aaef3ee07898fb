/**
 * env(1) of coreutils: runs a program in a changed environment, or prints it.
 * Left out: the options for signal dispositions (--block-signal, --default-signal, --ignore-signal).
 */

import { ENOENT, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { execvp } from "../libc/unistd.ts";

const usage = `env [OPTION]... [-] [NAME=VALUE]... [COMMAND [ARG]...]
Set each NAME to VALUE and run COMMAND; without one, print the environment.

  -i, --ignore-environment   start with an empty environment
  -0, --null                 end each output line with NUL, not newline
  -u, --unset=NAME           remove NAME
  -C, --chdir=DIR            change the working directory to DIR
  -S, --split-string=STRING  split STRING into separate arguments (for #! lines)
  -v, --debug                say on stderr what is done
      --help                 show this help and exit

A lone '-' means -i.`;

const escapes: ReadonlyMap<string, string> = new Map([
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["#", "#"],
  ["$", "$"],
  ["_", " "],
  ['"', '"'],
  ["'", "'"],
  ["\\", "\\"],
]);

/** The words of `-S STRING`, with its own quotes, escapes and \${NAME}. Throws UsageError-like messages through `fail`. */
function* splitString(c: Command, text: string): Proc<string[]> {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = "";
  const add = (some: string): void => {
    word = (word ?? "") + some;
  };
  for (let i = 0; i < text.length; i++) {
    const ch = text[i] as string;
    if (quoted === "'" && ch !== "'" && !(ch === "\\" && /['\\]/.test(text[i + 1] ?? ""))) add(ch);
    else if (ch === "'" || ch === '"') {
      if (quoted === "") quoted = ch;
      else if (quoted === ch) quoted = "";
      else {
        add(ch);
        continue;
      }
      add("");
    } else if (ch === "\\") {
      const next = text[++i];
      if (next === undefined) yield* c.fail("invalid backslash at end of string in -S", 125);
      else if (next === "c" && quoted === "") break;
      else if (next === "_" && quoted === "") {
        if (word !== undefined) words.push(word);
        word = undefined;
      } else {
        const made = escapes.get(next);
        if (made === undefined) yield* c.fail(`invalid sequence '\\${next}' in -S`, 125);
        else add(made);
      }
    } else if (ch === "$") {
      const name = /^\{([A-Za-z_][A-Za-z0-9_]*)\}/.exec(text.slice(i + 1));
      if (name === null) yield* c.fail(`only \${VARNAME} expansion is supported, error at: ${text.slice(i)}`, 125);
      else {
        i += name[0].length;
        const value = c.env.get(name[1] ?? "");
        if (value !== undefined) add(value);
      }
    } else if (quoted === "" && /[ \t\n\v\f\r]/.test(ch)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quoted === "" && ch === "#" && word === undefined) break;
    else add(ch);
  }
  if (quoted !== "") yield* c.fail("no terminating quote in -S string", 125);
  if (word !== undefined) words.push(word);
  return words;
}

/** The arguments with the first -S replaced by its words. */
function* expandSplit(c: Command): Proc<{ args: string[]; debug: string }> {
  for (const [i, arg] of c.args.entries()) {
    const match = /^(-[i0v]*)S(.*)$/s.exec(arg) ?? /^()--split-string=(.*)$/s.exec(arg);
    if (match !== null || arg === "--split-string") {
      const inline = match?.[2] ?? "";
      const separate = inline === "" && !arg.includes("=");
      const text = separate ? c.args[i + 1] : inline;
      if (text === undefined) break;
      const words = yield* splitString(c, text);
      const flags = match?.[1] ?? "";
      const debug = /v/.test(flags) ? `split -S:  ${quote(text)}\n into:    ${words.map((w) => quote(w)).join("\n     &    ")}\n` : "";
      return {
        args: [...c.args.slice(0, i), ...(flags.length > 1 ? [flags] : []), ...words, ...c.args.slice(i + (separate ? 2 : 1))],
        debug,
      };
    }
    if (!arg.startsWith("-") || arg === "--" || arg === "-") break;
  }
  return { args: [...c.args], debug: "" };
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const split = gnu ? yield* expandSplit(c) : { args: c.args, debug: "" };
  const { options, operands } = yield* c.getopt(
    {
      short: gnu ? "+C:iS:u:v0" : "+iu:0",
      long: [
        { name: "ignore-environment", as: "i" },
        { name: "null", as: "0" },
        { name: "unset", arg: "required", as: "u" },
        ...(gnu
          ? ([
              { name: "chdir", arg: "required", as: "C" },
              { name: "split-string", arg: "required", as: "S" },
              { name: "debug", as: "v" },
              { name: "block-signal", arg: "optional" },
              { name: "default-signal", arg: "optional" },
              { name: "ignore-signal", arg: "optional" },
            ] as const)
          : []),
      ],
    },
    split.args,
  );
  const unbuilt = options.find((o) => o.name.endsWith("-signal"));
  if (unbuilt !== undefined) yield* c.fail(`--${unbuilt.name} is not supported`, 125);
  const debug = options.some((o) => o.name === "v");
  const words = [...operands];
  const clear = words[0] === "-";
  if (clear) words.shift();
  if (debug) yield* c.eprint(split.debug);
  const env = new Map(clear || options.some((o) => o.name === "i") ? [] : c.env);
  if (debug && (clear || options.some((o) => o.name === "i"))) yield* c.eprint("cleaning environ\n");
  for (const option of options) {
    if (option.name !== "u") continue;
    if (option.arg === "" || option.arg.includes("=")) yield* c.fail(`cannot unset ${quote(option.arg)}: Invalid argument`, 125);
    if (debug) yield* c.eprint(`unset:    ${option.arg}\n`);
    env.delete(option.arg);
  }
  while (words[0]?.includes("=")) {
    const [word = ""] = words.splice(0, 1);
    const at = word.indexOf("=");
    if (debug) yield* c.eprint(`setenv:   ${word}\n`);
    env.set(word.slice(0, at), word.slice(at + 1));
  }
  const zero = options.some((o) => o.name === "0");
  const dir = options.findLast((o) => o.name === "C")?.arg;
  const [file] = words;
  if (file === undefined) {
    if (dir !== undefined) throw new UsageError("must specify command with --chdir (-C)");
    for (const [name, value] of env) yield* c.print(`${name}=${value}${zero ? "\0" : "\n"}`);
    return 0;
  }
  if (zero && gnu) throw new UsageError("cannot specify --null (-0) with command");
  if (dir !== undefined) {
    if (debug) yield* c.eprint(`chdir:    ${quoteaf(dir)}\n`);
    try {
      yield* c.sys.chdir(dir);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(`cannot change directory to ${quoteaf(dir)}`, e);
      return 125;
    }
  }
  if (debug) yield* c.eprint(`executing: ${file}\n${words.map((w, i) => `   arg[${i}]= ${quote(w)}\n`).join("")}`);
  try {
    return yield* execvp(c.sys, file, words, env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(gnu ? quote(file) : `can't execute '${file}'`, e);
    return e === ENOENT ? 127 : 126;
  }
}

export const env: Executable = {
  name: "env",
  paths: ["/usr/bin/env"],
  sizeBytes: 48536,
  applet: "/usr/bin/env",
  main: command(
    {
      version: COREUTILS,
      help: help(usage, "env [-i0] [-u NAME]... [-] [NAME=VALUE]... [PROG ARGS]\n\nPrint the environment, or run PROG in a changed one"),
      usageStatus: 125,
    },
    run,
  ),
};

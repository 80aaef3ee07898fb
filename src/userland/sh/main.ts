/** How a shell begins and ends: its arguments, the environment it inherits, the files it reads, its main loop. */

import { EISDIR, ENOENT, Errno } from "../../abi/errno.ts";
import { SIG_DFL } from "../../abi/signal.ts";
import { isDir } from "../../abi/stat.ts";
import type { Auxv, Env, Proc, Program, Sys } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { isatty } from "../libc/stdio.ts";
import { readFile, readText, stat } from "../libc/unistd.ts";
import { serveRequests } from "./agent.ts";
import { sourceText } from "./builtins/flow.ts";
import { ByteReader } from "./builtins/read.ts";
import { importEnvironment, setDefaults } from "./environment.ts";
import { expandPromptParameters } from "./prompt.ts";
import { History } from "./history.ts";
import { interact } from "./interactive.ts";
import { Jobs } from "./jobs.ts";
import { dashNames, findByLetter, setNames } from "./options.ts";
import { parseSource } from "./parse.ts";
import { statOf } from "./process.ts";
import { runExitTrap, runText } from "./run.ts";
import { type Flavour, Interrupted, Shell, ShellError, ShellExit } from "./shell.ts";
import { Traps } from "./traps.ts";

interface Invocation {
  /** `-c`. */
  command: string | undefined;
  script: string | undefined;
  args: readonly string[];
  interactive: boolean;
  login: boolean;
  stdin: boolean;
  norc: boolean;
  noprofile: boolean;
  rcfile: string | undefined;
  agentFd: number | undefined;
  readonly options: [name: string, on: boolean][];
  readonly shopts: [name: string, on: boolean][];
}

/** Ends the program with a message before there is a shell. */
class BadInvocation {
  constructor(
    readonly message: string,
    readonly status: number,
  ) {}
}

/** The program of a flavour: `dash` is its own, `bash` too, busybox speaks ash. */
export function shell(name: "bash" | "dash"): Program {
  return function* (sys, argv, env, auxv) {
    return yield* main(sys, auxv.voice === "busybox" ? "ash" : name, argv, env, auxv);
  };
}

function* main(sys: Sys, flavour: Flavour, argv: readonly string[], env: Env, auxv: Auxv): Proc<number> {
  const sh = new Shell(sys, flavour, new Jobs(sys), new Traps(), new History());
  sh.arg0 = argv[0] ?? flavour;
  let how: Invocation;
  try {
    how = parseArguments(sh, argv);
  } catch (e) {
    if (!(e instanceof BadInvocation)) throw e;
    yield* sh.eprint(e.message);
    return e.status;
  }
  if (how.agentFd !== undefined) sh.arg0 = "bash";
  if (how.command === undefined && how.script === undefined && !how.stdin) how.stdin = true;
  const terminal =
    how.command === undefined &&
    how.script === undefined &&
    how.agentFd === undefined &&
    (yield* isTerminal(sys, 0)) &&
    (yield* isTerminal(sys, 2));
  sh.interactive = how.interactive || terminal;
  sh.interactiveShell = sh.interactive;
  sh.login = how.login || (argv[0] ?? "").startsWith("-");
  sh.commandString = how.command !== undefined;
  sh.readsStdin = how.stdin && how.agentFd === undefined;
  sh.agent = how.agentFd !== undefined;
  yield* setDefaults(sh, env, auxv.execfn);
  for (const [name, on] of how.options) sh.options.set(name, on);
  for (const [name, on] of how.shopts) sh.options.setShopt(name, on);
  if (sh.login) sh.options.setShopt("login_shell", true);
  sh.refreshFast();
  yield* importEnvironment(sh, env);
  if (how.command !== undefined && sh.flavour === "bash") sh.set("BASH_EXECUTION_STRING", how.command);
  let status: number;
  try {
    status = yield* begin(sh, how);
  } catch (e) {
    status = yield* endOf(sh, e);
  }
  status = yield* runExitTrap(sh, status);
  yield* sh.settle();
  if (sh.fatalSignal !== 0) {
    yield* sys.rt_sigaction(sh.fatalSignal, { handler: SIG_DFL, flags: 0, mask: 0n });
    yield* sys.kill(sh.selfPid, sh.fatalSignal);
  }
  return status;
}

/** The status that something thrown up to here ends the shell with; said if nobody has. */
export function* endOf(sh: Shell, e: unknown): Proc<number> {
  if (e instanceof ShellExit) return e.status;
  if (e instanceof Interrupted) return 130;
  if (e instanceof ShellError) {
    yield* sh.complain(e);
    return e.status;
  }
  throw e;
}

function* isTerminal(sys: Sys, fd: number): Proc<boolean> {
  try {
    return yield* isatty(sys, fd);
  } catch (e) {
    if (e instanceof Errno) return false;
    throw e;
  }
}

function parseArguments(sh: Shell, argv: readonly string[]): Invocation {
  const how: Invocation = {
    command: undefined,
    script: undefined,
    args: [],
    interactive: false,
    login: false,
    stdin: false,
    norc: false,
    noprofile: false,
    rcfile: undefined,
    agentFd: undefined,
    options: [],
    shopts: [],
  };
  let i = 1;
  let wantsCommand = false;
  for (; i < argv.length; i++) {
    const a = argv[i] as string;
    if (a === "--" || a === "-") {
      i++;
      break;
    }
    if (a.startsWith("--") && sh.flavour !== "dash") {
      i = longOption(sh, how, argv, i);
      continue;
    }
    if (!/^[-+]./.test(a)) break;
    const on = a[0] === "-";
    for (const letter of a.slice(1)) {
      if (letter === "c" && on) wantsCommand = true;
      else if (letter === "i" && on) how.interactive = true;
      else if (letter === "l" && on) how.login = true;
      else if (letter === "s" && on) how.stdin = true;
      else if (letter === "o" || (letter === "O" && sh.flavour === "bash")) {
        const name = argv[++i];
        if (name === undefined) break;
        if (letter === "O") {
          if (!sh.options.knowsShopt(name)) throw new BadInvocation(`${sh.arg0}: ${name}: invalid shell option name\n`, 2);
          how.shopts.push([name, on]);
        } else {
          const known = sh.flavour === "bash" ? setNames : [...dashNames, "pipefail"];
          if (!known.includes(name))
            throw new BadInvocation(
              sh.flavour === "bash"
                ? `${sh.arg0}: line 0: ${sh.arg0}: ${name}: invalid option name\n`
                : `${sh.arg0}: 0: Illegal option ${on ? "-" : "+"}o ${name}\n`,
              2,
            );
          how.options.push([name, on]);
        }
      } else {
        const name = findByLetter(letter);
        if (name === undefined || (sh.flavour !== "bash" && !dashNames.includes(name))) throw badLetter(sh, a[0] as string, letter);
        how.options.push([name, on]);
      }
    }
  }
  if (wantsCommand) {
    const text = argv[i++];
    if (text === undefined)
      throw new BadInvocation(
        sh.flavour === "bash"
          ? `${sh.arg0}: -c: option requires an argument\n`
          : sh.flavour === "dash"
            ? `${sh.arg0}: 0: -c requires an argument\n`
            : `${sh.arg0}: -c requires an argument\n`,
        2,
      );
    how.command = text;
    const zero = argv[i++];
    if (zero !== undefined) sh.arg0 = zero;
  } else if (!how.stdin && how.agentFd === undefined && i < argv.length) {
    how.script = argv[i++] as string;
  }
  how.args = argv.slice(i);
  return how;
}

function badLetter(sh: Shell, sign: string, letter: string): BadInvocation {
  if (sh.flavour === "bash")
    return new BadInvocation(`${sh.arg0}: ${sign}${letter}: invalid option\n${USAGE.replaceAll("bash", sh.arg0)}`, 2);
  return new BadInvocation(
    sh.flavour === "dash" ? `${sh.arg0}: 0: Illegal option ${sign}${letter}\n` : `${sh.arg0}: illegal option ${sign}${letter}\n`,
    2,
  );
}

const USAGE = `Usage:	bash [GNU long option] [option] ...
	bash [GNU long option] [option] script-file ...
GNU long options:
	--help
	--init-file
	--login
	--noprofile
	--norc
	--posix
	--rcfile
	--verbose
	--version
Shell options:
	-ilrsD or -c command or -O shopt_option		(invocation only)
	-abefhkmnptuvxBCEHPT or -o option
`;

const VERSION = `GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)
Copyright (C) 2022 Free Software Foundation, Inc.
License GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>

This is free software; you are free to change and redistribute it.
There is NO WARRANTY, to the extent permitted by law.
`;

/** Takes the long option at `i`; the index of its last word. */
function longOption(sh: Shell, how: Invocation, argv: readonly string[], i: number): number {
  const a = argv[i] as string;
  switch (a) {
    case "--login":
      how.login = true;
      return i;
    case "--norc":
      how.norc = true;
      return i;
    case "--noprofile":
      how.noprofile = true;
      return i;
    case "--verbose":
      how.options.push(["verbose", true]);
      return i;
    case "--posix":
      how.options.push(["posix", true]);
      return i;
    case "--rcfile":
    case "--init-file":
      how.rcfile = argv[i + 1];
      return i + 1;
    case "--agent":
      how.agentFd = Number(argv[i + 1]);
      return i + 1;
    case "--version":
      throw new BadInvocation(VERSION, 0);
    case "--help":
      throw new BadInvocation(USAGE, 0);
    default:
      throw new BadInvocation(sh.flavour === "bash" ? `${sh.arg0}: ${a}: invalid option\n${USAGE}` : `${sh.arg0}: illegal option --\n`, 2);
  }
}

function* begin(sh: Shell, how: Invocation): Proc<number> {
  sh.positional = how.args;
  yield* readStartupFiles(sh, how);
  if (how.agentFd !== undefined) return yield* serveRequests(sh, how.agentFd);
  if (how.command !== undefined) return yield* runText(sh, how.command, "main", true);
  if (how.script !== undefined) return yield* runScript(sh, how.script);
  if (sh.interactive) return yield* interact(sh);
  return yield* runInput(sh);
}

/** /etc/profile and the first of the user's profiles; for interactive shells the rc file. */
function* readStartupFiles(sh: Shell, how: Invocation): Proc<void> {
  const home = sh.get("HOME") ?? "";
  if (sh.login && !how.noprofile) {
    yield* sourceIfThere(sh, "/etc/profile");
    const mine = sh.flavour === "bash" ? [".bash_profile", ".bash_login", ".profile"] : [".profile"];
    for (const name of mine) if (yield* sourceIfThere(sh, `${home}/${name}`)) break;
  }
  if (sh.flavour !== "bash") {
    const file = sh.interactive ? sh.get("ENV") : undefined;
    if (file !== undefined && file !== "") yield* sourceIfThere(sh, yield* expandPromptParameters(sh, file));
    return;
  }
  if (sh.interactive && !sh.login && !how.norc) {
    if (how.rcfile === undefined) yield* sourceIfThere(sh, "/etc/bash.bashrc");
    yield* sourceIfThere(sh, how.rcfile ?? `${home}/.bashrc`);
  } else if (!sh.interactive && !sh.agent) {
    const file = sh.get("BASH_ENV");
    if (file !== undefined && file !== "") yield* sourceIfThere(sh, yield* expandPromptParameters(sh, file));
  }
}

function* sourceIfThere(sh: Shell, path: string): Proc<boolean> {
  let text: string;
  try {
    text = yield* readText(sh.sys, path);
  } catch (e) {
    if (e instanceof Errno) return false;
    throw e;
  }
  try {
    yield* sourceText(sh, path, text, []);
  } catch (e) {
    if (!(e instanceof ShellError)) throw e;
    yield* sh.complain(e);
  }
  return true;
}

/** Runs a script file; bash looks in PATH too, for a name without a slash that is not here. */
function* runScript(sh: Shell, file: string): Proc<number> {
  const shown = sh.arg0;
  sh.arg0 = file;
  let path = file;
  try {
    if (!file.includes("/") && sh.flavour === "bash" && (yield* statOf(sh, file)) === undefined) {
      for (const dir of (sh.get("PATH") ?? "").split(":")) {
        if ((yield* statOf(sh, `${dir}/${file}`)) === undefined) continue;
        path = `${dir}/${file}`;
        break;
      }
    }
    if (isDir((yield* stat(sh.sys, path)).mode) && sh.flavour === "bash") throw EISDIR;
    const bytes = yield* readFile(sh.sys, path);
    const firstLine = bytes.subarray(0, Math.min(80, bytes.indexOf(10) < 0 ? 80 : bytes.indexOf(10)));
    if (sh.flavour === "bash" && firstLine.includes(0)) {
      yield* sh.eprint(`${file}: ${file}: cannot execute binary file\n`);
      return 126;
    }
    sh.sourceName = "";
    return yield* runText(sh, decodeUtf8(bytes), "main", true);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (sh.flavour === "bash") yield* sh.eprint(e === EISDIR ? `${shown}: ${file}: ${e.message}\n` : `${shown}: ${file}: ${e.message}\n`);
    else
      yield* sh.eprint(
        sh.flavour === "dash"
          ? `${shown}: 0: cannot open ${file}: ${e === ENOENT ? "No such file" : e.message}\n`
          : `${shown}: can't open '${file}': ${e.message}\n`,
      );
    return e === ENOENT ? (sh.flavour === "dash" ? 2 : 127) : sh.flavour === "bash" ? 126 : 2;
  }
}

/** Commands from standard input, which the programs that they start read too: line by line, not a byte further. */
function* runInput(sh: Shell): Proc<number> {
  let pending = "";
  let line = 0;
  let first = 1;
  let status = 0;
  for (;;) {
    const text = yield* readSourceLine(sh);
    if (text === undefined) break;
    line++;
    if (sh.options.has("verbose")) yield* sh.eprint(text);
    pending += text;
    if (parseSource(pending).incomplete) continue;
    status = yield* runText(sh, pending, "main", false, first);
    pending = "";
    first = line + 1;
    if (sh.options.has("onecmd")) return status;
  }
  return pending === "" ? status : yield* runText(sh, pending, "main", false, first);
}

/** The next line with its newline; undefined at the end. */
export function* readSourceLine(sh: Shell): Proc<string | undefined> {
  const reader = yield* ByteReader.open(sh, 0);
  const bytes: number[] = [];
  for (;;) {
    const b = yield* reader.next(-1);
    if (b < 0) break;
    bytes.push(b);
    if (b === 10) break;
  }
  yield* reader.close();
  return bytes.length === 0 ? undefined : decodeUtf8(Uint8Array.from(bytes));
}

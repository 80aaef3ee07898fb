/**
 * `docker`: the client of dockerd. It knows nothing of containers but what the daemon answers over its socket. Real counterpart: docker/cli 28.2.2,
 * `cmd/docker/docker.go`. Left out: plugins, aliases, TLS, telemetry.
 */

import { EPIPE, Errno } from "../abi/errno.ts";
import type { Env, Proc, Program, Sys } from "../abi/sys.ts";
import { Exit } from "../userland/libc/command.ts";
import { getpwuid } from "../userland/libc/passwd.ts";
import { Cli, type GlobalOptions } from "./cli.ts";
import { olderThan } from "./client.ts";
import { complete } from "./complete.ts";
import {
  type AnyCommand,
  checkArgs,
  findChild,
  FlagError,
  type Group,
  isGroup,
  type Node,
  type Parsed,
  parseFlags,
  usageLine,
} from "./command.ts";
import { CliError } from "./errors.ts";
import { bool, type Flags, list, string } from "./flags.ts";
import { helpText } from "./help.ts";
import { root } from "./root.ts";
import { parseBool } from "./strconv.ts";
import { CLIENT } from "./version.ts";

const LEVELS = ["debug", "info", "warn", "error", "fatal", "panic", "trace"];

/** Flags before any command. */
export const globalFlags = (dir: string): Flags => ({
  config: string("Directory of the client's configuration", { default: dir }),
  context: string('Context that says which daemon to talk to (instead of DOCKER_HOST and of what "docker context use" chose)', {
    short: "c",
  }),
  debug: bool("Print debugging messages", { short: "D" }),
  host: list("Socket of the daemon to connect to", { short: "H" }),
  "log-level": string('How much is logged ("debug", "info", "warn", "error", "fatal")', { short: "l", default: "info" }),
  tls: bool("Use TLS; follows from --tlsverify"),
  tlscacert: string("Trust only certificates that this CA signed", { default: `${dir}/ca.pem` }),
  tlscert: string("File of the TLS certificate", { default: `${dir}/cert.pem` }),
  tlskey: string("File of the TLS key", { default: `${dir}/key.pem` }),
  tlsverify: bool("Use TLS and verify the daemon"),
  version: bool("Print the version and quit", { short: "v" }),
});

const top: Group = root;

class Docker {
  constructor(
    private readonly cli: Cli,
    private readonly globals: Flags,
  ) {}

  *help(node: Node, path: string, out: "stdout" | "stderr" = "stdout"): Proc<number> {
    const columns = (yield* this.cli.columns(0)) ?? 80;
    const text = helpText(
      node,
      path,
      yield* this.cli.capabilities(),
      columns === 0 ? 80 : columns,
      path === "docker" ? this.globals : undefined,
    );
    const footer =
      path === "docker"
        ? "\nThe containers here are simulated, and everything else is done by system calls: try `strace docker ps`.\n\n"
        : "";
    yield* this.cli[out].print(text + footer);
    return 0;
  }

  /** Follows the words down the tree. */
  *run(group: Group, path: string, words: readonly string[]): Proc<number> {
    const [word, ...rest] = words;
    if (word === undefined) return yield* this.help(group, path, "stderr");
    if (word === "--help" || word === "-h") return yield* this.helpAsked(group, path, word);
    if (word.startsWith("-") && word !== "-") {
      const bad = this.wrongFlag(word);
      throw new CliError(`${bad}\n\nUsage:  ${usageLine(group, path)}\n\nRun '${path} --help' for more information`, 125);
    }
    if (path === "docker" && word === "help") return yield* this.helpTopic(rest);
    const node = findChild(group, word);
    if (node === undefined) {
      const usage = path === "docker" ? "" : `\n\nUsage:  ${usageLine(group, path)}`;
      throw new CliError(`docker: unknown command: ${path} ${word}${usage}\n\nRun '${path} --help' for more information`);
    }
    return isGroup(node) ? yield* this.run(node, `${path} ${node.name}`, rest) : yield* this.execute(node, `${path} ${word}`, rest);
  }

  private wrongFlag(word: string): string {
    try {
      parseFlags({}, [word], true);
    } catch (e) {
      if (e instanceof FlagError) return e.message;
      throw e;
    }
    return `unknown flag: ${word}`;
  }

  private *helpTopic(words: readonly string[]): Proc<number> {
    let node: Node = top;
    let path = "docker";
    for (const [i, word] of words.entries()) {
      const child: Node | undefined = isGroup(node) ? findChild(node, word) : undefined;
      if (child === undefined) throw new CliError(`unknown help topic: ${words.slice(i).join(" ")}`);
      node = child;
      path += ` ${word}`;
    }
    return yield* this.help(node, path);
  }

  private *helpAsked(node: Node, path: string, how: "--help" | "-h"): Proc<number> {
    if (how === "-h") yield* this.cli.eprint("Flag shorthand -h has been deprecated, use --help\n");
    return yield* this.help(node, path);
  }

  private *execute(command: AnyCommand, path: string, words: readonly string[]): Proc<number> {
    let parsed: Parsed;
    try {
      parsed = parseFlags(command.flags, words, command.flagsFirst === true);
    } catch (e) {
      if (!(e instanceof FlagError)) throw e;
      throw new CliError(`${e.message}\n\nUsage:  ${usageLine(command, path)}\n\nRun '${path} --help' for more information`, 125);
    }
    const { help, given, values, args } = parsed;
    for (const name of given) {
      const note = command.flags[name]?.deprecated;
      if (note !== undefined) yield* this.cli.eprint(`Flag --${name} has been deprecated, ${note}\n`);
    }
    if (help !== undefined) return yield* this.helpAsked(command, path, help);
    if (given.has("help")) return yield* this.help(command, path);
    checkArgs(command, path, args);
    yield* this.checkSupport(command, given);
    const o = Object.fromEntries(values);
    return (yield* command.run({ cli: this.cli, o, args, given: (name) => given.has(name), command, path })) ?? 0;
  }

  /** Errors: CliError where a flag needs more than the daemon has. */
  private *checkSupport(command: AnyCommand, given: ReadonlySet<string>): Proc<void> {
    const wanting = [...given]
      .map((name) => [name, command.flags[name]] as const)
      .filter(([, f]) => f?.since !== undefined || f?.only !== undefined);
    if (wanting.length === 0) return;
    const client = yield* this.cli.client();
    const ping = yield* client.ping();
    const errors = wanting.flatMap(([name, flag]) => {
      if (flag?.since !== undefined && olderThan(client.version, flag.since))
        return [`"--${name}" requires API version ${flag.since}, but the Docker daemon API version is ${client.version}`];
      if (flag?.only === "windows")
        return [`"--${name}" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux`];
      if (flag?.only === "experimental" && ping?.experimental !== true)
        return [`"--${name}" is only supported on a Docker daemon with experimental features enabled`];
      if (flag?.only === "swarm") return [`"--${name}" is only supported on a Docker cli with swarm features enabled`];
      return flag?.only === "experimental client"
        ? [`"--${name}" is only supported on a Docker cli with experimental cli features enabled`]
        : [];
    });
    if (errors.length > 0) throw new CliError(errors.join("\n"));
  }
}

function* configDir(sys: Sys, env: Env): Proc<string> {
  const named = env.get("DOCKER_CONFIG") ?? "";
  if (named !== "") return named;
  const home = env.get("HOME") ?? (yield* getpwuid(sys, yield* sys.getuid()))?.dir ?? "/";
  return `${home}/.docker`;
}

function* dispatch(sys: Sys, words: readonly string[], env: Env): Proc<number> {
  const dir = yield* configDir(sys, env);
  const globals = globalFlags(dir);
  // Words that are being typed need not be right.
  if (words[0] === "__complete") {
    const cli = new Cli(sys, env, { hosts: [], context: "", configDir: dir, debug: false });
    return yield* complete(cli, top, globals, words.slice(1));
  }
  let parsed: Parsed;
  try {
    parsed = parseFlags(globals, words, true);
  } catch (e) {
    if (!(e instanceof FlagError)) throw e;
    throw new CliError(`${e.message}\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information`, 125);
  }
  const value = (name: string): unknown => parsed.values.get(name);
  const options: GlobalOptions = {
    hosts: value("host") as readonly string[],
    context: value("context") as string,
    configDir: value("config") as string,
    debug: value("debug") === true,
  };
  const cli = new Cli(sys, env, options);
  const docker = new Docker(cli, globals);
  if (options.hosts.length > 0 && parsed.given.has("context"))
    throw new CliError("conflicting options: cannot specify both --host and --context");
  const level = value("log-level") as string;
  if (!LEVELS.includes(level)) throw new CliError(`Unable to parse logging level: ${level}`);
  if (value("tls") === true || value("tlsverify") === true) throw new CliError("not supported in Drydock: TLS");
  if (value("version") === true) {
    yield* cli.print(`Docker version ${CLIENT.version}, build ${CLIENT.gitCommit}\n`);
    return 0;
  }
  if (parsed.help === "-h") yield* cli.eprint("Flag shorthand -h has been deprecated, use --help\n");
  yield* checkBuilder(cli, parsed.args);
  return yield* parsed.help === undefined ? docker.run(top, "docker", parsed.args) : docker.help(top, "docker");
}

/** Builds want BuildKit, of which only the classic builder is here. */
function* checkBuilder(cli: Cli, [first, second]: readonly string[]): Proc<void> {
  if (first !== "build" && first !== "builder" && !(first === "image" && second === "build")) return;
  const wanted = cli.env.get("DOCKER_BUILDKIT") ?? "";
  if (wanted === "") {
    yield* cli.eprint(
      "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.\n" +
        "            Install the buildx component to build images with BuildKit:\n" +
        "            https://docs.docker.com/go/buildx/\n\n",
    );
    return;
  }
  let enabled: boolean;
  try {
    enabled = parseBool(wanted);
  } catch {
    const why = `strconv.ParseBool: parsing ${JSON.stringify(wanted)}: invalid syntax`;
    throw new CliError(`DOCKER_BUILDKIT environment variable expects boolean value: ${why}`);
  }
  if (enabled) throw new CliError("ERROR: BuildKit is enabled but the buildx component is missing or broken.");
  yield* cli.eprint(
    "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.\n" +
      "            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0\n" +
      "            environment-variable.\n\n",
  );
}

export const main: Program = function* (sys, argv, env) {
  const status = yield* guarded(sys, argv, env);
  // Threads that still wait for something end with it.
  return yield* sys.exit_group(status);
};

function* guarded(sys: Sys, argv: readonly string[], env: Env): Proc<number> {
  try {
    return yield* dispatch(sys, argv.slice(1), env);
  } catch (e) {
    if (e instanceof Exit) return e.status;
    if (e === EPIPE) return 1;
    if (!(e instanceof CliError || e instanceof Errno)) throw e;
    const cli = new Cli(sys, env, { hosts: [], context: "", configDir: "", debug: false });
    if (e.message !== "") yield* cli.eprint(`${e.message}\n`);
    return e instanceof CliError ? e.status : 1;
  }
}

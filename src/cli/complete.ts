/**
 * `docker __complete WORD…`: what the last word can become, one candidate a line, then a colon and what the shell is to do: 0 offer files, 4 offer nothing else.
 * Real counterparts: the hidden command of spf13/cobra, docker/cli `cli/command/completion`.
 */

import { Errno } from "../abi/errno.ts";
import type { Proc } from "../abi/sys.ts";
import type { ContainerSummary } from "../engine/api/container.ts";
import type { ImageSummary } from "../engine/api/image.ts";
import type { NetworkResource } from "../engine/api/network.ts";
import type { Cli } from "./cli.ts";
import { type AnyCommand, type Completes, findChild, type Group, isGroup, nameOf, type Node } from "./command.ts";
import { listContexts } from "./context/store.ts";
import { CliError } from "./errors.ts";
import type { Flag, Flags } from "./flags.ts";

/** undefined: files. */
type Candidates = readonly string[] | undefined;

/** Flags whose value is the name of something. */
const FLAG_VALUES: Readonly<Record<string, Completes>> = {
  context: "contexts",
  "env-file": "files",
  file: "files",
  iidfile: "files",
  cidfile: "files",
  input: "files",
  "label-file": "files",
  link: "containers",
  net: "networks",
  network: "networks",
  output: "files",
  volume: "volumes",
  "volumes-from": "all containers",
};

/** Values of flags that are few. */
const FLAG_WORDS: Readonly<Record<string, readonly string[]>> = {
  "log-level": ["debug", "info", "warn", "error", "fatal"],
  pull: ["always", "missing", "never"],
  restart: ["always", "no", "on-failure", "unless-stopped"],
  "stop-signal": ["SIGHUP", "SIGINT", "SIGKILL", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"],
  signal: ["SIGHUP", "SIGINT", "SIGKILL", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"],
  type: ["container", "image", "network", "volume"],
};

function* containers(cli: Cli, all: boolean): Proc<string[]> {
  const list = yield* (yield* cli.client()).json<ContainerSummary[]>("GET", "/containers/json", { query: { all } });
  return list.flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, "")));
}

function* named(cli: Cli, kind: Completes): Proc<Candidates> {
  const client = yield* cli.client();
  switch (kind) {
    case "containers":
      return yield* containers(cli, false);
    case "all containers":
      return yield* containers(cli, true);
    case "images":
      return (yield* client.json<ImageSummary[]>("GET", "/images/json")).flatMap(({ RepoTags }) =>
        (RepoTags ?? []).filter((tag) => tag !== "<none>:<none>"),
      );
    case "networks":
      return (yield* client.json<NetworkResource[]>("GET", "/networks")).map(({ Name }) => Name);
    case "volumes":
      return ((yield* client.json<{ Volumes: { Name: string }[] | null }>("GET", "/volumes")).Volumes ?? []).map(({ Name }) => Name);
    case "contexts":
      return (yield* listContexts(cli)).map(({ Name }) => Name);
    case "files":
      return undefined;
    case "nothing":
      return [];
  }
}

function flagNamed(flags: Flags, word: string): [name: string, flag: Flag<unknown>] | undefined {
  return Object.entries(flags).find(([name, { short }]) => word === `--${name}` || (short !== undefined && word === `-${short}`));
}

/** Where the words before the last one lead: the node, its operands, and the flag whose value is to come. */
interface Place {
  readonly node: Node;
  readonly operands: readonly string[];
  readonly awaiting: string | undefined;
  /** What follows belongs to the container's command. */
  readonly beyond: boolean;
}

function locate(root: Group, globals: Flags, words: readonly string[]): Place | undefined {
  let node: Node = root;
  let awaiting: string | undefined;
  const operands: string[] = [];
  for (const word of words) {
    const flags: Flags = isGroup(node) ? globals : node.flags;
    const beyond: boolean = !isGroup(node) && node.flagsFirst === true && operands.length > 0;
    if (awaiting !== undefined) awaiting = undefined;
    else if (word.startsWith("-") && !beyond) {
      const found = flagNamed(flags, word);
      if (found !== undefined && found[1].bare === undefined) awaiting = found[0];
    } else if (isGroup(node)) {
      const child = findChild(node, word);
      if (child === undefined) return undefined;
      node = child;
    } else operands.push(word);
  }
  return { node, operands, awaiting, beyond: !isGroup(node) && node.flagsFirst === true && operands.length > 0 };
}

/** Commands of one or two operands that are of different kinds. */
function operandKind(command: AnyCommand, operands: readonly string[]): Completes {
  const kind = command.completes ?? "nothing";
  const { args } = command;
  if (kind === "networks" && (command.use.startsWith("connect") || command.use.startsWith("disconnect")))
    return operands.length === 0 ? "networks" : operands.length === 1 ? "all containers" : "nothing";
  if (args.kind === "exactly" && operands.length >= args.n) return "nothing";
  return kind;
}

function* candidates(cli: Cli, root: Group, globals: Flags, words: readonly string[]): Proc<Candidates> {
  const word = words[words.length - 1] ?? "";
  const place = locate(root, globals, words.slice(0, -1));
  if (place === undefined) return [];
  const { node, operands, awaiting, beyond } = place;
  if (awaiting !== undefined) return FLAG_WORDS[awaiting] ?? (yield* named(cli, FLAG_VALUES[awaiting] ?? "nothing"));
  if (beyond) return undefined;
  if (word.startsWith("-")) {
    const flags: Flags = isGroup(node) ? (node === root ? globals : {}) : node.flags;
    return [
      "--help",
      ...Object.keys(flags)
        .filter((name) => flags[name]?.hidden !== true && flags[name]?.deprecated === undefined)
        .map((name) => `--${name}`),
    ];
  }
  if (isGroup(node)) return node.commands.filter(({ hidden }) => hidden !== true).map(nameOf);
  return yield* named(cli, operandKind(node, operands));
}

/** Prints the answer. A daemon that does not answer has nothing to offer. */
export function* complete(cli: Cli, root: Group, globals: Flags, words: readonly string[]): Proc<number> {
  let found: Candidates = [];
  try {
    found = yield* candidates(cli, root, globals, words);
  } catch (e) {
    if (!(e instanceof CliError || e instanceof Errno)) throw e;
  }
  const word = words[words.length - 1] ?? "";
  const fitting = [...new Set(found ?? [])].filter((candidate) => candidate.startsWith(word)).sort();
  yield* cli.print(`${fitting.map((candidate) => `${candidate}\n`).join("")}:${found === undefined ? 0 : 4}\n`);
  return 0;
}

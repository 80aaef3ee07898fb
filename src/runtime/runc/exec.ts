/** runc exec: one more process in a running container. */

import { execInContainer } from "../container/container.ts";
import { holdSignals, hostTerminal, makePipes, relay } from "../container/relay.ts";
import { readText } from "../../userland/libc/unistd.ts";
import type { Proc } from "../../abi/sys.ts";
import type { ContainerState } from "../container/state-file.ts";
import { RuncError, withPath } from "../error.ts";
import type { SpecCapabilities, SpecProcess } from "../spec.ts";
import type { Call, Verb } from "./cli.ts";
import { checkTerminal, consoleSocketOption, detachOption, inherited, pidFileOption, sendConsole, writePidFile } from "./common.ts";

export const exec: Verb = {
  name: "exec",
  summary: "execute new process inside the container",
  usage: "<container-id> <command> [command options]  || -p process.json <container-id>",
  options: [
    consoleSocketOption,
    { name: "cwd", value: "one", usage: "working directory in the container" },
    { name: "env", short: "e", value: "many", usage: "an environment variable, NAME=VALUE" },
    { name: "tty", short: "t", usage: "give it a terminal" },
    { name: "user", short: "u", value: "one", usage: "user and group, <uid>[:<gid>]" },
    { name: "additional-gids", short: "g", value: "many", usage: "one more group" },
    { name: "process", short: "p", value: "one", usage: "a file with the process as in config.json" },
    detachOption,
    pidFileOption,
    { name: "no-new-privs", usage: "no new privileges for the process" },
    { name: "cap", short: "c", value: "many", usage: "one more capability" },
    { name: "ignore-paused", usage: "go on although the container is paused" },
  ],
  args: { kind: "min", count: 1 },
  *run(c) {
    const { sys } = c;
    const container = yield* c.containers.load(c.args[0] as string);
    const status = yield* c.containers.status(container);
    if (status === "stopped") throw new RuncError("cannot exec in a stopped container");
    if (status === "paused" && !c.has("ignore-paused"))
      throw new RuncError("cannot exec in a paused container (use --ignore-paused to override)");
    const process = yield* processOf(c, container);
    const terminal = process.terminal === true;
    const detached = c.has("detach");
    const socket = c.value("console-socket");
    checkTerminal(terminal, detached, socket);
    const signals = detached ? undefined : yield* holdSignals(sys);
    const pipes = detached || terminal ? undefined : yield* makePipes(sys);
    const host = terminal && !detached ? yield* hostTerminal(sys) : undefined;
    const { pid, console } = yield* execInContainer(sys, container, process, container.cgroup, pipes?.theirs ?? inherited);
    if (pipes !== undefined) for (const fd of Object.values(pipes.theirs)) yield* sys.close(fd);
    if (detached && console !== undefined && socket !== undefined) yield* sendConsole(sys, socket, console);
    yield* writePidFile(c, pid);
    return signals === undefined
      ? 0
      : yield* relay(sys, pid, signals, pipes?.ours, host === undefined || console === undefined ? undefined : { console, host });
  },
};

function* processOf(c: Call, { spec }: ContainerState): Proc<SpecProcess> {
  const file = c.value("process");
  if (file !== undefined) return JSON.parse(yield* withPath("open", file, readText(c.sys, file))) as SpecProcess;
  const base = spec.process as SpecProcess;
  const args = c.args.slice(1);
  if (args.length === 0) throw new RuncError("process args cannot be empty");
  const [uid, gid] = (c.value("user") ?? "").split(":", 2);
  if (uid && !/^\d+$/.test(uid))
    throw new RuncError(`parsing ${uid} as int for uid failed: strconv.Atoi: parsing ${JSON.stringify(uid)}: invalid syntax`);
  const gids = c.values("additional-gids").map(Number);
  return {
    ...base,
    args,
    env: [...(base.env ?? []), ...c.values("env")],
    cwd: c.value("cwd") ?? base.cwd,
    terminal: c.has("tty"),
    user: {
      ...base.user,
      ...(uid ? { uid: Number(uid) } : {}),
      ...(gid ? { gid: Number(gid) } : {}),
      additionalGids: [...(base.user.additionalGids ?? []), ...gids],
    },
    noNewPrivileges: c.has("no-new-privs") || base.noNewPrivileges === true,
    capabilities: withCapabilities(base.capabilities ?? {}, c.values("cap")),
  };
}

function withCapabilities(base: SpecCapabilities, more: readonly string[]): SpecCapabilities {
  if (more.length === 0) return base;
  const sets = ["bounding", "effective", "permitted"] as const;
  return { ...base, ...Object.fromEntries(sets.map((set) => [set, [...(base[set] ?? []), ...more]])) };
}

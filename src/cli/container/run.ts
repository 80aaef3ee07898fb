/** `docker run`: create, attach, start, wait. Real counterpart: docker/cli `cli/command/container/run.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import { atLeast, defineCommand } from "../command.ts";
import { ApiError, CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { attachTo } from "./attach.ts";
import { containerRequest, type ContainerRequest } from "./config.ts";
import { createContainer, requestOf, withHelp } from "./create.ts";
import { createFlags } from "./create-flags.ts";
import { followSize, forwardSignals, holdSignals } from "./signals.ts";
import type { Coupled } from "./stream.ts";
import { checkTty } from "./tty.ts";
import { waitForExit } from "./wait.ts";

/** Which status the daemon's refusal ends with: what the shell says of a command that is missing, or cannot be run. */
function statusOf(message: string): number {
  if (/executable file not found|no such file or directory/.test(message)) return 127;
  return /permission denied|is a directory/.test(message) ? 126 : 125;
}

function asRunError(e: unknown): unknown {
  return e instanceof CliError && (e instanceof ApiError || e.status === 1) ? withHelp(e.message, "run", statusOf(e.message)) : e;
}

export const run = defineCommand({
  use: "run [OPTIONS] IMAGE [COMMAND] [ARG...]",
  short: "Create and run a new container from an image",
  aliases: ["docker container run", "docker run"],
  args: atLeast(1),
  flagsFirst: true,
  flags: {
    ...createFlags,
    detach: bool("Run in the background and print the container's ID", { short: "d" }),
    "detach-keys": string("The keys that leave the container"),
    pull: string('Pull the image before ("always", "missing", "never")', { default: "missing" }),
    "sig-proxy": bool("Pass on signals to the process", { default: true }),
  },
  topic: "common",
  completes: "images",
  *run(call) {
    const { cli, o, args } = call;
    const [image, ...command] = args as [string, ...string[]];
    const request = yield* requestOf("run", o.pull, () => containerRequest(call, image, command));
    if (o.detach && o.attach.length > 0) throw new CliError("conflicting options: cannot specify both --attach and --detach");
    if (!o.detach) yield* checkTty(cli, request.config.AttachStdin, request.config.Tty);
    const detached = { AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false };
    const wanted: ContainerRequest = o.detach ? { ...request, config: { ...request.config, ...detached } } : request;
    let id: string;
    try {
      id = yield* createContainer(cli, wanted, { name: o.name, platform: o.platform, pull: o.pull, quiet: o.quiet });
    } catch (e) {
      throw asRunError(e);
    }
    const { AttachStdin, AttachStdout, AttachStderr } = wanted.config;
    if (!AttachStdin && !AttachStdout && !AttachStderr) {
      yield* startIt(cli, id);
      yield* cli.print(`${id}\n`);
      return 0;
    }
    return yield* inForeground(cli, id, wanted, {
      autoRemove: o.rm,
      proxy: o["sig-proxy"],
      detachKeys: o["detach-keys"] === "" ? ((yield* cli.configFile()).detachKeys ?? "") : o["detach-keys"],
    });
  },
});

function* startIt(cli: Cli, id: string): Proc<void> {
  try {
    yield* (yield* cli.client()).send("POST", `/containers/${id}/start`);
  } catch (e) {
    throw asRunError(e);
  }
}

interface Foreground {
  readonly autoRemove: boolean;
  readonly proxy: boolean;
  readonly detachKeys: string;
}

/** Attached before it starts, so that nothing of its output is lost. */
function* inForeground(cli: Cli, id: string, { config }: ContainerRequest, options: Foreground): Proc<number> {
  yield* options.proxy ? forwardSignals(cli, id) : holdSignals(cli);
  const coupled: Coupled = yield* attachTo(cli, id, {
    tty: config.Tty,
    stdin: config.AttachStdin,
    stdout: config.AttachStdout,
    stderr: config.AttachStderr,
    detachKeys: options.detachKeys,
  });
  try {
    const status = yield* waitForExit(cli, id, options.autoRemove ? "removed" : "next-exit");
    try {
      yield* startIt(cli, id);
    } catch (e) {
      yield* coupled.restore();
      if (options.autoRemove) yield* status.get();
      throw e;
    }
    if (config.Tty && (yield* cli.isTerminal(1))) yield* followSize(cli, { kind: "containers", id });
    if (config.AttachStdout || config.AttachStderr) {
      if ((yield* coupled.end.get()) === "detached") return 0;
    }
    // The terminal is the visitor's again before the status is known.
    yield* coupled.restore();
    return yield* status.get();
  } finally {
    yield* coupled.restore();
  }
}

/** `docker exec`: a further process in a running container. Real counterpart: docker/cli `cli/command/container/exec.go`. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { ExecCreateBody, ExecInspect } from "../../engine/api/exec.ts";
import type { Cli } from "../cli.ts";
import { olderThan } from "../client.ts";
import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, list, string } from "../flags.ts";
import { readVariables } from "../opts/keyvalue.ts";
import { checkEnv } from "../opts/validate.ts";
import { followSize } from "./signals.ts";
import { couple } from "./stream.ts";
import { checkTty, ttySize } from "./tty.ts";

export const exec = defineCommand({
  use: "exec [OPTIONS] CONTAINER COMMAND [ARG...]",
  short: "Execute a command in a running container",
  aliases: ["docker container exec", "docker exec"],
  args: atLeast(2),
  flagsFirst: true,
  flags: {
    detach: bool("Run the command in the background", { short: "d" }),
    "detach-keys": string("The keys that leave the container"),
    env: list("Set environment variables", { short: "e", check: checkEnv }),
    "env-file": list("Read environment variables from a file"),
    interactive: bool("Keep STDIN open even if not attached", { short: "i" }),
    privileged: bool("Give the command extended privileges"),
    tty: bool("Allocate a pseudo-terminal", { short: "t" }),
    user: string("User name or UID (<name|uid>[:<group|gid>])", { short: "u" }),
    workdir: string("Working directory in the container", { short: "w" }),
  },
  topic: "common",
  completes: "containers",
  *run({ cli, o, args }) {
    const [name, ...command] = args as [string, ...string[]];
    const given = o.env.map((text) => (text.includes("=") || !cli.env.has(text) ? text : `${text}=${cli.env.get(text) ?? ""}`));
    let env: string[];
    try {
      env = yield* readVariables(cli.sys, o["env-file"], given, (key) => cli.env.get(key));
    } catch (e) {
      if (e instanceof Errno || !(e instanceof Error)) throw e;
      throw new CliError(e.message);
    }
    const client = yield* cli.client();
    yield* client.send("GET", `/containers/${name}/json`);
    if (!o.detach) yield* checkTty(cli, o.interactive, o.tty);
    const keys = o["detach-keys"] === "" ? ((yield* cli.configFile()).detachKeys ?? "") : o["detach-keys"];
    const size = o.tty && !olderThan(client.version, "1.42") ? { ConsoleSize: yield* ttySize(cli) } : {};
    const body: ExecCreateBody & { ConsoleSize?: [number, number] } = {
      User: o.user,
      Privileged: o.privileged,
      Tty: o.tty,
      AttachStdin: !o.detach && o.interactive,
      AttachStderr: !o.detach,
      AttachStdout: !o.detach,
      Detach: o.detach,
      DetachKeys: keys,
      Env: env,
      WorkingDir: o.workdir,
      Cmd: command,
      ...size,
    };
    const { Id } = yield* client.json<{ Id: string }>("POST", `/containers/${name}/exec`, { body });
    if (o.detach) {
      yield* client.send("POST", `/exec/${Id}/start`, { body: { Detach: true, Tty: o.tty, ...size } });
      return 0;
    }
    return yield* interactive(cli, Id, { tty: o.tty, stdin: o.interactive, keys });
  },
});

interface Session {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly keys: string;
}

function* interactive(cli: Cli, id: string, { tty, stdin, keys }: Session): Proc<number> {
  const client = yield* cli.client();
  const hijacked = yield* client.hijack(`/exec/${id}/start`, { body: { Detach: false, Tty: tty } });
  const coupled = yield* couple(cli, hijacked, { tty, stdin, stdout: true, stderr: true, detachKeys: keys });
  try {
    if (tty && (yield* cli.isTerminal(0))) yield* followSize(cli, { kind: "exec", id });
    const end = yield* coupled.end.get();
    yield* coupled.restore();
    if (end === "detached") throw new CliError("read escape sequence");
    return (yield* client.json<ExecInspect>("GET", `/exec/${id}/json`)).ExitCode ?? 0;
  } finally {
    yield* coupled.restore();
  }
}

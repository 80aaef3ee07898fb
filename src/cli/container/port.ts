/** `docker port`: what is published where. Real counterpart: docker/cli `cli/command/container/port.go`. */

import type { ContainerInspect, PortBinding } from "../../engine/api/container.ts";
import { between, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { naturalLess } from "../format/natural.ts";

const hostPort = ({ HostIp, HostPort }: PortBinding): string =>
  HostIp.includes(":") ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;

export const port = defineCommand({
  use: "port CONTAINER [PRIVATE_PORT[/PROTO]]",
  short: "List the published ports of a container, or one of them",
  aliases: ["docker container port", "docker port"],
  args: between(1, 2),
  flags: {},
  completes: "containers",
  *run({ cli, args }) {
    const [name, wanted] = args as [string, string?];
    const client = yield* cli.client();
    const { Ports } = (yield* client.json<ContainerInspect>("GET", `/containers/${name}/json`)).NetworkSettings;
    let lines: string[];
    if (wanted === undefined || wanted === "")
      lines = Object.entries(Ports).flatMap(([from, bindings]) => (bindings ?? []).map((binding) => `${from} -> ${hostPort(binding)}`));
    else {
      const [number, proto] = wanted.split("/") as [string, string?];
      const range = /^\d+$/.test(number) ? (Number(number) > 65_535 ? "value out of range" : undefined) : "invalid syntax";
      if (range !== undefined)
        throw new CliError(`Error: invalid port (${number}): strconv.ParseUint: parsing ${JSON.stringify(number)}: ${range}`);
      const bindings = Ports[`${number}/${proto === undefined || proto === "" ? "tcp" : proto}`] ?? [];
      if (bindings.length === 0) throw new CliError(`Error: No public port '${wanted}' published for ${name}`);
      lines = bindings.map(hostPort);
    }
    if (lines.length > 0) yield* cli.print(`${lines.sort(naturalLess).join("\n")}\n`);
  },
});

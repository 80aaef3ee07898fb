/** `docker network connect`. Real counterpart: docker/cli `cli/command/network/connect.go`. */

import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";
import { cut, int, list, string, strings } from "../flags.ts";
import { checkLink } from "../opts/validate.ts";

export const connect = defineCommand({
  use: "connect [OPTIONS] NETWORK CONTAINER",
  short: "Connect a container to a network",
  args: exactly(2),
  flags: {
    alias: strings("Add a name within the network"),
    "driver-opt": strings("Options of the driver"),
    "gw-priority": int("The network with the highest number is the way out; negative ones are allowed"),
    ip: string('IPv4 address (such as "172.30.100.104")'),
    ip6: string('IPv6 address (such as "2001:db8::33")'),
    link: list("Add a link to another container", { check: checkLink }),
    "link-local-ip": strings("Add a link-local address"),
  },
  completes: "networks",
  *run({ cli, o, args }) {
    const options: Record<string, string> = {};
    for (const text of o["driver-opt"]) {
      const [key, value] = cut(text, "=");
      if (value === undefined || key.trim() === "") throw new CliError("invalid key/value pair format in driver options");
      options[key.trim()] = value.trim();
    }
    const body = {
      Container: args[1],
      EndpointConfig: {
        IPAMConfig: {
          ...(o.ip === "" ? {} : { IPv4Address: o.ip }),
          ...(o.ip6 === "" ? {} : { IPv6Address: o.ip6 }),
          ...(o["link-local-ip"].length === 0 ? {} : { LinkLocalIPs: [...o["link-local-ip"]] }),
        },
        Links: o.link.length === 0 ? null : [...o.link],
        Aliases: o.alias.length === 0 ? null : [...o.alias],
        DriverOpts: options,
        ...(o["gw-priority"] === 0 ? {} : { GwPriority: o["gw-priority"] }),
      },
    };
    yield* (yield* cli.client()).send("POST", `/networks/${args[0]}/connect`, { body });
  },
});

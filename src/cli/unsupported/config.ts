/** `docker config`: known by name, and refused: there is no such thing as swarm mode here. */

import { atLeast, exactly, noArgs, type Group } from "../command.ts";
import { bool, filter, list, string } from "../flags.ts";
import { refused } from "./refused.ts";

export const config: Group = {
  name: "config",
  short: "Manage configurations of a swarm",
  topic: "swarm",
  commands: [
    refused("swarm mode", {
      use: "create [OPTIONS] CONFIG file|-",
      short: "Create a configuration from a file or STDIN",
      args: exactly(2),
      flags: {
        label: list("Set labels", { short: "l" }),
        "template-driver": string("Driver of templates"),
      },
    }),
    refused("swarm mode", {
      use: "inspect [OPTIONS] CONFIG [CONFIG...]",
      short: "Show all details of configurations",
      args: atLeast(1),
      flags: {
        format: string("How to print, by a Go template", { short: "f" }),
        pretty: bool("Print for people"),
      },
    }),
    refused("swarm mode", {
      use: "ls [OPTIONS]",
      short: "List configurations",
      names: ["list"],
      args: noArgs,
      flags: {
        filter: filter("Conditions on what is shown", { short: "f" }),
        format: string("How to print, by a Go template"),
        quiet: bool("Print less", { short: "q" }),
      },
    }),
    refused("swarm mode", {
      use: "rm CONFIG [CONFIG...]",
      short: "Remove configurations",
      names: ["remove"],
      args: atLeast(1),
      flags: {},
    }),
  ],
};

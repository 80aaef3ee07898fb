/** `docker node`: known by name, and refused: there is no such thing as swarm mode here. */

import { atLeast, exactly, noArgs, type Group } from "../command.ts";
import { bool, filter, list, string } from "../flags.ts";
import { refused } from "./refused.ts";

export const node: Group = {
  name: "node",
  short: "Manage nodes of a swarm",
  topic: "swarm",
  commands: [
    refused("swarm mode", {
      use: "demote NODE [NODE...]",
      short: "Make workers of managers",
      args: atLeast(1),
      flags: {},
    }),
    refused("swarm mode", {
      use: "inspect [OPTIONS] self|NODE [NODE...]",
      short: "Show all details of nodes",
      args: atLeast(1),
      flags: {
        format: string("How to print, by a Go template", { short: "f" }),
        pretty: bool("Print for people"),
      },
    }),
    refused("swarm mode", {
      use: "ls [OPTIONS]",
      short: "List the nodes",
      names: ["list"],
      args: noArgs,
      flags: {
        filter: filter("Conditions on what is shown", { short: "f" }),
        format: string("How to print, by a Go template"),
        quiet: bool("Print less", { short: "q" }),
      },
    }),
    refused("swarm mode", {
      use: "promote NODE [NODE...]",
      short: "Make managers of workers",
      args: atLeast(1),
      flags: {},
    }),
    refused("swarm mode", {
      use: "ps [OPTIONS] [NODE...]",
      short: "List the tasks of nodes",
      args: atLeast(0),
      flags: {
        filter: filter("Conditions on what is shown", { short: "f" }),
        format: string("How to print, by a Go template"),
        "no-resolve": bool("Show ids instead of names"),
        "no-trunc": bool("Do not shorten anything"),
        quiet: bool("Print less", { short: "q" }),
      },
    }),
    refused("swarm mode", {
      use: "rm [OPTIONS] NODE [NODE...]",
      short: "Remove nodes",
      names: ["remove"],
      args: atLeast(1),
      flags: {
        force: bool("Go on in spite of doubts", { short: "f" }),
      },
    }),
    refused("swarm mode", {
      use: "update [OPTIONS] NODE",
      short: "Change a node",
      args: exactly(1),
      flags: {
        availability: string('Availability of the node ("active", "pause", "drain")'),
        "label-add": list("Add or change a label"),
        "label-rm": list("Remove a label"),
        role: string('Role of the node ("worker", "manager")'),
      },
    }),
  ],
};

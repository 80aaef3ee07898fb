/** `docker stack`: known by name, and refused: there is no such thing as swarm mode here. */

import { atLeast, exactly, noArgs, type Group } from "../command.ts";
import { bool, filter, string, strings } from "../flags.ts";
import { refused } from "./refused.ts";

export const stack: Group = {
  name: "stack",
  short: "Manage stacks of a swarm",
  topic: "swarm",
  commands: [
    refused("swarm mode", {
      use: "config [OPTIONS]",
      short: "Print the final configuration",
      args: noArgs,
      flags: {
        "compose-file": strings('File with the stack, or "-" for STDIN', { short: "c" }),
        "skip-interpolation": bool("Leave variables as they stand"),
      },
    }),
    refused("swarm mode", {
      use: "deploy [OPTIONS] STACK",
      short: "Deploy a stack, or update it",
      names: ["up"],
      args: exactly(1),
      flags: {
        "compose-file": strings('File with the stack, or "-" for STDIN', { short: "c" }),
        detach: bool("Do not wait for the service to settle", { short: "d", default: true }),
        prune: bool("Remove services that are not mentioned any more"),
        quiet: bool("Print less", { short: "q" }),
        "resolve-image": string('Ask the registry for digest and platforms ("always", "changed", "never")', { default: "always" }),
        "with-registry-auth": bool("Send credentials of the registry along"),
      },
    }),
    refused("swarm mode", {
      use: "ls [OPTIONS]",
      short: "List stacks",
      names: ["list"],
      args: noArgs,
      flags: {
        format: string("How to print, by a Go template"),
      },
    }),
    refused("swarm mode", {
      use: "ps [OPTIONS] STACK",
      short: "List the tasks of a stack",
      args: exactly(1),
      flags: {
        filter: filter("Conditions on what is shown", { short: "f" }),
        format: string("How to print, by a Go template"),
        "no-resolve": bool("Show ids instead of names"),
        "no-trunc": bool("Do not shorten anything"),
        quiet: bool("Print less", { short: "q" }),
      },
    }),
    refused("swarm mode", {
      use: "rm [OPTIONS] STACK [STACK...]",
      short: "Remove stacks",
      names: ["remove", "down"],
      args: atLeast(1),
      flags: {
        detach: bool("Do not wait for the service to settle", { short: "d", default: true }),
      },
    }),
    refused("swarm mode", {
      use: "services [OPTIONS] STACK",
      short: "List the services of a stack",
      args: exactly(1),
      flags: {
        filter: filter("Conditions on what is shown", { short: "f" }),
        format: string("How to print, by a Go template"),
        quiet: bool("Print less", { short: "q" }),
      },
    }),
  ],
};

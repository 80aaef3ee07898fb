/** `docker secret`: known by name, and refused: there is no such thing as swarm mode here. */

import { atLeast, between, noArgs, type Group } from "../command.ts";
import { bool, filter, list, string } from "../flags.ts";
import { refused } from "./refused.ts";

export const secret: Group = {
  name: "secret",
  short: "Manage secrets of a swarm",
  topic: "swarm",
  commands: [
    refused("swarm mode", {
      use: "create [OPTIONS] SECRET [file|-]",
      short: "Create a secret from a file or STDIN",
      args: between(1, 2),
      flags: {
        driver: string("Driver of the secret", { short: "d" }),
        label: list("Set labels", { short: "l" }),
        "template-driver": string("Driver of templates"),
      },
    }),
    refused("swarm mode", {
      use: "inspect [OPTIONS] SECRET [SECRET...]",
      short: "Show all details of secrets",
      args: atLeast(1),
      flags: {
        format: string("How to print, by a Go template", { short: "f" }),
        pretty: bool("Print for people"),
      },
    }),
    refused("swarm mode", {
      use: "ls [OPTIONS]",
      short: "List secrets",
      names: ["list"],
      args: noArgs,
      flags: {
        filter: filter("Conditions on what is shown", { short: "f" }),
        format: string("How to print, by a Go template"),
        quiet: bool("Print less", { short: "q" }),
      },
    }),
    refused("swarm mode", {
      use: "rm SECRET [SECRET...]",
      short: "Remove secrets",
      names: ["remove"],
      args: atLeast(1),
      flags: {},
    }),
  ],
};

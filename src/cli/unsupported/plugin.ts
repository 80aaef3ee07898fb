/** `docker plugin`: known by name, and refused: there is no such thing as plugins here. */

import { atLeast, between, exactly, noArgs, type Group } from "../command.ts";
import { bool, filter, int, string } from "../flags.ts";
import { refused } from "./refused.ts";

export const plugin: Group = {
  name: "plugin",
  short: "Manage plugins",
  commands: [
    refused("plugins", {
      use: "create [OPTIONS] PLUGIN PLUGIN-DATA-DIR",
      short: "Make a plugin of a root filesystem and a configuration",
      args: exactly(2),
      flags: {
        compress: bool("Compress the plugin by gzip"),
      },
    }),
    refused("plugins", {
      use: "disable [OPTIONS] PLUGIN",
      short: "Disable a plugin",
      args: exactly(1),
      flags: {
        force: bool("Go on in spite of doubts", { short: "f" }),
      },
    }),
    refused("plugins", {
      use: "enable [OPTIONS] PLUGIN",
      short: "Enable a plugin",
      args: exactly(1),
      flags: {
        timeout: int("Seconds to wait", { default: 30 }),
      },
    }),
    refused("plugins", {
      use: "inspect [OPTIONS] PLUGIN [PLUGIN...]",
      short: "Show all details of plugins",
      args: atLeast(1),
      flags: {
        format: string("How to print, by a Go template", { short: "f" }),
      },
    }),
    refused("plugins", {
      use: "install [OPTIONS] PLUGIN [KEY=VALUE...]",
      short: "Install a plugin",
      args: atLeast(1),
      flags: {
        alias: string("Alias of the plugin on this host"),
        disable: bool("Do not enable the plugin"),
        "disable-content-trust": bool("Skip the verification of signatures", { default: true }),
        "grant-all-permissions": bool("Grant all permissions that the plugin needs"),
      },
    }),
    refused("plugins", {
      use: "ls [OPTIONS]",
      short: "List plugins",
      names: ["list"],
      args: noArgs,
      flags: {
        filter: filter("Conditions on what is shown", { short: "f" }),
        format: string("How to print, by a Go template"),
        "no-trunc": bool("Do not shorten anything"),
        quiet: bool("Print less", { short: "q" }),
      },
    }),
    refused("plugins", {
      use: "push [OPTIONS] PLUGIN[:TAG]",
      short: "Push a plugin to a registry",
      args: exactly(1),
      flags: {
        "disable-content-trust": bool("Skip the verification of signatures", { default: true }),
      },
    }),
    refused("plugins", {
      use: "rm [OPTIONS] PLUGIN [PLUGIN...]",
      short: "Remove plugins",
      names: ["remove"],
      args: atLeast(1),
      flags: {
        force: bool("Go on in spite of doubts", { short: "f" }),
      },
    }),
    refused("plugins", {
      use: "set PLUGIN KEY=VALUE [KEY=VALUE...]",
      short: "Change the settings of a plugin",
      args: atLeast(2),
      flags: {},
    }),
    refused("plugins", {
      use: "upgrade [OPTIONS] PLUGIN [REMOTE]",
      short: "Upgrade a plugin",
      args: between(1, 2),
      flags: {
        "disable-content-trust": bool("Skip the verification of signatures", { default: true }),
        "grant-all-permissions": bool("Grant all permissions that the plugin needs"),
        "skip-remote-check": bool("Do not compare with the remote plugin"),
      },
    }),
  ],
};

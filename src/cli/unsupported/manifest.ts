/** `docker manifest`: known by name, and refused: there is no such thing as manifest lists here. */

import { atLeast, between, exactly, type Group } from "../command.ts";
import { bool, string, strings } from "../flags.ts";
import { refused } from "./refused.ts";

export const manifest: Group = {
  name: "manifest",
  short: "Manage manifests and lists of them",
  commands: [
    refused("manifest lists", {
      use: "annotate [OPTIONS] MANIFEST_LIST MANIFEST",
      short: "Say more of a local manifest",
      args: exactly(2),
      flags: {
        arch: string("Architecture"),
        os: string("Operating system"),
        "os-features": strings("Features of the operating system"),
        "os-version": string("Version of the operating system"),
        variant: string("Variant of the architecture"),
      },
    }),
    refused("manifest lists", {
      use: "create MANIFEST_LIST MANIFEST [MANIFEST...]",
      short: "Create a local manifest list",
      args: atLeast(2),
      flags: {
        amend: bool("Change a manifest list that exists", { short: "a" }),
        insecure: bool("Talk to a registry without TLS"),
      },
    }),
    refused("manifest lists", {
      use: "inspect [OPTIONS] [MANIFEST_LIST] MANIFEST",
      short: "Show a manifest or a list",
      args: between(1, 2),
      flags: {
        insecure: bool("Talk to a registry without TLS"),
        verbose: bool("Print more", { short: "v" }),
      },
    }),
    refused("manifest lists", {
      use: "push [OPTIONS] MANIFEST_LIST",
      short: "Push a manifest list to a repository",
      args: exactly(1),
      flags: {
        insecure: bool("Talk to a registry without TLS"),
        purge: bool("Remove the local list afterwards", { short: "p" }),
      },
    }),
    refused("manifest lists", {
      use: "rm MANIFEST_LIST [MANIFEST_LIST...]",
      short: "Remove local manifest lists",
      args: atLeast(1),
      flags: {},
    }),
  ],
};

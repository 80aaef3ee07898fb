/** `docker checkpoint`: known by name, and refused: there is no such thing as checkpoints here. */

import { exactly, type Group } from "../command.ts";
import { bool, string } from "../flags.ts";
import { refused } from "./refused.ts";

export const checkpoint: Group = {
  name: "checkpoint",
  short: "Manage checkpoints",
  only: "experimental",
  commands: [
    refused("checkpoints", {
      use: "create [OPTIONS] CONTAINER CHECKPOINT",
      short: "Save the state of a running container",
      args: exactly(2),
      flags: {
        "checkpoint-dir": string("Directory of the checkpoints"),
        "leave-running": bool("Let the container run on"),
      },
    }),
    refused("checkpoints", {
      use: "ls [OPTIONS] CONTAINER",
      short: "List checkpoints of a container",
      names: ["list"],
      args: exactly(1),
      flags: {
        "checkpoint-dir": string("Directory of the checkpoints"),
      },
    }),
    refused("checkpoints", {
      use: "rm [OPTIONS] CONTAINER CHECKPOINT",
      short: "Remove a checkpoint",
      names: ["remove"],
      args: exactly(2),
      flags: {
        "checkpoint-dir": string("Directory of the checkpoints"),
      },
    }),
  ],
};

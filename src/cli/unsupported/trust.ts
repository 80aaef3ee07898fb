/** `docker trust`: known by name, and refused: nothing is signed here. */

import { atLeast, exactly, type Group } from "../command.ts";
import { bool, list, string } from "../flags.ts";
import { refused } from "./refused.ts";

const key: Group = {
  name: "key",
  short: "Manage keys for signing",
  commands: [
    refused("content trust", {
      use: "generate NAME",
      short: "Make a pair of keys for signing",
      args: exactly(1),
      flags: {
        dir: string("Directory to keep the key in"),
      },
    }),
    refused("content trust", {
      use: "load [OPTIONS] KEYFILE",
      short: "Load a private key",
      args: exactly(1),
      flags: {
        name: string("Name", { default: "signer" }),
      },
    }),
  ],
};

const signer: Group = {
  name: "signer",
  short: "Manage who may sign",
  commands: [
    refused("content trust", {
      use: "add OPTIONS NAME REPOSITORY [REPOSITORY...]",
      short: "Add someone who may sign",
      args: atLeast(2),
      flags: {
        key: list("File with the signer's public key"),
      },
    }),
    refused("content trust", {
      use: "remove [OPTIONS] NAME REPOSITORY [REPOSITORY...]",
      short: "Remove someone who may sign",
      args: atLeast(2),
      flags: {
        force: bool("Go on in spite of doubts", { short: "f" }),
      },
    }),
  ],
};

export const trust: Group = {
  name: "trust",
  short: "Manage signatures of images",
  commands: [
    key,
    signer,
    refused("content trust", {
      use: "inspect IMAGE[:TAG] [IMAGE[:TAG]...]",
      short: "Show keys and signatures",
      args: atLeast(1),
      flags: {
        pretty: bool("Print for people"),
      },
    }),
    refused("content trust", {
      use: "revoke [OPTIONS] IMAGE[:TAG]",
      short: "Remove the signature of an image",
      args: exactly(1),
      flags: {
        yes: bool("Do not ask", { short: "y" }),
      },
    }),
    refused("content trust", {
      use: "sign IMAGE:TAG",
      short: "Sign an image",
      args: exactly(1),
      flags: {
        local: bool("Sign a local tag"),
      },
    }),
  ],
};

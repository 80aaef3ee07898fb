/** `docker login`, `docker logout`: known by name, and refused: the registries here know no accounts. */

import { atMost, type AnyCommand } from "../command.ts";
import { bool, string } from "../flags.ts";
import { refused } from "./refused.ts";

export const login: AnyCommand = refused("accounts of registries", {
  use: "login [OPTIONS] [SERVER]",
  short: "Log in to a registry",
  args: atMost(1),
  flags: {
    password: string("Password or access token", { short: "p" }),
    "password-stdin": bool("Read the password from STDIN"),
    username: string("User name", { short: "u" }),
  },
});

export const logout: AnyCommand = refused("accounts of registries", {
  use: "logout [SERVER]",
  short: "Log out of a registry",
  args: atMost(1),
  flags: {},
});

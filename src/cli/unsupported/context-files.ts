/** `docker context export` and `import`: known by name, and refused. */

import { between, exactly, type AnyCommand } from "../command.ts";
import { refused } from "./refused.ts";

export const exportContext: AnyCommand = refused("files of contexts", {
  use: "export [OPTIONS] CONTEXT [FILE|-]",
  short: "Write a context to a file",
  args: between(1, 2),
  flags: {},
});

export const importContext: AnyCommand = refused("files of contexts", {
  use: "import CONTEXT FILE|-",
  short: "Read a context from a file",
  args: exactly(2),
  flags: {},
});

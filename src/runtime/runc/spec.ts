/** runc spec: a config.json to begin with. */

import { optional, stat, writeFile } from "../../userland/libc/unistd.ts";
import { RuncError } from "../error.ts";
import { exampleSpec } from "../spec.ts";
import type { Verb } from "./cli.ts";
import { bundleOf, bundleOption } from "./common.ts";

export const spec: Verb = {
  name: "spec",
  summary: "create a new specification file",
  usage: "",
  options: [bundleOption],
  args: { kind: "exact", count: 0 },
  *run(c) {
    yield* bundleOf(c);
    if ((yield* optional(stat(c.sys, "config.json"))) !== undefined) throw new RuncError("File config.json exists. Remove it first");
    yield* writeFile(c.sys, "config.json", JSON.stringify(exampleSpec, undefined, "\t"), 0o666);
    return 0;
  },
};

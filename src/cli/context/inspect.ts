/** `docker context inspect`. Real counterpart: docker/cli `cli/command/context/inspect.go`. */

import { atLeast, defineCommand } from "../command.ts";
import { string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { inspectAll } from "../inspect.ts";
import { contextDir, currentContext, DEFAULT_CONTEXT, requireContext } from "./store.ts";

/** As Go's encoding/json writes `<IN MEMORY>`. */
const IN_MEMORY = "<IN MEMORY>";

export const inspect = defineCommand({
  use: "inspect [OPTIONS] [CONTEXT] [CONTEXT...]",
  short: "Show all details of contexts",
  args: atLeast(0),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { short: "f" }),
  },
  completes: "contexts",
  *run({ cli, o, args }) {
    const names = args.length === 0 ? [yield* currentContext(cli)] : args;
    yield* inspectAll(cli, names, o.format, function* (name) {
      const meta = yield* requireContext(cli, name);
      const place = (kind: "meta" | "tls"): string => (name === DEFAULT_CONTEXT ? IN_MEMORY : contextDir(cli, kind, name));
      const storage = { MetadataPath: place("meta"), TLSPath: place("tls") };
      return JSON.stringify({ ...meta, TLSMaterial: {}, Storage: storage })
        .replaceAll("<", "\\u003c")
        .replaceAll(">", "\\u003e");
    });
  },
});

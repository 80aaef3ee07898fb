/** `docker context update`. Real counterpart: docker/cli `cli/command/context/update.go`. */

import { defineCommand, exactly } from "../command.ts";
import { string } from "../flags.ts";
import { dockerFlag, endpointOf } from "./create.ts";
import { checkContextName, requireContext, saveContext } from "./store.ts";

export const update = defineCommand({
  use: "update [OPTIONS] CONTEXT",
  short: "Change a context",
  args: exactly(1),
  flags: {
    description: string("What it is for"),
    docker: dockerFlag,
  },
  completes: "contexts",
  *run({ cli, o, args }) {
    const name = args[0] as string;
    checkContextName(name);
    const meta = yield* requireContext(cli, name);
    const metadata = o.description === "" ? meta.Metadata : { ...meta.Metadata, Description: o.description };
    const endpoints = o.docker.size === 0 ? meta.Endpoints : { docker: endpointOf(o.docker) };
    yield* saveContext(cli, { Name: name, Metadata: metadata, Endpoints: endpoints });
    yield* cli.print(`${name}\n`);
    yield* cli.eprint(`Successfully updated context "${name}"\n`);
  },
});

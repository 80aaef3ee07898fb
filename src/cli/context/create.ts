/** `docker context create`. Real counterpart: docker/cli `cli/command/context/create.go`. Left out: TLS. */

import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";
import { type Flag, map, string } from "../flags.ts";
import { parseHost } from "../host.ts";
import { checkContextName, type ContextMeta, currentContext, listContexts, requireContext, saveContext } from "./store.ts";

const KEYS = ["ca", "cert", "from", "host", "key", "skip-tls-verify"];

/** `host=…,from=…`. */
export const dockerFlag: Flag<ReadonlyMap<string, string>> = {
  ...map("Set the endpoint", { type: "stringToString", shown: "[]" }),
  parse: (text, before) => {
    const pairs = text.split(",").map((pair) => {
      const at = pair.indexOf("=");
      if (at < 0) throw new Error(`${pair} must be formatted as key=value`);
      return [pair.slice(0, at), pair.slice(at + 1)] as const;
    });
    return new Map([...before, ...pairs]);
  },
};

/** The endpoint that the keys describe. Errors: CliError. */
export function endpointOf(keys: ReadonlyMap<string, string>): NonNullable<ContextMeta["Endpoints"]["docker"]> {
  for (const key of keys.keys())
    if (!KEYS.includes(key)) throw new CliError(`unable to create docker endpoint config: unrecognized config key: ${key}`);
  if (["ca", "cert", "key"].some((key) => keys.has(key))) throw new CliError("not supported in Drydock: TLS");
  const host = keys.get("host");
  if (host !== undefined && host !== "") parseHost(host);
  return { ...(host === undefined ? {} : { Host: host }), SkipTLSVerify: keys.get("skip-tls-verify") === "true" };
}

export const create = defineCommand({
  use: "create [OPTIONS] CONTEXT",
  short: "Create a context",
  args: exactly(1),
  flags: {
    description: string("What it is for"),
    docker: dockerFlag,
    from: string("Take all from a context that exists"),
  },
  *run({ cli, o, args }) {
    const name = args[0] as string;
    checkContextName(name);
    if ((yield* listContexts(cli)).some(({ Name }) => Name === name)) throw new CliError(`context ${JSON.stringify(name)} already exists`);
    let base: ContextMeta | undefined;
    const from = o.docker.get("from") ?? o.from;
    if (from !== "" || o.docker.size === 0) base = yield* requireContext(cli, from === "" ? yield* currentContext(cli) : from);
    const description = o.description === "" ? (base?.Metadata.Description ?? "") : o.description;
    const docker = base?.Endpoints.docker ?? endpointOf(o.docker);
    yield* saveContext(cli, { Name: name, Metadata: description === "" ? {} : { Description: description }, Endpoints: { docker } });
    yield* cli.print(`${name}\n`);
    yield* cli.eprint(`Successfully created context "${name}"\n`);
  },
});

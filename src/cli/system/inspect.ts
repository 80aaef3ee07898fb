/** `docker inspect`: whatever bears the name. Real counterpart: docker/cli `cli/command/system/inspect.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import { atLeast, defineCommand } from "../command.ts";
import { ApiError, CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { inspectAll } from "../inspect.ts";

/** In the order in which they are tried. */
const KINDS: readonly (readonly [type: string, path: (name: string) => string])[] = [
  ["container", (name) => `/containers/${name}/json`],
  ["image", (name) => `/images/${name}/json`],
  ["network", (name) => `/networks/${name}`],
  ["volume", (name) => `/volumes/${name}`],
  ["plugin", (name) => `/plugins/${name}/json`],
];

/** What only a swarm has. */
const SWARM: Readonly<Record<string, (name: string) => string>> = {
  config: (name) => `/configs/${name}`,
  node: (name) => `/nodes/${name}`,
  secret: (name) => `/secrets/${name}`,
  service: (name) => `/services/${name}?insertDefaults=true`,
  task: (name) => `/tasks/${name}`,
};

const TYPES = [...KINDS.map(([type]) => type), ...Object.keys(SWARM)].sort();

const mayBeAnother = (e: CliError): boolean =>
  (e instanceof ApiError && e.isNotFound) || /not supported|invalid reference format/.test(e.message);

function* find(cli: Cli, name: string, size: boolean): Proc<string> {
  const client = yield* cli.client();
  for (const [type, path] of KINDS) {
    try {
      const text = yield* client.text("GET", path(name), { query: { size: size && type === "container" } });
      if (size && type !== "container") yield* cli.eprint(`WARNING: --size ignored for ${type}\n`);
      return text;
    } catch (e) {
      if (!(e instanceof CliError) || !mayBeAnother(e)) throw e;
    }
  }
  throw new CliError(`Error: No such object: ${name}`);
}

export const inspect = defineCommand({
  use: "inspect [OPTIONS] NAME|ID [NAME|ID...]",
  short: "Show all details of containers, images, networks, volumes",
  args: atLeast(1),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { short: "f" }),
    size: bool("Show sizes, if it is a container", { short: "s" }),
    type: string("Look only among things of this type"),
  },
  completes: "all containers",
  *run({ cli, o, args }) {
    const path = KINDS.find(([type]) => type === o.type)?.[1] ?? SWARM[o.type];
    if (o.type !== "" && path === undefined)
      throw new CliError(`unknown type: ${JSON.stringify(o.type)}: must be one of "${TYPES.join('", "')}"`);
    const client = yield* cli.client();
    const size = o.type === "container" && o.size;
    yield* inspectAll(cli, args, o.format, (name) =>
      path === undefined ? find(cli, name, o.size) : client.text("GET", path(name), { query: { size } }),
    );
  },
});

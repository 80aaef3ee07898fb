/** `docker create`: a container that does not run yet. Real counterpart: docker/cli `cli/command/container/create.go`. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { ContainerCreated } from "../../engine/api/container.ts";
import { formatPlatform, InvalidPlatform, parsePlatform } from "../../image/platform.ts";
import { familiarString, parseAnyReference, tagNameOnly } from "../../image/reference.ts";
import { optional, stat, unlink, writeFile } from "../../userland/libc/unistd.ts";
import type { Cli } from "../cli.ts";
import { olderThan } from "../client.ts";
import { atLeast, defineCommand } from "../command.ts";
import { ApiError, CliError } from "../errors.ts";
import { string } from "../flags.ts";
import { pullImage } from "../image/progress.ts";
import { type ContainerRequest, containerRequest, createBody } from "./config.ts";
import { createFlags } from "./create-flags.ts";
import { ttySize } from "./tty.ts";

export interface CreateOptions {
  readonly name: string;
  readonly platform: string;
  readonly pull: string;
  readonly quiet: boolean;
}

const PULL_POLICIES = ["always", "missing", "never", ""];

/** What a fault of the flags is told with, and where more can be read. */
export const withHelp = (message: string, verb: string, status = 125): CliError =>
  new CliError(`docker: ${message}\n\nRun 'docker ${verb} --help' for more information`, status);

/** Flags as a request. Errors: CliError with the words of `docker <verb>`. */
export function* requestOf(verb: string, pull: string, request: () => Proc<ContainerRequest>): Proc<ContainerRequest> {
  if (!PULL_POLICIES.includes(pull)) throw withHelp(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`, verb);
  try {
    return yield* request();
  } catch (e) {
    if (e instanceof CliError || e instanceof Errno || !(e instanceof Error)) throw e;
    throw withHelp(e.message, verb);
  }
}

/** Asks the daemon for it, and for its image before if need be. Returns the id. Blocks. Errors: CliError. */
export function* createContainer(cli: Cli, request: ContainerRequest, options: CreateOptions): Proc<string> {
  const { cidfile } = { cidfile: request.hostConfig.ContainerIDFile ?? "" };
  if (cidfile !== "") {
    if ((yield* optional(stat(cli.sys, cidfile))) !== undefined)
      throw new CliError(`container ID file found, make sure the other container isn't running or delete ${cidfile}`);
    try {
      yield* writeFile(cli.sys, cidfile, "");
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      throw new CliError(`failed to create the container ID file: open ${cidfile}: ${e.message.toLowerCase()}`);
    }
  }
  try {
    const created = yield* ask(cli, request, options);
    if (cidfile !== "") yield* writeFile(cli.sys, cidfile, created.Id);
    for (const warning of [...created.Warnings, ...dnsWarning(request)]) yield* cli.eprint(`WARNING: ${warning}\n`);
    return created.Id;
  } catch (e) {
    if (cidfile !== "") yield* optional(unlink(cli.sys, cidfile));
    throw e;
  }
}

function dnsWarning({ hostConfig }: ContainerRequest): string[] {
  const local = (hostConfig.Dns ?? []).find((ip) => ip.startsWith("127.") || ip === "::1");
  return local === undefined ? [] : [`Localhost DNS (${local}) may fail in containers.`];
}

/** Errors: CliError where the daemon is too old for what is asked of it. */
function checkVersion(version: string, { config, endpoints }: ContainerRequest): void {
  if (!olderThan(version, "1.44")) return;
  const refuse = (what: string): never => {
    throw new CliError(`${JSON.stringify(what)} requires API version 1.44, but the Docker daemon API version is ${version}`);
  };
  if (Object.values(endpoints).some((endpoint) => (endpoint?.MacAddress ?? "") !== "")) refuse("specify mac-address per network");
  if (config.Healthcheck !== undefined && "StartInterval" in config.Healthcheck) refuse("specify health-check start interval");
}

/** As the daemon reads it. Errors: CliError. */
function platformOf(text: string): string {
  if (text === "") return "";
  try {
    return formatPlatform(parsePlatform(text));
  } catch (e) {
    throw e instanceof InvalidPlatform ? new CliError(`error parsing specified platform: ${e.message}`) : e;
  }
}

function* ask(cli: Cli, request: ContainerRequest, options: CreateOptions): Proc<ContainerCreated> {
  const { Image: image } = request.config;
  let named: string | undefined;
  try {
    const reference = parseAnyReference(image, "client");
    if ("path" in reference) named = familiarString(tagNameOnly(reference));
  } catch (e) {
    throw new CliError((e as Error).message);
  }
  const pull = (): Proc<void> => pullImage(cli, image, { platform: options.platform, quiet: options.quiet, to: "stderr" });
  if (options.pull === "always") yield* pull();
  const client = yield* cli.client();
  yield* client.ping();
  checkVersion(client.version, request);
  const [rows, cols] = olderThan(client.version, "1.42") ? [0, 0] : yield* ttySize(cli);
  const sized: ContainerRequest = { ...request, hostConfig: { ...request.hostConfig, ConsoleSize: [rows, cols] } };
  const platform = platformOf(options.platform);
  const post = (): Proc<ContainerCreated> =>
    client.json<ContainerCreated>("POST", "/containers/create", {
      query: { name: options.name, platform },
      body: createBody(sized),
    });
  try {
    return yield* post();
  } catch (e) {
    if (!(e instanceof ApiError) || !e.isNotFound || named === undefined || options.pull === "never" || options.pull === "always") throw e;
    if (!options.quiet) yield* cli.eprint(`Unable to find image '${named}' locally\n`);
    yield* pull();
    return yield* post();
  }
}

export const create = defineCommand({
  use: "create [OPTIONS] IMAGE [COMMAND] [ARG...]",
  short: "Create a new container",
  aliases: ["docker container create", "docker create"],
  args: atLeast(1),
  flagsFirst: true,
  flags: {
    ...createFlags,
    pull: string('Pull the image before ("always", "missing", "never")', { default: "missing" }),
  },
  completes: "images",
  *run(call) {
    const { cli, o, args } = call;
    const [image, ...command] = args as [string, ...string[]];
    const request = yield* requestOf("create", o.pull, () => containerRequest(call, image, command));
    const id = yield* createContainer(cli, request, { name: o.name, platform: o.platform, pull: o.pull, quiet: o.quiet });
    yield* cli.print(`${id}\n`);
  },
});

/** The contexts that a person made: ~/.docker/contexts/meta/<sha256 of the name>/meta.json. Real counterpart: docker/cli `cli/context/store`. Left out: TLS material. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ENOENT } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { optional, readDir, readText, writeFile } from "../../userland/libc/unistd.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../errors.ts";
import { makeDirectories } from "../files.ts";
import { DEFAULT_HOST, type Host, parseHost } from "../host.ts";

export const DEFAULT_CONTEXT = "default";
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

/** meta.json. */
export interface ContextMeta {
  readonly Name: string;
  readonly Metadata: { readonly Description?: string };
  readonly Endpoints: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify: boolean } };
}

export const contextDir = (cli: Cli, kind: "meta" | "tls", name: string): string =>
  `${cli.options.configDir}/contexts/${kind}/${bytesToHex(sha256(encodeUtf8(name)))}`;

/** Errors: CliError. */
export function checkContextName(name: string): void {
  if (name === DEFAULT_CONTEXT) throw new CliError(`"default" is a reserved context name`);
  if (!NAME.test(name))
    throw new CliError(
      `context name ${JSON.stringify(name)} is invalid, names are validated against regexp ${JSON.stringify(NAME.source)}`,
    );
}

/** Which context is in force: `--context`, DOCKER_CONTEXT, the chosen one; a host given otherwise makes it the default. */
export function* currentContext(cli: Cli): Proc<string> {
  if (cli.options.context !== "") return cli.options.context;
  if (cli.options.hosts.length > 0 || (cli.env.get("DOCKER_HOST") ?? "") !== "") return DEFAULT_CONTEXT;
  const named = cli.env.get("DOCKER_CONTEXT") ?? "";
  if (named !== "") return named;
  return (yield* cli.configFile()).currentContext ?? DEFAULT_CONTEXT;
}

/** The default: what `-H` and DOCKER_HOST say. */
function defaultContext(cli: Cli): ContextMeta {
  const given = cli.options.hosts[0] ?? cli.env.get("DOCKER_HOST") ?? "";
  const host = given === "" ? DEFAULT_HOST : parseHost(given).text;
  return { Name: DEFAULT_CONTEXT, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
}

/** Errors: CliError where there is none of that name. */
export function* requireContext(cli: Cli, name: string): Proc<ContextMeta> {
  if (name === DEFAULT_CONTEXT) return defaultContext(cli);
  const path = `${contextDir(cli, "meta", name)}/meta.json`;
  const text = yield* optional(readText(cli.sys, path));
  if (text === undefined) throw new CliError(`context ${JSON.stringify(name)}: context not found: open ${path}: no such file or directory`);
  return JSON.parse(text) as ContextMeta;
}

export function* listContexts(cli: Cli): Proc<ContextMeta[]> {
  const dir = `${cli.options.configDir}/contexts/meta`;
  const found: ContextMeta[] = [];
  for (const { name } of (yield* optional(readDir(cli.sys, dir), [ENOENT])) ?? []) {
    if (name.startsWith(".")) continue;
    const text = yield* optional(readText(cli.sys, `${dir}/${name}/meta.json`));
    if (text !== undefined) found.push(JSON.parse(text) as ContextMeta);
  }
  return [defaultContext(cli), ...found].sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

export function* saveContext(cli: Cli, meta: ContextMeta): Proc<void> {
  const dir = contextDir(cli, "meta", meta.Name);
  yield* makeDirectories(cli.sys, dir);
  yield* writeFile(cli.sys, `${dir}/meta.json`, JSON.stringify(meta), 0o644);
}

/** Where the daemon of the context in force is. Errors: CliError. */
export function* resolveHost(cli: Cli): Proc<Host> {
  if (cli.options.hosts.length > 1) throw new CliError("Specify only one -H");
  const name = yield* currentContext(cli);
  let meta: ContextMeta;
  try {
    meta = yield* requireContext(cli, name);
  } catch (e) {
    if (!(e instanceof CliError)) throw e;
    throw new CliError(`Failed to initialize: unable to resolve docker endpoint: ${e.message}`);
  }
  return parseHost(meta.Endpoints.docker?.Host ?? DEFAULT_HOST);
}

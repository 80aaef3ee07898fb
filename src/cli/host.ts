/** Where a daemon is: `unix:///var/run/docker.sock`, `tcp://host:2375`. Real counterpart: docker/cli `opts/hosts.go`. Left out: TLS, ssh://, IPv6. */

import { CliError } from "./errors.ts";

interface Place {
  /** As it was given, with what is implied. */
  readonly text: string;
  /** What stands before a path in messages. */
  readonly url: string;
  /** The Host field of requests. */
  readonly header: string;
}

export type Host =
  | (Place & { readonly kind: "unix"; readonly path: string })
  | (Place & { readonly kind: "tcp"; readonly name: string; readonly port: number });

export const DEFAULT_HOST = "unix:///var/run/docker.sock";
const DEFAULT_PORT = 2375;

/** Errors: CliError. */
export function parseHost(text: string): Host {
  const value = text.trim() === "" ? DEFAULT_HOST : text.trim();
  const match = /^([a-z]+):\/\/(.*)$/.exec(value);
  const [scheme, rest] = match === null ? ["tcp", value] : [match[1] as string, match[2] as string];
  if (scheme === "unix") {
    const path = rest === "" ? "/var/run/docker.sock" : rest;
    return { kind: "unix", path, text: `unix://${path}`, url: `http://${encodeURIComponent(path)}`, header: "api.moby.localhost" };
  }
  if (scheme !== "tcp" && scheme !== "http") {
    if (scheme === "ssh" || scheme === "npipe" || scheme === "fd") throw new CliError(`not supported in Drydock: a daemon at ${scheme}://`);
    throw new CliError(`invalid bind address (${value}): unsupported proto "${scheme}"`);
  }
  const parts = /^([^:/?#]*)(?::(\d*))?(\/.*)?$/.exec(rest);
  if (parts === null) throw new CliError(`invalid bind address (${value}): should not contain a path element`);
  const name = parts[1] === "" ? "localhost" : (parts[1] as string);
  const port = parts[2] === undefined || parts[2] === "" ? DEFAULT_PORT : Number(parts[2]);
  const header = `${name}:${port}`;
  return { kind: "tcp", name, port, text: `tcp://${header}`, url: `http://${header}`, header };
}

/** `--link` on the default bridge: lines in /etc/hosts and variables of the environment. moby `daemon/links.go`, `links/links.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Daemon } from "../daemon.ts";
import { EngineError, invalidParameter, systemError } from "../errors.ts";
import type { Container } from "../parts.ts";
import { type HostsRecord, updateHosts } from "./name-files.ts";
import { parsePort } from "./ports.ts";

interface Link {
  readonly child: Container;
  readonly alias: string;
}

/** At creation: `name:alias` becomes `/name:/own/alias`, as it is kept. Errors: invalidParameter. */
export function checkLinks(daemon: Daemon, container: Container): void {
  const { hostConfig, name } = container;
  const links = hostConfig.Links ?? [];
  if (links.length === 0) return;
  hostConfig.Links = links.map((link) => {
    const [other = "", alias = other] = link.split(":");
    let child: Container;
    try {
      child = daemon.containers.require(other);
    } catch (e) {
      if (!(e instanceof EngineError)) throw e;
      throw invalidParameter(`could not get container for ${other}: ${e.message}`);
    }
    if (child.hostConfig.NetworkMode === "host")
      throw invalidParameter("conflicting options: host type networking can't be used with links. This would result in undefined behavior");
    return `/${child.name}:/${name}/${alias.split("/").pop() ?? ""}`;
  });
}

/** The containers that this one is linked to; those that are gone are left out. */
function linksOf(daemon: Daemon, { hostConfig }: Container): Link[] {
  return (hostConfig.Links ?? []).flatMap((text): Link[] => {
    const [other = "", alias = ""] = text.split(":");
    const child = daemon.containers.find(other.replace(/^\//, ""));
    return child === undefined ? [] : [{ child, alias: alias.split("/").pop() ?? "" }];
  });
}

/** Lines for linked containers. Errors: systemError for one that does not run. */
export function linkedHosts(daemon: Daemon, container: Container): HostsRecord[] {
  if (container.networkSettings.Networks.bridge === undefined) return [];
  return linksOf(daemon, container).flatMap(({ child, alias }): HostsRecord[] => {
    if (!child.running) throw systemError(`Cannot link to a non running container: /${child.name} AS /${container.name}/${alias}`);
    if (child.networkSettings.Networks.bridge === undefined)
      throw systemError(`Cannot link to /${child.name}, as it does not belong to the default network`);
    const ip = child.networkSettings.Networks.bridge.IPAddress;
    const names = [alias, child.config.Hostname, ...(alias === child.name ? [] : [child.name])];
    return ip === "" ? [] : [{ ip, hosts: names.join(" ") }];
  });
}

/** A container has started that others are linked to: their lines get its new address. */
export function* updateParents(daemon: Daemon, container: Container, ip: string): Proc<void> {
  for (const parent of daemon.containers.list()) {
    if (parent === container || !parent.running) continue;
    for (const { child, alias } of linksOf(daemon, parent))
      if (child === container) yield* updateHosts(daemon.sys, parent.hostsPath, ip, alias);
  }
}

/** `DB_PORT_5432_TCP=tcp://172.17.0.2:5432` … */
export function linkEnvironment(daemon: Daemon, container: Container): string[] {
  if (container.networkSettings.Networks.bridge === undefined) return [];
  return linksOf(daemon, container).flatMap(({ child, alias }) => {
    const prefix = alias.replace(/-/g, "_").toUpperCase();
    const ip = child.networkSettings.Networks.bridge?.IPAddress ?? "";
    const ports = Object.keys(child.config.ExposedPorts ?? {})
      .map(parsePort)
      .sort((a, b) => a.port - b.port || (a.proto === "tcp" ? -1 : 1));
    const [first] = ports;
    const url = (port: number, proto: string): string => `${proto}://${ip}:${port}`;
    const variables = first === undefined ? [] : [`${prefix}_PORT=${url(first.port, first.proto)}`];
    for (const { port, proto } of ports) {
      const name = `${prefix}_PORT_${port}_${proto.toUpperCase()}`;
      variables.push(`${name}=${url(port, proto)}`, `${name}_ADDR=${ip}`, `${name}_PORT=${port}`, `${name}_PROTO=${proto}`);
    }
    variables.push(`${prefix}_NAME=/${container.name}/${alias}`);
    for (const variable of child.config.Env ?? []) {
      const [key = ""] = variable.split("=");
      if (key === "" || key === "HOME" || key === "PATH" || !variable.includes("=")) continue;
      variables.push(`${prefix}_ENV_${variable}`);
    }
    return variables;
  });
}

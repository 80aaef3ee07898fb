/** What a container's start writes for its names, and what one takes over that shares another container's network. moby `daemon/container_operations_unix.go`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { optional, readText, writeFile } from "../../userland/libc/unistd.ts";
import type { Daemon } from "../daemon.ts";
import { conflict, invalidParameter, systemError } from "../errors.ts";
import type { Container, NetworkSandbox } from "../parts.ts";
import { linkedHosts } from "./legacy-links.ts";
import { buildDns, buildHosts, type DnsSettings, type ExternalServer, type HostsRecord } from "./name-files.ts";

/** `container:`: the other one's files and names. Errors: conflict if it does not run. */
export function* networkedContainer(daemon: Daemon, container: Container): Proc<NetworkSandbox> {
  const other = daemon.containers.require(container.hostConfig.NetworkMode.slice("container:".length));
  if (other === container) throw systemError("cannot join own network");
  if (!other.running) throw conflict(`cannot join network of a non running container: ${other.id}`);
  container.hostsPath = other.hostsPath;
  container.resolvConfPath = other.resolvConfPath;
  container.hostnamePath = other.hostnamePath;
  container.config.Hostname = other.config.Hostname;
  container.config.Domainname = other.config.Domainname;
  return { kind: "path", path: `/proc/${other.pid}/ns/net` };
}

/** hosts and resolv.conf. Returns the servers that the embedded one asks. Errors: invalidParameter for extra hosts. */
export function* writeNameFiles(daemon: Daemon, container: Container, hostGateway: string): Proc<ExternalServer[]> {
  const { sys } = daemon;
  const { hostConfig, hostsPath, resolvConfPath } = container;
  const onHost = hostConfig.NetworkMode === "host";
  const extra = [...(hostConfig.ExtraHosts ?? []).map((line) => extraHost(line, hostGateway)), ...linkedHosts(daemon, container)];
  if (onHost && extra.length === 0) yield* copyText(sys, "/etc/hosts", hostsPath);
  else yield* buildHosts(sys, hostsPath, extra);
  const dns = dnsSettings(daemon, container);
  if (onHost && dns.servers.length + dns.search.length + dns.options.length === 0) {
    yield* copyText(sys, "/etc/resolv.conf", resolvConfPath);
    return [];
  }
  return yield* buildDns(sys, resolvConfPath, dns);
}

/** The servers for a container that runs already. */
export function* readServers(sys: Sys, { hostConfig }: Container): Proc<ExternalServer[]> {
  const asked = hostConfig.Dns ?? [];
  if (asked.length > 0) return asked.map((address) => ({ address, loopback: false }));
  const host = (yield* optional(readText(sys, "/etc/resolv.conf"))) ?? "";
  return [...host.matchAll(/^\s*nameserver\s+([\d.]+)\s*$/gm)].map(([, address = ""]) => ({
    address,
    loopback: address.startsWith("127."),
  }));
}

function dnsSettings({ config }: Daemon, { hostConfig }: Container): DnsSettings {
  const pick = (own: string[] | null, otherwise: readonly string[]): readonly string[] =>
    own !== null && own.length > 0 ? own : otherwise;
  return {
    servers: pick(hostConfig.Dns, config.dns),
    search: pick(hostConfig.DnsSearch, config.dnsSearch),
    options: pick(hostConfig.DnsOptions, config.dnsOptions),
  };
}

function extraHost(line: string, hostGateway: string): HostsRecord {
  const colon = line.indexOf(":");
  if (colon <= 0) throw invalidParameter(`bad format for add-host: ${JSON.stringify(line)}`);
  const ip = line.slice(colon + 1);
  if (ip !== "host-gateway") return { hosts: line.slice(0, colon), ip };
  if (hostGateway === "") throw systemError("unable to derive the IP value for host-gateway");
  return { hosts: line.slice(0, colon), ip: hostGateway };
}

function* copyText(sys: Sys, from: string, to: string): Proc<void> {
  yield* writeFile(sys, to, (yield* optional(readText(sys, from))) ?? "", 0o644);
}

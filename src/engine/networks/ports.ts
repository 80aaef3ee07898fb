/** What is to be published, from a container's configuration: docker/go-connections `nat`, moby `daemon/network.go` buildCreateEndpointOptions(). */

import type { ContainerConfig, HostConfig } from "../api/container.ts";
import { systemError } from "../errors.ts";
import type { PortRequest } from "./port-mapper.ts";
import type { ExposedPort } from "./sandbox.ts";

/** `80/tcp`; the protocol is tcp unless given. */
export function parsePort(text: string): ExposedPort {
  const [port = "", proto = "tcp"] = text.split("/");
  return { port: Number(port), proto: proto.toLowerCase() };
}

/** `8080` or `8080-8090`; 0 where nothing is said. Errors: systemError. */
function parseRange(text: string): readonly [number, number] {
  const [start = "", end = start] = (text.split("/")[0] ?? "").split("-");
  if (start === "") return [0, 0];
  const range = [Number(start), Number(end)] as const;
  if (range.some((port) => !Number.isInteger(port) || port < 0 || port > 65_535) || range[1] < range[0])
    throw systemError(`Error parsing HostPort value(${text}): Invalid containerPort: ${text}`);
  return range;
}

/** The exposed ports in the order of nat.SortPortMap: by the port on the host from above, then by their own. */
function sorted({ ExposedPorts }: ContainerConfig, { PortBindings }: HostConfig): string[] {
  const key = (port: string): readonly [number, number, number] => {
    const { port: number, proto } = parsePort(port);
    const host = Math.max(0, ...(PortBindings?.[port] ?? []).map(({ HostPort }) => parseRange(HostPort)[0]));
    return [-host, number, proto === "tcp" ? 0 : 1];
  };
  return Object.keys(ExposedPorts ?? {}).sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x[0] - y[0] || x[1] - y[1] || x[2] - y[2];
  });
}

export function exposedPorts(config: ContainerConfig, hostConfig: HostConfig): ExposedPort[] {
  return sorted(config, hostConfig).map(parsePort);
}

/** Only what is exposed is published; clients expose what they publish. */
export function portRequests(config: ContainerConfig, hostConfig: HostConfig): PortRequest[] {
  return sorted(config, hostConfig).flatMap((text): PortRequest[] => {
    const { port: containerPort, proto } = parsePort(text);
    const bindings = hostConfig.PortBindings?.[text] ?? [];
    if (bindings.length === 0) return hostConfig.PublishAllPorts ? [{ proto, containerPort, hostIp: "", start: 0, end: 0 }] : [];
    return bindings.map(({ HostIp, HostPort }) => {
      const [start, end] = parseRange(HostPort);
      return { proto, containerPort, hostIp: HostIp, start, end };
    });
  });
}

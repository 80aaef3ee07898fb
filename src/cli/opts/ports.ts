/** `-p 127.0.0.1:8000-8010:80/udp`, `--expose 80`. Real counterpart: docker/go-connections `nat`. */

import type { PortMap, StringSet } from "../../engine/api/container.ts";
import { cut } from "../flags.ts";
import { isIp } from "./validate.ts";

export interface Ports {
  readonly exposed: StringSet;
  readonly bindings: PortMap;
}

function splitProto(text: string): [proto: string, port: string] {
  const [port, proto] = text.split("/") as [string, string | undefined];
  if (port === "") return ["", ""];
  return [proto === undefined || proto === "" ? "tcp" : proto, proto === undefined ? text : port];
}

function parsePort(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (value > 65_535) throw new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
}

function range(text: string): [first: number, last: number] {
  if (text === "") throw new Error("empty string specified for ports");
  const parts = text.split("-") as [string, string?];
  const first = parsePort(parts[0]);
  const last = parts[1] === undefined ? first : parsePort(parts[1]);
  if (last < first) throw new Error(`invalid range specified for port: ${text}`);
  return [first, last];
}

/** Errors of a range are told in other words by who asks. */
function rangeOr(text: string, words: string): [number, number] {
  try {
    return range(text);
  } catch {
    throw new Error(`${words}: ${text}`);
  }
}

/** From `ip:host:container`; an IPv6 address may have colons of its own. */
function splitParts(text: string): [ip: string, host: string, container: string] {
  const parts = text.split(":");
  const container = parts.pop() as string;
  const host = parts.pop() ?? "";
  return [parts.join(":"), host, container];
}

/** The long form `published=…,target=…,protocol=…` in the short one. */
function shortForm(text: string): string {
  if (!text.includes("=")) return text;
  const fields: Record<string, string> = { protocol: "tcp" };
  for (const field of text.split(",")) {
    const [key, value] = cut(field, "=");
    if (value === undefined || key === "") throw new Error(`invalid publish opts format (should be name=value but got '${field}')`);
    fields[key] = value;
  }
  return `${fields.published ?? ""}:${fields.target ?? ""}/${fields.protocol ?? ""}`;
}

interface Mapping {
  readonly port: string;
  readonly hostIp: string;
  readonly hostPort: string;
}

function parseSpec(text: string): Mapping[] {
  const [address, host, rest] = splitParts(text);
  const [proto, container] = splitProto(rest);
  const ip = /^\[(.*)\]$/.exec(address)?.[1] ?? address;
  if (ip !== "" && !isIp(ip)) throw new Error(`invalid IP address: ${ip}`);
  if (container === "") throw new Error(`no port specified: ${text}<empty>`);
  const [start, end] = rangeOr(container, "invalid containerPort");
  const [hostStart, hostEnd] = host === "" ? [0, 0] : rangeOr(host, "invalid hostPort");
  if (host !== "" && end - start !== hostEnd - hostStart && end !== start)
    throw new Error(`invalid ranges specified for container and host Ports: ${container} and ${host}`);
  const lower = proto.toLowerCase();
  if (!["tcp", "udp", "sctp"].includes(lower)) throw new Error(`invalid proto: ${proto}`);
  const mappings: Mapping[] = [];
  for (let i = 0; i <= end - start; i++) {
    const one = start === end && hostStart !== hostEnd ? `${hostStart}-${hostEnd}` : String(hostStart + i);
    mappings.push({ port: `${start + i}/${lower}`, hostIp: ip, hostPort: host === "" ? "" : one });
  }
  return mappings;
}

/** Errors: Error. */
export function parsePorts(published: readonly string[], exposedToo: readonly string[]): Ports {
  const exposed: StringSet = {};
  const bindings: PortMap = {};
  for (const { port, hostIp, hostPort } of published.map(shortForm).flatMap(parseSpec)) {
    exposed[port] = {};
    bindings[port] = [...(bindings[port] ?? []), { HostIp: hostIp, HostPort: hostPort }];
  }
  for (const text of exposedToo) {
    if (text.includes(":")) throw new Error(`invalid port format for --expose: ${text}`);
    const [proto, port] = splitProto(text);
    let ends: [number, number];
    try {
      ends = range(port);
    } catch (e) {
      throw new Error(`invalid range format for --expose: ${text}, error: ${(e as Error).message}`);
    }
    for (let i = ends[0]; i <= ends[1]; i++) exposed[`${i}/${proto}`] = {};
  }
  return { exposed, bindings };
}

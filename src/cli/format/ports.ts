/** Ports of a container in one line: `0.0.0.0:80->80/tcp, 443/tcp`. Real counterpart: docker/cli `cli/command/formatter/container.go`. */

import type { PortSummary } from "../../engine/api/container.ts";

interface Run {
  readonly key: string;
  readonly first: number;
  last: number;
}

const join = (ip: string, port: number): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);

function runText({ key, first, last }: Run): string {
  const [ip, type] = key.includes("/") ? (key.split("/") as [string, string]) : ["", key];
  const range = first === last ? String(first) : `${first}-${last}`;
  const host = ip === "" ? "" : `${ip.includes(":") ? `[${ip}]` : ip}:${range}->`;
  return `${host}${range}/${type}`;
}

function compare(a: PortSummary, b: PortSummary): number {
  const text = (x: string, y: string): number => (x < y ? -1 : x > y ? 1 : 0);
  return a.PrivatePort - b.PrivatePort || text(a.IP ?? "", b.IP ?? "") || (a.PublicPort ?? 0) - (b.PublicPort ?? 0) || text(a.Type, b.Type);
}

/** Neighbouring ports that are published under their own numbers are one range. */
export function displayPorts(ports: readonly PortSummary[]): string {
  const open = new Map<string, Run>();
  const done: Run[] = [];
  const mapped: string[] = [];
  for (const port of [...ports].sort(compare)) {
    const { IP = "", PrivatePort, PublicPort = 0, Type } = port;
    if (IP !== "" && PublicPort !== PrivatePort) {
      mapped.push(`${join(IP, PublicPort)}->${PrivatePort}/${Type}`);
      continue;
    }
    const key = IP === "" ? Type : `${IP}/${Type}`;
    const run = open.get(key);
    if (run !== undefined && PrivatePort === run.last + 1) {
      run.last = PrivatePort;
      continue;
    }
    if (run !== undefined) done.push(run);
    open.set(key, { key, first: PrivatePort, last: PrivatePort });
  }
  return [...[...done, ...open.values()].map(runText), ...mapped].join(", ");
}

/** How busybox's ip prints links and routes: fewer fields than iproute2, some with a blank more. busybox `networking/libiproute/{ipaddress,iproute}.c`. */

import type { IpContext } from "./context.ts";

export const busyboxUsage = `ip [OPTIONS] address|route|link|neigh|rule [ARGS]

OPTIONS := -f[amily] inet|inet6|link | -o[neline]`;

export const isBusybox = ({ c }: IpContext): boolean => c.voice === "busybox";

/** Fields of a link behind its flags. */
export interface LinkFields {
  readonly mtu: number | undefined;
  readonly qdisc: string | undefined;
  readonly master: string | undefined;
  readonly qlen: number;
}

export function linkFields({ mtu, qdisc, master, qlen }: LinkFields): string {
  const fields = [
    mtu === undefined ? "" : `mtu ${mtu} `,
    qdisc === undefined ? "" : `qdisc ${qdisc} `,
    master === undefined ? "" : `master ${master} `,
    qlen === 0 ? "" : `qlen ${qlen}`,
  ];
  return fields.join("");
}

/** Fields of a route behind its device; all texts or undefined. */
export interface RouteFields {
  readonly table: string | undefined;
  readonly scope: string | undefined;
  readonly source: string | undefined;
  readonly metric: number | undefined;
  readonly flags: readonly string[];
}

export function routeFields({ table, scope, source, metric, flags }: RouteFields): string {
  const fields = [
    table === undefined ? "" : `table ${table} `,
    scope === undefined ? "" : `scope ${scope} `,
    source === undefined ? "" : ` src ${source} `,
    metric === undefined ? "" : ` metric ${metric} `,
    ...flags.map((flag) => `${flag} `),
  ];
  return fields.join("");
}

/** What it says of a mistake: in the words of busybox where those are known. */
export function busyboxWords(message: string): string {
  const device = /^(?:Device "(.*)" does not exist\.|Cannot find device "(.*)")$/.exec(message);
  if (device !== null) return `can't find device '${device[1] ?? device[2] ?? ""}'`;
  const command = /^Command "(.*)" is unknown, try "ip \w+ help"\.$/.exec(message);
  if (command !== null) return `invalid argument '${command[1] ?? ""}' to 'ip'`;
  const garbage = /^Error: (either "dev" is duplicate, or ".*") is a garbage\.$/.exec(message);
  if (garbage !== null) return `${garbage[1] ?? ""} is garbage`;
  if (message.startsWith("Command line is not complete")) return 'command line is not complete, try "help"';
  if (message.startsWith('Not enough information: "dev"')) return 'need "dev IFACE"';
  return message;
}

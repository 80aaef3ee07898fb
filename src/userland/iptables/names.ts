/** Names and numbers that rules are written with: protocols, services, types of ICMP. Linux libxtables, `extensions/libxt_icmp.h`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { getServices, type Service } from "../libc/netdb.ts";

/** A mistake on the command line: status 2, with the hint at the help. */
export class ParameterProblem {
  constructor(readonly message: string) {}
}

export const PROTOCOLS: Readonly<Record<string, number>> = {
  all: 0,
  tcp: 6,
  udp: 17,
  udplite: 136,
  icmp: 1,
  esp: 50,
  ah: 51,
  sctp: 132,
  gre: 47,
  igmp: 2,
  ipip: 4,
  dccp: 33,
};

export function protocolName(number: number): string | undefined {
  return Object.keys(PROTOCOLS).find((name) => PROTOCOLS[name] === number);
}

export function parseProtocol(text: string): number {
  const known = PROTOCOLS[text.toLowerCase()];
  if (known !== undefined) return known;
  if (/^\d+$/.test(text) && Number(text) <= 255) return Number(text);
  throw new ParameterProblem(`unknown protocol "${text}" specified`);
}

/** /etc/services as it was at the start. */
export class Names {
  private constructor(private readonly services: readonly Service[]) {}

  static *load(sys: Sys): Proc<Names> {
    return new Names(yield* getServices(sys));
  }

  port(text: string): number {
    if (/^(0x[0-9a-f]+|\d+)$/i.test(text) && Number(text) <= 65_535) return Number(text);
    const found = this.services.find((s) => s.name === text || s.aliases.includes(text));
    if (found === undefined) throw new ParameterProblem(`invalid port/service \`${text}' specified`);
    return found.port;
  }

  /** `80`, `80:90`, `:90`, `80:` with numbers for names. */
  portRange(text: string): string {
    const colon = text.indexOf(":");
    if (colon < 0) return String(this.port(text));
    const low = colon === 0 ? 0 : this.port(text.slice(0, colon));
    const high = colon === text.length - 1 ? 65_535 : this.port(text.slice(colon + 1));
    if (low > high) throw new ParameterProblem("invalid portrange (min > max)");
    return low === high ? String(low) : `${low}:${high}`;
  }

  showPort(port: string, protocol: string): string {
    return this.services.find((s) => s.port === Number(port) && s.protocol === protocol)?.name ?? port;
  }

  showRange(range: string, protocol: string, numeric: boolean): string {
    if (numeric) return range;
    return range
      .split(":")
      .map((port) => this.showPort(port, protocol))
      .join(":");
  }
}

/** Names of ICMP types as `--icmp-type` knows them: type, and code or all of them. */
export const ICMP_TYPES: readonly (readonly [name: string, type: number, code: number | undefined])[] = [
  ["any", 255, undefined],
  ["echo-reply", 0, undefined],
  ["pong", 0, undefined],
  ["destination-unreachable", 3, undefined],
  ["network-unreachable", 3, 0],
  ["host-unreachable", 3, 1],
  ["protocol-unreachable", 3, 2],
  ["port-unreachable", 3, 3],
  ["fragmentation-needed", 3, 4],
  ["source-route-failed", 3, 5],
  ["network-unknown", 3, 6],
  ["host-unknown", 3, 7],
  ["network-prohibited", 3, 9],
  ["host-prohibited", 3, 10],
  ["TOS-network-unreachable", 3, 11],
  ["TOS-host-unreachable", 3, 12],
  ["communication-prohibited", 3, 13],
  ["host-precedence-violation", 3, 14],
  ["precedence-cutoff", 3, 15],
  ["source-quench", 4, undefined],
  ["redirect", 5, undefined],
  ["network-redirect", 5, 0],
  ["host-redirect", 5, 1],
  ["TOS-network-redirect", 5, 2],
  ["TOS-host-redirect", 5, 3],
  ["echo-request", 8, undefined],
  ["ping", 8, undefined],
  ["router-advertisement", 9, undefined],
  ["router-solicitation", 10, undefined],
  ["time-exceeded", 11, undefined],
  ["ttl-exceeded", 11, undefined],
  ["ttl-zero-during-transit", 11, 0],
  ["ttl-zero-during-reassembly", 11, 1],
  ["parameter-problem", 12, undefined],
  ["ip-header-bad", 12, 0],
  ["required-option-missing", 12, 1],
  ["timestamp-request", 13, undefined],
  ["timestamp-reply", 14, undefined],
  ["address-mask-request", 17, undefined],
  ["address-mask-reply", 18, undefined],
];

export function parseIcmpType(text: string): string {
  const named = ICMP_TYPES.filter(([name]) => name.toLowerCase().startsWith(text.toLowerCase()));
  const exact = named.find(([name]) => name.toLowerCase() === text.toLowerCase());
  const found = exact ?? (named.length === 1 ? named[0] : undefined);
  if (found !== undefined) return found[2] === undefined ? String(found[1]) : `${found[1]}/${found[2]}`;
  if (named.length > 1) throw new ParameterProblem(`Ambiguous ICMP type \`${text}': \`${named[0]?.[0]}' or \`${named[1]?.[0]}'?`);
  const match = /^(\d+)(?:\/(\d+))?$/.exec(text);
  if (match === null) throw new ParameterProblem(`Unknown ICMP type \`${text}'`);
  if (Number(match[1]) > 255) throw new ParameterProblem(`Invalid ICMP type \`${match[1]}'`);
  if (Number(match[2] ?? 0) > 255) throw new ParameterProblem(`Invalid ICMP code \`${match[2]}'`);
  return text;
}

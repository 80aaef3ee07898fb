/** `docker network create`. Real counterpart: docker/cli `cli/command/network/create.go`. */

import type { IpamConfig, NetworkCreated } from "../../engine/api/network.ts";
import { parseIpv4, parseIpv6 } from "../../abi/inet.ts";
import { defineCommand, exactly } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, list, map, nullable, string, strings } from "../flags.ts";
import { toRecord } from "../opts/keyvalue.ts";
import { checkLabel } from "../opts/validate.ts";

/** An address as bits. */
function bitsOf(text: string): string | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return v4.toString(2).padStart(32, "0");
  return parseIpv6(text)
    ?.map((group) => group.toString(2).padStart(16, "0"))
    .join("");
}

function parseCidr(text: string): { bits: string; length: number } {
  const [address = "", prefix = ""] = text.split("/");
  const bits = bitsOf(address);
  if (bits === undefined || !/^\d+$/.test(prefix) || Number(prefix) > bits.length) throw new CliError(`invalid CIDR address: ${text}`);
  return { bits, length: Number(prefix) };
}

/** Whether a subnet holds an address, or where a range begins. */
function holds(subnet: string, other: string): boolean {
  let network: ReturnType<typeof parseCidr>;
  try {
    network = parseCidr(subnet);
  } catch (e) {
    throw new CliError(`invalid subnet: ${(e as Error).message}`);
  }
  const bits = other.includes("/") ? parseCidr(other).bits : bitsOf(other);
  return bits?.length === network.bits.length && bits.slice(0, network.length) === network.bits.slice(0, network.length);
}

interface Addresses {
  readonly subnets: readonly string[];
  readonly ranges: readonly string[];
  readonly gateways: readonly string[];
  readonly aux: ReadonlyMap<string, string>;
}

/** Each range, gateway and reserved address goes to the subnet that holds it. Errors: CliError. */
function ipamConfigs({ subnets, ranges, gateways, aux }: Addresses): IpamConfig[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length)
    throw new CliError("every ip-range or gateway must have a corresponding subnet");
  const configs = new Map<string, IpamConfig>();
  for (const subnet of subnets) {
    for (const other of configs.keys())
      if (holds(subnet, other) || holds(other, subnet)) throw new CliError("multiple overlapping subnet configuration is not supported");
    configs.set(subnet, { Subnet: subnet, AuxiliaryAddresses: {} });
  }
  const place = (text: string, what: string, put: (config: IpamConfig, subnet: string) => void): void => {
    const matching = [...configs].filter(([subnet]) => holds(subnet, text));
    if (matching.length === 0) throw new CliError(`no matching subnet for ${what} ${text}`);
    for (const [subnet, config] of matching) put(config, subnet);
  };
  for (const range of ranges) {
    parseCidr(range);
    place(range, "range", (config, subnet) => {
      if (config.IPRange !== undefined)
        throw new CliError(`cannot configure multiple ranges (${range}, ${config.IPRange}) on the same subnet (${subnet})`);
      config.IPRange = range;
    });
  }
  for (const gateway of gateways)
    place(gateway, "gateway", (config, subnet) => {
      if (config.Gateway !== undefined)
        throw new CliError(`cannot configure multiple gateways (${gateway}, ${config.Gateway}) for the same subnet (${subnet})`);
      config.Gateway = gateway;
    });
  for (const [key, address] of aux)
    place(address, "aux-address", (config) => {
      config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [key]: address };
    });
  return [...configs.values()];
}

export const create = defineCommand({
  use: "create [OPTIONS] NETWORK",
  short: "Create a network",
  args: exactly(1),
  flags: {
    attachable: bool("Containers can be attached by hand"),
    "aux-address": map("Addresses that the driver uses itself"),
    "config-from": string("The network to take the configuration from"),
    "config-only": bool("Create only a configuration"),
    driver: string("Driver of the network", { short: "d", default: "bridge" }),
    gateway: strings("Gateway of the main subnet"),
    ingress: bool("Create the routing mesh of a swarm"),
    internal: bool("Without a way to the outside"),
    "ip-range": strings("Give out addresses of this part of the subnet"),
    "ipam-driver": string("Driver of the address management", { default: "default" }),
    "ipam-opt": map("Options of the driver of the address management"),
    ipv4: nullable(bool("Use IPv4", { shown: "" })),
    ipv6: nullable(bool("Use IPv6", { shown: "" })),
    label: list("Set metadata", { check: checkLabel }),
    opt: map("Options of the driver", { short: "o" }),
    scope: string("How far the network reaches"),
    subnet: strings("Subnet as an address and a prefix length"),
  },
  *run({ cli, o, args }) {
    const configs = ipamConfigs({ subnets: o.subnet, ranges: o["ip-range"], gateways: o.gateway, aux: o["aux-address"] });
    const body = {
      Name: args[0],
      CheckDuplicate: true,
      Driver: o.driver,
      Scope: o.scope,
      ...(o.ipv4 === undefined ? {} : { EnableIPv4: o.ipv4 }),
      ...(o.ipv6 === undefined ? {} : { EnableIPv6: o.ipv6 }),
      IPAM: { Driver: o["ipam-driver"], Options: Object.fromEntries(o["ipam-opt"]), Config: configs },
      Internal: o.internal,
      Attachable: o.attachable,
      Ingress: o.ingress,
      ConfigOnly: o["config-only"],
      ConfigFrom: o["config-from"] === "" ? null : { Network: o["config-from"] },
      Options: Object.fromEntries(o.opt),
      Labels: toRecord(o.label),
    };
    const client = yield* cli.client();
    const { Id } = yield* client.json<NetworkCreated>("POST", "/networks/create", { body });
    yield* cli.print(`${Id}\n`);
  },
});

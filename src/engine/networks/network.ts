/** A network, the endpoints in it, and the names by which they are found. libnetwork `network.go`, `endpoint.go`. */

import { formatIpv4, formatMac } from "../../abi/inet.ts";
import type { IpamConfig, NetworkResource } from "../api/network.ts";
import { type AddressPool, formatCidr } from "./address-pool.ts";
import type { PublishedPort } from "./port-mapper.ts";

export type NetworkDriver = "bridge" | "host" | "null";

/** Options of the bridge driver. */
export const BRIDGE_NAME = "com.docker.network.bridge.name";
export const ENABLE_ICC = "com.docker.network.bridge.enable_icc";
export const ENABLE_IP_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade";
export const HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4";
export const DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge";
export const DRIVER_MTU = "com.docker.network.driver.mtu";
export const CONTAINER_PREFIX = "com.docker.network.container_iface_prefix";

/** What a network was asked to be. Immutable; kept in network/files/local-kv.db. */
export interface NetworkConfig {
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkDriver;
  /** RFC 3339. */
  readonly created: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly configOnly: boolean;
  readonly labels: Record<string, string> | null;
  readonly options: Record<string, string>;
  readonly ipamOptions: Record<string, string> | null;
  /** As asked for; empty for the defaults. */
  readonly ipam: readonly IpamConfig[];
}

/** What the bridge driver makes of the options. */
export interface BridgeConfig {
  readonly name: string;
  /** Whether the device is ours to remove; not that which somebody else had made. */
  readonly own: boolean;
  readonly isDefault: boolean;
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Where ports are published that name no address. */
  readonly hostBinding: string;
  /** 0: as it comes. */
  readonly mtu: number;
  /** `eth`. */
  readonly prefix: string;
}

/** A sandbox's place in a network. */
export interface Endpoint {
  readonly id: string;
  /** The container's name. */
  readonly name: string;
  readonly network: Network;
  /** Host order; undefined in networks without addresses. */
  readonly addr: number | undefined;
  readonly mac: number | undefined;
  /** The device on the host, and in the container where it has joined. */
  readonly hostDevice: string;
  device: string;
  /** Under which the network's containers find it; the first one is told for its address. */
  readonly names: readonly string[];
  /** `--link other:alias` in user-defined networks: alias → name. */
  readonly links: ReadonlyMap<string, string>;
  /** The container's id; empty until it has joined. */
  containerId: string;
  /** Ports published by this endpoint, which is the one of the default route. */
  published: PublishedPort[];
  /** Whether it is the one. */
  external: boolean;
}

export class Network {
  /** By id. */
  readonly endpoints = new Map<string, Endpoint>();
  /** Of bridges. Written by the creation. */
  pool: AddressPool | undefined;
  gateway: number | undefined;
  bridge: BridgeConfig | undefined;

  constructor(readonly config: NetworkConfig) {}

  get id(): string {
    return this.config.id;
  }

  get name(): string {
    return this.config.name;
  }

  get subnet(): string | undefined {
    return this.pool === undefined ? undefined : formatCidr(this.pool.subnet);
  }

  /** Addresses of a service name in lower case; undefined if there is none of it. */
  lookup(name: string): number[] | undefined {
    const found = new Set<number>();
    for (const { addr, names, containerId } of this.endpoints.values())
      if (addr !== undefined && containerId !== "" && names.some((one) => one.toLowerCase() === name)) found.add(addr);
    return found.size === 0 ? undefined : [...found];
  }

  /** `name.network` of an address. */
  reverse(addr: number): string | undefined {
    for (const endpoint of this.endpoints.values())
      if (endpoint.addr === addr && endpoint.containerId !== "" && endpoint.names.length > 0) return `${endpoint.names[0]}.${this.name}`;
    return undefined;
  }

  /** As the API tells it; containers only in detail. */
  resource(detailed: boolean): NetworkResource {
    const { config } = this;
    const Containers: NetworkResource["Containers"] = {};
    if (detailed)
      for (const endpoint of this.endpoints.values()) {
        Containers[endpoint.containerId === "" ? `ep-${endpoint.id}` : endpoint.containerId] = {
          Name: endpoint.name,
          EndpointID: endpoint.id,
          MacAddress: endpoint.mac === undefined ? "" : formatMac(endpoint.mac),
          IPv4Address: endpoint.addr === undefined ? "" : `${formatIpv4(endpoint.addr)}/${this.pool?.subnet.length}`,
          IPv6Address: "",
        };
      }
    return {
      Name: config.name,
      Id: config.id,
      Created: config.created,
      Scope: "local",
      Driver: config.driver,
      EnableIPv6: false,
      IPAM: { Driver: "default", Options: config.ipamOptions, Config: this.ipamConfig() },
      Internal: config.internal,
      Attachable: config.attachable,
      Ingress: false,
      ConfigFrom: { Network: "" },
      ConfigOnly: config.configOnly,
      Containers,
      Options: config.options,
      Labels: config.labels ?? {},
    };
  }

  /** What was asked for; where that was nothing, what it got. */
  private ipamConfig(): IpamConfig[] {
    const asked = this.config.ipam.filter(({ Subnet }) => Subnet !== undefined && Subnet !== "");
    if (asked.length > 0)
      return asked.map(({ Subnet, IPRange, Gateway, AuxiliaryAddresses }) => ({
        ...(Subnet ? { Subnet } : {}),
        ...(IPRange ? { IPRange } : {}),
        ...(Gateway ? { Gateway } : {}),
        ...(AuxiliaryAddresses !== undefined && Object.keys(AuxiliaryAddresses).length > 0 ? { AuxiliaryAddresses } : {}),
      }));
    const { subnet, gateway } = this;
    return subnet === undefined ? [] : [{ Subnet: subnet, ...(gateway === undefined ? {} : { Gateway: formatIpv4(gateway) }) }];
  }
}

/** Which of a sandbox's endpoints comes first, for the default route and for names: those that lead outside, then by the network's name. */
export function byPriority(a: Endpoint, b: Endpoint): number {
  const internal = Number(a.network.config.internal) - Number(b.network.config.internal);
  if (internal !== 0) return internal;
  const gateway = Number(b.network.gateway !== undefined) - Number(a.network.gateway !== undefined);
  if (gateway !== 0) return gateway;
  return a.network.name < b.network.name ? -1 : 1;
}

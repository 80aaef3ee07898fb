/**
 * Networks as they are kept in /var/lib/docker/network/files/local-kv.db: libnetwork's own keys and JSON values, behind an index of eight bytes (libkv).
 * Differs from Docker: endpoints and sandboxes are not kept; those of containers that run on are found again by the containers' own settings.
 */

import { formatIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import type { IpamConfig } from "../api/network.ts";
import { readBolt, writeBolt } from "../bolt.ts";
import type { Daemon } from "../daemon.ts";
import { makeDirs } from "../files.ts";
import { formatCidr } from "./address-pool.ts";
import { HOST_BINDING, type Network, type NetworkConfig, type NetworkDriver } from "./network.ts";

const BUCKET = "libnetwork";
const PREFIX = "docker/network/v1.0";
const GENERIC = "com.docker.network.generic";
const NIL = "<nil>";
const CREATED_BY_US = 1;
const CREATED_BY_USER = 2;

interface NetworkJson {
  readonly id: string;
  readonly name: string;
  readonly networkType: NetworkDriver;
  readonly created: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly configOnly: boolean;
  readonly labels: Record<string, string> | null;
  readonly generic: { readonly [GENERIC]?: Record<string, string> };
  readonly ipamOptions: Record<string, string> | null;
  /** JSON in JSON. */
  readonly ipamV4Config?: string;
  readonly ipamV4Info?: string;
}

interface IpamConfigJson {
  readonly PreferredPool: string;
  readonly SubPool: string;
  readonly Gateway: string;
  readonly AuxAddresses: Record<string, string> | null;
}

/** A network as it was kept, with the subnet and the gateway that it had. */
export interface KeptNetwork {
  readonly config: NetworkConfig;
  /** `172.18.0.0/16`, `172.18.0.1`; undefined for those without addresses. */
  readonly subnet: string | undefined;
  readonly gateway: string | undefined;
  readonly ownsBridge: boolean;
}

const directory = (daemon: Daemon): string => `${daemon.config.root}/network/files`;

function ipamConfigJson(ipam: readonly IpamConfig[]): string {
  const all = ipam.length === 0 ? [{} as IpamConfig] : ipam;
  return JSON.stringify(
    all.map(
      ({ Subnet, IPRange, Gateway, AuxiliaryAddresses }): IpamConfigJson => ({
        PreferredPool: Subnet ?? "",
        SubPool: IPRange ?? "",
        Gateway: Gateway ?? "",
        AuxAddresses: AuxiliaryAddresses ?? null,
      }),
    ),
  );
}

function ipamInfoJson({ pool, gateway, config }: Network): string {
  const subnet = pool === undefined ? "" : formatCidr(pool.subnet);
  const length = pool?.subnet.length ?? 0;
  const aux = Object.fromEntries(Object.entries(config.ipam[0]?.AuxiliaryAddresses ?? {}).map(([name, ip]) => [name, `${ip}/${length}`]));
  const data = { AddressSpace: "LocalDefault", AuxAddresses: aux, Gateway: `${formatIpv4(gateway ?? 0)}/${length}`, Pool: subnet };
  const range = config.ipam[0]?.IPRange;
  return JSON.stringify([{ IPAMData: JSON.stringify(data), PoolID: `LocalDefault/${subnet}${range ? `/${range}` : ""}` }]);
}

function networkJson(network: Network): object {
  const { config, pool } = network;
  return {
    addrSpace: pool === undefined ? "" : "LocalDefault",
    attachable: config.attachable,
    configFrom: "",
    configOnly: config.configOnly,
    created: config.created,
    enableIPv6: false,
    generic: { ...(pool === undefined ? {} : { "com.docker.network.enable_ipv6": false }), [GENERIC]: config.options },
    id: config.id,
    inDelete: false,
    ingress: false,
    internal: config.internal,
    ipamOptions: config.ipamOptions,
    ipamType: "default",
    ...(pool === undefined ? {} : { ipamV4Config: ipamConfigJson(config.ipam), ipamV4Info: ipamInfoJson(network) }),
    labels: config.labels,
    loadBalancerIP: "",
    loadBalancerMode: "NAT",
    name: config.name,
    networkType: config.driver,
    persist: true,
    postIPv6: false,
    scope: "local",
  };
}

function bridgeJson({ id, config, bridge, gateway, pool }: Network): object | undefined {
  if (bridge === undefined) return undefined;
  return {
    AddressIPv4: `${formatIpv4(gateway ?? 0)}/${pool?.subnet.length ?? 0}`,
    BridgeIfaceCreator: bridge.own ? CREATED_BY_US : CREATED_BY_USER,
    BridgeName: bridge.name,
    ContainerIfacePrefix: bridge.prefix === "eth" ? "" : bridge.prefix,
    DefaultBindingIP: config.options[HOST_BINDING] ?? NIL,
    DefaultBridge: bridge.isDefault,
    DefaultGatewayIPv4: NIL,
    DefaultGatewayIPv6: NIL,
    EnableICC: bridge.icc,
    EnableIPMasquerade: bridge.masquerade,
    EnableIPv6: false,
    HostIP: NIL,
    ID: id,
    InhibitIPv4: false,
    Internal: config.internal,
    Mtu: bridge.mtu,
  };
}

/** The value, as Go's encoder writes it, behind its index. */
function encodeValue(value: object, index: number): Uint8Array {
  const text = JSON.stringify(value).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  const json = encodeUtf8(text);
  const bytes = new Uint8Array(8 + json.length);
  new DataView(bytes.buffer).setUint32(0, index, true);
  bytes.set(json, 8);
  return bytes;
}

export function* saveNetworks(daemon: Daemon, networks: readonly Network[]): Proc<void> {
  const entries: [string, Uint8Array][] = [];
  for (const network of networks) {
    const add = (kind: string, value: object): void => {
      entries.push([`${PREFIX}/${kind}/${network.id}/`, encodeValue(value, entries.length + 1)]);
    };
    const bridge = bridgeJson(network);
    if (bridge !== undefined) add("bridge", bridge);
    add("endpoint_count", { Count: network.endpoints.size });
    add("network", networkJson(network));
  }
  yield* makeDirs(daemon.sys, directory(daemon), 0o750);
  yield* writeBolt(daemon.sys, `${directory(daemon)}/local-kv.db`, BUCKET, entries, 0o644);
}

export function* loadNetworks(daemon: Daemon): Proc<KeptNetwork[]> {
  const entries = yield* readBolt(daemon.sys, `${directory(daemon)}/local-kv.db`, BUCKET);
  const json = <T>(value: Uint8Array): T => JSON.parse(decodeUtf8(value.subarray(8))) as T;
  const kept: KeptNetwork[] = [];
  for (const [key, value] of entries) {
    if (!key.startsWith(`${PREFIX}/network/`)) continue;
    const network = json<NetworkJson>(value);
    const bridge = entries.get(`${PREFIX}/bridge/${network.id}/`);
    kept.push({
      ...fromJson(network),
      ownsBridge: bridge !== undefined && json<{ BridgeIfaceCreator: number }>(bridge).BridgeIfaceCreator !== CREATED_BY_USER,
    });
  }
  return kept;
}

function fromJson(network: NetworkJson): Omit<KeptNetwork, "ownsBridge"> {
  const asked = JSON.parse(network.ipamV4Config ?? "[]") as IpamConfigJson[];
  const [info] = JSON.parse(network.ipamV4Info ?? "[]") as { readonly IPAMData: string }[];
  const data = info === undefined ? undefined : (JSON.parse(info.IPAMData) as { readonly Gateway: string; readonly Pool: string });
  return {
    config: {
      id: network.id,
      name: network.name,
      driver: network.networkType,
      created: network.created,
      internal: network.internal,
      attachable: network.attachable,
      configOnly: network.configOnly,
      labels: network.labels,
      options: network.generic[GENERIC] ?? {},
      ipamOptions: network.ipamOptions,
      ipam: asked
        .filter(({ PreferredPool }) => PreferredPool !== "")
        .map(({ PreferredPool, SubPool, Gateway, AuxAddresses }) => ({
          Subnet: PreferredPool,
          ...(SubPool === "" ? {} : { IPRange: SubPool }),
          ...(Gateway === "" ? {} : { Gateway }),
          ...(AuxAddresses === null ? {} : { AuxiliaryAddresses: AuxAddresses }),
        })),
    },
    subnet: data?.Pool,
    gateway: data?.Gateway.split("/")[0],
  };
}

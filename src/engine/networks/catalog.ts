/** The networks of the daemon: made, found, removed, kept. moby `daemon/network.go`, libnetwork `controller.go`, `network.go`. */

import { formatIpv4, parseIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import { optional, readText } from "../../userland/libc/unistd.ts";
import type { IpamConfig, NetworkCreateBody } from "../api/network.ts";
import type { Daemon } from "../daemon.ts";
import { conflict, type EngineError, forbidden, invalidParameter, isFailure, notFound, systemError } from "../errors.ts";
import { AddressPool, DEFAULT_POOLS, formatCidr, parseCidr, Subnets, takeNamed } from "./address-pool.ts";
import { type BridgeDriver, bridgeConfig } from "./bridge.ts";
import { contains, type Link, Links, overlaps, type Prefix, subnetOf } from "./links.ts";
import { readDns } from "./name-files.ts";
import {
  BRIDGE_NAME,
  DEFAULT_BRIDGE,
  DRIVER_MTU,
  ENABLE_ICC,
  ENABLE_IP_MASQUERADE,
  HOST_BINDING,
  Network,
  type NetworkConfig,
  type NetworkDriver,
} from "./network.ts";
import { type KeptNetwork, loadNetworks, saveNetworks } from "./store.ts";

/** Names that a client cannot make or remove. */
export const isPredefined = (name: string): boolean => ["bridge", "host", "none", "default"].includes(name);
/** Networks with names and addresses of one's own choice. */
export const isUserDefined = (name: string): boolean => !isPredefined(name) && !name.startsWith("container:");

const NO_SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

export class Catalog {
  private readonly networks = new Map<string, Network>();
  private readonly subnets: Subnets;

  constructor(
    private readonly daemon: Daemon,
    private readonly bridges: BridgeDriver,
  ) {
    const { defaultAddressPools } = daemon.config;
    this.subnets = new Subnets(defaultAddressPools.length > 0 ? defaultAddressPools : DEFAULT_POOLS);
  }

  /** In the order of their ids, as the store has them. */
  list(): Network[] {
    return [...this.networks.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  byName(name: string): Network | undefined {
    return this.list().find((network) => network.name === name);
  }

  /** By id, name or a prefix of the id: FindNetwork(). Errors: notFound; invalidParameter where several begin so. */
  require(term: string): Network {
    const whole = this.networks.get(term);
    if (whole !== undefined) return whole;
    const ambiguous = (count: number, what: string): EngineError =>
      invalidParameter(`network ${term} is ambiguous (${count} matches found ${what})`);
    const named = this.list().filter(({ name }) => name === term);
    if (named.length > 1) throw ambiguous(named.length, "based on name");
    const found = named.length > 0 || term === "" ? named : this.list().filter(({ id }) => id.startsWith(term));
    if (found.length > 1) throw ambiguous(found.length, "based on ID prefix");
    const [network] = found;
    if (network === undefined) throw notFound(`network ${term} not found`);
    return network;
  }

  find(term: string): Network | undefined {
    try {
      return this.require(term);
    } catch (e) {
      if (isFailure(e)) return undefined;
      throw e;
    }
  }

  // ── The daemon's start ───────────────────────────────────────────────────────────────────────────────────────────

  /** Networks that were kept, then those that are always there. `running`: the default bridge is in use and stays what it is. */
  *restore(running: boolean): Proc<void> {
    yield* this.bridges.configure();
    for (const kept of yield* loadNetworks(this.daemon)) {
      // The default one is made anew, as its options may be others now.
      if (kept.config.name === "bridge" && !running) continue;
      try {
        yield* this.revive(kept);
      } catch (e) {
        if (!isFailure(e)) throw e;
        yield* this.daemon.log("error", `could not restore network ${kept.config.name}: ${e.message}`);
      }
    }
    yield* this.bridges.arrangeUserChain();
    for (const [name, driver] of [
      ["none", "null"],
      ["host", "host"],
    ] as const)
      if (this.byName(name) === undefined) yield* this.make(yield* this.config({ Name: name, Options: {} }, driver, null));
    if (this.daemon.config.bridge !== "none" && this.byName("bridge") === undefined) yield* this.makeDefaultBridge();
    yield* this.save();
  }

  private *revive({ config, subnet, gateway, ownsBridge }: KeptNetwork): Proc<void> {
    const network = new Network(config);
    if (config.driver === "bridge") {
      const prefix = subnetOf(parseCidr(subnet ?? "") ?? { addr: 0, length: 32 });
      this.subnets.take(prefix);
      const range = parseCidr(config.ipam[0]?.IPRange ?? "");
      network.pool = range === undefined ? new AddressPool(prefix) : new AddressPool(prefix, subnetOf(range));
      network.gateway = parseIpv4(gateway ?? "") ?? prefix.addr + 1;
      network.pool.reserve(network.gateway);
      for (const ip of Object.values(config.ipam[0]?.AuxiliaryAddresses ?? {})) network.pool.reserve(parseIpv4(ip) ?? 0);
      network.bridge = { ...bridgeConfig(config, 0, () => false), own: ownsBridge };
      yield* this.bridges.create(network);
    }
    this.networks.set(config.id, network);
  }

  /** docker0: its address is that which it has, or that of --bip, or the first default subnet. */
  private *makeDefaultBridge(): Proc<void> {
    const { config, sys } = this.daemon;
    const name = config.bridge === "" ? "docker0" : config.bridge;
    const present = yield* Links.use(sys, function* (links) {
      const link = yield* links.find(name);
      if (link === undefined && name !== "docker0")
        throw systemError(`bridge device with non default name ${name} must be created manually`);
      return link === undefined ? undefined : (yield* links.addresses(link.index))[0];
    });
    const asked = parseCidr(config.bip) ?? present;
    const subnet = asked === undefined ? yield* this.freeSubnet() : subnetOf(asked);
    const ipam: IpamConfig = { Subnet: formatCidr(subnet), ...(asked === undefined ? {} : { Gateway: formatIpv4(asked.addr) }) };
    const options = {
      [DEFAULT_BRIDGE]: "true",
      [ENABLE_ICC]: String(config.icc),
      [ENABLE_IP_MASQUERADE]: String(config.ipMasq),
      [HOST_BINDING]: "0.0.0.0",
      [BRIDGE_NAME]: name,
      [DRIVER_MTU]: String(config.mtu || 1500),
    };
    yield* this.make(yield* this.config({ Name: "bridge", Options: options, IPAM: { Config: [ipam] } }, "bridge", null));
  }

  /** The first default subnet, given back at once: the creation takes it by name. */
  private *freeSubnet(): Proc<Prefix> {
    const busy = yield* this.busySubnets();
    const subnet = this.subnets.takeDefault((candidate) => busy.some((other) => overlaps(candidate, other)));
    this.subnets.free(subnet);
    return subnet;
  }

  /** What the host reaches already, and its name servers. */
  private *busySubnets(): Proc<Prefix[]> {
    const { sys } = this.daemon;
    const routes = yield* Links.use(sys, (links) => links.linkRoutes());
    const { servers } = readDns((yield* optional(readText(sys, "/etc/resolv.conf"))) ?? "");
    return [...routes, ...servers.flatMap((server) => ((addr) => (addr === undefined ? [] : [{ addr, length: 32 }]))(parseIpv4(server)))];
  }

  // ── Creation ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private *config(body: NetworkCreateBody, driver: NetworkDriver, ipamOptions: Record<string, string> | null): Proc<NetworkConfig> {
    return {
      id: yield* this.daemon.randomHex(),
      name: body.Name ?? "",
      driver,
      created: yield* this.daemon.timestamp(),
      internal: body.Internal ?? false,
      attachable: body.Attachable ?? false,
      configOnly: body.ConfigOnly ?? false,
      labels: body.Labels ?? {},
      options: body.Options ?? {},
      ipamOptions,
      ipam: body.IPAM?.Config ?? [],
    };
  }

  /** POST /networks/create. Returns it, and a warning. Errors: of names, drivers, subnets, in moby's words. */
  *create(body: NetworkCreateBody): Proc<{ network: Network; warning: string }> {
    const name = body.Name ?? "";
    if (isPredefined(name)) throw forbidden(`operation is not permitted on predefined ${name} network`);
    let warning = "";
    const same = this.byName(name === "" ? "bridge" : name);
    if (same !== undefined) {
      if (body.CheckDuplicate === true) throw conflict(`network with name ${name} already exists`);
      warning = `Network with name ${same.name} (id : ${same.id}) already exists`;
    }
    if (name.trim() === "") throw systemError(`invalid name: ${name}`);
    const driver = this.checkDriver(body);
    if (body.EnableIPv6 === true)
      throw systemError("could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the network");
    const network = yield* this.make(
      yield* this.config(body, driver, body.IPAM === undefined || body.IPAM === null ? null : (body.IPAM.Options ?? {})),
    );
    yield* this.save();
    return { network, warning };
  }

  private checkDriver(body: NetworkCreateBody): NetworkDriver {
    const driver = body.Driver || "bridge";
    if (body.Ingress === true) throw forbidden("Ingress network can only be global scope network");
    if (driver === "overlay" || (body.Scope !== undefined && body.Scope !== "" && body.Scope !== "local")) throw systemError(NO_SWARM);
    if (driver === "host" || driver === "null") throw forbidden(`only one instance of "${driver}" network is allowed`);
    if (driver === "macvlan" || driver === "ipvlan") throw systemError("operation not supported");
    if (driver !== "bridge") throw notFound(`plugin "${driver}" not found`);
    const ipamDriver = body.IPAM?.Driver;
    if (ipamDriver !== undefined && ipamDriver !== "" && ipamDriver !== "default") throw notFound(`plugin "${ipamDriver}" not found`);
    if (body.ConfigFrom?.Network) throw notFound(`network ${body.ConfigFrom.Network} not found`);
    return driver;
  }

  /** Allocates addresses, sets the bridge up, enters it. Everything is undone where that fails. */
  private *make(config: NetworkConfig): Proc<Network> {
    const network = new Network(config);
    if (config.driver === "bridge" && !config.configOnly) {
      yield* this.allocate(network);
      try {
        const links: readonly Link[] = yield* Links.use(this.daemon.sys, (all) => all.list());
        const bridge = bridgeConfig(config, 0, (name) => links.some((link) => link.name === name));
        const device = links.find(({ name }) => name === bridge.name);
        if (device !== undefined && device.kind !== "bridge") throw systemError(`existing interface ${bridge.name} is not a bridge`);
        this.refuseSharedBridge(network, bridge.name);
        network.bridge = bridge;
        yield* this.bridges.create(network);
      } catch (e) {
        if (isFailure(e)) this.subnets.free((network.pool as AddressPool).subnet);
        throw e;
      }
    }
    this.networks.set(config.id, network);
    if (config.driver === "bridge") yield* this.bridges.arrangeUserChain();
    return network;
  }

  // Differs from Docker: a second network on docker0 takes that away from the default network there, which is useless afterwards until the daemon is restarted.
  private refuseSharedBridge({ id }: Network, name: string): void {
    const other = this.list().find(({ bridge }) => bridge?.name === name);
    if (other === undefined) return;
    throw forbidden(`cannot create network ${id} (${name}): conflicts with network ${other.id} (${name}): networks have same bridge name`);
  }

  /** Pool, gateway and auxiliary addresses: ipamAllocateVersion(). */
  private *allocate(network: Network): Proc<void> {
    const { ipam, name } = network.config;
    const [first] = ipam;
    for (const { Subnet, IPRange } of ipam)
      for (const text of [Subnet ?? "", ...(IPRange === undefined || IPRange === "" ? [] : [IPRange])])
        if (parseCidr(text) === undefined) throw systemError(`Invalid subnet ${text} : invalid CIDR address: ${text}`);
    const asked = first === undefined ? undefined : parseCidr(first.Subnet ?? "");
    const subnet = asked === undefined ? yield* this.freeSubnet() : subnetOf(asked);
    this.subnets.take(subnet);
    try {
      if (ipam.length > 1) throw forbidden("bridge driver doesn't support multiple subnets");
      const range = parseCidr(first?.IPRange ?? "");
      const pool =
        range === undefined || !contains(subnet, range.addr) ? new AddressPool(subnet) : new AddressPool(subnet, subnetOf(range));
      const gateway = first?.Gateway ? takeNamed(pool, first.Gateway, `failed to allocate gateway (${first.Gateway})`) : pool.takeAny();
      if (gateway === undefined) throw systemError("failed to allocate gateway (): no available IPv4 addresses");
      for (const [key, ip] of Object.entries(first?.AuxiliaryAddresses ?? {})) {
        const addr = parseIpv4(ip);
        if (addr === undefined) throw systemError(`non parsable secondary ip address (${key}:${ip}) passed for network ${name}`);
        if (!contains(subnet, addr))
          throw forbidden(`auxiliary address: (${key}:${ip}) must belong to the master pool: ${formatCidr(subnet)}`);
        takeNamed(pool, ip, `failed to allocate secondary ip address (${key}:${ip})`);
      }
      network.pool = pool;
      network.gateway = gateway;
    } catch (e) {
      if (isFailure(e)) this.subnets.free(subnet);
      throw e;
    }
  }

  // ── Removal ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Errors: forbidden for predefined ones and while containers are connected. */
  *remove(network: Network): Proc<void> {
    const { name, id, config } = network;
    if (isPredefined(name)) throw forbidden(`${name} is a pre-defined network and cannot be removed`);
    if (network.endpoints.size > 0) throw forbidden(`error while removing network: network ${name} id ${id} has active endpoints`);
    this.networks.delete(id);
    if (network.pool !== undefined) this.subnets.free(network.pool.subnet);
    if (config.driver === "bridge" && network.bridge !== undefined) yield* this.bridges.remove(network);
    yield* this.save();
  }

  *save(): Proc<void> {
    yield* saveNetworks(this.daemon, this.list());
  }
}

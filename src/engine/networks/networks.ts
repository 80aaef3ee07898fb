/** Networks of containers: what is asked for, connecting, disconnecting, what is told. moby `daemon/container_operations.go`, `daemon/network.go`. */

import { formatIpv4, parseIpv4, parseMac } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import type { ContainerCreateBody, EndpointSettings, PortSummary } from "../api/container.ts";
import type { NetworkCreateBody } from "../api/network.ts";
import type { Daemon } from "../daemon.ts";
import { EngineError, forbidden, invalidParameter, systemError } from "../errors.ts";
import { makeDirs } from "../files.ts";
import type { Container, NetworkSandbox, NetworkService } from "../parts.ts";
import { Mutex } from "../sync.ts";
import { BridgeDriver, macOf } from "./bridge.ts";
import { Catalog, isUserDefined } from "./catalog.ts";
import { Iptables } from "./iptables.ts";
import { checkLinks, linkEnvironment, updateParents } from "./legacy-links.ts";
import type { Endpoint, Network } from "./network.ts";
import { PortMapper } from "./port-mapper.ts";
import { exposedPorts, parsePort, portRequests } from "./ports.ts";
import { reconnect } from "./restore.ts";
import { Sandbox } from "./sandbox.ts";
import { networkedContainer, writeNameFiles } from "./start-files.ts";
import { askedEndpoint, clearEndpoint, emptyEndpoint, fillEndpoint, updateDefaults } from "./settings.ts";

const HOST_CONFLICT = "container cannot be disconnected from host network or connected to host network";
const SHARED_CONFLICT = "container sharing network namespace with another container or host cannot be connected to any other network";
const NONE_CONFLICT = "container cannot be connected to multiple networks with one of the networks in private (none) mode";

export class Networks implements NetworkService {
  readonly iptables: Iptables;
  readonly bridges: BridgeDriver;
  readonly mapper: PortMapper;
  readonly catalog: Catalog;
  /** By the container's id. */
  readonly sandboxes = new Map<string, Sandbox>();
  /** Held while networks, endpoints or rules change. Taken after a container's. */
  private readonly lock: Mutex;

  constructor(readonly daemon: Daemon) {
    this.iptables = new Iptables(daemon);
    this.bridges = new BridgeDriver(daemon, this.iptables);
    this.mapper = new PortMapper(daemon, this.iptables);
    this.catalog = new Catalog(daemon, this.bridges);
    this.lock = new Mutex(daemon.sys);
  }

  /** /var/run/docker/netns. */
  get namespaces(): string {
    return `${this.daemon.config.execRoot}/netns`;
  }

  *restore(active: readonly Container[]): Proc<void> {
    yield* makeDirs(this.daemon.sys, this.namespaces, 0o755);
    yield* this.catalog.restore(active.length > 0);
    yield* reconnect(this, active);
  }

  /** Proxies end with the daemon; rules and devices stay, as those of the engine do. */
  *shutdown(): Proc<void> {}

  // ── A container's creation ───────────────────────────────────────────────────────────────────────────────────────

  *prepare(container: Container, networking: ContainerCreateBody["NetworkingConfig"]): Proc<void> {
    const { hostConfig, config, networkSettings } = container;
    const asked = Object.entries(networking?.EndpointsConfig ?? {});
    if (asked.length > 1)
      throw invalidParameter(`Container cannot be connected to network endpoints: ${asked.map(([name]) => name).join(", ")}`);
    for (const [name, settings] of asked) {
      if (settings === null) throw invalidParameter(`no EndpointSettings for ${name}`);
      const ip = settings.IPAMConfig?.IPv4Address;
      if (ip !== undefined && ip !== "" && parseIpv4(ip) === undefined) throw invalidParameter(`invalid IPv4 address: ${ip}`);
    }
    checkLinks(this.daemon, container);
    if (hostConfig.NetworkMode.startsWith("container:")) {
      // One that is not there is told of at the start.
      const other = this.daemon.containers.find(hostConfig.NetworkMode.slice("container:".length));
      if (other !== undefined) hostConfig.NetworkMode = `container:${other.id}`;
      return;
    }
    if (config.NetworkDisabled === true) return;
    networkSettings.Networks = {};
    for (const [name, settings] of asked) networkSettings.Networks[this.networkKey(name)] = askedEndpoint(settings);
    if (asked.length === 0) networkSettings.Networks[this.networkKey(hostConfig.NetworkMode)] = emptyEndpoint();
  }

  /** Under which name a network is kept in the settings: an id becomes the name. */
  private networkKey(mode: string): string {
    if (mode === "" || mode === "default") return "bridge";
    return isUserDefined(mode) ? (this.catalog.find(mode)?.name ?? mode) : mode;
  }

  // ── Start and end ────────────────────────────────────────────────────────────────────────────────────────────────

  *allocate(container: Container): Proc<NetworkSandbox> {
    const { NetworkMode: mode } = container.hostConfig;
    if (mode.startsWith("container:")) return yield* networkedContainer(this.daemon, container);
    container.hostsPath = `${container.root}/hosts`;
    container.resolvConfPath = `${container.root}/resolv.conf`;
    return yield* this.lock.hold(() => this.connectAll(container));
  }

  private *connectAll(container: Container): Proc<NetworkSandbox> {
    // What an end that the daemon has missed may have left.
    yield* this.releaseSandbox(container);
    const { networkSettings } = container;
    const sandbox = yield* this.newSandbox(container);
    try {
      // The default network first: legacy links are lines in the hosts file.
      const names = Object.keys(networkSettings.Networks).sort((a, b) => Number(b === "bridge") - Number(a === "bridge"));
      for (const name of names) {
        const settings = networkSettings.Networks[name] as EndpointSettings;
        clearEndpoint(settings);
        yield* this.connectSandbox(sandbox, this.catalog.require(name), settings);
      }
    } catch (e) {
      yield* this.releaseSandbox(container);
      throw e;
    }
    return sandbox.kind === "host" ? { kind: "host" } : { kind: "path", path: sandbox.key };
  }

  private *newSandbox(container: Container): Proc<Sandbox> {
    const id = yield* this.daemon.randomHex();
    const host = container.hostConfig.NetworkMode === "host";
    const key = `${this.namespaces}/${host ? "default" : id.slice(0, 12)}`;
    const sandbox = this.sandboxFor(container, id, key);
    yield* sandbox.create();
    this.sandboxes.set(container.id, sandbox);
    container.networkSettings.SandboxID = id;
    container.networkSettings.SandboxKey = key;
    sandbox.servers = yield* writeNameFiles(this.daemon, container, yield* this.hostGateway());
    return sandbox;
  }

  sandboxFor(container: Container, id: string, key: string): Sandbox {
    const { config, hostConfig } = container;
    const requests = portRequests(config, hostConfig);
    const kind = hostConfig.NetworkMode === "host" ? "host" : "own";
    const { daemon, iptables, bridges, mapper } = this;
    return new Sandbox(daemon, iptables, bridges, mapper, id, key, kind, container, requests, exposedPorts(config, hostConfig));
  }

  /** What `host-gateway` stands for: the default bridge's address. */
  private *hostGateway(): Proc<string> {
    const gateway = this.catalog.byName("bridge")?.gateway;
    return gateway === undefined ? "" : formatIpv4(gateway);
  }

  *release(container: Container): Proc<void> {
    yield* this.lock.hold(() => this.releaseSandbox(container));
  }

  private *releaseSandbox(container: Container): Proc<void> {
    const { networkSettings } = container;
    const sandbox = this.sandboxes.get(container.id);
    for (const settings of Object.values(networkSettings.Networks)) clearEndpoint(settings);
    networkSettings.Ports = {};
    updateDefaults(networkSettings);
    if (sandbox === undefined) return;
    this.sandboxes.delete(container.id);
    for (const endpoint of [...sandbox.endpoints]) {
      yield* sandbox.leave(endpoint, true);
      this.dropEndpoint(endpoint);
      yield* this.event(endpoint.network, "disconnect", { container: container.id });
    }
    yield* sandbox.destroy();
  }

  *forget(container: Container): Proc<void> {
    yield* this.release(container);
  }

  ports(container: Container): PortSummary[] {
    return Object.entries(container.networkSettings.Ports).flatMap(([text, bindings]): PortSummary[] => {
      const { port: PrivatePort, proto: Type } = parsePort(text);
      if (bindings === null || bindings.length === 0) return [{ PrivatePort, Type }];
      return bindings.map(({ HostIp, HostPort }) => ({ IP: HostIp, PrivatePort, PublicPort: Number(HostPort), Type }));
    });
  }

  /** `DB_PORT=tcp://…` of legacy links, for the process. */
  linkEnvironment(container: Container): string[] {
    return linkEnvironment(this.daemon, container);
  }

  // ── Connecting ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** POST /networks/{id}/connect. */
  *connect(container: Container, term: string, asked: Partial<EndpointSettings> | null | undefined): Proc<void> {
    yield* container.lock.hold(() =>
      this.lock.hold(
        function* (this: Networks): Proc<void> {
          const settings = askedEndpoint(asked);
          if (container.running) {
            if (container.hostConfig.NetworkMode.startsWith("container:")) throw forbidden(SHARED_CONFLICT);
            const network = this.catalog.require(term);
            this.checkSettings(container, network, settings);
            this.checkConflict(container, network);
            const sandbox = this.sandboxes.get(container.id);
            if (sandbox === undefined) throw systemError(`sandbox ${container.networkSettings.SandboxID} not found`);
            yield* this.connectSandbox(sandbox, network, settings);
          } else {
            const network = this.catalog.find(term);
            if (network !== undefined) {
              this.checkSettings(container, network, settings);
              this.checkConflict(container, network);
              settings.NetworkID = network.id;
            }
            container.networkSettings.Networks[network?.name ?? term] = settings;
          }
          yield* container.save();
        }.bind(this),
      ),
    );
  }

  /** updateNetworkConfig(): only user-defined networks have chosen addresses and aliases; there the short id is one. */
  private checkSettings({ id, config }: Container, network: Network, settings: EndpointSettings): void {
    const ip = settings.IPAMConfig?.IPv4Address ?? "";
    if (!isUserDefined(network.name)) {
      if (ip !== "") throw invalidParameter("user specified IP address is supported on user defined networks only");
      if ((settings.Aliases ?? []).length > 0)
        throw invalidParameter("network-scoped alias is supported only for containers in user defined networks");
      return;
    }
    const aliases = settings.Aliases ?? [];
    for (const alias of [id.slice(0, 12), config.Hostname]) if (alias !== "" && !aliases.includes(alias)) aliases.push(alias);
    settings.Aliases = aliases;
    if (ip !== "" && !network.config.ipam.some(({ Subnet }) => Subnet !== undefined && Subnet !== ""))
      throw invalidParameter("user specified IP address is supported only when connecting to networks with user configured subnets");
  }

  /** updateNetworkSettings(). */
  private checkConflict({ hostConfig, networkSettings }: Container, network: Network): void {
    if (hostConfig.NetworkMode !== "host" && network.config.driver === "host") throw invalidParameter(HOST_CONFLICT);
    for (const name of Object.keys(networkSettings.Networks)) {
      const other = this.catalog.find(name);
      if (other === undefined || other === network) continue;
      if (other.config.driver === "host") throw invalidParameter(SHARED_CONFLICT);
      if (other.name === "none" || network.name === "none") throw invalidParameter(NONE_CONFLICT);
    }
  }

  /** connectToNetwork(): an endpoint, which joins. Everything is undone where that fails. */
  private *connectSandbox(sandbox: Sandbox, network: Network, settings: EndpointSettings): Proc<void> {
    const { container } = sandbox;
    const { networkSettings } = container;
    this.checkSettings(container, network, settings);
    const { endpoint, pairEnd } = yield* this.newEndpoint(container, network, settings);
    networkSettings.Networks[network.name] = settings;
    if (network.name !== network.id) delete networkSettings.Networks[network.id];
    try {
      fillEndpoint(settings, endpoint);
      yield* sandbox.join(endpoint, pairEnd, isUserDefined(network.name));
      if (network.name === "bridge") yield* updateParents(this.daemon, container, settings.IPAddress);
    } catch (e) {
      yield* sandbox.leave(endpoint, false);
      this.dropEndpoint(endpoint);
      clearEndpoint(settings);
      throw e;
    }
    networkSettings.Ports = sandbox.ports();
    updateDefaults(networkSettings);
    yield* this.event(network, "connect", { container: container.id });
  }

  /** CreateEndpoint(): address, hardware address, a pair of devices. Errors: forbidden. */
  private *newEndpoint(container: Container, network: Network, settings: EndpointSettings): Proc<{ endpoint: Endpoint; pairEnd: string }> {
    const { name, config, hostConfig } = container;
    if ([...network.endpoints.values()].some((other) => other.name === name))
      throw forbidden(`endpoint with name ${name} already exists in network ${network.name}`);
    if (network.config.configOnly) throw forbidden("cannot create endpoint on configuration-only network");
    const id = yield* this.daemon.randomHex();
    const own = this.networkKey(hostConfig.NetworkMode) === network.name;
    const mac = own && config.MacAddress ? parseMac(config.MacAddress) : undefined;
    if (own && config.MacAddress && mac === undefined) throw systemError(`address ${config.MacAddress}: invalid MAC address`);
    const addr = this.takeAddress(network, settings);
    try {
      const pair = network.bridge === undefined ? { host: "", container: "" } : yield* this.bridges.addPair(network.bridge);
      const endpoint: Endpoint = {
        id,
        name,
        network,
        addr,
        mac: addr === undefined ? undefined : (mac ?? macOf(addr)),
        hostDevice: pair.host,
        device: "",
        names: isUserDefined(network.name) ? [name, ...(settings.Aliases ?? [])] : [],
        links: isUserDefined(network.name) ? this.linkNames(settings) : new Map(),
        containerId: "",
        published: [],
        external: false,
      };
      network.endpoints.set(id, endpoint);
      return { endpoint, pairEnd: pair.container };
    } catch (e) {
      if (addr !== undefined) network.pool?.free(addr);
      throw e instanceof EngineError ? systemError(`failed to create endpoint ${name} on network ${network.name}: ${e.message}`) : e;
    }
  }

  private takeAddress({ pool, name, id }: Network, settings: EndpointSettings): number | undefined {
    if (pool === undefined) return undefined;
    const asked = settings.IPAMConfig?.IPv4Address ?? "";
    if (asked !== "") {
      try {
        pool.take(parseIpv4(asked) ?? 0);
      } catch (e) {
        if (e instanceof EngineError && e.category === "invalidParameter")
          throw invalidParameter(`Invalid address ${asked}: It does not belong to any of this network's subnets`);
        throw e;
      }
      return parseIpv4(asked);
    }
    const addr = pool.takeAny();
    if (addr === undefined) throw systemError(`no available IPv4 addresses on this network's address pools: ${name} (${id})`);
    return addr;
  }

  /** `other:alias` → alias → name. Errors: notFound. */
  private linkNames({ Links }: EndpointSettings): Map<string, string> {
    return new Map(
      (Links ?? []).map((link) => {
        const [other = "", alias = other] = link.split(":");
        return [alias, this.daemon.containers.require(other).name];
      }),
    );
  }

  private dropEndpoint({ id, network, addr }: Endpoint): void {
    network.endpoints.delete(id);
    if (addr !== undefined) network.pool?.free(addr);
  }

  /** POST /networks/{id}/disconnect. */
  *disconnect(container: Container, term: string, force: boolean): Proc<void> {
    yield* container.lock.hold(() => this.lock.hold(() => this.disconnectHeld(container, term, force)));
  }

  private *disconnectHeld(container: Container, term: string, force: boolean): Proc<void> {
    const { networkSettings } = container;
    const network = this.catalog.find(term);
    if (!container.running || (network === undefined && force)) {
      const name = network?.name ?? term;
      if (networkSettings.Networks[name] === undefined)
        throw systemError(`container ${container.id} is not connected to the network ${name}`);
      delete networkSettings.Networks[name];
    } else {
      const found = this.catalog.require(term);
      if (container.hostConfig.NetworkMode === "host" && found.config.driver === "host") throw invalidParameter(HOST_CONFLICT);
      yield* this.disconnectSandbox(container, found);
    }
    updateDefaults(networkSettings);
    yield* container.save();
    if (network !== undefined) yield* this.event(network, "disconnect", { container: container.id });
  }

  private *disconnectSandbox(container: Container, network: Network): Proc<void> {
    const sandbox = this.sandboxes.get(container.id);
    const endpoint = sandbox?.endpoints.find((one) => one.network === network);
    if (sandbox === undefined || endpoint === undefined)
      throw forbidden(`container ${container.id} is not connected to network ${network.name}`);
    yield* sandbox.leave(endpoint, false);
    this.dropEndpoint(endpoint);
    container.networkSettings.Ports = sandbox.ports();
    delete container.networkSettings.Networks[network.name];
    yield* this.event(network, "disconnect", { container: container.id });
  }

  // ── Networks themselves ──────────────────────────────────────────────────────────────────────────────────────────

  *create(body: NetworkCreateBody): Proc<{ network: Network; warning: string }> {
    return yield* this.lock.hold(
      function* (this: Networks): Proc<{ network: Network; warning: string }> {
        const made = yield* this.catalog.create(body);
        yield* this.event(made.network, "create");
        return made;
      }.bind(this),
    );
  }

  *remove(term: string): Proc<void> {
    yield* this.lock.hold(
      function* (this: Networks): Proc<void> {
        const network = this.catalog.require(term);
        yield* this.catalog.remove(network);
        yield* this.event(network, "destroy");
      }.bind(this),
    );
  }

  *event({ id, name, config }: Network, action: string, attributes: Readonly<Record<string, string>> = {}): Proc<void> {
    yield* this.daemon.events.log("network", action, id, { ...attributes, name, type: config.driver });
  }
}

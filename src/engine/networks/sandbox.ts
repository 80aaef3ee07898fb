/**
 * A container's network: the namespace, the endpoints that have joined it, the default route among them, published ports, names. libnetwork `sandbox.go`,
 * `osl`. Not for `container:` mode, which joins another container's. A sandbox of the host's own network has no namespace to make.
 */

import { formatIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import type { PortMap } from "../api/container.ts";
import type { Daemon } from "../daemon.ts";
import { isFailure, systemError, wordsOf, withContext } from "../errors.ts";
import type { Container } from "../parts.ts";
import { open } from "../../userland/libc/unistd.ts";
import { O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import type { BridgeDriver } from "./bridge.ts";
import { forgetFlows } from "./flows.ts";
import type { Iptables } from "./iptables.ts";
import { Links } from "./links.ts";
import { createNamespace, inNamespace, removeNamespace } from "./namespace.ts";
import { addHosts, deleteHosts, type ExternalServer, ownNames, pointDnsAt } from "./name-files.ts";
import { readServers } from "./start-files.ts";
import { type BridgeConfig, byPriority, type Endpoint } from "./network.ts";
import type { PortMapper, PortRequest } from "./port-mapper.ts";
import { type NameSource, Resolver, RESOLVER_ADDRESS } from "./resolver.ts";

export interface ExposedPort {
  readonly proto: string;
  readonly port: number;
}

export class Sandbox implements NameSource {
  /** In the order of priority: the first one that has a gateway is that of the default route. */
  readonly endpoints: Endpoint[] = [];
  /** Number of the next `eth`; never given twice. */
  private nextDevice = 0;
  private resolver: Resolver | undefined;
  /** Written by whoever writes resolv.conf. */
  servers: readonly ExternalServer[] = [];
  ndotsSet = false;
  private routedTo: number | undefined;

  constructor(
    private readonly daemon: Daemon,
    private readonly iptables: Iptables,
    private readonly bridges: BridgeDriver,
    private readonly mapper: PortMapper,
    readonly id: string,
    /** The file that holds the namespace: SandboxKey. */
    readonly key: string,
    readonly kind: "own" | "host",
    readonly container: Container,
    readonly requests: readonly PortRequest[],
    readonly exposed: readonly ExposedPort[],
  ) {}

  /** Makes the namespace, with lo up. */
  *create(): Proc<void> {
    if (this.kind === "host") return;
    const { sys } = this.daemon;
    yield* createNamespace(sys, this.key);
    yield* this.inside(function* (links) {
      yield* links.setUp(1);
      yield* links.removeIpv6(1);
    });
  }

  private inside<T>(body: (links: Links) => Proc<T>): Proc<T> {
    return inNamespace(this.daemon.sys, this.key, () => Links.use(this.daemon.sys, body));
  }

  private gateway(): Endpoint | undefined {
    return this.endpoints.find(({ network }) => network.gateway !== undefined);
  }

  // ── Joining ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** sbJoin(). `resolves`: names of the network are answered. Errors: systemError. */
  *join(endpoint: Endpoint, pairEnd: string, resolves: boolean): Proc<void> {
    const { sys } = this.daemon;
    const { network, addr } = endpoint;
    if (addr !== undefined) {
      const { hostname, domainname } = { hostname: this.container.config.Hostname, domainname: this.container.config.Domainname };
      yield* addHosts(sys, this.container.hostsPath, [{ ip: formatIpv4(addr), hosts: ownNames(hostname, domainname) }]);
    }
    const before = this.gateway();
    endpoint.containerId = this.container.id;
    this.endpoints.push(endpoint);
    this.endpoints.sort(byPriority);
    if (resolves && this.resolver === undefined && this.kind === "own") yield* this.startResolver();
    if (pairEnd !== "" && this.kind === "own") yield* this.moveIn(endpoint, pairEnd);
    const after = this.gateway();
    if (after === before) return;
    yield* this.route();
    if (before !== undefined) yield* this.revoke(before);
    if (after !== undefined && !network.config.internal) yield* this.program(after);
  }

  /** Takes an endpoint over that has joined under an earlier daemon; its ports are those that it had. */
  *adopt(endpoint: Endpoint, resolves: boolean): Proc<void> {
    endpoint.containerId = this.container.id;
    this.endpoints.push(endpoint);
    this.endpoints.sort(byPriority);
    this.nextDevice = Math.max(this.nextDevice, Number(/\d+$/.exec(endpoint.device)?.[0] ?? -1) + 1);
    if (resolves && this.resolver === undefined) {
      this.servers = yield* readServers(this.daemon.sys, this.container);
      yield* this.restartResolver();
    }
  }

  /** After all have been adopted: publishes ports again. */
  *resume(): Proc<void> {
    const gateway = this.gateway();
    this.routedTo = gateway?.network.gateway;
    if (gateway !== undefined) yield* this.program(gateway);
  }

  private *moveIn(endpoint: Endpoint, pairEnd: string): Proc<void> {
    const { sys } = this.daemon;
    const bridge = endpoint.network.bridge as BridgeConfig;
    const device = `${bridge.prefix}${this.nextDevice++}`;
    const fd = yield* open(sys, this.key, O_RDONLY | O_CLOEXEC);
    try {
      yield* Links.use(sys, function* (links) {
        const link = yield* links.find(pairEnd);
        if (link === undefined) throw systemError(`failed to get link by name "${pairEnd}": Link not found`);
        yield* links.setNamespace(link.index, fd);
      });
    } finally {
      yield* sys.close(fd);
    }
    const { addr, mac, network } = endpoint;
    yield* this.inside(function* (links) {
      const link = yield* links.find(pairEnd);
      if (link === undefined) throw systemError(`failed to add interface ${pairEnd} to sandbox: Link not found`);
      const what = `failed to add interface ${pairEnd} to sandbox: error setting interface "${pairEnd}"`;
      yield* links.rename(link.index, device);
      try {
        if (mac !== undefined) yield* links.setMac(link.index, mac);
      } catch (e) {
        throw withContext(`${what} MAC`, e);
      }
      if (addr !== undefined) yield* links.addAddress(link.index, { addr, length: network.pool?.subnet.length ?? 32 });
      yield* links.setUp(link.index);
      yield* links.removeIpv6(link.index);
    });
    endpoint.device = device;
  }

  /** The default route leads through the gateway's endpoint. */
  private *route(): Proc<void> {
    const { routedTo } = this;
    const gateway = this.gateway()?.network.gateway;
    if (this.kind === "host") return;
    yield* this.inside(function* (links) {
      // Where its device went, the route went with it.
      if (routedTo !== undefined) {
        try {
          yield* links.removeDefaultRoute(routedTo);
        } catch (e) {
          if (!isFailure(e)) throw e;
        }
      }
      if (gateway !== undefined) yield* links.addDefaultRoute(gateway);
    });
    this.routedTo = gateway;
  }

  /** ProgramExternalConnectivity(): publishes the container's ports through an endpoint. Errors: systemError. */
  private *program(endpoint: Endpoint): Proc<void> {
    const { network, addr } = endpoint;
    const bridge = network.bridge;
    if (bridge === undefined || addr === undefined || network.config.internal) return;
    endpoint.external = true;
    try {
      for (const request of this.requests)
        for (const hostIp of yield* this.mapper.hostAddresses(request.hostIp, bridge.hostBinding))
          endpoint.published.push(yield* this.mapper.publish(bridge.name, formatIpv4(addr), { ...request, hostIp }));
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* this.revoke(endpoint);
      throw systemError(`driver failed programming external connectivity on endpoint ${endpoint.name} (${endpoint.id}): ${wordsOf(e)}`);
    }
  }

  private *revoke(endpoint: Endpoint): Proc<void> {
    endpoint.external = false;
    const bridge = endpoint.network.bridge?.name ?? "";
    const published = endpoint.published;
    endpoint.published = [];
    for (const port of published) yield* this.mapper.withdraw(bridge, port);
    if (endpoint.addr !== undefined) yield* forgetFlows(this.daemon.sys, endpoint.addr);
  }

  // ── Leaving ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** sbLeave(): ports are withdrawn, the device goes, and another endpoint may lead outside now. */
  *leave(endpoint: Endpoint, last: boolean): Proc<void> {
    const { sys } = this.daemon;
    const wasGateway = this.gateway() === endpoint;
    if (wasGateway) yield* this.revoke(endpoint);
    const at = this.endpoints.indexOf(endpoint);
    if (at >= 0) this.endpoints.splice(at, 1);
    endpoint.containerId = "";
    if (endpoint.hostDevice !== "") yield* this.bridges.removeDevice(endpoint.hostDevice);
    if (last) return;
    if (endpoint.addr !== undefined) {
      const { Hostname, Domainname } = this.container.config;
      yield* deleteHosts(sys, this.container.hostsPath, [{ ip: formatIpv4(endpoint.addr), hosts: ownNames(Hostname, Domainname) }]);
    }
    if (!wasGateway) return;
    this.routedTo = undefined;
    yield* this.route();
    const next = this.gateway();
    if (next === undefined) return;
    try {
      yield* this.program(next);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* this.daemon.log("warning", e.message);
    }
  }

  /** Ends the name server and lets go of the namespace; the endpoints have left. */
  *destroy(): Proc<void> {
    if (this.resolver !== undefined) yield* this.resolver.stop();
    this.resolver = undefined;
    if (this.kind === "own") yield* removeNamespace(this.daemon.sys, this.key);
  }

  // ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *startResolver(): Proc<void> {
    this.ndotsSet = yield* pointDnsAt(this.daemon.sys, this.container.resolvConfPath, RESOLVER_ADDRESS);
    yield* this.restartResolver();
  }

  /** With the files as they are: after a restart of the daemon. */
  *restartResolver(): Proc<void> {
    this.resolver = new Resolver(this.daemon, this.iptables, this.key, this);
    yield* this.resolver.start();
  }

  /** Also as `name.network`; aliases of links come first. */
  resolve(name: string): readonly number[] | undefined {
    const tries: [name: string, network: string][] = [[name, ""]];
    for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1))
      tries.push([name.slice(0, dot), name.slice(dot + 1)]);
    for (const [wanted, network] of tries) {
      const candidates = this.endpoints.filter((endpoint) => network === "" || endpoint.network.name === network);
      for (const byAlias of [true, false])
        for (const endpoint of candidates) {
          const target = endpoint.links.get(wanted);
          if (byAlias !== (target !== undefined)) continue;
          const found = endpoint.network.lookup((target ?? wanted).toLowerCase());
          if (found !== undefined) return found;
        }
    }
    return undefined;
  }

  reverse(addr: number): string | undefined {
    for (const { network } of this.endpoints) {
      const found = network.reverse(addr);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  // ── What is told ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** NetworkSettings.Ports. Exposed ports are told of only where an endpoint leads outside. */
  ports(): PortMap {
    const all: PortMap = {};
    for (const endpoint of this.endpoints) {
      if (!endpoint.external) continue;
      for (const { proto, port } of this.exposed) all[`${port}/${proto}`] ??= null;
      for (const { proto, containerPort, hostIp, hostPort } of endpoint.published) {
        const bindings = all[`${containerPort}/${proto}`] ?? [];
        bindings.push({ HostIp: hostIp, HostPort: String(hostPort) });
        all[`${containerPort}/${proto}`] = bindings;
      }
    }
    return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/**
 * Published ports: which are taken, the rules that lead to the container, and a docker-proxy each. libnetwork `portallocator`, `portmapper`.
 * What comes by IPv6 is only carried by a proxy, as containers have no such addresses. Left out: SCTP.
 */

import { Errno } from "../../abi/errno.ts";
import { F_SETFD, O_CLOEXEC } from "../../abi/fcntl.ts";
import { PR_SET_PDEATHSIG } from "../../abi/sched.ts";
import { SIG_SETMASK, SIGINT, SIGTERM } from "../../abi/signal.ts";
import { AF_INET6, SOCK_CLOEXEC, SOCK_STREAM } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { Input } from "../../userland/libc/stdio.ts";
import { readText } from "../../userland/libc/unistd.ts";
import type { Daemon } from "../daemon.ts";
import { type EngineError, isFailure, systemError } from "../errors.ts";
import type { Action, Iptables } from "./iptables.ts";

const DOCKER_PROXY = "/usr/bin/docker-proxy";
/** As often a port is looked for where none was named: the proxy may find it taken. */
const MAX_ATTEMPTS = 10;
/** The descriptor at which docker-proxy tells how it went. */
const SIGNAL_PARENT = 3;

export interface PortRequest {
  readonly proto: string;
  readonly containerPort: number;
  /** Empty: 0.0.0.0, or the network's own default. */
  readonly hostIp: string;
  /** 0 … 0: any. */
  readonly start: number;
  readonly end: number;
}

/** A port that is published. */
export interface PublishedPort {
  readonly proto: string;
  readonly containerIp: string;
  readonly containerPort: number;
  readonly hostIp: string;
  readonly hostPort: number;
  /** Of docker-proxy; 0 without one. */
  readonly proxyPid: number;
}

const isIpv6 = (address: string): boolean => address.includes(":");

interface Range {
  readonly begin: number;
  readonly end: number;
  /** The one that was given last. */
  last: number;
}

/** The ports of one address and protocol. */
class Ports {
  readonly taken = new Set<number>();
  private readonly ranges = new Map<string, Range>();

  /** The next free one after that which was given last; undefined if there is none. */
  find(begin: number, end: number): number | undefined {
    const key = `${begin}-${end}`;
    let range = this.ranges.get(key);
    if (range === undefined) {
      range = { begin, end, last: end };
      this.ranges.set(key, range);
    }
    for (let i = 0, port = range.last; i <= end - begin; i++) {
      port = port >= end ? begin : port + 1;
      if (this.taken.has(port)) continue;
      range.last = port;
      return port;
    }
    return undefined;
  }
}

export class PortMapper {
  /** By `ip/proto`. */
  private readonly ports = new Map<string, Ports>();
  /** net.ipv4.ip_local_port_range. */
  private dynamic: readonly [number, number] | undefined;
  private ipv6: boolean | undefined;

  constructor(
    private readonly daemon: Daemon,
    private readonly iptables: Iptables,
  ) {}

  /** Where to publish what is asked for an address, or for none: then wherever IPv6 listens, too. Without a proxy nobody would carry that to the container. */
  *hostAddresses(asked: string, byDefault: string): Proc<readonly string[]> {
    const address = asked === "" ? byDefault : asked;
    const { userlandProxy } = this.daemon.config;
    if (isIpv6(address)) return userlandProxy ? [address] : [];
    return asked === "" && address === "0.0.0.0" && userlandProxy && (yield* this.listensIpv6()) ? [address, "::"] : [address];
  }

  /** libnetwork IsV6Listenable(): whether a socket takes `::1`. */
  private *listensIpv6(): Proc<boolean> {
    if (this.ipv6 !== undefined) return this.ipv6;
    const { sys } = this.daemon;
    this.ipv6 = true;
    try {
      const fd = yield* sys.socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
      try {
        yield* sys.bind(fd, { family: AF_INET6, addr: [0, 0, 0, 0, 0, 0, 0, 1], port: 0, scopeId: 0 });
        yield* sys.listen(fd, 1);
      } finally {
        yield* sys.close(fd);
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      this.ipv6 = false;
    }
    return this.ipv6;
  }

  private of(hostIp: string, proto: string): Ports {
    const key = `${hostIp}/${proto}`;
    const ports = this.ports.get(key) ?? new Ports();
    this.ports.set(key, ports);
    return ports;
  }

  private *dynamicRange(): Proc<readonly [number, number]> {
    if (this.dynamic === undefined) {
      const [begin = 49153, end = 65535] = (yield* readText(this.daemon.sys, "/proc/sys/net/ipv4/ip_local_port_range"))
        .trim()
        .split(/\s+/)
        .map(Number);
      this.dynamic = [begin, end];
    }
    return this.dynamic;
  }

  /** Errors: systemError `Bind for 0.0.0.0:80 failed: port is already allocated` and those of the proxy. Blocks until the proxy listens. */
  *publish(bridge: string, containerIp: string, request: PortRequest): Proc<PublishedPort> {
    let failure: EngineError | undefined;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        return yield* this.tryPublish(bridge, containerIp, request);
      } catch (e) {
        if (!isFailure(e) || e instanceof Errno) throw e;
        failure = e;
        const many = request.start !== 0 ? `${request.start}-${request.end}: ${e.message}` : `: ${e.message}, retry: ${attempt + 1}`;
        yield* this.daemon.log("warning", `Failed to allocate and map port ${many}`);
        if (request.start !== 0) break;
      }
    }
    throw failure as EngineError;
  }

  private *tryPublish(bridge: string, containerIp: string, { proto, containerPort, hostIp, start, end }: PortRequest): Proc<PublishedPort> {
    const ports = this.of(hostIp, proto);
    const [begin, last] = start === 0 ? yield* this.dynamicRange() : [start, end];
    const hostPort = begin === last ? begin : ports.find(begin, last);
    if (hostPort === undefined) throw systemError("all ports are allocated");
    if (ports.taken.has(hostPort)) throw systemError(`Bind for ${hostIp}:${hostPort} failed: port is already allocated`);
    ports.taken.add(hostPort);
    const mapping = { proto, containerIp, containerPort, hostIp, hostPort };
    try {
      yield* this.forward("-A", bridge, mapping);
      const proxyPid = this.daemon.config.userlandProxy ? yield* this.startProxy(mapping) : 0;
      return { ...mapping, proxyPid };
    } catch (e) {
      if (isFailure(e)) yield* this.forward("-D", bridge, mapping);
      ports.taken.delete(hostPort);
      throw e;
    }
  }

  /** Ends the proxy, takes the rules away, frees the port. */
  *withdraw(bridge: string, published: PublishedPort): Proc<void> {
    const { sys } = this.daemon;
    if (published.proxyPid !== 0) {
      try {
        yield* sys.kill(published.proxyPid, SIGINT);
        yield* sys.wait4(published.proxyPid, 0);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
    }
    try {
      yield* this.forward("-D", bridge, published);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* this.daemon.log("error", `Error on iptables delete: ${e.message}`);
    }
    this.of(published.hostIp, published.proto).taken.delete(published.hostPort);
  }

  /** The three rules of a published port: ChainInfo.Forward(). */
  private *forward(action: Action, bridge: string, mapping: Omit<PublishedPort, "proxyPid">): Proc<void> {
    const { proto, containerIp, containerPort, hostIp, hostPort } = mapping;
    if (!this.daemon.config.iptables || isIpv6(hostIp)) return;
    const to = ["-j", "DNAT", "--to-destination", `${containerIp}:${containerPort}`];
    const daddr = hostIp === "0.0.0.0" ? "0/0" : hostIp;
    const dnat = ["-p", proto, "-d", daddr, "--dport", String(hostPort), ...to];
    if (this.daemon.config.userlandProxy) dnat.push("!", "-i", bridge);
    yield* this.iptables.program("nat", "DOCKER", action, dnat);
    const port = ["--dport", String(containerPort)];
    const accept = ["!", "-i", bridge, "-o", bridge, "-p", proto, "-d", containerIp, ...port, "-j", "ACCEPT"];
    yield* this.iptables.program("filter", "DOCKER", action, accept);
    const hairpin = ["-p", proto, "-s", containerIp, "-d", containerIp, ...port, "-j", "MASQUERADE"];
    yield* this.iptables.program("nat", "POSTROUTING", action, hairpin);
  }

  /** Starts docker-proxy and waits until it listens. Errors: systemError in its own words. */
  private *startProxy({ proto, hostIp, hostPort, containerIp, containerPort }: Omit<PublishedPort, "proxyPid">): Proc<number> {
    const { sys, env } = this.daemon;
    const [readEnd, writeEnd] = yield* sys.pipe2(O_CLOEXEC);
    const addresses = [
      "-host-ip",
      hostIp,
      "-host-port",
      String(hostPort),
      "-container-ip",
      containerIp,
      "-container-port",
      String(containerPort),
    ];
    const pid = yield* sys.vfork(function* () {
      if (writeEnd === SIGNAL_PARENT) yield* sys.fcntl(writeEnd, F_SETFD, 0);
      else yield* sys.dup2(writeEnd, SIGNAL_PARENT);
      yield* sys.prctl(PR_SET_PDEATHSIG, SIGTERM);
      yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
      try {
        yield* sys.execve(DOCKER_PROXY, [DOCKER_PROXY, "-proto", proto, ...addresses], env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
      return 127;
    });
    yield* sys.close(writeEnd);
    const answer = decodeUtf8(yield* new Input(sys, readEnd).readAll());
    yield* sys.close(readEnd);
    if (answer.startsWith("0\n")) return pid;
    yield* sys.wait4(pid, 0);
    throw systemError(`Error starting userland proxy: ${answer.slice(2)}`);
  }
}

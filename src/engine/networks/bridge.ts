/**
 * The bridge driver: the device, its address, the rules that masquerade, isolate and accept, and the pairs of devices that lead into containers. libnetwork
 * `drivers/bridge`. The order of the rules is that of the engine, since the order of its steps is.
 */

import { formatIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import { readText, writeFile } from "../../userland/libc/unistd.ts";
import type { Daemon } from "../daemon.ts";
import { type EngineError, isFailure, systemError, withContext } from "../errors.ts";
import { formatCidr } from "./address-pool.ts";
import type { Action, Iptables, Table } from "./iptables.ts";
import { contains, type Link, Links, type Prefix } from "./links.ts";
import {
  BRIDGE_NAME,
  type BridgeConfig,
  CONTAINER_PREFIX,
  DEFAULT_BRIDGE,
  DRIVER_MTU,
  ENABLE_ICC,
  ENABLE_IP_MASQUERADE,
  HOST_BINDING,
  type Network,
  type NetworkConfig,
} from "./network.ts";

const CHAIN = "DOCKER";
const ISOLATION_1 = "DOCKER-ISOLATION-STAGE-1";
const ISOLATION_2 = "DOCKER-ISOLATION-STAGE-2";
const USER_CHAIN = "DOCKER-USER";
const LOCAL = ["-m", "addrtype", "--dst-type", "LOCAL"];
const NOT_LOOPBACK = ["!", "--dst", "127.0.0.0/8"];
const FORWARDING = "/proc/sys/net/ipv4/ip_forward";

/** 02:42 and four bytes: of an address, or by chance. */
export const macOf = (low: number): number => 0x0242_0000_0000 + low;

/** Errors: systemError `failed to parse … value`. */
export function bridgeConfig({ id, options }: NetworkConfig, defaultMtu: number, exists: (name: string) => boolean): BridgeConfig {
  const parseFailure = (label: string, why: string): EngineError =>
    systemError(`failed to parse ${label} value: ${options[label]} (${why})`);
  const bool = (label: string): boolean => {
    const value = options[label];
    if (value === undefined) return true;
    if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
    if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
    throw parseFailure(label, `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
  };
  const mtu = options[DRIVER_MTU];
  if (mtu !== undefined && !/^[+-]?\d+$/.test(mtu))
    throw parseFailure(DRIVER_MTU, `strconv.Atoi: parsing ${JSON.stringify(mtu)}: invalid syntax`);
  const hostBinding = options[HOST_BINDING];
  if (hostBinding !== undefined && !/^\d{1,3}(\.\d{1,3}){3}$/.test(hostBinding)) throw parseFailure(HOST_BINDING, "nil ip");
  const isDefault = options[DEFAULT_BRIDGE] === "true";
  const name = options[BRIDGE_NAME] || `br-${id.slice(0, 12)}`;
  return {
    name,
    own: !exists(name),
    isDefault,
    icc: bool(ENABLE_ICC),
    masquerade: bool(ENABLE_IP_MASQUERADE),
    hostBinding: hostBinding ?? "0.0.0.0",
    mtu: mtu === undefined ? defaultMtu : Number(mtu),
    prefix: options[CONTAINER_PREFIX] || "eth",
  };
}

interface Rule {
  readonly table: Table;
  readonly chain: string;
  readonly args: readonly string[];
}

export class BridgeDriver {
  constructor(
    private readonly daemon: Daemon,
    private readonly iptables: Iptables,
  ) {}

  // ── The daemon's start ───────────────────────────────────────────────────────────────────────────────────────────

  /** Chains without rules of networks, forwarding. What an earlier daemon has left is taken away. */
  *configure(): Proc<void> {
    const { sys, config } = this.daemon;
    if (config.iptables) {
      yield* this.removeChains();
      for (const [table, chain] of [
        ["nat", CHAIN],
        ["filter", CHAIN],
        ["filter", ISOLATION_1],
        ["filter", ISOLATION_2],
      ] as const)
        yield* this.iptables.newChain(table, chain);
      yield* this.iptables.addReturn(ISOLATION_1);
      yield* this.iptables.addReturn(ISOLATION_2);
    }
    if (!config.ipForward || (yield* readText(sys, FORWARDING)).startsWith("1")) return;
    yield* writeFile(sys, FORWARDING, "1\n");
    // Who forwards now, and did not before, shall not forward everything.
    if (config.iptables) yield* this.iptables.require(["-t", "filter", "-P", "FORWARD", "DROP"]);
  }

  private *removeChains(): Proc<void> {
    const { iptables } = this;
    yield* iptables.run(["-t", "nat", "-D", "PREROUTING", ...LOCAL, "-j", CHAIN]);
    yield* iptables.run(["-t", "nat", "-D", "OUTPUT", ...LOCAL, ...NOT_LOOPBACK, "-j", CHAIN]);
    yield* iptables.run(["-t", "nat", "-D", "OUTPUT", ...LOCAL, "-j", CHAIN]);
    yield* iptables.removeChain("nat", CHAIN);
    for (const chain of [CHAIN, ISOLATION_1, ISOLATION_2]) yield* iptables.removeChain("filter", chain);
  }

  /** The chain for the user's own rules, on top: arrangeUserFilterRule(). */
  *arrangeUserChain(): Proc<void> {
    if (!this.daemon.config.iptables) return;
    yield* this.iptables.newChain("filter", USER_CHAIN);
    yield* this.iptables.addReturn(USER_CHAIN);
    yield* this.iptables.ensureJump("FORWARD", USER_CHAIN);
  }

  // ── Networks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Makes or takes over the device, gives it the gateway's address, adds the rules. Errors: systemError. */
  *create(network: Network): Proc<void> {
    const bridge = network.bridge as BridgeConfig;
    const subnet = (network.pool as { subnet: Prefix }).subnet;
    const address = { addr: network.gateway as number, length: subnet.length };
    const { sys } = this.daemon;
    const index = yield* Links.use(sys, (links) => this.setUpDevice(links, bridge, address));
    if (this.daemon.config.iptables) {
      if (network.config.internal) yield* this.internalRules(bridge, formatCidr(subnet), true);
      else {
        yield* this.outerRules(bridge, formatCidr(subnet), true);
        yield* this.programChains(bridge.name);
      }
      yield* this.iptables.ensureJump("FORWARD", ISOLATION_1);
      if (!network.config.internal) for (const rule of isolation(bridge.name)) yield* this.program(rule, "-I");
    }
    yield* Links.use(sys, (links) => links.setUp(index));
  }

  private *setUpDevice(links: Links, { name, mtu }: BridgeConfig, address: Prefix): Proc<number> {
    let link = yield* links.find(name);
    if (link === undefined) {
      yield* links.addBridge(name, macOf(Number.parseInt(yield* this.daemon.randomHex(4), 16)));
      link = (yield* links.find(name)) as Link;
      if (mtu !== 0 && mtu !== 1500) yield* links.setMtu(link.index, mtu);
    }
    const addresses = yield* links.addresses(link.index);
    const present = addresses.find(({ addr }) => contains(address, addr)) ?? addresses[0];
    if (present?.addr !== address.addr || present.length !== address.length) {
      if (present !== undefined) yield* links.removeAddress(link.index, present);
      try {
        yield* links.addAddress(link.index, address);
      } catch (e) {
        throw withContext(`failed to add IPv4 address ${formatCidr(address)} to bridge`, e);
      }
    }
    return link.index;
  }

  /** Takes away the rules, and the device where it is ours. */
  *remove(network: Network): Proc<void> {
    const bridge = network.bridge as BridgeConfig;
    const subnet = formatCidr((network.pool as { subnet: Prefix }).subnet);
    if (bridge.own && !bridge.isDefault) yield* this.removeDevice(bridge.name);
    if (!this.daemon.config.iptables) return;
    try {
      if (network.config.internal) yield* this.internalRules(bridge, subnet, false);
      else {
        yield* this.outerRules(bridge, subnet, false);
        for (const args of linking(bridge.name)) yield* this.iptables.program("filter", "FORWARD", "-D", args);
        for (const rule of isolation(bridge.name)) yield* this.program(rule, "-D");
      }
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* this.daemon.log("warning", `Failed to clean iptables rules for bridge network: ${e.message}`);
    }
  }

  /** A device by its name, if it is there. */
  *removeDevice(name: string): Proc<void> {
    yield* Links.use(this.daemon.sys, function* (links) {
      const link = yield* links.find(name);
      if (link !== undefined) yield* links.remove(link.index);
    });
  }

  private program({ table, chain, args }: Rule, action: Action): Proc<void> {
    return this.iptables.program(table, chain, action, args);
  }

  /** setupIPTablesInternal(). */
  private *outerRules({ name, icc, masquerade }: BridgeConfig, subnet: string, enable: boolean): Proc<void> {
    const action = enable ? "-I" : "-D";
    const proxied = this.daemon.config.userlandProxy;
    if (masquerade) yield* this.iptables.program("nat", "POSTROUTING", action, ["-s", subnet, "!", "-o", name, "-j", "MASQUERADE"]);
    if (masquerade && proxied) yield* this.iptables.program("nat", CHAIN, action, ["-i", name, "-j", "RETURN"]);
    if (!proxied)
      yield* this.iptables.program("nat", "POSTROUTING", action, [
        ...["-m", "addrtype", "--src-type", "LOCAL"],
        ...["-o", name, "-j", "MASQUERADE"],
      ]);
    yield* this.icc(name, icc, enable);
    yield* this.iptables.program("filter", "FORWARD", action, ["-i", name, "!", "-o", name, "-j", "ACCEPT"]);
  }

  /** setupInternalNetworkRules(). */
  private *internalRules({ name, icc }: BridgeConfig, subnet: string, enable: boolean): Proc<void> {
    const action = enable ? "-I" : "-D";
    yield* this.iptables.program("filter", ISOLATION_1, action, ["-i", name, "!", "-d", subnet, "-j", "DROP"]);
    yield* this.iptables.program("filter", ISOLATION_1, action, ["-o", name, "!", "-s", subnet, "-j", "DROP"]);
    yield* this.icc(name, icc, enable);
  }

  /** Whether containers of one bridge reach each other: setIcc(). */
  private *icc(name: string, allowed: boolean, enable: boolean): Proc<void> {
    const rule = (target: string): string[] => ["-i", name, "-o", name, "-j", target];
    const [wanted, other] = allowed ? ["ACCEPT", "DROP"] : ["DROP", "ACCEPT"];
    if (enable) yield* this.iptables.run(["-D", "FORWARD", ...rule(other as string)]);
    yield* this.iptables.program("filter", "FORWARD", enable ? (allowed ? "-I" : "-A") : "-D", rule(wanted as string));
  }

  /** Jumps to our chains: ProgramChain() of both tables. */
  private *programChains(name: string): Proc<void> {
    const loopback = this.daemon.config.userlandProxy ? NOT_LOOPBACK : [];
    yield* this.iptables.program("nat", "PREROUTING", "-A", [...LOCAL, "-j", CHAIN]);
    yield* this.iptables.program("nat", "OUTPUT", "-A", [...LOCAL, "-j", CHAIN, ...loopback]);
    for (const args of linking(name)) yield* this.iptables.program("filter", "FORWARD", "-I", args);
  }

  // ── Endpoints ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A pair of devices, one end in the bridge. Returns the names: on the host, and of the end for the container. Errors: systemError. */
  *addPair({ name, mtu }: BridgeConfig): Proc<{ readonly host: string; readonly container: string }> {
    const host = `veth${(yield* this.daemon.randomHex(4)).slice(0, 7)}`;
    const container = `veth${(yield* this.daemon.randomHex(4)).slice(0, 7)}`;
    yield* Links.use(this.daemon.sys, function* (links) {
      try {
        yield* links.addVeth(host, container);
      } catch (e) {
        throw withContext(`failed to add the host (${host}) <=> sandbox (${container}) pair interfaces`, e);
      }
      try {
        const [ours, theirs, bridge] = [yield* links.find(host), yield* links.find(container), yield* links.find(name)];
        if (ours === undefined || theirs === undefined || bridge === undefined)
          throw systemError(
            `adding interface ${host} to bridge ${name} failed: could not find interface ${bridge === undefined ? name : host}`,
          );
        if (mtu !== 0) {
          yield* links.setMtu(ours.index, mtu);
          yield* links.setMtu(theirs.index, mtu);
        }
        yield* links.setMaster(ours.index, bridge.index);
        yield* links.setUp(ours.index);
      } catch (e) {
        const ours = yield* links.find(host);
        if (ours !== undefined) yield* links.remove(ours.index);
        throw e;
      }
    });
    return { host, container };
  }

  /** Lets two containers of a bridge talk that otherwise must not: Link(). Both ways, for each port. */
  *link(
    bridge: string,
    action: "-I" | "-D",
    parent: number,
    child: number,
    ports: readonly { readonly proto: string; readonly port: number }[],
  ): Proc<void> {
    for (const { proto, port } of ports) {
      const between = (from: number, to: number, which: string): string[] => [
        ...["-i", bridge, "-o", bridge, "-p", proto],
        ...["-s", formatIpv4(from), "-d", formatIpv4(to), which, String(port), "-j", "ACCEPT"],
      ];
      yield* this.iptables.program("filter", CHAIN, action, between(parent, child, "--dport"));
      yield* this.iptables.program("filter", CHAIN, action, between(child, parent, "--sport"));
    }
  }
}

/** Rules of the FORWARD chain for what goes to containers. */
const linking = (name: string): string[][] => [
  ["-o", name, "-j", CHAIN],
  ["-o", name, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
];

/** What goes from one bridge to another is dropped: setINC(). */
const isolation = (name: string): Rule[] => [
  { table: "filter", chain: ISOLATION_1, args: ["-i", name, "!", "-o", name, "-j", ISOLATION_2] },
  { table: "filter", chain: ISOLATION_2, args: ["-o", name, "-j", "DROP"] },
];

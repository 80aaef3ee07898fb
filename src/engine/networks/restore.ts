/** The networks of containers that have run on without a daemon, and what is left of those that have not. libnetwork `sandbox_store.go`. */

import { parseIpv4, parseMac } from "../../abi/inet.ts";
import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { readDir } from "../../userland/libc/unistd.ts";
import type { EndpointSettings } from "../api/container.ts";
import { isFailure } from "../errors.ts";
import type { Container } from "../parts.ts";
import { isUserDefined } from "./catalog.ts";
import { Links } from "./links.ts";
import { inNamespace, removeNamespace } from "./namespace.ts";
import type { Endpoint, Network } from "./network.ts";
import type { Networks } from "./networks.ts";
import { Sandbox } from "./sandbox.ts";

/** Takes over what runs, and removes devices, namespaces and rules that belong to nothing that does. */
export function* reconnect(networks: Networks, active: readonly Container[]): Proc<void> {
  for (const container of active) {
    if (container.hostConfig.NetworkMode.startsWith("container:")) continue;
    try {
      yield* adopt(networks, container);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* networks.daemon.log("error", `failed to restore the network of container ${container.id}: ${e.message}`);
    }
  }
  yield* removeLeftNamespaces(networks);
  yield* removeLeftDevices(networks);
  yield* removeLeftRules(networks);
  for (const sandbox of networks.sandboxes.values()) {
    try {
      yield* sandbox.resume();
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* networks.daemon.log("error", e.message);
    }
  }
}

function* adopt(networks: Networks, container: Container): Proc<void> {
  const { networkSettings } = container;
  const published = networkSettings.Ports;
  const asked = networks.sandboxFor(container, networkSettings.SandboxID, networkSettings.SandboxKey);
  // A port that was chosen at the start stays the same.
  const requests = asked.requests.map((request) => {
    const binding = published[`${request.containerPort}/${request.proto}`]?.find(({ HostIp }) => HostIp === (request.hostIp || "0.0.0.0"));
    return binding === undefined ? request : { ...request, start: Number(binding.HostPort), end: Number(binding.HostPort) };
  });
  const { daemon, iptables, bridges, mapper } = networks;
  const { id, key, kind, exposed } = asked;
  const sandbox = new Sandbox(daemon, iptables, bridges, mapper, id, key, kind, container, requests, exposed);
  networks.sandboxes.set(container.id, sandbox);
  const devices = kind === "host" ? [] : yield* inNamespace(daemon.sys, key, () => Links.use(daemon.sys, devicesByMac));
  const onHost = yield* Links.use(daemon.sys, (links) => links.list());
  for (const [name, settings] of Object.entries(networkSettings.Networks)) {
    const network = networks.catalog.find(name);
    if (network === undefined || settings.EndpointID === "") continue;
    const device = devices.find(({ mac }) => mac === parseMac(settings.MacAddress));
    const hostDevice = onHost.find(({ index }) => index === device?.peer)?.name ?? "";
    const endpoint = endpointOf(container, network, settings, hostDevice, device?.name ?? "");
    network.endpoints.set(endpoint.id, endpoint);
    if (endpoint.addr !== undefined) network.pool?.reserve(endpoint.addr);
    yield* sandbox.adopt(endpoint, isUserDefined(network.name));
  }
}

const devicesByMac = (links: Links): ReturnType<Links["list"]> => links.list();

function endpointOf(container: Container, network: Network, settings: EndpointSettings, hostDevice: string, device: string): Endpoint {
  const own = isUserDefined(network.name);
  return {
    id: settings.EndpointID,
    name: container.name,
    network,
    addr: parseIpv4(settings.IPAddress),
    mac: parseMac(settings.MacAddress),
    hostDevice,
    device,
    names: own ? [container.name, ...(settings.Aliases ?? [])] : [],
    links: new Map((own ? (settings.Links ?? []) : []).map((link) => [link.split(":")[1] ?? link, link.split(":")[0] ?? link])),
    containerId: "",
    published: [],
    external: false,
  };
}

function* removeLeftNamespaces(networks: Networks): Proc<void> {
  const { sys } = networks.daemon;
  const kept = new Set([...networks.sandboxes.values()].map(({ key }) => key));
  try {
    for (const { name } of yield* readDir(sys, networks.namespaces)) {
      const path = `${networks.namespaces}/${name}`;
      if (name !== "." && name !== ".." && name !== "default" && !kept.has(path)) yield* removeNamespace(sys, path);
    }
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

/** What `networks/sandbox.ts` calls the ends of a new pair. */
const VETH_NAME = /^veth[0-9a-f]{7}$/;

/** Ports of our bridges that no endpoint has, and pairs that became none. */
function* removeLeftDevices(networks: Networks): Proc<void> {
  const all = networks.catalog.list();
  const kept = new Set(all.flatMap(({ endpoints }) => [...endpoints.values()].map(({ hostDevice }) => hostDevice)));
  yield* Links.use(networks.daemon.sys, function* (links) {
    const devices = yield* links.list();
    const bridges = new Set(devices.filter(({ name }) => all.some(({ bridge }) => bridge?.name === name)).map(({ index }) => index));
    const left = devices.filter(({ name, kind, master }) => kind === "veth" && bridges.has(master) && !kept.has(name));
    const removed = new Set(left.map(({ index }) => index));
    // A pair that was made and not yet used: neither end has gone anywhere. The other end goes along.
    const byIndex = new Map(devices.map((device) => [device.index, device]));
    for (const device of devices) {
      const peer = byIndex.get(device.peer);
      if (device.master !== 0 || peer?.master !== 0 || removed.has(peer.index) || removed.has(device.index)) continue;
      if (!VETH_NAME.test(device.name) || !VETH_NAME.test(peer.name) || peer.peer !== device.index) continue;
      removed.add(device.index);
      left.push(device);
    }
    for (const { index } of left) yield* links.remove(index);
  });
}

/** Rules by which published ports are reached from their own container; those of the other chains went with the chains. */
function* removeLeftRules(networks: Networks): Proc<void> {
  if (!networks.daemon.config.iptables) return;
  const { output } = yield* networks.iptables.run(["-t", "nat", "-S", "POSTROUTING"]);
  for (const line of output.split("\n")) {
    const match = /^-A POSTROUTING -s ([\d.]+)\/32 -d ([\d.]+)\/32 .*--dport \d+ -j MASQUERADE$/.exec(line);
    if (match !== null && match[1] === match[2]) yield* networks.iptables.run(["-t", "nat", ...line.replace("-A", "-D").split(" ")]);
  }
}

/** A container's NetworkSettings: what was asked for, filled in as it connects, and emptied as it ends. moby `daemon/container_operations.go`, `daemon/network/settings.go`. */

import { formatIpv4, formatMac } from "../../abi/inet.ts";
import type { EndpointSettings, NetworkSettings } from "../api/container.ts";
import type { Endpoint } from "./network.ts";

export const emptyEndpoint = (): EndpointSettings => ({
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  NetworkID: "",
  EndpointID: "",
  Gateway: "",
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  MacAddress: "",
  DriverOpts: null,
});

/** What a client may ask for. */
export function askedEndpoint(asked: Partial<EndpointSettings> | null | undefined): EndpointSettings {
  return {
    ...emptyEndpoint(),
    IPAMConfig: asked?.IPAMConfig ?? null,
    Links: asked?.Links ?? null,
    Aliases: asked?.Aliases === undefined || asked.Aliases === null ? null : [...asked.Aliases],
    DriverOpts: asked?.DriverOpts ?? null,
  };
}

/** What it was given ends with the connection: cleanOperationalData(). The network's id stays. */
export function clearEndpoint(settings: EndpointSettings): void {
  const { IPAMConfig, Links, Aliases, DriverOpts, NetworkID } = settings;
  Object.assign(settings, emptyEndpoint(), { IPAMConfig, Links, Aliases, DriverOpts, NetworkID });
}

export function fillEndpoint(settings: EndpointSettings, { id, network, addr, mac }: Endpoint): void {
  settings.NetworkID = network.id;
  settings.EndpointID = id;
  if (mac !== undefined) settings.MacAddress = formatMac(mac);
  if (network.gateway !== undefined) settings.Gateway = formatIpv4(network.gateway);
  if (addr === undefined) return;
  settings.IPAddress = formatIpv4(addr);
  settings.IPPrefixLen = network.pool?.subnet.length ?? 0;
}

/** The fields beside `Networks`, from the time when there was one network, are those of the default bridge. */
export function updateDefaults(settings: NetworkSettings): void {
  const { EndpointID, Gateway, IPAddress, IPPrefixLen, MacAddress } = settings.Networks.bridge ?? emptyEndpoint();
  Object.assign(settings, { EndpointID, Gateway, IPAddress, IPPrefixLen, MacAddress });
}

/** Networks in the Engine API 1.41. moby `api/types/network`, `api/types.NetworkResource`. */

import type { EndpointSettings } from "./container.ts";

/** One subnet of a network, as asked for or as it came to be. */
export interface IpamConfig {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

export interface Ipam {
  Driver: string;
  Options: Record<string, string> | null;
  Config: IpamConfig[];
}

/** A container in `GET /networks/{id}`. */
export interface NetworkContainer {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  /** With the prefix length. */
  IPv4Address: string;
  IPv6Address: string;
}

/** `GET /networks/{id}`, and one of `GET /networks`, where no containers are told of. */
export interface NetworkResource {
  Name: string;
  Id: string;
  Created: string;
  Scope: "local";
  Driver: string;
  EnableIPv6: boolean;
  IPAM: Ipam;
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  /** By the container's id. */
  Containers: Record<string, NetworkContainer>;
  Options: Record<string, string>;
  Labels: Record<string, string>;
}

/** `POST /networks/create`. */
export interface NetworkCreateBody {
  Name?: string;
  CheckDuplicate?: boolean;
  Driver?: string;
  Scope?: string;
  EnableIPv6?: boolean;
  IPAM?: { Driver?: string; Options?: Record<string, string> | null; Config?: IpamConfig[] | null } | null;
  Internal?: boolean;
  Attachable?: boolean;
  Ingress?: boolean;
  ConfigOnly?: boolean;
  ConfigFrom?: { Network?: string } | null;
  Options?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
}

export interface NetworkCreated {
  Id: string;
  Warning: string;
}

/** `POST /networks/{id}/connect`. */
export interface NetworkConnectBody {
  Container?: string;
  EndpointConfig?: Partial<EndpointSettings> | null;
}

/** `POST /networks/{id}/disconnect`. */
export interface NetworkDisconnectBody {
  Container?: string;
  Force?: boolean;
}

/** `POST /networks/prune`. */
export interface NetworksPruned {
  NetworksDeleted: string[] | null;
}

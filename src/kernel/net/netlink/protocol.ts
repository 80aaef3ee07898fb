/**
 * What a netlink protocol (NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER) is to the socket: a table of handlers by message type. Linux
 * `net/netlink/af_netlink.c`, `net/core/rtnetlink.c:rtnetlink_rcv_msg`.
 */

import type { Errno } from "../../../abi/errno.ts";
import type { NetlinkMessage } from "../../../abi/netlink.ts";
import type { Task } from "../../task/task.ts";
import type { NetNamespace } from "../net-namespace.ts";

/** A failure with the sentence that goes along (NLMSGERR_ATTR_MSG): programs print it instead of strerror. */
export class NetlinkError {
  constructor(
    readonly errno: Errno,
    readonly text: string,
  ) {}
}

/** A message that came in, with its sender. */
export interface NetlinkRequest {
  readonly ns: NetNamespace;
  readonly task: Task;
  readonly message: NetlinkMessage;
  /** NETLINK_GET_STRICT_CHK: the fixed fields and attributes of a dump request are filters. */
  readonly strict: boolean;
  /** Answers with one message. */
  reply(type: number, payload: Uint8Array, flags?: number): void;
}

/** One message of a dump. */
export interface NetlinkPart {
  readonly type: number;
  readonly payload: Uint8Array;
}

export interface NetlinkHandler {
  /** Needs CAP_NET_ADMIN over the namespace; the dump does not. */
  readonly privileged?: boolean;
  /** Throws an Errno or a NetlinkError. */
  run?(request: NetlinkRequest): void;
  /** For NLM_F_DUMP. */
  dump?(request: NetlinkRequest): Iterable<NetlinkPart>;
}

export interface NetlinkProtocol {
  readonly handlers: ReadonlyMap<number, NetlinkHandler>;
}

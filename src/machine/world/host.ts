/** What a host of the world outside is: its names, its address, and what listens there. */

import { parseIpv4 } from "../../abi/inet.ts";
import type { NetNamespace } from "../../kernel/net/net-namespace.ts";

/** Starts something that listens on an address of its own. Called once, when the machine is made. */
export type WorldService = (ns: NetNamespace, addr: number) => void;

export interface WorldHost {
  /** The first is what the reverse lookup gives. */
  readonly names: readonly string[];
  /** Absent: the names are aliases of `alias`. */
  readonly address?: string;
  readonly alias?: string;
  readonly services?: readonly WorldService[];
}

/** An address written in the source. Throws if it is none. */
export function requireAddress(text: string): number {
  const addr = parseIpv4(text);
  if (addr === undefined) throw new Error(`no address: ${text}`);
  return addr;
}

/** What the Network view's picture, text and details share: the networks in their order, their names, and which one is selected. */
import type { NetworkEntity } from "../../bridge/messages.ts";
import { findOwner } from "../containers.ts";
import type { LiveKind } from "../live.ts";
import { live, useStore } from "../store.ts";
import { findHostNet, nameNetwork, sortNetworks } from "./names.ts";
import { OUTSIDE } from "./reach.ts";

export const NETWORK_KINDS: readonly LiveKind[] = ["networks", "namespaces", "tasks"];

export interface Networks {
  readonly host: number | undefined;
  readonly all: readonly NetworkEntity[];
  readonly nameOf: (ino: number) => string;
}

export function readNetworks(): Networks {
  const host = findHostNet(live.namespaces);
  const nameOf = (ino: number): string => {
    if (ino === OUTSIDE) return "the world outside";
    const network = live.networks.get(ino);
    const owner = findOwner(ino);
    if (owner !== undefined) return owner.name;
    return network === undefined ? `net:[${ino}]` : nameNetwork(network, host, live.tasks);
  };
  return { host, all: sortNetworks(live.networks, host), nameOf };
}

/** The network that is selected: the namespace itself, or that of the selected process. */
export function useSelectedNetwork(): NetworkEntity | undefined {
  const selection = useStore((state) => state.selection);
  if (selection?.kind === "namespace") return live.networks.get(selection.ino);
  if (selection?.kind === "task") return live.networks.get(live.tasks.get(selection.pid)?.namespaces.net ?? -1);
  return undefined;
}

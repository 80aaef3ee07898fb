/** What the Network view's picture, text and details share: the networks in their order, their names, and whom the selected one reaches. */
import { useMemo } from "react";
import type { NetworkEntity } from "../../bridge/messages.ts";
import type { LiveKind } from "../live.ts";
import { live, useStore } from "../store.ts";
import { findHostNet, nameNetwork, sortNetworks } from "./names.ts";
import { findReach, type Reach } from "./reach.ts";

export const NETWORK_KINDS: readonly LiveKind[] = ["networks", "namespaces", "tasks"];
/** Others whose way is computed. */
const REACHED_MOST = 60;

export interface Networks {
  readonly host: number | undefined;
  readonly all: readonly NetworkEntity[];
  readonly nameOf: (ino: number) => string;
}

export function readNetworks(): Networks {
  const host = findHostNet(live.namespaces);
  const nameOf = (ino: number): string => {
    const network = live.networks.get(ino);
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

/** Whom one reaches, in the order of the networks; computed anew when a network has changed. */
export function useReach(from: number | undefined): ReadonlyMap<number, Reach> {
  const version = live.versions.networks;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the networks are one map; its version tells of changes.
  return useMemo(() => {
    const found = new Map<number, Reach>();
    if (from === undefined || !live.networks.has(from)) return found;
    const { all, nameOf } = readNetworks();
    for (const { ino } of all.slice(0, REACHED_MOST)) if (ino !== from) found.set(ino, findReach(live.networks, from, ino, nameOf));
    return found;
  }, [from, version]);
}

export function tellReach(reach: Reach): string {
  switch (reach.kind) {
    case "both":
      return `reaches ${reach.address}`;
    case "one way":
      return `${reach.address} one way: ${reach.why}`;
    case "none":
      return `cannot: ${reach.why}`;
  }
}

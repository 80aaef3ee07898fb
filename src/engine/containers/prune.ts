/** docker container prune. moby `daemon/prune.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Filters } from "../api/events.ts";
import { invalidParameter, isFailure } from "../errors.ts";
import { parseTimestamp } from "../timestamp.ts";
import type { Containers } from "./containers.ts";
import { hasLabel, parseTime } from "./inspect.ts";

export interface ContainersPruned {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

export function* pruneContainers(containers: Containers, filters: Filters): Proc<ContainersPruned> {
  for (const name of Object.keys(filters))
    if (!["label", "label!", "until"].includes(name)) throw invalidParameter(`Invalid filter '${name}'`);
  const [until, ...others] = filters.until ?? [];
  if (others.length > 0) throw invalidParameter("more than one until filter specified");
  const before = parseTimestamp(until);
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const container of containers.list()) {
    if (container.running) continue;
    if (before !== undefined && parseTime(container.created) > before) continue;
    const { Labels } = container.config;
    if (!(filters.label ?? []).every((label) => hasLabel(Labels, label))) continue;
    if ((filters["label!"] ?? []).some((label) => hasLabel(Labels, label))) continue;
    try {
      const { rw } = yield* containers.daemon.images.layerSize(container.id);
      yield* containers.remove(container, {});
      if (rw > 0) reclaimed += rw;
      deleted.push(container.id);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* containers.daemon.log("warning", `failed to prune container ${container.id}: ${e.message}`);
    }
  }
  yield* containers.daemon.events.log("container", "prune", "", { reclaimed: String(reclaimed) });
  return { ContainersDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed };
}

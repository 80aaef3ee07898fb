/** /volumes. moby `api/server/router/volume`. */

import type { Proc } from "../../../abi/sys.ts";
import type { VolumeCreateBody, VolumeList, VolumesPruned } from "../../api/volume.ts";
import { isFailure } from "../../errors.ts";
import { checkFilters, flagFilter, hasLabels, invalidFilter, labelsAccepted, matchesName } from "../../filters.ts";
import { sizeBelow, volumeJson } from "../../volumes/local-driver.ts";
import type { Volumes } from "../../volumes/volumes.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

const LIST_FILTERS = ["dangling", "driver", "label", "name"];
const PRUNE_FILTERS = ["label", "label!"];

const volumesOf = (x: Exchange): Volumes => x.daemon.volumes as Volumes;

function* list(x: Exchange): Proc<void> {
  const filters = x.filters();
  checkFilters(filters, LIST_FILTERS);
  const dangling = flagFilter(filters, "dangling", (values) => invalidFilter("dangling", values));
  const volumes = volumesOf(x);
  const chosen = volumes
    .list()
    .filter(
      ({ name, labels }) =>
        matchesName(filters.name, name) &&
        (filters.driver === undefined || filters.driver.includes("local")) &&
        (filters.label === undefined || hasLabels(filters.label, labels)) &&
        (dangling === undefined || dangling === (volumes.users(name).length === 0)),
    );
  const answer: VolumeList = { Volumes: chosen.map(volumeJson), Warnings: null };
  yield* x.send(200, answer);
}

function* inspect(x: Exchange): Proc<void> {
  yield* x.send(200, volumeJson(volumesOf(x).require(x.var("name"))));
}

function* create(x: Exchange): Proc<void> {
  const volume = yield* volumesOf(x).create((yield* x.json<VolumeCreateBody>()) ?? {});
  yield* x.send(201, volumeJson(volume));
}

function* remove(x: Exchange): Proc<void> {
  yield* volumesOf(x).remove(x.var("name"), x.flag("force"));
  yield* x.empty(204);
}

function* prune(x: Exchange): Proc<void> {
  const filters = x.filters();
  checkFilters(filters, PRUNE_FILTERS);
  const volumes = volumesOf(x);
  const answer: VolumesPruned = { VolumesDeleted: [], SpaceReclaimed: 0 };
  for (const { name, labels, mountpoint } of volumes.list()) {
    if (!labelsAccepted(filters, labels) || volumes.users(name).length > 0) continue;
    try {
      const bytes = yield* sizeBelow(x.daemon.sys, mountpoint);
      yield* volumes.remove(name, false);
      answer.VolumesDeleted.push(name);
      answer.SpaceReclaimed += bytes;
    } catch (e) {
      // Somebody uses it now.
      if (!isFailure(e)) throw e;
    }
  }
  yield* x.daemon.events.log("volume", "prune", "", { reclaimed: String(answer.SpaceReclaimed) });
  yield* x.send(200, answer);
}

export const volumeRoutes: readonly Route[] = [
  { method: "GET", path: "/volumes", handler: list },
  { method: "GET", path: "/volumes/{name:.*}", handler: inspect },
  { method: "POST", path: "/volumes/create", handler: create },
  { method: "POST", path: "/volumes/prune", handler: prune },
  { method: "DELETE", path: "/volumes/{name:.*}", handler: remove },
];

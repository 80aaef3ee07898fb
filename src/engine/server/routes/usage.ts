/** /system/df and /build/prune: what everything weighs. moby `daemon/disk_usage.go`. Left out: the cache of BuildKit builds, of which none is kept apart. */

import type { Proc } from "../../../abi/sys.ts";
import { Containers } from "../../containers/containers.ts";
import { listContainers } from "../../containers/inspect.ts";
import { systemError } from "../../errors.ts";
import { Images } from "../../images/images.ts";
import { imageUsage } from "../../images/list.ts";
import { sizeBelow, volumeJson } from "../../volumes/local-driver.ts";
import { Volumes } from "../../volumes/volumes.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

function* usage(x: Exchange): Proc<void> {
  const { images, containers, volumes } = x.daemon;
  if (!(images instanceof Images && containers instanceof Containers && volumes instanceof Volumes)) throw systemError("no stores");
  const found = [];
  for (const volume of volumes.list()) {
    // What a volume of another file system weighs is not its affair.
    const Size = Object.keys(volume.options ?? {}).length > 0 ? -1 : yield* sizeBelow(x.daemon.sys, volume.mountpoint);
    found.push({ ...volumeJson(volume), UsageData: { RefCount: volumes.users(volume.name).length, Size } });
  }
  yield* x.send(200, {
    LayersSize: images.layersSize(),
    Images: yield* imageUsage(images),
    Containers: yield* listContainers(containers, { all: true, size: true, limit: 0, filters: {} }),
    Volumes: found,
    BuildCache: null,
    BuilderSize: 0,
  });
}

export const usageRoutes: readonly Route[] = [
  { method: "GET", path: "/system/df", handler: usage },
  // The classic builder's cache are images, which are pruned as such.
  { method: "POST", path: "/build/prune", handler: (x) => x.send(200, { CachesDeleted: null, SpaceReclaimed: 0 }) },
];

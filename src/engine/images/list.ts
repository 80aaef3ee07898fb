/** `docker images`, and the images of `docker system df`. moby `daemon/images/images.go`. */

import type { Proc } from "../../abi/sys.ts";
import { chainIds } from "../../image/oci.ts";
import { familiarName, familiarString, type Reference } from "../../image/reference.ts";
import type { Filters } from "../api/events.ts";
import type { ImageSummary } from "../api/image.ts";
import { checkFilters, hasLabels, invalidFilter, pathMatch } from "../filters.ts";
import type { Image } from "./image-store.ts";
import type { Images } from "./images.ts";
import { compareTimes } from "./times.ts";

const ACCEPTED = ["dangling", "label", "before", "since", "reference"];

/** The newest first. Without `all`, images that others were built of are left out unless they have a name. Errors: invalidParameter, notFound. */
export function listImages(images: Images, filters: Filters, all: boolean): ImageSummary[] {
  checkFilters(filters, ACCEPTED);
  const { dangling = [], before = [], since = [], reference, label } = filters;
  if (dangling.length > 0 && !dangling.includes("true") && !dangling.includes("false")) throw invalidFilter("dangling", dangling);
  const danglingOnly = dangling.includes("true");
  const [oldest] = since.map((text) => images.require(text)).slice(-1);
  const [newest] = before.map((text) => images.require(text)).slice(-1);
  const found: ImageSummary[] = [];
  for (const image of danglingOnly ? images.store.heads() : images.store.list()) {
    if (newest !== undefined && compareTimes(image.created, newest.created) >= 0) continue;
    if (oldest !== undefined && compareTimes(image.created, oldest.created) <= 0) continue;
    if (label !== undefined && !hasLabels(label, image.config.config?.Labels)) continue;
    const all_ = images.references
      .references(image.id)
      .filter((one) => reference === undefined || reference.some((pattern) => matches(pattern, one)));
    const names = namesOf(all_);
    if (all_.length === 0) {
      if (!all && images.store.children(image.id).length > 0) continue;
      if ((dangling.length > 0 && !danglingOnly) || reference !== undefined) continue;
      names.RepoDigests = ["<none>@<none>"];
      names.RepoTags = ["<none>:<none>"];
    } else if (danglingOnly && names.RepoTags !== null) continue;
    found.push(summary(images, image, names));
  }
  return found.reverse().sort((a, b) => b.Created - a.Created);
}

/** With what only `docker system df` shows: how many containers use each, and how much of it others have as well. */
export function* imageUsage(images: Images): Proc<ImageSummary[]> {
  const found = listImages(images, {}, false);
  const uses = new Map<string, number>();
  const chains = new Map<string, readonly string[]>();
  for (const { Id } of found) {
    const ids = chainIds(images.store.find(Id)?.config.rootfs.diff_ids ?? []);
    chains.set(Id, ids);
    for (const id of ids) uses.set(id, (uses.get(id) ?? 0) + 1);
  }
  const containers = images.daemon.containers.list();
  for (const one of found) {
    one.Containers = containers.filter(({ imageId }) => imageId === one.Id).length;
    const shared = (chains.get(one.Id) ?? []).filter((id) => (uses.get(id) ?? 0) > 1);
    one.SharedSize = shared.reduce((sum, id) => sum + (images.layers.peek(id)?.sizeBytes ?? 0), 0);
  }
  return found;
}

function matches(pattern: string, reference: Reference): boolean {
  return pathMatch(pattern, familiarString(reference)) || pathMatch(pattern, familiarName(reference));
}

type Names = Pick<ImageSummary, "RepoDigests" | "RepoTags">;

function namesOf(references: readonly Reference[]): Names {
  const digests = references.filter(({ digest }) => digest !== undefined).map(familiarString);
  const tags = references.filter(({ digest }) => digest === undefined).map(familiarString);
  return { RepoDigests: digests.length === 0 ? null : digests, RepoTags: tags.length === 0 ? null : tags };
}

function summary(images: Images, image: Image, names: Names): ImageSummary {
  const size = images.sizeOf(image);
  return {
    Containers: -1,
    Created: image.created.sec,
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parent ?? "",
    ...names,
    SharedSize: -1,
    Size: size,
    VirtualSize: size,
  };
}

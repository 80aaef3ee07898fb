/** `docker rmi` and `docker image prune`. moby `daemon/images/image_delete.go`, `image_prune.go`. */

import type { Proc } from "../../abi/sys.ts";
import {
  familiarString,
  normalizedName,
  normalizedString,
  parseNormalizedNamed,
  type Reference,
  tagNameOnly,
} from "../../image/reference.ts";
import type { Filters } from "../api/events.ts";
import type { ImageDeleteItem, ImagesPruneAnswer } from "../api/image.ts";
import { conflict, EngineError, isFailure, systemError, wordsOf } from "../errors.ts";
import { checkFilters, invalidFilter, labelsAccepted } from "../filters.ts";
import type { Container } from "../parts.ts";
import { findDuration } from "../duration.ts";
import { parseTimestamp } from "../timestamp.ts";
import { hexOf, shortId } from "./files.ts";
import type { Images } from "./images.ts";
import { parseRfc3339 } from "./times.ts";

/** Why an image must stay. */
interface Hindrance {
  readonly error: EngineError;
  /** A container is in the way. */
  readonly used: boolean;
}

/** What counts as a hindrance: children and running containers always, names and stopped containers unless forced. */
interface Checks {
  readonly references: boolean;
  readonly stopped: boolean;
}

/**
 * Takes a name from an image, and removes the image with its last name; by an id, the image with all its names. With `prune` the images that it was
 * made of go as well, if nothing needs them. Errors: notFound, conflict.
 */
export function* removeImage(images: Images, text: string, force: boolean, prune: boolean): Proc<ImageDeleteItem[]> {
  const { id } = images.require(text);
  const records: ImageDeleteItem[] = [];
  let references = images.references.references(id);
  const byName = !id.startsWith(text) && !hexOf(id).startsWith(text);
  if (byName) {
    if (!force && isSingle(references)) {
      const user = containersOf(images, id)[0];
      if (user !== undefined)
        throw conflict(
          `conflict: unable to remove repository reference ${JSON.stringify(text)} (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(id)}`,
        );
    }
    const reference = tagNameOnly(parseNormalizedNamed(text));
    yield* images.references.delete(reference);
    records.push({ Untagged: familiarString(reference) });
    yield* images.event(id, id, "untag");
    references = images.references.references(id);
    // Digests of a repository do not stay behind without a tag of it.
    const same = (other: Reference): boolean => normalizedName(other) === normalizedName(reference);
    if (reference.digest === undefined && !references.some((other) => other.digest === undefined && same(other))) {
      for (const other of references.filter(same)) {
        yield* images.references.delete(other);
        records.push({ Untagged: familiarString(other) });
      }
      references = images.references.references(id);
    }
    if (references.length > 0) return records;
  } else if (isSingle(references)) {
    const hindrance = findHindrance(images, id, { references: false, stopped: !force });
    if (hindrance !== undefined) throw hindrance.error;
    for (const reference of references) yield* untag(images, id, reference, records);
  }
  yield* removeUnused(images, id, records, { force, prune, quiet: byName });
  return records;
}

/** All names are of one repository, at most one of them a tag. */
function isSingle(references: readonly Reference[]): boolean {
  if (references.length <= 1) return references.length === 1;
  const tags = references.filter(({ digest }) => digest === undefined);
  if (tags.length > 1) return false;
  const repositories = new Set(references.filter(({ digest }) => digest !== undefined).map(normalizedName));
  return repositories.size === 1 && repositories.has(normalizedName((tags[0] ?? references[0]) as Reference));
}

const containersOf = (images: Images, id: string): Container[] => images.daemon.containers.list().filter(({ imageId }) => imageId === id);

function* untag(images: Images, id: string, reference: Reference, records: ImageDeleteItem[]): Proc<void> {
  yield* images.references.delete(reference);
  records.push({ Untagged: familiarString(reference) });
  yield* images.event(id, id, "untag");
}

function* removeUnused(
  images: Images,
  id: string,
  records: ImageDeleteItem[],
  options: { readonly force: boolean; readonly prune: boolean; readonly quiet: boolean },
): Proc<void> {
  const hindrance = findHindrance(images, id, { references: !options.force, stopped: !options.force });
  if (hindrance !== undefined) {
    const dangling = images.references.references(id).length === 0 && images.store.children(id).length === 0;
    // What was asked for was the name, and that is gone.
    if (options.quiet && (!dangling || hindrance.used)) return;
    throw hindrance.error;
  }
  const parent = images.store.find(id)?.parent;
  for (const reference of images.references.references(id)) yield* untag(images, id, reference, records);
  const layers = yield* images.store.delete(id);
  yield* images.event(id, id, "delete");
  records.push({ Deleted: id }, ...layers.map(({ chainId }) => ({ Deleted: chainId })));
  if (options.prune && parent !== undefined && images.store.find(parent) !== undefined)
    yield* removeUnused(images, parent, records, { force: false, prune: true, quiet: true });
}

function findHindrance(images: Images, id: string, checks: Checks): Hindrance | undefined {
  const because = (message: string, hard: boolean, used: boolean): Hindrance => ({
    error: conflict(`conflict: unable to delete ${shortId(id)} (${hard ? "cannot" : "must"} be forced) - ${message}`),
    used,
  });
  if (images.store.children(id).length > 0) return because("image has dependent child images", true, false);
  const users = containersOf(images, id);
  const running = users.find((container) => container.running);
  if (running !== undefined) return because(`image is being used by running container ${shortId(running.id)}`, true, true);
  if (checks.references && images.references.references(id).length > 0)
    return because("image is referenced in multiple repositories", false, false);
  const stopped = users[0];
  if (checks.stopped && stopped !== undefined)
    return because(`image is being used by stopped container ${shortId(stopped.id)}`, false, true);
  return undefined;
}

const PRUNE_FILTERS = ["dangling", "label", "label!", "until"];

/** Removes images without a name, or with `dangling=false` all that no container uses. Errors: conflict while another prune runs. */
export function* pruneImages(images: Images, filters: Filters): Proc<ImagesPruneAnswer> {
  if (images.pruning) throw conflict("a prune operation is already running");
  images.pruning = true;
  try {
    return yield* prune(images, filters);
  } finally {
    images.pruning = false;
  }
}

function* prune(images: Images, filters: Filters): Proc<ImagesPruneAnswer> {
  checkFilters(filters, PRUNE_FILTERS);
  const { dangling = [], until = [] } = filters;
  const every = dangling.includes("false") || dangling.includes("0");
  if (dangling.length > 0 && !every && !dangling.includes("true") && !dangling.includes("1")) throw invalidFilter("dangling", dangling);
  if (until.length > 1) throw systemError("more than one until filter specified");
  const untilNs = yield* untilTime(images, until[0]);
  const sizes = new Map(images.layers.list().map(({ chainId, sizeBytes }) => [chainId, sizeBytes]));
  const deleted: ImageDeleteItem[] = [];
  const candidates = (every ? images.store.list() : images.store.heads()).filter(({ id, created, config }) => {
    if (images.references.references(id).length === 0 && images.store.children(id).length > 0) return false;
    if (untilNs !== undefined && created.sec * 1e9 + created.nsec > untilNs) return false;
    return config.config == null || labelsAccepted(filters, config.config.Labels);
  });
  for (const { id } of candidates) {
    const references = images.references.references(id);
    if (references.length === 0) yield* tryRemove(images, hexOf(id), deleted);
    else if (every || references.every(({ digest }) => digest !== undefined))
      for (const reference of references) yield* tryRemove(images, normalizedString(reference), deleted);
  }
  const reclaimed = deleted.reduce((sum, { Deleted }) => sum + (sizes.get(Deleted ?? "") ?? 0), 0);
  yield* images.daemon.events.log("image", "prune", "", { reclaimed: String(reclaimed) });
  return { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed };
}

/** A time, or how long ago: timetypes.GetTimestamp(). */
function* untilTime({ daemon }: Images, text: string | undefined): Proc<number | undefined> {
  if (text === undefined) return undefined;
  const ago = findDuration(text);
  if (ago !== undefined) return (yield* daemon.now()) - ago;
  const date = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?$/.exec(text)?.[0];
  if (date === undefined) return parseTimestamp(text);
  const { sec, nsec } = parseRfc3339(date.length === 10 ? `${date}T00:00:00Z` : /[Z+]|-\d\d:\d\d$/.test(date) ? date : `${date}Z`);
  return sec * 1e9 + nsec;
}

function* tryRemove(images: Images, text: string, deleted: ImageDeleteItem[]): Proc<void> {
  try {
    deleted.push(...(yield* removeImage(images, text, false, true)));
  } catch (e) {
    if (!isFailure(e)) throw e;
    if (!(e instanceof EngineError) || e.category !== "conflict")
      yield* images.daemon.log("warning", `failed to prune image ${text}: ${wordsOf(e)}`);
  }
}

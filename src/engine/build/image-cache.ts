/** Finds the image that a step has made before. moby `image/cache/cache.go`, `builder/dockerfile/imageprobe.go`. */

import type { Proc } from "../../abi/sys.ts";
import { type Chain, isBuiltOn, layerOfEntry, sameStep } from "../../builder/cache.ts";
import type { ContainerConfig } from "../api/container.ts";
import { isFailure } from "../errors.ts";
import { wholeConfig } from "../images/config.ts";
import { goJson, sortKeys } from "../images/go-json.ts";
import type { Image } from "../images/image-store.ts";
import type { Images } from "../images/images.ts";
import { ENGINE_VERSION } from "../version.ts";

const chainOf = ({ config }: Image): Chain => ({ history: config.history ?? [], diffIds: config.rootfs.diff_ids });

export class ImageCache {
  /** Nothing below a step that was new can have been there. */
  private busted = false;
  /** `--cache-from`; undefined: whatever was built here. */
  private sources: Image[] | undefined;

  constructor(
    private readonly images: Images,
    private readonly disabled: boolean,
    private readonly cacheFrom: readonly string[],
  ) {}

  /** A stage begins. */
  *reset(): Proc<void> {
    this.busted = false;
    this.sources = undefined;
    if (this.cacheFrom.length === 0) return;
    this.sources = [];
    for (const name of this.cacheFrom) {
      try {
        this.sources.push(this.images.require(name));
      } catch (e) {
        if (!isFailure(e)) throw e;
        yield* this.images.daemon.log("warning", `Could not look up ${name} for cache resolution, skipping: ${e.message}`);
      }
    }
  }

  /** The image that the step made of `parentId` (empty: of nothing); undefined if it never did. */
  *probe(parentId: string, config: Partial<ContainerConfig>): Proc<string | undefined> {
    if (this.busted || this.disabled) return undefined;
    const found = this.sources === undefined ? this.local(parentId, config) : yield* this.fromSources(this.sources, parentId, config);
    if (found === undefined) this.busted = true;
    return found;
  }

  private local(parentId: string, config: Partial<ContainerConfig>): string | undefined {
    const { store } = this.images;
    const siblings = parentId === "" ? store.list().filter(({ parent }) => parent === undefined) : store.children(parentId);
    let newest: Image | undefined;
    for (const image of siblings) {
      const made = image.config.container_config;
      if (made === undefined || !sameStep(made, config)) continue;
      if (newest === undefined || isLater(image, newest)) newest = image;
    }
    return newest?.id;
  }

  private *fromSources(sources: readonly Image[], parentId: string, config: Partial<ContainerConfig>): Proc<string | undefined> {
    const { store } = this.images;
    const here = this.local(parentId, config);
    if (here !== undefined && sources.some((source) => this.descends(source.id, here))) return here;
    const parent = parentId === "" ? undefined : store.find(parentId);
    const depth = parent?.config.history?.length ?? 0;
    for (const target of sources) {
      const entry = (target.config.history ?? [])[depth];
      if (!isBuiltOn(chainOf(target), parent && chainOf(parent)) || entry?.created_by !== (config.Cmd ?? []).join(" ")) continue;
      if ((target.config.history ?? []).length - 1 === depth) {
        if (parent !== undefined) yield* store.setParent(target.id, parent.id);
        return target.id;
      }
      const id = yield* this.restore(parent, target, depth, config);
      // No jumping between them.
      this.sources = [target];
      return id;
    }
    return undefined;
  }

  private descends(id: string, ancestor: string): boolean {
    for (let at = this.images.store.find(id)?.parent; at !== undefined; at = this.images.store.find(at)?.parent)
      if (at === ancestor) return true;
    return false;
  }

  /** An image in the middle of the target's history, which was not kept with it. */
  private *restore(parent: Image | undefined, target: Image, depth: number, config: Partial<ContainerConfig>): Proc<string> {
    const { store } = this.images;
    const entry = (target.config.history ?? [])[depth];
    const layer = layerOfEntry(chainOf(target), depth);
    const { architecture, os, author } = target.config;
    const raw = goJson(
      sortKeys({
        architecture,
        ...(author === undefined || author === "" ? {} : { author }),
        config: wholeConfig(config),
        container_config: wholeConfig({}),
        ...(entry?.created === undefined ? {} : { created: entry.created }),
        docker_version: ENGINE_VERSION,
        history: [...(parent?.config.history ?? []), ...(entry === undefined ? [] : [entry])],
        os,
        rootfs: { type: "layers", diff_ids: [...(parent?.config.rootfs.diff_ids ?? []), ...(layer === undefined ? [] : [layer])] },
      }),
    );
    const { id } = yield* store.create(raw);
    if (parent !== undefined) yield* store.setParent(id, parent.id);
    return id;
  }
}

function isLater({ created: a }: Image, { created: b }: Image): boolean {
  return a.sec > b.sec || (a.sec === b.sec && a.nsec > b.nsec);
}

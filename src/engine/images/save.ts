/**
 * `docker save`: images as an archive that `docker load` takes, with the directories that Docker before 1.10 read. moby `image/tarexport/save.go`.
 * Differs from Linux: moby writes it all into /var/lib/docker/tmp first, and packs that; here it is packed as it is sent.
 */

import type { Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { chainIds, digestOf } from "../../image/oci.ts";
import {
  familiarName,
  familiarString,
  normalizedString,
  parseAnyReference,
  type Reference,
  tagNameOnly,
  InvalidReference,
} from "../../image/reference.ts";
import { DIRTYPE, emptyEntry, REGTYPE, SYMTYPE, TarWriter, BLOCKSIZE } from "../../userland/libc/tar.ts";
import type { ByteSink } from "../../userland/libc/stream.ts";
import { notFound, systemError } from "../errors.ts";
import { NO_TIME } from "../daemon.ts";
import { wholeConfig } from "./config.ts";
import { byBytes, hexOf } from "./files.ts";
import { goJson, sortKeys } from "./go-json.ts";
import type { Image } from "./image-store.ts";
import type { Images } from "./images.ts";
import type { Layer } from "./layer-store.ts";

/** What goes into the archive of one image. */
interface Chosen {
  readonly image: Image;
  readonly tags: Reference[];
  /** Names of its layers' directories, the lowest first. */
  readonly layers: string[];
}

/** What goes into a layer's directory. */
interface LayerDir {
  readonly json: string;
  readonly time: Timespec;
  /** The archive, or another directory's, if that has the same. */
  readonly content: Layer | string;
}

/** What all entries have in common. */
const ROOTS = { ...emptyEntry, uname: "root", gname: "root" };
const EPOCH: Timespec = { sec: 0, nsec: 0 };

/** Looks up what is asked for; nothing has been written when that fails. Errors: notFound, systemError. */
export function chooseImages(images: Images, names: readonly string[]): SaveSession {
  const chosen = new Map<string, Chosen>();
  const add = (image: Image, tag?: Reference): void => {
    const one = chosen.get(image.id) ?? { image, tags: [], layers: [] };
    chosen.set(image.id, one);
    if (tag !== undefined && tag.digest === undefined && !one.tags.some((other) => normalizedString(other) === normalizedString(tag)))
      one.tags.push(tag);
  };
  const found = (image: Image | undefined, name: string): Image => {
    if (image === undefined) throw notFound(`No such image: ${name}`);
    return image;
  };
  for (const name of names) {
    const reference = parse(name);
    if (!("path" in reference)) {
      add(found(images.store.find(reference.digest), name));
      continue;
    }
    if (familiarName(reference) === "sha256") {
      add(found(images.store.search(name), name));
      continue;
    }
    if (reference.tag === undefined && reference.digest === undefined) {
      const all = images.references.byName(reference);
      for (const one of all) add(found(images.store.find(one.id), name), one.reference);
      if (all.length === 0) add(found(images.store.search(name), name));
      continue;
    }
    const id = images.references.get(reference);
    // moby's reference store has other words than its image store.
    if (id === undefined) throw notFound("reference does not exist");
    add(found(images.store.find(id), name), tagNameOnly(reference));
  }
  return new SaveSession(images, [...chosen.values()]);
}

function parse(name: string): Reference | { readonly digest: string } {
  try {
    return parseAnyReference(name);
  } catch (e) {
    if (e instanceof InvalidReference) throw systemError(e.message);
    throw e;
  }
}

export class SaveSession {
  private readonly dirs = new Map<string, LayerDir>();
  private readonly files = new Map<string, { readonly content: string; readonly time: Timespec }>();
  /** The directory that holds a layer's archive, by its digest. */
  private readonly holders = new Map<string, string>();

  constructor(
    private readonly images: Images,
    private readonly chosen: readonly Chosen[],
  ) {
    for (const one of chosen) this.addImage(one);
    this.addLists();
  }

  private addImage({ image, layers }: Chosen): void {
    const { diff_ids: diffIds } = image.config.rootfs;
    // moby refuses it in these words.
    if (diffIds.length === 0) throw systemError("empty export - not implemented");
    let parent: string | undefined;
    chainIds(diffIds).forEach((chain, i) => {
      const layer = this.images.layers.peek(chain);
      if (layer === undefined) throw systemError("layer does not exist");
      const legacy =
        i === diffIds.length - 1 ? legacyConfig(image) : { created: "1970-01-01T00:00:00Z", container_config: wholeConfig({}) };
      const id = hexOf(legacyId(legacy, chain, parent));
      const above = parent === undefined ? {} : { parent: hexOf(parent) };
      const holder = this.holders.get(layer.diffId);
      if (!this.dirs.has(id)) {
        const json = goJson(ordered({ id, ...above, ...legacy, os: image.config.os }));
        const content = holder === undefined ? layer : `../${holder}/layer.tar`;
        this.dirs.set(id, { json, time: image.created, content });
        if (holder === undefined) this.holders.set(layer.diffId, id);
      }
      layers.push(id);
      parent = `sha256:${id}`;
    });
    this.files.set(`${hexOf(image.id)}.json`, { content: image.raw, time: image.created });
  }

  /** manifest.json, and `repositories` where there are names. */
  private addLists(): void {
    const ids = new Set(this.chosen.map(({ image }) => image.id));
    const repositories: Record<string, Record<string, string>> = {};
    const manifest = this.chosen.map(({ image, tags, layers }) => {
      for (const tag of tags) {
        const name = familiarName(tag);
        repositories[name] = { ...repositories[name], [tag.tag as string]: layers[layers.length - 1] as string };
      }
      return {
        Config: `${hexOf(image.id)}.json`,
        RepoTags: tags.length === 0 ? null : tags.map(familiarString),
        Layers: layers.map((id) => `${id}/layer.tar`),
        ...(image.parent !== undefined && ids.has(image.parent) ? { Parent: image.parent } : {}),
      };
    });
    this.files.set("manifest.json", { content: `${goJson(manifest)}\n`, time: EPOCH });
    if (Object.keys(repositories).length === 0) return;
    const sorted = Object.fromEntries(Object.entries(repositories).map(([name, tags]) => [name, sortKeys(tags)]));
    this.files.set("repositories", { content: `${goJson(sortKeys(sorted))}\n`, time: EPOCH });
  }

  /** Blocks. */
  *write(sink: ByteSink): Proc<void> {
    const writer = new TarWriter(sink, "pax");
    for (const name of [...this.dirs.keys(), ...this.files.keys()].sort(byBytes)) {
      const dir = this.dirs.get(name);
      const file = this.files.get(name);
      if (dir !== undefined) yield* this.writeDir(writer, name, dir);
      else if (file !== undefined) yield* writeText(writer, name, file.content, file.time);
    }
    yield* writer.end(BLOCKSIZE);
    for (const { image } of this.chosen) yield* this.images.event(image.id, image.id, "save");
  }

  private *writeDir(writer: TarWriter, name: string, { json, time, content }: LayerDir): Proc<void> {
    const mtime = { sec: Math.max(0, time.sec), nsec: 0 };
    yield* writer.entry({ ...ROOTS, name: `${name}/`, type: DIRTYPE, mode: 0o755, mtime });
    yield* writeText(writer, `${name}/VERSION`, "1.0", time);
    yield* writeText(writer, `${name}/json`, json, time);
    if (typeof content === "string") {
      yield* writer.entry({ ...ROOTS, name: `${name}/layer.tar`, type: SYMTYPE, mode: 0o777, linkname: content, mtime });
      return;
    }
    const size = yield* this.images.layers.tarSize(content);
    yield* writer.entry({ ...ROOTS, name: `${name}/layer.tar`, type: REGTYPE, mode: 0o644, size, mtime });
    yield* this.images.layers.writeTar(content, writer);
  }
}

function* writeText(writer: TarWriter, name: string, text: string, time: Timespec): Proc<void> {
  const bytes = encodeUtf8(text);
  const mtime = { sec: Math.max(0, time.sec), nsec: 0 };
  yield* writer.entry({ ...ROOTS, name, type: REGTYPE, mode: 0o644, size: bytes.length, mtime });
  yield* writer.write(bytes);
}

/** The fields that Docker before 1.10 knew. */
function legacyConfig({ config }: Image): Record<string, unknown> {
  return {
    comment: config.comment,
    created: config.created ?? NO_TIME,
    container: config.container,
    container_config: wholeConfig(config.container_config),
    docker_version: config.docker_version,
    author: config.author,
    config: config.config == null ? undefined : wholeConfig(config.config),
    architecture: config.architecture,
    variant: config.variant,
    os: config.os,
  };
}

const LEGACY_ORDER = [
  ...["id", "parent", "comment", "created", "container", "container_config", "docker_version", "author", "config", "architecture"],
  ...["variant", "os"],
] as const;

/** In the order of moby's struct, without what is empty. */
function ordered(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    LEGACY_ORDER.map((key) => [key, fields[key]] as const).filter(([, value]) => value !== undefined && value !== ""),
  );
}

/** The id that an image had there, made of its configuration, its layers and its parent. */
function legacyId(fields: Record<string, unknown>, chain: string, parent: string | undefined): string {
  const all = { ...ordered(fields), layer_id: chain, ...(parent === undefined ? {} : { parent }) };
  return digestOf(goJson(sortKeys(all)));
}

/**
 * `docker load`: images of an archive as `docker save` or an older Docker wrote it, or of an OCI image layout. moby `image/tarexport/load.go`.
 * Differs from Linux: Docker 20.10 takes an OCI layout only with a manifest.json in it, as later ones write it.
 */

import type { Proc, Sys } from "../../abi/sys.ts";
import { applyLayer, LayerError } from "../../image/layer.ts";
import { chainId, type Descriptor, type History, type Index, type Manifest, isIndexType } from "../../image/oci.ts";
import { familiarString, InvalidReference, parseNormalizedNamed, type Reference } from "../../image/reference.ts";
import { mkdir, readText } from "../../userland/libc/unistd.ts";
import { DT_DIR } from "../../abi/stat.ts";
import { readDir } from "../../userland/libc/unistd.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import { systemError } from "../errors.ts";
import { removeAll } from "../files.ts";
import { decompressed, openSource, pathInScope } from "./archive.ts";
import { exists, pathError, shortId } from "./files.ts";
import { goJson, sortKeys } from "./go-json.ts";
import { parseImage } from "./image-store.ts";
import type { Images } from "./images.ts";
import type { Layer } from "./layer-store.ts";
import { type MessageStream, type ProgressOutput, ProgressSource } from "./progress.ts";

interface ManifestItem {
  readonly Config?: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers?: readonly string[] | null;
  readonly Parent?: string;
}

/** Errors: systemError. Blocks. */
export function* loadImages(images: Images, body: ByteSource, output: MessageStream, quiet: boolean): Proc<void> {
  const { sys } = images.daemon;
  const dir = `${images.tempDir}/docker-import-${yield* randomNumber(sys)}`;
  yield* mkdir(sys, dir, 0o700);
  try {
    try {
      yield* applyLayer(sys, yield* decompressed(sys, body), dir, { whiteouts: "literal" });
    } catch (e) {
      if (e instanceof LayerError) throw systemError(e.message);
      throw e;
    }
    yield* new LoadSession(images, dir, output, quiet ? undefined : output).run();
  } finally {
    yield* removeAll(sys, dir);
  }
}

function* randomNumber(sys: Sys): Proc<number> {
  const bytes = new Uint8Array(4);
  yield* sys.getrandom(bytes, 0);
  return new DataView(bytes.buffer).getUint32(0);
}

class LoadSession {
  /** Held until the images are there. */
  private readonly held: Layer[] = [];

  constructor(
    private readonly images: Images,
    private readonly dir: string,
    private readonly output: MessageStream,
    private readonly progress: ProgressOutput | undefined,
  ) {}

  *run(): Proc<void> {
    const { sys } = this.images.daemon;
    try {
      const manifest = yield* pathInScope(sys, this.dir, "manifest.json");
      if (yield* exists(sys, manifest)) yield* this.loadManifest(decode<ManifestItem[]>(yield* readText(sys, manifest)));
      else if ((yield* exists(sys, `${this.dir}/oci-layout`)) && (yield* exists(sys, `${this.dir}/index.json`))) yield* this.loadLayout();
      else yield* this.loadLegacy();
    } finally {
      for (const layer of this.held) yield* this.images.layers.release(layer);
    }
  }

  /** The text of a file of the archive. */
  private *text(path: string): Proc<string> {
    const { sys } = this.images.daemon;
    const full = yield* pathInScope(sys, this.dir, path);
    return yield* pathError("open", full, readText(sys, full));
  }

  private *loadManifest(items: readonly ManifestItem[] | null): Proc<void> {
    const { store } = this.images;
    const parents = new Map<string, string>();
    let named = 0;
    let ids = "";
    for (const item of items ?? []) {
      const id = yield* this.loadImage(yield* this.text(item.Config ?? ""), item.Layers ?? []);
      ids += `Loaded image ID: ${id}\n`;
      named = 0;
      for (const text of item.RepoTags ?? []) {
        yield* this.name(loadedName(text), id);
        named++;
      }
      if (item.Parent !== undefined && item.Parent !== "") parents.set(id, item.Parent);
      yield* this.images.event(id, id, "load");
      if (!parents.has(id)) parents.set(id, "");
    }
    for (const [id, parent] of parents) {
      if (parent === "" || parent === id || !parents.has(parent)) continue;
      const steps = (of: string): readonly History[] => store.find(of)?.config.history ?? [];
      const own = steps(id).length - steps(parent).length;
      if (own !== 1 && steps(id).length + steps(parent).length > 0) throw systemError(`image ${parent} is not a valid parent for ${id}`);
      yield* store.setParent(id, parent);
    }
    if (named === 0 && ids !== "") yield* this.output.text(ids);
  }

  /** One image of a configuration and the paths of its layers' archives. Returns its id. */
  private *loadImage(raw: string, paths: readonly string[]): Proc<string> {
    const image = parseImage("", raw);
    if (typeof image === "string") throw systemError(image);
    const { os } = image.config;
    if (os === "windows") throw systemError("cannot load windows image on linux");
    const { diff_ids: diffIds } = image.config.rootfs;
    if (paths.length !== diffIds.length)
      throw systemError(`invalid manifest, layers length mismatch: expected ${paths.length}, got ${diffIds.length}`);
    for (const [i, diffId] of diffIds.entries()) {
      const below = i === 0 ? undefined : chainId(diffIds.slice(0, i));
      const there = this.images.layers.get(chainId(diffIds.slice(0, i + 1)));
      const layer = there ?? (yield* this.loadLayer(paths[i] as string, below, diffId));
      this.held.push(layer);
      if (layer.diffId !== diffId)
        throw systemError(`invalid diffID for layer ${i}: expected ${JSON.stringify(diffId)}, got ${JSON.stringify(layer.diffId)}`);
    }
    return (yield* this.images.store.create(raw)).id;
  }

  /** `id` is what progress is told of. */
  private *loadLayer(path: string, below: string | undefined, id: string): Proc<Layer> {
    const { sys } = this.images.daemon;
    const file = yield* openSource(sys, yield* pathInScope(sys, this.dir, path));
    try {
      const source =
        this.progress === undefined ? file : new ProgressSource(sys, file, this.progress, file.sizeBytes, shortId(id), "Loading layer");
      return yield* this.images.layers.register(yield* decompressed(sys, source), below);
    } finally {
      yield* file.close();
    }
  }

  private *name(reference: Reference, id: string, tell = true): Proc<void> {
    const old = this.images.references.get(reference);
    const text = familiarString(reference);
    if (old !== undefined && old !== id)
      yield* this.output.text(`The image ${text} already exists, renaming the old one with ID ${old} to empty string\n`);
    yield* this.images.references.addTag(reference, id);
    if (tell) yield* this.output.text(`Loaded image: ${text}\n`);
  }

  // ── OCI image layout ───────────────────────────────────────────────────────────────────────────────────────────────

  private *loadLayout(): Proc<void> {
    const index = decode<Index>(yield* this.text("index.json"));
    for (const descriptor of index.manifests ?? []) {
      const manifest = yield* this.layoutManifest(descriptor);
      const id = yield* this.loadImage(yield* this.blob(manifest.config), manifest.layers.map(blobPath));
      const name = descriptor.annotations?.["io.containerd.image.name"] ?? "";
      if (name !== "") yield* this.name(loadedName(name), id);
      else yield* this.output.text(`Loaded image ID: ${id}\n`);
      yield* this.images.event(id, id, "load");
    }
  }

  private *layoutManifest(descriptor: Descriptor): Proc<Manifest> {
    if (!isIndexType(descriptor.mediaType)) return decode<Manifest>(yield* this.blob(descriptor));
    const { manifests } = decode<Index>(yield* this.blob(descriptor));
    const match = manifests.find(
      ({ platform }) => platform === undefined || (platform.os === "linux" && platform.architecture === "amd64"),
    );
    if (match === undefined) throw systemError("no matching manifest for linux/amd64 in the manifest list entries");
    return yield* this.layoutManifest(match);
  }

  private blob(descriptor: Descriptor): Proc<string> {
    return this.text(blobPath(descriptor));
  }

  // ── Archives of Docker before 1.10 ─────────────────────────────────────────────────────────────────────────────────

  private *loadLegacy(): Proc<void> {
    const { sys } = this.images.daemon;
    const loaded = new Map<string, string>();
    const names = (yield* readDir(sys, this.dir)).filter(({ name, type }) => type === DT_DIR && name !== "." && name !== "..");
    for (const { name } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) yield* this.loadLegacyImage(name, loaded, []);
    const repositories = decode<Record<string, Record<string, string>>>(yield* this.text("repositories"));
    for (const [name, tags] of Object.entries(repositories)) {
      for (const [tag, old] of Object.entries(tags)) {
        const id = loaded.get(old);
        if (id === undefined) throw systemError(`invalid target ID: ${old}`);
        yield* this.name({ ...loadedName(`${name}:${tag}`) }, id, false);
      }
    }
  }

  /** Its parents first. `above` are those that wait for it. */
  private *loadLegacyImage(old: string, loaded: Map<string, string>, above: readonly string[]): Proc<void> {
    if (loaded.has(old)) return;
    if (above.includes(old)) throw systemError(`invalid target ID: ${old}`);
    const { store } = this.images;
    const raw = yield* this.text(`${old}/json`);
    const fields = decode<Record<string, unknown>>(raw);
    if (fields.os === "windows") throw systemError("cannot load windows image on linux");
    const parentOld = typeof fields.parent === "string" && fields.parent !== "" ? fields.parent : undefined;
    if (parentOld !== undefined) yield* this.loadLegacyImage(parentOld, loaded, [...above, old]);
    const parentId = parentOld === undefined ? undefined : loaded.get(parentOld);
    const parent = parentId === undefined ? undefined : store.find(parentId);
    const layer = yield* this.loadLayer(
      `${old}/layer.tar`,
      parent === undefined || parent.chainId === "" ? undefined : parent.chainId,
      old,
    );
    this.held.push(layer);
    const command = (fields.container_config as { Cmd?: string[] | null } | undefined)?.Cmd ?? [];
    const step: History = {
      created: String(fields.created ?? "0001-01-01T00:00:00Z"),
      ...(typeof fields.author === "string" && fields.author !== "" ? { author: fields.author } : {}),
      ...(command.length === 0 ? {} : { created_by: command.join(" ") }),
      ...(typeof fields.comment === "string" && fields.comment !== "" ? { comment: fields.comment } : {}),
    };
    const { id: _id, parent: _parent, Size: _size, parent_id: _parentId, layer_id: _layerId, throwaway: _throwaway, ...rest } = fields;
    const config = {
      ...rest,
      rootfs: { type: "layers", diff_ids: [...(parent?.config.rootfs.diff_ids ?? []), layer.diffId] },
      history: [...(parent?.config.history ?? []), step],
    };
    const { id } = yield* store.create(goJson(sortKeys(config)));
    if (parentId !== undefined) yield* store.setParent(id, parentId);
    loaded.set(old, id);
  }
}

const blobPath = ({ digest }: Descriptor): string => `blobs/${digest.replace(":", "/")}`;

/** Errors: systemError for what is no tag. */
function loadedName(text: string): Reference {
  try {
    const reference = parseNormalizedNamed(text);
    if (reference.tag === undefined) throw systemError(`invalid tag ${JSON.stringify(text)}`);
    return reference;
  } catch (e) {
    if (e instanceof InvalidReference) throw systemError(e.message);
    throw e;
  }
}

/** Errors: systemError in the words of Go's decoder. */
function decode<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    const first = text.trim()[0];
    if (first === undefined) throw systemError("EOF");
    if (!/[[{"\d\-tfn]/.test(first)) throw systemError(`invalid character '${first}' looking for beginning of value`);
    throw systemError("unexpected EOF");
  }
}

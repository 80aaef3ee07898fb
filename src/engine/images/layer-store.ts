/**
 * Layers: read-only ones, named by the digests of all their contents (chain id), and the writable ones of containers on top. What is known of them is
 * in /var/lib/docker/image/overlay2/layerdb: `sha256/<chain id>/{diff,size,cache-id,parent,tar-split.json.gz}`, `mounts/<container>/{mount-id,init-id,parent}`.
 * moby `layer/layer_store.go`, `filestore.go`, `mounted_layer.go`.
 */

import { EEXIST } from "../../abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { applyLayer, LayerError, packLayer } from "../../image/layer.ts";
import { digestOf, DigestingSource } from "../../image/oci.ts";
import { GunzipSource, GzipSink } from "../../userland/libc/gzip.ts";
import { Input, Output } from "../../userland/libc/stdio.ts";
import type { ByteSink, ByteSource } from "../../userland/libc/stream.ts";
import { mkdir, open, optional, rename, writeFile } from "../../userland/libc/unistd.ts";
import type { FilesystemChange, GraphDriverJson } from "../api/container.ts";
import { isFailure, systemError } from "../errors.ts";
import { makeDirs, removeAll } from "../files.ts";
import { Mutex } from "../sync.ts";
import { changesBetween } from "./changes.ts";
import { hexOf, namesIn, pathError, randomId, readIfThere, treeSize } from "./files.ts";
import { setupInitLayer } from "./init-layer.ts";
import { Locker } from "./locker.ts";
import type { DriverMetadata, Overlay2 } from "./overlay2.ts";
import { assembledSize, assembleTar, TarSplitSource } from "./tar-split.ts";

const DRIVER = "overlay2";
const MAX_LAYER_DEPTH = 125;
/** The digest of an archive with nothing in it: such a layer is left out of images. */
export const EMPTY_LAYER = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/** A read-only layer. */
export interface Layer {
  readonly chainId: string;
  /** Of its uncompressed archive alone. */
  readonly diffId: string;
  /** Its directory in overlay2. */
  readonly cacheId: string;
  /** Bytes of its own files. */
  readonly sizeBytes: number;
  readonly parent: Layer | undefined;
}

interface KeptLayer extends Layer {
  readonly parent: KeptLayer | undefined;
  /** Images, layers on top, containers, and whoever works with it. */
  references: number;
}

/** A container's layer. */
interface WritableLayer {
  readonly mountId: string;
  /** `<mountId>-init`. */
  readonly initId: string | undefined;
  readonly parent: KeptLayer | undefined;
  metadata: DriverMetadata;
}

export class LayerStore {
  private readonly layers = new Map<string, KeptLayer>();
  private readonly writable = new Map<string, WritableLayer>();
  /** Held while layers come into being or go. */
  private readonly lock: Mutex;
  private readonly names: Locker;

  constructor(
    private readonly sys: Sys,
    /** …/image/overlay2/layerdb */
    private readonly root: string,
    readonly driver: Overlay2,
  ) {
    this.lock = new Mutex(sys);
    this.names = new Locker(sys);
  }

  /** Reads what is there, and clears away what a daemon that was killed has left half done. */
  *restore(): Proc<void> {
    const { sys, root } = this;
    yield* makeDirs(sys, `${root}/sha256`, 0o700);
    yield* removeAll(sys, `${root}/tmp`);
    yield* makeDirs(sys, `${root}/tmp`, 0o755);
    for (const name of yield* namesIn(sys, `${root}/sha256`)) {
      if (/^[0-9a-f]{64}$/.test(name)) yield* this.load(`sha256:${name}`);
      else if (name.endsWith("-removing")) {
        const cacheId = yield* readIfThere(sys, `${root}/sha256/${name}/cache-id`);
        if (cacheId !== undefined && cacheId !== "") yield* this.driver.remove(cacheId);
        yield* removeAll(sys, `${root}/sha256/${name}`);
      }
    }
    for (const layer of this.layers.values()) if (layer.parent !== undefined) layer.parent.references++;
    for (const name of yield* namesIn(sys, `${root}/mounts`)) yield* this.loadWritable(name);
    yield* this.removeOrphans();
  }

  /** Differs from Linux: moby leaves what a killed daemon had begun to unpack where it is, for good. */
  private *removeOrphans(): Proc<void> {
    const known = new Set(["l"]);
    for (const { cacheId } of this.layers.values()) known.add(cacheId);
    for (const { mountId, initId } of this.writable.values()) known.add(mountId).add(initId ?? mountId);
    for (const id of yield* namesIn(this.sys, this.driver.home)) if (!known.has(id)) yield* this.driver.remove(id);
    yield* this.driver.removeDeadLinks();
  }

  /** Undefined for what is incomplete: such a layer does not exist. */
  private *load(chainId: string): Proc<KeptLayer | undefined> {
    const there = this.layers.get(chainId);
    if (there !== undefined) return there;
    const dir = this.layerDir(chainId);
    const read = (name: string): Proc<string | undefined> => readIfThere(this.sys, `${dir}/${name}`);
    const diffId = yield* read("diff");
    const size = yield* read("size");
    const cacheId = yield* read("cache-id");
    const above = yield* read("parent");
    if (diffId === undefined || size === undefined || cacheId === undefined) return undefined;
    const parent = above === undefined ? undefined : yield* this.load(above.trim());
    if (above !== undefined && parent === undefined) return undefined;
    const layer: KeptLayer = { chainId, diffId: diffId.trim(), cacheId: cacheId.trim(), sizeBytes: Number(size), parent, references: 0 };
    this.layers.set(chainId, layer);
    return layer;
  }

  private *loadWritable(name: string): Proc<void> {
    const dir = `${this.root}/mounts/${name}`;
    const mountId = yield* readIfThere(this.sys, `${dir}/mount-id`);
    const initId = yield* readIfThere(this.sys, `${dir}/init-id`);
    const above = yield* readIfThere(this.sys, `${dir}/parent`);
    if (mountId === undefined || initId === undefined) {
      yield* removeAll(this.sys, dir);
      return;
    }
    const parent = above === undefined ? undefined : this.layers.get(above.trim());
    if (parent !== undefined) parent.references++;
    this.writable.set(name, { mountId, initId, parent, metadata: yield* this.driver.metadata(mountId) });
  }

  private layerDir(chainId: string): string {
    return `${this.root}/sha256/${hexOf(chainId)}`;
  }

  // ── Read-only layers ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Whoever gets it must release() it. */
  get(chainId: string): Layer | undefined {
    const layer = this.layers.get(chainId);
    if (layer !== undefined) layer.references++;
    return layer;
  }

  /** Without holding it. */
  peek(chainId: string): Layer | undefined {
    return this.layers.get(chainId);
  }

  list(): readonly Layer[] {
    return [...this.layers.values()];
  }

  /**
   * Unpacks an archive into a new layer on top of `parentId` and returns it, held. One that is there already is returned instead. `source` is
   * uncompressed. Errors: EngineError in the words of docker-untar. Blocks.
   */
  *register(source: ByteSource, parentId: string | undefined): Proc<Layer> {
    const { sys } = this;
    const parent = parentId === undefined ? undefined : (this.get(parentId) as KeptLayer | undefined);
    if (parentId !== undefined && parent === undefined) throw systemError("layer does not exist");
    const cacheId = yield* randomId(sys);
    const transaction = `${this.root}/tmp/write-set-${cacheId.slice(0, 10)}`;
    try {
      if (parent !== undefined && depthOf(parent) >= MAX_LAYER_DEPTH) throw systemError("max depth exceeded");
      yield* this.driver.create(cacheId, parent?.cacheId);
      yield* makeDirs(sys, transaction, 0o700);
      const diffId = yield* this.unpack(source, cacheId, transaction);
      const chainId = parent === undefined ? diffId : digestOf(`${parent.chainId} ${diffId}`);
      const sizeBytes = yield* treeSize(sys, this.driver.diffDir(cacheId));
      yield* writeFile(sys, `${transaction}/size`, String(sizeBytes), 0o644);
      yield* writeFile(sys, `${transaction}/diff`, diffId, 0o644);
      yield* writeFile(sys, `${transaction}/cache-id`, cacheId, 0o644);
      if (parent !== undefined) yield* writeFile(sys, `${transaction}/parent`, parent.chainId, 0o644);
      const fresh: KeptLayer = { chainId, diffId, cacheId, sizeBytes, parent, references: 1 };
      const existing = yield* this.lock.hold(() => this.commit(transaction, fresh));
      if (existing === undefined) return fresh;
      yield* this.discard(cacheId, transaction);
      if (parent !== undefined) yield* this.release(parent);
      return existing;
    } catch (e) {
      // A bug of ours is not cleaned up after.
      if (!isFailure(e) && !(e instanceof LayerError)) throw e;
      yield* this.discard(cacheId, transaction);
      if (parent !== undefined) yield* this.release(parent);
      throw e instanceof LayerError ? systemError(e.message) : e;
    }
  }

  /** Returns the layer of that name if there is one already, held. */
  private *commit(transaction: string, fresh: KeptLayer): Proc<Layer | undefined> {
    const existing = this.get(fresh.chainId);
    if (existing !== undefined) return existing;
    yield* removeAll(this.sys, this.layerDir(fresh.chainId));
    yield* rename(this.sys, transaction, this.layerDir(fresh.chainId));
    this.layers.set(fresh.chainId, fresh);
    return undefined;
  }

  private *discard(cacheId: string, transaction: string): Proc<void> {
    yield* this.driver.remove(cacheId);
    yield* removeAll(this.sys, transaction);
  }

  /** Returns the digest of the archive. */
  private *unpack(source: ByteSource, cacheId: string, transaction: string): Proc<string> {
    const { sys } = this;
    const fd = yield* open(sys, `${transaction}/tar-split.json.gz`, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644);
    try {
      const file = new Output(sys, fd, "full");
      const packer = new GzipSink(sys, file);
      const digesting = new DigestingSource(sys, source);
      const splitting = new TarSplitSource(digesting, packer);
      yield* applyLayer(sys, splitting, this.driver.diffDir(cacheId), { whiteouts: "overlay" });
      yield* splitting.finish();
      yield* packer.finish();
      yield* file.flush();
      return digesting.digester.digest();
    } finally {
      yield* sys.close(fd);
    }
  }

  /** One holder less; without holders a layer is removed, and those below that only it held. Returns the removed ones. */
  *release(layer: Layer): Proc<Layer[]> {
    return yield* this.lock.hold(() => this.releaseLocked(layer as KeptLayer));
  }

  private *releaseLocked(layer: KeptLayer): Proc<Layer[]> {
    const removed: Layer[] = [];
    for (let at: KeptLayer | undefined = layer; at !== undefined; at = at.parent) {
      at.references--;
      if (at.references > 0) break;
      this.layers.delete(at.chainId);
      yield* this.delete(at);
      removed.push(at);
    }
    return removed;
  }

  /** Renamed first: what is left after a crash is then known to be rubbish. */
  private *delete(layer: KeptLayer): Proc<void> {
    const dir = `${this.layerDir(layer.chainId)}-${yield* randomId(this.sys)}-removing`;
    yield* optional(rename(this.sys, this.layerDir(layer.chainId), dir));
    yield* this.driver.remove(layer.cacheId);
    yield* removeAll(this.sys, dir);
  }

  /** Writes the layer's archive, byte for byte as it came. Blocks. */
  *writeTar(layer: Layer, sink: ByteSink): Proc<void> {
    const { sys } = this;
    const fd = yield* open(sys, `${this.layerDir(layer.chainId)}/tar-split.json.gz`, O_RDONLY | O_CLOEXEC);
    const dir = this.driver.diffDir(layer.cacheId);
    const contents = {
      *open(name: string) {
        const path = `${dir}/${name}`;
        const file = yield* pathError("open", path, open(sys, path, O_RDONLY | O_CLOEXEC));
        const buffer = new Uint8Array(65_536);
        return {
          *read(limit: number): Proc<Uint8Array | undefined> {
            const n = yield* sys.read(file, limit < buffer.length ? buffer.subarray(0, limit) : buffer);
            return n === 0 ? undefined : buffer.subarray(0, n);
          },
          close: () => sys.close(file),
        };
      },
    };
    try {
      yield* assembleTar(sys, new GunzipSource(sys, new Input(sys, fd)), contents, sink);
    } finally {
      yield* sys.close(fd);
    }
  }

  /** Bytes of that archive, without writing it. */
  *tarSize(layer: Layer): Proc<number> {
    const { sys } = this;
    const fd = yield* open(sys, `${this.layerDir(layer.chainId)}/tar-split.json.gz`, O_RDONLY | O_CLOEXEC);
    try {
      return yield* assembledSize(new GunzipSource(sys, new Input(sys, fd)));
    } finally {
      yield* sys.close(fd);
    }
  }

  /** `GraphDriver` of inspect. */
  *graphDriver(layer: Layer): Proc<GraphDriverJson> {
    return { Data: yield* this.driver.metadata(layer.cacheId), Name: DRIVER };
  }

  // ── Writable layers ────────────────────────────────────────────────────────────────────────────────────────────────

  *createWritable(name: string, parentId: string | undefined): Proc<void> {
    yield* this.names.hold(name, () => this.createWritableLocked(name, parentId));
  }

  /** One that no container is to run on: without the init layer. It does not outlive the daemon. */
  *createBare(name: string, parentId: string | undefined): Proc<void> {
    const { sys, driver } = this;
    const parent = parentId === undefined ? undefined : (this.get(parentId) as KeptLayer | undefined);
    if (parentId !== undefined && parent === undefined) throw systemError("layer does not exist");
    const mountId = yield* randomId(sys);
    try {
      yield* driver.create(mountId, parent?.cacheId);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* driver.remove(mountId);
      if (parent !== undefined) yield* this.release(parent);
      throw e;
    }
    this.writable.set(name, { mountId, initId: undefined, parent, metadata: yield* driver.metadata(mountId) });
  }

  private *createWritableLocked(name: string, parentId: string | undefined): Proc<void> {
    const { sys, driver } = this;
    if (this.writable.has(name)) throw systemError("mount already exists with name");
    const parent = parentId === undefined ? undefined : (this.get(parentId) as KeptLayer | undefined);
    if (parentId !== undefined && parent === undefined) throw systemError("layer does not exist");
    const mountId = yield* randomId(sys);
    const initId = `${mountId}-init`;
    const dir = `${this.root}/mounts/${name}`;
    try {
      yield* driver.create(initId, parent?.cacheId);
      const root = yield* driver.get(initId);
      try {
        yield* setupInitLayer(sys, root);
      } finally {
        yield* driver.put(initId);
      }
      yield* driver.create(mountId, initId);
      yield* makeDirs(sys, `${this.root}/mounts`, 0o755);
      // `mount-id` first: a daemon that finds the directory half filled then still knows what to remove.
      yield* optional(mkdir(sys, dir, 0o755), [EEXIST]);
      yield* writeFile(sys, `${dir}/mount-id`, mountId, 0o644);
      yield* writeFile(sys, `${dir}/init-id`, initId, 0o644);
      if (parent !== undefined) yield* writeFile(sys, `${dir}/parent`, parent.chainId, 0o644);
    } catch (e) {
      if (!isFailure(e)) throw e;
      yield* driver.remove(mountId);
      yield* driver.remove(initId);
      yield* removeAll(sys, dir);
      if (parent !== undefined) yield* this.release(parent);
      throw e;
    }
    this.writable.set(name, { mountId, initId, parent, metadata: yield* driver.metadata(mountId) });
  }

  private requireWritable(name: string): WritableLayer {
    const found = this.writable.get(name);
    if (found === undefined) throw systemError("mount does not exist");
    return found;
  }

  /** Names of all writable layers. */
  writableNames(): string[] {
    return [...this.writable.keys()];
  }

  /** Mounts it, counted, and returns its root. */
  *mount(name: string): Proc<string> {
    return yield* this.driver.get(this.requireWritable(name).mountId);
  }

  *unmount(name: string): Proc<void> {
    yield* this.driver.put(this.requireWritable(name).mountId);
  }

  /** Removes a container's layer; nothing happens where there is none. */
  *removeWritable(name: string): Proc<void> {
    yield* this.names.hold(name, () => this.removeWritableLocked(name));
  }

  private *removeWritableLocked(name: string): Proc<void> {
    const found = this.writable.get(name);
    if (found === undefined) return;
    yield* this.driver.remove(found.mountId);
    if (found.initId !== undefined) yield* this.driver.remove(found.initId);
    yield* removeAll(this.sys, `${this.root}/mounts/${name}`);
    this.writable.delete(name);
    if (found.parent !== undefined) yield* this.release(found.parent);
  }

  /** Bytes of the container's own files, and with all below. */
  *writableSize(name: string): Proc<{ rw: number; rootFs: number }> {
    const found = this.requireWritable(name);
    const rw = yield* treeSize(this.sys, this.driver.diffDir(found.mountId));
    return { rw, rootFs: rw + totalSize(found.parent) };
  }

  writableDriver(name: string): GraphDriverJson {
    return { Data: this.requireWritable(name).metadata, Name: DRIVER };
  }

  /** What differs from the image, sorted by path. Blocks. */
  *changes(name: string): Proc<FilesystemChange[]> {
    const { driver } = this;
    const { mountId, initId = mountId } = this.requireWritable(name);
    const after = yield* driver.get(mountId);
    try {
      const before = yield* driver.get(initId);
      try {
        return yield* changesBetween(this.sys, after, before);
      } finally {
        yield* driver.put(initId);
      }
    } finally {
      yield* driver.put(mountId);
    }
  }

  /** All that the container sees, as an archive. Blocks. */
  *exportWritable(name: string, sink: ByteSink): Proc<void> {
    const root = yield* this.mount(name);
    try {
      yield* packLayer(this.sys, root, sink, { whiteouts: "literal" });
    } finally {
      yield* this.unmount(name);
    }
  }

  /** The container's own files as a layer's archive. Blocks. */
  *packWritable(name: string, sink: ByteSink): Proc<void> {
    yield* packLayer(this.sys, this.driver.diffDir(this.requireWritable(name).mountId), sink, { whiteouts: "overlay" });
  }
}

function depthOf(layer: Layer): number {
  let depth = 0;
  for (let at: Layer | undefined = layer; at !== undefined; at = at.parent) depth++;
  return depth;
}

/** Bytes of a layer and all below it. */
export function totalSize(layer: Layer | undefined): number {
  let size = 0;
  for (let at = layer; at !== undefined; at = at.parent) size += at.sizeBytes;
  return size;
}

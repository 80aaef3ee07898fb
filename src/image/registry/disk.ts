/**
 * A registry's files, as Distribution's filesystem driver lays them out below `docker/registry/v2`: blobs by digest, and for each repository links to them.
 * Everything appears at once by rename(2), so that several processes may write. Left out: garbage collection, hashstates.
 */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_APPEND, O_CLOEXEC, O_CREAT, O_WRONLY } from "../../abi/fcntl.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import {
  dirname,
  mkdir,
  open,
  optional,
  readDir,
  readFile,
  readText,
  rename,
  stat,
  unlink,
  writeFile,
} from "../../userland/libc/unistd.ts";
import type { Document } from "../base/catalogue.ts";
import { Digester, hex, type Manifest, mediaTypes } from "../oci.ts";
import { readManifest } from "./store.ts";

const inPath = (digest: string): string => digest.replace(":", "/");

export class DiskStore {
  private readonly root: string;

  constructor(
    private readonly sys: Sys,
    rootDirectory: string,
  ) {
    this.root = `${rootDirectory}/docker/registry/v2`;
  }

  private repository(name: string): string {
    return `${this.root}/repositories/${name}`;
  }

  blobPath(digest: string): string {
    const [algorithm = "", digits = ""] = digest.split(":");
    return `${this.root}/blobs/${algorithm}/${digits.slice(0, 2)}/${digits}/data`;
  }

  /** Every repository with a manifest, sorted. */
  *repositories(): Proc<string[]> {
    const found: string[] = [];
    yield* this.walk("", found);
    return found.sort();
  }

  private *walk(name: string, found: string[]): Proc<void> {
    for (const entry of yield* this.names(this.repository(name))) {
      if (entry === "_manifests") found.push(name);
      else if (!entry.startsWith("_")) yield* this.walk(name === "" ? entry : `${name}/${entry}`, found);
    }
  }

  private *names(dir: string): Proc<string[]> {
    const entries = (yield* optional(readDir(this.sys, dir))) ?? [];
    return entries.map(({ name }) => name).filter((name) => name !== "." && name !== "..");
  }

  *tags(name: string): Proc<string[] | undefined> {
    const dir = `${this.repository(name)}/_manifests`;
    if (!(yield* this.exists(dir))) return undefined;
    return (yield* this.names(`${dir}/tags`)).sort();
  }

  private *exists(path: string): Proc<boolean> {
    return (yield* optional(stat(this.sys, path))) !== undefined;
  }

  /** The digest behind a tag or a digest. */
  private *revision(name: string, reference: string): Proc<string | undefined> {
    const dir = `${this.repository(name)}/_manifests`;
    const path = reference.includes(":") ? `${dir}/revisions/${inPath(reference)}/link` : `${dir}/tags/${reference}/current/link`;
    return yield* optional(readText(this.sys, path));
  }

  *manifest(name: string, reference: string): Proc<Document | undefined> {
    const digest = yield* this.revision(name, reference);
    if (digest === undefined) return undefined;
    const bytes = yield* optional(readFile(this.sys, this.blobPath(digest)));
    return bytes === undefined ? undefined : { digest, bytes, mediaType: mediaTypeOf(bytes) };
  }

  /** Bytes of a blob of this repository; undefined if it has none of that digest. */
  *blobBytes(name: string, digest: string): Proc<number | undefined> {
    if (!(yield* this.exists(`${this.repository(name)}/_layers/${inPath(digest)}/link`))) return undefined;
    return (yield* optional(stat(this.sys, this.blobPath(digest))))?.size;
  }

  *putManifest(name: string, reference: string, digest: string, bytes: Uint8Array): Proc<void> {
    const path = this.blobPath(digest);
    if (!(yield* this.exists(path))) yield* this.put(path, bytes);
    const dir = `${this.repository(name)}/_manifests`;
    yield* this.put(`${dir}/revisions/${inPath(digest)}/link`, digest);
    if (reference.includes(":")) return;
    yield* this.put(`${dir}/tags/${reference}/index/${inPath(digest)}/link`, digest);
    yield* this.put(`${dir}/tags/${reference}/current/link`, digest);
  }

  /** Takes a manifest, and the tags that name it, out of a repository; the blob stays. */
  *deleteManifest(name: string, digest: string): Proc<boolean> {
    const dir = `${this.repository(name)}/_manifests`;
    if ((yield* this.revision(name, digest)) === undefined) return false;
    for (const tag of (yield* this.tags(name)) ?? [])
      if ((yield* this.revision(name, tag)) === digest) yield* this.remove(`${dir}/tags/${tag}`);
    yield* unlink(this.sys, `${dir}/revisions/${inPath(digest)}/link`);
    return true;
  }

  *deleteBlob(name: string, digest: string): Proc<boolean> {
    const link = `${this.repository(name)}/_layers/${inPath(digest)}/link`;
    if (!(yield* this.exists(link))) return false;
    yield* unlink(this.sys, link);
    return true;
  }

  *linkBlob(name: string, digest: string): Proc<void> {
    yield* this.put(`${this.repository(name)}/_layers/${inPath(digest)}/link`, digest);
  }

  // ── Uploads ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private upload(name: string, id: string): string {
    return `${this.repository(name)}/_uploads/${id}`;
  }

  *startUpload(name: string, startedAt: string): Proc<string> {
    const random = new Uint8Array(16);
    yield* this.sys.getrandom(random, 0);
    const digits = hex(random);
    const id = `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20)}`;
    yield* this.put(`${this.upload(name, id)}/startedat`, startedAt);
    yield* writeFile(this.sys, `${this.upload(name, id)}/data`, "", 0o644);
    return id;
  }

  /** Bytes that are there; undefined if there is no such upload. */
  *uploadBytes(name: string, id: string): Proc<number | undefined> {
    return (yield* optional(stat(this.sys, `${this.upload(name, id)}/data`)))?.size;
  }

  *append(name: string, id: string, body: ByteSource): Proc<void> {
    const fd = yield* open(this.sys, `${this.upload(name, id)}/data`, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644);
    try {
      for (let some = yield* body.read(); some !== undefined; some = yield* body.read()) yield* writeAll(this.sys, fd, some);
    } finally {
      yield* this.sys.close(fd);
    }
  }

  dropUpload(name: string, id: string): Proc<void> {
    return this.remove(this.upload(name, id));
  }

  /** Makes an upload a blob. Returns false if it has another digest; it is dropped in any case. */
  *finishUpload(name: string, id: string, digest: string): Proc<boolean> {
    const data = `${this.upload(name, id)}/data`;
    const digester = new Digester();
    const fd = yield* open(this.sys, data);
    try {
      const buf = new Uint8Array(65_536);
      for (let n = yield* this.sys.read(fd, buf); n > 0; n = yield* this.sys.read(fd, buf))
        yield* digester.absorb(this.sys, buf.subarray(0, n));
    } finally {
      yield* this.sys.close(fd);
    }
    const good = digester.digest() === digest;
    if (good) {
      yield* this.makeDirs(dirname(this.blobPath(digest)));
      yield* rename(this.sys, data, this.blobPath(digest));
      yield* this.linkBlob(name, digest);
    }
    yield* this.dropUpload(name, id);
    return good;
  }

  // ── Files ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *put(path: string, content: string | Uint8Array): Proc<void> {
    yield* this.makeDirs(dirname(path));
    const temporary = `${path}.${yield* this.sys.getpid()}`;
    yield* writeFile(this.sys, temporary, content, 0o644);
    yield* rename(this.sys, temporary, path);
  }

  private *makeDirs(path: string): Proc<void> {
    if (yield* this.exists(path)) return;
    yield* this.makeDirs(dirname(path));
    try {
      yield* mkdir(this.sys, path, 0o755);
    } catch (e) {
      // Another process was faster.
      if (!(e instanceof Errno) || !(yield* this.exists(path))) throw e;
    }
  }

  private *remove(path: string): Proc<void> {
    const st = yield* optional(stat(this.sys, path));
    if (st === undefined) return;
    if (!isDir(st.mode)) return yield* unlink(this.sys, path);
    for (const name of yield* this.names(path)) yield* this.remove(`${path}/${name}`);
    yield* optional(this.sys.unlinkat(AT_FDCWD, path, AT_REMOVEDIR), [ENOENT]);
  }
}

/** What a manifest says that it is; where it says nothing, what it looks like. */
function mediaTypeOf(bytes: Uint8Array): string {
  const manifest = readManifest(bytes) as (Manifest & { readonly mediaType?: string }) | undefined;
  if (manifest?.mediaType !== undefined) return manifest.mediaType;
  return manifest !== undefined && "manifests" in manifest ? mediaTypes.index : mediaTypes.manifest;
}

/**
 * The distribution API over the files of a registry. What only reads is answered by the common `answer` from what was looked up before; what writes is here, since
 * it goes to the disk as it comes.
 */

import type { Proc } from "../../abi/sys.ts";
import { type ByteSource, readUpTo } from "../../userland/libc/stream.ts";
import type { Document } from "../base/catalogue.ts";
import { digestOf, type Index, isIndexType, isManifestType, type Manifest } from "../oci.ts";
import { digestFault, isTag } from "../reference.ts";
import { answer, findRoute, type Route } from "./api.ts";
import type { DiskStore } from "./disk.ts";
import { failure } from "./errors.ts";
import { empty, queryOf, type RegistryRequest, type RegistryResponse, type SizedBody } from "./http.ts";
import { readManifest, type RegistryStore } from "./store.ts";

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** A body that lies in a file; who sends it reads the file. */
export class BlobBody implements SizedBody {
  constructor(
    readonly digest: string,
    readonly bytes: number,
  ) {}

  piece(): Uint8Array {
    throw new Error("the bytes of a blob are in its file");
  }
}

/** A request without its body, which comes as a stream. */
export type DiskRequest = Omit<RegistryRequest, "body">;

export interface DiskAnswer {
  readonly response: RegistryResponse;
  /** The blob whose file is the body, or the part of it that the response names. */
  readonly blob?: string;
}

type To<K extends Route["kind"]> = Extract<Route, { kind: K }>;

export class DiskApi {
  constructor(
    private readonly disk: DiskStore,
    /** `http://host` as the client called it. */
    private readonly base: string,
    private readonly deletes: boolean,
    private readonly now: string,
  ) {}

  *answer(request: DiskRequest, body: ByteSource): Proc<DiskAnswer> {
    const route = findRoute(request.path);
    const reads = request.method === "GET" || request.method === "HEAD";
    if (route === undefined || (reads && route.kind !== "upload")) return yield* this.read(route, request);
    switch (route.kind) {
      case "manifest":
        if (request.method === "PUT") return { response: yield* this.putManifest(route, request, body) };
        return { response: request.method === "DELETE" ? yield* this.deleteManifest(route) : failure("UNSUPPORTED") };
      case "blob":
        if (request.method !== "DELETE" || !this.deletes) return { response: failure("UNSUPPORTED") };
        return { response: (yield* this.disk.deleteBlob(route.name, route.digest)) ? empty(202) : failure("BLOB_UNKNOWN", route.digest) };
      case "uploads":
        return { response: request.method === "POST" ? yield* this.startUpload(route, request, body) : failure("UNSUPPORTED") };
      case "upload":
        return { response: yield* this.continueUpload(route, request, body) };
      default:
        return { response: failure("UNSUPPORTED") };
    }
  }

  /** Looks up what the route is about, and lets the common function answer. */
  private *read(route: Route | undefined, request: DiskRequest): Proc<DiskAnswer> {
    let [repositories, tags, manifest, size] = [
      [] as string[],
      undefined as string[] | undefined,
      undefined as Document | undefined,
      undefined as number | undefined,
    ];
    if (route?.kind === "catalog") repositories = yield* this.disk.repositories();
    else if (route?.kind === "tags") tags = yield* this.disk.tags(route.name);
    else if (route?.kind === "manifest") manifest = yield* this.disk.manifest(route.name, route.reference);
    else if (route?.kind === "blob" && digestFault(route.digest) === undefined) size = yield* this.disk.blobBytes(route.name, route.digest);
    const digest = route?.kind === "blob" ? route.digest : undefined;
    const store: RegistryStore = {
      repositories,
      findTags: () => tags,
      findManifest: () => manifest,
      findBlob: () =>
        size === undefined || digest === undefined
          ? undefined
          : { mediaType: "application/octet-stream", content: new BlobBody(digest, size) },
    };
    const response = answer(store, { ...request, body: new Uint8Array(0) });
    return digest !== undefined && response.status < 300 ? { response, blob: digest } : { response };
  }

  private location(path: string): readonly [string, string] {
    return ["Location", `${this.base}${path}`];
  }

  // ── Manifests ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private *putManifest({ name, reference }: To<"manifest">, { headers }: DiskRequest, body: ByteSource): Proc<RegistryResponse> {
    const bytes = yield* readUpTo(body, MAX_MANIFEST_BYTES);
    const manifest = bytes === undefined ? undefined : readManifest(bytes);
    const mediaType = headers.get("Content-Type") ?? "";
    if (bytes === undefined || manifest === undefined || !(isIndexType(mediaType) || isManifestType(mediaType)))
      return failure("MANIFEST_INVALID", {});
    if (!reference.includes(":") && !isTag(reference)) return failure("TAG_INVALID");
    const digest = digestOf(bytes);
    if (reference.includes(":") && reference !== digest) return failure("DIGEST_INVALID");
    const missing = yield* this.findMissing(name, mediaType, manifest);
    if (missing !== undefined) return failure("MANIFEST_BLOB_UNKNOWN", { digest: missing });
    yield* this.disk.putManifest(name, reference, digest, bytes);
    return empty(201, [["Docker-Content-Digest", digest], this.location(`/v2/${name}/manifests/${digest}`)]);
  }

  private *findMissing(name: string, mediaType: string, manifest: Manifest | Index): Proc<string | undefined> {
    if (isIndexType(mediaType)) {
      for (const { digest } of (manifest as Index).manifests) if ((yield* this.disk.manifest(name, digest)) === undefined) return digest;
      return undefined;
    }
    const { config, layers } = manifest as Manifest;
    for (const { digest } of [config, ...layers]) if ((yield* this.disk.blobBytes(name, digest)) === undefined) return digest;
    return undefined;
  }

  private *deleteManifest({ name, reference }: To<"manifest">): Proc<RegistryResponse> {
    if (!this.deletes || !reference.includes(":")) return failure("UNSUPPORTED");
    if (yield* this.disk.deleteManifest(name, reference)) return empty(202);
    return failure("MANIFEST_UNKNOWN", `unknown manifest name=${name} revision=${reference}`);
  }

  // ── Uploads ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private created(name: string, digest: string): RegistryResponse {
    return empty(201, [["Docker-Content-Digest", digest], this.location(`/v2/${name}/blobs/${digest}`)]);
  }

  private state(status: number, name: string, id: string, bytes: number): RegistryResponse {
    return empty(status, [
      ["Docker-Upload-Uuid", id],
      this.location(`/v2/${name}/blobs/uploads/${id}`),
      ["Range", `0-${Math.max(0, bytes - 1)}`],
    ]);
  }

  private *startUpload({ name }: To<"uploads">, { target }: DiskRequest, body: ByteSource): Proc<RegistryResponse> {
    const query = queryOf(target);
    const [mount, from, digest] = [query.get("mount")?.[0], query.get("from")?.[0], query.get("digest")?.[0]];
    if (mount !== undefined && from !== undefined && digestFault(mount) === undefined) {
      if ((yield* this.disk.blobBytes(from, mount)) !== undefined) {
        yield* this.disk.linkBlob(name, mount);
        return this.created(name, mount);
      }
    }
    const id = yield* this.disk.startUpload(name, this.now);
    if (digest === undefined) return this.state(202, name, id, 0);
    return yield* this.finish(name, id, digest, body);
  }

  private *continueUpload({ name, id }: To<"upload">, request: DiskRequest, body: ByteSource): Proc<RegistryResponse> {
    const bytes = /^[0-9a-f-]{36}$/.test(id) ? yield* this.disk.uploadBytes(name, id) : undefined;
    if (bytes === undefined) return failure("BLOB_UPLOAD_UNKNOWN");
    switch (request.method) {
      case "GET":
      case "HEAD":
        return this.state(204, name, id, bytes);
      case "DELETE":
        yield* this.disk.dropUpload(name, id);
        return empty(204, [["Docker-Upload-Uuid", id]]);
      case "PATCH": {
        const start = /^(?:bytes )?(\d+)-\d+/.exec(request.headers.get("Content-Range") ?? "")?.[1];
        if (start !== undefined && Number(start) !== bytes) return failure("RANGE_INVALID");
        yield* this.disk.append(name, id, body);
        return this.state(202, name, id, (yield* this.disk.uploadBytes(name, id)) ?? 0);
      }
      case "PUT":
        return yield* this.finish(name, id, queryOf(request.target).get("digest")?.[0] ?? "", body);
      default:
        return failure("UNSUPPORTED");
    }
  }

  private *finish(name: string, id: string, digest: string, rest: ByteSource): Proc<RegistryResponse> {
    if (digestFault(digest) !== undefined) return failure("DIGEST_INVALID", digest === "" ? "digest missing" : undefined);
    yield* this.disk.append(name, id, rest);
    return (yield* this.disk.finishUpload(name, id, digest)) ? this.created(name, digest) : failure("DIGEST_INVALID");
  }
}

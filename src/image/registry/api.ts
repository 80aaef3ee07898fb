/**
 * The OCI distribution API 1.1 (Docker Registry HTTP API V2) as a function of a store and a request; Distribution `registry/handlers`.
 * Left out: referrers, deleting by tag.
 */

import { digestFault, isTag } from "../reference.ts";
import { failure } from "./errors.ts";
import { empty, json, queryOf, type RegistryRequest, type RegistryResponse, type SizedBody } from "./http.ts";
import { MemoryStore, readManifest, type RegistryStore, type Upload } from "./store.ts";
import { mediaTypes } from "../oci.ts";

const NAME = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;

/** What a path asks for. */
export type Route =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly name: string }
  | { readonly kind: "manifest"; readonly name: string; readonly reference: string }
  | { readonly kind: "blob"; readonly name: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly name: string }
  | { readonly kind: "upload"; readonly name: string; readonly id: string };

/** The route of a path; undefined if there is none. */
export function findRoute(path: string): Route | undefined {
  if (path === "/v2/" || path === "/v2") return { kind: "base" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  const match = /^\/v2\/(.+?)\/(tags\/list|manifests\/([^/]+)|blobs\/uploads\/([^/]*)|blobs\/([^/]+))$/.exec(path);
  const name = match?.[1];
  if (match === null || name === undefined || name.length > 255 || !NAME.test(name)) return undefined;
  const [, , what = "", reference, id, digest] = match;
  if (what === "tags/list") return { kind: "tags", name };
  if (reference !== undefined) return { kind: "manifest", name, reference };
  if (id === "") return { kind: "uploads", name };
  if (id !== undefined) return { kind: "upload", name, id };
  return { kind: "blob", name, digest: digest ?? "" };
}

/** Answers a request to a registry that lets everybody do everything it can do: a MemoryStore can be pushed to. */
export function answer(store: RegistryStore, request: RegistryRequest): RegistryResponse {
  const route = findRoute(request.path);
  if (route === undefined) return { status: 404, headers: [["Content-Type", "text/plain; charset=utf-8"]], body: "404 page not found\n" };
  const { method } = request;
  const reads = method === "GET" || method === "HEAD";
  const writable = store instanceof MemoryStore ? store : undefined;
  switch (route.kind) {
    case "base":
      return reads ? json(200, {}) : failure("UNSUPPORTED");
    case "catalog":
      return reads ? listed(request, "repositories", [...store.repositories]) : failure("UNSUPPORTED");
    case "tags": {
      const tags = store.findTags(route.name);
      if (tags === undefined) return failure("NAME_UNKNOWN", { name: route.name });
      return reads ? listed(request, "tags", tags, { name: route.name }) : failure("UNSUPPORTED");
    }
    case "manifest":
      if (reads) return getManifest(store, route);
      if (writable === undefined) return failure("UNSUPPORTED");
      if (method === "PUT") return putManifest(writable, route, request);
      return method === "DELETE" ? deleteManifest(writable, route) : failure("UNSUPPORTED");
    case "blob":
      if (reads) return getBlob(store, route, request);
      if (writable === undefined || method !== "DELETE") return failure("UNSUPPORTED");
      return writable.deleteBlob(route.name, route.digest) ? empty(202) : failure("BLOB_UNKNOWN", route.digest);
    case "uploads":
      return writable === undefined || method !== "POST" ? failure("UNSUPPORTED") : startUpload(writable, route, request);
    case "upload":
      return writable === undefined ? failure("UNSUPPORTED") : continueUpload(writable, route, request);
  }
}

/** A list in pages: `?n=` of them, after `?last=`. */
function listed(
  request: RegistryRequest,
  key: string,
  all: readonly string[],
  more: Readonly<Record<string, string>> = {},
): RegistryResponse {
  const query = queryOf(request.target);
  const asked = query.get("n")?.[0];
  const last = query.get("last")?.[0];
  if (asked !== undefined && !/^\d{1,9}$/.test(asked)) return failure("PAGINATION_NUMBER_INVALID", { n: asked });
  const rest = last === undefined ? all : all.filter((item) => item > last);
  const page = asked === undefined ? rest : rest.slice(0, Number(asked));
  const end = page[page.length - 1];
  const next =
    page.length < rest.length && end !== undefined
      ? [["Link", `<${request.path}?last=${encodeURIComponent(end)}&n=${asked}>; rel="next"`] as const]
      : [];
  return json(200, { ...more, [key]: page }, next);
}

// ── Manifests ────────────────────────────────────────────────────────────────────────────────────────────────────────

function getManifest(store: RegistryStore, { name, reference }: { name: string; reference: string }): RegistryResponse {
  if (reference.includes(":") && digestFault(reference) !== undefined) return failure("DIGEST_INVALID");
  const found = store.findManifest(name, reference);
  if (found === undefined)
    return failure(
      "MANIFEST_UNKNOWN",
      reference.includes(":") ? `unknown manifest name=${name} revision=${reference}` : `unknown tag=${reference}`,
    );
  return {
    status: 200,
    headers: [
      ["Content-Type", found.mediaType],
      ["Docker-Content-Digest", found.digest],
      ["Docker-Distribution-Api-Version", "registry/2.0"],
      ["Etag", `"${found.digest}"`],
    ],
    body: found.bytes,
  };
}

const knownManifests: readonly string[] = [mediaTypes.manifest, mediaTypes.index, mediaTypes.dockerManifest, mediaTypes.dockerManifestList];

function putManifest(
  store: MemoryStore,
  { name, reference }: { name: string; reference: string },
  { headers, body }: RegistryRequest,
): RegistryResponse {
  const mediaType = headers.get("Content-Type") ?? "";
  const manifest = readManifest(body);
  if (manifest === undefined || !knownManifests.includes(mediaType)) return failure("MANIFEST_INVALID", {});
  if (!reference.includes(":") && !isTag(reference)) return failure("TAG_INVALID");
  const missing = store.findMissing(name, mediaType, manifest);
  if (missing !== undefined) return failure("MANIFEST_BLOB_UNKNOWN", { digest: missing });
  if (reference.includes(":") && store.findManifest(name, reference) === undefined && digestFault(reference) !== undefined)
    return failure("DIGEST_INVALID");
  const digest = store.putManifest(name, reference, mediaType, body);
  if (reference.includes(":") && reference !== digest) {
    store.deleteManifest(name, digest);
    return failure("DIGEST_INVALID");
  }
  return empty(201, [
    ["Docker-Content-Digest", digest],
    ["Location", `/v2/${name}/manifests/${digest}`],
  ]);
}

function deleteManifest(store: MemoryStore, { name, reference }: { name: string; reference: string }): RegistryResponse {
  if (!reference.includes(":")) return failure("UNSUPPORTED");
  return store.deleteManifest(name, reference)
    ? empty(202)
    : failure("MANIFEST_UNKNOWN", `unknown manifest name=${name} revision=${reference}`);
}

// ── Blobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function getBlob(store: RegistryStore, { name, digest }: { name: string; digest: string }, { headers }: RegistryRequest): RegistryResponse {
  if (digestFault(digest) !== undefined) return failure("DIGEST_INVALID");
  const found = store.findBlob(name, digest);
  if (found === undefined) return failure("BLOB_UNKNOWN", digest);
  const { content, mediaType } = found;
  const bytes = content instanceof Uint8Array ? content.length : content.bytes;
  const common = [
    ["Accept-Ranges", "bytes"],
    ["Cache-Control", "max-age=31536000"],
    ["Content-Type", mediaType],
    ["Docker-Content-Digest", digest],
    ["Docker-Distribution-Api-Version", "registry/2.0"],
    ["Etag", `"${digest}"`],
  ] as const;
  const range = rangeOf(headers.get("Range"), bytes);
  if (range === undefined) return { status: 200, headers: common, body: content };
  if (range === "bad") return failure("RANGE_INVALID", undefined, [["Content-Range", `bytes */${bytes}`]]);
  const [first, last] = range;
  return {
    status: 206,
    headers: [...common, ["Content-Range", `bytes ${first}-${last}/${bytes}`]],
    body: sliceOf(content, first, last + 1),
  };
}

/** The one range that is asked for; undefined for the whole. */
function rangeOf(header: string | undefined, bytes: number): readonly [first: number, last: number] | "bad" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const first = match[1] === "" ? Math.max(0, bytes - Number(match[2])) : Number(match[1]);
  const last = match[1] === "" || match[2] === "" ? bytes - 1 : Math.min(Number(match[2]), bytes - 1);
  return first > last || first >= bytes ? "bad" : [first, last];
}

function sliceOf(content: Uint8Array | SizedBody, from: number, to: number): Uint8Array | SizedBody {
  if (content instanceof Uint8Array) return content.subarray(from, to);
  return { bytes: to - from, piece: (offset, length) => content.piece(from + offset, length) };
}

// ── Uploads ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const blobCreated = (name: string, digest: string): RegistryResponse =>
  empty(201, [
    ["Docker-Content-Digest", digest],
    ["Location", `/v2/${name}/blobs/${digest}`],
  ]);

const uploadState = (status: number, { id, repository, sizeBytes }: Upload): RegistryResponse =>
  empty(status, [
    ["Docker-Upload-Uuid", id],
    ["Location", `/v2/${repository}/blobs/uploads/${id}`],
    ["Range", `0-${Math.max(0, sizeBytes - 1)}`],
  ]);

function startUpload(store: MemoryStore, { name }: { name: string }, request: RegistryRequest): RegistryResponse {
  const query = queryOf(request.target);
  const mount = query.get("mount")?.[0];
  const from = query.get("from")?.[0];
  if (mount !== undefined && from !== undefined && store.mount(name, mount, from)) return blobCreated(name, mount);
  const upload = store.startUpload(name);
  const digest = query.get("digest")?.[0];
  if (digest === undefined) return uploadState(202, upload);
  return finish(store, upload, digest, request.body);
}

function continueUpload(store: MemoryStore, { name, id }: { name: string; id: string }, request: RegistryRequest): RegistryResponse {
  const upload = store.findUpload(name, id);
  if (upload === undefined) return failure("BLOB_UPLOAD_UNKNOWN");
  switch (request.method) {
    case "GET":
      return uploadState(204, upload);
    case "DELETE":
      store.dropUpload(upload);
      return empty(204, [["Docker-Upload-Uuid", id]]);
    case "PATCH": {
      const start = /^(?:bytes )?(\d+)-\d+/.exec(request.headers.get("Content-Range") ?? "")?.[1];
      if (start !== undefined && Number(start) !== upload.sizeBytes) return failure("RANGE_INVALID");
      append(upload, request.body);
      return uploadState(202, upload);
    }
    case "PUT": {
      const digest = queryOf(request.target).get("digest")?.[0];
      return finish(store, upload, digest ?? "", request.body);
    }
    default:
      return failure("UNSUPPORTED");
  }
}

function append(upload: Upload, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  upload.parts.push(bytes);
  upload.sizeBytes += bytes.length;
}

function finish(store: MemoryStore, upload: Upload, digest: string, rest: Uint8Array): RegistryResponse {
  if (digestFault(digest) !== undefined) return failure("DIGEST_INVALID", digest === "" ? "digest missing" : undefined);
  append(upload, rest);
  return store.finishUpload(upload, digest) ? blobCreated(upload.repository, digest) : failure("DIGEST_INVALID");
}

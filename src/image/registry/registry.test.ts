import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { Headers } from "../../userland/libc/http.ts";
import { Catalogue } from "../base/catalogue.ts";
import { digestOf, type ImageConfig, type Index, type Manifest, mediaTypes } from "../oci.ts";
import { answer } from "./api.ts";
import type { RegistryRequest, RegistryResponse } from "./http.ts";
import { answerAuth, answerHub, catalogueStore } from "./hub.ts";
import { MemoryStore } from "./store.ts";

const software = { tools: [{ name: "ls", applet: "/bin/ls", paths: ["/usr/bin/ls"] }], libraries: new Map(), debianFiles: new Map() };
const catalogue = new Catalogue(software, {});
const hub = catalogueStore(catalogue);

type Ask = (method: string, target: string, headers?: Record<string, string>, body?: string | Uint8Array) => RegistryResponse;

const ask =
  (to: (request: RegistryRequest) => RegistryResponse): Ask =>
  (method, target, headers = {}, body = "") =>
    to({
      method,
      target,
      path: target.replace(/\?.*/, ""),
      headers: new Headers(Object.entries(headers)),
      body: typeof body === "string" ? encodeUtf8(body) : body,
    });

const toHub = ask((request) => answerHub(hub, request));
const toAuth = ask((request) => answerAuth(hub, request));

const bytesOf = ({ body }: RegistryResponse): Uint8Array =>
  typeof body === "string" ? encodeUtf8(body) : body instanceof Uint8Array ? body : body.piece(0, body.bytes);
const jsonOf = <T>(response: RegistryResponse): T => JSON.parse(new TextDecoder().decode(bytesOf(response))) as T;
const header = (response: RegistryResponse, name: string): string | undefined => new Headers(response.headers).get(name);

const bearer = (scope: string): Record<string, string> => ({
  Authorization: `Bearer ${jsonOf<{ token: string }>(toAuth("GET", `/token?service=registry.docker.io&scope=${scope}`)).token}`,
});

test("Docker Hub asks for a token, says where one gets it, and takes it", () => {
  const refused = toHub("GET", "/v2/");
  expect(refused.status).toBe(401);
  expect(header(refused, "WWW-Authenticate")).toBe('Bearer realm="https://auth.docker.io/token",service="registry.docker.io"');
  expect(jsonOf(refused)).toEqual({ errors: [{ code: "UNAUTHORIZED", message: "authentication required", detail: null }] });
  expect(toHub("GET", "/v2/", bearer("repository:library/alpine:pull")).status).toBe(200);
});

test("an image is pulled by its tag: index, manifest, configuration, layers, all with the digests that they are named by", () => {
  const auth = bearer("repository:library/busybox:pull");
  const base = "/v2/library/busybox";
  const tagged = toHub("GET", `${base}/manifests/musl`, auth);
  expect(header(tagged, "Content-Type")).toBe(mediaTypes.index);
  expect(header(tagged, "Docker-Content-Digest")).toBe(digestOf(bytesOf(tagged)));
  const [entry] = jsonOf<Index>(tagged).manifests;
  expect(entry?.platform).toEqual({ architecture: "amd64", os: "linux" });
  const manifest = toHub("GET", `${base}/manifests/${entry?.digest}`, auth);
  expect(digestOf(bytesOf(manifest))).toBe(entry?.digest);
  const { config, layers } = jsonOf<Manifest>(manifest);
  const configuration = jsonOf<ImageConfig>(toHub("GET", `${base}/blobs/${config.digest}`, auth));
  expect(configuration.config?.Cmd).toEqual(["sh"]);
  const layer = bytesOf(toHub("GET", `${base}/blobs/${layers[0]?.digest}`, auth));
  expect([layer.length, digestOf(layer)]).toEqual([layers[0]?.size, layers[0]?.digest]);
  expect(digestOf(gunzipSync(layer))).toBe(configuration.rootfs.diff_ids[0]);
  const part = toHub("GET", `${base}/blobs/${layers[0]?.digest}`, { ...auth, Range: "bytes=100-199" });
  expect([part.status, header(part, "Content-Range")]).toEqual([206, `bytes 100-199/${layer.length}`]);
  expect(Buffer.compare(bytesOf(part), layer.subarray(100, 200))).toBe(0);
});

test("what Docker Hub does not have, and what it lets nobody do", () => {
  const auth = bearer("repository:library/alpine:pull");
  const unknown = toHub("GET", "/v2/library/alpine/manifests/nope", auth);
  expect([unknown.status, jsonOf(unknown)]).toEqual([
    404,
    { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown", detail: "unknown tag=nope" }] },
  ]);
  const elsewhere = toHub("GET", "/v2/library/nosuch/manifests/latest", bearer("repository:library/nosuch:pull"));
  expect([elsewhere.status, header(elsewhere, "WWW-Authenticate")]).toEqual([
    401,
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nosuch:pull",error="insufficient_scope"',
  ]);
  const push = toHub("POST", "/v2/library/alpine/blobs/uploads/", bearer("repository:library/alpine:pull,push"));
  expect([push.status, header(push, "WWW-Authenticate")?.includes('error="insufficient_scope"')]).toEqual([401, true]);
  expect(toAuth("GET", "/token?service=registry.docker.io", { Authorization: "Basic eDp5" }).status).toBe(401);
  expect(toHub("GET", "/v2/_catalog", auth).status).toBe(401);
  expect(jsonOf(toHub("GET", "/v2/library/alpine/tags/list?n=2", auth))).toEqual({ name: "library/alpine", tags: ["3", "3.18"] });
});

test("every base image has tags of its own and a history that fits its layers", () => {
  const seen = new Set<string>();
  for (const { repository, tags, steps, config } of catalogue.images) {
    for (const tag of tags) {
      expect(seen.has(`${repository}:${tag}`)).toBe(false);
      seen.add(`${repository}:${tag}`);
    }
    expect(steps.some(({ layer }) => layer !== undefined)).toBe(true);
    expect(config.Env?.some((entry) => entry.startsWith("PATH="))).toBe(true);
  }
  for (const repository of catalogue.repositories) expect(catalogue.findTags(repository)).toContain("latest");
});

test("an open registry takes what is pushed, in one piece, in chunks, and from another of its repositories", () => {
  const store = new MemoryStore();
  const to = ask((request) => answer(store, request));
  expect(to("GET", "/v2/").status).toBe(200);
  const config = '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}';
  const configDigest = digestOf(config);
  const whole = to("POST", `/v2/me/app/blobs/uploads/?digest=${configDigest}`, {}, config);
  expect([whole.status, header(whole, "Location")]).toEqual([201, `/v2/me/app/blobs/${configDigest}`]);

  const layer = "0123456789".repeat(10);
  const started = to("POST", "/v2/me/app/blobs/uploads/");
  expect([started.status, header(started, "Range")]).toEqual([202, "0-0"]);
  const at = header(started, "Location") as string;
  expect(header(to("PATCH", at, {}, layer.slice(0, 40)), "Range")).toBe("0-39");
  expect(to("PATCH", at, { "Content-Range": "10-20" }, "x").status).toBe(416);
  expect(to("GET", at).status).toBe(204);
  expect(to("PUT", `${at}?digest=${digestOf(layer)}`, {}, layer.slice(40)).status).toBe(201);
  expect(to("PUT", `${at}?digest=${digestOf(layer)}`).status).toBe(404);

  const wrong = to("POST", `/v2/me/app/blobs/uploads/?digest=${digestOf("other")}`, {}, "this");
  expect([wrong.status, jsonOf<{ errors: { code: string }[] }>(wrong).errors[0]?.code]).toEqual([400, "DIGEST_INVALID"]);

  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, digest: configDigest, size: config.length },
    layers: [{ mediaType: mediaTypes.dockerLayerGzip, digest: digestOf(layer), size: layer.length }],
  });
  const type = { "Content-Type": mediaTypes.dockerManifest };
  expect(to("PUT", "/v2/me/app/manifests/1.0", type, manifest).status).toBe(201);
  expect(header(to("HEAD", "/v2/me/app/manifests/1.0"), "Docker-Content-Digest")).toBe(digestOf(manifest));
  expect(to("PUT", "/v2/me/app/manifests/1.1", type, manifest.replace(configDigest, digestOf("no"))).status).toBe(400);
  expect(to("PUT", "/v2/me/app/manifests/1.2", type, "{}").status).toBe(400);
  expect(jsonOf(to("GET", "/v2/_catalog"))).toEqual({ repositories: ["me/app"] });
  expect(jsonOf(to("GET", "/v2/me/app/tags/list"))).toEqual({ name: "me/app", tags: ["1.0"] });
  expect(jsonOf(to("GET", "/v2/me/none/tags/list"))).toEqual({
    errors: [{ code: "NAME_UNKNOWN", message: "repository name not known to registry", detail: { name: "me/none" } }],
  });

  const mount = to("POST", `/v2/you/app/blobs/uploads/?mount=${digestOf(layer)}&from=me/app`);
  expect(mount.status).toBe(201);
  expect(to("HEAD", `/v2/you/app/blobs/${digestOf(layer)}`).status).toBe(200);
  expect(to("POST", `/v2/you/app/blobs/uploads/?mount=${digestOf("x")}&from=me/app`).status).toBe(202);
  expect(to("GET", "/v2/Bad/tags/list").status).toBe(404);
  expect(to("DELETE", `/v2/me/app/manifests/${digestOf(manifest)}`).status).toBe(202);
  expect(to("GET", "/v2/me/app/manifests/1.0").status).toBe(404);
});

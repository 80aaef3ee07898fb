/**
 * Docker Hub: the registry at registry-1.docker.io, which answers those who bring a token, and the server at auth.docker.io, which gives tokens for
 * pulling to everybody and for pushing to nobody.
 *
 * Differs from Linux: tokens are not signed and do not expire; blobs come from the registry itself, without a redirection to another host; nobody has an
 * account, so every login fails.
 */

import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { encodeBase64 } from "../../userland/libc/base64.ts";
import type { Catalogue } from "../base/catalogue.ts";
import { LayerArchive } from "../base/archive.ts";
import { answer, findRoute, type Route } from "./api.ts";
import { failure } from "./errors.ts";
import { json, queryOf, type RegistryRequest, type RegistryResponse } from "./http.ts";
import type { Blob, RegistryStore } from "./store.ts";

const REALM = "https://auth.docker.io/token";
const SERVICE = "registry.docker.io";

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** The catalogue as a registry's store. */
export function catalogueStore(catalogue: Catalogue): RegistryStore {
  return {
    repositories: catalogue.repositories,
    findTags: (repository) => catalogue.findTags(repository),
    findManifest: (repository, reference) => catalogue.findManifest(repository, reference),
    findBlob(repository, digest): Blob | undefined {
      const found = catalogue.findBlob(repository, digest);
      if (found === undefined) return undefined;
      if (!(found instanceof LayerArchive)) return { mediaType: "application/octet-stream", content: found.bytes };
      return {
        mediaType: "application/octet-stream",
        content: { bytes: found.gzipBytes, piece: (at, length) => found.readGzip(at, length) },
      };
    },
  };
}

/** registry-1.docker.io */
export function answerHub(store: RegistryStore, request: RegistryRequest): RegistryResponse {
  const route = findRoute(request.path);
  if (route === undefined) return answer(store, request);
  const held = tokenOf(request);
  const wanted = accessFor(route, request);
  if (held === undefined) return failure("UNAUTHORIZED", wanted === undefined ? null : detailOf(wanted), [challenge(wanted)]);
  if (wanted !== undefined && !covers(held, wanted))
    return failure("UNAUTHORIZED", detailOf(wanted), [challenge(wanted, "insufficient_scope")]);
  return answer(store, request);
}

/** What a request needs; undefined if any token will do. */
function accessFor(route: Route, { method }: RegistryRequest): Access | undefined {
  if (route.kind === "base") return undefined;
  if (route.kind === "catalog") return { type: "registry", name: "catalog", actions: ["*"] };
  const reads = method === "GET" || method === "HEAD";
  return { type: "repository", name: route.name, actions: reads ? ["pull"] : method === "DELETE" ? ["delete"] : ["pull", "push"] };
}

const detailOf = ({ type, name, actions }: Access): unknown =>
  actions.map((action) => ({ Type: type, Class: "", Name: name, Action: action }));

function challenge(wanted: Access | undefined, error?: string): readonly [string, string] {
  const scope = wanted === undefined ? "" : `,scope="${wanted.type}:${wanted.name}:${wanted.actions.join(",")}"`;
  return ["Www-Authenticate", `Bearer realm="${REALM}",service="${SERVICE}"${scope}${error === undefined ? "" : `,error="${error}"`}`];
}

const covers = (held: readonly Access[], { type, name, actions }: Access): boolean =>
  actions.every((action) => held.some((access) => access.type === type && access.name === name && access.actions.includes(action)));

/** What the request's token allows; undefined without a good one. */
function tokenOf({ headers }: RegistryRequest): readonly Access[] | undefined {
  const payload = /^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/i.exec(headers.get("Authorization") ?? "")?.[1];
  if (payload === undefined) return undefined;
  try {
    const claims = JSON.parse(decodeUtf8(fromBase64Url(payload))) as { readonly aud?: unknown; readonly access?: unknown };
    return claims.aud === SERVICE && Array.isArray(claims.access) ? (claims.access as readonly Access[]) : undefined;
  } catch {
    return undefined;
  }
}

/** auth.docker.io */
export function answerAuth(store: RegistryStore, request: RegistryRequest): RegistryResponse {
  if (request.path !== "/token" || (request.method !== "GET" && request.method !== "POST")) return json(404, { details: "not found" });
  if (request.method === "POST" || /^Basic /i.test(request.headers.get("Authorization") ?? ""))
    return json(401, { details: "incorrect username or password" });
  const scopes = (queryOf(request.target).get("scope") ?? []).flatMap((scope) => scope.split(" "));
  const access = scopes.flatMap((scope): Access[] => {
    const match = /^repository:(.+):([a-z,*]+)$/.exec(scope);
    const name = match?.[1];
    if (name === undefined || store.findTags(name) === undefined || !match?.[2]?.split(",").includes("pull")) return [];
    return [{ type: "repository", name, actions: ["pull"] }];
  });
  const part = (content: unknown): string => toBase64Url(encodeUtf8(JSON.stringify(content)));
  const token = `${part({ alg: "none", typ: "JWT" })}.${part({ access, aud: SERVICE, iss: "auth.docker.io", sub: "" })}.`;
  return json(200, { token, access_token: token, expires_in: 300 });
}

/** RFC 4648, 5: the alphabet for addresses, without padding. */
const toBase64Url = (bytes: Uint8Array): string => encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function fromBase64Url(text: string): Uint8Array {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const c of text) {
    word = ((word << 6) | alphabet.indexOf(c)) & 0xffffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (word >> bits) & 0xff;
  }
  return bytes;
}

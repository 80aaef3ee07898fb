/** What is asked of registries besides images: search, `docker manifest inspect`'s ground, login. moby `registry/search.go`, `registry/service.go`, `api/server/router/distribution`. */

import type { Proc } from "../../abi/sys.ts";
import { isIndexType, isManifestType, type Index, type Manifest } from "../../image/oci.ts";
import { tagNameOnly } from "../../image/reference.ts";
import { encodeBase64 } from "../../userland/libc/base64.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import type { Filters } from "../api/events.ts";
import type { AuthAnswer, AuthConfig, DistributionInspect, ImageSearchResult } from "../api/image.ts";
import { checkFilters, invalidFilter } from "../filters.ts";
import { invalidParameter, isFailure, systemError, unauthorized, wordsOf } from "../errors.ts";
import { anyReference, type Images } from "./images.ts";
import { withRepository } from "./registry/endpoints.ts";
import { readText, send } from "./registry/http-client.ts";
import { parseJson, queryEscape, type Repository } from "./registry/repository.ts";

const INDEX = "https://index.docker.io/v1/";
const MAX_RESULTS = 100;

/** Errors: invalidParameter for a limit or filter; systemError. Blocks. */
export function* searchImages(images: Images, term: string, limit: number, filters: Filters, auth: AuthConfig): Proc<ImageSearchResult[]> {
  checkFilters(filters, ["is-automated", "is-official", "stars"]);
  const yes = (name: string): boolean | undefined => {
    const values = filters[name];
    if (values === undefined) return undefined;
    if (values.length !== 1 || (values[0] !== "true" && values[0] !== "false")) throw invalidFilter(name, values);
    return values[0] === "true";
  };
  const [automated, official] = [yes("is-automated"), yes("is-official")];
  for (const stars of filters.stars ?? []) if (!/^[+-]?\d+$/.test(stars)) throw invalidFilter("stars", [stars]);
  const stars = Math.max(0, ...(filters.stars ?? []).map(Number));
  if (limit < 1 || limit > MAX_RESULTS) throw invalidParameter(`Limit ${limit} is outside the range of [1, ${MAX_RESULTS}]`);
  const known = (auth.username ?? "") !== "" && (auth.password ?? "") !== "";
  const headers = known ? ([["Authorization", `Basic ${encodeBase64(encodeUtf8(`${auth.username}:${auth.password}`))}`]] as const) : [];
  const answer = yield* send(images.daemon.sys, { method: "GET", url: `${INDEX}search?q=${queryEscape(term)}&n=${limit}`, headers });
  const text = yield* readText(answer);
  if (answer.status !== 200) throw systemError(`Unexpected status code ${answer.status}`);
  const { results } = parseJson<{ results?: ImageSearchResult[] }>(text, "error decoding registry search results: ");
  return (results ?? []).filter(
    (one) =>
      (automated === undefined || one.is_automated === automated) &&
      (official === undefined || one.is_official === official) &&
      one.star_count >= stars,
  );
}

/** What a registry has behind a name. Errors: as registries complain. Blocks. */
export function* inspectDistribution(images: Images, name: string, auth: AuthConfig): Proc<DistributionInspect> {
  const parsed = anyReference(name);
  if (!("path" in parsed)) throw systemError("no manifest found for full image ID");
  const reference = tagNameOnly(parsed);
  return yield* withRepository(images.daemon, reference, auth, "pull", function* (repository) {
    const digest = reference.digest ?? (yield* repository.resolveTag(reference.tag as string)).digest;
    const { mediaType, text } = yield* repository.manifest(digest);
    const Descriptor = { mediaType, digest, size: encodeUtf8(text).length };
    if (isIndexType(mediaType)) {
      const platforms = parseJson<Index>(text, "").manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
      return {
        Descriptor,
        Platforms: platforms.map(({ architecture, os, variant }) => ({ architecture, os, ...(variant === undefined ? {} : { variant }) })),
      };
    }
    if (!isManifestType(mediaType)) return { Descriptor, Platforms: [] };
    const config = yield* readText(yield* repository.blob(parseJson<Manifest>(text, "").config.digest));
    const { architecture = "", os = "" } = parseJson<{ architecture?: string; os?: string }>(config, "");
    return { Descriptor, Platforms: os === "" && architecture === "" ? [] : [{ architecture, os }] };
  });
}

/** `docker login`. Errors: unauthorized; systemError. Blocks. */
export function* login(images: Images, auth: AuthConfig): Proc<AuthAnswer> {
  const address = (auth.serveraddress ?? "") === "" ? INDEX : (auth.serveraddress as string);
  const host = address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  const hub = host === "index.docker.io" || host === "docker.io";
  const bare = { domain: hub ? "docker.io" : host, path: "" };
  return yield* withRepository(images.daemon, bare, auth, "pull", function* (repository: Repository) {
    try {
      const status = yield* repository.check();
      if (status !== 200) throw systemError(`login attempt to ${repository.endpoint}/v2/ failed with status: ${status}`);
      return { IdentityToken: "", Status: "Login Succeeded" };
    } catch (e) {
      if (!isFailure(e)) throw e;
      throw /unauthorized|authentication/.test(wordsOf(e)) ? unauthorized(wordsOf(e)) : e;
    }
  });
}

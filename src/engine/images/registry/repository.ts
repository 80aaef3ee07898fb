/**
 * One repository of a registry over the OCI distribution API, with the tokens that it asks for. docker/distribution `registry/client`, `registry/client/auth`.
 * Left out: refresh tokens (OAuth2), manifests of schema 1.
 */

import type { Proc, Sys } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { type Descriptor, digestOf, mediaTypes } from "../../../image/oci.ts";
import { encodeBase64 } from "../../../userland/libc/base64.ts";
import type { ByteSource } from "../../../userland/libc/stream.ts";
import { resolveUrl, parseUrl } from "../../../userland/libc/url.ts";
import type { AuthConfig } from "../../api/image.ts";
import { isFailure, systemError, wordsOf } from "../../errors.ts";
import { type Answer, readText, type Request, send } from "./http-client.ts";
import { type Challenge, failureOf, parseChallenge } from "./registry-error.ts";

const PING_TIMEOUT_MS = 15_000;
const ACCEPTED = [mediaTypes.dockerManifest, mediaTypes.dockerManifestList, mediaTypes.manifest, mediaTypes.index];

/** What moby says of a blob that is not there. */
export const UNKNOWN_BLOB = "unknown blob";

export interface FetchedManifest {
  readonly mediaType: string;
  readonly digest: string;
  /** As it was sent. */
  readonly text: string;
}

/** Percent-encoding as Go's url.QueryEscape(). */
export const queryEscape = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (ch) => `%${ch.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");

export class Repository {
  private challenge: Challenge | undefined;
  private token: string | undefined;

  constructor(
    private readonly sys: Sys,
    /** `https://registry-1.docker.io` */
    readonly endpoint: string,
    /** `library/alpine`; empty for the registry itself. */
    readonly path: string,
    private readonly auth: AuthConfig,
    /** `pull`, `push,pull` */
    private readonly actions: string,
  ) {}

  /** Asks whether there is a registry, and how to prove who we are. Errors: systemError. Blocks. */
  *ping(): Proc<number> {
    const answer = yield* send(this.sys, { method: "GET", url: `${this.endpoint}/v2/`, timeoutMs: PING_TIMEOUT_MS });
    const header = answer.headers.get("WWW-Authenticate");
    this.challenge = answer.status === 401 && header !== undefined ? parseChallenge(header) : undefined;
    yield* answer.close();
    return answer.status;
  }

  /** Whether the registry knows who we are: the status of its answer. Errors: RegistryError, systemError. Blocks. */
  *check(): Proc<number> {
    const answer = yield* this.send({ method: "GET", url: `${this.endpoint}/v2/`, timeoutMs: PING_TIMEOUT_MS });
    yield* answer.close();
    return answer.status;
  }

  private url(rest: string): string {
    return `${this.endpoint}/v2/${this.path}/${rest}`;
  }

  /** With what proves who we are. `from`: another repository that is to be read as well. */
  private *send(request: Request, from?: string): Proc<Answer> {
    const headers = [...(request.headers ?? [])];
    try {
      const proof = yield* this.proof(from);
      if (proof !== undefined) headers.push(["Authorization", proof]);
    } catch (e) {
      if (!isFailure(e)) throw e;
      const operation = request.method.slice(0, 1) + request.method.slice(1).toLowerCase();
      throw systemError(`${operation} ${JSON.stringify(request.url)}: ${wordsOf(e)}`);
    }
    return yield* send(this.sys, { ...request, headers });
  }

  private *proof(from: string | undefined): Proc<string | undefined> {
    if ((this.auth.registrytoken ?? "") !== "") return `Bearer ${this.auth.registrytoken}`;
    switch (this.challenge?.scheme) {
      case "bearer": {
        if (from !== undefined) return `Bearer ${yield* this.fetchToken(this.challenge, from)}`;
        this.token ??= yield* this.fetchToken(this.challenge, undefined);
        return `Bearer ${this.token}`;
      }
      case "basic":
        if ((this.auth.username ?? "") === "" || (this.auth.password ?? "") === "") throw systemError("no basic auth credentials");
        return this.basic();
      default:
        return undefined;
    }
  }

  private basic(): string {
    return `Basic ${encodeBase64(encodeUtf8(`${this.auth.username}:${this.auth.password}`))}`;
  }

  private *fetchToken({ parameters }: Challenge, from: string | undefined): Proc<string> {
    const { realm, service } = parameters;
    if (realm === undefined) throw systemError("no realm specified for token auth challenge");
    const scopes =
      this.path === "" ? [] : [`repository:${this.path}:${this.actions}`, ...(from === undefined ? [] : [`repository:${from}:pull`])];
    const known = (this.auth.username ?? "") !== "" && (this.auth.password ?? "") !== "";
    // Go writes the names of a query in their order.
    const query = [
      ...(known ? [`account=${queryEscape(this.auth.username as string)}`] : []),
      ...(this.path === "" ? ["client_id=docker", "offline_token=true"] : []),
      ...scopes.map((scope) => `scope=${queryEscape(scope)}`),
      ...(service === undefined ? [] : [`service=${queryEscape(service)}`]),
    ].join("&");
    const headers = known ? ([["Authorization", this.basic()]] as const) : [];
    const answer = yield* send(this.sys, { method: "GET", url: `${realm}?${query}`, headers, timeoutMs: PING_TIMEOUT_MS });
    if (answer.status >= 400) throw yield* failureOf(answer);
    const { token, access_token } = parseJson<{ token?: string; access_token?: string }>(
      yield* readText(answer),
      "unable to decode token response: ",
    );
    const found = access_token ?? token ?? "";
    if (found === "") throw systemError("authorization server did not include a token in the response");
    return found;
  }

  // ── Manifests ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private manifestRequest(method: "GET" | "HEAD", name: string): Request {
    return { method, url: this.url(`manifests/${name}`), headers: ACCEPTED.map((type) => ["Accept", type] as const) };
  }

  /** What a tag means at present. Errors: RegistryError, systemError. */
  *resolveTag(tag: string): Proc<{ readonly digest: string; readonly mediaType: string; readonly size: number }> {
    const head = yield* this.send(this.manifestRequest("HEAD", tag));
    yield* head.close();
    const digest = head.headers.get("Docker-Content-Digest");
    if (head.status < 400 && digest !== undefined)
      return { digest, mediaType: head.headers.get("Content-Type") ?? "", size: Number(head.headers.get("Content-Length") ?? 0) };
    const full = yield* this.send(this.manifestRequest("GET", tag));
    if (full.status >= 400) throw yield* failureOf(full);
    const text = yield* readText(full);
    const told = full.headers.get("Docker-Content-Digest") ?? digestOf(text);
    return { digest: told, mediaType: full.headers.get("Content-Type") ?? "", size: encodeUtf8(text).length };
  }

  /** Errors: RegistryError, systemError, also where it is not what its digest says. */
  *manifest(digest: string): Proc<FetchedManifest> {
    const answer = yield* this.send(this.manifestRequest("GET", digest));
    if (answer.status >= 400) throw yield* failureOf(answer);
    const type = (answer.headers.get("Content-Type") ?? "").replace(/;.*/, "").trim();
    const text = yield* readText(answer);
    if (digestOf(text) !== digest) throw systemError(`manifest verification failed for digest ${digest}`);
    const own = parseJson<{ mediaType?: string }>(text, "").mediaType;
    return { mediaType: own ?? type, digest, text };
  }

  /** All tags of the repository. */
  *tags(): Proc<string[]> {
    const tags: string[] = [];
    let url: string | undefined = this.url("tags/list");
    while (url !== undefined) {
      const answer: Answer = yield* this.send({ method: "GET", url });
      if (answer.status >= 400) throw yield* failureOf(answer);
      const next: string | undefined = /<([^>]+)>\s*;\s*rel="?next"?/.exec(answer.headers.get("Link") ?? "")?.[1];
      tags.push(...(parseJson<{ tags?: string[] | null }>(yield* readText(answer), "").tags ?? []));
      url = next === undefined ? undefined : this.absolute(next);
    }
    return tags;
  }

  *putManifest(tag: string, mediaType: string, text: string): Proc<void> {
    const request = {
      method: "PUT",
      url: this.url(`manifests/${tag}`),
      headers: [["Content-Type", mediaType]],
      body: encodeUtf8(text),
    } as const;
    const answer = yield* this.send(request);
    if (answer.status >= 400) throw yield* failureOf(answer);
    yield* answer.close();
  }

  // ── Blobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The answer with a blob's bytes; close() it. Errors: systemError "unknown blob", RegistryError. */
  *blob(digest: string): Proc<Answer> {
    const answer = yield* this.send({ method: "GET", url: this.url(`blobs/${digest}`), headers: [["Accept-Encoding", "identity"]] });
    if (answer.status < 400) return answer;
    if (answer.status !== 404) throw yield* failureOf(answer);
    yield* answer.close();
    throw systemError(UNKNOWN_BLOB);
  }

  /** Undefined if it is not there. */
  *statBlob(digest: string): Proc<Descriptor | undefined> {
    const answer = yield* this.send({ method: "HEAD", url: this.url(`blobs/${digest}`) });
    yield* answer.close();
    if (answer.status >= 400) return undefined;
    return { mediaType: mediaTypes.dockerLayerGzip, digest, size: Number(answer.headers.get("Content-Length") ?? 0) };
  }

  /** Begins an upload: where to send it; or, with `mount`, nothing where the registry took it from the other repository. */
  *startUpload(mount?: { readonly digest: string; readonly from: string }): Proc<string | undefined> {
    const query = mount === undefined ? "" : `?from=${queryEscape(mount.from)}&mount=${queryEscape(mount.digest)}`;
    const answer = yield* this.send({ method: "POST", url: this.url(`blobs/uploads/${query}`) }, mount?.from);
    if (answer.status >= 400) throw yield* failureOf(answer);
    yield* answer.close();
    if (answer.status === 201) return undefined;
    return this.locationOf(answer);
  }

  /** Sends the bytes and then tells their digest. */
  *upload(location: string, content: ByteSource, digest: () => string): Proc<void> {
    const headers = [["Content-Type", "application/octet-stream"]] as const;
    const patched = yield* this.send({ method: "PATCH", url: location, headers, body: content });
    if (patched.status >= 400) throw yield* failureOf(patched);
    yield* patched.close();
    const next = this.locationOf(patched);
    const url = `${next}${next.includes("?") ? "&" : "?"}digest=${queryEscape(digest())}`;
    const put = yield* this.send({ method: "PUT", url });
    if (put.status >= 400) throw yield* failureOf(put);
    yield* put.close();
  }

  private locationOf(answer: Answer): string {
    return this.absolute(answer.headers.get("Location") ?? "");
  }

  private absolute(location: string): string {
    const base = parseUrl(this.endpoint);
    return base === undefined ? location : resolveUrl(base, location);
  }
}

/** Errors: systemError. */
export function parseJson<T>(text: string, context: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    const first = text.trim()[0];
    throw systemError(`${context}${first === undefined ? "EOF" : `invalid character '${first}' looking for beginning of value`}`);
  }
}

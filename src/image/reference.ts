/**
 * Image names: `distribution/reference`. A name that people type ("alpine", "alpine:3.20", "localhost:5000/a@sha256:…") becomes a normalised one with
 * a domain and a path, and back. Client and engine are of different ages and say and allow different things: each call says for whom it speaks.
 *
 * Written here and not taken from a library: those at hand translate the grammar's expressions as they stand, and JavaScript's engine takes exponential
 * time for some names (`aaaaaaaaaaaaaaaaaaaaaaaa!`); the machine would hang.
 */

/** Whose rules: the client 28 (reference v0.6) or the engine 20.10 (v2.8, no IPv6 hosts, other words). */
export type ReferenceAge = "client" | "engine";

/** Why a text is no reference; the words are Docker's. */
export class InvalidReference extends Error {}

export interface Reference {
  /** `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** `library/alpine`. */
  readonly path: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

export const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DEFAULT_DOMAIN = "index.docker.io";
const OFFICIAL = "library/";
export const DEFAULT_TAG = "latest";
const NAME_MAX_LENGTH = 255;

const DOMAIN_NAME = "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*";
const PORT = "(?::[0-9]+)?";
const DOMAIN = new RegExp(`^${DOMAIN_NAME}${PORT}$`);
const DOMAIN_OR_IPV6 = new RegExp(`^(?:${DOMAIN_NAME}|\\[[a-fA-F0-9:]+\\])${PORT}$`);
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[a-zA-Z][a-zA-Z0-9]*(?:[-_+.][a-zA-Z][a-zA-Z0-9]*)*:[a-fA-F0-9]{32,}$/;
const IDENTIFIER = /^[a-f0-9]{64}$/;
const HEX_DIGITS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const INVALID = "invalid reference format";
const UPPERCASE = "repository name must be lowercase";

/** What a person means by `name`. Errors: InvalidReference. */
export function parseNormalizedNamed(name: string, age: ReferenceAge = "engine"): Reference {
  if (IDENTIFIER.test(name)) throw new InvalidReference(`invalid repository name (${name}), cannot specify 64-byte hexadecimal strings`);
  const [domain, remainder] = splitDockerDomain(name, age);
  const colon = remainder.indexOf(":");
  const remote = colon < 0 ? remainder : remainder.slice(0, colon);
  if (remote.toLowerCase() !== remote)
    throw new InvalidReference(age === "engine" ? `${INVALID}: ${UPPERCASE}` : `${INVALID}: repository name (${remote}) must be lowercase`);
  return parseCanonical(domain, remainder, age);
}

/** As parseNormalizedNamed, but a 64-digit id or a digest alone is one, too: what `docker inspect` takes. */
export function parseAnyReference(name: string, age: ReferenceAge = "engine"): Reference | { readonly digest: string } {
  if (IDENTIFIER.test(name)) return { digest: `sha256:${name}` };
  if (digestFault(name) === undefined) return { digest: name };
  return parseNormalizedNamed(name, age);
}

function splitDockerDomain(name: string, age: ReferenceAge): [domain: string, remainder: string] {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const host = /[.:]/.test(first) || first === "localhost" || (age === "client" && first.toLowerCase() !== first);
  let [domain, remainder] = slash < 0 || !host ? [DEFAULT_DOMAIN, name] : [first, name.slice(slash + 1)];
  if (domain === LEGACY_DEFAULT_DOMAIN) domain = DEFAULT_DOMAIN;
  if (domain === DEFAULT_DOMAIN && !remainder.includes("/")) remainder = OFFICIAL + remainder;
  return [domain, remainder];
}

/** `domain/path[:tag][@digest]`, the domain known. */
function parseCanonical(domain: string, remainder: string, age: ReferenceAge): Reference {
  const at = remainder.indexOf("@");
  const digest = at < 0 ? undefined : remainder.slice(at + 1);
  const named = at < 0 ? remainder : remainder.slice(0, at);
  const colon = named.indexOf(":");
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const path = colon < 0 ? named : named.slice(0, colon);
  const good =
    (age === "client" ? DOMAIN_OR_IPV6 : DOMAIN).test(domain) &&
    isPath(path) &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || DIGEST.test(digest));
  if (!good) throw new InvalidReference(INVALID);
  const long = age === "client" ? path.length : domain.length + 1 + path.length;
  if (long > NAME_MAX_LENGTH) throw new InvalidReference(`repository name must not be more than ${NAME_MAX_LENGTH} characters`);
  const fault = digest === undefined ? undefined : digestFault(digest);
  if (fault !== undefined) throw new InvalidReference(fault);
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

const isPath = (path: string): boolean => path.split("/").every((component) => COMPONENT.test(component));

/** What is wrong with a digest; undefined if nothing is. */
export function digestFault(digest: string): string | undefined {
  if (!DIGEST.test(digest)) return "invalid checksum digest format";
  const [algorithm, hex] = digest.split(":") as [string, string];
  const digits = HEX_DIGITS[algorithm];
  if (digits === undefined) return "unsupported digest algorithm";
  if (hex.length !== digits) return "invalid checksum digest length";
  return /^[a-f0-9]+$/.test(hex) ? undefined : "invalid checksum digest format";
}

export const isTag = (tag: string): boolean => TAG.test(tag);

/** `reference` with another tag and no digest. Errors: InvalidReference. */
export function withTag({ domain, path }: Reference, tag: string): Reference {
  if (!isTag(tag)) throw new InvalidReference("invalid tag format");
  return { domain, path, tag };
}

export function withDigest({ domain, path }: Reference, digest: string): Reference {
  return { domain, path, digest };
}

/** With the tag `latest` where there is neither tag nor digest. */
export function tagNameOnly(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: DEFAULT_TAG } : reference;
}

/** Without tag and digest. */
export const trimNamed = ({ domain, path }: Reference): Reference => ({ domain, path });

/** The whole name: `docker.io/library/alpine`. */
export const normalizedName = ({ domain, path }: Reference): string => `${domain}/${path}`;

/** The name as people write it: `alpine`, `bitnami/redis`, `localhost:5000/x`. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  // Of a path with more parts the official prefix is needed to tell it from a domain.
  return path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes("/") ? path.slice(OFFICIAL.length) : path;
}

const suffix = ({ tag, digest }: Reference): string => (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);

/** `docker.io/library/alpine:3.20` */
export const normalizedString = (reference: Reference): string => normalizedName(reference) + suffix(reference);

/** `alpine:3.20` */
export const familiarString = (reference: Reference): string => familiarName(reference) + suffix(reference);

/** What registries complain of: OCI distribution-spec "Error Codes". docker/distribution `registry/api/errcode`, `registry/client/errors.go`, moby `distribution/errors.go`. */

import type { Proc } from "../../../abi/sys.ts";
import { familiarName, familiarString, type Reference } from "../../../image/reference.ts";
import { EngineError, type ErrorCategory, notFound, systemError } from "../../errors.ts";
import { type Answer, readText } from "./http-client.ts";

export interface RegistryComplaint {
  /** `MANIFEST_UNKNOWN` … */
  readonly code: string;
  readonly message: string;
}

/** The texts of codes that come without one. */
const MESSAGES: Readonly<Record<string, string>> = {
  UNKNOWN: "unknown error",
  UNSUPPORTED: "The operation is unsupported.",
  UNAUTHORIZED: "authentication required",
  DENIED: "requested access to the resource is denied",
  UNAVAILABLE: "service unavailable",
  TOOMANYREQUESTS: "too many requests",
  DIGEST_INVALID: "provided digest did not match uploaded content",
  SIZE_INVALID: "provided length did not match content length",
  NAME_INVALID: "invalid repository name",
  TAG_INVALID: "manifest tag did not match URI",
  NAME_UNKNOWN: "repository name not known to registry",
  MANIFEST_UNKNOWN: "manifest unknown",
  MANIFEST_INVALID: "manifest invalid",
  MANIFEST_BLOB_UNKNOWN: "blob unknown to registry",
  BLOB_UNKNOWN: "blob unknown to registry",
  BLOB_UPLOAD_UNKNOWN: "blob upload unknown to registry",
  BLOB_UPLOAD_INVALID: "blob upload invalid",
};

const CATEGORIES: Readonly<Record<string, ErrorCategory>> = {
  UNAUTHORIZED: "unauthorized",
  DENIED: "forbidden",
  NAME_UNKNOWN: "notFound",
  MANIFEST_UNKNOWN: "notFound",
  BLOB_UNKNOWN: "notFound",
  UNAVAILABLE: "unavailable",
};

const describe = ({ code, message }: RegistryComplaint): string => `${code.toLowerCase().replaceAll("_", " ")}: ${message}`;

/** One or more complaints of a registry. */
export class RegistryError extends EngineError {
  constructor(readonly complaints: readonly RegistryComplaint[]) {
    const [first] = complaints;
    const text =
      complaints.length === 1 && first !== undefined
        ? describe(first)
        : `errors:\n${complaints.map((one) => `${describe(one)}\n`).join("")}`;
    super(CATEGORIES[first?.code ?? ""] ?? "system", text);
  }

  /** Of the first, which counts. */
  get code(): string {
    return this.complaints[0]?.code ?? "UNKNOWN";
  }
}

/** The failure that an answer with an error status means; reads its body and closes it. Blocks. */
export function* failureOf(answer: Answer): Proc<EngineError> {
  if (answer.status < 400 || answer.status >= 500) {
    yield* answer.close();
    return systemError(`received unexpected HTTP status: ${answer.statusText}`);
  }
  const challenge = /^bearer /i.test(answer.headers.get("WWW-Authenticate") ?? "")
    ? parseChallenge(answer.headers.get("WWW-Authenticate") ?? "")
    : undefined;
  const text = yield* readText(answer);
  const told = complaintsIn(text, answer.status);
  const code = { invalid_token: "UNAUTHORIZED", insufficient_scope: "DENIED" }[challenge?.parameters.error ?? ""];
  if (code !== undefined) {
    const described = challenge?.parameters.error_description ?? "";
    const own = { code, message: described === "" ? (MESSAGES[code] as string) : described };
    return new RegistryError([own, ...(told ?? [])]);
  }
  if (told !== undefined) return new RegistryError(told);
  if (answer.status === 401) return new RegistryError([{ code: "UNAUTHORIZED", message: MESSAGES.UNAUTHORIZED as string }]);
  const why =
    text.trim() === ""
      ? "EOF"
      : /^\s*[{[]/.test(text)
        ? "no error details found in HTTP response body"
        : `invalid character '${text.trim()[0]}' looking for beginning of value`;
  return systemError(`error parsing HTTP ${answer.status} response body: ${why}: ${JSON.stringify(text)}`);
}

function complaintsIn(text: string, status: number): RegistryComplaint[] | undefined {
  let parsed: { details?: unknown; errors?: unknown } | null;
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch {
    return undefined;
  }
  if (typeof parsed?.details === "string" && parsed.details !== "")
    return [
      {
        code: status === 401 ? "UNAUTHORIZED" : status === 403 ? "DENIED" : status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN",
        message: parsed.details,
      },
    ];
  if (!Array.isArray(parsed?.errors) || parsed.errors.length === 0) return undefined;
  return parsed.errors.map((one: { code?: unknown; message?: unknown }) => {
    const code = typeof one?.code === "string" && one.code in MESSAGES ? one.code : "UNKNOWN";
    const message = typeof one?.message === "string" && one.message !== "" ? one.message : (MESSAGES[code] as string);
    return { code, message };
  });
}

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** `Bearer realm="…",service="…"`. */
export function parseChallenge(header: string): Challenge | undefined {
  const match = /^\s*([A-Za-z]+)\s*(.*)$/s.exec(header);
  if (match === null) return undefined;
  const parameters: Record<string, string> = {};
  for (const [, name, quoted, plain] of (match[2] as string).matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g))
    parameters[(name as string).toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
  return { scheme: (match[1] as string).toLowerCase(), parameters };
}

/** A pull's failure as the client is told. */
export function pullError(e: EngineError, reference: Reference): EngineError {
  if (!(e instanceof RegistryError)) return e;
  const [first] = e.complaints;
  if (first === undefined) return e;
  const cause = describe(first);
  switch (e.code) {
    case "DENIED":
      return notFound(
        `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': ${cause}`,
      );
    case "MANIFEST_UNKNOWN":
      return notFound(`manifest for ${familiarString(reference)} not found: ${cause}`);
    case "NAME_UNKNOWN":
      return notFound(`repository ${familiarName(reference)} not found: ${cause}`);
    default:
      return systemError(cause);
  }
}

/** Trying again would not help. */
export const isFinal = (e: unknown): boolean =>
  e instanceof RegistryError && ["UNAUTHORIZED", "UNSUPPORTED", "DENIED", "TOOMANYREQUESTS", "NAME_UNKNOWN"].includes(e.code);

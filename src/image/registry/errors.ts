/** The errors of the distribution API: code, sentence and status. Distribution `registry/api/v2/errors.go`, `errcode/register.go`. */

import { json, type RegistryResponse } from "./http.ts";

const codes = {
  UNAUTHORIZED: ["authentication required", 401],
  DENIED: ["requested access to the resource is denied", 403],
  UNSUPPORTED: ["The operation is unsupported.", 405],
  NAME_INVALID: ["invalid repository name", 400],
  NAME_UNKNOWN: ["repository name not known to registry", 404],
  TAG_INVALID: ["manifest tag did not match URI", 400],
  MANIFEST_UNKNOWN: ["manifest unknown", 404],
  MANIFEST_INVALID: ["manifest invalid", 400],
  MANIFEST_BLOB_UNKNOWN: ["blob unknown to registry", 400],
  BLOB_UNKNOWN: ["blob unknown to registry", 404],
  BLOB_UPLOAD_UNKNOWN: ["blob upload unknown to registry", 404],
  BLOB_UPLOAD_INVALID: ["blob upload invalid", 404],
  DIGEST_INVALID: ["provided digest did not match uploaded content", 400],
  RANGE_INVALID: ["invalid content range", 416],
  PAGINATION_NUMBER_INVALID: ["invalid number of results requested", 400],
} as const satisfies Readonly<Record<string, readonly [message: string, status: number]>>;

export type RegistryErrorCode = keyof typeof codes;

/** The answer that tells of an error. */
export function failure(code: RegistryErrorCode, detail?: unknown, headers: readonly (readonly [string, string])[] = []): RegistryResponse {
  const [message, status] = codes[code];
  return json(status, { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] }, headers);
}

/** The categories of what can go wrong in the engine, and their HTTP status codes. moby `errdefs`, `api/server/httpstatus`. */

import { Errno } from "../abi/errno.ts";

const STATUS = {
  invalidParameter: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  notModified: 304,
  system: 500,
  notImplemented: 501,
  unavailable: 503,
} as const;

export type ErrorCategory = keyof typeof STATUS;

/** What a request fails with: answered as `{"message": …}`. */
export class EngineError extends Error {
  constructor(
    readonly category: ErrorCategory,
    message: string,
  ) {
    super(message);
  }

  get status(): number {
    return STATUS[this.category];
  }
}

export const invalidParameter = (message: string): EngineError => new EngineError("invalidParameter", message);
export const unauthorized = (message: string): EngineError => new EngineError("unauthorized", message);
export const forbidden = (message: string): EngineError => new EngineError("forbidden", message);
export const notFound = (message: string): EngineError => new EngineError("notFound", message);
export const conflict = (message: string): EngineError => new EngineError("conflict", message);
export const notModified = (message: string): EngineError => new EngineError("notModified", message);
export const systemError = (message: string): EngineError => new EngineError("system", message);
export const notImplemented = (message: string): EngineError => new EngineError("notImplemented", message);
export const unavailable = (message: string): EngineError => new EngineError("unavailable", message);

/** Whether something is an expected failure, rather than a bug of ours. */
export const isFailure = (e: unknown): e is EngineError | Errno => e instanceof EngineError || e instanceof Errno;

/** The words of a failure: an errno's in Go's lower case. Throws on what is none. */
export function wordsOf(e: unknown): string {
  if (e instanceof Errno) return e.message.toLowerCase();
  if (e instanceof EngineError) return e.message;
  throw e;
}

/** What a request names: where it is not there, the request is a bad one, not its path. Errors: invalidParameter. */
export function asked<T>(look: () => T): T {
  try {
    return look();
  } catch (e) {
    throw e instanceof EngineError ? invalidParameter(e.message) : e;
  }
}

/** The same failure with `context: ` in front. */
export function withContext(context: string, e: unknown): EngineError {
  return new EngineError(e instanceof EngineError ? e.category : "system", `${context}: ${wordsOf(e)}`);
}

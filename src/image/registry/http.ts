/** What a registry takes and gives: a request and a response of HTTP without the connection. The shape of `Site` in machine/world. */

import type { Headers } from "../../userland/libc/http.ts";

export interface RegistryRequest {
  readonly method: string;
  /** With its query. */
  readonly target: string;
  /** Without it, decoded. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface RegistryResponse {
  readonly status: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array | SizedBody;
}

/** A body that is made as it is sent. */
export interface SizedBody {
  readonly bytes: number;
  piece(offset: number, length: number): Uint8Array;
}

/** The values of a query, in order. */
export function queryOf(target: string): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, string[]>();
  const question = target.indexOf("?");
  if (question < 0) return all;
  for (const pair of target.slice(question + 1).split("&")) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const values = all.get(name) ?? [];
    values.push(equals < 0 ? "" : decode(pair.slice(equals + 1)));
    all.set(name, values);
  }
  return all;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

export const API_VERSION = ["Docker-Distribution-Api-Version", "registry/2.0"] as const;
const JSON_TYPE = ["Content-Type", "application/json"] as const;

export function json(status: number, content: unknown, headers: readonly (readonly [string, string])[] = []): RegistryResponse {
  return { status, headers: [JSON_TYPE, API_VERSION, ...headers], body: `${JSON.stringify(content)}\n` };
}

export const empty = (status: number, headers: readonly (readonly [string, string])[] = []): RegistryResponse => ({
  status,
  headers: [API_VERSION, ...headers],
  body: "",
});

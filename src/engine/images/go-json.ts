/** JSON as Go's encoding/json writes it: `<`, `>` and `&` escaped, maps in the order of their keys. Digests of configurations depend on it. */

import { byBytes } from "./files.ts";

/** A struct: keys in the order in which they are. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.replace(/[<>&\u2028\u2029]/g, (ch) => `\\u${ch.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A map: the same value with its keys sorted, those of maps within it left alone. */
export function sortKeys<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => byBytes(a, b))) as T;
}

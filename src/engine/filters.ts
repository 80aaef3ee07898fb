/** The `filters` of lists and prunes: which are known, and what they match. moby `api/types/filters`. */

import type { Filters } from "./api/events.ts";
import { type EngineError, invalidParameter } from "./errors.ts";

/** Errors: invalidParameter for the first that is not accepted. */
export function checkFilters(filters: Filters, accepted: readonly string[]): void {
  for (const name of Object.keys(filters)) if (!accepted.includes(name)) throw invalidParameter(`Invalid filter '${name}'`);
}

/** `Invalid filter 'dangling=[maybe]'` */
export const invalidFilter = (name: string, values: readonly string[]): EngineError =>
  invalidParameter(`Invalid filter '${name}=[${values.join(" ")}]'`);

type Labels = Readonly<Record<string, string>> | null | undefined;

/** Whether all of `key` and `key=value` are among the labels. */
export function hasLabels(wanted: readonly string[], labels: Labels): boolean {
  return wanted.every((text) => {
    const equals = text.indexOf("=");
    if (equals < 0) return labels?.[text] !== undefined;
    return labels?.[text.slice(0, equals)] === text.slice(equals + 1);
  });
}

/** Whether `label` has all of them, and `label!` not. */
export function labelsAccepted(filters: Filters, labels: Labels): boolean {
  if (filters.label !== undefined && !hasLabels(filters.label, labels)) return false;
  return filters["label!"] === undefined || !hasLabels(filters["label!"], labels);
}

/** Go's path.Match(): `*` and `?` do not match a slash; a pattern that is none matches nothing. */
export function pathMatch(pattern: string, text: string): boolean {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c === "*") source += "[^/]*";
    else if (c === "?") source += "[^/]";
    else if (c === "[") {
      const end = pattern.indexOf("]", i + 2);
      if (end < 0) return false;
      source += `(?!/)[${pattern.slice(i + 1, end).replace(/\[/g, "\\[")}]`;
      i = end;
    } else if (c === "\\") {
      i++;
      if (i === pattern.length) return false;
      source += (pattern[i] as string).replace(/\W/, "\\$&");
    } else source += c.replace(/[$()+.{|}^]/, "\\$&");
  }
  try {
    return new RegExp(`^${source}$`, "u").test(text);
  } catch {
    return false;
  }
}

/** Whether a text matches one of the patterns: regular expressions, found anywhere. Everything matches where there are none. */
export function matchesName(patterns: readonly string[] | undefined, text: string): boolean {
  if (patterns === undefined || patterns.length === 0) return true;
  return patterns.some((pattern) => {
    if (pattern === text) return true;
    try {
      return new RegExp(pattern).test(text);
    } catch {
      return false;
    }
  });
}

/** A filter that is true or false; undefined if it is not given. Throws what `failure` makes of other values. */
export function flagFilter(filters: Filters, name: string, failure: (values: readonly string[]) => EngineError): boolean | undefined {
  const values = filters[name];
  if (values === undefined || values.length === 0) return undefined;
  const yes = values.some((value) => value === "1" || value === "true");
  const no = values.some((value) => value === "0" || value === "false");
  if (yes === no) throw failure(values);
  return yes;
}

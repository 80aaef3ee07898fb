/**
 * Path names by pattern: glob(3) as shells use it, with `**` (globstar) and hidden names on request. Results are sorted
 * by code point, as in locale C. An unreadable directory matches nothing.
 */

import { EACCES, ELOOP, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { DT_DIR, DT_LNK, isDir } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { fnmatch, hasGlob, type PatternOptions, unescapePattern } from "./fnmatch.ts";
import { lstat, optional, readDir, stat } from "./unistd.ts";

export interface GlobOptions extends PatternOptions {
  /** `*` matches names that begin with a dot, too. */
  readonly dotglob?: boolean;
  /** `.*` does not match `.` and `..`. */
  readonly skipDots?: boolean;
  /** `**` matches any number of directories. */
  readonly globstar?: boolean;
}

/** Order of strcmp(3) on the UTF-8 bytes. */
export function compareBytes(a: string, b: string): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for code points above all others of UTF-16.
    if (x >= 0xd800 && x < 0xe000) x += 0x10000;
    if (y >= 0xd800 && y < 0xe000) y += 0x10000;
    return x - y;
  }
  return a.length - b.length;
}

/** The paths that match, sorted; empty if there is none. Quoted characters have a backslash in `pattern`. */
export function* glob(sys: Sys, pattern: string, options: GlobOptions = {}): Proc<string[]> {
  const absolute = /^\/+/.exec(pattern)?.[0] ?? "";
  const parts = splitPath(pattern.slice(absolute.length));
  const found: string[] = [];
  yield* walk(sys, absolute, parts, 0, options, found);
  return [...new Set(found)].sort(compareBytes);
}

interface Part {
  readonly pattern: string;
  /** The slashes after it. */
  readonly slashes: string;
}

function splitPath(pattern: string): Part[] {
  const parts: Part[] = [];
  let start = 0;
  for (let i = 0; i <= pattern.length; i++) {
    if (i < pattern.length && pattern[i] !== "/") {
      if (pattern[i] === "\\") i++;
      continue;
    }
    let end = i;
    while (pattern[end] === "/") end++;
    const name = pattern.slice(start, i);
    if (name !== "" || end > i) parts.push({ pattern: name, slashes: pattern.slice(i, end) });
    start = end;
    i = Math.max(i, end - 1);
  }
  return parts;
}

const NOTHING = [ENOENT, ENOTDIR, EACCES, ELOOP];

function* walk(sys: Sys, prefix: string, parts: readonly Part[], at: number, options: GlobOptions, found: string[]): Proc<void> {
  const part = parts[at];
  if (part === undefined) {
    if (prefix !== "") found.push(prefix);
    return;
  }
  const last = at === parts.length - 1;
  if (!hasGlob(part.pattern, options.extglob)) {
    const path = prefix + unescapePattern(part.pattern) + part.slashes;
    if (!last) yield* walk(sys, path, parts, at + 1, options, found);
    else if ((yield* optional(lstat(sys, path), NOTHING)) !== undefined) found.push(path);
    return;
  }
  if (options.globstar && part.pattern === "**") {
    if (last && prefix !== "") found.push(prefix);
    yield* walkDeep(sys, prefix, parts, at, options, found);
    return;
  }
  for (const entry of (yield* optional(readDir(sys, prefix === "" ? "." : prefix), NOTHING)) ?? []) {
    if (!matches(part.pattern, entry.name, options)) continue;
    const path = prefix + entry.name;
    if (part.slashes === "") found.push(path);
    else if (yield* isDirectory(sys, path, entry.type)) yield* walk(sys, path + part.slashes, parts, at + 1, options, found);
  }
}

function matches(pattern: string, name: string, options: GlobOptions): boolean {
  if (name === "." || name === "..")
    return pattern.startsWith(".") && !options.dotglob && !options.skipDots && fnmatch(pattern, name, options);
  if (name.startsWith(".") && !options.dotglob && !pattern.startsWith(".") && !pattern.startsWith("\\.")) return false;
  return fnmatch(pattern, name, options);
}

function* isDirectory(sys: Sys, path: string, type: number): Proc<boolean> {
  if (type === DT_DIR) return true;
  if (type !== DT_LNK) return false;
  const s = yield* optional(stat(sys, path), NOTHING);
  return s !== undefined && isDir(s.mode);
}

/** `**`: this directory and all below it, not through symbolic links. */
function* walkDeep(sys: Sys, prefix: string, parts: readonly Part[], at: number, options: GlobOptions, found: string[]): Proc<void> {
  const last = at === parts.length - 1;
  const wantsDirectories = (parts[at] as Part).slashes !== "";
  if (!last) yield* walk(sys, prefix, parts, at + 1, options, found);
  for (const entry of (yield* optional(readDir(sys, prefix === "" ? "." : prefix), NOTHING)) ?? []) {
    if (entry.name === "." || entry.name === ".." || (entry.name.startsWith(".") && !options.dotglob)) continue;
    if (entry.type === DT_DIR) yield* walkDeep(sys, `${prefix}${entry.name}/`, parts, at, options, found);
    if (last && (!wantsDirectories || entry.type === DT_DIR))
      found.push(entry.type === DT_DIR && wantsDirectories ? `${prefix}${entry.name}/` : prefix + entry.name);
  }
}

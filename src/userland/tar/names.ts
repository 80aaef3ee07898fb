/** What tar does to names: prefixes that are not safe, --exclude, --strip-components, --transform (GNU tar `names.c`, `transform.c`). */

import { patternRegExp } from "../libc/fnmatch.ts";
import { type Regex, regcomp } from "../libc/regex.ts";

/** The part of `name` that must go before it is safe: a leading `/`, and everything up to a last `..`. */
export function unsafePrefix(name: string): string {
  let end = 0;
  for (let at = 0; at <= name.length; ) {
    const slash = name.indexOf("/", at);
    const part = name.slice(at, slash < 0 ? undefined : slash);
    if (part === "..") end = slash < 0 ? name.length : slash + 1;
    if (slash < 0) break;
    at = slash + 1;
  }
  while (name[end] === "/") end++;
  return name.slice(0, end);
}

/** Whether --exclude patterns leave `name` out: each matches the whole name or its end after a slash, or a directory above it. */
export function isExcluded(name: string, patterns: readonly string[], anchored: boolean): boolean {
  if (patterns.length === 0) return false;
  const path = name.replace(/\/+$/, "");
  return patterns.some((pattern) => {
    const re = patternRegExp(pattern.replace(/\/+$/, ""), {}, anchored ? "^" : "(?:^|/)", "(?:/|$)");
    return re.test(path);
  });
}

/** Whether a member is meant by an operand: the name itself or something in it; a pattern with --wildcards. */
export function isSelected(name: string, operand: string, wildcards: boolean): boolean {
  const path = name.replace(/\/+$/, "");
  const want = operand.replace(/\/+$/, "");
  if (path === want || path.startsWith(`${want}/`)) return true;
  return wildcards && patternRegExp(want, {}, "^", "(?:/|$)").test(path);
}

/** Without its first `count` components; empty if nothing is left. */
export function stripComponents(name: string, count: number): string {
  let rest = name;
  for (let i = 0; i < count; i++) {
    const slash = rest.indexOf("/");
    if (slash < 0) return "";
    rest = rest.slice(slash).replace(/^\/+/, "");
  }
  return rest;
}

/** A sed expression `s/…/…/flags` as --transform takes it. */
export interface Transform {
  readonly regex: Regex;
  readonly replacement: string;
  readonly global: boolean;
  readonly symlinks: boolean;
  readonly hardlinks: boolean;
  readonly regular: boolean;
}

/** Compiles expressions joined by `;`; undefined where one is none. */
export function compileTransforms(text: string): Transform[] | undefined {
  const all: Transform[] = [];
  let rest = text;
  while (rest !== "") {
    if (rest[0] !== "s" || rest.length < 2) return undefined;
    const mark = rest[1] as string;
    const parts: string[] = [""];
    let at = 2;
    for (; at < rest.length && parts.length < 3; at++) {
      const ch = rest[at] as string;
      if (ch === "\\" && at + 1 < rest.length) {
        parts[parts.length - 1] += rest[at + 1] === mark ? mark : ch + rest[at + 1];
        at++;
      } else if (ch === mark) parts.push("");
      else parts[parts.length - 1] += ch;
    }
    const flags = /^[gixrRsShH]*/.exec(rest.slice(at))?.[0] ?? "";
    rest = rest.slice(at + flags.length);
    if (parts.length < 3 || (rest !== "" && !rest.startsWith(";"))) return undefined;
    rest = rest.replace(/^;/, "");
    const [source = "", replacement = ""] = parts;
    all.push({
      regex: regcomp(source, { extended: flags.includes("x"), icase: flags.includes("i") }),
      replacement,
      global: flags.includes("g"),
      symlinks: !flags.includes("S"),
      hardlinks: !flags.includes("H"),
      regular: !flags.includes("R"),
    });
  }
  return all;
}

/** `name` after all transformations of its kind. */
export function transformName(name: string, transforms: readonly Transform[], kind: "regular" | "symlinks" | "hardlinks"): string {
  let text = name;
  for (const t of transforms) {
    if (!t[kind]) continue;
    let out = "";
    let at = 0;
    while (at <= text.length) {
      const match = t.regex.exec(text, at);
      if (match === undefined) break;
      out += text.slice(at, match.start);
      out += t.replacement.replace(/\\([0-9&n\\])|&/g, (all: string, escaped: string | undefined) => {
        if (escaped === undefined) return match.groups[0] ?? "";
        if (/[0-9]/.test(escaped)) return match.groups[Number(escaped)] ?? "";
        return escaped === "n" ? "\n" : all.slice(1);
      });
      if (match.end === match.start) {
        out += text.slice(match.end, match.end + 1);
        at = match.end + 1;
      } else at = match.end;
      if (!t.global) break;
    }
    text = out + text.slice(at);
  }
  return text;
}

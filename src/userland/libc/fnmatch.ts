/**
 * Pattern matching of the shell: fnmatch(3) with the extended patterns of ksh (`@(a|b)` …). Patterns are compiled to
 * native regular expressions and kept, since the same few are matched again and again. Locale C.UTF-8.
 */

export interface PatternOptions {
  /** Understand `?(…) *(…) +(…) @(…) !(…)`. */
  readonly extglob?: boolean;
  readonly ignoreCase?: boolean;
}

const classes: Readonly<Record<string, string>> = {
  alnum: "\\p{L}\\p{Nd}",
  alpha: "\\p{L}",
  blank: " \\t",
  cntrl: "\\p{Cc}",
  digit: "0-9",
  graph: "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}",
  lower: "\\p{Ll}",
  print: " \\p{L}\\p{M}\\p{N}\\p{P}\\p{S}",
  punct: "\\p{P}\\p{S}",
  space: "\\s",
  upper: "\\p{Lu}",
  word: "\\p{L}\\p{Nd}_",
  xdigit: "0-9A-Fa-f",
};

const quote = (c: string): string => (/[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c);
/** Inside brackets `-` is special as well, and elsewhere must not be escaped. */
const quoteInBracket = (c: string): string => (c === "-" ? "\\-" : quote(c));

/** The end of the bracket expression that starts at `start`, or -1 if it is an ordinary `[`. */
function bracketEnd(pattern: string, start: number): number {
  let i = start + 1;
  if (pattern[i] === "!" || pattern[i] === "^") i++;
  if (pattern[i] === "]") i++;
  for (; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "\\") i++;
    else if (c === "[" && (pattern[i + 1] === ":" || pattern[i + 1] === "." || pattern[i + 1] === "=")) {
      const close = pattern.indexOf(`${pattern[i + 1]}]`, i + 2);
      if (close > 0) i = close + 1;
    } else if (c === "]") return i;
  }
  return -1;
}

function translateBracket(body: string): string {
  let i = 0;
  let out = "[";
  if (body[0] === "!" || body[0] === "^") {
    out += "^";
    i++;
  }
  const start = i;
  while (i < body.length) {
    let c = body[i] as string;
    if (c === "[" && body[i + 1] === ":") {
      const close = body.indexOf(":]", i + 2);
      if (close > 0) {
        out += classes[body.slice(i + 2, close)] ?? "";
        i = close + 2;
        continue;
      }
    }
    if (c === "[" && (body[i + 1] === "." || body[i + 1] === "=")) {
      const close = body.indexOf(`${body[i + 1]}]`, i + 2);
      if (close > 0) {
        out += quoteInBracket(body.slice(i + 2, close));
        i = close + 2;
        continue;
      }
    }
    if (c === "-" && i > start && i < body.length - 1) {
      out += "-";
      i++;
      continue;
    }
    if (c === "\\" && i + 1 < body.length) c = body[++i] as string;
    const point = String.fromCodePoint(body.codePointAt(i) as number);
    out += quoteInBracket(point);
    i += point.length;
  }
  return `${out}]`;
}

/** The index of the `)` that closes the `(` at `open`, or -1. */
function groupEnd(pattern: string, open: number): number {
  let depth = 0;
  for (let i = open; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "\\") i++;
    else if (c === "[") {
      const end = bracketEnd(pattern, i);
      if (end > 0) i = end;
    } else if (c === "(") depth++;
    else if (c === ")" && --depth === 0) return i;
  }
  return -1;
}

function alternatives(body: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < body.length; i++) {
    const c = body[i];
    if (c === "\\") i++;
    else if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "|" && depth === 0) {
      parts.push(body.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(body.slice(start));
  return parts;
}

/** The source of a regular expression that matches what the pattern matches, without anchors. */
export function patternSource(pattern: string, options: PatternOptions = {}, lazy = false): string {
  let out = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (options.extglob && pattern[i + 1] === "(" && "?*+@!".includes(c)) {
      const end = groupEnd(pattern, i + 1);
      if (end > 0) {
        const inner = alternatives(pattern.slice(i + 2, end))
          .map((p) => patternSource(p, options))
          .join("|");
        if (c === "!") out += `(?:(?!(?:${inner})${patternSource(pattern.slice(end + 1), options)}$)[\\s\\S]*)`;
        else out += `(?:${inner})${c === "@" ? "" : c}`;
        i = end;
        continue;
      }
    }
    if (c === "*") {
      while (pattern[i + 1] === "*" && !(options.extglob && pattern[i + 2] === "(")) i++;
      out += lazy ? "[\\s\\S]*?" : "[\\s\\S]*";
    } else if (c === "?") out += "[\\s\\S]";
    else if (c === "[") {
      const end = bracketEnd(pattern, i);
      if (end < 0) out += "\\[";
      else {
        out += translateBracket(pattern.slice(i + 1, end));
        i = end;
      }
    } else if (c === "\\" && i + 1 < pattern.length) out += quote(pattern[++i] as string);
    else out += quote(c);
  }
  return out;
}

const caches = new Map<string, RegExp>();
const CACHE_ENTRIES = 1000;

/** The regular expression for a pattern between `before` and `after`; kept for the next time. */
export function patternRegExp(pattern: string, options: PatternOptions = {}, before = "^", after = "$", lazy = false): RegExp {
  const key = `${options.extglob ? "x" : ""}${options.ignoreCase ? "i" : ""}${lazy ? "l" : ""}${before}\0${after}\0${pattern}`;
  let found = caches.get(key);
  if (found === undefined) {
    const source = `${before}(?:${patternSource(pattern, options, lazy)})${after}`;
    try {
      found = new RegExp(source, options.ignoreCase ? "ui" : "u");
    } catch (e) {
      if (!(e instanceof SyntaxError)) throw e;
      // A bracket expression that cannot match, such as [z-a].
      found = /(?!)/;
    }
    if (caches.size >= CACHE_ENTRIES) caches.clear();
    caches.set(key, found);
  }
  return found;
}

/** Whether a pattern has characters that match more than themselves. */
export function hasGlob(pattern: string, extglob = false): boolean {
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "*" || c === "?") return true;
    if (c === "\\") i++;
    else if (c === "[" && bracketEnd(pattern, i) > 0) return true;
    else if (extglob && pattern[i + 1] === "(" && "+@!".includes(c as string) && groupEnd(pattern, i + 1) > 0) return true;
  }
  return false;
}

/** The text that a pattern without globs stands for: backslashes removed. */
export function unescapePattern(pattern: string): string {
  return pattern.includes("\\") ? pattern.replace(/\\([\s\S])/g, "$1") : pattern;
}

/** A pattern that matches just `text`. */
export function escapePattern(text: string): string {
  return /[*?[\]\\()|!+@^-]/.test(text) ? text.replace(/[*?[\]\\()|!+@^-]/g, "\\$&") : text;
}

/** Whether the whole of `text` matches. */
export function fnmatch(pattern: string, text: string, options: PatternOptions = {}): boolean {
  if (pattern === "*") return true;
  return patternRegExp(pattern, options).test(text);
}

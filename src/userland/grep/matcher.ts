/** What grep looks for: one or more patterns of one kind, as a test of a line and as a search in it. */

import { compilePcre } from "../libc/pcre.ts";
import { RegexError, regcomp } from "../libc/regex.ts";

export type PatternKind = "basic" | "extended" | "fixed" | "perl";

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Matcher {
  /** Whether the line holds a match. */
  test(line: string): boolean;
  /** The leftmost match at or after `from`; of several patterns the longest one there. */
  find(line: string, from: number): Span | undefined;
  readonly warnings: readonly string[];
}

export interface MatcherOptions {
  readonly kind: PatternKind;
  readonly dialect: "grep" | "posix";
  readonly icase: boolean;
  readonly whole: "line" | "word" | undefined;
}

const none: Matcher = { test: () => false, find: () => undefined, warnings: [] };

/** Errors: RegexError. */
export function makeMatcher(patterns: readonly string[], options: MatcherOptions): Matcher {
  const parts = [...new Set(patterns)].map((pattern) => makeOne(pattern, options));
  const first = parts[0];
  if (first === undefined) return none;
  if (parts.length === 1) return first;
  return {
    warnings: parts.flatMap((part) => part.warnings),
    test: (line) => parts.some((part) => part.test(line)),
    find(line, from) {
      let best: Span | undefined;
      for (const part of parts) {
        const span = part.find(line, from);
        if (span === undefined) continue;
        if (best === undefined || span.start < best.start || (span.start === best.start && span.end > best.end)) best = span;
      }
      return best;
    },
  };
}

function makeOne(pattern: string, options: MatcherOptions): Matcher {
  if (options.kind === "perl") return perl(pattern, options);
  if (options.kind === "fixed") {
    if (!options.icase && options.whole !== "word") return fixed(pattern, options.whole === "line");
    return posix(pattern.replace(/[\\^$.*[\]]/g, "\\$&"), options);
  }
  return posix(pattern, options);
}

function posix(pattern: string, options: MatcherOptions): Matcher {
  const regex = regcomp(pattern, {
    extended: options.kind === "extended",
    dialect: options.dialect,
    icase: options.icase,
    whole: options.whole,
  });
  return { warnings: regex.warnings, test: (line) => regex.test(line), find: (line, from) => regex.exec(line, from) };
}

function fixed(pattern: string, wholeLine: boolean): Matcher {
  return {
    warnings: [],
    test: wholeLine ? (line) => line === pattern : (line) => line.includes(pattern),
    find(line, from) {
      if (wholeLine) return from === 0 && line === pattern ? { start: 0, end: line.length } : undefined;
      const start = line.indexOf(pattern, from);
      return start < 0 ? undefined : { start, end: start + pattern.length };
    },
  };
}

function perl(pattern: string, options: MatcherOptions): Matcher {
  if (pattern.includes("\n")) throw new RegexError("the -P option only supports a single pattern");
  const around = (source: string): string =>
    options.whole === "line" ? `^(?:${source})$` : options.whole === "word" ? `(?<!\\w)(?:${source})(?!\\w)` : source;
  const { regex, keepGroup } = compilePcre(pattern, options.icase, around);
  const find = (line: string, from: number): Span | undefined => {
    regex.lastIndex = from;
    const found = regex.exec(line);
    if (found === null) return undefined;
    const kept = keepGroup === undefined ? undefined : found.indices?.groups?.[keepGroup];
    return { start: kept?.[0] ?? found.index, end: found.index + found[0].length };
  };
  return { warnings: [], find, test: (line) => find(line, 0) !== undefined };
}

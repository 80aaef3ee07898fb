/**
 * .dockerignore: which paths of a context are left out. Moby's own rules (`moby/patternmatcher`), not those of .gitignore: patterns are
 * anchored at the root of the context, the last one that matches decides, and a path is out with its directory.
 */

interface Pattern {
  readonly exclusion: boolean;
  readonly matches: (path: string) => boolean;
}

/** A pattern that cannot be read. */
export class PatternError extends Error {}

/** The patterns of a .dockerignore file: without comments and blanks, cleaned. */
export function parseDockerignore(text: string): string[] {
  const patterns: string[] = [];
  for (const raw of text.replace(/^\ufeff/, "").split("\n")) {
    if (raw.startsWith("#")) continue;
    let line = raw.trim();
    if (line === "") continue;
    const invert = line.startsWith("!");
    if (invert) line = line.slice(1).trim();
    if (line !== "") {
      line = cleanPath(line);
      if (line.length > 1 && line.startsWith("/")) line = line.slice(1);
    }
    patterns.push(invert ? `!${line}` : line);
  }
  return patterns;
}

export class PatternMatcher {
  private readonly patterns: readonly Pattern[];
  /** Some pattern brings files back: a directory that is out must still be walked. */
  readonly hasExclusions: boolean;

  /** Errors: PatternError. */
  constructor(patterns: readonly string[]) {
    this.patterns = patterns.flatMap((text) => compile(text));
    this.hasExclusions = this.patterns.some((pattern) => pattern.exclusion);
  }

  /** Whether a path (relative, slashes) or one of its parents is left out. */
  matches(path: string): boolean {
    const parts = path.split("/");
    const parents = parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("/"));
    let matched = false;
    for (const pattern of this.patterns) {
      // A pattern that leaves out changes nothing for what is out already, one that brings back nothing for what is in.
      if (pattern.exclusion !== matched) continue;
      if (pattern.matches(path) || parents.some((parent) => pattern.matches(parent))) matched = !pattern.exclusion;
    }
    return matched;
  }
}

function compile(text: string): Pattern[] {
  let pattern = text.trim();
  if (pattern === "") return [];
  pattern = cleanPath(pattern);
  const exclusion = pattern.startsWith("!");
  if (exclusion) {
    if (pattern.length === 1) throw new PatternError('illegal exclusion pattern: "!"');
    pattern = pattern.slice(1);
  }
  const source = patternSource(pattern);
  try {
    const regex = new RegExp(`^${source}$`, "su");
    return [{ exclusion, matches: (path) => regex.test(path) }];
  } catch {
    throw new PatternError("syntax error in pattern");
  }
}

/** `**` is any number of directories, `*` and `?` stop at slashes, `[a-z]` is a class, `\` escapes. */
function patternSource(pattern: string): string {
  const chars = [...pattern];
  let source = "";
  let inClass = false;
  for (let i = 0; i < chars.length; i++) {
    const ch = chars[i] as string;
    if (inClass) {
      inClass = ch !== "]";
      source += ch === "\\" ? escapeRegex(chars[++i] ?? "\\") : ch === "[" ? "\\[" : ch;
    } else if (ch === "*" && chars[i + 1] === "*") {
      i++;
      const slash = chars[i + 1] === "/";
      if (slash) i++;
      source += i + 1 === chars.length ? ".*" : slash || i > 1 ? "(.*/)?" : ".*";
    } else if (ch === "*") source += "[^/]*";
    else if (ch === "?") source += "[^/]";
    else if (ch === "[") {
      inClass = true;
      source += ch;
    } else if (ch === "\\") {
      if (i + 1 === chars.length) throw new PatternError("syntax error in pattern");
      source += escapeRegex(chars[++i] as string);
    } else source += escapeRegex(ch);
  }
  if (inClass) throw new PatternError("syntax error in pattern");
  return source;
}

const escapeRegex = (ch: string): string => (/[\\^$.*+?()[\]{}|/]/.test(ch) ? `\\${ch}` : ch);

/** Go's filepath.Clean(). */
export function cleanPath(path: string): string {
  const rooted = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts[parts.length - 1] !== "..") parts.pop();
    else if (!rooted) parts.push(part);
  }
  return (rooted ? "/" : "") + parts.join("/") || (rooted ? "/" : ".");
}

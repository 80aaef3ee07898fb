/** Patterns of COPY and ADD: Go's filepath.Match(). */

/** An escaped one is none. */
export function hasWildcards(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    if (path[i] === "\\") i++;
    else if ("*?[".includes(path[i] as string)) return true;
  }
  return false;
}

/** What is no pattern matches nothing. */
export function patternRegex(pattern: string): RegExp {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const ch = pattern[i] as string;
    if (ch === "*") source += "[^/]*";
    else if (ch === "?") source += "[^/]";
    else if (ch === "[") {
      const close = pattern.indexOf("]", i + 2);
      if (close < 0) return /^(?!)/;
      source += `[${pattern.slice(i + 1, close).replace(/[[\]]/g, "\\$&")}]`;
      i = close;
    } else if (ch === "\\") source += escapeRegex(pattern[++i] ?? "\\");
    else source += escapeRegex(ch);
  }
  try {
    return new RegExp(`^${source}$`, "su");
  } catch {
    return /^(?!)/;
  }
}

const escapeRegex = (ch: string): string => (/[\\^$.*+?()[\]{}|/]/.test(ch) ? `\\${ch}` : ch);

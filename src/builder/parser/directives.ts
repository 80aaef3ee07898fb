/** Parser directives: `# escape=`, `# syntax=`, `# check=` at the very top. BuildKit `frontend/dockerfile/parser/directives.go`. */

import type { Directive } from "./node.ts";

const KNOWN = new Set(["escape", "syntax", "check"]);

export class Directives {
  readonly found = new Map<string, Directive>();
  escape = "\\";
  private line = 0;
  private done = false;

  /** Looks at the next line; the first that is no directive ends them. Returns what is wrong with it. */
  take(text: string): string | undefined {
    this.line++;
    if (this.done) return undefined;
    const match = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(text);
    const name = match?.[1]?.toLowerCase();
    if (match === null || name === undefined || !KNOWN.has(name)) {
      this.done = true;
      return undefined;
    }
    if (this.found.has(name)) return `only one ${name} parser directive can be used`;
    const value = match[2] as string;
    this.found.set(name, { value, line: this.line });
    if (name !== "escape") return undefined;
    if (value !== "`" && value !== "\\") return `invalid escape token '${value}' does not match \` or \\`;
    this.escape = value;
    return undefined;
  }
}

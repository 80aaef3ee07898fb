/** Finds where hunks belong and applies them: GNU patch `patch.c`, locate_hunk(), patch_match(), apply_hunk(). */

import type { Lines } from "../diff/compare.ts";
import type { Hunk, HunkLine } from "./parse.ts";

export interface Placement {
  /** Line, from 1, in the result. */
  readonly newLine: number;
  readonly fuzz: number;
  readonly offset: number;
}

export class Patched {
  private readonly out: string[] = [];
  private noNewline = false;
  /** Input lines that went to the output; a hunk cannot begin before them. */
  private frozen = 0;
  private inOffset = 0;
  private outOffset = 0;

  constructor(
    private readonly input: Lines,
    private readonly maxFuzz: number,
    private readonly ignoreSpace: boolean,
  ) {}

  /** Where the hunk matches, with as little fuzz as possible; undefined if nowhere. Changes nothing. */
  locate(hunk: Hunk): { where: number; fuzz: number; offset: number } | undefined {
    const { prefix, suffix } = contextOf(hunk);
    for (let fuzz = 0; fuzz <= Math.min(this.maxFuzz, Math.max(prefix, suffix)); fuzz++) {
      const where = this.locateWithFuzz(hunk, fuzz, prefix, suffix);
      if (where !== undefined) return { where, fuzz, offset: where - hunk.first0 };
    }
    return undefined;
  }

  /** Puts the hunk at a place that locate() found. */
  apply(hunk: Hunk, found: { where: number; fuzz: number; offset: number }): Placement {
    this.inOffset = found.offset;
    const newLine = found.where + this.outOffset;
    this.copyUntil(found.where - 1);
    for (const line of hunk.lines) {
      if (line.op === "+") this.push(line.text, line.noNewline);
      else if (line.op === "-") this.frozen++;
      else {
        this.push(this.input.lines[this.frozen] as string, this.input.noNewline && this.frozen === this.input.lines.length - 1);
        this.frozen++;
      }
    }
    this.outOffset += count(hunk, "+") - count(hunk, "-");
    return { newLine, fuzz: found.fuzz, offset: found.offset };
  }

  /** Line of a hunk that fails, as GNU patch counts it. */
  failedLine(hunk: Hunk): number {
    return hunk.first0 + this.outOffset;
  }

  /** The rest of the input goes out as it is; the text. */
  finish(): string {
    this.copyUntil(this.input.lines.length);
    if (this.out.length === 0) return "";
    return this.out.join("\n") + (this.noNewline ? "" : "\n");
  }

  private copyUntil(line: number): void {
    for (; this.frozen < line; this.frozen++)
      this.push(this.input.lines[this.frozen] as string, this.input.noNewline && this.frozen === this.input.lines.length - 1);
  }

  private push(text: string, noNewline: boolean): void {
    this.out.push(text);
    this.noNewline = noNewline;
  }

  private locateWithFuzz(hunk: Hunk, fuzz: number, prefix: number, suffix: number): number | undefined {
    const pattern = hunk.lines.filter((line) => line.op !== "+");
    const guess = hunk.first0 + this.inOffset;
    if (pattern.length === 0) return guess;
    const context = Math.max(prefix, suffix);
    let prefixFuzz = fuzz + prefix - context;
    const suffixFuzz = fuzz + suffix - context;
    const total = this.input.lines.length;
    const maxPositive = total - (pattern.length - Math.max(0, suffixFuzz)) + 1 - guess;
    const maxNegative = Math.min(guess - (this.frozen + 1), guess - 1);
    const matches = (offset: number, before: number, after: number): boolean => this.matchesAt(pattern, guess + offset, before, after);
    if (prefixFuzz < 0 && hunk.first0 <= 1) {
      // Less context before than after: it must be the beginning of the file.
      if (suffixFuzz < 0 && (pattern.length !== total || prefix < this.frozen)) return undefined;
      const offset = 1 - guess;
      return this.frozen <= prefix && offset <= maxPositive && matches(offset, 0, suffixFuzz) ? guess + offset : undefined;
    }
    if (prefixFuzz < 0) prefixFuzz = 0;
    if (suffixFuzz < 0) {
      // Less context after than before: it must be the end of the file.
      const offset = guess - (total - pattern.length + 1);
      return offset <= maxNegative && matches(-offset, prefixFuzz, 0) ? guess - offset : undefined;
    }
    for (let offset = 0; offset <= Math.max(maxPositive, maxNegative); offset++) {
      if (offset <= maxPositive && matches(offset, prefixFuzz, suffixFuzz)) return guess + offset;
      if (offset <= maxNegative && matches(-offset, prefixFuzz, suffixFuzz)) return guess - offset;
    }
    return undefined;
  }

  /** Whether the pattern stands at `where`, not looking at the first `before` and last `after` lines. */
  private matchesAt(pattern: readonly HunkLine[], where: number, before: number, after: number): boolean {
    for (let i = before; i < pattern.length - after; i++) {
      const at = where - 1 + i;
      const line = this.input.lines[at];
      const want = pattern[i] as HunkLine;
      if (line === undefined) return false;
      if (this.ignoreSpace ? squeeze(line) !== squeeze(want.text) : line !== want.text) return false;
      if (!this.ignoreSpace && want.noNewline !== (this.input.noNewline && at === this.input.lines.length - 1)) return false;
    }
    return true;
  }
}

const squeeze = (text: string): string => text.replace(/[ \t]+/g, " ").trimEnd();

const count = (hunk: Hunk, op: "+" | "-"): number => hunk.lines.filter((line) => line.op === op).length;

/** How many lines of context stand before the first and after the last change. */
function contextOf(hunk: Hunk): { readonly prefix: number; readonly suffix: number } {
  const first = hunk.lines.findIndex((line) => line.op !== " ");
  const last = hunk.lines.findLastIndex((line) => line.op !== " ");
  return { prefix: Math.max(0, first), suffix: hunk.lines.length - 1 - last };
}

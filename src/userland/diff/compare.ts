/**
 * Which lines differ: GNU diffutils `io.c` (lines into classes), `analyze.c` (the edit script). The longest common subsequence is
 * npm `diff`'s; around it lines without a partner are set aside first, and runs of changes are slid as GNU diff slides them.
 *
 * Differs from Linux: where several shortest scripts exist GNU diff may pick another one; beyond MAX_EDITS changed lines the
 * middle of the files is shown as one change.
 */

import { diffArrays } from "diff";
import { decodeUtf8 } from "../../abi/utf8.ts";

/** Work grows with the square of the number of edits. */
const MAX_EDITS = 3000;

export interface CompareOptions {
  readonly ignoreCase: boolean;
  readonly ignoreSpaceChange: boolean;
  readonly ignoreAllSpace: boolean;
  readonly ignoreTrailingSpace: boolean;
  readonly ignoreTabExpansion: boolean;
  readonly stripTrailingCr: boolean;
}

/** A file as lines without their newlines. */
export interface Lines {
  readonly lines: readonly string[];
  /** The last line has no newline. */
  readonly noNewline: boolean;
}

/** `deleted` lines from `line0` on give way to `inserted` lines from `line1` on; both count from 0. */
export interface Change {
  readonly line0: number;
  readonly deleted: number;
  readonly line1: number;
  readonly inserted: number;
  /** -B, -I: only lines that do not count. */
  ignore: boolean;
}

export function splitLines(bytes: Uint8Array): Lines {
  if (bytes.length === 0) return { lines: [], noNewline: false };
  const lines = decodeUtf8(bytes).split("\n");
  const noNewline = lines.at(-1) !== "";
  if (!noNewline) lines.pop();
  return { lines, noNewline };
}

/** What two lines must have in common to be the same. */
function keyOf(line: string, o: CompareOptions): string {
  let key = line;
  if (o.stripTrailingCr) key = key.replace(/\r$/, "");
  if (o.ignoreAllSpace) key = key.replace(/\s+/g, "");
  else if (o.ignoreSpaceChange) key = key.replace(/\s+/g, " ").replace(/ $/, "");
  else {
    if (o.ignoreTabExpansion) key = expandTabs(key);
    if (o.ignoreTrailingSpace) key = key.replace(/\s+$/, "");
  }
  return o.ignoreCase ? key.toLowerCase() : key;
}

/** `text` with its tabs as blanks. */
export function expandTabs(text: string, column = 0): string {
  let out = "";
  let at = column;
  for (const ch of text) {
    const piece = ch === "\t" ? " ".repeat(8 - (at % 8)) : ch;
    out += piece;
    at += piece.length;
  }
  return out;
}

/** One number for each line; equal numbers are equal lines. */
function classify(files: readonly [Lines, Lines], o: CompareOptions): [Int32Array, Int32Array] {
  const classes = new Map<string, number>();
  const spaceIgnored = o.ignoreAllSpace || o.ignoreSpaceChange || o.ignoreTrailingSpace;
  const numbers = (file: Lines): Int32Array =>
    Int32Array.from(file.lines, (line, i) => {
      // A line without its newline is another line, unless blanks at the end do not matter.
      const key = keyOf(line, o) + (file.noNewline && i === file.lines.length - 1 && !spaceIgnored ? "\n" : "");
      const known = classes.get(key);
      if (known !== undefined) return known;
      classes.set(key, classes.size);
      return classes.size - 1;
    });
  return [numbers(files[0]), numbers(files[1])];
}

/**
 * The changes that turn the first file into the second, in order. `context` lines of the equal beginning and end are looked at too:
 * so far may a change slide (GNU's horizon).
 */
export function compareLines(a: Lines, b: Lines, o: CompareOptions, context: number): Change[] {
  const [allA, allB] = classify([a, b], o);
  let prefix = 0;
  while (prefix < allA.length && prefix < allB.length && allA[prefix] === allB[prefix]) prefix++;
  const low = Math.max(0, prefix - context);
  let suffix = 0;
  while (allA.length - suffix > low && allB.length - suffix > low && allA[allA.length - suffix - 1] === allB[allB.length - suffix - 1])
    suffix++;
  const ka = allA.subarray(low, Math.min(allA.length, allA.length - suffix + context));
  const kb = allB.subarray(low, Math.min(allB.length, allB.length - suffix + context));
  const changedA = new Uint8Array(ka.length + 2);
  const changedB = new Uint8Array(kb.length + 2);
  markChanges(ka, kb, changedA, changedB);
  slide(ka, changedA, changedB);
  slide(kb, changedB, changedA);
  return buildScript(ka.length, kb.length, changedA, changedB, low);
}

/** Marks the lines that are not in the common subsequence. The arrays are shifted by one: entry 0 is before the first line. */
function markChanges(ka: Int32Array, kb: Int32Array, changedA: Uint8Array, changedB: Uint8Array): void {
  let start = 0;
  while (start < ka.length && start < kb.length && ka[start] === kb[start]) start++;
  let endA = ka.length;
  let endB = kb.length;
  while (endA > start && endB > start && ka[endA - 1] === kb[endB - 1]) {
    endA--;
    endB--;
  }
  const inA = new Set(ka.subarray(start, endA));
  const inB = new Set(kb.subarray(start, endB));
  // A line that the other file does not have has changed, whatever the rest does.
  const keep = (keys: Int32Array, end: number, other: Set<number>, changed: Uint8Array): number[] => {
    const kept: number[] = [];
    for (let i = start; i < end; i++) {
      if (other.has(keys[i] as number)) kept.push(i);
      else changed[i + 1] = 1;
    }
    return kept;
  };
  const keptA = keep(ka, endA, inB, changedA);
  const keptB = keep(kb, endB, inA, changedB);
  const parts = diffArrays(
    keptA.map((i) => ka[i] as number),
    keptB.map((i) => kb[i] as number),
    { maxEditLength: MAX_EDITS },
  );
  let i = 0;
  let j = 0;
  for (const part of parts ?? [
    { added: false, removed: true, count: keptA.length },
    { added: true, removed: false, count: keptB.length },
  ]) {
    if (part.removed) for (let n = 0; n < part.count; n++) changedA[(keptA[i++] as number) + 1] = 1;
    else if (part.added) for (let n = 0; n < part.count; n++) changedB[(keptB[j++] as number) + 1] = 1;
    else {
      i += part.count;
      j += part.count;
    }
  }
}

/**
 * Slides each run of changed lines as far down as equal lines let it, joining runs that meet; then back up to where a run of the
 * other file stands, if it passed one. Reads better: a function added between two is shown with its own closing brace.
 */
function slide(keys: Int32Array, changed: Uint8Array, other: Uint8Array): void {
  const end = keys.length;
  const is = (i: number): boolean => changed[i + 1] === 1;
  const set = (i: number, value: 0 | 1): void => {
    changed[i + 1] = value;
  };
  const otherIs = (j: number): boolean => other[j + 1] === 1;
  let i = 0;
  let j = 0;
  for (;;) {
    while (i < end && !is(i)) {
      while (otherIs(j++));
      i++;
    }
    if (i === end) return;
    let start = i;
    while (is(++i));
    while (otherIs(j)) j++;
    let length: number;
    let corresponding: number;
    do {
      length = i - start;
      while (start > 0 && keys[start - 1] === keys[i - 1]) {
        set(--start, 1);
        set(--i, 0);
        while (is(start - 1)) start--;
        while (otherIs(--j));
      }
      corresponding = otherIs(j - 1) ? i : end;
      while (i !== end && keys[start] === keys[i]) {
        set(start++, 0);
        set(i++, 1);
        while (is(i)) i++;
        while (otherIs(++j)) corresponding = i;
      }
    } while (length !== i - start);
    while (corresponding < i) {
      set(--start, 1);
      set(--i, 0);
      while (otherIs(--j));
    }
  }
}

function buildScript(lengthA: number, lengthB: number, changedA: Uint8Array, changedB: Uint8Array, low: number): Change[] {
  const script: Change[] = [];
  let i = 0;
  let j = 0;
  while (i < lengthA || j < lengthB) {
    const line0 = i;
    const line1 = j;
    while (changedA[i + 1] === 1) i++;
    while (changedB[j + 1] === 1) j++;
    if (i > line0 || j > line1)
      script.push({ line0: low + line0, deleted: i - line0, line1: low + line1, inserted: j - line1, ignore: false });
    i++;
    j++;
  }
  return script;
}

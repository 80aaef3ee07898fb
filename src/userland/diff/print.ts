/** The output formats of diff(1): GNU diffutils `normal.c`, `context.c` (both), `ed.c`, `side.c`. Each makes lines of text. */

import { wcwidth } from "../libc/wcwidth.ts";
import { type Change, expandTabs, type Lines } from "./compare.ts";

export interface PrintOptions {
  /** Lines of context. */
  readonly context: number;
  readonly width: number;
  readonly leftColumn: boolean;
  readonly suppressCommon: boolean;
  readonly expandTabs: boolean;
  readonly initialTab: boolean;
  readonly color: boolean;
  /** The two header lines of the unified and context formats, without their marks. */
  readonly headers: readonly [string, string];
  /** -p, -F: the last line before a hunk for which this holds is shown with it. */
  readonly functionLine: ((line: string) => boolean) | undefined;
}

const NO_NEWLINE = "\\ No newline at end of file\n";

const paint = (o: PrintOptions, code: string, text: string): string => (o.color ? `\x1b[${code}m${text}\x1b[0m` : text);

/** A line of a file behind its mark, and the remark where its newline is missing. */
function line(o: PrintOptions, file: Lines, at: number, mark: string, code = ""): string {
  const gap = o.initialTab && mark !== "" ? `${mark.trimEnd()}\t` : mark;
  const raw = file.lines[at] ?? "";
  const text = gap + (o.expandTabs ? expandTabs(raw) : raw);
  const missing = file.noNewline && at === file.lines.length - 1 ? NO_NEWLINE : "";
  return `${code === "" ? text : paint(o, code, text)}\n${missing}`;
}

/** `3`, or `3,5`; an empty range is the line before it. */
const normalRange = (start: number, count: number): string => (count <= 1 ? `${start + count}` : `${start + 1},${start + count}`);

export function* normal(a: Lines, b: Lines, script: readonly Change[], o: PrintOptions): Generator<string> {
  for (const c of script) {
    if (c.ignore) continue;
    const letter = c.deleted === 0 ? "a" : c.inserted === 0 ? "d" : "c";
    yield `${paint(o, "36", normalRange(c.line0, c.deleted) + letter + normalRange(c.line1, c.inserted))}\n`;
    for (let i = 0; i < c.deleted; i++) yield line(o, a, c.line0 + i, "< ", "31");
    if (letter === "c") yield "---\n";
    for (let i = 0; i < c.inserted; i++) yield line(o, b, c.line1 + i, "> ", "32");
  }
}

/** Changes that share their context, so that they are shown together. */
function* hunks(script: readonly Change[], context: number): Generator<readonly Change[]> {
  let hunk: Change[] = [];
  for (const change of script) {
    const last = hunk.at(-1);
    if (last !== undefined) {
      const between = change.line0 - (last.line0 + last.deleted);
      // A change that does not count is drawn in only if its own context touches.
      const limit = last.ignore ? context - 1 : 2 * context;
      if (between > limit) {
        if (hunk.some((c) => !c.ignore)) yield hunk;
        hunk = [];
      }
    }
    hunk.push(change);
  }
  if (hunk.some((c) => !c.ignore)) yield hunk;
}

interface Span {
  readonly start0: number;
  readonly end0: number;
  readonly start1: number;
  readonly end1: number;
}

/** The lines that a hunk shows of each file: first, and one past the last. */
function spanOf(hunk: readonly Change[], a: Lines, b: Lines, context: number): Span {
  const first = hunk[0] as Change;
  const last = hunk.at(-1) as Change;
  const before = Math.min(context, first.line0);
  const after = Math.min(context, a.lines.length - (last.line0 + last.deleted), b.lines.length - (last.line1 + last.inserted));
  return {
    start0: first.line0 - before,
    end0: last.line0 + last.deleted + after,
    start1: first.line1 - before,
    end1: last.line1 + last.inserted + after,
  };
}

function functionOf(o: PrintOptions, a: Lines, before: number): string {
  if (o.functionLine === undefined) return "";
  for (let i = before - 1; i >= 0; i--) {
    const text = a.lines[i] as string;
    if (o.functionLine(text)) return ` ${text.trimStart().slice(0, 40).trimEnd()}`;
  }
  return "";
}

/** `3`, or `3,5` for lines 3 to 7 (start and count). */
const unifiedRange = (start: number, end: number): string =>
  end - start === 1 ? `${end}` : end === start ? `${start},0` : `${start + 1},${end - start}`;

export function* unified(a: Lines, b: Lines, script: readonly Change[], o: PrintOptions): Generator<string> {
  let headed = false;
  for (const hunk of hunks(script, o.context)) {
    if (!headed) {
      headed = true;
      yield `${paint(o, "1", `--- ${o.headers[0]}`)}\n${paint(o, "1", `+++ ${o.headers[1]}`)}\n`;
    }
    const span = spanOf(hunk, a, b, o.context);
    const range = `@@ -${unifiedRange(span.start0, span.end0)} +${unifiedRange(span.start1, span.end1)} @@`;
    yield `${paint(o, "36", range)}${functionOf(o, a, span.start0)}\n`;
    let i = span.start0;
    for (const c of hunk) {
      for (; i < c.line0; i++) yield line(o, a, i, " ");
      for (; i < c.line0 + c.deleted; i++) yield line(o, a, i, "-", "31");
      for (let j = c.line1; j < c.line1 + c.inserted; j++) yield line(o, b, j, "+", "32");
    }
    for (; i < span.end0; i++) yield line(o, a, i, " ");
  }
}

/** `3`, or `3,7` for lines 3 to 7. */
const contextRange = (start: number, end: number): string => (end - start <= 1 ? `${end}` : `${start + 1},${end}`);

export function* context(a: Lines, b: Lines, script: readonly Change[], o: PrintOptions): Generator<string> {
  let headed = false;
  for (const hunk of hunks(script, o.context)) {
    if (!headed) {
      headed = true;
      yield `${paint(o, "1", `*** ${o.headers[0]}`)}\n${paint(o, "1", `--- ${o.headers[1]}`)}\n`;
    }
    const span = spanOf(hunk, a, b, o.context);
    yield `***************${functionOf(o, a, span.start0)}\n${paint(o, "36", `*** ${contextRange(span.start0, span.end0)} ****`)}\n`;
    if (hunk.some((c) => c.deleted > 0)) {
      let i = span.start0;
      for (const c of hunk) {
        for (; i < c.line0; i++) yield line(o, a, i, "  ");
        for (; i < c.line0 + c.deleted; i++) yield line(o, a, i, c.inserted > 0 ? "! " : "- ", "31");
      }
      for (; i < span.end0; i++) yield line(o, a, i, "  ");
    }
    yield `${paint(o, "36", `--- ${contextRange(span.start1, span.end1)} ----`)}\n`;
    if (hunk.some((c) => c.inserted > 0)) {
      let j = span.start1;
      for (const c of hunk) {
        for (; j < c.line1; j++) yield line(o, b, j, "  ");
        for (; j < c.line1 + c.inserted; j++) yield line(o, b, j, c.deleted > 0 ? "! " : "+ ", "32");
      }
      for (; j < span.end1; j++) yield line(o, b, j, "  ");
    }
  }
}

/** An ed script, last change first so that line numbers stay right. */
export function* ed(_a: Lines, b: Lines, script: readonly Change[]): Generator<string> {
  for (const c of [...script].reverse()) {
    if (c.ignore) continue;
    const letter = c.deleted === 0 ? "a" : c.inserted === 0 ? "d" : "c";
    yield `${normalRange(c.line0, c.deleted)}${letter}\n`;
    if (letter === "d") continue;
    let inserting = true;
    for (let j = c.line1; j < c.line1 + c.inserted; j++) {
      const text = b.lines[j] as string;
      if (!inserting) yield "a\n";
      // A line with just a dot would end the insertion: it goes in doubled, and is mended.
      inserting = text !== ".";
      yield inserting ? `${text}\n` : "..\n.\ns/.//\n";
    }
    if (inserting) yield ".\n";
  }
}

/** RCS format. */
export function* rcs(_a: Lines, b: Lines, script: readonly Change[]): Generator<string> {
  for (const c of script) {
    if (c.ignore) continue;
    if (c.deleted > 0) yield `d${c.line0 + 1} ${c.deleted}\n`;
    if (c.inserted === 0) continue;
    yield `a${c.line0 + c.deleted} ${c.inserted}\n`;
    for (let j = c.line1; j < c.line1 + c.inserted; j++) yield `${b.lines[j]}${b.noNewline && j === b.lines.length - 1 ? "" : "\n"}`;
  }
}

/** Two columns with a mark between them. */
export function* sideBySide(a: Lines, b: Lines, script: readonly Change[], o: PrintOptions): Generator<string> {
  // The right column begins at a tab stop, unless tabs are not used.
  const tab = o.expandTabs ? 1 : 8;
  const offset = Math.floor((o.width + tab + 3) / (2 * tab)) * tab;
  const half = Math.max(0, Math.min(offset - 3, o.width - offset));
  const column2 = half > 0 ? offset : o.width;

  const row = (left: number | undefined, mark: string, right: number | undefined): string => {
    let out = "";
    let at = 0;
    const pad = (to: number): void => {
      if (o.expandTabs) out += " ".repeat(Math.max(0, to - at));
      else for (; Math.floor(at / 8) * 8 + 8 <= to; at = Math.floor(at / 8) * 8 + 8) out += "\t";
      if (!o.expandTabs) out += " ".repeat(Math.max(0, to - at));
      at = Math.max(at, to);
    };
    const put = (text: string, limit: number): void => {
      let width = 0;
      for (const ch of text) {
        const w = ch === "\t" ? 8 - (width % 8) : Math.max(0, wcwidth(ch.codePointAt(0) as number));
        if (width + w > limit) break;
        out += ch === "\t" && (o.expandTabs || at !== width) ? " ".repeat(w) : ch;
        width += w;
      }
      at += width;
    };
    if (left !== undefined) put(a.lines[left] as string, half);
    if (mark !== " ") {
      pad(Math.floor((half + column2 - 1) / 2));
      out += mark;
      at++;
    }
    if (right !== undefined && (b.lines[right] as string) !== "") {
      pad(column2);
      put(b.lines[right] as string, half);
    }
    return `${out}\n`;
  };

  const common = function* (i: number, j: number, count: number): Generator<string> {
    if (o.suppressCommon) return;
    for (let n = 0; n < count; n++) yield o.leftColumn ? row(i + n, "(", undefined) : row(i + n, " ", j + n);
  };

  let i = 0;
  let j = 0;
  for (const c of script) {
    yield* common(i, j, c.line0 - i);
    for (let n = 0; n < Math.max(c.deleted, c.inserted); n++) {
      const left = n < c.deleted ? c.line0 + n : undefined;
      const right = n < c.inserted ? c.line1 + n : undefined;
      const mark = left === undefined ? ">" : right === undefined ? "<" : c.ignore ? " " : markOf(a, left, b, right);
      yield row(left, mark, right);
    }
    i = c.line0 + c.deleted;
    j = c.line1 + c.inserted;
  }
  yield* common(i, j, a.lines.length - i);
}

/** `|`, or a slash where only the newline at the end makes the difference. */
function markOf(a: Lines, left: number, b: Lines, right: number): string {
  const endsA = a.noNewline && left === a.lines.length - 1;
  const endsB = b.noNewline && right === b.lines.length - 1;
  if (endsA === endsB) return "|";
  return endsA ? "\\" : "/";
}

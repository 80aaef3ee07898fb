/** Where vi's motions lead, and what its text objects cover. Pure functions of the text. */

import { type Buffer, charClass, type Cursor, nextCol, prevCol } from "./buffer.ts";

/** Exclusive: the character at the end is not part of it; linewise: whole lines are. */
export interface Motion {
  readonly to: Cursor;
  readonly kind: "exclusive" | "inclusive" | "linewise";
}

export interface Span {
  readonly from: Cursor;
  readonly to: Cursor;
  readonly kind: "exclusive" | "inclusive" | "linewise";
}

const classAt = (b: Buffer, c: Cursor, big: boolean): number => {
  const line = b.line(c.line);
  return charClass(line.slice(c.col, nextCol(line, c.col)), big);
};

/** The next character, over line ends; undefined at the end. An empty line is a place of its own. */
function step(b: Buffer, c: Cursor): Cursor | undefined {
  const line = b.line(c.line);
  const col = nextCol(line, c.col);
  if (col < line.length) return { line: c.line, col };
  return c.line + 1 < b.lines.length ? { line: c.line + 1, col: 0 } : undefined;
}

function back(b: Buffer, c: Cursor): Cursor | undefined {
  if (c.col > 0) return { line: c.line, col: prevCol(b.line(c.line), c.col) };
  if (c.line === 0) return undefined;
  const above = b.line(c.line - 1);
  return { line: c.line - 1, col: above === "" ? 0 : prevCol(above, above.length) };
}

const isEmptyLine = (b: Buffer, c: Cursor): boolean => b.line(c.line) === "";

/** `w`, `W`. */
export function wordForward(b: Buffer, from: Cursor, big: boolean): Cursor {
  let at = from;
  const start = classAt(b, at, big);
  for (;;) {
    const next = step(b, at);
    if (next === undefined) return { line: at.line, col: b.line(at.line).length };
    const crossed = next.line !== at.line;
    at = next;
    if (isEmptyLine(b, at)) return at;
    const here = classAt(b, at, big);
    if (here !== 0 && (crossed || here !== start)) return at;
    if (here !== start || crossed) {
      // Blanks follow: the word begins behind them.
      while (classAt(b, at, big) === 0) {
        const more = step(b, at);
        if (more === undefined) return { line: at.line, col: b.line(at.line).length };
        at = more;
        if (isEmptyLine(b, at)) return at;
      }
      return at;
    }
  }
}

/** `b`, `B`. */
export function wordBackward(b: Buffer, from: Cursor, big: boolean): Cursor {
  let at = back(b, from);
  while (at !== undefined && classAt(b, at, big) === 0 && !isEmptyLine(b, at)) at = back(b, at);
  if (at === undefined) return { line: 0, col: 0 };
  if (isEmptyLine(b, at)) return at;
  const kind = classAt(b, at, big);
  while (at.col > 0) {
    const before: Cursor = { line: at.line, col: prevCol(b.line(at.line), at.col) };
    if (classAt(b, before, big) !== kind) break;
    at = before;
  }
  return at;
}

/** `e`, `E`. */
export function wordEnd(b: Buffer, from: Cursor, big: boolean): Cursor {
  let at = step(b, from);
  while (at !== undefined && classAt(b, at, big) === 0) at = step(b, at);
  if (at === undefined) return { line: b.lines.length - 1, col: Math.max(0, b.line(b.lines.length - 1).length - 1) };
  const kind = classAt(b, at, big);
  for (;;) {
    const line = b.line(at.line);
    const col = nextCol(line, at.col);
    if (col >= line.length || classAt(b, { line: at.line, col }, big) !== kind) return at;
    at = { line: at.line, col };
  }
}

/** `ge`, `gE`. */
export function wordEndBackward(b: Buffer, from: Cursor, big: boolean): Cursor {
  const kind = classAt(b, from, big);
  let at = back(b, from);
  while (at !== undefined && kind !== 0 && at.line === from.line && classAt(b, at, big) === kind) at = back(b, at);
  while (at !== undefined && classAt(b, at, big) === 0 && !isEmptyLine(b, at)) at = back(b, at);
  return at ?? { line: 0, col: 0 };
}

/** `}` and `{`. */
export function paragraph(b: Buffer, from: Cursor, direction: 1 | -1): Cursor {
  let line = from.line;
  while (line >= 0 && line < b.lines.length && b.line(line) === "") line += direction;
  while (line >= 0 && line < b.lines.length && b.line(line) !== "") line += direction;
  if (line < 0) return { line: 0, col: 0 };
  if (line >= b.lines.length) return { line: b.lines.length - 1, col: Math.max(0, b.line(b.lines.length - 1).length) };
  return { line, col: 0 };
}

/** `f F t T` in a line. */
export function findChar(
  b: Buffer,
  from: Cursor,
  ch: string,
  kind: "f" | "F" | "t" | "T",
  count: number,
  again: boolean,
): Cursor | undefined {
  const line = b.line(from.line);
  let col = from.col;
  // A repeated t must not stay where it is.
  if (again && kind === "t" && line.startsWith(ch, nextCol(line, col))) col = nextCol(line, col);
  if (again && kind === "T" && col > 0 && line.startsWith(ch, prevCol(line, col))) col = prevCol(line, col);
  for (let i = 0; i < count; i++) {
    col = kind === "f" || kind === "t" ? line.indexOf(ch, nextCol(line, col)) : col === 0 ? -1 : line.lastIndexOf(ch, col - 1);
    if (col < 0) return undefined;
  }
  if (kind === "t") col = prevCol(line, col);
  else if (kind === "T") col = nextCol(line, col);
  return { line: from.line, col };
}

const PAIRS = "()[]{}";

/** `%`: the bracket that belongs to the one at or after the cursor. */
export function matchBracket(b: Buffer, from: Cursor): Cursor | undefined {
  const line = b.line(from.line);
  let col = from.col;
  while (col < line.length && !PAIRS.includes(line[col] as string)) col++;
  if (col >= line.length) return undefined;
  const at = PAIRS.indexOf(line[col] as string);
  return at % 2 === 0
    ? findClosing(b, { line: from.line, col }, PAIRS[at] as string, PAIRS[at + 1] as string)
    : findOpening(b, { line: from.line, col }, PAIRS[at - 1] as string, PAIRS[at] as string);
}

function findClosing(b: Buffer, from: Cursor, open: string, close: string): Cursor | undefined {
  let depth = 0;
  for (let line = from.line; line < b.lines.length; line++) {
    const text = b.line(line);
    for (let col = line === from.line ? from.col : 0; col < text.length; col++) {
      if (text[col] === open) depth++;
      else if (text[col] === close && --depth === 0) return { line, col };
    }
  }
  return undefined;
}

function findOpening(b: Buffer, from: Cursor, open: string, close: string): Cursor | undefined {
  let depth = 0;
  for (let line = from.line; line >= 0; line--) {
    const text = b.line(line);
    for (let col = line === from.line ? from.col : text.length - 1; col >= 0; col--) {
      if (text[col] === close) depth++;
      else if (text[col] === open && --depth === 0) return { line, col };
    }
  }
  return undefined;
}

/** What `iw`, `a"`, `i(`, `ip` … cover; undefined where there is none. */
export function textObject(b: Buffer, c: Cursor, around: boolean, name: string, count: number): Span | undefined {
  if (name === "w" || name === "W") return wordObject(b, c, around, name === "W", count);
  if (name === '"' || name === "'" || name === "`") return quoteObject(b, c, around, name);
  if (name === "p") return paragraphObject(b, c, around, count);
  const brackets = { "(": "()", ")": "()", b: "()", "[": "[]", "]": "[]", "{": "{}", "}": "{}", B: "{}", "<": "<>", ">": "<>" }[name];
  return brackets === undefined ? undefined : bracketObject(b, c, around, brackets, count);
}

function wordObject(b: Buffer, c: Cursor, around: boolean, big: boolean, count: number): Span {
  const line = b.line(c.line);
  const at = (col: number): number => charClass(line.slice(col, nextCol(line, col)), big);
  let start = c.col;
  while (start > 0 && at(prevCol(line, start)) === at(c.col)) start = prevCol(line, start);
  let end = start;
  const run = (): void => {
    const kind = at(end);
    while (end < line.length && at(end) === kind) end = nextCol(line, end);
  };
  for (let i = 0; i < count && end < line.length; i++) {
    const blank = at(end) === 0;
    run();
    if (!around) continue;
    if (blank) run();
    else if (end < line.length && at(end) === 0) run();
    else if (i === count - 1) while (start > 0 && at(prevCol(line, start)) === 0) start = prevCol(line, start);
  }
  return { from: { line: c.line, col: start }, to: { line: c.line, col: end }, kind: "exclusive" };
}

function quoteObject(b: Buffer, c: Cursor, around: boolean, mark: string): Span | undefined {
  const line = b.line(c.line);
  const marks: number[] = [];
  for (let col = 0; col < line.length; col++) {
    if (line[col] === "\\") col++;
    else if (line[col] === mark) marks.push(col);
  }
  for (let i = 0; i + 1 < marks.length; i += 2) {
    const open = marks[i] as number;
    const close = marks[i + 1] as number;
    if (close < c.col) continue;
    if (!around) return { from: { line: c.line, col: open + 1 }, to: { line: c.line, col: close }, kind: "exclusive" };
    let end = close + 1;
    while (line[end] === " " || line[end] === "\t") end++;
    let start = open;
    if (end === close + 1) while (line[start - 1] === " " || line[start - 1] === "\t") start--;
    return { from: { line: c.line, col: start }, to: { line: c.line, col: end }, kind: "exclusive" };
  }
  return undefined;
}

function paragraphObject(b: Buffer, c: Cursor, around: boolean, count: number): Span {
  const blank = (line: number): boolean => /^\s*$/.test(b.line(line));
  let start = c.line;
  while (start > 0 && blank(start - 1) === blank(c.line)) start--;
  let end = c.line;
  const run = (): void => {
    const kind = blank(end);
    while (end + 1 < b.lines.length && blank(end + 1) === kind) end++;
  };
  for (let i = 0; i < count; i++) {
    if (i > 0 && end + 1 < b.lines.length) end++;
    run();
    if (!around) continue;
    if (end + 1 < b.lines.length) {
      end++;
      run();
    } else while (start > 0 && blank(start - 1)) start--;
  }
  return { from: { line: start, col: 0 }, to: { line: end, col: 0 }, kind: "linewise" };
}

function bracketObject(b: Buffer, c: Cursor, around: boolean, brackets: string, count: number): Span | undefined {
  const [open, close] = brackets as unknown as [string, string];
  const onOpen = b.line(c.line)[c.col] === open;
  const onClose = b.line(c.line)[c.col] === close;
  let start: Cursor | undefined = onOpen ? c : onClose ? findOpening(b, c, open, close) : enclosing(b, c, open, close);
  for (let i = 1; i < count && start !== undefined; i++) start = enclosing(b, start, open, close);
  // Outside of all brackets the next ones of the line are meant.
  const next = b.line(c.line).indexOf(open, c.col);
  if (start === undefined && next >= 0) start = { line: c.line, col: next };
  if (start === undefined) return undefined;
  const end = findClosing(b, start, open, close);
  if (end === undefined) return undefined;
  if (around) return { from: start, to: { line: end.line, col: end.col + 1 }, kind: "exclusive" };
  const inner = { line: start.line, col: start.col + 1 };
  // Brackets on lines of their own: the lines between them.
  if (inner.col >= b.line(inner.line).length && end.line > start.line && /^\s*$/.test(b.line(end.line).slice(0, end.col))) {
    if (end.line - start.line < 2) return undefined;
    return { from: { line: start.line + 1, col: 0 }, to: { line: end.line - 1, col: 0 }, kind: "linewise" };
  }
  return { from: inner, to: end, kind: "exclusive" };
}

/** The opening bracket around a place that is no bracket itself. */
function enclosing(b: Buffer, c: Cursor, open: string, close: string): Cursor | undefined {
  let depth = 0;
  for (let line = c.line; line >= 0; line--) {
    const text = b.line(line);
    for (let col = line === c.line ? c.col - 1 : text.length - 1; col >= 0; col--) {
      if (text[col] === close) depth++;
      else if (text[col] === open && depth-- === 0) return { line, col };
    }
  }
  return undefined;
}

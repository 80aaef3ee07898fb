/** Reads patches: GNU patch `pch.c`. Unified, context and normal diffs, with whatever text stands between them. */

export interface HunkLine {
  readonly op: " " | "-" | "+";
  readonly text: string;
  /** "\ No newline at end of file" follows. */
  readonly noNewline: boolean;
}

export interface Hunk {
  /** First line of the old and the new side, from 1; for an empty side the line after the one given. */
  readonly first0: number;
  readonly first1: number;
  readonly lines: readonly HunkLine[];
}

export interface FileHeader {
  readonly name: string;
  /** As it stands after the mark: name and time. */
  readonly text: string;
  /** /dev/null, or a time of 1970-01-01 00:00:00 UTC: diff's way to say that there is no such file. */
  readonly absent: boolean;
}

export type Format = "unified" | "context" | "normal";

export interface FilePatch {
  readonly format: Format;
  readonly old: FileHeader | undefined;
  readonly new: FileHeader | undefined;
  /** "Index:" line. */
  readonly index: string | undefined;
  /** Permission bits of a git "new mode" or "new file mode" line. */
  readonly mode: number | undefined;
  readonly hunks: readonly Hunk[];
  /** Number, from 1, of the first hunk's line, and the lines before it since the last patch. */
  readonly line: number;
  readonly leading: readonly string[];
}

/** The patch breaks off or does not fit its own counts. */
export class MalformedPatch {
  constructor(
    readonly line: number,
    readonly text: string,
  ) {}
}

const UNIFIED = /^@@ -([0-9]+)(?:,([0-9]+))? \+([0-9]+)(?:,([0-9]+))? @@/;
const NORMAL = /^([0-9]+)(?:,([0-9]+))?([acd])([0-9]+)(?:,([0-9]+))?$/;
const CONTEXT_OLD = /^\*\*\* ([0-9]+)(?:,([0-9]+))?(?: \*\*\*\*)?$/;
const CONTEXT_NEW = /^--- ([0-9]+)(?:,([0-9]+))?(?: -----?)?$/;

function headerOf(text: string): FileHeader {
  const match = /^("(?:[^"\\]|\\.)*"|[^\t]*?)(?:\t(.*)|\s+([0-9]{4}-[0-9]{2}-[0-9]{2} .*))?$/.exec(text);
  const raw = (match?.[1] ?? text).trimEnd();
  const name = raw.startsWith('"') ? raw.slice(1, -1).replace(/\\(.)/g, (_, ch: string) => ({ n: "\n", t: "\t" })[ch] ?? ch) : raw;
  const time = match?.[2] ?? match?.[3] ?? "";
  return { name, text, absent: name === "/dev/null" || /^1970-01-01 00:00:00(\.0+)? [-+]0000/.test(time) };
}

/** All patches of a text, one a file. Throws MalformedPatch. */
export function* parsePatches(lines: readonly string[]): Generator<FilePatch> {
  let at = 0;
  let leadingFrom = 0;
  let old: FileHeader | undefined;
  let next: FileHeader | undefined;
  let index: string | undefined;
  let mode: number | undefined;
  while (at < lines.length) {
    const line = lines[at] as string;
    const following = lines[at + 1] ?? "";
    const unified = UNIFIED.test(line) && old !== undefined;
    const context = line.startsWith("***************") && CONTEXT_OLD.test(following);
    const normal = NORMAL.test(line) && /^[<>] /.test(following);
    if (unified || context || normal) {
      const leading = lines.slice(leadingFrom, at);
      const format: Format = unified ? "unified" : context ? "context" : "normal";
      const start = at + 1;
      const read = { unified: readUnified, context: readContext, normal: readNormal }[format](lines, at);
      yield { format, old, new: next, index, mode, hunks: read.hunks, line: context ? start + 1 : start, leading };
      at = read.end;
      leadingFrom = at;
      old = next = undefined;
      index = undefined;
      mode = undefined;
      continue;
    }
    if (line.startsWith("--- ") && following.startsWith("+++ ")) {
      old = headerOf(line.slice(4));
      next = headerOf(following.slice(4));
      at += 2;
      continue;
    }
    if (line.startsWith("*** ") && following.startsWith("--- ")) {
      old = headerOf(line.slice(4));
      next = headerOf(following.slice(4));
      at += 2;
      continue;
    }
    if (line.startsWith("Index: ")) index = line.slice(7).trim();
    const gitMode = /^(?:new mode|new file mode) ([0-7]+)$/.exec(line)?.[1];
    if (gitMode !== undefined) mode = Number.parseInt(gitMode, 8) & 0o777;
    at++;
  }
}

interface Read {
  readonly hunks: Hunk[];
  readonly end: number;
}

/** Whether the line after `at` says that the newline is missing. */
const noNewlineAt = (lines: readonly string[], at: number): boolean => (lines[at] ?? "").startsWith("\\ ");

function readUnified(lines: readonly string[], start: number): Read {
  const hunks: Hunk[] = [];
  let at = start;
  for (let match = UNIFIED.exec(lines[at] ?? ""); match !== null; match = UNIFIED.exec(lines[at] ?? "")) {
    let left0 = match[2] === undefined ? 1 : Number(match[2]);
    let left1 = match[4] === undefined ? 1 : Number(match[4]);
    const first0 = Number(match[1]) + (left0 === 0 ? 1 : 0);
    const first1 = Number(match[3]) + (left1 === 0 ? 1 : 0);
    const body: HunkLine[] = [];
    at++;
    while (left0 > 0 || left1 > 0) {
      const line = lines[at];
      // Mailers cut blanks: an empty line is an empty line of context.
      const op = line === "" && at < lines.length - 1 ? " " : line?.[0];
      if (line === undefined || (op !== " " && op !== "-" && op !== "+")) throw new MalformedPatch(at + 1, line ?? "");
      if (op !== "+") left0--;
      if (op !== "-") left1--;
      if (left0 < 0 || left1 < 0) throw new MalformedPatch(at + 1, line);
      const noNewline = noNewlineAt(lines, at + 1);
      body.push({ op, text: line.slice(1), noNewline });
      at += noNewline ? 2 : 1;
    }
    hunks.push({ first0, first1, lines: body });
  }
  return { hunks, end: at };
}

function readNormal(lines: readonly string[], start: number): Read {
  const hunks: Hunk[] = [];
  let at = start;
  for (let match = NORMAL.exec(lines[at] ?? ""); match !== null; match = NORMAL.exec(lines[at] ?? "")) {
    const [, a0, a1, letter, b0, b1] = match;
    const body: HunkLine[] = [];
    const side = (mark: "<" | ">", count: number): void => {
      for (let i = 0; i < count; i++) {
        const line = lines[at];
        if (line === undefined || !line.startsWith(`${mark} `)) throw new MalformedPatch(at + 1, line ?? "");
        const noNewline = noNewlineAt(lines, at + 1);
        body.push({ op: mark === "<" ? "-" : "+", text: line.slice(2), noNewline });
        at += noNewline ? 2 : 1;
      }
    };
    at++;
    if (letter !== "a") side("<", Number(a1 ?? a0) - Number(a0) + 1);
    if (letter === "c") {
      if (lines[at] !== "---") throw new MalformedPatch(at + 1, lines[at] ?? "");
      at++;
    }
    if (letter !== "d") side(">", Number(b1 ?? b0) - Number(b0) + 1);
    hunks.push({ first0: Number(a0) + (letter === "a" ? 1 : 0), first1: Number(b0) + (letter === "d" ? 1 : 0), lines: body });
  }
  return { hunks, end: at };
}

interface ContextLine {
  readonly mark: string;
  readonly text: string;
  readonly noNewline: boolean;
}

function readContext(lines: readonly string[], start: number): Read {
  const hunks: Hunk[] = [];
  let at = start;
  const side = (marks: RegExp): ContextLine[] => {
    const found: ContextLine[] = [];
    for (let line = lines[at]; line !== undefined && marks.test(line) && !CONTEXT_NEW.test(line); line = lines[at]) {
      const noNewline = noNewlineAt(lines, at + 1);
      found.push({ mark: line[0] ?? " ", text: line.slice(2), noNewline });
      at += noNewline ? 2 : 1;
    }
    return found;
  };
  while ((lines[at] ?? "").startsWith("***************")) {
    const before = CONTEXT_OLD.exec(lines[at + 1] ?? "");
    if (before === null) break;
    at += 2;
    const old = side(/^[ !-] /);
    const after = CONTEXT_NEW.exec(lines[at] ?? "");
    if (after === null) throw new MalformedPatch(at + 1, lines[at] ?? "");
    at++;
    const next = side(/^[ !+] /);
    const empty = (m: RegExpExecArray): number => (m[1] === "0" ? 1 : 0);
    hunks.push({ first0: Number(before[1]) + empty(before), first1: Number(after[1]) + empty(after), lines: mergeSides(old, next) });
  }
  return { hunks, end: at };
}

/** Both sides of a context hunk as one; a side that shows nothing has only the other's common lines. */
function mergeSides(old: readonly ContextLine[], next: readonly ContextLine[]): HunkLine[] {
  const a = old.length > 0 ? old : next.filter((line) => line.mark === " ");
  const b = next.length > 0 ? next : old.filter((line) => line.mark === " ");
  const merged: HunkLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    for (let line = a[i]; line !== undefined && line.mark !== " "; line = a[++i]) merged.push({ ...line, op: "-" });
    for (let line = b[j]; line !== undefined && line.mark !== " "; line = b[++j]) merged.push({ ...line, op: "+" });
    const common = a[i];
    if (common !== undefined) merged.push({ ...common, op: " " });
    i++;
    j++;
  }
  return merged.map(({ op, text, noNewline }) => ({ op, text, noNewline }));
}

/** The hunk that undoes this one. */
export function reverseHunk(hunk: Hunk): Hunk {
  const lines: HunkLine[] = [];
  let added: HunkLine[] = [];
  const flush = (): void => {
    lines.push(...added);
    added = [];
  };
  // Deletions come before insertions.
  for (const line of hunk.lines) {
    if (line.op === "-") added.push({ ...line, op: "+" });
    else if (line.op === "+") lines.push({ ...line, op: "-" });
    else {
      flush();
      lines.push(line);
    }
  }
  flush();
  return { first0: hunk.first1, first1: hunk.first0, lines };
}

/** Where the characters of the prompt and the line stand on the screen, and the bytes that show them. */

import { wcwidth } from "../../libc/wcwidth.ts";
import { INVISIBLE_END, INVISIBLE_START } from "../prompt.ts";

export interface Position {
  readonly row: number;
  readonly col: number;
}

/** Moves on by one character in a window of `cols` columns. Tabs go to multiples of 8; a wide one does not break. */
function advance(p: { row: number; col: number }, c: string, cols: number): void {
  if (c === "\n") {
    p.row++;
    p.col = 0;
    return;
  }
  const code = c.codePointAt(0) as number;
  const width = c === "\t" ? 8 - (p.col % 8) : code < 32 || code === 127 ? 2 : Math.max(0, wcwidth(code));
  if (width > 1 && c !== "\t" && p.col + width > cols) {
    p.row++;
    p.col = 0;
  }
  p.col += width;
  while (p.col >= cols) {
    p.col -= cols;
    p.row++;
  }
}

/** A character as it is shown: controls as `^X`. */
export function show(c: string): string {
  const code = c.codePointAt(0) as number;
  if (c === "\n" || c === "\t") return c;
  if (code < 32) return `^${String.fromCharCode(code + 64)}`;
  return code === 127 ? "^?" : c;
}

/** The last line of a prompt as bytes, and what of it takes room. */
export function splitPrompt(prompt: string): { bytes: string; visible: string } {
  let visible = "";
  let hidden = false;
  for (const c of prompt) {
    if (c === INVISIBLE_START) hidden = true;
    else if (c === INVISIBLE_END) hidden = false;
    else if (!hidden) visible += c;
  }
  return { bytes: prompt.replace(/[\x01\x02]/g, ""), visible: visible.replace(/\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07/g, "") };
}

/** Where the cursor is after `prompt` and the first `count` of `chars`. */
export function locate(visiblePrompt: string, chars: readonly string[], count: number, cols: number): Position {
  const p = { row: 0, col: 0 };
  for (const c of visiblePrompt) advance(p, c, cols);
  for (let i = 0; i < count; i++) advance(p, chars[i] as string, cols);
  return p;
}

/** Names in columns, down then across, as readline lists completions. */
export function inColumns(names: readonly string[], cols: number, widthOf: (name: string) => number): string {
  const widest = Math.max(...names.map(widthOf)) + 2;
  const perLine = Math.max(1, Math.floor(cols / widest));
  const rows = Math.ceil(names.length / perLine);
  let out = "";
  for (let r = 0; r < rows; r++) {
    for (let k = r; k < names.length; k += rows) {
      const name = names[k] as string;
      out += k + rows < names.length ? name + " ".repeat(widest - widthOf(name)) : name;
    }
    out += "\n";
  }
  return out;
}

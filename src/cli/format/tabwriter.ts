/** Columns from cells that end in tabs. Real counterpart: Go's `text/tabwriter` with a minimum of 10 letters and a gap of 3, as docker's lists have it. */

import { wcswidth } from "../../userland/libc/wcwidth.ts";

export interface TabStops {
  readonly minWidth: number;
  readonly padding: number;
}

const LISTS: TabStops = { minWidth: 10, padding: 3 };

const widthOf = (text: string): number => Math.max(0, wcswidth(text));

/**
 * Lines of cells as text. A column is as wide as the widest of its cells in neighbouring lines; a line's last cell belongs to no column.
 */
export function alignColumns(text: string, { minWidth, padding }: TabStops = LISTS): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths: number[][] = lines.map(() => []);
  const layOut = (from: number, to: number, column: number): void => {
    for (let line = from; line < to; ) {
      if (!hasCell(line, column)) {
        line++;
        continue;
      }
      let end = line;
      let width = 0;
      for (; end < to && hasCell(end, column); end++) {
        const cell = widthOf(lines[end]?.[column] as string);
        width = Math.max(width, cell + padding, minWidth);
      }
      for (let i = line; i < end; i++) (widths[i] as number[])[column] = width;
      layOut(line, end, column + 1);
      line = end;
    }
  };
  const hasCell = (line: number, column: number): boolean => (lines[line]?.length ?? 0) > column + 1;
  layOut(0, lines.length, 0);
  return lines
    .map((cells, i) =>
      cells
        .map((cell, column) => cell + " ".repeat(column + 1 < cells.length ? Math.max(0, (widths[i]?.[column] ?? 0) - widthOf(cell)) : 0))
        .join(""),
    )
    .join("\n");
}

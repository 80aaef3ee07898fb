/** Names laid out in columns by terminal width: what ls does for -C, -x and -m. */

const MIN_COLUMN = 3;
const TAB = 8;

/** One cell: what is printed, and how many columns that takes. */
export interface Cell {
  readonly text: string;
  readonly width: number;
}

interface Layout {
  readonly columns: number;
  readonly widths: readonly number[];
}

/** The largest number of columns that fits, with the width of each (gap of two included, but for the last). */
function fit(cells: readonly Cell[], lineLength: number, byColumns: boolean): Layout {
  const most = Math.max(1, Math.min(cells.length, lineLength === 0 ? cells.length : Math.floor(lineLength / MIN_COLUMN) || 1));
  for (let columns = most; columns > 1; columns--) {
    const rows = Math.ceil(cells.length / columns);
    const widths = new Array<number>(columns).fill(MIN_COLUMN);
    cells.forEach((cell, i) => {
      const column = byColumns ? Math.floor(i / rows) : i % columns;
      const width = cell.width + (column === columns - 1 ? 0 : 2);
      widths[column] = Math.max(widths[column] ?? 0, width);
    });
    const total = widths.reduce((sum, w) => sum + w, 0);
    if (lineLength === 0 || total < lineLength) return { columns, widths };
  }
  return { columns: 1, widths: [Math.max(MIN_COLUMN, ...cells.map((cell) => cell.width))] };
}

/** Blanks and tabs from one column to another, as ls writes them (`tab` 0: blanks only). */
function indent(from: number, to: number, tab: number): string {
  let out = "";
  let at = from;
  while (at < to) {
    if (tab !== 0 && Math.floor(to / tab) > Math.floor((at + 1) / tab)) {
      out += "\t";
      at += tab - (at % tab);
    } else {
      out += " ";
      at++;
    }
  }
  return out;
}

/** The lines of a table, filled down the columns (-C) or along the lines (-x). Empty lines never occur. */
export function columnLines(cells: readonly Cell[], lineLength: number, byColumns: boolean, tab = TAB): string[] {
  if (cells.length === 0) return [];
  const { columns, widths } = fit(cells, lineLength, byColumns);
  const rows = Math.ceil(cells.length / columns);
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    let line = "";
    let at = 0;
    let start = 0;
    for (let column = 0; column < columns; column++) {
      const cell = cells[byColumns ? column * rows + row : row * columns + column];
      if (cell === undefined) break;
      if (column > 0) line += indent(at, start, tab);
      line += cell.text;
      at = start + cell.width;
      start += widths[column] ?? 0;
    }
    lines.push(line);
  }
  return lines;
}

/** The lines of -m: names separated by commas, wrapped before the width. */
export function commaLines(cells: readonly Cell[], lineLength: number): string[] {
  const lines: string[] = [];
  let line = "";
  let at = 0;
  cells.forEach((cell, i) => {
    if (i > 0) {
      if (lineLength === 0 || at + cell.width + 2 < lineLength) {
        line += ", ";
        at += 2;
      } else {
        lines.push(`${line},`);
        line = "";
        at = 0;
      }
    }
    line += cell.text;
    at += cell.width;
  });
  if (cells.length > 0) lines.push(line);
  return lines;
}

/** Tables of util-linux: libsmartcols as findmnt, prlimit and lscpu use it. Columns are as wide as their widest cell. */

import { wcswidth } from "./wcwidth.ts";

export interface TableColumn {
  readonly name: string;
  readonly right?: boolean;
}

export type TableStyle = "table" | "raw" | "pairs" | "json";

export interface TableOptions {
  readonly style?: TableStyle;
  readonly headings?: boolean;
  /** The name of the list in JSON. */
  readonly jsonName?: string;
}

const rawCell = (text: string): string => text.replace(/[\s\\]/g, (ch) => `\\x${ch.charCodeAt(0).toString(16).padStart(2, "0")}`);
const jsonText = (text: string): string => JSON.stringify(text);

/** Lines of a table, each with its newline. */
export function tableText(columns: readonly TableColumn[], rows: readonly (readonly string[])[], o: TableOptions = {}): string {
  const { style = "table", headings = true } = o;
  if (style === "pairs") return rows.map((row) => `${columns.map((c, i) => `${c.name}=${jsonText(row[i] ?? "")}`).join(" ")}\n`).join("");
  if (style === "json") {
    const objects = rows.map(
      (row) =>
        `      {\n${columns.map((c, i) => `         "${c.name.toLowerCase()}": ${row[i] ? jsonText(row[i]) : "null"}`).join(",\n")}\n      }`,
    );
    return `{\n   "${o.jsonName ?? "rows"}": [\n${objects.join(",\n").replace(/\},\n {6}\{/g, "},{")}\n   ]\n}\n`;
  }
  const names = columns.map((c) => c.name);
  if (style === "raw")
    return [...(headings ? [names] : []), ...rows.map((row) => row.map(rawCell))].map((row) => `${row.join(" ")}\n`).join("");
  const all = headings ? [names, ...rows] : rows;
  const widths = columns.map((c, i) => Math.max(c.name.length, ...rows.map((row) => wcswidth(row[i] ?? ""))));
  return all
    .map((row) => {
      const cells = columns.map((c, i) => {
        const cell = row[i] ?? "";
        const pad = " ".repeat(Math.max(0, (widths[i] ?? 0) - wcswidth(cell)));
        if (c.right) return pad + cell;
        // Nothing follows the last column, so nothing pads it.
        return i === columns.length - 1 ? cell : cell + pad;
      });
      return `${cells.join(" ")}\n`;
    })
    .join("");
}

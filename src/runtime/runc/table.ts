/** Columns as Go's text/tabwriter lays them out with a minimal width of 12 and 3 blanks between; the last one is as long as it is. */

export function tabulate(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(12, ...rows.map((row) => (row[i] ?? "").length + 3)));
  return rows.map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number))).join("")}\n`).join("");
}

/** Columns of ss(8): iproute2 `misc/ss.c`, render(). A field may hold a line's end: it counts as a letter. */

/** A row's cells: netid, state, queues, local address and port, peer address and port, the rest. */
export type Row = readonly string[];

const COLUMNS = [
  { head: "Netid", right: false, gap: "" },
  { head: "State", right: false, gap: " " },
  { head: "Recv-Q", right: false, gap: " " },
  { head: "Send-Q", right: false, gap: " " },
  { head: "Local Address:", right: true, gap: " " },
  { head: "Port", right: false, gap: "" },
  { head: "Peer Address:", right: true, gap: " " },
  { head: "Port", right: false, gap: "" },
  { head: "Process", right: false, gap: "" },
] as const;

export interface TableOptions {
  readonly netid: boolean;
  readonly state: boolean;
  readonly header: boolean;
}

export function renderTable(rows: readonly Row[], { netid, state, header }: TableOptions): string {
  const all = header ? [COLUMNS.map(({ head }) => head as string), ...rows] : [...rows];
  const shown = [...COLUMNS.keys()].filter((i) => (i !== 0 || netid) && (i !== 1 || state));
  // The very last cell is not flushed when the widths are taken.
  const measured = (i: number): readonly Row[] => (i === COLUMNS.length - 1 ? all.slice(0, -1) : all);
  const widths = new Map(shown.map((i) => [i, Math.max(0, ...measured(i).map((row) => (row[i] ?? "").length))]));
  return all
    .map((row) => {
      let line = "";
      for (const i of shown) {
        const { right, gap } = COLUMNS[i] as (typeof COLUMNS)[number];
        const cell = row[i] ?? "";
        const width = widths.get(i) ?? 0;
        line += `${line === "" ? "" : gap}${right ? cell.padStart(width) : cell.padEnd(width)}`;
      }
      return `${line}\n`;
    })
    .join("");
}

/**
 * The table of `strace -c`.
 * Differs from Linux: the time is that between entry and exit (as with -w), not the CPU time of the system alone.
 */

interface Row {
  calls: number;
  errors: number;
  ns: number;
}

export class Summary {
  private readonly rows = new Map<string, Row>();

  add(name: string, ns: number, failed: boolean): void {
    const row = this.rows.get(name) ?? { calls: 0, errors: 0, ns: 0 };
    row.calls++;
    row.ns += ns;
    if (failed) row.errors++;
    this.rows.set(name, row);
  }

  text(sortBy: string): string {
    const rows = [...this.rows].map(([name, row]) => ({ name, ...row }));
    const total = rows.reduce((sum, r) => ({ calls: sum.calls + r.calls, errors: sum.errors + r.errors, ns: sum.ns + r.ns }), {
      calls: 0,
      errors: 0,
      ns: 0,
    });
    if (sortBy === "calls" || sortBy === "count") rows.sort((a, b) => b.calls - a.calls);
    else if (sortBy === "errors" || sortBy === "error") rows.sort((a, b) => b.errors - a.errors);
    else if (sortBy === "name" || sortBy === "syscall") rows.sort((a, b) => (a.name < b.name ? -1 : 1));
    else if (sortBy !== "nothing" && sortBy !== "none") rows.sort((a, b) => b.ns - a.ns);
    const line = (percent: number, r: Row, name: string): string =>
      `${percent.toFixed(2).padStart(6)} ${(Math.floor(r.ns / 1000) / 1e6).toFixed(6).padStart(11)} ` +
      `${String(r.calls === 0 ? 0 : Math.floor(r.ns / 1000 / r.calls)).padStart(11)} ${String(r.calls).padStart(9)} ` +
      `${(r.errors === 0 ? "" : String(r.errors)).padStart(9)} ${name}\n`;
    const rule = "------ ----------- ----------- --------- --------- ----------------\n";
    return (
      `% time     seconds  usecs/call     calls    errors syscall\n${rule}` +
      rows.map((r) => line(total.ns === 0 ? 0 : (r.ns * 100) / total.ns, r, r.name)).join("") +
      rule +
      line(100, total, "total")
    );
  }
}

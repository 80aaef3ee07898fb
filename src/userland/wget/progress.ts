/** How far a download is: wget's dots, and busybox's bar. */

/** `1.85M`, as wget writes rates and sizes. */
export function humanRate(bytesPerSecond: number): { readonly value: string; readonly unit: string } {
  const units = ["", "K", "M", "G"];
  let value = bytesPerSecond;
  let i = 0;
  while (value >= 1024 && i < 3) {
    value /= 1024;
    i++;
  }
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return { value: value.toFixed(digits), unit: units[i] as string };
}

/** `195K`: a size beside its exact number. */
export function humanSize(bytes: number): string {
  const { value, unit } = humanRate(bytes);
  return `${Number(value) < 10 ? Number(value).toFixed(1) : Math.round(Number(value))}${unit}`;
}

const DOT = 1024;
const PER_ROW = 50 * DOT;

/** dot:default, a dot for each kilobyte. */
export class Dots {
  private done = 0;
  private rowStartMs: number;
  private row = 0;

  constructor(
    private readonly total: number | undefined,
    startMs: number,
  ) {
    this.rowStartMs = startMs;
  }

  add(bytes: number, nowMs: number): string {
    let out = "";
    for (let left = bytes; left > 0; ) {
      const dots = this.done % PER_ROW;
      const take = Math.min(left, DOT - (dots % DOT), PER_ROW - dots);
      if (dots === 0) out += `\n${String((this.row * PER_ROW) / 1024).padStart(6)}K`;
      if ((dots + take) % DOT === 0) out += dots % (10 * DOT) < DOT ? " ." : ".";
      this.done += take;
      left -= take;
      if (this.done % PER_ROW === 0) {
        out += this.rowEnd(nowMs, PER_ROW);
        this.row++;
        this.rowStartMs = nowMs;
      }
    }
    return out;
  }

  private rowEnd(nowMs: number, bytes: number): string {
    const { value, unit } = humanRate((bytes * 1000) / Math.max(nowMs - this.rowStartMs, 1e-3));
    const rate = `${value.slice(0, 4).replace(/\.$/, "")}${unit}`.padStart(5);
    if (this.total === undefined) return ` ${rate}`;
    const percent = this.total === 0 ? 100 : Math.floor((this.done * 100) / this.total);
    const left =
      nowMs > 0 && this.done < this.total
        ? ` ${Math.round((this.total - this.done) / Math.max((bytes * 1000) / Math.max(nowMs - this.rowStartMs, 1e-3), 1))}s`
        : "";
    return `${String(percent).padStart(3)}% ${rate}${left}`;
  }

  /** What is left of the last row. */
  finish(nowMs: number, tookMs: number): string {
    const inRow = this.done % PER_ROW;
    let out = "";
    if (this.done === 0) out += "\n     0K";
    if (inRow > 0 || this.done === 0) {
      const full = Math.floor(inRow / DOT);
      for (let dot = full; dot < 50; dot++) out += dot % 10 === 0 ? "  " : " ";
      out += this.rowEnd(nowMs, inRow).replace(/ \d+s$/, "");
    }
    return `${out}=${tookMs < 100 ? "0" : (tookMs / 1000).toFixed(1)}s\n\n`;
  }
}

/** The bar of busybox: redrawn in place. */
export function busyboxBar(name: string, done: number, total: number | undefined, elapsedSec: number): string {
  const size =
    done < 100_000
      ? String(done).padStart(6)
      : `${String(done < 100_000 * 1024 ? Math.floor(done / 1024) : Math.floor(done / 1_048_576)).padStart(5)}${done < 100_000 * 1024 ? "k" : "M"}`;
  const head = `${name.slice(0, 20).padEnd(20)} `;
  if (total === undefined) return `${head.trimEnd().padEnd(22)} ${size}  ${time(elapsedSec)} ETA`;
  const percent = total === 0 ? 100 : Math.floor((done * 100) / total);
  const stars = Math.floor((32 * percent) / 100);
  const left = done > 0 ? ((total - done) * elapsedSec) / done : 0;
  return `${head}${String(percent).padStart(3)}% |${"*".repeat(stars)}${" ".repeat(32 - stars)}|${size}  ${time(left)} ETA`;
}

const time = (sec: number): string =>
  `${Math.floor(sec / 3600)}:${String(Math.floor(sec / 60) % 60).padStart(2, "0")}:${String(Math.floor(sec) % 60).padStart(2, "0")}`;

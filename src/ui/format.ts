/**
 * Numbers as the drawing writes them: fixed widths where they change often, so that nothing jumps.
 */

const KIB = 1024;

/** Bytes in binary units with at most three digits: `4.2M`, `512K`, `0`. */
export function formatBytes(bytes: number): string {
  if (bytes < KIB) return bytes === 0 ? "0" : `${bytes}B`;
  const units = ["K", "M", "G", "T"];
  let value = bytes / KIB;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= KIB;
    unit++;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}

/** A share of one CPU as a percentage of at most three significant digits. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent === 0) return "0%";
  return percent < 9.95 ? `${percent.toFixed(1)}%` : `${Math.round(percent)}%`;
}

/** Groups of three digits with thin spaces, as drawings set them. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** A time since boot, to the microsecond: `00:01:23.456 789`; of a clock that stands, to the nanosecond. */
export function formatUptime(ns: number, stands = false): string {
  const us = Math.floor(ns / 1000);
  const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");
  const sec = Math.floor(us / 1e6);
  const time = [sec / 3600, (sec / 60) % 60, sec % 60].map((part) => pad(Math.floor(part), 2)).join(":");
  const fraction = `${pad(Math.floor(us / 1000) % 1000, 3)} ${pad(us % 1000, 3)}`;
  return `${time}.${fraction}${stands ? ` ${pad(Math.floor(ns % 1000), 3)}` : ""}`;
}

/** The machine's own date and time of day, in UTC. */
export function formatDate(sec: number): string {
  return new Date(sec * 1000).toISOString().slice(0, 19).replace("T", " ");
}

/** A span with the unit that suits it: `20 s`, `5 ms`, `200 µs`. */
export function formatSpan(ns: number): string {
  const round = (value: number): string => String(Number(value.toPrecision(3)));
  if (ns >= 1e9) return `${round(ns / 1e9)} s`;
  if (ns >= 1e6) return `${round(ns / 1e6)} ms`;
  if (ns >= 1e3) return `${round(ns / 1e3)} µs`;
  return `${round(ns)} ns`;
}

/** Virtual time to real time as the scale of a drawing: `1:100` is a hundredth of the speed. */
export function formatScale(factor: number): string {
  return factor >= 1 ? `${Number(factor.toPrecision(3))}:1` : `1:${Number((1 / factor).toPrecision(3))}`;
}

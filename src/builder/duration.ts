/** Spans of time as HEALTHCHECK writes them: Go's time.ParseDuration(). */

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
const DURATION = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/;

/** Nanoseconds of `1h30m`; undefined for what is none. */
export function findDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let ns = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g))
    ns += Number(number) * (UNITS[unit as string] ?? 0);
  return text.startsWith("-") ? -ns : ns;
}

/** What is wrong with what is no duration, in Go's words. */
export function durationFault(text: string): string {
  const unitless = /^[+-]?\d+(\.\d*)?$/.test(text);
  return `time: ${unitless ? "missing unit in" : "invalid"} duration ${JSON.stringify(text)}`;
}

/** Go's Duration.String(): `1m30s`, `1.5s`, `500ms`, `0s`. */
export function formatDuration(ns: number): string {
  if (ns === 0) return "0s";
  const sign = ns < 0 ? "-" : "";
  const all = Math.abs(ns);
  if (all < 1e3) return `${sign}${all}ns`;
  if (all < 1e6) return `${sign}${all / 1e3}µs`;
  if (all < 1e9) return `${sign}${all / 1e6}ms`;
  const hours = Math.floor(all / 3600e9);
  const minutes = Math.floor((all % 3600e9) / 60e9);
  const seconds = (all % 60e9) / 1e9;
  return `${sign}${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}

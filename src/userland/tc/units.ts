/** Times, rates, sizes and percentages as tc(8) reads and writes them: iproute2 `tc/tc_util.c`, `lib/utils_math.c`. */

const TIMES: Readonly<Record<string, number>> = {
  ...{ s: 1e9, sec: 1e9, secs: 1e9, ms: 1e6, msec: 1e6, msecs: 1e6, us: 1e3, usec: 1e3, usecs: 1e3, ns: 1, nsec: 1, nsecs: 1, "": 1e3 },
};
/** Bits a second. */
const RATES: Readonly<Record<string, number>> = {
  ...{ "": 1, bit: 1, kibit: 1024, kbit: 1e3, mibit: 1024 ** 2, mbit: 1e6, gibit: 1024 ** 3, gbit: 1e9, tbit: 1e12 },
  ...{ bps: 8, kibps: 8 * 1024, kbps: 8e3, mibps: 8 * 1024 ** 2, mbps: 8e6, gibps: 8 * 1024 ** 3, gbps: 8e9, tbps: 8e12 },
};
const SIZES: Readonly<Record<string, number>> = {
  ...{
    "": 1,
    b: 1,
    k: 1024,
    kb: 1024,
    kbit: 128,
    m: 1024 ** 2,
    mb: 1024 ** 2,
    mbit: 1024 ** 2 / 8,
    g: 1024 ** 3,
    gb: 1024 ** 3,
    gbit: 1024 ** 3 / 8,
  },
};

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+\.?\d*|\.\d+)([a-z]*)$/.exec(text.toLowerCase());
  const unit = match === null ? undefined : units[match[2] as string];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

export const parseTimeNs = (text: string): number | undefined => parse(text, TIMES);
/** Bytes a second. */
export function parseRate(text: string): number | undefined {
  const bits = parse(text, RATES);
  return bits === undefined ? undefined : Math.floor(bits / 8);
}
export const parseSize = (text: string): number | undefined => parse(text, SIZES);

/** A share of 2³² − 1. */
export function parsePercent(text: string): number | undefined {
  const match = /^(\d+\.?\d*|\.\d+)%?$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / 100;
  return share >= 0 && share <= 1 ? Math.round(share * 0xffff_ffff) : undefined;
}

/** As printf's %g with some digits. */
const general = (value: number, digits = 6): string => String(Number(value.toPrecision(digits)));

export function formatTime(ns: number): string {
  if (ns >= 1e9) return `${general(ns / 1e9, 3)}s`;
  if (ns >= 1e6) return `${general(ns / 1e6, 3)}ms`;
  return ns >= 1e3 ? `${general(ns / 1e3, 3)}us` : `${ns}ns`;
}

export const share = (value: number): number => Number(general(value / 0xffff_ffff));
export const formatPercent = (value: number): string => `${general((100 * value) / 0xffff_ffff)}%`;

export function formatRate(bytesPerSec: number): string {
  let rate = bytesPerSec * 8;
  const units = ["", "K", "M", "G", "T"];
  let i = 0;
  for (; i < units.length - 1; i++) {
    if (rate < 1000 || (rate % 1000 !== 0 && rate < 1e6)) break;
    rate /= 1000;
  }
  return `${rate.toFixed(0)}${units[i] as string}bit`;
}

export function formatSize(bytes: number): string {
  const mega = 1024 * 1024;
  if (bytes >= mega && Math.abs(mega * Math.round(bytes / mega) - bytes) < 1024) return `${general(Math.round(bytes / mega))}Mb`;
  if (bytes >= 1024 && Math.abs(1024 * Math.round(bytes / 1024) - bytes) < 16) return `${general(Math.round(bytes / 1024))}Kb`;
  return `${bytes}b`;
}

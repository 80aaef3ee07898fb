/**
 * Sizes for people: gnulib's human_readable with human_ceiling (ls, du, df of coreutils), and busybox's
 * make_human_readable_str. Both show powers of 1024 unless told otherwise.
 */

const letters = ["", "K", "M", "G", "T", "P", "E", "Z", "Y"] as const;

/** As `ls -h`: rounded up, one decimal below ten. `base` 1000 gives SI units with a small k. */
export function humanSize(bytes: number, base: 1000 | 1024 = 1024): string {
  if (bytes < base) return `${Math.ceil(bytes)}`;
  let power = 0;
  let unit = 1;
  while (bytes / unit >= base && power < letters.length - 1) {
    unit *= base;
    power++;
  }
  const tenths = Math.ceil((bytes / unit) * 10 - 1e-9);
  let text: string;
  if (tenths < 100) text = `${Math.floor(tenths / 10)}.${tenths % 10}`;
  else {
    const whole = Math.ceil(bytes / unit - 1e-9);
    if (whole >= base && power < letters.length - 1) return `1.0${letter(power + 1, base)}`;
    text = `${whole}`;
  }
  return text + letter(power, base);
}

const letter = (power: number, base: number): string => (base === 1000 && power === 1 ? "k" : (letters[power] ?? ""));

/** As `busybox ls -h`: rounded to the nearest tenth, always one decimal above 1023. */
export function busyboxSize(bytes: number): string {
  let value = bytes;
  let tenths = 0;
  let power = 0;
  while (value >= 1024) {
    tenths = Math.floor(((value % 1024) * 10 + 512) / 1024);
    value = Math.floor(value / 1024);
    power++;
  }
  if (tenths >= 10) {
    value++;
    tenths = 0;
  }
  return power === 0 ? `${value}` : `${value}.${tenths}${letters[power] ?? ""}`;
}

/** How a tool counts blocks: a fixed unit with what it appends to numbers, or scaled for people. */
export type BlockSize = { readonly unit: number; readonly suffix: string } | "human" | "si";

const units: readonly string[] = ["K", "M", "G", "T", "P", "E", "Z", "Y"];

/** The argument of `--block-size`: `K`, `1K`, `KB`, `MiB`, `human-readable`, `si`. Undefined where it is none. */
export function parseBlockSize(text: string): BlockSize | undefined {
  if (text === "human-readable") return "human";
  if (text === "si") return "si";
  const match = /^'?([0-9]*)([KkMGTPEZY]?)(i?B)?$/.exec(text);
  if (match === null || text === "") return undefined;
  const [, digits = "", prefix = "", b = ""] = match;
  if (prefix === "" && b !== "") return undefined;
  const power = prefix === "" ? 0 : units.indexOf(prefix.toUpperCase()) + 1;
  const unit = (digits === "" ? 1 : Number(digits)) * (b === "B" ? 1000 : 1024) ** power;
  if (!(unit > 0)) return undefined;
  const suffix = digits === "" ? (b === "B" ? (prefix === "K" ? "kB" : `${prefix}B`) : `${prefix.toUpperCase()}${b}`) : "";
  return { unit, suffix };
}

/** `bytes` in blocks, rounded up. */
export function showBlocks(bytes: number, block: BlockSize): string {
  if (block === "human") return humanSize(bytes);
  if (block === "si") return humanSize(bytes, 1000);
  return `${Math.ceil(bytes / block.unit)}${block.suffix}`;
}

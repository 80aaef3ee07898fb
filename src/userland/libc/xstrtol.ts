/**
 * Numbers with the suffixes that GNU tools accept (gnulib xstrtol: `10K`, `2MB`, `1GiB`) and times with `s m h d`.
 */

const letters = "KMGTPEZY";

/** The factor of a suffix such as `K`, `kB`, `MiB`, `b`, `c`, `w`; undefined where it is none of `allowed`. */
function factor(suffix: string, allowed: string): number | undefined {
  if (suffix === "") return 1;
  if (suffix === "b") return allowed.includes("b") ? 512 : undefined;
  if (suffix === "c") return allowed.includes("c") ? 1 : undefined;
  if (suffix === "w") return allowed.includes("w") ? 2 : undefined;
  if (suffix === "B") return allowed.includes("B") ? 1024 : undefined;
  const match = /^([kKmMGTPEZY])(B|iB|D)?$/.exec(suffix);
  if (match === null) return undefined;
  const letter = (match[1] ?? "").toUpperCase();
  const base = match[2] === "B" || match[2] === "D" ? 1000 : 1024;
  return base ** (letters.indexOf(letter) + 1);
}

/** A count of bytes or lines without sign; undefined where `text` is none. `allowed` lists the letters among `bcwB` that are suffixes. */
export function parseSize(text: string, allowed = "bB"): number | undefined {
  const match = /^\s*\+?([0-9]+)([A-Za-z]*)$/.exec(text) ?? /^()([kKMGTPEZY](?:i?B)?)$/.exec(text);
  if (match === null) return undefined;
  const unit = factor(match[2] ?? "", allowed);
  if (unit === undefined) return undefined;
  return (match[1] === "" ? 1 : Number(match[1])) * unit;
}

/** A plain whole number without sign, or undefined. */
export function parseCount(text: string): number | undefined {
  return /^\s*\+?[0-9]+$/.test(text) ? Number(text) : undefined;
}

/** Seconds of `1.5`, `2m`, `1e3`, `infinity`: what sleep and timeout take. Undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^\s*\+?([0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|inf|infinity)([smhd]?)$/i.exec(text);
  if (match === null || /[SMHD]/.test(match[2] ?? "")) return undefined;
  const number = /^inf/i.test(match[1] ?? "") ? Number.POSITIVE_INFINITY : Number(match[1]);
  return number * ({ "": 1, s: 1, m: 60, h: 3600, d: 86400 }[match[2] ?? ""] ?? 1);
}

/** Decimal numbers of any length, as bc(1) computes with them: an integer and how many of its digits stand behind the point. */

export interface Num {
  /** The value times 10^scale. */
  readonly n: bigint;
  readonly scale: number;
}

/** A computation that stops the program, in bc's words. */
export class MathError {
  constructor(readonly message: string) {}
}

export const num = (n: bigint | number, scale = 0): Num => ({ n: BigInt(n), scale });
export const ZERO = num(0);
export const ONE = num(1);

const pow10 = (k: number): bigint => 10n ** BigInt(k);

/** The same value with another scale; digits that do not fit are cut off. */
export function rescale(a: Num, scale: number): Num {
  if (scale === a.scale) return a;
  return { n: scale > a.scale ? a.n * pow10(scale - a.scale) : a.n / pow10(a.scale - scale), scale };
}

export function compareNum(a: Num, b: Num): number {
  const scale = Math.max(a.scale, b.scale);
  const [x, y] = [rescale(a, scale).n, rescale(b, scale).n];
  return x < y ? -1 : x > y ? 1 : 0;
}

export const negate = (a: Num): Num => ({ n: -a.n, scale: a.scale });

export function add(a: Num, b: Num): Num {
  const scale = Math.max(a.scale, b.scale);
  return { n: rescale(a, scale).n + rescale(b, scale).n, scale };
}

export const subtract = (a: Num, b: Num): Num => add(a, negate(b));

export function multiply(a: Num, b: Num, scale: number): Num {
  const full = { n: a.n * b.n, scale: a.scale + b.scale };
  return rescale(full, Math.min(full.scale, Math.max(scale, a.scale, b.scale)));
}

export function divide(a: Num, b: Num, scale: number): Num {
  if (b.n === 0n) throw new MathError("Divide by zero");
  const shift = scale + b.scale - a.scale;
  const n = shift >= 0 ? (a.n * pow10(shift)) / b.n : a.n / (b.n * pow10(-shift));
  return { n, scale };
}

/** What is left of a division carried to `scale` digits. */
export function modulo(a: Num, b: Num, scale: number): Num {
  if (b.n === 0n) throw new MathError("Modulo by zero");
  const quotient = divide(a, b, scale);
  const back = { n: quotient.n * b.n, scale: quotient.scale + b.scale };
  return rescale(subtract(a, back), Math.max(a.scale, b.scale + scale));
}

export function power(a: Num, exponent: number, scale: number): Num {
  if (exponent === 0) return ONE;
  const e = Math.abs(exponent);
  const full = { n: a.n ** BigInt(e), scale: a.scale * e };
  if (exponent < 0) return divide(ONE, full, scale);
  return rescale(full, Math.min(full.scale, Math.max(scale, a.scale)));
}

function integerRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

export function squareRoot(a: Num, scale: number): Num {
  if (a.n < 0n) throw new MathError("Square root of a negative number");
  const to = Math.max(scale, a.scale);
  return { n: integerRoot(rescale(a, to * 2).n), scale: to };
}

/** How many digits count: `length()`. */
export function digitCount(a: Num): number {
  const digits = (a.n < 0n ? -a.n : a.n).toString();
  return Math.max(digits === "0" ? 1 : digits.length, a.scale);
}

/** A literal in base `ibase`. A single digit stands for itself, whatever the base. */
export function parseNum(text: string, ibase: number): Num {
  const [whole = "", fraction = ""] = text.split(".");
  const value = (c: string): bigint => {
    const digit = Number.parseInt(c, 16);
    return BigInt(text.length === 1 ? digit : Math.min(digit, ibase - 1));
  };
  if (ibase === 10 && !/[A-F]/.test(text)) return { n: BigInt(`${whole}${fraction}` || "0"), scale: fraction.length };
  let n = 0n;
  for (const c of whole) n = n * BigInt(ibase) + value(c);
  if (fraction === "") return { n, scale: 0 };
  let [above, below] = [0n, 1n];
  for (const c of fraction) {
    above = above * BigInt(ibase) + value(c);
    below *= BigInt(ibase);
  }
  const scale = fraction.length;
  return { n: n * pow10(scale) + (above * pow10(scale)) / below, scale };
}

/** The text in base `obase`: no zero before the point, as bc prints. */
export function formatNum(a: Num, obase: number): string {
  if (a.n === 0n) return "0";
  const sign = a.n < 0n ? "-" : "";
  const magnitude = a.n < 0n ? -a.n : a.n;
  const unit = pow10(a.scale);
  const whole = magnitude / unit;
  if (obase === 10) {
    const fraction = a.scale > 0 ? `.${(magnitude % unit).toString().padStart(a.scale, "0")}` : "";
    return sign + (whole === 0n ? "" : whole.toString()) + fraction;
  }
  const base = BigInt(obase);
  const width = (obase - 1).toString().length;
  const digit = (d: bigint): string => (obase <= 16 ? d.toString(16).toUpperCase() : ` ${d.toString().padStart(width, "0")}`);
  let text = "";
  for (let rest = whole; rest > 0n; rest /= base) text = digit(rest % base) + text;
  if (a.scale > 0) {
    text += ".";
    let rest = magnitude % unit;
    for (let reached = 1n; reached.toString().length <= a.scale; reached *= base) {
      rest *= base;
      text += digit(rest / unit);
      rest %= unit;
    }
  }
  return sign + text;
}

// ── The functions of -l ──────────────────────────────────────────────────────────────────────────────────────────────
// All compute with some more digits than asked for, in fixed point, and cut off.

const EXTRA = 12;

/** e^x for a fixed-point x: halved until small, its series, squared back. */
function expFixed(x: bigint, unit: bigint): bigint {
  let halvings = 0;
  let small = x;
  while (small > unit / 2n || small < -unit / 2n) {
    small /= 2n;
    halvings++;
  }
  let term = unit;
  let sum = unit;
  for (let k = 1n; term !== 0n; k++) {
    term = (term * small) / (unit * k);
    sum += term;
  }
  for (; halvings > 0; halvings--) sum = (sum * sum) / unit;
  return sum;
}

export function exponential(x: Num, scale: number): Num {
  const size = Number(x.n / pow10(x.scale));
  const digits = scale + EXTRA + Math.max(0, Math.ceil(size * 0.45)) + Math.ceil(Math.log2(Math.abs(size) + 2));
  const fixed = rescale(x, digits);
  return rescale({ n: expFixed(fixed.n, pow10(digits)), scale: digits }, scale);
}

export function logarithm(x: Num, scale: number): Num {
  if (x.n <= 0n) return { n: (1n - pow10(scale)) * pow10(scale), scale };
  const digits = scale + EXTRA + x.scale;
  const unit = pow10(digits);
  let value = rescale(x, digits).n;
  // Roots bring it near 1; each doubles the result.
  let factor = 2n;
  while (value >= 2n * unit || value * 2n <= unit) {
    value = integerRoot(value * unit);
    factor *= 2n;
  }
  const ratio = ((value - unit) * unit) / (value + unit);
  const square = (ratio * ratio) / unit;
  let term = ratio;
  let sum = ratio;
  for (let k = 3n; term !== 0n; k += 2n) {
    term = (term * square) / unit;
    sum += term / k;
  }
  return rescale({ n: sum * factor, scale: digits }, scale);
}

function arctanFixed(x: bigint, unit: bigint): bigint {
  // Halving the angle makes the series short: atan x = 2 atan(x / (1 + sqrt(1 + x²))).
  let value = x;
  let factor = 1n;
  while (value > unit / 10n || value < -unit / 10n) {
    value = (value * unit) / (unit + integerRoot(unit * unit + value * value));
    factor *= 2n;
  }
  const square = (value * value) / unit;
  let term = value;
  let sum = value;
  for (let k = 3n; term !== 0n; k += 2n) {
    term = -(term * square) / unit;
    sum += term / k;
  }
  return sum * factor;
}

export function arctangent(x: Num, scale: number): Num {
  const digits = scale + EXTRA;
  return rescale({ n: arctanFixed(rescale(x, digits).n, pow10(digits)), scale: digits }, scale);
}

export function sine(x: Num, scale: number, cosine = false): Num {
  const size = Number((x.n < 0n ? -x.n : x.n) / pow10(x.scale)).toString().length;
  const digits = scale + EXTRA + size;
  const unit = pow10(digits);
  const pi = 4n * arctanFixed(unit, unit);
  let value = rescale(x, digits).n + (cosine ? pi / 2n : 0n);
  const turns = value / (2n * pi);
  value -= turns * 2n * pi;
  const square = (value * value) / unit;
  let term = value;
  let sum = value;
  for (let k = 2n; term !== 0n; k += 2n) {
    term = -(term * square) / (unit * k * (k + 1n));
    sum += term;
  }
  return rescale({ n: sum, scale: digits }, scale);
}

/** The Bessel function of integer order. */
export function bessel(order: number, x: Num, scale: number): Num {
  const n = BigInt(Math.abs(order));
  const digits = scale + EXTRA + Math.abs(Number(x.n / pow10(x.scale)));
  const unit = pow10(digits);
  const half = rescale(x, digits).n / 2n;
  let term = unit;
  for (let k = 1n; k <= n; k++) term = (term * half) / (unit * k);
  const square = (half * half) / unit;
  let sum = term;
  for (let k = 1n; term !== 0n; k++) {
    term = -(term * square) / (unit * k * (k + n));
    sum += term;
  }
  return rescale({ n: order < 0 && order % 2 !== 0 ? -sum : sum, scale: digits }, scale);
}

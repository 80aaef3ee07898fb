/**
 * 64-bit signed integers as the shell's arithmetic has them (intmax_t). A value is a JavaScript number while it is a
 * safe integer and a bigint beyond that, so that everyday arithmetic costs no bigint.
 */

export type Int = number | bigint;

/** Wraps to 64 bits and returns to a number where possible. */
export function toInt(value: bigint): Int {
  const wrapped = BigInt.asIntN(64, value);
  const small = Number(wrapped);
  return Number.isSafeInteger(small) ? small : wrapped;
}

export function add(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toInt(BigInt(a) + BigInt(b));
}

export function subtract(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return toInt(BigInt(a) - BigInt(b));
}

export function multiply(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product === 0 ? 0 : product;
  }
  return toInt(BigInt(a) * BigInt(b));
}

/** Truncating division; `b` is not 0. */
export function divide(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const quotient = Math.trunc(a / b);
    return quotient === 0 ? 0 : quotient;
  }
  return toInt(BigInt(a) / BigInt(b));
}

/** Remainder with the sign of the dividend; `b` is not 0. */
export function remainder(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const rest = a % b;
    return rest === 0 ? 0 : rest;
  }
  return toInt(BigInt(a) % BigInt(b));
}

/** `b` is not negative. */
export function power(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const small = a ** b;
    if (Number.isSafeInteger(small)) return small === 0 ? 0 : small;
  }
  let result = 1n;
  let base = BigInt(a);
  for (let e = BigInt(b); e > 0n; e >>= 1n) {
    if (e & 1n) result = BigInt.asIntN(64, result * base);
    base = BigInt.asIntN(64, base * base);
  }
  return toInt(result);
}

const isInt32 = (n: Int): n is number => typeof n === "number" && (n | 0) === n;

export function bitAnd(a: Int, b: Int): Int {
  return isInt32(a) && isInt32(b) ? a & b : toInt(BigInt(a) & BigInt(b));
}

export function bitOr(a: Int, b: Int): Int {
  return isInt32(a) && isInt32(b) ? a | b : toInt(BigInt(a) | BigInt(b));
}

export function bitXor(a: Int, b: Int): Int {
  return isInt32(a) && isInt32(b) ? a ^ b : toInt(BigInt(a) ^ BigInt(b));
}

export function bitNot(a: Int): Int {
  return isInt32(a) ? ~a : toInt(~BigInt(a));
}

/** As x86-64 shifts: by the low six bits of `b`. */
export function shiftLeft(a: Int, b: Int): Int {
  return toInt(BigInt(a) << (BigInt(b) & 63n));
}

export function shiftRight(a: Int, b: Int): Int {
  return isInt32(a) && isInt32(b) && b >= 0 && b < 32 ? a >> b : toInt(BigInt(a) >> (BigInt(b) & 63n));
}

export function negate(a: Int): Int {
  return typeof a === "number" ? (a === 0 ? 0 : -a) : toInt(-a);
}

/** The value of digits in a base up to 64 (`a`-`z`, `A`-`Z`, `@`, `_`); undefined where a digit is too great. */
export function parseDigits(digits: string, base: number): Int | undefined {
  let value = 0;
  let big: bigint | undefined;
  for (const c of digits) {
    const d = digitValue(c, base);
    if (d < 0 || d >= base) return undefined;
    if (big === undefined) {
      const next = value * base + d;
      if (Number.isSafeInteger(next)) value = next;
      else big = BigInt(value) * BigInt(base) + BigInt(d);
    } else big = BigInt.asIntN(64, big * BigInt(base) + BigInt(d));
  }
  return big === undefined ? value : toInt(big);
}

function digitValue(c: string, base: number): number {
  if (c >= "0" && c <= "9") return c.charCodeAt(0) - 48;
  if (c >= "a" && c <= "z") return c.charCodeAt(0) - 87;
  if (c >= "A" && c <= "Z") return c.charCodeAt(0) - (base <= 36 ? 55 : 29);
  if (c === "@") return 62;
  return c === "_" ? 63 : -1;
}

/** factor(1) of coreutils: prime factors, by trial division, Miller-Rabin and Pollard's rho. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote } from "../libc/quotearg.ts";

const usage = `factor [NUMBER]...
Print the prime factors of each NUMBER, or of the numbers on standard input.

      --help  show this help and exit`;

/** User time of one step with numbers of a few words. */
const STEP_NS = 600;

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let b = base % modulus;
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * b) % modulus;
    b = (b * b) % modulus;
  }
  return result;
}

function isPrime(n: bigint): boolean {
  const bases = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n];
  if (n < 2n) return false;
  for (const p of bases) if (n % p === 0n) return n === p;
  let d = n - 1n;
  let twos = 0;
  while ((d & 1n) === 0n) {
    d >>= 1n;
    twos++;
  }
  for (const base of bases) {
    let x = power(base, d, n);
    if (x === 1n || x === n - 1n) continue;
    let composite = true;
    for (let i = 1; i < twos && composite; i++) {
      x = (x * x) % n;
      if (x === n - 1n) composite = false;
    }
    if (composite) return false;
  }
  return true;
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** A proper divisor of the composite `n` (Brent's batching of Pollard's rho). */
function* divisor(c: Command, n: bigint): Proc<bigint> {
  for (let increment = 1n; ; increment++) {
    let x = 2n;
    let y = 2n;
    let g = 1n;
    while (g === 1n) {
      let product = 1n;
      const [x0, y0] = [x, y];
      for (let i = 0; i < 128; i++) {
        x = (x * x + increment) % n;
        y = (y * y + increment) % n;
        y = (y * y + increment) % n;
        product = (product * (x > y ? x - y : y - x)) % n;
      }
      yield* c.sys.spend(128 * STEP_NS);
      g = gcd(product, n);
      if (g !== n && product !== 0n) continue;
      // The batch went past the divisor: again, step by step.
      [x, y, g] = [x0, y0, 1n];
      while (g === 1n) {
        x = (x * x + increment) % n;
        y = (y * y + increment) % n;
        y = (y * y + increment) % n;
        g = gcd(x > y ? x - y : y - x, n);
      }
    }
    if (g !== n) return g;
  }
}

function* factors(c: Command, number: bigint): Proc<bigint[]> {
  const found: bigint[] = [];
  let n = number;
  for (let p = 2n; p < 1000n && p * p <= n; p += p === 2n ? 1n : 2n) {
    while (n % p === 0n) {
      found.push(p);
      n /= p;
    }
  }
  const pending = n > 1n ? [n] : [];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (isPrime(part)) found.push(part);
    else {
      const d = yield* divisor(c, part);
      pending.push(d, part / d);
    }
  }
  return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function* show(c: Command, text: string): Proc<boolean> {
  if (!/^\+?[0-9]+$/.test(text)) {
    if (c.voice === "gnu") yield* c.warn(`${quote(text)} is not a valid positive integer`);
    return false;
  }
  const n = BigInt(text.replace("+", ""));
  const all = n < 2n ? [] : yield* factors(c, n);
  yield* c.print(`${n}:${all.map((p) => ` ${p}`).join("")}\n`);
  return true;
}

export const factor: Executable = {
  name: "factor",
  paths: ["/usr/bin/factor"],
  needed: ["libgmp.so.10", "libc.so.6"],
  sizeBytes: 85200,
  applet: "/usr/bin/factor",
  main: command({ version: COREUTILS, help: help(usage) }, function* (c) {
    const { operands } = yield* c.getopt({ short: "" });
    let good = true;
    for (const word of operands) {
      good = (yield* show(c, word)) && good;
      if (!good && c.voice === "busybox") throw new UsageError("");
    }
    if (operands.length > 0) return good ? 0 : 1;
    for (let line = yield* c.stdin.readLine(); line !== undefined; line = yield* c.stdin.readLine()) {
      for (const word of line.split(/\s+/)) if (word !== "") good = (yield* show(c, word)) && good;
    }
    return good ? 0 : 1;
  }),
};

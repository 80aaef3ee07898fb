/** expr(1) of coreutils, and busybox's: integer arithmetic, comparison and matching of strings. */

import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote } from "../libc/quotearg.ts";
import { regcomp, RegexError } from "../libc/regex.ts";

const usage = `expr EXPRESSION
  or:  expr OPTION
Print the value of EXPRESSION, whose operators are, from the weakest to the strongest:

  A | B       A if it is neither null nor 0, otherwise B
  A & B       A if neither is null or 0, otherwise 0
  A < B  A <= B  A = B  A != B  A >= B  A > B
  A + B  A - B
  A * B  A / B  A % B
  S : R       match of the regular expression R at the start of S
  match S R   the same
  substr S P L  L characters of S from position P, counted from 1
  index S C   where any of the characters C is first found in S, or 0
  length S    the length of S
  + TOKEN     TOKEN as a string, even if it is an operator
  ( E )       the value of E

Comparisons are by number where both are numbers. The exit status is 0 unless the value is null or 0 (1), 2 for a syntax error.`;

/** A complaint, with status 2. */
class Complaint {
  constructor(readonly text: string) {}
}

const isInteger = (text: string): boolean => /^-?[0-9]+$/.test(text);
const isNull = (value: string): boolean => value === "" || /^-?0+$/.test(value);

class Evaluator {
  private at = 0;

  constructor(
    private readonly words: readonly string[],
    private readonly gnu: boolean,
  ) {}

  evaluate(): string {
    const value = this.or(true);
    const left = this.words[this.at];
    if (left !== undefined) throw new Complaint(this.gnu ? `syntax error: unexpected argument ${quote(left)}` : "syntax error");
    return value;
  }

  private take(...operators: string[]): string | undefined {
    const word = this.words[this.at];
    if (word === undefined || !operators.includes(word)) return undefined;
    this.at++;
    return word;
  }

  private missing(): Complaint {
    return new Complaint(this.gnu ? `syntax error: missing argument after ${quote(this.words[this.at - 1] ?? "")}` : "syntax error");
  }

  private or(live: boolean): string {
    let left = this.and(live);
    while (this.take("|") !== undefined) {
      const right = this.and(live && isNull(left));
      if (isNull(left)) left = isNull(right) ? "0" : right;
    }
    return left;
  }

  private and(live: boolean): string {
    let left = this.compare(live);
    while (this.take("&") !== undefined) {
      const right = this.compare(live && !isNull(left));
      if (isNull(left) || isNull(right)) left = "0";
    }
    return left;
  }

  private compare(live: boolean): string {
    let left = this.sum(live);
    for (
      let op = this.take("<", "<=", "=", "==", "!=", ">=", ">");
      op !== undefined;
      op = this.take("<", "<=", "=", "==", "!=", ">=", ">")
    ) {
      const right = this.sum(live);
      let order: number;
      if (isInteger(left) && isInteger(right)) {
        const [a, b] = [BigInt(left), BigInt(right)];
        order = a < b ? -1 : a > b ? 1 : 0;
      } else order = left < right ? -1 : left > right ? 1 : 0;
      const holds = {
        "<": order < 0,
        "<=": order <= 0,
        "=": order === 0,
        "==": order === 0,
        "!=": order !== 0,
        ">=": order >= 0,
        ">": order > 0,
      }[op];
      left = holds ? "1" : "0";
    }
    return left;
  }

  private number(value: string): bigint {
    if (!isInteger(value)) throw new Complaint(this.gnu ? "non-integer argument" : "non-numeric argument");
    return BigInt(value);
  }

  private sum(live: boolean): string {
    let left = this.product(live);
    for (let op = this.take("+", "-"); op !== undefined; op = this.take("+", "-")) {
      const right = this.product(live);
      if (live) left = `${op === "+" ? this.number(left) + this.number(right) : this.number(left) - this.number(right)}`;
    }
    return left;
  }

  private product(live: boolean): string {
    let left = this.match(live);
    for (let op = this.take("*", "/", "%"); op !== undefined; op = this.take("*", "/", "%")) {
      const right = this.match(live);
      if (!live) continue;
      const [a, b] = [this.number(left), this.number(right)];
      if (op !== "*" && b === 0n) throw new Complaint("division by zero");
      left = `${op === "*" ? a * b : op === "/" ? a / b : a % b}`;
    }
    return left;
  }

  private match(live: boolean): string {
    let left = this.keyword(live);
    while (this.take(":") !== undefined) {
      const right = this.keyword(live);
      if (live) left = this.matched(left, right);
    }
    return left;
  }

  private matched(text: string, pattern: string): string {
    try {
      const regex = regcomp(pattern);
      const found = regex.exec(text);
      if (found === undefined || found.start !== 0) {
        // The pattern is anchored; a match further on may hide a shorter one at the start.
        const anchored = regcomp(pattern.startsWith("^") ? pattern : `^\\(${pattern}\\)`).exec(text);
        if (anchored === undefined || found === undefined || pattern.startsWith("^")) return regex.groupCount > 0 ? "" : "0";
        return regex.groupCount > 0 ? (anchored.groups[2] ?? "") : `${[...text.slice(0, anchored.end)].length}`;
      }
      return regex.groupCount > 0 ? (found.groups[1] ?? "") : `${[...text.slice(0, found.end)].length}`;
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      throw new Complaint(this.gnu ? e.message : `bad regex '${pattern}': ${e.message}`);
    }
  }

  private keyword(live: boolean): string {
    const operand = (): string => this.keyword(live);
    if (this.gnu && this.take("+") !== undefined) {
      const word = this.words[this.at];
      if (word === undefined) throw this.missing();
      this.at++;
      return word;
    }
    if (this.words[this.at + 1] !== undefined || this.gnu) {
      if (this.take("length") !== undefined) return `${[...operand()].length}`;
      if (this.take("match") !== undefined) {
        const text = operand();
        return this.matched(text, operand());
      }
      if (this.take("index") !== undefined) {
        const text = [...operand()];
        const set = operand();
        return `${text.findIndex((ch) => set.includes(ch)) + 1}`;
      }
      if (this.take("substr") !== undefined) {
        const text = [...operand()];
        const [from, count] = [operand(), operand()];
        if (!isInteger(from) || !isInteger(count) || Number(from) < 1 || Number(count) < 1) return "";
        return text.slice(Number(from) - 1, Number(from) - 1 + Number(count)).join("");
      }
      if (!this.gnu && this.take("quote") !== undefined) {
        const word = this.words[this.at++];
        if (word === undefined) throw this.missing();
        return word;
      }
    }
    return this.primary(live);
  }

  private primary(live: boolean): string {
    const word = this.words[this.at];
    if (word === undefined) throw this.missing();
    this.at++;
    if (word === "(") {
      const value = this.or(live);
      if (this.take(")") !== undefined) return value;
      const next = this.words[this.at];
      if (!this.gnu) throw new Complaint("syntax error");
      throw new Complaint(
        next === undefined
          ? `syntax error: expecting ')' after ${quote(this.words[this.at - 1] ?? "")}`
          : `syntax error: expecting ')' instead of ${quote(next)}`,
      );
    }
    if (word === ")") throw new Complaint(this.gnu ? "syntax error: unexpected ')'" : "syntax error");
    return word;
  }
}

export const expr: Executable = {
  name: "expr",
  paths: ["/usr/bin/expr"],
  needed: ["libgmp.so.10", "libc.so.6"],
  sizeBytes: 117808,
  applet: "/usr/bin/expr",
  main: command(
    { version: COREUTILS, help: help(usage, "expr EXPRESSION\n\nPrint the value of EXPRESSION"), usageStatus: 2 },
    function* (c: Command) {
      const gnu = c.voice === "gnu";
      let words = c.args;
      // Options count only where they are the whole of it.
      if (gnu && words.length === 1 && /^--(help|version)$/.test(words[0] ?? "")) yield* c.getopt({ short: "" });
      if (gnu && words[0] === "--") words = words.slice(1);
      if (words.length === 0) {
        if (gnu) throw new UsageError("missing operand");
        return yield* c.fail("too few arguments", 2);
      }
      try {
        const value = new Evaluator(words, gnu).evaluate();
        yield* c.print(`${value}\n`);
        return isNull(value) ? 1 : 0;
      } catch (e) {
        if (!(e instanceof Complaint)) throw e;
        return yield* c.fail(e.text, 2);
      }
    },
  ),
};

/** The expression of find(1): its types, and the parser of operators (`( ) ! -a -o ,`) with the errors of GNU find 4.9. */

import type { Proc } from "../../abi/sys.ts";
import { UsageError } from "../libc/getopt.ts";
import type { Visit } from "./walk.ts";

export interface Predicate {
  /** As typed, such as `-name`. */
  readonly name: string;
  /** Whether it does something visible, so that no `-print` is implied. */
  readonly action: boolean;
  test(visit: Visit): Proc<boolean>;
}

export type Expression =
  | { readonly kind: "test"; readonly predicate: Predicate }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or" | "list"; readonly left: Expression; readonly right: Expression };

export type Token = { readonly kind: "test"; readonly predicate: Predicate } | { readonly kind: "operator"; readonly text: string };

const BINARY = new Map<string, "and" | "or" | "list">([
  ["-a", "and"],
  ["-and", "and"],
  ["-o", "or"],
  ["-or", "or"],
  [",", "list"],
]);

export const isOperator = (word: string): boolean => BINARY.has(word) || ["(", ")", "!", "-not"].includes(word);

/** A usage error that find prints without a hint to --help. */
export class ExpressionError {
  constructor(readonly message: string) {}
}

/** Builds the tree. Throws ExpressionError. */
export function parseExpression(tokens: readonly Token[], voice: "gnu" | "busybox"): Expression | undefined {
  let at = 0;
  const operator = (): string | undefined => {
    const token = tokens[at];
    return token?.kind === "operator" ? token.text : undefined;
  };

  /** A test, a negation or a group; `after` is the operator that asks for it. */
  function primary(after: string | undefined): Expression | undefined {
    const token = tokens[at];
    if (token === undefined) {
      if (after === undefined || voice === "busybox") return undefined;
      throw new ExpressionError(
        after === "("
          ? "invalid expression; expected to find a ')' but didn't see one. Perhaps you need an extra predicate after '('"
          : `expected an expression after '${after}'`,
      );
    }
    at++;
    if (token.kind === "test") return token;
    if (token.text === "!" || token.text === "-not") {
      const of = primary(token.text);
      return of === undefined ? undefined : { kind: "not", of };
    }
    if (token.text === "(") {
      if (operator() === ")") {
        at++;
        if (voice === "busybox") return undefined;
        throw new ExpressionError("invalid expression; empty parentheses are not allowed.");
      }
      const inner = list("(");
      if (operator() !== ")") {
        throw new ExpressionError(
          voice === "busybox" ? "unpaired '('" : "invalid expression; I was expecting to find a ')' somewhere but did not see one.",
        );
      }
      at++;
      return inner;
    }
    if (voice === "busybox") {
      if (token.text === ")") throw new ExpressionError("unpaired ')'");
      return undefined;
    }
    if (token.text === ")")
      throw new ExpressionError(after === undefined ? "you have too many ')'" : "invalid expression; you have too many ')'");
    throw new ExpressionError(`invalid expression; you have used a binary operator '${token.text}' with nothing before it.`);
  }

  function and(after: string | undefined): Expression | undefined {
    let left = primary(after);
    for (;;) {
      const op = operator();
      if (at >= tokens.length || op === ")" || (op !== undefined && BINARY.has(op) && BINARY.get(op) !== "and")) return left;
      if (op !== undefined && BINARY.has(op)) at++;
      left = join("and", left, primary(op !== undefined && BINARY.has(op) ? op : undefined));
    }
  }

  function or(after: string | undefined): Expression | undefined {
    let left = and(after);
    for (let op = operator(); op !== undefined && BINARY.get(op) === "or"; op = operator()) {
      at++;
      left = join("or", left, and(op));
    }
    return left;
  }

  function list(after: string | undefined): Expression | undefined {
    let left = or(after);
    for (let op = operator(); op !== undefined && BINARY.get(op) === "list"; op = operator()) {
      at++;
      left = join("list", left, or(op));
    }
    return left;
  }

  const join = (kind: "and" | "or" | "list", left: Expression | undefined, right: Expression | undefined): Expression | undefined =>
    left === undefined ? right : right === undefined ? left : { kind, left, right };

  if (tokens.length === 0) return undefined;
  const all = list(undefined);
  if (at < tokens.length) throw new ExpressionError(voice === "busybox" ? "unpaired ')'" : "you have too many ')'");
  return all;
}

/** Evaluates for one file, left to right, as far as needed. */
export function* evaluate(expression: Expression, visit: Visit): Proc<boolean> {
  switch (expression.kind) {
    case "test":
      return yield* expression.predicate.test(visit);
    case "not":
      return !(yield* evaluate(expression.of, visit));
    case "and":
      return (yield* evaluate(expression.left, visit)) && (yield* evaluate(expression.right, visit));
    case "or":
      return (yield* evaluate(expression.left, visit)) || (yield* evaluate(expression.right, visit));
    case "list":
      yield* evaluate(expression.left, visit);
      return yield* evaluate(expression.right, visit);
  }
}

/** Whether some predicate of the tree does something visible. */
export function hasAction(expression: Expression): boolean {
  if (expression.kind === "test") return expression.predicate.action;
  if (expression.kind === "not") return hasAction(expression.of);
  return hasAction(expression.left) || hasAction(expression.right);
}

/** Wrong usage for which busybox shows its help. */
export const unrecognized = (word: string): UsageError => new UsageError(`unrecognized: ${word}`);

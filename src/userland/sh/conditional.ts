/** `[[ … ]]` of bash: no splitting, patterns on the right of `=`, regular expressions, arithmetic operands. */

import type { TestExpression } from "unbash";
import type { Proc } from "../../abi/sys.ts";
import { fnmatch } from "../libc/fnmatch.ts";
import { compareFiles, compareIntegers, evaluateUnary, type TestShell } from "../libc/test-expression.ts";
import { regcomp, RegexError } from "../libc/regex.ts";
import { drive, expandPattern, expandPieces, expandString, PatternSink } from "./expand.ts";
import type { CompiledWord } from "./node.ts";
import { type Shell, ShellError } from "./shell.ts";
import { quoteIfNeeded } from "./declarations.ts";
import { setNames } from "./options.ts";
import { traceText } from "./xtrace.ts";

export type Condition =
  | { readonly kind: "unary"; readonly operator: string; readonly operand: CompiledWord; readonly pure: boolean }
  | {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: CompiledWord;
      readonly right: CompiledWord;
      readonly pure: boolean;
    }
  | { readonly kind: "and" | "or"; readonly operands: readonly Condition[]; readonly pure: boolean }
  | { readonly kind: "not" | "group"; readonly operand: Condition; readonly pure: boolean };

const PURE_BINARY = new Set(["=", "==", "!=", "<", ">", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"]);

/** The parser's tree as ours; `compile` turns its words. */
export function compileCondition(e: TestExpression, compile: (w: import("unbash").Word) => CompiledWord): Condition {
  switch (e.type) {
    case "TestUnary": {
      const operand = compile(e.operand);
      return { kind: "unary", operator: e.operator, operand, pure: operand.pure && /^-[nzvoR]$/.test(e.operator) };
    }
    case "TestBinary": {
      const left = compile(e.left);
      const right = compile(e.right);
      return { kind: "binary", operator: e.operator, left, right, pure: left.pure && right.pure && PURE_BINARY.has(e.operator) };
    }
    case "TestLogical": {
      const operands = e.operands.map((o) => compileCondition(o, compile));
      return { kind: e.operator === "&&" ? "and" : "or", operands, pure: operands.every((o) => o.pure) };
    }
    case "TestNot": {
      let operand = compileCondition(e.operand, compile);
      for (let i = 0; i < e.negations.length; i++) operand = { kind: "not", operand, pure: operand.pure };
      return operand;
    }
    case "TestGroup": {
      const operand = compileCondition(e.expression, compile);
      return { kind: "group", operand, pure: operand.pure };
    }
  }
}

/** The answer without system calls; undefined (nothing done) where that cannot be. */
export function evaluateConditionSync(sh: Shell, c: Condition): boolean | undefined {
  if (!c.pure) return undefined;
  try {
    return drive(evaluateCondition(sh, c));
  } catch (e) {
    // The long way says what is wrong.
    if (e instanceof ShellError) return undefined;
    throw e;
  }
}

export function* evaluateCondition(sh: Shell, c: Condition): Proc<boolean> {
  switch (c.kind) {
    case "unary":
      return yield* evaluateOne(sh, c);
    case "binary":
      return yield* evaluateBinary(sh, c);
    case "and":
      for (const o of c.operands) if (!(yield* evaluateCondition(sh, o))) return false;
      return true;
    case "or":
      for (const o of c.operands) if (yield* evaluateCondition(sh, o)) return true;
      return false;
    case "not":
      return !(yield* evaluateCondition(sh, c.operand));
    case "group":
      return yield* evaluateCondition(sh, c.operand);
  }
}

function* evaluateOne(sh: Shell, c: Extract<Condition, { kind: "unary" }>): Proc<boolean> {
  const operand = yield* expandString(sh, c.operand);
  if (sh.options.xtrace) yield* traceText(sh, `[[ ${c.operator} ${quoteIfNeeded(operand)} ]]`);
  return yield* evaluateUnary(sh.sys, c.operator, operand, testShell(sh));
}

function* evaluateBinary(sh: Shell, c: Extract<Condition, { kind: "binary" }>): Proc<boolean> {
  const left = yield* expandString(sh, c.left);
  if (sh.options.xtrace) {
    const shown = yield* PURE_BINARY.has(c.operator) && !/^-/.test(c.operator) ? expandPattern(sh, c.right) : expandString(sh, c.right);
    yield* traceText(sh, `[[ ${quoteIfNeeded(left)} ${c.operator} ${shown === "" ? "''" : shown} ]]`);
  }
  switch (c.operator) {
    case "=":
    case "==":
    case "!=": {
      const same =
        c.right.literal !== undefined && !sh.options.nocasematch
          ? left === c.right.literal
          : fnmatch(yield* expandPattern(sh, c.right), left, { extglob: true, ignoreCase: sh.options.nocasematch });
      return same === (c.operator !== "!=");
    }
    case "=~": {
      const sink = new PatternSink(sh.ifs, (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      yield* expandPieces(sh, c.right.pieces, sink);
      return matchRegular(sh, left, sink.text);
    }
    case "<":
      return left < (yield* expandString(sh, c.right));
    case ">":
      return left > (yield* expandString(sh, c.right));
    case "-nt":
    case "-ot":
    case "-ef":
      return yield* compareFiles(sh.sys, left, c.operator, yield* expandString(sh, c.right));
    default:
      return compareIntegers(sh.evaluate(left, "[["), c.operator, sh.evaluate(yield* expandString(sh, c.right), "[["));
  }
}

function matchRegular(sh: Shell, text: string, source: string): boolean {
  let groups: readonly (string | undefined)[] | undefined;
  try {
    groups = regcomp(source, { extended: true, icase: sh.options.nocasematch }).exec(text)?.groups;
  } catch (e) {
    // A wrong expression matches nothing and gives 2, without a word.
    if (e instanceof RegexError) throw new ShellError("", 2);
    throw e;
  }
  const v = sh.vars.declareGlobal("BASH_REMATCH");
  v.array = groups === undefined ? [] : [...groups].map((g) => g ?? "");
  v.value = undefined;
  return groups !== undefined;
}

export function testShell(sh: Shell): TestShell {
  return {
    isSet: (name) => {
      const m = /^([A-Za-z_][A-Za-z0-9_]*)\[(.*)\]$/s.exec(name);
      if (m === null) return /^[0-9]+$/.test(name) ? sh.positional[Number(name) - 1] !== undefined : sh.get(name) !== undefined;
      const [, array, subscript] = m as unknown as [string, string, string];
      if (subscript === "@" || subscript === "*")
        return (sh.findVariable(array)?.array?.length ?? sh.findVariable(array)?.assoc?.size ?? 0) > 0;
      return sh.getElement(array, subscript) !== undefined;
    },
    isOption: (name) => setNames.includes(name) && sh.options.has(name),
  };
}

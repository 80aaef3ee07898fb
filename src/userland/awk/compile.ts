/** From the tree to closures: see `evaluate.ts` for the two kinds. */

import type { Proc } from "../../abi/sys.ts";
import type { Regex } from "../libc/regex.ts";
import type { BinaryOperator, Expr, FunctionDefinition, LValue, ProgramTree } from "./ast.ts";
import { DynamicRegex, divide, formatTime, gensub, plainBuiltin, replaceMatches, splitInto } from "./builtins.ts";
import { EXIT, type Evaluation, Leave, later, map1, map2, mapAll, NEXT, NEXTFILE, now, type Signal, sleepAll, value } from "./evaluate.ts";
import { AwkSyntaxError } from "./lexer.ts";
import type { Runtime } from "./runtime.ts";
import { Scope } from "./scope.ts";
import { type AwkArray, compare, StrNum, toBoolean, toNumber, type Value } from "./value.ts";

/** A place that can be read and set; `prepare` evaluates its subscripts once. */
interface Place {
  readonly sync: boolean;
  readonly keys: Evaluation;
  get(key: Value): Value;
  set(key: Value, value: Value): void;
}

export interface CompiledFunction {
  /** Whether calls never sleep; unknown while the body is being compiled, then taken as false. */
  sync: boolean;
  run: (() => Signal) | undefined;
  runSlowly: (() => Proc<Signal>) | undefined;
  readonly definition: FunctionDefinition;
}

const SPECIAL = new Set(["NR", "FNR", "NF", "FS", "RS", "OFS", "ORS", "SUBSEP", "CONVFMT", "OFMT"]);
const DEPTH_MAX = 1500;

export class ExpressionCompiler {
  protected readonly scope: Scope;
  protected within: FunctionDefinition | undefined;
  readonly functions = new Map<string, CompiledFunction>();
  private depth = 0;

  constructor(
    protected readonly rt: Runtime,
    program: ProgramTree,
  ) {
    this.scope = new Scope(program);
    for (const definition of program.functions.values()) {
      this.functions.set(definition.name, { sync: false, run: undefined, runSlowly: undefined, definition });
    }
  }

  expression(e: Expr): Evaluation {
    const { rt } = this;
    switch (e.type) {
      case "number":
      case "string": {
        const constant = e.value;
        return now(() => constant);
      }
      case "regex": {
        const regex = this.regex(e.source);
        return now(() => (regex.test(rt.text(rt.getField(0))) ? 1 : 0));
      }
      case "var":
        return this.variable(e.name);
      case "field":
        return map1(this.expression(e.index), (i) => rt.getField(Math.trunc(toNumber(i))));
      case "element": {
        const array = this.array(e.name);
        return map1(this.key(e.subscripts), (key) => {
          const a = array();
          const found = a.get(key as string);
          // Looking at an element makes it.
          if (found === undefined && !a.has(key as string)) a.set(key as string, undefined);
          return found;
        });
      }
      case "group":
        return this.expression(e.operand);
      case "not":
        return map1(this.expression(e.operand), (v) => (toBoolean(v) ? 0 : 1));
      case "negate":
        return map1(this.expression(e.operand), (v) => -toNumber(v));
      case "plus":
        return map1(this.expression(e.operand), (v) => toNumber(v));
      case "binary":
        return map2(this.expression(e.left), this.expression(e.right), this.operation(e.operator));
      case "match":
        return this.match(e.left, e.right, e.negated);
      case "in": {
        const array = this.array(e.name);
        return map1(this.key(e.subscripts), (key) => (array().has(key as string) ? 1 : 0));
      }
      case "and":
      case "or":
        return this.logical(e.left, e.right, e.type === "and");
      case "cond":
        return this.conditional(e.test, e.yes, e.no);
      case "assign":
        return this.assignment(e.target, e.operator, e.value);
      case "increment":
        return this.increment(e.target, e.delta, e.prefix);
      case "call":
        return this.call(e.name, e.args, e.line);
      case "builtin":
        return this.builtin(e.name, e.args);
      case "getline":
        return this.getline(e);
    }
  }

  protected regex(source: string): Regex {
    return this.rt.regex(source);
  }

  // ── Names ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  private localIndex(name: string): number {
    return this.within?.parameters.indexOf(name) ?? -1;
  }

  private variable(name: string): Evaluation {
    const { rt } = this;
    if (this.scope.isArray(name, this.within))
      throw new AwkSyntaxError(this.rt.voice === "gnu" ? `illegal reference to array ${name}` : "Unexpected token", 1);
    const local = this.localIndex(name);
    if (local >= 0) return now(() => rt.frame[local] as Value);
    if (SPECIAL.has(name)) return now(() => rt.getGlobal(name));
    const slot = this.slot(name);
    return now(() => rt.globals[slot]);
  }

  private slot(name: string): number {
    let slot = this.rt.slots.get(name);
    if (slot === undefined) {
      slot = this.rt.slots.size;
      this.rt.slots.set(name, slot);
    }
    return slot;
  }

  protected array(name: string): () => AwkArray {
    const { rt } = this;
    const local = this.localIndex(name);
    if (local >= 0) {
      return () => {
        const found = rt.frame[local];
        if (found instanceof Map) return found;
        const array: AwkArray = new Map();
        rt.frame[local] = array;
        return array;
      };
    }
    const array = rt.array(name);
    return () => array;
  }

  /** The key of `[a, b]`: the texts with SUBSEP between. */
  protected key(subscripts: readonly Expr[]): Evaluation {
    const { rt } = this;
    const only = subscripts[0];
    if (subscripts.length === 1 && only !== undefined) return map1(this.expression(only), (v) => rt.text(v));
    return mapAll(
      subscripts.map((s) => this.expression(s)),
      (values) => values.map((v) => rt.text(v)).join(rt.subsep),
    );
  }

  protected place(target: LValue): Place {
    const { rt } = this;
    const none = now(() => undefined);
    if (target.type === "field") {
      const keys = map1(this.expression(target.index), (v) => Math.trunc(toNumber(v)));
      return { sync: keys.sync, keys, get: (key) => rt.getField(key as number), set: (key, v) => rt.setField(key as number, v) };
    }
    if (target.type === "element") {
      const array = this.array(target.name);
      const keys = this.key(target.subscripts);
      return {
        sync: keys.sync,
        keys,
        get: (key) => array().get(key as string),
        set: (key, v) => {
          array().set(key as string, v);
        },
      };
    }
    const read = this.variable(target.name);
    const { name } = target;
    const local = this.localIndex(name);
    const get = read.run as () => Value;
    if (local >= 0) {
      return {
        sync: true,
        keys: none,
        get,
        set: (_, v) => {
          rt.frame[local] = v;
        },
      };
    }
    if (SPECIAL.has(name)) return { sync: true, keys: none, get, set: (_, v) => rt.setGlobal(name, v) };
    const slot = this.slot(name);
    return {
      sync: true,
      keys: none,
      get,
      set: (_, v) => {
        rt.globals[slot] = v;
      },
    };
  }

  // ── Operators ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private operation(operator: BinaryOperator): (a: Value, b: Value) => Value {
    const { rt } = this;
    const { convfmt } = rt;
    switch (operator) {
      case "+":
        return (a, b) => toNumber(a) + toNumber(b);
      case "-":
        return (a, b) => toNumber(a) - toNumber(b);
      case "*":
        return (a, b) => toNumber(a) * toNumber(b);
      case "/":
        return (a, b) => divide(rt, toNumber(a), toNumber(b));
      case "%":
        return (a, b) => {
          const [x, y] = [toNumber(a), toNumber(b)];
          if (y === 0 && rt.voice === "busybox") return divide(rt, x, y);
          return x % y;
        };
      case "^":
        return (a, b) => toNumber(a) ** toNumber(b);
      case "concat":
        return (a, b) => rt.text(a) + rt.text(b);
      case "<":
        return (a, b) => (compare(a, b, convfmt) < 0 ? 1 : 0);
      case "<=":
        return (a, b) => (compare(a, b, convfmt) <= 0 ? 1 : 0);
      case ">":
        return (a, b) => (compare(a, b, convfmt) > 0 ? 1 : 0);
      case ">=":
        return (a, b) => (compare(a, b, convfmt) >= 0 ? 1 : 0);
      case "==":
        return (a, b) => (compare(a, b, convfmt) === 0 ? 1 : 0);
      case "!=":
        return (a, b) => (compare(a, b, convfmt) === 0 ? 0 : 1);
    }
  }

  private match(left: Expr, right: Expr, negated: boolean): Evaluation {
    const { rt } = this;
    const yes = negated ? 0 : 1;
    if (right.type === "regex") {
      const regex = this.regex(right.source);
      return map1(this.expression(left), (v) => (regex.test(rt.text(v)) ? yes : 1 - yes));
    }
    const dynamic = new DynamicRegex(this.rt);
    return map2(this.expression(left), this.expression(right), (v, source) =>
      dynamic.get(rt.text(source)).test(rt.text(v)) ? yes : 1 - yes,
    );
  }

  private logical(left: Expr, right: Expr, isAnd: boolean): Evaluation {
    const [a, b] = [this.expression(left), this.expression(right)];
    if (a.sync && b.sync) {
      const [first, second] = [a.run, b.run];
      return isAnd
        ? now(() => (toBoolean(first()) && toBoolean(second()) ? 1 : 0))
        : now(() => (toBoolean(first()) || toBoolean(second()) ? 1 : 0));
    }
    return later(function* () {
      if (toBoolean(yield* value(a)) !== isAnd) return isAnd ? 0 : 1;
      return toBoolean(yield* value(b)) ? 1 : 0;
    });
  }

  private conditional(test: Expr, yes: Expr, no: Expr): Evaluation {
    const [t, y, n] = [this.expression(test), this.expression(yes), this.expression(no)];
    if (t.sync && y.sync && n.sync) {
      const [a, b, c] = [t.run, y.run, n.run];
      return now(() => (toBoolean(a()) ? b() : c()));
    }
    return later(function* () {
      return yield* value(toBoolean(yield* value(t)) ? y : n);
    });
  }

  private assignment(target: LValue, operator: BinaryOperator | "=", right: Expr): Evaluation {
    const place = this.place(target);
    const e = this.expression(right);
    const combine = operator === "=" ? undefined : this.operation(operator);
    const { keys } = place;
    const finish = (key: Value, v: Value): Value => {
      const result = combine === undefined ? v : combine(place.get(key), v);
      place.set(key, result);
      return result;
    };
    if (keys.sync && e.sync) {
      const [first, second] = [keys.run, e.run];
      return now(() => {
        // The value comes before the subscript: `a[n++] = n` is rare, but `$(n) = getline` is not.
        const v = second();
        return finish(first(), v);
      });
    }
    return later(function* () {
      const v = yield* value(e);
      return finish(yield* value(keys), v);
    });
  }

  private increment(target: LValue, delta: 1 | -1, prefix: boolean): Evaluation {
    const place = this.place(target);
    return map1(place.keys, (key) => {
      const before = toNumber(place.get(key));
      place.set(key, before + delta);
      return prefix ? before + delta : before;
    });
  }

  // ── Calls ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  private call(name: string, args: readonly Expr[], line: number): Evaluation {
    const { rt } = this;
    const f = this.functions.get(name) as CompiledFunction;
    const { parameters } = f.definition;
    if (args.length > parameters.length) {
      throw new AwkSyntaxError(rt.voice === "gnu" ? `too many arguments in call to ${name}` : "Too many arguments", line);
    }
    const isArray = this.scope.arrayParameters.get(name) ?? [];
    const arrays = args.map((arg, i) => (arg.type === "var" && isArray[i] ? this.array(arg.name) : undefined));
    const values = args.map((arg, i) => (arrays[i] === undefined ? this.expression(arg) : now(() => undefined)));
    const enter = (given: readonly Value[]): (Value | AwkArray)[] => {
      const frame: (Value | AwkArray)[] = new Array(parameters.length);
      for (let i = 0; i < parameters.length; i++) frame[i] = arrays[i]?.() ?? (isArray[i] ? new Map() : given[i]);
      if (++this.depth > DEPTH_MAX) throw new AwkSyntaxError("function call nesting too deep", line);
      const outer = rt.frame;
      rt.frame = frame;
      rt.returnValue = undefined;
      return outer;
    };
    const leave = (outer: (Value | AwkArray)[], signal: Signal): Value => {
      this.depth--;
      rt.frame = outer;
      if (signal === NEXT || signal === NEXTFILE || signal === EXIT) throw new Leave(signal);
      const result = rt.returnValue;
      rt.returnValue = undefined;
      return result;
    };
    if (f.sync && f.run !== undefined && values.every((v) => v.sync)) {
      const run = f.run;
      return mapAll(values, (given) => {
        const outer = enter(given);
        return leave(outer, run());
      });
    }
    return sleepAll(values, function* (given) {
      const outer = enter(given);
      const signal = f.run !== undefined ? f.run() : yield* (f.runSlowly as () => Proc<Signal>)();
      return leave(outer, signal);
    });
  }

  private builtin(name: string, args: readonly Expr[]): Evaluation {
    const { rt } = this;
    const plain = plainBuiltin(rt, name);
    const first = args[0];
    if (plain !== undefined) {
      return mapAll(
        args.map((a) => this.expression(a)),
        plain,
      );
    }
    switch (name) {
      case "length": {
        if (first === undefined) return now(() => rt.text(rt.getField(0)).length);
        if (first.type === "var" && this.scope.isArray(first.name, this.within)) {
          const array = this.array(first.name);
          return now(() => array().size);
        }
        return map1(this.expression(first), (v) => (v instanceof Map ? v.size : rt.text(v).length));
      }
      case "match":
        return this.matchFunction(args);
      case "sub":
      case "gsub":
        return this.substitution(args, name === "gsub");
      case "gensub": {
        const pattern = this.pattern(args[0] as Expr);
        const rest = [...args.slice(1, 3), args[3] ?? ({ type: "field", index: { type: "number", value: 0 } } as const)];
        return mapAll([pattern.source, ...rest.map((a) => this.expression(a))], ([source, replacement, how, target]) =>
          gensub(pattern.regex(source), rt.text(replacement), rt.text(how), rt.text(target)),
        );
      }
      case "split": {
        const target = args[1];
        if (target?.type !== "var") throw new AwkSyntaxError(rt.voice === "gnu" ? "syntax error at or near )" : "Unexpected token", 1);
        const array = this.array(target.name);
        const text = this.expression(first as Expr);
        const third = args[2];
        if (third?.type === "regex") {
          const regex = this.regex(third.source);
          return map1(text, (v) => splitInto(rt, array(), rt.text(v), regex, true));
        }
        if (third === undefined) return map1(text, (v) => splitInto(rt, array(), rt.text(v), undefined, false));
        return map2(text, this.expression(third), (v, fs) => splitInto(rt, array(), rt.text(v), rt.text(fs), false));
      }
      default:
        return this.sleepingBuiltin(name, args);
    }
  }

  private sleepingBuiltin(name: string, args: readonly Expr[]): Evaluation {
    const { rt } = this;
    const values = args.map((a) => this.expression(a));
    switch (name) {
      case "srand":
        return sleepAll(values, function* ([given]) {
          const before = rt.seed;
          rt.seed = args.length > 0 ? given : yield* rt.now();
          rt.random.seed(Math.trunc(toNumber(rt.seed)));
          return before;
        });
      case "system":
        return sleepAll(values, ([command]) => rt.streams.system(rt.text(command)));
      case "close":
        return sleepAll(values, ([stream]) => rt.streams.close(rt.text(stream)));
      case "fflush":
        return sleepAll(values, ([stream]) => rt.streams.flush(args.length > 0 ? rt.text(stream) : undefined));
      case "strftime":
        return sleepAll(values, function* ([format, seconds]) {
          const at = args.length > 1 ? toNumber(seconds) : yield* rt.now();
          return formatTime(args.length > 0 ? rt.text(format) : "%c", at);
        });
      default: // systime
        return sleepAll(values, () => rt.now());
    }
  }

  /** A pattern argument: a regex literal, or text that is one. */
  private pattern(e: Expr): { readonly source: Evaluation; regex(source: Value): Regex } {
    if (e.type === "regex") {
      const regex = this.regex(e.source);
      return { source: now(() => undefined), regex: () => regex };
    }
    const dynamic = new DynamicRegex(this.rt);
    return { source: this.expression(e), regex: (source) => dynamic.get(this.rt.text(source)) };
  }

  private matchFunction(args: readonly Expr[]): Evaluation {
    const { rt } = this;
    const pattern = this.pattern(args[1] as Expr);
    return map2(this.expression(args[0] as Expr), pattern.source, (v, source) => {
      const match = pattern.regex(source).exec(rt.text(v));
      const start = match === undefined ? 0 : match.start + 1;
      rt.setGlobal("RSTART", start);
      rt.setGlobal("RLENGTH", match === undefined ? -1 : match.end - match.start);
      return start;
    });
  }

  private substitution(args: readonly Expr[], all: boolean): Evaluation {
    const { rt } = this;
    const pattern = this.pattern(args[0] as Expr);
    const given = args[2] ?? ({ type: "field", index: { type: "number", value: 0 } } as const);
    const target = given.type === "group" ? given.operand : given;
    const replacement = this.expression(args[1] as Expr);
    if (target.type !== "var" && target.type !== "field" && target.type !== "element") {
      return mapAll(
        [pattern.source, replacement, this.expression(target)],
        ([source, text, v]) => replaceMatches(rt, rt.text(v), pattern.regex(source), rt.text(text), all).count,
      );
    }
    const place = this.place(target);
    return mapAll([pattern.source, replacement, place.keys], ([source, text, key]) => {
      const done = replaceMatches(rt, rt.text(place.get(key)), pattern.regex(source), rt.text(text), all);
      if (done.count > 0) place.set(key, done.text);
      return done.count;
    });
  }

  private getline(e: Expr & { type: "getline" }): Evaluation {
    const { rt } = this;
    const place = e.target === undefined ? undefined : this.place(e.target);
    const source = e.source === undefined ? undefined : this.expression(e.source);
    const { from } = e;
    return later(function* () {
      let record: string | undefined;
      if (from === "input" || source === undefined) record = yield* rt.nextRecord();
      else {
        const reader = yield* rt.streams.reader(from, rt.text(yield* value(source)));
        if (reader === undefined) return -1;
        record = yield* reader.next(rt.recordSeparator);
        if (record !== undefined && from === "command") rt.nr = toNumber(rt.nr) + 1;
      }
      if (record === undefined) return 0;
      if (place === undefined) rt.setRecord(record);
      else place.set(yield* value(place.keys), new StrNum(record));
      return 1;
    });
  }
}

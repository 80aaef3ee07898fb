/**
 * bc(1): GNU bc 1.07, and busybox bc: a calculator of any precision. `../bc/` has the numbers and the parser.
 * Left out: -s and -w (warnings about extensions), history; arrays are handed to functions by value of their elements.
 * Differs from Linux: the `adr` of run time errors is always 3, for there is no byte code.
 */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import * as N from "../bc/number.ts";
import { BcSyntaxError, type Node, type Parameter, parseBc, type Statement } from "../bc/parser.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { isatty } from "../libc/stdio.ts";
import { readFile } from "../libc/unistd.ts";

const usage = `bc [options] [file ...]
  -h  --help         show this help and exit
  -i  --interactive  interactive, whatever standard input is
  -l  --mathlib      with the functions s c a l e j, and scale 20
  -q  --quiet        without the banner
  -v  --version      show the version and exit`;
const busyboxUsage = `bc [-sqlw] [FILE]...

Arbitrary precision calculator

\t-q\tQuiet
\t-l\tLoad standard math library
\t-s\tBe POSIX compatible
\t-w\tWarn if extensions are used`;
const BANNER = `bc 1.07.1
Copyright 1991-1994, 1997, 1998, 2000, 2004, 2006, 2008, 2012-2017 Free Software Foundation, Inc.
This is free software with ABSOLUTELY NO WARRANTY.
For details type \`warranty'. 
`;

const LINE_LENGTH = 70;
const BASE_MAX = 2147483647;
type Frame = { readonly values: Map<string, N.Num>; readonly arrays: Map<string, Map<number, N.Num>> };
type Signal = "normal" | "break" | "continue" | "return" | "halt";

/** A run time error: the rest of the line is dropped. */
class RuntimeError {
  constructor(readonly message: string) {}
}

class Calculator {
  private scale = 0;
  private ibase = 10;
  private obase = 10;
  private last = N.ZERO;
  private column = 0;
  private steps = 0;
  private result = N.ZERO;
  private readonly global: Frame = { values: new Map(), arrays: new Map() };
  private readonly frames: Frame[] = [];
  private readonly functions = new Map<string, Statement & { type: "define" }>();
  private functionName = "(main)";

  constructor(
    private readonly c: Command,
    private readonly mathlib: boolean,
  ) {
    if (mathlib) this.scale = 20;
  }

  /** Runs the statements of some lines. Returns false at `halt` and `quit`. */
  *run(statements: readonly Statement[]): Proc<boolean> {
    for (const statement of statements) {
      try {
        if ((yield* this.statement(statement)) === "halt") return false;
      } catch (e) {
        if (!(e instanceof RuntimeError) && !(e instanceof N.MathError)) throw e;
        this.frames.length = 0;
        yield* this.c.stdout.flush();
        if (this.c.voice === "busybox") {
          yield* this.c.warn(e.message.toLowerCase());
          throw new Exit(1);
        }
        yield* this.c.eprint(`Runtime error (func=${this.functionName}, adr=3): ${e.message}\n`);
        this.functionName = "(main)";
        return true;
      }
    }
    return true;
  }

  private *tick(): Proc<void> {
    if (++this.steps % 200 === 0) yield* this.c.sys.spend(200 * 300);
  }

  private *statement(s: Statement): Proc<Signal> {
    yield* this.tick();
    switch (s.type) {
      case "expression":
        yield* this.expressionStatement(s.value);
        return "normal";
      case "print":
        for (const v of s.values) yield* v.type === "string" ? this.write(printEscapes(v.text)) : this.printNumber(yield* this.value(v));
        return "normal";
      case "block":
        for (const one of s.body) {
          const signal = yield* this.statement(one);
          if (signal !== "normal") return signal;
        }
        return "normal";
      case "if":
        if ((yield* this.value(s.test)).n !== 0n) return yield* this.statement(s.yes);
        return s.no === undefined ? "normal" : yield* this.statement(s.no);
      case "while":
        return yield* this.loop(s.test, undefined, s.body);
      case "for":
        if (s.init !== undefined) yield* this.value(s.init);
        return yield* this.loop(s.test, s.step, s.body);
      case "return":
        this.result = s.value === undefined ? N.ZERO : yield* this.value(s.value);
        return "return";
      case "define":
        this.functions.set(s.name, s);
        return "normal";
      case "quit":
        return "halt";
      default:
        return s.type;
    }
  }

  private *loop(test: Node | undefined, step: Node | undefined, body: Statement): Proc<Signal> {
    while (test === undefined || (yield* this.value(test)).n !== 0n) {
      const signal = yield* this.statement(body);
      if (signal === "break") return "normal";
      if (signal === "return" || signal === "halt") return signal;
      if (step !== undefined) yield* this.value(step);
      yield* this.tick();
    }
    return "normal";
  }

  private *expressionStatement(e: Node): Proc<void> {
    if (e.type === "string") {
      yield* this.write(e.text);
      return;
    }
    const v = yield* this.value(e);
    if (e.type === "assign") return;
    // A void function prints nothing of its own.
    this.last = v;
    yield* this.printNumber(v);
    yield* this.write("\n");
  }

  /** Long numbers are broken with a backslash. */
  private *printNumber(v: N.Num): Proc<void> {
    const text = N.formatNum(v, this.obase);
    let out = "";
    for (const ch of text) {
      if (this.column === LINE_LENGTH - 2) {
        out += "\\\n";
        this.column = 0;
      }
      out += ch;
      this.column++;
    }
    yield* this.c.print(out);
  }

  private *write(text: string): Proc<void> {
    const newline = text.lastIndexOf("\n");
    this.column = newline < 0 ? this.column + text.length : text.length - newline - 1;
    yield* this.c.print(text);
  }

  // ── Values ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *value(e: Node): Proc<N.Num> {
    switch (e.type) {
      case "number":
        return N.parseNum(e.text, this.ibase);
      case "string":
      case "array":
        throw new RuntimeError("illegal value");
      case "name":
      case "element":
        return (yield* this.place(e)).get();
      case "group":
        return yield* this.value(e.operand);
      case "assign": {
        const place = yield* this.place(e.target);
        const right = yield* this.value(e.value);
        const v = e.operator === "" ? right : this.compute(e.operator, place.get(), right);
        place.set(v);
        return place.get();
      }
      case "increment": {
        const place = yield* this.place(e.target);
        const before = place.get();
        place.set(N.add(before, N.num(e.delta)));
        return e.prefix ? place.get() : before;
      }
      case "unary": {
        const v = yield* this.value(e.operand);
        return e.operator === "-" ? N.negate(v) : v.n === 0n ? N.ONE : N.ZERO;
      }
      case "binary":
        if (e.operator === "&&" || e.operator === "||") {
          const left = (yield* this.value(e.left)).n !== 0n;
          const right = (yield* this.value(e.right)).n !== 0n;
          return (e.operator === "&&" ? left && right : left || right) ? N.ONE : N.ZERO;
        }
        return this.compute(e.operator, yield* this.value(e.left), yield* this.value(e.right));
      case "call":
        return yield* this.call(e.name, e.args);
    }
  }

  private compute(operator: string, a: N.Num, b: N.Num): N.Num {
    const order = N.compareNum;
    const truth = (yes: boolean): N.Num => (yes ? N.ONE : N.ZERO);
    switch (operator) {
      case "+":
        return N.add(a, b);
      case "-":
        return N.subtract(a, b);
      case "*":
        return N.multiply(a, b, this.scale);
      case "/":
        return N.divide(a, b, this.scale);
      case "%":
        return N.modulo(a, b, this.scale);
      case "^":
        return N.power(a, Number(N.rescale(b, 0).n), this.scale);
      case "==":
        return truth(order(a, b) === 0);
      case "!=":
        return truth(order(a, b) !== 0);
      case "<":
        return truth(order(a, b) < 0);
      case "<=":
        return truth(order(a, b) <= 0);
      case ">":
        return truth(order(a, b) > 0);
      default:
        return truth(order(a, b) >= 0);
    }
  }

  private frameOf(name: string, kind: "values" | "arrays"): Frame {
    const frame = this.frames.at(-1);
    return frame?.[kind].has(name) ? frame : this.global;
  }

  private *place(e: Node): Proc<{ get(): N.Num; set(v: N.Num): void }> {
    if (e.type === "element") {
      const index = Number(N.rescale(yield* this.value(e.index), 0).n);
      if (index < 0 || index > 16777215) throw new RuntimeError(`Array ${e.name} subscript out of bounds.`);
      const { arrays } = this.frameOf(e.name, "arrays");
      let array = arrays.get(e.name);
      if (array === undefined) arrays.set(e.name, (array = new Map()));
      const found = array;
      return { get: () => found.get(index) ?? N.ZERO, set: (v) => void found.set(index, v) };
    }
    if (e.type !== "name") throw new RuntimeError("illegal value");
    const { text } = e;
    switch (text) {
      case "scale":
      case "ibase":
      case "obase": {
        const [least, most] = text === "scale" ? [0, BASE_MAX] : text === "ibase" ? [2, 16] : [2, BASE_MAX];
        return {
          get: () => N.num(this[text]),
          set: (v) => {
            this[text] = Math.min(Math.max(Number(N.rescale(v, 0).n), least), most);
          },
        };
      }
      case "last":
        return { get: () => this.last, set: (v) => void (this.last = v) };
      default: {
        const { values } = this.frameOf(text, "values");
        return { get: () => values.get(text) ?? N.ZERO, set: (v) => void values.set(text, v) };
      }
    }
  }

  private *call(name: string, args: readonly Node[]): Proc<N.Num> {
    yield* this.tick();
    const first = args[0];
    const defined = this.functions.get(name);
    if (defined === undefined && first !== undefined) {
      if (name === "length" && first.type === "array") return N.num(this.frameOf(first.name, "arrays").arrays.get(first.name)?.size ?? 0);
      const builtin = yield* this.builtin(name, args);
      if (builtin !== undefined) return builtin;
    }
    if (name === "read" && args.length === 0) {
      const line = yield* this.c.stdin.readLine();
      return line === undefined ? N.ZERO : N.parseNum(line.trim().replace(/^-/, "") || "0", this.ibase);
    }
    if (defined === undefined) throw new RuntimeError(`Function ${name} not defined.`);
    return yield* this.userFunction(defined, args);
  }

  private *builtin(name: string, args: readonly Node[]): Proc<N.Num | undefined> {
    const { scale } = this;
    const library = this.mathlib && /^[scalej]$/.test(name);
    if (!library && !["length", "sqrt", "scale"].includes(name)) return undefined;
    const v = yield* this.value(args[0] as Node);
    if (library) yield* this.c.sys.spend(20_000 + scale * scale * 50);
    switch (name) {
      case "length":
        return N.num(N.digitCount(v));
      case "scale":
        return N.num(v.scale);
      case "sqrt":
        return N.squareRoot(v, scale);
      case "s":
        return N.sine(v, scale);
      case "c":
        return N.sine(v, scale, true);
      case "a":
        return N.arctangent(v, scale);
      case "l":
        return N.logarithm(v, scale);
      case "e":
        return N.exponential(v, scale);
      default:
        return N.bessel(Number(N.rescale(v, 0).n), yield* this.value(args[1] as Node), scale);
    }
  }

  private *userFunction(f: Statement & { type: "define" }, args: readonly Node[]): Proc<N.Num> {
    if (args.length !== f.parameters.length) throw new RuntimeError("Parameter number mismatch");
    if (this.frames.length > 1000) throw new RuntimeError("stack overflow");
    const frame: Frame = { values: new Map(), arrays: new Map() };
    const local = (p: Parameter): void => {
      if (p.isArray) frame.arrays.set(p.name, new Map());
      else frame.values.set(p.name, N.ZERO);
    };
    for (const p of f.locals) local(p);
    for (const [i, p] of f.parameters.entries()) {
      const arg = args[i] as Node;
      if (p.isArray && arg.type === "array") frame.arrays.set(p.name, new Map(this.frameOf(arg.name, "arrays").arrays.get(arg.name)));
      else frame.values.set(p.name, yield* this.value(arg));
    }
    const outer = this.functionName;
    this.functionName = f.name;
    this.frames.push(frame);
    this.result = N.ZERO;
    const signal = yield* this.statement(f.body);
    this.frames.pop();
    this.functionName = outer;
    if (signal === "halt") throw new Exit(0);
    return this.result;
  }
}

function printEscapes(text: string): string {
  const known: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", q: '"', r: "\r", t: "\t", "\\": "\\" };
  return text.replace(/\\(.)/g, (all, ch: string) => known[ch] ?? all);
}

/** Gives lines to the calculator as soon as they make whole statements. */
class Session {
  private pending = "";
  private line = 1;
  private first = 1;

  constructor(
    private readonly c: Command,
    private readonly calculator: Calculator,
    private readonly name: string,
  ) {}

  /** Returns false at `halt` and `quit`. */
  *feed(text: string, isEnd: boolean): Proc<boolean> {
    if (this.pending === "") this.first = this.line;
    this.pending += text;
    this.line++;
    let statements: Statement[];
    try {
      statements = parseBc(this.pending, this.first);
    } catch (e) {
      if (!(e instanceof BcSyntaxError)) throw e;
      if (e.incomplete && !isEnd && /[{"\\]|\/\*|\b(?:define|if|for|while)\b/.test(this.pending)) return true;
      this.pending = "";
      yield* this.c.stdout.flush();
      yield* this.c.eprint(`${this.name} ${e.line}: syntax error\n`);
      return true;
    }
    this.pending = "";
    // quit takes effect as soon as it is read, even where it would not be reached.
    const quit = statements.findIndex((s) => s.type === "quit");
    return yield* this.calculator.run(quit < 0 ? statements : statements.slice(quit));
  }
}

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: c.voice === "gnu" ? "hilqv" : "sqlw",
    long: [
      { name: "interactive", as: "i" },
      { name: "mathlib", as: "l" },
      { name: "quiet", as: "q" },
      { name: "version", as: "v" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("v")) {
    yield* c.print(BANNER.split("\n").slice(0, 2).join("\n").concat("\n"));
    return 0;
  }
  const calculator = new Calculator(c, has("l"));
  for (const name of operands) {
    let text: string;
    try {
      text = decodeUtf8(yield* readFile(c.sys, name));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.eprint(c.voice === "gnu" ? `File ${name} is unavailable.\n` : `${c.name}: can't open '${name}': ${e.message}\n`);
      return 1;
    }
    const session = new Session(c, calculator, name);
    for (const line of text.split(/(?<=\n)/)) if (!(yield* session.feed(line, false))) return 0;
    if (!(yield* session.feed("", true))) return 0;
  }
  if (c.voice === "gnu" && !has("q") && ((yield* isatty(c.sys, 0)) || has("i"))) yield* c.print(BANNER);
  const session = new Session(c, calculator, "(standard_in)");
  for (;;) {
    yield* c.stdout.flush();
    const line = yield* c.stdin.readLine();
    if (line === undefined) break;
    if (!(yield* session.feed(`${line}\n`, false))) return 0;
  }
  yield* session.feed("", true);
  return 0;
}

export const bc: Executable = {
  name: "bc",
  paths: ["/usr/bin/bc"],
  needed: ["libreadline.so.8", "libc.so.6", "libtinfo.so.6"],
  sizeBytes: 96968,
  applet: "/usr/bin/bc",
  main: command({ help: help(usage, busyboxUsage) }, function* (c) {
    try {
      return yield* run(c);
    } catch (e) {
      if (!(e instanceof UsageError) || c.voice !== "gnu") throw e;
      yield* c.warn(e.message);
      yield* c.eprint(`Usage: ${usage}\n`);
      return 1;
    }
  }),
};

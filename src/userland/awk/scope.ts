/** Which names are arrays: found from how they are used, through calls as well, before the program is compiled. */

import type { Expr, FunctionDefinition, LValue, ProgramTree, Stmt } from "./ast.ts";

export class Scope {
  readonly globalArrays = new Set<string>(["ENVIRON", "ARGV"]);
  /** By function: which parameters are arrays. */
  readonly arrayParameters = new Map<string, boolean[]>();
  private changed = true;
  private current: FunctionDefinition | undefined;

  constructor(program: ProgramTree) {
    for (const f of program.functions.values())
      this.arrayParameters.set(
        f.name,
        f.parameters.map(() => false),
      );
    while (this.changed) {
      this.changed = false;
      for (const f of program.functions.values()) {
        this.current = f;
        this.stmt(f.body);
      }
      this.current = undefined;
      for (const rule of program.rules) {
        if (rule.pattern.type === "when") this.expr(rule.pattern.test);
        if (rule.pattern.type === "range") {
          this.expr(rule.pattern.from);
          this.expr(rule.pattern.to);
        }
        if (rule.action !== undefined) this.stmt(rule.action);
      }
    }
  }

  isArray(name: string, within: FunctionDefinition | undefined): boolean {
    const at = within?.parameters.indexOf(name) ?? -1;
    if (within !== undefined && at >= 0) return this.arrayParameters.get(within.name)?.[at] ?? false;
    return this.globalArrays.has(name);
  }

  private mark(name: string): void {
    if (this.isArray(name, this.current)) return;
    const at = this.current?.parameters.indexOf(name) ?? -1;
    if (this.current !== undefined && at >= 0) (this.arrayParameters.get(this.current.name) as boolean[])[at] = true;
    else this.globalArrays.add(name);
    this.changed = true;
  }

  private exprs(list: readonly (Expr | undefined)[]): void {
    for (const e of list) if (e !== undefined) this.expr(e);
  }

  private lvalue(target: LValue | undefined): void {
    if (target !== undefined) this.expr(target);
  }

  private expr(e: Expr): void {
    switch (e.type) {
      case "field":
        return this.expr(e.index);
      case "element":
        this.mark(e.name);
        return this.exprs(e.subscripts);
      case "assign":
        this.lvalue(e.target);
        return this.expr(e.value);
      case "increment":
        return this.lvalue(e.target);
      case "cond":
        return this.exprs([e.test, e.yes, e.no]);
      case "and":
      case "or":
      case "binary":
      case "match":
        return this.exprs([e.left, e.right]);
      case "not":
      case "negate":
      case "plus":
        return this.expr(e.operand);
      case "group":
        return this.expr(e.operand);
      case "in":
        this.mark(e.name);
        return this.exprs(e.subscripts);
      case "call":
        return this.call(e.name, e.args);
      case "builtin":
        if (e.name === "split" && e.args[1]?.type === "var") this.mark(e.args[1].name);
        return this.exprs(e.args);
      case "getline":
        this.exprs([e.source]);
        return this.lvalue(e.target);
      default:
        return;
    }
  }

  /** A bare name passed on is an array if the parameter is, and makes the parameter one if it is an array itself. */
  private call(name: string, args: readonly Expr[]): void {
    const flags = this.arrayParameters.get(name) ?? [];
    args.forEach((arg, i) => {
      if (arg.type === "var") {
        if (flags[i]) this.mark(arg.name);
        else if (this.isArray(arg.name, this.current) && i < flags.length) {
          flags[i] = true;
          this.changed = true;
        }
      } else this.expr(arg);
    });
  }

  private stmt(s: Stmt | undefined): void {
    if (s === undefined) return;
    switch (s.type) {
      case "block":
        for (const one of s.body) this.stmt(one);
        return;
      case "expr":
        return this.expr(s.expr);
      case "print":
      case "printf":
        return this.exprs([...s.args, s.to]);
      case "if":
        this.expr(s.test);
        this.stmt(s.yes);
        return this.stmt(s.no);
      case "while":
      case "do":
        this.expr(s.test);
        return this.stmt(s.body);
      case "for":
        this.stmt(s.init);
        this.exprs([s.test]);
        this.stmt(s.step);
        return this.stmt(s.body);
      case "forIn":
        this.mark(s.name);
        this.lvalue(s.variable);
        return this.stmt(s.body);
      case "exit":
      case "return":
        return this.exprs([s.value]);
      case "delete":
        this.mark(s.name);
        return this.exprs(s.subscripts ?? []);
      default:
        return;
    }
  }
}

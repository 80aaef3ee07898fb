/** Statements, rules and the main loop: the compiled program. */

import type { Proc } from "../../abi/sys.ts";
import type { Expr, ProgramTree, Redirect, Stmt } from "./ast.ts";
import { keysInOrder } from "./builtins.ts";
import { ExpressionCompiler } from "./compile.ts";
import {
  type Action,
  BREAK,
  CONTINUE,
  EXIT,
  type Evaluation,
  Leave,
  NEXT,
  NEXTFILE,
  NORMAL,
  RETURN,
  type Signal,
  value,
} from "./evaluate.ts";
import type { Runtime } from "./runtime.ts";
import { toBoolean, toNumber, type Value } from "./value.ts";

const STEPS_PER_SPEND = 500;
const STEP_NS = 120;

interface CompiledRule {
  readonly test: Evaluation | undefined;
  readonly until: Evaluation | undefined;
  readonly action: Action;
  inRange: boolean;
}

const done = (run: () => Signal): Action => ({ sync: true, run });
const slow = (run: () => Proc<Signal>): Action => ({ sync: false, run });

function* perform(a: Action): Proc<Signal> {
  return a.sync ? a.run() : yield* a.run();
}

export class CompiledProgram extends ExpressionCompiler {
  private readonly begin: Action[] = [];
  private readonly end: Action[] = [];
  private readonly rules: CompiledRule[] = [];
  private steps = 0;

  /** Errors: AwkSyntaxError, RegexError. */
  constructor(rt: Runtime, program: ProgramTree) {
    super(rt, program);
    for (const f of this.functions.values()) {
      this.within = f.definition;
      const body = this.statement(f.definition.body);
      f.sync = body.sync;
      if (body.sync) f.run = body.run;
      else f.runSlowly = body.run;
    }
    this.within = undefined;
    for (const rule of program.rules) {
      const action = rule.action === undefined ? this.printRecord() : this.statement(rule.action);
      const { pattern } = rule;
      if (pattern.type === "BEGIN") this.begin.push(action);
      else if (pattern.type === "END") this.end.push(action);
      else {
        const test = pattern.type === "when" ? pattern.test : pattern.type === "range" ? pattern.from : undefined;
        this.rules.push({
          test: test === undefined ? undefined : this.expression(test),
          until: pattern.type === "range" ? this.expression(pattern.to) : undefined,
          action,
          inRange: false,
        });
      }
    }
  }

  /** Runs the whole program. Returns the exit status. */
  *run(): Proc<number> {
    let signal: Signal = NORMAL;
    for (const action of this.begin) {
      signal = yield* this.guarded(action);
      if (signal === EXIT) break;
    }
    if (signal !== EXIT && (this.rules.length > 0 || this.end.length > 0)) signal = yield* this.mainLoop();
    if (signal !== EXIT || this.end.length > 0) {
      for (const action of this.end) if ((yield* this.guarded(action)) === EXIT) break;
    }
    return this.rt.exitStatus;
  }

  private *guarded(action: Action): Proc<Signal> {
    try {
      return yield* perform(action);
    } catch (e) {
      if (e instanceof Leave) return e.signal;
      throw e;
    }
  }

  private *mainLoop(): Proc<Signal> {
    const { rt } = this;
    const allSync = this.rules.every((r) => r.action.sync && (r.test?.sync ?? true) && (r.until?.sync ?? true));
    for (;;) {
      const record = rt.bufferedRecord() ?? (yield* rt.nextRecord());
      if (record === undefined) return NORMAL;
      rt.setRecord(record);
      let signal: Signal;
      try {
        signal = allSync ? this.recordNow() : yield* this.recordSlowly();
      } catch (e) {
        if (!(e instanceof Leave)) throw e;
        signal = e.signal;
      }
      if (signal === EXIT) return EXIT;
      if (signal === NEXTFILE) yield* rt.closeMain();
      if (rt.streams.isFull) yield* rt.streams.drain();
      if (++this.steps >= STEPS_PER_SPEND) yield* this.spend();
    }
  }

  private *spend(): Proc<void> {
    this.steps = 0;
    yield* this.rt.c.sys.spend(STEPS_PER_SPEND * STEP_NS);
    if (this.rt.streams.isFull) yield* this.rt.streams.drain();
  }

  private recordNow(): Signal {
    for (const rule of this.rules) {
      if (rule.until !== undefined) {
        if (!rule.inRange && !toBoolean((rule.test as Evaluation & { sync: true }).run())) continue;
        rule.inRange = !toBoolean((rule.until as Evaluation & { sync: true }).run());
      } else if (rule.test !== undefined && !toBoolean((rule.test as Evaluation & { sync: true }).run())) continue;
      const signal = (rule.action as Action & { sync: true }).run();
      if (signal !== NORMAL) return signal;
    }
    return NORMAL;
  }

  private *recordSlowly(): Proc<Signal> {
    for (const rule of this.rules) {
      if (rule.until !== undefined) {
        if (!rule.inRange && !toBoolean(yield* value(rule.test as Evaluation))) continue;
        rule.inRange = !toBoolean(yield* value(rule.until));
      } else if (rule.test !== undefined && !toBoolean(yield* value(rule.test))) continue;
      const signal = yield* perform(rule.action);
      if (signal !== NORMAL) return signal;
    }
    return NORMAL;
  }

  // ── Statements ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private printRecord(): Action {
    const { rt } = this;
    return done(() => {
      rt.streams.print(rt.text(rt.getField(0)) + rt.ors);
      return NORMAL;
    });
  }

  private statement(s: Stmt): Action {
    switch (s.type) {
      case "block":
        return this.block(s.body);
      case "expr":
        return this.effect(this.expression(s.expr), () => NORMAL);
      case "print":
      case "printf":
        return this.print(s);
      case "if":
        return this.conditionalAction(s.test, s.yes, s.no);
      case "while":
      case "do":
        return this.loop(undefined, s.test, undefined, s.body, s.type === "do");
      case "for":
        return this.loop(s.init, s.test, s.step, s.body, false);
      case "forIn":
        return this.forIn(s);
      case "break":
        return done(() => BREAK);
      case "continue":
        return done(() => CONTINUE);
      case "next":
        return done(() => NEXT);
      case "nextfile":
        return done(() => NEXTFILE);
      case "exit": {
        if (s.value === undefined) return done(() => EXIT);
        return this.effect(this.expression(s.value), (v) => {
          this.rt.exitStatus = Math.trunc(toNumber(v)) & 0xff;
          return EXIT;
        });
      }
      case "return":
        if (s.value === undefined) return done(() => RETURN);
        return this.effect(this.expression(s.value), (v) => {
          this.rt.returnValue = v;
          return RETURN;
        });
      case "delete": {
        const array = this.array(s.name);
        if (s.subscripts === undefined) {
          return done(() => {
            array().clear();
            return NORMAL;
          });
        }
        return this.effect(this.key(s.subscripts), (key) => {
          array().delete(key as string);
          return NORMAL;
        });
      }
    }
  }

  private effect(e: Evaluation, then: (v: Value) => Signal): Action {
    if (e.sync) {
      const run = e.run;
      return done(() => then(run()));
    }
    return slow(function* () {
      return then(yield* e.run());
    });
  }

  private block(body: readonly Stmt[]): Action {
    const actions = body.map((one) => this.statement(one));
    const only = actions[0];
    if (actions.length === 1 && only !== undefined) return only;
    if (actions.every((a) => a.sync)) {
      const runs = actions.map((a) => a.run as () => Signal);
      return done(() => {
        for (const run of runs) {
          const signal = run();
          if (signal !== NORMAL) return signal;
        }
        return NORMAL;
      });
    }
    return slow(function* () {
      for (const action of actions) {
        const signal = yield* perform(action);
        if (signal !== NORMAL) return signal;
      }
      return NORMAL;
    });
  }

  private conditionalAction(test: Expr, yes: Stmt, no: Stmt | undefined): Action {
    const t = this.expression(test);
    const y = this.statement(yes);
    const n = no === undefined ? done(() => NORMAL) : this.statement(no);
    if (t.sync && y.sync && n.sync) {
      const [a, b, c] = [t.run, y.run, n.run];
      return done(() => (toBoolean(a()) ? b() : c()));
    }
    return slow(function* () {
      return yield* perform(toBoolean(yield* value(t)) ? y : n);
    });
  }

  /** A loop always may sleep: it spends time, so that it can be preempted. */
  private loop(init: Stmt | undefined, test: Expr | undefined, step: Stmt | undefined, body: Stmt, bodyFirst: boolean): Action {
    const first = init === undefined ? undefined : this.statement(init);
    const t = test === undefined ? undefined : this.expression(test);
    const after = step === undefined ? undefined : this.statement(step);
    const b = this.statement(body);
    const self = this;
    return slow(function* () {
      if (first !== undefined) yield* perform(first);
      for (let skipTest = bodyFirst; ; skipTest = false) {
        if (!skipTest && t !== undefined && !toBoolean(t.sync ? t.run() : yield* t.run())) return NORMAL;
        const signal = b.sync ? b.run() : yield* b.run();
        if (signal === BREAK) return NORMAL;
        if (signal > CONTINUE) return signal;
        if (after !== undefined) {
          if (after.sync) after.run();
          else yield* after.run();
        }
        if (++self.steps >= STEPS_PER_SPEND) yield* self.spend();
      }
    });
  }

  private forIn(s: Stmt & { type: "forIn" }): Action {
    const place = this.place(s.variable);
    const array = this.array(s.name);
    const b = this.statement(s.body);
    const { rt } = this;
    const self = this;
    return slow(function* () {
      for (const key of keysInOrder(rt, array())) {
        place.set(yield* value(place.keys), key);
        const signal = b.sync ? b.run() : yield* b.run();
        if (signal === BREAK) return NORMAL;
        if (signal > CONTINUE) return signal;
        if (++self.steps >= STEPS_PER_SPEND) yield* self.spend();
      }
      return NORMAL;
    });
  }

  private print(s: Stmt & { type: "print" | "printf" }): Action {
    const { rt } = this;
    const args = s.args.map((a) => this.expression(a));
    const text = (values: readonly Value[]): string => {
      if (s.type === "printf") return rt.format(values, "printf");
      if (args.length === 0) return rt.text(rt.getField(0)) + rt.ors;
      if (values.length === 1) return rt.outputText(values[0]) + rt.ors;
      return values.map((v) => rt.outputText(v)).join(rt.ofs) + rt.ors;
    };
    if (s.redirect !== undefined && s.to !== undefined) return this.printTo(args, text, s.redirect, this.expression(s.to));
    if (args.every((a) => a.sync)) {
      const runs = args.map((a) => a.run as () => Value);
      const only = runs[0];
      if (runs.length === 1 && only !== undefined && s.type === "print") {
        return done(() => {
          rt.streams.print(rt.outputText(only()) + rt.ors);
          return NORMAL;
        });
      }
      return done(() => {
        rt.streams.print(text(runs.map((run) => run())));
        return NORMAL;
      });
    }
    return slow(function* () {
      const values: Value[] = [];
      for (const a of args) values.push(yield* value(a));
      rt.streams.print(text(values));
      return NORMAL;
    });
  }

  private printTo(args: readonly Evaluation[], text: (values: readonly Value[]) => string, redirect: Redirect, to: Evaluation): Action {
    const { rt } = this;
    return slow(function* () {
      const values: Value[] = [];
      for (const a of args) values.push(yield* value(a));
      const made = text(values);
      yield* rt.streams.printTo(redirect, rt.text(yield* value(to)), made);
      return NORMAL;
    });
  }
}

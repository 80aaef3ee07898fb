/** Running a template. Go `text/template/exec.go`. */

import { lineOf, TemplateError } from "./lex.ts";
import { type Command, type Operand, operandText, type Pipeline, type Template, type TemplateNode } from "./parse.ts";
import { type GoValue, GoFloat, GoStruct, isTrue, printValue, sortedEntries, typeName } from "./value.ts";

/** A function of the template language. */
export interface TemplateFunction {
  /** What each parameter takes; the last stands for all further ones where the function is variadic. */
  readonly parameters: readonly ("any" | "string" | "int" | "[]string")[];
  readonly variadic: boolean;
  /** Errors: Error, whose message is told with the call's place. */
  readonly run: (...args: readonly (GoValue | undefined)[]) => GoValue;
}

/** Nesting of `{{template}}` that Go allows is 100,000; the stack here is smaller. */
const MAX_DEPTH = 500;

type Flow = "go on" | "break" | "continue";

/** The text that `template` makes of `data`. Errors: TemplateError. */
export function executeTemplate(template: Template, data: GoValue, functions: ReadonlyMap<string, TemplateFunction>): string {
  const execution = new Execution(template, functions, 0);
  execution.run(data);
  return execution.output;
}

class Execution {
  output = "";
  private readonly variables: [name: string, value: GoValue | undefined][] = [];

  constructor(
    private readonly template: Template,
    private readonly functions: ReadonlyMap<string, TemplateFunction>,
    private readonly depth: number,
    private readonly nodes: readonly TemplateNode[] = template.nodes,
  ) {}

  run(data: GoValue | undefined): void {
    this.variables.push(["$", data]);
    this.walkAll(data, this.nodes);
  }

  private fail(at: number, context: string, message: string): never {
    const { source } = this.template;
    const column = at - (source.lastIndexOf("\n", at - 1) + 1);
    throw new TemplateError(`template: :${lineOf(source, at)}:${column}: executing "" at <${context}>: ${message}`);
  }

  private walkAll(dot: GoValue | undefined, nodes: readonly TemplateNode[]): Flow {
    for (const node of nodes) {
      const flow = this.walk(dot, node);
      if (flow !== "go on") return flow;
    }
    return "go on";
  }

  private walk(dot: GoValue | undefined, node: TemplateNode): Flow {
    switch (node.kind) {
      case "text":
        this.output += node.text;
        return "go on";
      case "action": {
        const value = this.evaluate(dot, node.pipeline);
        if (node.pipeline.declares.length === 0) this.output += printValue(value);
        return "go on";
      }
      case "if":
      case "with":
        return this.scoped(() => {
          const value = this.evaluate(dot, node.pipeline);
          if (!isTrue(value)) return this.walkAll(dot, node.otherwise);
          return this.walkAll(node.kind === "with" ? value : dot, node.body);
        });
      case "range":
        return this.scoped(() => this.range(dot, node));
      case "template": {
        const nodes = this.template.defined.get(node.name);
        if (nodes === undefined)
          this.fail(node.at, `{{template ${JSON.stringify(node.name)}}}`, `template ${JSON.stringify(node.name)} not defined`);
        if (this.depth >= MAX_DEPTH)
          this.fail(node.at, `{{template ${JSON.stringify(node.name)}}}`, `exceeded maximum template depth (${MAX_DEPTH})`);
        const inner = new Execution(this.template, this.functions, this.depth + 1, nodes);
        inner.run(node.pipeline === undefined ? null : this.evaluate(dot, node.pipeline));
        this.output += inner.output;
        return "go on";
      }
      case "break":
      case "continue":
        return node.kind;
    }
  }

  private scoped(run: () => Flow): Flow {
    const mark = this.variables.length;
    const flow = run();
    this.variables.length = mark;
    return flow;
  }

  private range(dot: GoValue | undefined, node: TemplateNode & { kind: "if" | "with" | "range" }): Flow {
    const { pipeline, body, otherwise } = node;
    const value = this.evaluate(dot, pipeline, false);
    const items = this.itemsOf(value, pipeline);
    if (items.length === 0) return this.walkAll(dot, otherwise);
    const [first, second] = pipeline.declares;
    for (const [key, item] of items) {
      const mark = this.variables.length;
      if (first !== undefined) this.setVariable(first, second === undefined ? item : key, pipeline.assigns, pipeline.at);
      if (second !== undefined) this.setVariable(second, item, pipeline.assigns, pipeline.at);
      const flow = this.walkAll(item, body);
      this.variables.length = mark;
      if (flow === "break") break;
    }
    return "go on";
  }

  private itemsOf(value: GoValue | undefined, pipeline: Pipeline): readonly (readonly [GoValue, GoValue])[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value.map((item: GoValue, i) => [i, item] as const);
    if (value instanceof Map) return sortedEntries(value);
    if (typeof value === "number") return Array.from({ length: Math.max(0, value) }, (_, i) => [i, i] as const);
    return this.fail(pipeline.at, pipelineText(pipeline), `range can't iterate over ${printValue(value)}`);
  }

  private setVariable(name: string, value: GoValue | undefined, assigns: boolean, at: number): void {
    if (!assigns) {
      this.variables.push([name, value]);
      return;
    }
    const found = this.variables.findLast(([other]) => other === name);
    if (found === undefined) this.fail(at, name, `undefined variable: ${name}`);
    found[1] = value;
  }

  private evaluate(dot: GoValue | undefined, pipeline: Pipeline, declare = true): GoValue | undefined {
    let value: GoValue | undefined;
    pipeline.commands.forEach((command, i) => {
      value = i === 0 ? this.command(dot, command, []) : this.command(dot, command, [value]);
    });
    if (declare) for (const name of pipeline.declares) this.setVariable(name, value, pipeline.assigns, pipeline.at);
    return value;
  }

  private command(dot: GoValue | undefined, command: Command, final: readonly (GoValue | undefined)[]): GoValue | undefined {
    const first = command[0] as Operand;
    const rest = command.slice(1);
    if (first.kind === "function") return this.call(dot, command, final);
    if (first.kind === "constant" && first.value === null) this.fail(first.at, "nil", "nil is not a command");
    const called = this.method(dot, first, rest, final);
    if (called !== undefined) return called;
    if (rest.length + final.length > 0) this.refuseArguments(dot, first, rest.length + final.length);
    return this.operand(dot, first);
  }

  /** A method of one argument; undefined where it is none. */
  private method(
    dot: GoValue | undefined,
    first: Operand,
    rest: readonly Operand[],
    final: readonly (GoValue | undefined)[],
  ): GoValue | undefined {
    if (first.kind !== "field") return undefined;
    const name = first.names[first.names.length - 1] ?? "";
    const owner = first.names.length === 1 ? dot : undefined;
    const call = owner instanceof GoStruct && Object.hasOwn(owner.calls, name) ? owner.calls[name] : undefined;
    if (call === undefined) return undefined;
    const args = [...rest.map((operand) => this.argument(dot, operand, "string")), ...final];
    if (args.length !== 1) this.fail(first.at, operandText(first), `wrong number of args for ${name}: want 1 got ${args.length}`);
    return call(args[0] as string);
  }

  private refuseArguments(dot: GoValue | undefined, first: Operand, count: number): never {
    const text = operandText(first);
    if (first.kind !== "field" && first.kind !== "variable") this.fail(first.at, text, `can't give argument to non-function ${text}`);
    const name = first.names[first.names.length - 1];
    if (name === undefined) this.fail(first.at, text, `can't give argument to non-function ${text}`);
    const owner = first.kind === "field" ? this.fields(dot, first.names.slice(0, -1), first) : undefined;
    if (owner instanceof GoStruct && owner.isMethod(name))
      this.fail(first.at, text, `wrong number of args for ${name}: want 0 got ${count}`);
    this.fail(first.at, text, `${name} has arguments but cannot be invoked as function`);
  }

  private operand(dot: GoValue | undefined, operand: Operand): GoValue | undefined {
    switch (operand.kind) {
      case "constant":
        return operand.value;
      case "dot":
        return dot;
      case "field":
        return this.fields(dot, operand.names, operand);
      case "variable":
        return this.fields(this.variables.findLast(([name]) => name === operand.name)?.[1], operand.names, operand);
      case "pipeline":
        return this.fields(this.evaluate(dot, operand.pipeline), operand.names, operand);
      case "function":
        return this.call(dot, [operand], []);
    }
  }

  private fields(start: GoValue | undefined, names: readonly string[], operand: Operand): GoValue | undefined {
    let value = start;
    for (const name of names) value = this.field(value, name, operand);
    return value;
  }

  private field(value: GoValue | undefined, name: string, operand: Operand): GoValue | undefined {
    const { at } = operand;
    const text = operandText(operand);
    if (value === undefined || value === null) this.fail(at, text, `nil data; no entry for key ${JSON.stringify(name)}`);
    if (value instanceof Map) return value.get(name);
    if (value instanceof GoStruct) {
      if (value.has(name)) return value.get(name);
      this.fail(at, text, `can't evaluate field ${name} in type ${value.typeName}`);
    }
    return this.fail(at, text, `can't evaluate field ${name} in type ${typeName(value)}`);
  }

  private call(dot: GoValue | undefined, command: Command, final: readonly (GoValue | undefined)[]): GoValue | undefined {
    const [first, ...operands] = command as readonly [Operand & { kind: "function" }, ...Operand[]];
    const { name, at } = first;
    // These two do not evaluate what they need not.
    if (name === "and" || name === "or") {
      let value: GoValue | undefined;
      for (const operand of operands) {
        value = this.operand(dot, operand);
        if (isTrue(value) === (name === "or")) return value;
      }
      return final.length > 0 ? final[0] : value;
    }
    const { parameters, variadic, run } = this.functions.get(name) as TemplateFunction;
    const count = operands.length + final.length;
    const least = variadic ? parameters.length - 1 : parameters.length;
    if (count < least || (!variadic && count > least))
      this.fail(at, name, `wrong number of args for ${name}: want ${variadic ? "at least " : ""}${least} got ${count}`);
    const parameterOf = (i: number): string => parameters[Math.min(i, parameters.length - 1)] ?? "any";
    const args = operands.map((operand, i) => this.argument(dot, operand, parameterOf(i)));
    final.forEach((value, i) => {
      const want = parameterOf(operands.length + i);
      if (!fits(value, want))
        this.fail(at, command.map(operandText).join(" "), `wrong type for value; expected ${want}; got ${typeName(value)}`);
      args.push(value);
    });
    try {
      return run(...args);
    } catch (e) {
      if (e instanceof TemplateError || !(e instanceof Error)) throw e;
      return this.fail(at, command.map(operandText).join(" "), `error calling ${name}: ${e.message}`);
    }
  }

  private argument(dot: GoValue | undefined, operand: Operand, want: string): GoValue | undefined {
    const value = this.operand(dot, operand);
    if (fits(value, want)) return value;
    const expected = want === "int" ? "integer" : want;
    if (operand.kind === "constant") this.fail(operand.at, operand.text, `expected ${expected}; found ${operand.text}`);
    return this.fail(operand.at, operandText(operand), `wrong type for value; expected ${want}; got ${typeName(value)}`);
  }
}

function fits(value: GoValue | undefined, want: string): boolean {
  switch (want) {
    case "string":
      return typeof value === "string";
    case "int":
      return typeof value === "number" && Number.isInteger(value);
    case "[]string":
      return Array.isArray(value) || value === null;
    default:
      return true;
  }
}

function pipelineText(pipeline: Pipeline): string {
  return pipeline.commands.map((command) => command.map(operandText).join(" ")).join(" | ");
}

/** A number of either kind. */
export function numberOf(value: GoValue | undefined): number | undefined {
  return value instanceof GoFloat ? value.value : typeof value === "number" ? value : undefined;
}

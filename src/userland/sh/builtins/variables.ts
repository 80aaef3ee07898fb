/** declare, typeset, local, export, readonly, unset. */

import type { Proc } from "../../../abi/sys.ts";
import { attributeLetters, declaration, quoteIfNeeded } from "../declarations.ts";
import { assignArray } from "../nodes-simple.ts";
import { type Shell, ShellError } from "../shell.ts";
import { BARE, EXPORT, INTEGER, LOWER, NAMEREF, READONLY, TRACE, UPPER, type Variable } from "../variables.ts";
import { type Builtin, type Call, type CallOptions, has, isName } from "./call.ts";

const FLAG: Readonly<Record<string, number>> = { i: INTEGER, l: LOWER, u: UPPER, n: NAMEREF, r: READONLY, x: EXPORT, t: TRACE };

interface Declared {
  readonly name: string;
  readonly subscript: string | undefined;
  readonly append: boolean;
  readonly value: string | undefined;
}

function split(text: string): Declared | undefined {
  const m = /^([A-Za-z_][A-Za-z0-9_]*)(?:\[((?:[^\]]|\](?!\+?=))*)\])?(?:(\+?)=([\s\S]*))?$/.exec(text);
  if (m === null) return undefined;
  return { name: m[1] as string, subscript: m[2], append: m[3] === "+", value: m[4] };
}

/** Declares one operand: creates the variable where it belongs, sets attributes, assigns. */
function* declareOne(c: Call, index: number, text: string, o: CallOptions, local: boolean): Proc<number> {
  const { sh } = c;
  const array = c.arrays.get(index);
  const d = split(text);
  if (d === undefined) return yield* c.fail(`\`${text}': not a valid identifier`);
  if (local && sh.options.has("noexec")) return 0;
  const global = has(o, "g") && !local;
  const inFunction = sh.functionDepth > 0 && !global && c.name !== "export" && c.name !== "readonly";
  let name = d.name;
  if (!inFunction && !o.letters.some((x) => x.letter === "n")) name = sh.resolve(name);
  const before = sh.vars.find(name);
  if (
    before !== undefined &&
    before.flags & READONLY &&
    (d.value !== undefined || array !== undefined || o.letters.some((x) => x.plus && x.letter === "r"))
  ) {
    if (!(inFunction && !sh.vars.isLocal(name) && !(before.flags & READONLY))) return yield* c.fail(`${name}: readonly variable`);
  }
  const v = inFunction
    ? sh.vars.declareLocal(name, sh.options.shopt("localvar_inherit"))
    : global
      ? sh.vars.declareGlobal(name)
      : sh.vars.writable(name);
  if (has(o, "a") && v.assoc !== undefined) return yield* c.fail(`${name}: cannot convert associative to indexed array`);
  if (has(o, "a") || (array !== undefined && v.assoc === undefined && !has(o, "A"))) toArray(v);
  if (has(o, "A")) {
    if (v.array !== undefined && v.array.length > 0) return yield* c.fail(`${name}: cannot convert indexed to associative array`);
    v.array = undefined;
    v.assoc ??= new Map(v.value === undefined ? [] : [["0", v.value]]);
    v.value = undefined;
  }
  const readonly = o.letters.some((x) => x.letter === "r" && !x.plus) || c.name === "readonly";
  for (const x of o.letters) {
    const flag = FLAG[x.letter] ?? 0;
    if (flag === 0 || flag === READONLY) continue;
    if (x.plus) v.flags &= ~flag;
    else v.flags |= flag;
    if (flag === UPPER && !x.plus) v.flags &= ~LOWER;
    if (flag === LOWER && !x.plus) v.flags &= ~UPPER;
  }
  if (c.name === "export" && !has(o, "n")) v.flags |= EXPORT;
  if (c.name === "export" && has(o, "n")) v.flags &= ~EXPORT;
  if (array === undefined && d.value === undefined && (has(o, "a") || has(o, "A")) && before === undefined) v.flags |= BARE;
  if (array !== undefined) assignArray(sh, name, array.elements, array.append, inFunction);
  else if (d.value !== undefined) assignValue(sh, v, d, has(o, "n") && c.name !== "export");
  else if (sh.options.allexport) v.flags |= EXPORT;
  if (readonly) v.flags |= READONLY;
  sh.vars.changed(v);
  // Also leaving the environment is a change.
  if (c.name === "export" || o.letters.some((x) => x.letter === "x")) sh.vars.forgetEnvironment();
  return 0;
}

function assignValue(sh: Shell, v: Variable, d: Declared, reference: boolean): void {
  const value = d.value as string;
  if (reference || (v.flags & NAMEREF && (v.value === undefined || v.value === ""))) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*(\[.*\])?$/s.test(value))
      throw new ShellError(`declare: \`${value}': invalid variable name for name reference`, 1);
    if (value === v.name) throw new ShellError(`declare: ${value}: nameref variable self references not allowed`, 1);
    v.value = value;
  } else if (d.subscript !== undefined) {
    if (v.assoc === undefined) toArray(v);
    if (v.assoc !== undefined) v.assoc.set(d.subscript, sh.transform(v, value, d.append ? (v.assoc.get(d.subscript) ?? "") : undefined));
    else (v.array as string[])[Number(sh.evaluate(d.subscript))] = sh.transform(v, value, undefined);
  } else if (/^\([\s\S]*\)$/.test(value) && (v.array !== undefined || v.assoc !== undefined)) {
    // A value that only looks like an array after expansion is a string, as in bash.
    sh.assign(v, value, d.append);
  } else sh.assign(v, value, d.append);
}

function toArray(v: Variable): void {
  if (v.array !== undefined) return;
  v.array = v.value === undefined ? [] : [v.value];
  v.value = undefined;
  v.int = undefined;
}

const ALL = "aAfFgiIlnprtux";

function* runDeclare(c: Call, local: boolean): Proc<number> {
  const { sh } = c;
  const o = yield* c.options(ALL, true);
  if (o === undefined) return 2;
  if (local && sh.functionDepth === 0) return yield* c.fail("can only be used in a function");
  if (has(o, "f") || has(o, "F")) return yield* functions(c, o);
  if (o.operands.length === 0) {
    printAll(c, o, local);
    return 0;
  }
  if (has(o, "p")) return yield* printNamed(c, o);
  let status = 0;
  const first = c.argv.length - o.operands.length;
  for (const [i, text] of o.operands.entries()) {
    if (local && text === "-") {
      const options = sh.options.copy();
      sh.localRestores.push(() => sh.replaceOptions(options));
      continue;
    }
    if ((yield* declareOne(c, first + i, text, o, local)) !== 0) status = 1;
  }
  return status;
}

function printAll(c: Call, o: CallOptions, local: boolean): void {
  const { sh } = c;
  const wanted = o.letters.filter((x) => x.letter !== "p" && x.letter !== "g").map((x) => x.letter);
  const list = local ? sh.vars.locals() : sh.vars.all();
  for (const v of list) {
    const letters = attributeLetters(v);
    if (wanted.length > 0) {
      if (wanted.every((w) => letters.includes(w))) c.print(`${declaration(sh, v)}\n`);
    } else if (has(o, "p")) c.print(`${declaration(sh, v)}\n`);
    else if (v.isSet) c.print(setLine(sh, v));
  }
  if (wanted.length === 0 && !has(o, "p") && !local)
    for (const f of [...sh.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) c.print(`${f.print()}\n`);
}

/** A line of `set`. */
export function setLine(sh: Shell, v: Variable): string {
  if (v.array !== undefined || v.assoc !== undefined) return `${v.name}=${declaration(sh, v).replace(/^declare -\S+ [^=]*=/, "")}\n`;
  const value = sh.get(v.name) ?? "";
  if (sh.flavour !== "bash") return `${v.name}='${value.replaceAll("'", sh.flavour === "dash" ? "'\"'\"'" : "'\"'\"'")}'\n`;
  return `${v.name}=${value === "" ? "" : quoteIfNeeded(value)}\n`;
}

function* printNamed(c: Call, o: CallOptions): Proc<number> {
  let status = 0;
  for (const name of o.operands) {
    const v = c.sh.vars.find(name);
    if (v === undefined) status = yield* c.fail(`${name}: not found`);
    else c.print(`${declaration(c.sh, v)}\n`);
  }
  return status;
}

function* functions(c: Call, o: CallOptions): Proc<number> {
  const { sh } = c;
  let status = 0;
  const names = o.operands.length > 0 ? o.operands : [...sh.functions.keys()].sort();
  for (const name of names) {
    const f = sh.functions.get(name);
    if (f === undefined) {
      status = 1;
      continue;
    }
    if (has(o, "r")) sh.readonlyFunctions.add(name);
    else if (has(o, "F"))
      c.print(
        o.operands.length > 0 ? (sh.options.shopt("extdebug") ? `${name} ${f.line} ${f.source}\n` : `${name}\n`) : `declare -f ${name}\n`,
      );
    else if (!has(o, "x")) c.print(`${f.print()}\n`);
  }
  return status;
}

const DECLARE_USAGE = "[-aAfFgiIlnrtux] [name[=value] ...] or declare -p [-aAfFilnrtux] [name ...]";

export const declare: Builtin = {
  name: "declare",
  flavours: ["bash"],
  usage: DECLARE_USAGE,
  catches: true,
  run: (c) => runDeclare(c, false),
};
export const typeset: Builtin = {
  name: "typeset",
  flavours: ["bash"],
  usage: DECLARE_USAGE.replace("or declare", "or typeset"),
  catches: true,
  run: (c) => runDeclare(c, false),
};

export const local: Builtin = {
  name: "local",
  usage: "[option] name[=value] ...",
  *run(c): Proc<number> {
    const { sh } = c;
    if (sh.flavour === "bash") return yield* runDeclare(c, true);
    if (sh.functionDepth === 0)
      throw new ShellError(sh.flavour === "dash" ? "local: not in a function" : "local: not in a function", 2, "shell");
    for (const text of c.args) {
      if (text === "-") {
        const options = sh.options.copy();
        sh.localRestores.push(() => sh.replaceOptions(options));
        continue;
      }
      const d = split(text);
      if (d === undefined) throw new ShellError(`local: ${text.replace(/=.*$/s, "")}: bad variable name`, 2, "shell");
      // dash's locals begin with the value that is visible outside.
      const v = sh.vars.declareLocal(d.name, true);
      if (d.value !== undefined) sh.assign(v, d.value);
    }
    return 0;
  },
};

function* posixDeclare(c: Call, flag: number): Proc<number> {
  const { sh } = c;
  const args = c.args[0] === "--" ? c.args.slice(1) : c.args;
  if (args.length === 0 || args[0] === "-p") {
    for (const v of sh.vars.all()) {
      if (!(v.flags & flag)) continue;
      const value = v.value === undefined ? "" : `='${v.value.replaceAll("'", "'\"'\"'")}'`;
      c.print(`${c.name} ${v.name}${value}\n`);
    }
    return 0;
  }
  for (const text of args) {
    const d = split(text);
    if (d === undefined || d.subscript !== undefined)
      throw new ShellError(`${c.name}: ${text.replace(/=.*$/s, "")}: bad variable name`, 2, "shell");
    if (d.value !== undefined) sh.set(d.name, d.value);
    const v = sh.vars.writable(d.name);
    v.flags |= flag;
    sh.vars.changed(v);
    sh.vars.forgetEnvironment();
  }
  return 0;
}

export const exportBuiltin: Builtin = {
  name: "export",
  special: true,
  usage: "[-fn] [name[=value] ...] or export -p",
  catches: true,
  *run(c): Proc<number> {
    const { sh } = c;
    if (sh.flavour !== "bash") {
      if (c.args[0] === "-n" && sh.flavour === "ash") {
        for (const name of c.args.slice(1)) {
          sh.vars.writable(name).flags &= ~EXPORT;
          sh.vars.forgetEnvironment();
        }
        return 0;
      }
      return yield* posixDeclare(c, EXPORT);
    }
    const o = yield* c.options("fnp");
    if (o === undefined) return 2;
    if (has(o, "f")) return yield* exportFunctions(c, o);
    if (o.operands.length === 0) {
      for (const v of sh.vars.all()) if (v.flags & EXPORT) c.print(`${declaration(sh, v)}\n`);
      return 0;
    }
    return yield* declareAll(c, o);
  },
};

function* exportFunctions(c: Call, o: CallOptions): Proc<number> {
  const { sh } = c;
  let status = 0;
  for (const name of o.operands) {
    const f = sh.functions.get(name);
    if (f === undefined) {
      status = yield* c.fail(`${name}: not a function`);
      continue;
    }
    const variable = `BASH_FUNC_${name}%%`;
    if (has(o, "n")) sh.vars.unset(variable);
    else {
      const v = sh.vars.writable(variable);
      v.value = `() ${f.print().replace(/^[^\n]*\(\) \n/, "")}`;
      v.flags |= EXPORT;
    }
    sh.vars.forgetEnvironment();
  }
  return status;
}

function* declareAll(c: Call, o: CallOptions): Proc<number> {
  let status = 0;
  const first = c.argv.length - o.operands.length;
  for (const [i, text] of o.operands.entries()) if ((yield* declareOne(c, first + i, text, o, false)) !== 0) status = 1;
  return status;
}

export const readonlyBuiltin: Builtin = {
  name: "readonly",
  special: true,
  usage: "[-aAf] [name[=value] ...] or readonly -p",
  catches: true,
  *run(c): Proc<number> {
    const { sh } = c;
    if (sh.flavour !== "bash") return yield* posixDeclare(c, READONLY);
    const o = yield* c.options("aAfp");
    if (o === undefined) return 2;
    if (has(o, "f")) {
      for (const name of o.operands) sh.readonlyFunctions.add(name);
      return 0;
    }
    if (o.operands.length === 0) {
      for (const v of sh.vars.all()) if (v.flags & READONLY) c.print(`${declaration(sh, v)}\n`);
      return 0;
    }
    return yield* declareAll(c, o);
  },
};

export const unset: Builtin = {
  name: "unset",
  special: true,
  usage: "[-f] [-v] [-n] [name ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options(sh.flavour === "bash" ? "fvn" : "fv");
    if (o === undefined) return 2;
    let status = 0;
    for (const text of o.operands) if ((yield* unsetOne(c, text, o)) !== 0) status = 1;
    return status;
  },
};

function* unsetOne(c: Call, text: string, o: CallOptions): Proc<number> {
  const { sh } = c;
  if (has(o, "f")) return yield* unsetFunction(c, text);
  const m = sh.flavour === "bash" ? /^([A-Za-z_][A-Za-z0-9_]*)\[(.*)\]$/s.exec(text) : null;
  if (m !== null) {
    unsetElement(sh, sh.resolve(m[1] as string), m[2] as string);
    return 0;
  }
  if (!isName(text)) {
    // Without -v bash takes it for the name of a function.
    if (sh.flavour === "bash") return has(o, "v") ? yield* c.fail(`\`${text}': not a valid identifier`) : yield* unsetFunction(c, text);
    throw new ShellError(`unset: ${text}: bad variable name`, 2, "shell");
  }
  const name = has(o, "n") ? text : sh.resolve(text);
  const v = sh.vars.find(name);
  if (v === undefined && !has(o, "v") && sh.functions.has(name) && sh.flavour === "bash") return yield* unsetFunction(c, name);
  if (v === undefined) return 0;
  if (v.flags & READONLY) {
    if (sh.flavour === "bash") return yield* c.fail(`${name}: cannot unset: readonly variable`);
    throw new ShellError(`unset: ${name}: is read only`, 2, "shell");
  }
  sh.vars.unset(name);
  sh.vars.forgetEnvironment();
  return 0;
}

function* unsetFunction(c: Call, name: string): Proc<number> {
  const { sh } = c;
  if (sh.readonlyFunctions.has(name)) return yield* c.fail(`${name}: cannot unset: readonly function`);
  const functions = new Map(sh.functions);
  functions.delete(name);
  sh.functions = functions;
  sh.refreshFast();
  return 0;
}

function unsetElement(sh: Shell, name: string, subscript: string): void {
  const v = sh.vars.find(name);
  if (v === undefined) return;
  const mine = sh.vars.writable(name);
  if (mine.assoc !== undefined) {
    if (subscript === "@" || subscript === "*") sh.vars.unset(name);
    else mine.assoc.delete(subscript);
    return;
  }
  if (subscript === "@" || subscript === "*") {
    sh.vars.unset(name);
    return;
  }
  let index = Number(sh.evaluate(subscript));
  if (mine.array === undefined) {
    if (index === 0) sh.vars.unset(name);
    return;
  }
  if (index < 0) index += mine.array.length;
  delete mine.array[index];
  while (mine.array.length > 0 && !(mine.array.length - 1 in mine.array)) mine.array.length--;
}

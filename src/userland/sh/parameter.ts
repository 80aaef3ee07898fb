/** `${…}`: POSIX 2.6.2 and bash's additions: substrings, replacement, case, indirection, arrays, transformations. */

import type { Proc } from "../../abi/sys.ts";
import { escapePattern, hasGlob, patternRegExp, unescapePattern } from "../libc/fnmatch.ts";
import { describeAttributes, quoteWord } from "./declarations.ts";
import {
  evaluateArithmetic,
  expandPattern,
  expandPieces,
  expandString,
  parameterValue,
  PatternSink,
  refreshClock,
  type Sink,
  StringSink,
} from "./expand.ts";
import type { Expansion, Operation } from "./node.ts";
import { expandPrompt } from "./prompt.ts";
import { type Shell, ShellError } from "./shell.ts";
import { needsClock } from "./special-variables.ts";
import { ansiUnescape } from "./escapes.ts";
import { NAMEREF } from "./variables.ts";

/** What a parameter holds: one value, or the elements of a list. */
type Held = { readonly list: readonly string[]; readonly star: boolean } | { readonly list: undefined; readonly value: string | undefined };

export function* expandParameter(sh: Shell, e: Expansion, sink: Sink): Proc<void> {
  if (e.bad) throw badSubstitution(sh, e.text);
  if (needsClock.test(e.name)) yield* refreshClock(sh);
  const { operation } = e;
  if (operation?.type === "names") {
    const names = sh.vars.all().filter((v) => v.name.startsWith(e.name) && v.isSet);
    sink.list(
      names.map((v) => v.name),
      e.quoted,
      operation.star,
    );
    return;
  }
  if (e.indirect && (e.index === "@" || e.index === "*") && operation === undefined) {
    sink.list(keysOf(sh, e.name), e.quoted, e.index === "*");
    return;
  }
  let name = e.name;
  let held: Held;
  if (e.indirect) {
    const v = sh.vars.find(name);
    if (v !== undefined && v.flags & NAMEREF && e.index === undefined && operation === undefined) {
      sink.value(v.value ?? "", e.quoted);
      return;
    }
    const target = e.index === undefined ? parameterValue(sh, name) : ((yield* fetch(sh, name, e.index)) as { value?: string }).value;
    if (target === undefined && v === undefined && operation === undefined && !/^[0-9@*#?!-]/.test(name))
      throw new ShellError(`${name}: invalid indirect expansion`, 1);
    if (target === undefined || target === "") {
      if (operation === undefined && target === "") throw new ShellError(`: invalid variable name`, 1);
      held = { list: undefined, value: undefined };
    } else {
      name = target;
      held = fetchReference(sh, target);
    }
  } else held = yield* fetch(sh, name, e.index);
  if (e.length) {
    yield* lengthOf(sh, e, held, sink);
    return;
  }
  if (operation?.type === "default") {
    yield* applyDefault(sh, e, name, operation, held, sink);
    return;
  }
  if (held.list === undefined && held.value === undefined) {
    if (sh.options.nounset)
      throw sh.unbound(e.index === undefined ? name : `${name}[${typeof e.index === "string" ? e.index : e.index.text}]`);
    // Also a slice of nothing is nothing; `${x@A}` of a declared name tells its attributes.
    if (operation?.type === "transform" && (operation.letter === "a" || operation.letter === "A"))
      sink.value(describe(sh, name, operation.letter), e.quoted);
    else if (e.quoted) sink.value("", true);
    return;
  }
  if (operation === undefined) {
    if (held.list === undefined) sink.value(held.value as string, e.quoted);
    else sink.list(held.list, e.quoted, held.star);
    return;
  }
  if (operation.type === "slice") {
    yield* slice(sh, e, held, operation, sink);
    return;
  }
  const change = yield* transformer(sh, name, operation);
  if (held.list === undefined) sink.value(change(held.value as string), e.quoted);
  else if (operation.type === "transform" && (operation.letter === "A" || operation.letter === "K" || operation.letter === "k"))
    sink.value(describe(sh, name, operation.letter), e.quoted);
  else sink.list(held.list.map(change), e.quoted, held.star);
}

export function badSubstitution(sh: Shell, text: string): ShellError {
  if (sh.flavour === "bash") return new ShellError(`${text}: bad substitution`, 1);
  return new ShellError(sh.flavour === "dash" ? "Bad substitution" : "syntax error: bad substitution", 2, "shell");
}

function* fetch(sh: Shell, name: string, index: Expansion["index"]): Proc<Held> {
  if (index === undefined) {
    if (name === "@" || name === "*") return { list: sh.positional, star: name === "*" };
    return { list: undefined, value: parameterValue(sh, name) };
  }
  if (index === "@" || index === "*") return { list: elementsOf(sh, name), star: index === "*" };
  const v = sh.findVariable(name);
  return {
    list: undefined,
    value: sh.getElement(name, v?.assoc === undefined ? yield* expandString(sh, index) : yield* expandString(sh, index)),
  };
}

function fetchReference(sh: Shell, target: string): Held {
  const m = /^([A-Za-z_][A-Za-z0-9_]*)\[(.*)\]$/s.exec(target);
  if (m !== null) {
    const [, name, subscript] = m as unknown as [string, string, string];
    if (subscript === "@" || subscript === "*") return { list: elementsOf(sh, name), star: subscript === "*" };
    return { list: undefined, value: sh.getElement(name, subscript) };
  }
  if (target === "@" || target === "*") return { list: sh.positional, star: target === "*" };
  if (!/^([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[#?$!-])$/.test(target)) throw new ShellError(`${target}: invalid variable name`, 1);
  return { list: undefined, value: parameterValue(sh, target) };
}

/** All elements of an array, or the value of a scalar as one. */
export function elementsOf(sh: Shell, name: string): string[] {
  const dynamic = sh.flavour === "bash" ? sh.dynamicArray(name) : undefined;
  if (dynamic !== undefined && sh.vars.find(name) !== undefined) return dynamic;
  const v = sh.findVariable(name);
  if (v === undefined) return [];
  if (v.assoc !== undefined) return [...v.assoc.values()];
  if (v.array === undefined) {
    const value = sh.get(name);
    return value === undefined ? [] : [value];
  }
  const out: string[] = [];
  v.array.forEach((x) => {
    out.push(x);
  });
  return out;
}

export function keysOf(sh: Shell, name: string): string[] {
  const dynamic = sh.flavour === "bash" ? sh.dynamicArray(name) : undefined;
  if (dynamic !== undefined && sh.vars.find(name) !== undefined) return dynamic.map((_, i) => String(i));
  const v = sh.findVariable(name);
  if (v === undefined || !v.isSet) return [];
  if (v.assoc !== undefined) return [...v.assoc.keys()];
  if (v.array === undefined) return ["0"];
  const out: string[] = [];
  v.array.forEach((_, i) => {
    out.push(String(i));
  });
  return out;
}

function* lengthOf(sh: Shell, e: Expansion, held: Held, sink: Sink): Proc<void> {
  if (held.list !== undefined) sink.value(String(held.list.length), e.quoted);
  else if (held.value === undefined) {
    if (sh.options.nounset) throw sh.unbound(e.name);
    sink.value("0", e.quoted);
  } else sink.value(String(countCharacters(held.value)), e.quoted);
}

export function countCharacters(text: string): number {
  let n = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 0xd800 && c <= 0xdbff) n--;
  }
  return n;
}

function* applyDefault(
  sh: Shell,
  e: Expansion,
  name: string,
  o: Extract<Operation, { type: "default" }>,
  held: Held,
  sink: Sink,
): Proc<void> {
  const colon = o.operator.startsWith(":");
  const op = o.operator[o.operator.length - 1];
  const isSet = held.list === undefined ? held.value !== undefined : held.list.length > 0;
  const text = held.list === undefined ? (held.value ?? "") : held.list.join(" ");
  const usable = isSet && !(colon && text === "");
  const self = (): void => {
    if (held.list === undefined) sink.value(held.value ?? "", e.quoted);
    else sink.list(held.list, e.quoted, held.star);
  };
  if (op === "+") {
    if (usable) yield* expandOperand(sh, e, o, sink);
    else if (e.quoted && held.list === undefined) sink.value("", true);
    return;
  }
  if (usable) {
    self();
    return;
  }
  if (op === "-") yield* expandOperand(sh, e, o, sink);
  else if (op === "=") {
    const word = yield* operandString(sh, o);
    if (!/^[A-Za-z_]/.test(name))
      throw sh.flavour === "bash" ? new ShellError(`$${name}: cannot assign in this way`, 1) : badSubstitution(sh, e.text);
    if (typeof e.index === "object") sh.setElement(name, yield* expandString(sh, e.index), word);
    else sh.set(name, word);
    sink.value(word, e.quoted);
  } else {
    const message = yield* operandString(sh, o);
    const said =
      message !== ""
        ? message
        : colon
          ? sh.flavour === "bash"
            ? "parameter null or not set"
            : "parameter not set or null"
          : "parameter not set";
    throw new ShellError(
      `${name}: ${sh.flavour !== "bash" && message === "" ? `parameter not set${colon ? " or null" : ""}` : said}`,
      sh.flavour !== "bash" ? 2 : sh.fatalStatus,
      "shell",
    );
  }
}

function* expandOperand(sh: Shell, e: Expansion, o: Extract<Operation, { type: "default" }>, sink: Sink): Proc<void> {
  if (o.pieces.length === 0 && e.quoted) sink.value("", true);
  else yield* expandPieces(sh, o.pieces, sink);
}

function* operandString(sh: Shell, o: Extract<Operation, { type: "default" }>): Proc<string> {
  const sink = new StringSink(sh.ifs);
  yield* expandPieces(sh, o.pieces, sink);
  return sink.text;
}

function* slice(sh: Shell, e: Expansion, held: Held, o: Extract<Operation, { type: "slice" }>, sink: Sink): Proc<void> {
  let offset = Number(yield* evaluateArithmetic(sh, o.offset));
  const length = o.length === undefined ? undefined : Number(yield* evaluateArithmetic(sh, o.length));
  if (held.list !== undefined) {
    sink.list(yield* sliceList(sh, e, held.list, offset, length), e.quoted, held.star);
    return;
  }
  const characters = /[\ud800-\udfff]/.test(held.value as string) ? [...(held.value as string)] : (held.value as string);
  const size = characters.length;
  if (offset < 0) offset += size;
  if (offset < 0 || offset > size) {
    sink.value("", e.quoted);
    return;
  }
  const end = length === undefined ? size : length < 0 ? size + length : offset + length;
  if (end < offset) throw new ShellError(`${o.length?.text ?? ""}: substring expression < 0`, 1);
  const part = characters.slice(offset, end);
  sink.value(typeof part === "string" ? part : part.join(""), e.quoted);
}

function* sliceList(sh: Shell, e: Expansion, list: readonly string[], offset: number, length: number | undefined): Proc<readonly string[]> {
  if (length !== undefined && length < 0) throw new ShellError(`${length}: substring expression < 0`, 1);
  if (e.index === undefined) {
    // $0 counts as the element before the first.
    const all = [sh.arg0, ...list];
    if (offset < 0) offset += all.length;
    if (offset < 0) return [];
    return all.slice(offset, length === undefined ? undefined : offset + length);
  }
  const array = sh.findVariable(e.name)?.array;
  if (array !== undefined) {
    if (offset < 0) offset += array.length;
    if (offset < 0) return [];
    // The offset is an index; the length counts elements that are set.
    const out: string[] = [];
    array.forEach((x, i) => {
      if (i >= offset && (length === undefined || out.length < length)) out.push(x);
    });
    return out;
  }
  if (offset < 0) offset += list.length;
  return offset < 0 ? [] : list.slice(offset, length === undefined ? undefined : offset + length);
}

/** The function that an operation applies to each value. */
function* transformer(sh: Shell, name: string, o: Operation): Proc<(value: string) => string> {
  const options = { extglob: sh.options.extglob };
  switch (o.type) {
    case "remove": {
      const pattern = yield* expandPattern(sh, o.pattern);
      return (value) => remove(value, pattern, o.operator, options.extglob);
    }
    case "replace": {
      const pattern = yield* expandPattern(sh, o.pattern);
      // ash knows no anchors: `#` and `%` belong to the pattern.
      const anchored = sh.flavour === "bash" || o.operator === "/" || o.operator === "//";
      const operator = anchored ? o.operator : "/";
      const whole = anchored ? pattern : (o.operator[1] as string) + pattern;
      const ampersand = sh.flavour === "bash" && sh.options.shopt("patsub_replacement");
      const sink = new PatternSink(sh.ifs, (text) => (ampersand ? text.replace(/[&\\]/g, "\\$&") : text));
      yield* expandPieces(sh, o.replacement.pieces, sink);
      return (value) =>
        replace(value, whole, sink.text, operator, { extglob: options.extglob, ignoreCase: sh.options.nocasematch }, ampersand);
    }
    case "case": {
      const pattern = o.pattern === undefined ? undefined : yield* expandPattern(sh, o.pattern);
      const re = pattern === undefined || pattern === "" ? undefined : patternRegExp(pattern, options);
      const all = o.operator.length === 2;
      const upper = o.operator.startsWith("^");
      return (value) => changeCase(value, upper, all, re);
    }
    case "transform":
      return yield* named(sh, name, o.letter);
    default:
      return (value) => value;
  }
}

function* named(sh: Shell, name: string, letter: string): Proc<(value: string) => string> {
  switch (letter) {
    case "Q":
      return (value) => quoteWord(value, true);
    case "E":
      return ansiUnescape;
    case "U":
      return (value) => value.toUpperCase();
    case "L":
      return (value) => value.toLowerCase();
    case "u":
      return (value) => changeCase(value, true, false, undefined);
    case "P": {
      const prompts = new Map<string, string>();
      for (const value of elementsOf(sh, name)) prompts.set(value, yield* expandPrompt(sh, value));
      return (value) => prompts.get(value) ?? value;
    }
    case "K":
    case "k":
      return (value) => quoteWord(value, true);
    default:
      return () => describe(sh, name, letter);
  }
}

function describe(sh: Shell, name: string, letter: string): string {
  return describeAttributes(sh, sh.resolve(name), letter);
}

/** `${v#p}` and its kin. */
function remove(value: string, pattern: string, operator: string, extglob: boolean): string {
  const front = operator.startsWith("#");
  const longest = operator.length === 2;
  if (!hasGlob(pattern, extglob) && !(extglob && pattern.includes("("))) {
    const text = unescapePattern(pattern);
    if (front) return value.startsWith(text) ? value.slice(text.length) : value;
    return text !== "" && value.endsWith(text) ? value.slice(0, -text.length) : value;
  }
  const options = { extglob };
  if (front) {
    const m = patternRegExp(pattern, options, "^", "", !longest).exec(value);
    return m === null ? value : value.slice(m[0].length);
  }
  if (longest) {
    const m = patternRegExp(pattern, options, "", "$").exec(value);
    return m === null ? value : value.slice(0, m.index);
  }
  const m = patternRegExp(pattern, options, "^([\\s\\S]*)", "$").exec(value);
  return m === null ? value : (m[1] as string);
}

function replace(
  value: string,
  pattern: string,
  replacement: string,
  operator: string,
  options: { extglob: boolean; ignoreCase: boolean },
  ampersand: boolean,
): string {
  if (pattern === "" && (operator === "/" || operator === "//")) return value;
  const insert = (match: string): string =>
    ampersand ? replacement.replace(/\\([\s\S])|&/g, (_, quoted: string | undefined) => quoted ?? match) : replacement;
  const before = operator === "/#" ? "^" : "";
  const after = operator === "/%" ? "$" : "";
  const once = patternRegExp(pattern, options, before, after);
  if (operator !== "//") {
    const m = once.exec(value);
    if (m === null) return value;
    return value.slice(0, m.index) + insert(m[0]) + value.slice(m.index + m[0].length);
  }
  let out = "";
  let at = 0;
  const sticky = new RegExp(once.source, `${once.flags}g`);
  for (;;) {
    sticky.lastIndex = at;
    const m = sticky.exec(value);
    if (m === null || (m[0] === "" && (m.index >= value.length || at > 0) && value !== "")) break;
    out += value.slice(at, m.index) + insert(m[0]);
    at = m.index + m[0].length;
    if (m[0] === "") {
      if (at >= value.length) break;
      out += value[at];
      at++;
    }
    if (at >= value.length) break;
  }
  return out + value.slice(at);
}

function changeCase(value: string, upper: boolean, all: boolean, only: RegExp | undefined): string {
  const change = (c: string): string => (only !== undefined && !only.test(c) ? c : upper ? c.toUpperCase() : c.toLowerCase());
  if (all) return [...value].map(change).join("");
  const first = [...value][0];
  return first === undefined ? value : change(first) + value.slice(first.length);
}

/** A pattern that matches just the value, for callers that quote. */
export const literalPattern = escapePattern;

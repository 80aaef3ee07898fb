/** The functions of templates: those that Go has, and those that docker adds (`docker/cli` `templates/templates.go`). */

import { numberOf, type TemplateFunction } from "./exec.ts";
import { formatGo } from "./printf.ts";
import { type GoValue, isTrue, printPlain, toJson, typeName } from "./value.ts";

type Args = readonly (GoValue | undefined)[];

type Parameter = TemplateFunction["parameters"][number];

function fn(parameters: readonly Parameter[], run: TemplateFunction["run"]): TemplateFunction {
  return { parameters, variadic: false, run };
}

/** The last parameter stands for any number of arguments. */
function variadic(parameters: readonly Parameter[], run: TemplateFunction["run"]): TemplateFunction {
  return { parameters, variadic: true, run };
}

/** Arguments that the declared parameters have checked. */
const text = (value: GoValue | undefined): string => value as string;

function integer(value: GoValue | undefined): number {
  if (typeof value !== "number") throw new Error(`cannot index slice/array with type ${typeName(value)}`);
  return value;
}

/** fmt.Sprint(): blanks between operands when neither is a string. */
function sprint(args: Args): string {
  return args
    .map((arg, i) => (i > 0 && typeof arg !== "string" && typeof args[i - 1] !== "string" ? " " : "") + printPlain(arg ?? null))
    .join("");
}

function compare(a: GoValue | undefined, b: GoValue | undefined): number {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x - y;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "boolean" || typeof b === "boolean") throw new Error("invalid type for comparison");
  throw new Error("incompatible types for comparison");
}

function equal(a: GoValue | undefined, b: GoValue | undefined): boolean {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x === y;
  if (a === null || b === null || a === undefined || b === undefined) return (a ?? null) === (b ?? null);
  if (typeof a === "object" || typeof b === "object") throw new Error("non-comparable type");
  if (typeof a !== typeof b) throw new Error("incompatible types for comparison");
  return a === b;
}

function index(...args: Args): GoValue {
  let value = args[0];
  for (const key of args.slice(1)) {
    if (value instanceof Map) value = value.get(text(key)) ?? "";
    else if (Array.isArray(value) || typeof value === "string") {
      const at = integer(key);
      if (at < 0 || at >= value.length) throw new Error(`index out of range: ${at}`);
      value = typeof value === "string" ? value.charCodeAt(at) : (value[at] as GoValue);
    } else if (value === null || value === undefined) throw new Error("index of untyped nil");
    else throw new Error(`can't index item of type ${typeName(value)}`);
  }
  return value ?? null;
}

function slice(...args: Args): GoValue {
  const [value, from, to] = args;
  if (typeof value !== "string" && !Array.isArray(value)) throw new Error(`can't slice item of type ${typeName(value)}`);
  const start = from === undefined ? 0 : integer(from);
  const end = to === undefined ? value.length : integer(to);
  for (const at of [start, end]) if (at < 0 || at > value.length) throw new Error(`index out of range: ${at}`);
  if (start > end) throw new Error(`invalid slice index: ${start} > ${end}`);
  return value.slice(start, end);
}

function length(value: GoValue | undefined): number {
  if (typeof value === "string") return new TextEncoder().encode(value).length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value === null || value === undefined) throw new Error("len of nil pointer");
  throw new Error(`len of type ${typeName(value)}`);
}

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\0": "\ufffd" };

const list = (value: GoValue | undefined): readonly GoValue[] => (Array.isArray(value) ? (value as readonly GoValue[]) : []);

/** What the lists of docker's commands have over Go's own. */
const dockerFunctions: Readonly<Record<string, TemplateFunction>> = {
  json: fn(["any"], (value) => toJson(value)),
  split: fn(["string", "string"], (value, separator) => text(value).split(text(separator))),
  join: fn(["[]string", "string"], (value, separator) => list(value).map(printPlain).join(text(separator))),
  title: fn(["string"], (value) =>
    text(value).replace(/(^|[^\p{L}\p{Nd}_])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase()),
  ),
  lower: fn(["string"], (value) => text(value).toLowerCase()),
  upper: fn(["string"], (value) => text(value).toUpperCase()),
  pad: fn(["string", "int", "int"], (value, before, after) =>
    value === "" ? "" : " ".repeat(integer(before)) + text(value) + " ".repeat(integer(after)),
  ),
  truncate: fn(["string", "int"], (value, most) => [...text(value)].slice(0, integer(most)).join("")),
};

const goFunctions: Readonly<Record<string, TemplateFunction>> = {
  and: variadic(["any", "any"], () => null),
  or: variadic(["any", "any"], () => null),
  not: fn(["any"], (value) => !isTrue(value)),
  len: fn(["any"], length),
  index: variadic(["any", "any"], index),
  slice: variadic(["any", "any"], slice),
  print: variadic(["any"], (...args) => sprint(args)),
  println: variadic(["any"], (...args) => `${args.map((arg) => printPlain(arg ?? null)).join(" ")}\n`),
  printf: variadic(["string", "any"], (format, ...args) => formatGo(text(format), args)),
  html: variadic(["any"], (...args) => sprint(args).replace(/[&<>"'\0]/g, (ch) => HTML[ch] as string)),
  js: variadic(["any"], (...args) => sprint(args).replace(/[\\'"<>&=\p{Cc}]/gu, escapeJs)),
  urlquery: variadic(["any"], (...args) =>
    encodeURIComponent(sprint(args))
      .replaceAll("%20", "+")
      .replace(/[!'()*]/g, (ch) => `%${ch.charCodeAt(0).toString(16).toUpperCase()}`),
  ),
  eq: variadic(["any", "any"], (...args) => {
    if (args.length < 2) throw new Error("missing argument for comparison");
    return args.slice(1).some((other) => equal(args[0], other));
  }),
  ne: fn(["any", "any"], (a, b) => !equal(a, b)),
  lt: fn(["any", "any"], (a, b) => compare(a, b) < 0),
  le: fn(["any", "any"], (a, b) => compare(a, b) <= 0),
  gt: fn(["any", "any"], (a, b) => compare(a, b) > 0),
  ge: fn(["any", "any"], (a, b) => compare(a, b) >= 0),
  call: variadic(["any", "any"], (value) => {
    throw new Error(value === null ? "call of nil" : `non-function ${printPlain(value ?? null)} of type ${typeName(value)}`);
  }),
};

function escapeJs(ch: string): string {
  return "\\'\"".includes(ch) ? `\\${ch}` : `\\u${(ch.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")}`;
}

export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map(Object.entries({ ...goFunctions, ...dockerFunctions }));

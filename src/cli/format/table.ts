/**
 * Lists by `--format`: a table of given or own columns, JSON, or a template for each row. Real counterpart: docker/cli `cli/command/formatter`. What can be shown of
 * a row is a table of fields: name, heading, value.
 */

import { CliError } from "../errors.ts";
import { alignColumns } from "./tabwriter.ts";
import { executeTemplate, type TemplateFunction } from "./template/exec.ts";
import { templateFunctions } from "./template/functions.ts";
import { TemplateError } from "./template/lex.ts";
import { parseTemplate, type Template } from "./template/parse.ts";
import { GoStruct, type GoValue } from "./template/value.ts";

export interface Field<R> {
  /** What stands over its column. */
  readonly heading: string;
  readonly value: (row: R) => GoValue;
}

export interface Fields<R> {
  /** As errors name it: `*formatter.ContainerContext`. */
  readonly typeName: string;
  readonly fields: Readonly<Record<string, Field<R>>>;
  /** What `.Label "key"` looks up. */
  readonly labels?: (row: R) => Readonly<Record<string, string>> | null;
}

export const field = <R>(heading: string, value: (row: R) => GoValue): Field<R> => ({ heading, value });

/** Functions as they act on headings: they leave them as they are. */
const headingFunctions: ReadonlyMap<string, TemplateFunction> = new Map(
  [...templateFunctions].map(([name, fn]) => {
    const same = ["json", "split", "join", "title", "lower", "upper", "pad", "truncate"].includes(name);
    const parameters = name === "join" ? (["any", "string"] as const) : fn.parameters;
    return [name, same ? { ...fn, parameters, run: (value) => value ?? null } : fn] as const;
  }),
);

/** Errors: CliError. */
export function compile(source: string): Template {
  try {
    return parseTemplate(source, (name) => templateFunctions.has(name));
  } catch (e) {
    if (e instanceof TemplateError) throw new CliError(`template parsing error: ${e.message}`);
    throw e;
  }
}

/** Errors: CliError. */
export function execute(template: Template, data: GoValue, functions = templateFunctions): string {
  try {
    return executeTemplate(template, data, functions);
  } catch (e) {
    if (e instanceof TemplateError) throw new CliError(`template parsing error: ${e.message}`);
    throw e;
  }
}

const labelCalls = (find: (key: string) => string): Record<string, (key: string) => string> => Object.fromEntries([["Label", find]]);

/** The row as templates see it: each field a method, in the order of their names as JSON writes them. */
export function rowContext<R>({ typeName, fields, labels }: Fields<R>, row: R): GoStruct {
  const names = Object.keys(fields).sort();
  const methods = Object.fromEntries(names.map((name) => [name, () => (fields[name] as Field<R>).value(row)]));
  const context = new GoStruct(typeName, methods, {}, labels === undefined ? {} : labelCalls((key) => labels(row)?.[key] ?? ""));
  context.escapesHtml = true;
  return context;
}

/** Backslashed tabs and newlines are what they stand for. */
const unescape = (text: string): string => text.trim().replaceAll("\\t", "\t").replaceAll("\\n", "\n");

/**
 * The list. `format` is `table`, `table TEMPLATE`, `json` or `TEMPLATE`; `table` alone stands for `columns`, a template of the usual columns. Errors: CliError.
 */
export function formatList<R>(fields: Fields<R>, rows: readonly R[], format: string, columns: string): string {
  const table = format.startsWith("table");
  const own = table ? unescape(format.slice("table".length)) : unescape(format);
  const source = table && own === "" ? columns : own === "json" ? "{{json .}}" : own;
  const template = compile(source);
  const body = rows.map((row) => `${execute(template, rowContext(fields, row))}\n`).join("");
  if (!table) return body;
  // A heading of `.Label "key"` is the key's last part.
  const last = (text: string): string => text.slice(text.lastIndexOf(".") + 1);
  const headings = new GoStruct(
    "formatter.SubHeaderContext",
    Object.fromEntries(Object.entries(fields.fields).map(([name, { heading }]) => [name, heading])),
    {},
    labelCalls(last),
  );
  return alignColumns(`${execute(template, headings, headingFunctions)}\n${body}`);
}

/** A template of columns. */
export const columnsOf = (...names: readonly string[]): string => names.map((name) => `{{.${name}}}`).join("\t");

/** `key=value,…` by key. */
export const labelText = (labels: Readonly<Record<string, string>> | null | undefined): string =>
  Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** The first `n` letters, the last one an ellipsis where something is cut off. */
export function ellipsis(text: string, n: number): string {
  const letters = [...text];
  return letters.length <= n ? text : n <= 1 ? letters.slice(0, n).join("") : `${letters.slice(0, n - 1).join("")}…`;
}

/** Twelve digits of an id, without the name of its algorithm. */
export function shortId(id: string): string {
  const bare = id.includes(":") ? id.slice(id.indexOf(":") + 1) : id;
  return bare.slice(0, 12);
}

/**
 * The values that a template sees, as Go would have them. Real counterpart: package `reflect`, as far as `text/template` uses it.
 *
 * JavaScript values stand for themselves: strings, booleans, numbers (an integer prints as one), arrays for slices, `Map` for maps, null for nil. A struct is a
 * GoStruct, so that errors can name its type; a method is a field whose value is computed.
 */

export type GoValue = string | number | boolean | null | readonly GoValue[] | ReadonlyMap<string, GoValue> | GoStruct | GoFloat;

/** A number that is a float64 in Go, whatever its value. */
export class GoFloat {
  constructor(readonly value: number) {}
}

/** A nil slice and a nil map: empty for templates, null for JSON. */
export const NIL_SLICE: readonly GoValue[] = [];
export const NIL_MAP: ReadonlyMap<string, GoValue> = new Map();

export class GoStruct {
  /** JSON of it has no bare `<`, `>` and `&`, as its type encodes itself by Go's own rules. */
  escapesHtml = false;

  constructor(
    /** As errors print it, such as `*formatter.ContainerContext`. */
    readonly typeName: string,
    private readonly fields: Readonly<Record<string, GoValue | (() => GoValue)>>,
    /** Names as `json` writes them, where they differ; fields that are absent here are written under their own names. */
    readonly jsonNames: Readonly<Record<string, string>> = {},
    /** Methods that take one text. They are no fields for JSON. */
    readonly calls: Readonly<Record<string, (text: string) => GoValue>> = {},
  ) {}

  /** A field that is computed: a method of the real type. */
  isMethod(name: string): boolean {
    return typeof this.fields[name] === "function";
  }

  has(name: string): boolean {
    return Object.hasOwn(this.fields, name);
  }

  get(name: string): GoValue {
    const field = this.fields[name];
    return typeof field === "function" ? field() : (field ?? null);
  }

  get names(): string[] {
    return Object.keys(this.fields);
  }
}

/** Whether `if` takes it for true: not false, 0, nil or empty. */
export function isTrue(value: GoValue | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "string" || Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (value instanceof GoFloat) return value.value !== 0;
  return typeof value === "object" ? true : value !== 0 && value !== false;
}

/** What `{{.}}` prints; undefined is a map's missing key. */
export function printValue(value: GoValue | undefined): string {
  return value === undefined ? "<no value>" : value === null ? "<nil>" : printPlain(value);
}

/** fmt's `%v`. */
export function printPlain(value: GoValue): string {
  if (value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : printFloat(value);
  if (value instanceof GoFloat) return printFloat(value.value);
  if (Array.isArray(value)) return `[${value.map(printPlain).join(" ")}]`;
  if (value instanceof Map)
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${key}:${printPlain(item)}`)
      .join(" ")}]`;
  const struct = value as GoStruct;
  return `{${struct.names.map((name) => printPlain(struct.get(name))).join(" ")}}`;
}

/** `%v` of a float64: the shortest form, with an exponent below 1e-4 and from 1e21 on. */
function printFloat(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  if (Number.isNaN(value)) return "NaN";
  const exponent = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 21) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

export function sortedEntries(map: ReadonlyMap<string, GoValue>): [string, GoValue][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** encoding/json, without escaping of HTML, as docker's `json` function has it. */
export function toJson(value: GoValue | undefined): string {
  if (value === undefined || value === null || value === NIL_SLICE || value === NIL_MAP) return "null";
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
  if (value instanceof GoFloat) return String(value.value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  const entries =
    value instanceof Map
      ? sortedEntries(value)
      : (value as GoStruct).names.map((name): [string, GoValue] => {
          const struct = value as GoStruct;
          return [struct.jsonNames[name] ?? name, struct.get(name)];
        });
  const text = `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${toJson(item)}`).join(",")}}`;
  return value instanceof GoStruct && value.escapesHtml ? escapeHtml(text) : text;
}

const escapeHtml = (text: string): string =>
  text.replace(/[<>&]/g, (ch) => `\\u00${(ch.codePointAt(0) as number).toString(16).padStart(2, "0")}`);

/** The type as errors name it. */
export function typeName(value: GoValue | undefined): string {
  if (value === undefined || value === null) return "nil";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  if (value instanceof GoFloat) return "float64";
  if (Array.isArray(value)) return value.every((item) => typeof item === "string") ? "[]string" : "[]interface {}";
  if (value instanceof Map) return "map[string]interface {}";
  return (value as GoStruct).typeName;
}

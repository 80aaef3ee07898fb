/**
 * One pass for both forms of output: text, and JSON with `-j`. iproute2 `lib/json_print.c`: a field has a key for JSON and a text of its own; some are in
 * one form only.
 */

/** Number of a JSON field that prints with two decimals. */
export class Decimal {
  constructor(readonly text: string) {}
}

type Json = string | number | boolean | null | Decimal | Json[] | JsonObject;
interface JsonObject {
  [key: string]: Json;
}

const COLOURS = { ifname: "36", mac: "33", inet: "35", inet6: "34", up: "32", down: "31" } as const;

export class Printer {
  text = "";
  private objects: JsonObject[] = [];
  private stack: JsonObject[] = [];

  constructor(
    readonly options: {
      readonly json: boolean;
      readonly pretty: boolean;
      readonly colour: boolean;
      readonly oneline: boolean;
      readonly brief: boolean;
    },
  ) {}

  get json(): boolean {
    return this.options.json;
  }

  /** Begins the next object of the list. */
  begin(): void {
    const object: JsonObject = {};
    this.objects.push(object);
    this.stack = [object];
  }

  private get object(): JsonObject {
    if (this.stack.length === 0) this.begin();
    return this.stack[this.stack.length - 1] as JsonObject;
  }

  /** Forgets what was printed: for what goes on printing. */
  clear(): void {
    this.text = "";
    this.objects = [];
    this.stack = [];
  }

  /** A field in both forms; no text of its own where `text` is undefined. */
  field(key: string, value: Json, text: string): void {
    if (this.json) this.object[key] = value;
    else this.text += text;
  }

  jsonOnly(key: string, value: Json): void {
    if (this.json) this.object[key] = value;
  }

  textOnly(text: string): void {
    if (!this.json) this.text += text;
  }

  /** What comes until the end of `fill` is in an object below `key`. */
  nest(key: string, fill: () => void): void {
    const inner: JsonObject = {};
    if (this.json) this.object[key] = inner;
    this.stack.push(inner);
    fill();
    this.stack.pop();
  }

  /** One more object of the list below `key`. */
  item(key: string, fill: () => void): void {
    const inner: JsonObject = {};
    const list = (this.object[key] ??= []) as Json[];
    list.push(inner);
    this.stack.push(inner);
    fill();
    this.stack.pop();
  }

  /** A line's end, or with `-o` a backslash. */
  newline(): void {
    this.textOnly(this.options.oneline ? "\\" : "\n");
  }

  colour(name: keyof typeof COLOURS, text: string): string {
    return this.options.colour && !this.json ? `\x1b[${COLOURS[name]}m${text}\x1b[0m` : text;
  }

  /** All that was printed; with JSON a list, where something was to be listed. */
  finishList(shows: boolean): string {
    if (!this.json) return this.text;
    if (!shows && this.objects.length === 0) return "";
    return `${this.options.pretty ? prettyList(this.objects) : writeJson(this.objects)}\n`;
  }
}

function writeJson(value: Json): string {
  if (value instanceof Decimal) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${writeJson(item)}`)
    .join(",")}}`;
}

function prettyList(list: readonly Json[]): string {
  return prettyJson([...list], 0);
}

/** As json_writer.c indents: four blanks a level, objects of a list side by side. */
function prettyJson(value: Json, depth: number): string {
  if (value instanceof Decimal || typeof value !== "object" || value === null) return writeJson(value);
  const indent = (level: number): string => "    ".repeat(level);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[ ]";
    return `[ ${value.map((item) => prettyJson(item, depth + 1)).join(",")} ]`;
  }
  if (Object.keys(value).length === 0) return "{}";
  const entries = Object.entries(value).map(([key, item]) => `${indent(depth + 1)}${JSON.stringify(key)}: ${prettyJson(item, depth + 1)}`);
  return `{\n${entries.join(",\n")}\n${indent(depth)}}`;
}

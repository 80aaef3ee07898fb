/**
 * `docker inspect` and its like: what the daemon knows of things, as it said it or through a template. Real counterpart: docker/cli `cli/command/inspect`.
 *
 * Differs from Linux: templates see the fields as they stand on the wire, not as the client's own types have them: absent ones are unknown, but for the few below.
 */

import type { Proc } from "../abi/sys.ts";
import type { Cli } from "./cli.ts";
import { CliError } from "./errors.ts";
import { compile, execute } from "./format/table.ts";
import type { Template } from "./format/template/parse.ts";
import { typedEntries } from "./wire-types.ts";
import { GoStruct, type GoValue, NIL_MAP, NIL_SLICE } from "./format/template/value.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Fields whose keys are names that people gave. */
const MAPS = new Set(
  [
    "Labels",
    "Networks",
    "Ports",
    "PortBindings",
    "ExposedPorts",
    "Volumes",
    "Sysctls",
    "Tmpfs",
    "Options",
    "DriverOpts",
    "Containers",
  ].concat(["Annotations", "StorageOpt", "Data", "AuxiliaryAddresses", "Runtimes", "IndexConfigs", "Details", "Status"]),
);

/** Stands for the name of what no field holds. */
const WHOLE = ".";

/** Fields that are left out where they are nil, with what they belong to. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  State: ["Health"],
  Config: ["Healthcheck", "StopTimeout"],
  HostConfig: ["Init"],
  /** The whole answer. */
  [WHOLE]: ["SizeRw", "SizeRootFs"],
};

/** Fields that are null as pointers; others that are null are lists or maps. */
const POINTERS = new Set([
  "MemorySwappiness",
  "OomKillDisable",
  "PidsLimit",
  "Init",
  "IPAMConfig",
  "Healthcheck",
  "Health",
  "StopTimeout",
  "Error",
]);

/** Names of Go's fields where JSON has others. */
const ALIASES: readonly (readonly [RegExp, string])[] = [
  [/^ID$/, "Id"],
  [/^APIVersion$/, "ApiVersion"],
  [/^CPU(?=[A-Z])/, "Cpu"],
  [/^DNS/, "Dns"],
  [/^NanoCPUs$/, "NanoCpus"],
  [/^HostIP$/, "HostIp"],
];

class WireStruct extends GoStruct {
  private wireName(name: string): string {
    if (super.has(name)) return name;
    const found = ALIASES.find(([pattern]) => pattern.test(name));
    return found === undefined ? name : name.replace(...found);
  }

  override has(name: string): boolean {
    return super.has(this.wireName(name));
  }

  override get(name: string): GoValue {
    return super.get(this.wireName(name));
  }
}

/** A parsed answer as templates see it. */
export function wireValue(json: Json, name = "", ofImage = false): GoValue {
  if (json === null) return POINTERS.has(name) ? null : MAPS.has(name) ? NIL_MAP : NIL_SLICE;
  if (typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map((item: Json) => wireValue(item));
  const object = json as Readonly<Record<string, Json>>;
  const entries = typedEntries(name, Object.entries(object), ofImage);
  if (MAPS.has(name)) return new Map(entries.map(([key, value]) => [key, wireValue(value, name === "Networks" ? "EndpointSettings" : "")]));
  const fields = Object.fromEntries(entries.map(([key, value]): [string, GoValue] => [key, wireValue(value, key, "RootFS" in object)]));
  if (ofImage && name === "Config") return new ImageConfigStruct("types.Config", fields);
  for (const absent of ABSENT[name] ?? []) if (!(absent in fields)) return new OptionalStruct(`types.${name}`, fields, ABSENT[name] ?? []);
  return new WireStruct(`types.${name}`, fields);
}

/** Has fields that are nil, which neither JSON nor a printed struct shows. */
class OptionalStruct extends WireStruct {
  constructor(
    typeName: string,
    fields: Readonly<Record<string, GoValue>>,
    private readonly optional: readonly string[],
  ) {
    super(typeName, fields);
  }

  override has(name: string): boolean {
    return super.has(name) || this.optional.includes(name);
  }
}

/** Of an image: what JSON leaves out as empty is there for templates. */
class ImageConfigStruct extends WireStruct {
  private static readonly empty: ReadonlyMap<string, GoValue> = new Map<string, GoValue>([
    ...["Entrypoint", "Cmd", "Env", "OnBuild", "Shell"].map((name): [string, GoValue] => [name, NIL_SLICE]),
    ...["Labels", "Volumes", "ExposedPorts"].map((name): [string, GoValue] => [name, NIL_MAP]),
    ...["User", "WorkingDir", "StopSignal"].map((name): [string, GoValue] => [name, ""]),
    ["Healthcheck", null],
  ]);

  override has(name: string): boolean {
    return super.has(name) || ImageConfigStruct.empty.has(name);
  }

  override get(name: string): GoValue {
    return super.has(name) ? super.get(name) : (ImageConfigStruct.empty.get(name) ?? null);
  }
}

/** What is told where a template asks for what is not there. */
function render(template: Template, value: GoValue): string {
  try {
    return execute(template, value);
  } catch (e) {
    if (!(e instanceof CliError)) throw e;
    throw new CliError(e.message.replace(/can't evaluate field (\S+) in type types\.\S*$/, 'map has no entry for key "$1"'));
  }
}

/** JSON as the daemon wrote it, anew with four blanks. Numbers stay as they are. */
export function indent(text: string): string {
  let out = "";
  let depth = 0;
  const line = (): string => `\n${"    ".repeat(depth)}`;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === '"') {
      let end = i + 1;
      while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
      out += text.slice(i, end + 1);
      i = end;
    } else if (c === "{" || c === "[") {
      const close = /^\s*[}\]]/.exec(text.slice(i + 1, i + 64));
      if (close !== null) {
        out += c + (close[0] as string).trim();
        i += (close[0] as string).length;
        continue;
      }
      depth++;
      out += c + line();
    } else if (c === "}" || c === "]") {
      depth--;
      out += line() + c;
    } else if (c === ",") out += c + line();
    else if (c === ":") out += ": ";
    else if (!/\s/.test(c)) out += c;
  }
  return out;
}

const compact = (text: string): string => text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, quoted: string | undefined) => quoted ?? "");

/**
 * Prints each of `names`, and tells afterwards of those that failed. `fetch` returns JSON. Blocks. Errors: CliError.
 */
export function* inspectAll(cli: Cli, names: readonly string[], format: string, fetch: (name: string) => Proc<string>): Proc<void> {
  let template: Template | undefined;
  try {
    template = format === "" || format === "json" ? undefined : compile(format);
  } catch (e) {
    if (!(e instanceof CliError)) throw e;
    throw new CliError(e.message, 64);
  }
  const errors: string[] = [];
  const found: string[] = [];
  for (const name of names) {
    try {
      const text = yield* fetch(name);
      found.push(template === undefined ? text.trim() : render(template, wireValue(JSON.parse(text) as Json, WHOLE)));
    } catch (e) {
      if (!(e instanceof CliError)) throw e;
      errors.push(e.message);
    }
  }
  if (template !== undefined) yield* cli.print(found.length === 0 ? "\n" : found.map((text) => `${text}\n`).join(""));
  else if (found.length === 0) yield* cli.print("[]\n");
  else {
    const all = `[${found.join(",")}]`;
    yield* cli.print(`${format === "json" ? compact(all) : indent(all)}\n`);
  }
  if (errors.length > 0) throw new CliError(errors.join("\n"));
}

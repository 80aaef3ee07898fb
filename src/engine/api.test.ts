/**
 * The engine's answers by the document of the Engine API, and what it hands to runc by the schemas of the OCI runtime specification. Both documents
 * lie outside of the repository. The document is that of 1.47; what an engine of 1.41 says otherwise stands in OLDER.
 */

import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { bootDocker, type DockerMachine } from "../machine/docker-testing.ts";

const suites = new URL("../../../shared/suites/", import.meta.url).pathname;
const apiPath = `${suites}docker-engine-api-1.47.yaml`;
const ociPath = `${suites}oci/runtime-spec/`;
const api = existsSync(apiPath) ? (parse(readFileSync(apiPath, "utf8")) as ApiDocument) : undefined;
const oci = existsSync(ociPath);
if (api === undefined) console.info(`api: ${apiPath} is not there, answers are not compared with the API's document`);
if (!oci) console.info(`api: ${ociPath} is not there, configurations are not compared with the OCI's schemas`);

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly "x-nullable"?: boolean;
}

interface ApiDocument {
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly responses?: Readonly<Record<string, { readonly schema?: Schema }>>;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, { readonly schema?: Schema }>> }>>>
  >;
}

/** A value against a schema: says what does not fit, and where. `document` is where `#/…` leads. */
class Check {
  readonly complaints: string[] = [];

  constructor(
    private readonly load: (file: string) => unknown,
    /** Go writes empty lists and maps as null, and leaves no field unknown: the API's document is read so. */
    private readonly go: boolean,
  ) {}

  value(value: unknown, schema: Schema, file: string, path: string): void {
    if (schema.$ref !== undefined) {
      const [name = "", pointer = ""] = schema.$ref.split("#");
      const target = name === "" ? file : name;
      const found = pointer
        .split("/")
        .slice(1)
        .reduce((at, key) => (at as Record<string, unknown>)[key], this.load(target));
      this.value(value, found as Schema, target, path);
      return;
    }
    if (
      value === null &&
      (schema["x-nullable"] === true || (this.go && (schema.type === "array" || schema.type === "object" || schema.allOf !== undefined)))
    )
      return;
    for (const part of schema.allOf ?? []) this.value(value, part, file, path);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined && !choices.some((choice) => this.fits(value, choice, file)))
      this.complaints.push(`${path}: fits none of ${choices.length}`);
    if (schema.type !== undefined && !isOfType(value, schema.type)) {
      this.complaints.push(`${path}: ${JSON.stringify(value)} is no ${schema.type}`);
      return;
    }
    if (schema.enum !== undefined && !schema.enum.some((one) => JSON.stringify(one) === JSON.stringify(value)))
      this.complaints.push(`${path}: ${JSON.stringify(value)} is none of ${schema.enum.join(", ")}`);
    if (typeof value === "number" && (value < (schema.minimum ?? value) || value > (schema.maximum ?? value)))
      this.complaints.push(`${path}: ${value} is out of range`);
    if (typeof value === "string" && schema.pattern !== undefined && !new RegExp(schema.pattern).test(value))
      this.complaints.push(`${path}: ${value} does not match`);
    if (Array.isArray(value)) {
      if (schema.items !== undefined) for (const [i, item] of value.entries()) this.value(item, schema.items, file, `${path}[${i}]`);
    } else if (typeof value === "object" && value !== null) this.fields(value as Record<string, unknown>, schema, file, path);
  }

  private fits(value: unknown, schema: Schema, file: string): boolean {
    const inner = new Check(this.load, this.go);
    inner.value(value, schema, file, "");
    return inner.complaints.length === 0;
  }

  private fields(value: Record<string, unknown>, schema: Schema, file: string, path: string): void {
    for (const name of schema.required ?? []) if (!(name in value)) this.complaints.push(`${path}.${name}: missing`);
    for (const [name, field] of Object.entries(value)) {
      const patterned = Object.entries(schema.patternProperties ?? {}).find(([pattern]) => new RegExp(pattern).test(name))?.[1];
      const known = schema.properties?.[name] ?? patterned;
      const { additionalProperties } = schema;
      if (known !== undefined) this.value(field, known, file, `${path}.${name}`);
      else if (typeof additionalProperties === "object") this.value(field, additionalProperties, file, `${path}.*`);
      else if (
        additionalProperties === false ||
        (this.go && schema.properties !== undefined && schema.allOf === undefined && !this.partial(schema))
      )
        this.complaints.push(`${path}.${name}: unknown`);
    }
  }

  /** A part of a whole that is put together by allOf knows only its own fields. */
  private readonly parts = new Set<Schema>();
  markParts(schemas: Iterable<Schema>): void {
    for (const { allOf, $ref } of schemas)
      if ($ref === undefined) for (const part of allOf ?? []) this.parts.add(part.$ref === undefined ? part : this.find(part.$ref));
  }
  private find($ref: string): Schema {
    return $ref
      .split("/")
      .slice(1)
      .reduce((at, key) => (at as Record<string, unknown>)[key], this.load("")) as Schema;
  }
  private partial(schema: Schema): boolean {
    return this.parts.has(schema);
  }
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

/** What an engine of 1.41 answers and the document of 1.47 has not, as the real one was recorded to do. */
const OLDER: readonly RegExp[] = [
  // Gone since.
  /VirtualSize: unknown$/,
  /^\.(KernelMemory|BuilderSize|Container|ContainerConfig): unknown$/,
  // Events had their container's and image's fields twice.
  /^\.(status|id|from): unknown$/,
  // Pointers of Go, null as long as nobody has set them.
  /^\.HostConfig\.MemorySwappiness: null/,
  /^\.ExitCode: null/,
];

let m: DockerMachine;
beforeAll(() => {
  if (api === undefined && !oci) return;
  m = bootDocker();
  m.run(`set -e; docker network create --label k=v net; docker volume create --label k=v vol
docker run -d --name aa --network net -v vol:/data -v /tmp:/host:ro -p 8080:80 -e X=1 -l k=v --restart on-failure:3 --health-cmd true --ulimit nofile=10:20 --memory 64m --tmpfs /t alpine sleep 1000
docker run --name bb --network none alpine sh -c 'exit 3' || true
docker tag alpine other:1; sleep 1`);
});

describe.skipIf(api === undefined)("answers by the API's document", () => {
  const document = api as ApiDocument;
  const complaintsOf = (value: unknown, schema: Schema): string[] => {
    const check = new Check(() => document, true);
    check.markParts(Object.values(document.definitions));
    check.value(value, schema, "", "");
    return [...new Set(check.complaints)].filter((complaint) => !OLDER.some((known) => known.test(complaint)));
  };

  const requests: readonly (readonly [method: "GET" | "POST", path: string, pattern: string, status?: number, body?: object])[] = [
    ["GET", "/version", "/version"],
    ["GET", "/info", "/info"],
    ["GET", "/system/df", "/system/df"],
    ["GET", "/containers/json?all=1&size=1", "/containers/json"],
    ["GET", "/containers/aa/json?size=1", "/containers/{id}/json"],
    ["GET", "/containers/bb/json", "/containers/{id}/json"],
    ["GET", "/containers/aa/top", "/containers/{id}/top"],
    ["GET", "/containers/aa/changes", "/containers/{id}/changes"],
    ["GET", "/containers/nosuch/json", "/containers/{id}/json", 404],
    ["POST", "/containers/create?name=cc", "/containers/create", 201, { Image: "alpine", HostConfig: { NetworkMode: "none" } }],
    ["POST", "/containers/create?name=aa", "/containers/create", 409, { Image: "alpine" }],
    ["POST", "/containers/create", "/containers/create", 404, { Image: "nosuch" }],
    ["POST", "/containers/aa/update", "/containers/{id}/update", 200, { CpuShares: 512 }],
    ["POST", "/containers/bb/wait", "/containers/{id}/wait"],
    ["POST", "/containers/aa/exec", "/containers/{id}/exec", 201, { Cmd: ["true"], AttachStdout: true }],
    ["GET", "/images/json?all=1", "/images/json"],
    ["GET", "/images/alpine/json", "/images/{name}/json"],
    ["GET", "/images/alpine/history", "/images/{name}/history"],
    ["GET", "/images/nosuch/json", "/images/{name}/json", 404],
    ["POST", "/commit?container=bb&repo=made", "/commit", 201, {}],
    ["GET", "/networks", "/networks"],
    ["GET", "/networks/net", "/networks/{id}"],
    ["POST", "/networks/create", "/networks/create", 201, { Name: "second" }],
    ["GET", "/volumes", "/volumes"],
    ["GET", "/volumes/vol", "/volumes/{name}"],
    ["POST", "/volumes/create", "/volumes/create", 201, { Name: "second" }],
    ["GET", "/events?since=1&until=2", "/events"],
    ["POST", "/containers/prune", "/containers/prune"],
    ["POST", "/networks/prune", "/networks/prune"],
    ["POST", "/volumes/prune", "/volumes/prune"],
    ["POST", "/images/prune", "/images/prune"],
  ];
  const rows = requests.map(([method, path, pattern, status = 200, body]) => ({ method, path, pattern, status, body }));

  test.each(rows)("$method $path: $status", ({ method, path, pattern, status, body }) => {
    const answer = m.api(method, path, body);
    expect(answer.status, answer.text).toBe(status);
    const schema = document.paths[pattern]?.[method.toLowerCase()]?.responses[status]?.schema;
    if (schema === undefined) throw new Error(`the document has no answer ${status} of ${method} ${pattern}`);
    if (pattern === "/events") return;
    expect(complaintsOf(answer.body, schema)).toEqual([]);
  });

  test("GET /exec/{id}/json", () => {
    const { Id } = m.api("POST", "/containers/aa/exec", { Cmd: ["true"] }).body as { Id: string };
    const schema = document.paths["/exec/{id}/json"]?.get?.responses["200"]?.schema as Schema;
    expect(complaintsOf(m.api("GET", `/exec/${Id}/json`).body, schema)).toEqual([]);
  });

  test("each event", () => {
    const { text } = m.api("GET", `/events?since=0&until=${m.run("date +%s").stdout.trim()}`);
    const events = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(events.length).toBeGreaterThan(10);
    expect([...new Set(events.flatMap((event) => complaintsOf(event, document.definitions.EventMessage as Schema)))]).toEqual([]);
  });
});

describe.skipIf(!oci)("runc by the schemas of the OCI", () => {
  const loaded = new Map<string, unknown>();
  const load = (file: string): unknown => {
    if (!loaded.has(file)) loaded.set(file, JSON.parse(readFileSync(ociPath + file, "utf8")));
    return loaded.get(file);
  };
  const complaintsOf = (value: unknown, file: string): string[] => {
    const check = new Check(load, false);
    check.value(value, load(file) as Schema, file, "");
    return check.complaints;
  };
  const bundles = "/run/containerd/io.containerd.runtime.v2.task/moby";

  test.each([
    ["one that is confined", "aa"],
    ["one with all privileges", "dd"],
  ])("the configuration of a container: %s", (_, name) => {
    m.run(
      "docker inspect dd > /dev/null 2>&1 || docker run -d --name dd --privileged --network none --pid host --device /dev/null --sysctl kernel.msgmax=1 --cpus 0.5 alpine sleep 1000",
    );
    const id = m.run(`docker inspect -f '{{.Id}}' ${name}`).stdout.trim();
    expect(complaintsOf(JSON.parse(m.read(`${bundles}/${id}/config.json`)), "config-schema.json")).toEqual([]);
  });

  test("runc spec", () => {
    m.run("mkdir -p /tmp/bundle && cd /tmp/bundle && runc spec");
    expect(complaintsOf(JSON.parse(m.read("/tmp/bundle/config.json")), "config-schema.json")).toEqual([]);
  });

  test("the state of a container", () => {
    const id = m.run("docker inspect -f '{{.Id}}' aa").stdout.trim();
    const { stdout, stderr } = m.run(`runc --root /var/run/docker/runtime-runc/moby state ${id}`);
    expect(stderr).toBe("");
    expect(complaintsOf(JSON.parse(stdout), "state-schema.json")).toEqual([]);
  });
});

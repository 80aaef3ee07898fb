/** The `config` of images: with all fields as Docker writes them, and changed by instructions of a Dockerfile. moby `api/types/container`, `builder/dockerfile/builder.go:BuildFromConfig`. */

import { parseDockerfile } from "../../builder/parser/parse.ts";
import { DockerfileError, type InstructionNode } from "../../builder/parser/node.ts";
import { expandWord, LexError } from "../../builder/shell/lex.ts";
import { cleanPath } from "../../image/path.ts";
import type { ContainerConfig, HealthConfig, StringSet } from "../api/container.ts";
import type { ImageRunConfig } from "../api/image.ts";
import { requireDuration } from "../duration.ts";
import { invalidParameter, systemError } from "../errors.ts";
import { sortKeys } from "./go-json.ts";

/** All fields in Docker's order; those that Go leaves out when empty only where they say something. */
export function wholeConfig(config: Partial<ContainerConfig> | null | undefined): ImageRunConfig {
  const c: Partial<ContainerConfig> = config ?? {};
  return {
    Hostname: c.Hostname ?? "",
    Domainname: c.Domainname ?? "",
    User: c.User ?? "",
    AttachStdin: c.AttachStdin ?? false,
    AttachStdout: c.AttachStdout ?? false,
    AttachStderr: c.AttachStderr ?? false,
    ...(hasEntries(c.ExposedPorts) ? { ExposedPorts: sortKeys(c.ExposedPorts) } : {}),
    Tty: c.Tty ?? false,
    OpenStdin: c.OpenStdin ?? false,
    StdinOnce: c.StdinOnce ?? false,
    Env: c.Env ?? null,
    Cmd: c.Cmd ?? null,
    ...(c.Healthcheck == null ? {} : { Healthcheck: c.Healthcheck }),
    ...(c.ArgsEscaped === true ? { ArgsEscaped: true } : {}),
    Image: c.Image ?? "",
    Volumes: c.Volumes == null ? null : sortKeys(c.Volumes),
    WorkingDir: c.WorkingDir ?? "",
    Entrypoint: c.Entrypoint ?? null,
    ...(c.NetworkDisabled === true ? { NetworkDisabled: true } : {}),
    ...(c.MacAddress === undefined || c.MacAddress === "" ? {} : { MacAddress: c.MacAddress }),
    OnBuild: c.OnBuild ?? null,
    Labels: c.Labels == null ? null : sortKeys(c.Labels),
    ...(c.StopSignal === undefined || c.StopSignal === "" ? {} : { StopSignal: c.StopSignal }),
    ...(c.StopTimeout == null ? {} : { StopTimeout: c.StopTimeout }),
    ...(c.Shell == null || c.Shell.length === 0 ? {} : { Shell: c.Shell }),
  };
}

const hasEntries = (map: StringSet | null | undefined): map is StringSet => map != null && Object.keys(map).length > 0;

/** Instructions that `docker commit --change` and `docker import --change` take. */
const CHANGES = ["cmd", "entrypoint", "env", "expose", "healthcheck", "label", "onbuild", "user", "volume", "workdir"];

/** A configuration with instructions applied to it. Errors: invalidParameter. */
export function changedConfig(config: Partial<ContainerConfig>, changes: readonly string[]): Partial<ContainerConfig> {
  if (changes.length === 0) return config;
  const changed = { ...config };
  try {
    const { nodes } = parseDockerfile(changes.join("\n"));
    for (const { name } of nodes)
      if (!CHANGES.includes(name.toLowerCase())) throw invalidParameter(`${name.toLowerCase()} is not a valid change command`);
    let cmdSet = false;
    for (const node of nodes) {
      applyInstruction(changed, node, cmdSet);
      if (node.name.toLowerCase() === "cmd" && node.args.length > 0) cmdSet = true;
    }
  } catch (e) {
    if (e instanceof DockerfileError || e instanceof LexError) throw invalidParameter(e.message);
    throw e;
  }
  return changed;
}

function applyInstruction(config: Partial<ContainerConfig>, node: InstructionNode, cmdSet: boolean): void {
  const name = node.name.toUpperCase();
  const env = new Map((config.Env ?? []).map((entry) => splitOnce(entry)));
  const expand = (word: string): string => expandWord(word, env, { escape: "\\" }).result;
  const { args } = node;
  if (args.length === 0 && name !== "CMD" && name !== "ENTRYPOINT")
    throw invalidParameter(`${name} requires ${COUNT[name] ?? "at least one argument"}`);
  switch (name) {
    case "CMD":
      config.Cmd = commandLine(node, config);
      return;
    case "ENTRYPOINT":
      config.Entrypoint = commandLine(node, config);
      if (!cmdSet) config.Cmd = null;
      return;
    case "ENV":
      for (const [key, value] of pairsOf(args, expand, name)) config.Env = withVariable(config.Env ?? [], key, value);
      return;
    case "LABEL":
      config.Labels = { ...(config.Labels ?? {}), ...Object.fromEntries(pairsOf(args, expand, name)) };
      return;
    case "EXPOSE":
      config.ExposedPorts = {
        ...(config.ExposedPorts ?? {}),
        ...portSet(args.flatMap((arg) => expandWord(arg, env, { escape: "\\" }).words)),
      };
      return;
    case "USER":
      config.User = expand(exactlyOne(args, name));
      return;
    case "WORKDIR": {
      const dir = expand(exactlyOne(args, name));
      config.WorkingDir = cleanPath(dir.startsWith("/") ? dir : `/${config.WorkingDir ?? ""}/${dir}`);
      return;
    }
    case "VOLUME":
      config.Volumes = { ...(config.Volumes ?? {}), ...Object.fromEntries(args.map((arg) => [requireVolume(expand(arg.trim())), {}])) };
      return;
    case "ONBUILD":
      config.OnBuild = [...(config.OnBuild ?? []), onBuild(node)];
      return;
    default:
      config.Healthcheck = healthcheck(node);
  }
}

const COUNT: Readonly<Record<string, string>> = { USER: "exactly one argument", WORKDIR: "exactly one argument" };

function exactlyOne(args: readonly string[], name: string): string {
  if (args.length !== 1) throw invalidParameter(`${name} requires exactly one argument`);
  return args[0] as string;
}

const splitOnce = (text: string): [string, string] => {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
};

function pairsOf(args: readonly string[], expand: (word: string) => string, name: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < args.length; i += 3) {
    const key = expand(args[i] as string);
    if (key === "") throw invalidParameter(`${name} names can not be blank`);
    pairs.push([key, expand(args[i + 1] as string)]);
  }
  return pairs;
}

function withVariable(env: readonly string[], key: string, value: string): string[] {
  const at = env.findIndex((entry) => splitOnce(entry)[0] === key);
  return at < 0 ? [...env, `${key}=${value}`] : env.map((entry, i) => (i === at ? `${key}=${value}` : entry));
}

/** A JSON array as it is; text for the shell. */
function commandLine(node: InstructionNode, config: Partial<ContainerConfig>): string[] {
  if (node.json) return [...node.args];
  const shell = config.Shell == null || config.Shell.length === 0 ? ["/bin/sh", "-c"] : config.Shell;
  return node.args.length === 0 ? [] : [...shell, node.args.join(" ")];
}

/** `80`, `80/udp`, `8000-8003/tcp`: go-connections' nat.ParsePortSpecs, as far as there is no host part. Errors: systemError. */
export function portSet(specs: readonly string[]): StringSet {
  const ports: StringSet = {};
  for (const spec of specs) {
    const [range = "", protocol = "tcp"] = spec.split("/");
    const container = range.slice(range.lastIndexOf(":") + 1);
    if (!["tcp", "udp", "sctp"].includes(protocol.toLowerCase())) throw systemError(`Invalid proto: ${protocol}`);
    if (container === "") throw systemError(`No port specified: ${spec}<empty>`);
    const match = /^(\d+)(?:-(\d+))?$/.exec(container);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || first > last || last > 65_535) throw systemError(`Invalid containerPort: ${container}`);
    for (let port = first; port <= last; port++) ports[`${port}/${protocol.toLowerCase()}`] = {};
  }
  return ports;
}

function requireVolume(path: string): string {
  if (path === "") throw invalidParameter("VOLUME specified can not be an empty string");
  return path;
}

function onBuild(node: InstructionNode): string {
  const trigger = node.child?.name.toUpperCase() ?? "";
  if (trigger === "ONBUILD") throw invalidParameter("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "MAINTAINER" || trigger === "FROM") throw invalidParameter(`${trigger} isn't allowed as an ONBUILD trigger`);
  return node.original.replace(/^\s*ONBUILD\s*/i, "");
}

function healthcheck({ args, flags, json }: InstructionNode): HealthConfig {
  const [type = "", ...command] = args;
  if (type.toUpperCase() === "NONE") {
    if (command.length > 0) throw invalidParameter("HEALTHCHECK NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (type.toUpperCase() !== "CMD") throw invalidParameter(`Unknown type ${JSON.stringify(type.toUpperCase())} in HEALTHCHECK (try CMD)`);
  if (command.length === 0) throw invalidParameter("Missing command after HEALTHCHECK CMD");
  const health: HealthConfig = { Test: [json ? "CMD" : "CMD-SHELL", ...command] };
  for (const flag of flags) {
    const [name, value] = splitOnce(flag.replace(/^--/, ""));
    if (name === "interval") health.Interval = duration(value, name);
    else if (name === "timeout") health.Timeout = duration(value, name);
    else if (name === "start-period") health.StartPeriod = duration(value, name);
    else if (name === "retries") health.Retries = retries(value);
    else throw invalidParameter(`unknown flag: ${name}`);
  }
  return health;
}

function retries(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw invalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (Number(text) < 1) throw invalidParameter(`--retries must be at least 1 (not ${Number(text)})`);
  return Number(text);
}

/** In nanoseconds; at least a millisecond. */
function duration(text: string, flag: string): number {
  if (text === "") return 0;
  const ns = requireDuration(text);
  if (ns < 1e6) throw invalidParameter(`Interval ${JSON.stringify(flag)} cannot be less than 1ms`);
  return ns;
}

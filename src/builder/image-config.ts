/**
 * What instructions make of an image's configuration, and the words that history keeps of them. moby `builder/dockerfile/dispatchers.go`. What needs the
 * files of an image (RUN, COPY, ADD, the directory of WORKDIR) is not done here.
 */

import { cleanPath } from "../image/path.ts";
import { formatDuration } from "./duration.ts";
import type { CommandLine, ConfigCommand, Health } from "./instructions/command.ts";
import { InstructionError } from "./instructions/error.ts";
import { quoteGo } from "./quote.ts";

/** The part of a container's configuration that builds know of; changed in place. */
export interface BuildConfig {
  User?: string;
  ExposedPorts?: Record<string, Record<string, never>>;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Healthcheck?: { Test?: string[] | null; Interval?: number; Timeout?: number; StartPeriod?: number; Retries?: number };
  Volumes?: Record<string, Record<string, never>> | null;
  WorkingDir?: string;
  Entrypoint?: string[] | null;
  OnBuild?: string[] | null;
  Labels?: Record<string, string>;
  StopSignal?: string;
  Shell?: string[];
}

const DEFAULT_SHELL = ["/bin/sh", "-c"];

export const shellOf = ({ Shell }: BuildConfig): string[] => (Shell == null || Shell.length === 0 ? [...DEFAULT_SHELL] : [...Shell]);

/** The words to be executed. */
export const resolveLine = ({ words, shell }: CommandLine, config: BuildConfig): string[] =>
  shell ? [...shellOf(config), ...words] : [...words];

/** Of a stage: CMD of the image below does not outlive a new ENTRYPOINT, its own does. */
export interface StageState {
  cmdSet: boolean;
}

/** Applies the instruction and returns what history says of it, such as `ENV A=1`. Errors: InstructionError. */
export function applyToConfig(config: BuildConfig, command: ConfigCommand, state: StageState): string {
  switch (command.kind) {
    case "env":
      for (const { key, value } of command.pairs) config.Env = withVariable(config.Env ?? [], key, value);
      return `ENV${pairText(command.pairs)}`;
    case "label":
      config.Labels = { ...config.Labels, ...Object.fromEntries(command.pairs.map(({ key, value }) => [key, value])) };
      return `LABEL${pairText(command.pairs)}`;
    case "maintainer":
      return `MAINTAINER ${command.name}`;
    case "onbuild":
      config.OnBuild = [...(config.OnBuild ?? []), command.expression];
      return `ONBUILD ${command.expression}`;
    case "cmd":
      config.Cmd = resolveLine(command.line, config);
      if (command.line.words.length > 0) state.cmdSet = true;
      return `CMD ${quotedList(config.Cmd)}`;
    case "entrypoint":
      config.Entrypoint = command.line.words.length === 0 ? null : resolveLine(command.line, config);
      if (!state.cmdSet) config.Cmd = null;
      return `ENTRYPOINT ${quotedList(config.Entrypoint ?? [])}`;
    case "healthcheck":
      config.Healthcheck = healthOf(command.health);
      return `HEALTHCHECK ${healthText(command.health)}`;
    case "expose":
      config.ExposedPorts = { ...config.ExposedPorts, ...portSet(command.ports) };
      return `EXPOSE ${command.ports.join(" ")}`;
    case "user":
      config.User = command.user;
      return `USER ${command.user}`;
    case "volume":
      if (command.paths.includes("")) throw new InstructionError("VOLUME specified can not be an empty string");
      config.Volumes = { ...config.Volumes, ...Object.fromEntries(command.paths.map((path) => [path, {}])) };
      return `VOLUME [${command.paths.join(" ")}]`;
    case "stopsignal":
      config.StopSignal = command.signal;
      return `STOPSIGNAL ${command.signal}`;
    case "shell":
      config.Shell = [...command.words];
      return `SHELL [${command.words.join(" ")}]`;
  }
}

/** Where a WORKDIR leads. Errors: InstructionError. */
export function resolveWorkdir(current: string | undefined, path: string): string {
  if (path === "") throw new InstructionError("cannot normalize nothing");
  return path.startsWith("/") ? path : cleanPath(`/${current ?? ""}/${path}`);
}

const pairText = (pairs: readonly { key: string; value: string }[]): string => pairs.map(({ key, value }) => ` ${key}=${value}`).join("");
const quotedList = (words: readonly string[]): string => `[${words.map(quoteGo).join(" ")}]`;

function withVariable(env: readonly string[], key: string, value: string): string[] {
  const entry = `${key}=${value}`;
  const at = env.findIndex((other) => other.split("=", 1)[0] === key);
  return at < 0 ? [...env, entry] : env.map((other, i) => (i === at ? entry : other));
}

/** Go leaves zeros out of JSON. */
function healthOf(health: Health | { readonly Test: readonly ["NONE"] }): NonNullable<BuildConfig["Healthcheck"]> {
  const { Test, ...numbers } = health;
  return { Test: [...Test], ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== 0)) };
}

/** `%q` of Go's container.HealthConfig. */
function healthText(health: Health | { readonly Test: readonly ["NONE"] }): string {
  const { Test, Interval, Timeout, StartPeriod, Retries } = { Interval: 0, Timeout: 0, StartPeriod: 0, Retries: 0, ...health };
  const spans = [Interval, Timeout, StartPeriod].map((ns) => quoteGo(formatDuration(ns)));
  return `&{${quotedList(Test)} ${spans.join(" ")} ${quoteRune(Retries)}}`;
}

/** A number as the character of that code. */
function quoteRune(code: number): string {
  const text = quoteGo(String.fromCodePoint(code <= 0x10ffff ? code : 0xfffd)).slice(1, -1);
  return `'${text === '\\"' ? '"' : text === "'" ? "\\'" : text}'`;
}

/** `80`, `80/udp`, `8000-8003/tcp`: go-connections' nat.ParsePortSpecs, as far as there is no host part. Errors: InstructionError. */
export function portSet(specs: readonly string[]): Record<string, Record<string, never>> {
  const ports: Record<string, Record<string, never>> = {};
  for (const spec of specs) {
    const [range = "", protocol = "tcp"] = spec.split("/");
    const container = range.slice(range.lastIndexOf(":") + 1);
    if (!["tcp", "udp", "sctp"].includes(protocol.toLowerCase())) throw new InstructionError(`Invalid proto: ${protocol}`);
    if (container === "") throw new InstructionError(`No port specified: ${spec}<empty>`);
    const match = /^(\d+)(?:-(\d+))?$/.exec(container);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || first > last || last > 65_535) throw new InstructionError(`Invalid containerPort: ${container}`);
    for (let port = first; port <= last; port++) ports[`${port}/${protocol.toLowerCase()}`] = {};
  }
  return ports;
}

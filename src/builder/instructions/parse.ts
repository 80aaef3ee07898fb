/**
 * From the parser's nodes to instructions: arguments counted, flags read, stages put together. BuildKit `frontend/dockerfile/instructions/parse.go`, as
 * the engine 20.10 has it: the flags that only BuildKit knows are not among those of RUN, COPY and ADD.
 */

import { durationFault, findDuration } from "../duration.ts";
import type { InstructionNode } from "../parser/node.ts";
import type { ArgCommand, Command, CommandLine, CopyCommand, Health, Instruction, KeyValue, Stage } from "./command.ts";
import { InstructionError } from "./error.ts";
import { type FlagKind, parseInstructionFlags } from "./flags.ts";

const atLeastOne = (name: string): InstructionError => new InstructionError(`${name} requires at least one argument`);
const exactlyOne = (name: string): InstructionError => new InstructionError(`${name} requires exactly one argument`);

type Reader = (node: InstructionNode) => Command;

/** By instruction in lower case; FROM is a stage. */
const readers: Readonly<Record<string, Reader>> = {
  add: (node) => copy(node, "add", { chown: "text", chmod: "text" }),
  arg: arg,
  cmd: (node) => ({ kind: "cmd", line: lineOf(withoutFlags(node)) }),
  copy: (node) => copy(node, "copy", { chown: "text", from: "text", chmod: "text" }),
  entrypoint: (node) => ({ kind: "entrypoint", line: lineOf(withoutFlags(node)) }),
  env: (node) => ({ kind: "env", pairs: pairs(node, "ENV") }),
  expose: (node) => {
    if (node.args.length === 0) throw atLeastOne("EXPOSE");
    return { kind: "expose", ports: [...withoutFlags(node).args].sort() };
  },
  healthcheck: healthcheck,
  label: (node) => ({ kind: "label", pairs: pairs(node, "LABEL") }),
  maintainer: (node) => ({ kind: "maintainer", name: single(node, "MAINTAINER") }),
  onbuild: onbuild,
  run: run,
  shell: shell,
  stopsignal: (node) => ({ kind: "stopsignal", signal: single(node, "STOPSIGNAL") }),
  user: (node) => ({ kind: "user", user: single(node, "USER") }),
  volume: volume,
  workdir: (node) => ({ kind: "workdir", path: single(node, "WORKDIR") }),
};

/** Errors: InstructionError. */
export function parseCommand(node: InstructionNode): Command {
  const name = node.name.toLowerCase();
  const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (reader === undefined) throw new InstructionError(`unknown instruction: ${node.name.toUpperCase()}`);
  return reader(node);
}

export interface ParsedStages {
  readonly stages: readonly Stage[];
  /** ARG before the first FROM. */
  readonly metaArgs: readonly (Instruction & { readonly command: ArgCommand })[];
}

/** Errors: InstructionError that names the line. */
export function parseStages(nodes: readonly InstructionNode[]): ParsedStages {
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  const metaArgs: (Instruction & { readonly command: ArgCommand })[] = [];
  for (const node of nodes) {
    const place = { code: node.original.trim(), line: node.lines.start };
    if (node.name.toLowerCase() === "from") {
      stages.push({ ...located(node, () => from(node)), ...place, instructions: [] });
      continue;
    }
    const command = located(node, () => parseCommand(node));
    const current = stages[stages.length - 1];
    if (current !== undefined) current.instructions.push({ command, ...place });
    else if (command.kind === "arg") metaArgs.push({ command, ...place });
    else throw new InstructionError("no build stage in current context");
  }
  return { stages, metaArgs };
}

function located<T>(node: InstructionNode, read: () => T): T {
  try {
    return read();
  } catch (e) {
    if (e instanceof InstructionError) throw new InstructionError(`dockerfile parse error line ${node.lines.start}: ${e.message}`);
    throw e;
  }
}

/** The stage of that name, whatever its case; -1 if there is none. */
export function findStage(stages: readonly Stage[], name: string): number {
  return stages.findIndex((stage) => stage.name === name.toLowerCase());
}

function from({ args, flags }: InstructionNode): { name: string; base: string; platform: string } {
  const [base = "", as = "", given = ""] = args;
  if (args.length !== 1 && !(args.length === 3 && as.toLowerCase() === "as"))
    throw new InstructionError("FROM requires either one or three arguments");
  const name = given.toLowerCase();
  if (args.length === 3 && !/^[a-z][a-z0-9-_.]*$/.test(name))
    throw new InstructionError(`invalid name for build stage: ${JSON.stringify(given)}, name can't start with a number or contain symbols`);
  const platform = parseInstructionFlags(flags, { platform: "text" }).get("platform") ?? "";
  return { name, base, platform };
}

/** Checks that there are no flags. */
function withoutFlags(node: InstructionNode): InstructionNode {
  parseInstructionFlags(node.flags, {});
  return node;
}

function single(node: InstructionNode, name: string): string {
  if (node.args.length !== 1) throw exactlyOne(name);
  return withoutFlags(node).args[0] as string;
}

function pairs(node: InstructionNode, name: string): KeyValue[] {
  const { args } = withoutFlags(node);
  if (args.length === 0) throw atLeastOne(name);
  const found: KeyValue[] = [];
  for (let i = 0; i + 1 < args.length; i += 3) {
    const key = args[i] as string;
    if (key === "") throw new InstructionError(`${name} names can not be blank`);
    found.push({ key, value: args[i + 1] as string });
  }
  return found;
}

function lineOf({ args, json }: InstructionNode): CommandLine {
  if (json || args.length === 0) return { words: args, shell: !json };
  return { words: [args.join(" ")], shell: true };
}

function copy(node: InstructionNode, kind: "add" | "copy", known: Readonly<Record<string, FlagKind>>): CopyCommand {
  const { args } = node;
  if (args.length < 2)
    throw new InstructionError(
      `${kind.toUpperCase()} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  const flags = parseInstructionFlags(node.flags, known);
  const flag = (name: string): string => flags.get(name) ?? "";
  const sources = args.slice(0, -1);
  return { kind, sources, dest: args[args.length - 1] as string, chown: flag("chown"), chmod: flag("chmod"), from: flag("from") };
}

function run(node: InstructionNode): Command {
  const flags = parseInstructionFlags(node.flags, { mount: "text" });
  return { kind: "run", line: lineOf(node), flags: [...flags.keys()] };
}

function arg(node: InstructionNode): Command {
  if (node.args.length === 0) throw atLeastOne("ARG");
  const args = node.args.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0) return { key: word, value: undefined };
    if (equals === 0) throw new InstructionError("ARG names can not be blank");
    return { key: word.slice(0, equals), value: word.slice(equals + 1) };
  });
  return { kind: "arg", args };
}

function onbuild(node: InstructionNode): Command {
  if (node.child === undefined) throw atLeastOne("ONBUILD");
  withoutFlags(node);
  const trigger = node.child.name.toUpperCase();
  if (trigger === "ONBUILD") throw new InstructionError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "MAINTAINER" || trigger === "FROM") throw new InstructionError(`${trigger} isn't allowed as an ONBUILD trigger`);
  return { kind: "onbuild", expression: node.original.replace(/^\s*ONBUILD\s*/i, "") };
}

function shell(node: InstructionNode): Command {
  const { args, json } = withoutFlags(node);
  if (args.length === 0) throw atLeastOne("SHELL");
  if (!json) throw new InstructionError("SHELL requires the arguments to be in JSON form");
  return { kind: "shell", words: args };
}

function volume(node: InstructionNode): Command {
  if (node.args.length === 0) throw atLeastOne("VOLUME");
  const paths = withoutFlags(node).args.map((path) => path.trim());
  if (paths.includes("")) throw new InstructionError("VOLUME specified can not be an empty string");
  return { kind: "volume", paths };
}

function healthcheck(node: InstructionNode): Command {
  const [first, ...command] = node.args;
  if (first === undefined) throw atLeastOne("HEALTHCHECK");
  const type = first.toUpperCase();
  if (type === "NONE") {
    if (command.length > 0) throw new InstructionError("HEALTHCHECK NONE takes no arguments");
    return { kind: "healthcheck", health: { Test: ["NONE"] } };
  }
  const known = { interval: "text", timeout: "text", "start-period": "text", retries: "text" } as const;
  const flags = parseInstructionFlags(node.flags, known);
  if (type !== "CMD") throw new InstructionError(`Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  if (command.length === 0) throw new InstructionError("Missing command after HEALTHCHECK CMD");
  const health: Health = {
    Test: [node.json ? "CMD" : "CMD-SHELL", ...(node.json ? command : [command.join(" ")])],
    Interval: interval(flags, "interval"),
    Timeout: interval(flags, "timeout"),
    StartPeriod: interval(flags, "start-period"),
    Retries: retries(flags.get("retries") ?? ""),
  };
  return { kind: "healthcheck", health };
}

/** Nanoseconds; at least a millisecond. */
function interval(flags: ReadonlyMap<string, string>, name: string): number {
  const text = flags.get(name) ?? "";
  if (text === "") return 0;
  const ns = findDuration(text);
  if (ns === undefined) throw new InstructionError(durationFault(text));
  if (ns < 1e6) throw new InstructionError(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  return ns;
}

function retries(text: string): number {
  if (text === "") return 0;
  if (!/^[+-]?\d+$/.test(text)) throw new InstructionError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (Number(text) < 1) throw new InstructionError(`--retries must be at least 1 (not ${Number(text)})`);
  return Number(text);
}

/** What `--help` prints. Real counterparts: the templates of docker/cli `cli/cobra.go`, and the columns of spf13/pflag. */

import type { Capabilities } from "./cli.ts";
import { type AnyCommand, type Group, isGroup, nameOf, type Node, usageLine } from "./command.ts";
import type { Flag, Flags } from "./flags.ts";

/** Letters that may hang over where the rest of a text is short. */
const SLOP = 5;
/** Below this many letters a text starts on a line of its own. */
const NARROWEST = 24;

/** Cuts off what fits into `width`. */
function takeLine(text: string, width: number): [line: string, rest: string] {
  if (width + SLOP > text.length) return [text, ""];
  const head = text.slice(0, width);
  const blank = Math.max(head.lastIndexOf(" "), head.lastIndexOf("\t"), head.lastIndexOf("\n"));
  if (blank <= 0) return [text, ""];
  const newline = head.lastIndexOf("\n");
  const at = newline > 0 && newline < blank ? newline : blank;
  return [text.slice(0, at), text.slice(at + 1)];
}

/** `text` in lines that fit between `indent` and `columns`. */
function wrap(text: string, indent: number, columns: number): string {
  let from = indent;
  let width = columns - from;
  let out = "";
  if (width < NARROWEST) {
    from = 16;
    width = columns - from;
    out = `\n${" ".repeat(from)}`;
  }
  const indented = (line: string): string => line.replaceAll("\n", `\n${" ".repeat(from)}`);
  if (width < NARROWEST) return text.replaceAll("\n", out);
  const lines: string[] = [];
  for (let rest = text; ; ) {
    const [line, more] = takeLine(rest, width - SLOP);
    lines.push(indented(line));
    if (more === "") break;
    rest = more;
  }
  return out + lines.join(`\n${" ".repeat(from)}`);
}

/** Go sorts names by bytes. */
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);

function isShown(flag: Flag<unknown>, engine: Capabilities): boolean {
  if (flag.hidden === true || flag.deprecated !== undefined) return false;
  if (flag.since !== undefined && !engine.atLeast(flag.since)) return false;
  return flag.only === undefined || (flag.only === "experimental" && engine.experimental);
}

/** The table of flags, in lines of at most `columns`. */
export function flagUsages(flags: Flags, engine: Capabilities, columns: number): string {
  const rows = Object.entries(flags)
    .filter(([, flag]) => isShown(flag, engine))
    .sort(byName)
    .map(([name, flag]) => {
      const head = flag.short === undefined ? `      --${name}` : `  -${flag.short}, --${name}`;
      return [
        flag.type === "" ? head : `${head} ${flag.type}`,
        flag.usage + (flag.shown === undefined ? "" : ` (default ${flag.shown})`),
      ] as const;
    });
  const widest = Math.max(0, ...rows.map(([head]) => head.length)) + 3;
  return rows.map(([head, usage]) => `${head.padEnd(widest)}${wrap(usage, widest, columns)}\n`).join("");
}

function listing(title: string, nodes: readonly Node[], width: number): string {
  if (nodes.length === 0) return "";
  const lines = nodes.map((node) => `\n  ${nameOf(node).padEnd(width)} ${node.short}`);
  return `\n\n${title}:${lines.join("")}`;
}

function visible(group: Group, engine: Capabilities): readonly Node[] {
  return group.commands.filter((node) => node.hidden !== true && (node.only === undefined || engine.experimental));
}

const sorted = (nodes: readonly Node[]): Node[] => [...nodes].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));

function groupHelp(group: Group, path: string, engine: Capabilities, globals: Flags | undefined, columns: number): string {
  const nodes = visible(group, engine);
  // cobra pads to the longest name of all, but to eleven letters at least.
  const width = Math.max(11, ...group.commands.map((node) => nameOf(node).length));
  const groups = sorted(nodes.filter(isGroup));
  const isCommon = (node: Node): boolean => globals !== undefined && node.topic === "common";
  const common = nodes.filter((node) => !isGroup(node) && isCommon(node));
  const others = sorted(nodes.filter((node) => !isGroup(node) && !isCommon(node)));
  return [
    `Usage:  ${path}${globals === undefined ? "" : " [OPTIONS]"} COMMAND\n\n${group.short}`,
    listing("Common Commands", common, width),
    listing(
      "Management Commands",
      groups.filter((node) => node.topic !== "swarm"),
      width,
    ),
    listing(
      "Swarm Commands",
      groups.filter((node) => node.topic === "swarm"),
      width,
    ),
    listing("Commands", others, width),
    globals === undefined ? "" : `\n\nGlobal Options:\n${flagUsages(globals, engine, columns).trimEnd()}`,
    `\n\nRun '${path} COMMAND --help' for more information on a command.\n`,
  ].join("");
}

function commandHelp(command: AnyCommand, path: string, engine: Capabilities, columns: number): string {
  const flags = flagUsages(command.flags, engine, columns).trimEnd();
  const parent = path.slice(0, path.lastIndexOf(" "));
  const aliases = command.aliases ?? (command.names === undefined ? [] : [path, ...command.names.map((name) => `${parent} ${name}`)]);
  return [
    `Usage:  ${usageLine(command, path)}\n\n${(command.long ?? command.short).trim()}`,
    aliases.length === 0 ? "" : `\n\nAliases:\n  ${aliases.join(", ")}`,
    flags === "" ? "" : `\n\nOptions:\n${flags}`,
    "\n",
  ].join("");
}

/** `columns` is the width of the terminal. `globals` are the flags before any command, for the top alone. */
export function helpText(node: Node, path: string, engine: Capabilities, columns: number, globals?: Flags): string {
  return isGroup(node) ? groupHelp(node, path, engine, globals, columns - 1) : commandHelp(node, path, engine, columns - 1);
}

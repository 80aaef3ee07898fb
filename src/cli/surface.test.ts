/** Every command and flag of docker 28.2.2 is known by its name, aliases, types and defaults. The list lies outside of the repository. */

import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type AnyCommand, findChild, type Group, isGroup, type Node, usageLine } from "./command.ts";
import { globalFlags } from "./docker.ts";
import { bool, type Flag, type Flags } from "./flags.ts";
import { flagUsages } from "./help.ts";
import { root } from "./root.ts";

interface Surface {
  readonly usage: string;
  readonly aliases: readonly string[];
  readonly flags: readonly { readonly name: string; readonly short?: string; readonly type: string; readonly default?: string }[];
}

const path = new URL("../../../shared/suites/docker-cli-28-surface.json", import.meta.url).pathname;
const present = existsSync(path);
const surface: Record<string, Surface> = present ? JSON.parse(readFileSync(path, "utf8")) : {};

const newest = { atLeast: () => true, experimental: true };

function find(words: readonly string[]): Node | undefined {
  let node: Node | undefined = root;
  for (const word of words) node = node !== undefined && isGroup(node) ? findChild(node, word) : undefined;
  return node;
}

/** A flag as the list has it; what help shows as its default. */
function rowsOf(flags: Flags): Surface["flags"] {
  return Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true && flag.deprecated === undefined)
    .map(([name, flag]) => ({
      name: `--${name}`,
      ...(flag.short === undefined ? {} : { short: `-${flag.short}` }),
      type: flag.type === "" ? "bool" : flag.type,
    }));
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
const undated = ({ name, short, type }: Surface["flags"][number]): Surface["flags"][number] => ({
  name,
  ...(short === undefined ? {} : { short }),
  type,
});

test.skipIf(!present).each(Object.entries(surface))("docker %s", (name, expected) => {
  const words = name === "" ? [] : name.split(" ");
  const node = find(words) as AnyCommand | Group;
  expect(node).toBeDefined();
  const flags = name === "" ? globalFlags("/root/.docker") : isGroup(node) ? {} : node.flags;
  expect([...rowsOf(flags)].sort(byName)).toEqual(expected.flags.map(undated).sort(byName));
  for (const { name: flag, default: shown } of expected.flags) {
    if (shown === undefined) continue;
    const own = flags[flag.slice(2)];
    const { only: _, ...everywhere }: Flag<unknown> = own ?? bool("");
    const usage = flagUsages({ x: { ...everywhere, hidden: false } }, newest, 10_000);
    expect([flag, /\(default "?(.*?)"?\)/.exec(usage)?.[1]]).toEqual([flag, shown]);
  }
  const path = ["docker", ...words].join(" ");
  if (!isGroup(node)) {
    expect(usageLine(node, path).split("\n")[0]).toBe(expected.usage);
    const parent = path.slice(0, path.lastIndexOf(" "));
    const aliases = node.aliases ?? (node.names === undefined ? [] : [path, ...node.names.map((alias) => `${parent} ${alias}`)]);
    expect([...aliases].sort()).toEqual([...expected.aliases].sort());
  }
});

test("every command of the tree is one that docker has", () => {
  const known = new Set(Object.keys(surface));
  const walk = (group: Group, prefix: string): string[] =>
    group.commands.flatMap((node) => {
      const name = `${prefix}${isGroup(node) ? node.name : node.use.split(/[ \n]/)[0]}`;
      return isGroup(node) ? [name, ...walk(node, `${name} `)] : [name];
    });
  if (present) expect(walk(root, "").filter((name) => !known.has(name))).toEqual([]);
});

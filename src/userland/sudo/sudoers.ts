/**
 * sudoers(5), as far as plain rules go: `who hosts = (users : groups) TAG: command, …`, Defaults lines, @includedir. Left out: aliases,
 * wildcards and digests in commands, `!`; lines with them are refused as syntax errors.
 */

import type { Proc, Sys } from "../../abi/sys.ts";
import { optional, readDir, readText, stat } from "../libc/unistd.ts";

export interface Rule {
  readonly who: string;
  readonly hosts: readonly string[];
  readonly runasUsers: readonly string[];
  readonly runasGroups: readonly string[];
  readonly nopasswd: boolean;
  /** `ALL`, or a path with what arguments it must have; none allow any. */
  readonly commands: readonly string[];
}

export interface Sudoers {
  readonly rules: readonly Rule[];
  /** As `sudo -l` shows them. */
  readonly defaults: readonly string[];
  /** Complaints, ready to print. */
  readonly errors: readonly string[];
}

const words = (text: string): string[] => text.split(",").map((w) => w.trim());

/** A line without comment, or undefined where it is none of a rule. */
function parseRule(line: string): Rule | undefined {
  const match = /^(\S+)\s+([^=\s]+)\s*=\s*(?:\(([^)]*)\)\s*)?(?:((?:NO)?PASSWD)\s*:\s*)?(.+)$/.exec(line);
  if (match === null) return undefined;
  const [, who = "", hosts = "", runas, tag, commands = ""] = match;
  const [users = "root", groups] = (runas ?? "root").split(":").map((part) => part.trim());
  const list = words(commands);
  if (list.some((c) => c !== "ALL" && !c.startsWith("/"))) return undefined;
  return {
    who,
    hosts: words(hosts),
    runasUsers: words(users),
    runasGroups: groups === undefined ? [] : words(groups),
    nopasswd: tag === "NOPASSWD",
    commands: list,
  };
}

/** Joins lines that end in a backslash. */
const logicalLines = (text: string): string[] => text.replaceAll("\\\n", "  ").split("\n");

function* readInto(sys: Sys, path: string, into: { rules: Rule[]; defaults: string[]; errors: string[] }): Proc<void> {
  let nr = 0;
  for (const raw of logicalLines(yield* readText(sys, path))) {
    nr++;
    const include = /^[@#]include(dir)?\s+(\S+)/.exec(raw);
    const line = raw.replace(/(^|\s)#(?!\d).*/, "").trim();
    if (include !== null) {
      const target = include[2] as string;
      if (include[1] === undefined) yield* readInto(sys, target, into);
      else {
        const names = ((yield* optional(readDir(sys, target))) ?? [])
          .map((e) => e.name)
          .filter((n) => !n.includes(".") && !n.endsWith("~"));
        for (const name of names.sort()) yield* readInto(sys, `${target}/${name}`, into);
      }
    } else if (line.startsWith("Defaults"))
      into.defaults.push(line.replace(/^Defaults\s+/, "").replace(/="(.*)"$/, (_, v) => `=${v.replaceAll(":", "\\:")}`));
    else if (line !== "") {
      const rule = parseRule(line);
      if (rule === undefined)
        into.errors.push(`${path}:${nr}:${raw.length}: syntax error\n${raw}\n${" ".repeat(Math.max(0, raw.length - 1))}^\n`);
      else into.rules.push(rule);
    }
  }
}

/** Reads the whole configuration. What is not there, or open to all, is told in the answer. */
export function* readSudoers(sys: Sys, path: string): Proc<Sudoers | string> {
  const st = yield* optional(stat(sys, path));
  if (st === undefined) return `unable to open ${path}: No such file or directory`;
  if ((st.mode & 0o002) !== 0) return `${path} is world writable`;
  if (st.uid !== 0) return `${path} is owned by uid ${st.uid}, should be 0`;
  const into = { rules: [], defaults: [], errors: [] };
  yield* readInto(sys, path, into);
  return into;
}

/** The rule's `(users : groups) TAG: commands`, as `sudo -l` shows it. */
export function showRule({ runasUsers, runasGroups, nopasswd, commands }: Rule): string {
  const runas = runasGroups.length === 0 ? runasUsers.join(", ") : `${runasUsers.join(", ")} : ${runasGroups.join(", ")}`;
  return `(${runas})${nopasswd ? " NOPASSWD:" : ""} ${commands.join(", ")}`;
}

/** Whether a rule speaks of a command with its arguments. */
export function matchesCommand(rule: Rule, path: string, args: readonly string[]): boolean {
  return rule.commands.some((c) => c === "ALL" || c === path || c === [path, ...args].join(" "));
}

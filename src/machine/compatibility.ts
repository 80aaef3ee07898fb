/**
 * The compatibility page: every system call with its support level, and every place where the machine is not as Linux is, taken from the code
 * itself. Made by the build (`dist/compatibility.html`), so it cannot fall behind.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { type SyscallEntry, syscallTable } from "../abi/syscall-table.ts";

export interface Difference {
  /** Path below src/, with the line. */
  readonly where: string;
  readonly text: string;
}

function sources(dir: string): string[] {
  return readdirSync(dir)
    .sort()
    .flatMap((name) => {
      const path = join(dir, name);
      if (statSync(path).isDirectory()) return sources(path);
      return /\.tsx?$/.test(name) && !name.includes(".test.") ? [path] : [];
    });
}

/** All `Differs from Linux: …` of the code below `src`, each with the comment lines that go on with it. */
export function collectDifferences(src: string): Difference[] {
  const found: Difference[] = [];
  for (const file of sources(src)) {
    if (file.endsWith("compatibility.ts")) continue;
    const lines = readFileSync(file, "utf8").split("\n");
    lines.forEach((line, i) => {
      const at = line.indexOf("Differs from Linux: ");
      if (at < 0) return;
      let text = line.slice(at + "Differs from Linux: ".length);
      for (let next = i + 1; next < lines.length; next++) {
        const more = /^\s*(?:\/\/|\*(?!\/))\s?(.*)$/.exec(lines[next] as string);
        const words = more?.[1]?.trim();
        if (words === undefined || words === "" || words.startsWith("Errors:") || words.includes("Differs from Linux:")) break;
        text += ` ${words}`;
      }
      found.push({ where: `${relative(src, file)}:${i + 1}`, text: text.replace(/\s*\*\/\s*$/, "").trim() });
    });
  }
  return found;
}

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

function row(e: SyscallEntry): string {
  return `<tr class="${e.level}"><td>${e.number}<td><code>${escape(e.name)}</code><td>${e.level}<td>${escape(e.note ?? "")}</tr>`;
}

const STYLE = `
:root { color-scheme: light dark; --paper: #efebdf; --ink: #1d2b3a; --line: #1d2b3a55; }
@media (prefers-color-scheme: dark) { :root { --paper: #0f2f57; --ink: #e8eef7; --line: #e8eef755; } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 "IBM Plex Sans", system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { font-weight: 500; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-variant: small-caps; font-weight: 500; }
td, th { border-bottom: 1px solid var(--line); padding: .15rem .6rem .15rem 0; vertical-align: top; }
td:first-child { font-variant-numeric: tabular-nums; text-align: right; width: 3rem; }
code { font-family: "IBM Plex Mono", ui-monospace, monospace; font-size: .92em; }
li { margin: .4rem 0; } li code { opacity: .8; }
`;

/** The whole page. */
export function renderCompatibility(differences: readonly Difference[], table: readonly SyscallEntry[] = syscallTable): string {
  const sorted = [...table].sort((a, b) => a.number - b.number);
  const count = (level: SyscallEntry["level"]): number => sorted.filter((e) => e.level === level).length;
  const items = differences.map((d) => `<li>${escape(d.text)}<br><code>${escape(d.where)}</code></li>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Drydock: how it differs from Linux</title><style>${STYLE}</style></head>
<body><h1>How Drydock differs from Linux</h1>
<p>Made from the code of this very build. What is not listed here is meant to be as on Linux 6.1; where it is not, it is a mistake.</p>
<h2>Differences</h2><ol>${items.join("\n")}</ol>
<h2>System calls</h2>
<p>${count("full")} complete, ${count("partial")} in part, ${count("absent")} known and absent (they fail with ENOSYS). Numbers are those of x86-64.</p>
<table><thead><tr><th>no.<th>call<th>support<th>note</tr></thead><tbody>
${sorted.map(row).join("\n")}
</tbody></table></body></html>
`;
}

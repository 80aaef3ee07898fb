import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** The tokens of both themes, as the style sheet has them: `:root` is the light one, `data-theme="dark"` overrides. */
function readTokens(): Record<"light" | "dark", Map<string, string>> {
  const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
  const read = (block: string): [string, string][] =>
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})\b/gi)].map((m) => [m[1] ?? "", m[2] ?? ""]);
  const [root = "", dark = ""] = css.split(':root[data-theme="dark"]');
  const light = new Map(read(root));
  return { light, dark: new Map([...light, ...read(dark.split("@media")[0] ?? "")]) };
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const STATES = ["R", "S", "D", "T", "Z", "X"].map((state) => `state-${state}`);
const KINDS = ["user", "mnt", "pid", "uts", "ipc", "net", "cgroup", "time"].map((kind) => `ns-${kind}`);
const TEXT = ["ink", "ink-soft", "accent", "danger", ...STATES, ...KINDS];
const TERMINAL = ["ink", "red", "green", "yellow", "blue", "magenta", "cyan", "white"].flatMap((name) =>
  name === "ink" ? ["term-ink"] : [`term-${name}`, `term-bright-${name}`],
);

test.each(["light", "dark"] as const)("text of the %s theme has a contrast of 4.5 on everything that it stands on", (theme) => {
  const tokens = readTokens()[theme];
  const poor: string[] = [];
  const check = (text: string, ground: string): void => {
    const ratio = contrast(tokens.get(text) ?? "#000000", tokens.get(ground) ?? "#000000");
    if (ratio < 4.5) poor.push(`${text} on ${ground}: ${ratio.toFixed(2)}`);
  };
  for (const text of TEXT) for (const ground of ["paper", "sheet", "accent-wash"]) check(text, ground);
  for (const text of TERMINAL) check(text, "term-paper");
  check("on-accent", "accent");
  expect(poor).toEqual([]);
});

test("the system's dark theme is the chosen dark theme", () => {
  const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
  const declarations = (part: string | undefined): string[] =>
    (part?.match(/--[\w-]+:[^;]+;/g) ?? []).map((line) => line.replace(/\s+/g, " "));
  const [chosen, system] = (css.split(':root[data-theme="dark"]')[1] ?? "").split("@media (prefers-color-scheme: dark)");
  expect(declarations(system)).toEqual(declarations(chosen));
});

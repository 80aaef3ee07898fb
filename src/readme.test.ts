/** What README.md shows of the scripted machine is what it does. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const examples = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^(\{.*?\})\s+→ (\{.*?\})(?:\s|$)/gm)].map((m) => ({
  request: m[1] as string,
  answer: m[2] as string,
}));

test("the requests of the README get the answers that it shows", () => {
  expect(examples.length).toBeGreaterThanOrEqual(6);
  const input = examples.map((e) => `${e.request}\n`).join("");
  const { stdout } = spawnSync("node", [join(root, ".ci/run-ts.mjs"), "src/machine/headless.ts", "--json"], {
    cwd: root,
    encoding: "utf8",
    input,
  });
  const answers = stdout.trim().split("\n");
  examples.forEach((e, i) => {
    expect(JSON.parse(answers[i] as string), e.request).toEqual(JSON.parse(e.answer));
  });
});

test("the commands of the README are there", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  for (const [, name] of readFileSync(join(root, "README.md"), "utf8").matchAll(/`npm run (?:-s )?([a-z:]+)/g))
    expect(scripts).toHaveProperty(name as string);
});

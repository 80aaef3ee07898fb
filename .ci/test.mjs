// Everything that must hold: types, lint, unit tests (with the layer rules and the recorded transcripts), build, end-to-end tests.
import { spawnSync } from "node:child_process";
import { ensureBrowser } from "./browser.mjs";

const browser = ensureBrowser();
const env = { ...process.env, ...(browser === undefined ? {} : { CHROMIUM: browser }) };
const steps = [
  ["types, inside the machine", "npx", ["tsc", "-p", "tsconfig.machine.json"]],
  ["types, everywhere", "npx", ["tsc", "-p", "tsconfig.json"]],
  ["lint and format", "npm", ["run", "-s", "lint"]],
  ["unit tests", "npx", ["vitest", "run"]],
  ["build", "npm", ["run", "-s", "build"]],
  ["end-to-end tests", "npx", ["playwright", "test"]],
];

let failed = 0;
for (const [name, command, args] of steps) {
  const start = Date.now();
  console.log(`\n── ${name}`);
  const { status } = spawnSync(command, args, { stdio: "inherit", env });
  const ok = status === 0;
  console.log(`── ${name}: ${ok ? "passed" : "FAILED"} in ${Math.round((Date.now() - start) / 1000)} s`);
  if (!ok) failed++;
}
console.log(`\n${steps.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

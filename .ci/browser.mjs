// Finds a Chromium for the end-to-end tests, or installs one: Debian's package by apt, elsewhere Playwright's own.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const candidates = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const find = () => candidates.find((path) => path !== undefined && existsSync(path));

function run(command, args) {
  return spawnSync(command, args, { stdio: "inherit" }).status === 0;
}

/** The path of a browser; undefined where Playwright's own is to be used. */
export function ensureBrowser() {
  const found = find();
  if (found !== undefined) return found;
  if (existsSync("/usr/bin/apt-get")) {
    const sudo = process.getuid?.() === 0 ? [] : ["sudo"];
    const apt = (...args) => run([...sudo, "apt-get"][0], [...[...sudo, "apt-get"].slice(1), ...args]);
    if (apt("update", "-qq") && apt("install", "-y", "-qq", "--no-install-recommends", "chromium")) return find();
  }
  if (!run("npx", ["playwright", "install", "chromium"])) throw new Error("no Chromium was found, and none could be installed");
  return undefined;
}

// Installs the dependencies where node_modules is missing or older than the lock file. Not by `npm ci`: it refuses lock files in which the
// builds of tools for other platforms are left out, as some registries make npm write them.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";

const installed = "node_modules/.package-lock.json";
const fresh = existsSync(installed) && statSync(installed).mtimeMs >= statSync("package-lock.json").mtimeMs;
if (!fresh) {
  console.log("Installing dependencies …");
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund"], { stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
}

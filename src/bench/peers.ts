/** The shell of just-bash as the peer: installed into a temporary directory when the bench runs, no dependency of the project. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const VERSION = "3.4.2";

interface JustBash {
  exec(script: string): Promise<{ stdout: string; exitCode: number }>;
}

/** A fresh just-bash shell; installs the package first where it is missing. */
export async function openJustBash(): Promise<JustBash> {
  const dir = join(tmpdir(), `drydock-bench-${VERSION}`);
  if (!existsSync(join(dir, "node_modules", "just-bash"))) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "package.json"), "{}");
    const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--silent", `just-bash@${VERSION}`], {
      cwd: dir,
      stdio: "inherit",
    });
    if (status !== 0) throw new Error("just-bash could not be installed");
  }
  const entry = createRequire(join(dir, "x.js")).resolve("just-bash");
  const { Bash } = (await import(pathToFileURL(entry).href)) as { Bash: new (options: object) => JustBash };
  const unlimited = 1e9;
  const limits = { maxCallDepth: 1000, maxCommandCount: unlimited, maxLoopIterations: unlimited };
  return new Bash({ executionLimits: limits });
}

/**
 * Records the docker cases from a real engine: `npm run parity:record-docker [topic…]` with DOCKER_HOST naming a Docker Engine 20.10 that nobody else uses, a
 * docker client 28 in PATH, and its image alpine:latest made by prepare.sh. Each case runs in an empty /tmp/dockercase; clean.sh runs after it.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseCases, type Transcript } from "../cases.ts";
import { normalise } from "./normalise.ts";

const here = dirname(process.argv[1] as string);
const host = process.env["DOCKER_HOST"];
if (host === undefined) throw new Error("DOCKER_HOST must name the engine to record");
const env = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
  LC_ALL: "C.UTF-8",
  TERM: "dumb",
  TZ: "UTC",
  DOCKER_HOST: host,
};
const clean = readFileSync(join(here, "clean.sh"), "utf8");

function record(script: string): Transcript {
  spawnSync("bash", ["-c", clean], { env, input: "" });
  mkdirSync("/tmp/dockercase");
  const result = spawnSync("bash", ["-c", script], { cwd: "/tmp/dockercase", env, encoding: "utf8", input: "", timeout: 60_000 });
  if (result.error !== undefined) throw result.error;
  return { stdout: normalise(result.stdout), stderr: normalise(result.stderr), status: result.status ?? 128 };
}

process.umask(0o022);
const topics = process.argv.slice(2);
const all = readdirSync(here).filter((name) => name.endsWith(".cases"));
for (const file of topics.length > 0 ? topics.map((topic) => `${topic}.cases`) : all) {
  const transcripts: Record<string, Transcript> = {};
  for (const c of parseCases(readFileSync(join(here, file), "utf8"))) {
    try {
      transcripts[c.name] = record(c.script);
    } catch (e) {
      // Left out of the recording, so that its replay fails.
      console.error(`${file}: ${c.name}: ${String(e)}`);
    }
  }
  writeFileSync(join(here, file.replace(/cases$/, "golden.json")), `${JSON.stringify(transcripts, null, 1)}\n`);
  console.log(`${file}: ${Object.keys(transcripts).length} recorded`);
}
spawnSync("bash", ["-c", clean], { env, input: "" });
rmSync("/tmp/dockercase", { recursive: true, force: true });

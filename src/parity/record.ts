/**
 * Records transcripts from this computer's real tools: `npm run parity:record [topic…]`. Needs Linux with bash, dash and
 * busybox (Debian 12's, for the texts to be those that the machine speaks). Each case runs in an empty directory of its own.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Case, parseCases, type Transcript } from "./cases.ts";

const here = dirname(process.argv[1] as string);
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A directory with a link for each applet, so that a busybox case finds nothing else. */
function busyboxBin(root: string): string {
  const bin = join(root, "bin");
  mkdirSync(bin);
  const busybox = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path)) ?? "busybox";
  const list = spawnSync(busybox, ["--list"], { encoding: "utf8" }).stdout;
  for (const applet of list.split("\n").filter((a) => a !== "")) symlinkSync(busybox, join(bin, applet));
  return bin;
}

function record(c: Case, root: string, busybox: string): Transcript {
  // One fixed path: some tools print it.
  const cwd = "/tmp/parity";
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd);
  const script = join(root, "case.sh");
  writeFileSync(script, c.script);
  const env = {
    PATH: c.flavour === "busybox" ? busybox : PATH,
    HOME: "/root",
    LANG: "C.UTF-8",
    LC_ALL: "C.UTF-8",
    TERM: "dumb",
    TZ: "UTC",
  };
  const [program, ...args] = c.flavour === "bash" ? ["bash", "-c"] : c.flavour === "dash" ? ["dash", "-c"] : [join(busybox, "sh"), "-c"];
  const result = spawnSync(program as string, [...args, c.script], {
    cwd,
    env,
    encoding: "latin1",
    input: "",
    timeout: 20_000,
    argv0: c.flavour === "busybox" ? "sh" : undefined,
  });
  rmSync(cwd, { recursive: true, force: true });
  if (result.error !== undefined) throw new Error(`${c.name}: ${result.error.message}`);
  const text = (latin1: string): string => Buffer.from(latin1, "latin1").toString("utf8");
  return { stdout: text(result.stdout), stderr: text(result.stderr), status: result.status ?? 128 };
}

/** Two recordings at once would share the one directory: the second waits. */
function lock(): void {
  for (;;) {
    try {
      mkdirSync("/tmp/parity.lock");
      process.on("exit", () => rmSync("/tmp/parity.lock", { recursive: true, force: true }));
      return;
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

lock();
const topics = process.argv.slice(2);
const all = readdirSync(here)
  .filter((name) => name.endsWith(".cases"))
  .map((name) => name.slice(0, -".cases".length));
const root = mkdtempSync(join(tmpdir(), "drydock-parity-"));
const busybox = busyboxBin(root);
process.umask(0o022);
for (const topic of topics.length > 0 ? topics : all) {
  const transcripts: Record<string, Transcript> = {};
  for (const c of parseCases(readFileSync(join(here, `${topic}.cases`), "utf8"))) transcripts[c.name] = record(c, root, busybox);
  writeFileSync(join(here, `${topic}.golden.json`), `${JSON.stringify(transcripts, null, 1)}\n`);
  console.log(`${topic}: ${Object.keys(transcripts).length} recorded`);
}
rmSync(root, { recursive: true, force: true });

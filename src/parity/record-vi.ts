/**
 * Records what the real vim makes of keys: `node .ci/run-ts.mjs src/parity/record-vi.ts`. Reads `vi-editor.json`, runs each case in vim and writes
 * the text and the cursor (line and byte, from 1) that come out back into the file. Needs vim with scripts (Debian's `vim`).
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Recording {
  readonly texts: Readonly<Record<string, string>>;
  readonly cases: { readonly on: string; readonly keys: string; result?: string; cursor?: string }[];
}

const file = join(import.meta.dirname, "vi-editor.json");
const recording = JSON.parse(readFileSync(file, "utf8")) as Recording;
const root = mkdtempSync(join(tmpdir(), "drydock-vi-"));
const path = (name: string): string => join(root, name);
for (const c of recording.cases) {
  writeFileSync(path("text"), recording.texts[c.on] ?? c.on);
  writeFileSync(path("keys"), `${c.keys}:call writefile([line('.').' '.(col('.'))], '${path("cursor")}')\r:w!\r:qa!\r`);
  const options = ["-u", "NONE", "-N", "-n", "-i", "NONE", "-X", "--cmd", "set nomore enc=utf-8", "-c", "set nojs sw=8 ts=8 bs=2"];
  spawnSync("vim", [...options, "-s", path("keys"), path("text")], {
    env: { ...process.env, TERM: "xterm", LC_ALL: "C.UTF-8" },
    timeout: 5000,
  });
  c.result = readFileSync(path("text"), "utf8");
  c.cursor = readFileSync(path("cursor"), "utf8").trim();
}
rmSync(root, { recursive: true });
writeFileSync(file, `${JSON.stringify(recording, null, 1)}\n`);
console.log(`${recording.cases.length} recorded`);

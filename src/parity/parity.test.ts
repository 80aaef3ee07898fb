/** Replays the recorded transcripts in the machine. A case file without a recording fails: see record.ts. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { boot } from "../machine/testing.ts";
import { type Case, parseCases, type Transcript } from "./cases.ts";

const here = import.meta.dirname;
const topics = readdirSync(here)
  .filter((name) => name.endsWith(".cases"))
  .map((name) => name.slice(0, -".cases".length));

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The environment of record.ts. */
function invocation(c: Case): string {
  const path = c.flavour === "busybox" ? "/opt/busybox/bin" : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const shell = c.flavour === "busybox" ? "sh" : c.flavour;
  const env = `PATH=${path} HOME=/root LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=dumb TZ=UTC`;
  return `mkdir -p /tmp/parity && cd /tmp/parity && env -i ${env} ${shell} -c ${quote(c.script)} </dev/null`;
}

for (const topic of topics) {
  const cases = parseCases(readFileSync(join(here, `${topic}.cases`), "utf8"));
  const recording = join(here, `${topic}.golden.json`);
  const golden = (existsSync(recording) ? JSON.parse(readFileSync(recording, "utf8")) : {}) as Record<string, Transcript | undefined>;
  describe(topic, () => {
    // A fresh machine for each case: boot is cheap, and a case must not see another's files.
    test.each(cases)("$name", (c) => {
      const machine = boot();
      if (c.flavour === "busybox") machine.run("mkdir -p /opt/busybox/bin && busybox --install -s /opt/busybox/bin");
      const { stdout, stderr, status } = machine.run(invocation(c), { limitNs: 60e9 });
      expect({ stdout, stderr, status }).toEqual(golden[c.name]);
    });
  });
}

/**
 * Replays the docker cases in the machine: the same client's words, engine's words and exit statuses as the real ones. One machine a topic, cleaned after each case as
 * for the recording; what a case leaves behind then is a leak of the engine's and fails it.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { boot, type TestMachine } from "../../machine/testing.ts";
import { parseCases, type Transcript } from "../cases.ts";
import { normalise } from "./normalise.ts";

const here = import.meta.dirname;
const read = (name: string): string => readFileSync(join(here, name), "utf8");
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const ENVIRONMENT =
  "env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=dumb TZ=UTC";

/** What is there of everything that containers are made of. Processes by name: their numbers go on. */
const COUNT = `
for pid in /proc/[0-9]*; do cat "$pid/comm" 2> /dev/null; done | grep -v '^cat$' | sort | uniq -c
findmnt -rno TARGET | grep -c .
lsns -no NS | grep -c .
find /sys/fs/cgroup -type d | grep -v '^/sys/fs/cgroup$' | sort
ip -o link | awk '{ print $2 }'
iptables-save | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'
find /var/lib/docker /var/run/docker /run/containerd -not -path '*/tmp/*' 2> /dev/null | sed 's/[0-9a-f]\\{64\\}/ID/g' | sort | uniq -c
`;

class Replay {
  private machine: TestMachine | undefined;
  private before = "";

  /** A machine with an engine that has the image of the cases and nothing else. */
  start(): TestMachine {
    if (this.machine !== undefined) return this.machine;
    const machine = boot();
    const ready = machine.run(`systemctl start docker\n${read("prepare.sh")}`);
    if (ready.status !== 0) throw new Error(`no engine: ${ready.stderr}`);
    // The first container leaves directories and a cgroup that stay for the next ones.
    machine.run(`docker run alpine true\n${read("clean.sh")}`);
    this.before = machine.run(COUNT).stdout;
    this.machine = machine;
    return machine;
  }

  run(script: string): Transcript {
    const machine = this.start();
    const { stdout, stderr, status } = machine.run(
      `mkdir -p /tmp/dockercase && cd /tmp/dockercase && ${ENVIRONMENT} bash -c ${quote(script)} </dev/null`,
      {
        limitNs: 200e9,
      },
    );
    return { stdout: normalise(stdout), stderr: normalise(stderr), status };
  }

  /** What is there more or less than before the first case, after everything was removed. */
  leaks(): string {
    const machine = this.start();
    machine.run(`cd /; ${read("clean.sh")}\nsleep 0.5`);
    machine.check();
    const after = machine.run(COUNT).stdout;
    const [was, is] = [this.before.split("\n"), after.split("\n")];
    return [
      ...was.filter((line) => !is.includes(line)).map((line) => `- ${line}`),
      ...is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`),
    ].join("\n");
  }

  /** The next case gets a new machine: this one is not what it should be. */
  giveUp(): void {
    this.machine = undefined;
  }
}

/** The tests of one topic; a file `<topic>.test.ts` beside the cases calls it, so that topics run side by side. */
export function replayTopic(topic: string): void {
  const cases = parseCases(read(`${topic}.cases`));
  const recording = `${topic}.golden.json`;
  const golden = (existsSync(join(here, recording)) ? JSON.parse(read(recording)) : {}) as Record<string, Transcript | undefined>;
  describe(topic, () => {
    const replay = new Replay();
    test.each(cases)("$name", (c) => {
      try {
        const recorded = golden[c.name];
        // Once more: a recording may be older than a rule of what is made equal.
        const wanted = recorded && { ...recorded, stdout: normalise(recorded.stdout), stderr: normalise(recorded.stderr) };
        expect(replay.run(c.script)).toEqual(wanted);
        expect(replay.leaks()).toBe("");
      } catch (error) {
        replay.giveUp();
        throw error;
      }
    });
  });
}

/** `kill -9` of dockerd at the system calls of a `docker run -d`: nothing that was reported is lost, nothing is left over, and the engine works on. */

import { expect, test } from "vitest";
import { SIGKILL } from "../abi/signal.ts";
import { bootDocker, type DockerMachine } from "../machine/docker-testing.ts";

/** What there is of everything that containers are made of. */
const COUNT = `
for pid in /proc/[0-9]*; do cat "$pid/comm" 2> /dev/null; done | grep -v '^cat$' | sort | uniq -c
findmnt -rno TARGET | sort
lsns -no TYPE | sort | uniq -c
find /sys/fs/cgroup -type d | sort
ip -o link | awk '{ print $2 }'
iptables-save | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'
find /var/lib/docker /var/run/docker /run/containerd -not -path '*/tmp/*' 2> /dev/null | sed 's/[0-9a-f]\\{64\\}/ID/g' | sort | uniq -c
`;

/** Runs a container; dockerd is killed as it enters the system call of that number. Returns how many it has made, and what the client printed. */
function runAndKill(m: DockerMachine, at: number): { calls: number; stdout: string } {
  const { kernel } = m.machine;
  const daemon = Number(m.run("pidof dockerd").stdout);
  const tg = [...kernel.tasks].find(({ isLeader, tid }) => isLeader && tid === daemon)?.tg;
  if (tg === undefined) throw new Error("no dockerd");
  const threads = tg.threads;
  let calls = 0;
  kernel.trace.syscalls = true;
  const unlisten = kernel.trace.listen((event) => {
    if (event.name !== "sys_enter" || ![...threads].some(({ pid }) => pid.nr === event.pid)) return;
    if (calls++ === at) kernel.signals.sendToProcess(SIGKILL, tg);
  });
  const { stdout } = m.run("docker run -d --name it -p 8080:80 -v data:/data alpine sleep 1000 2> /dev/null");
  unlisten();
  kernel.trace.syscalls = false;
  expect(tg.threads.size === 0, `killed at ${at}`).toBe(calls > at);
  return { calls, stdout };
}

/** Starts the daemon, and removes all there is. */
function recover(m: DockerMachine): string[] {
  const started = m.run("systemctl start docker && docker ps -aq --no-trunc");
  expect(started.status, m.log).toBe(0);
  return started.stdout.split("\n").filter((id) => id !== "");
}

function clean(m: DockerMachine): void {
  const { status, stderr } = m.run(
    'ids=$(docker ps -aq); [ -z "$ids" ] || docker rm -f $ids > /dev/null; docker volume ls -q | while read v; do docker volume rm $v > /dev/null; done; sleep 0.5',
  );
  expect(status, `${stderr}${m.log}`).toBe(0);
}

/** How many of some hundred calls; more of them by hand: `CRASH_ROUNDS=100 npx vitest run src/engine/crash.test.ts`. */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 16);

test("a daemon that is killed at a system call of docker run loses no container that it has reported, and leaves nothing behind", () => {
  const m = bootDocker();
  const { calls, stdout: whole } = runAndKill(m, Number.POSITIVE_INFINITY);
  expect(whole).toMatch(/^[0-9a-f]{64}\n$/);
  clean(m);
  m.run("kill -9 $(pidof dockerd)");
  recover(m);
  const before = m.run(COUNT).stdout;
  expect(calls).toBeGreaterThan(500);
  for (let i = 0; i < ROUNDS; i++) {
    const at = Math.floor(((i + 0.5) * calls) / ROUNDS);
    const { stdout } = runAndKill(m, at);
    const found = recover(m);
    if (stdout !== "") expect(found, `killed at ${at}`).toEqual([stdout.trim()]);
    // It can be started, whatever has become of it.
    for (const id of found) expect(m.run(`docker start ${id}`), `killed at ${at}: ${m.log}`).toMatchObject({ status: 0 });
    clean(m);
    expect(m.run(COUNT).stdout, `killed at ${at}`).toBe(before);
    m.check();
  }
}, 900_000);

/** The client on the engine, as someone at a terminal sees them. */

import { beforeAll, expect, test } from "vitest";
import { boot, type TestMachine, type TestTerminal } from "../machine/testing.ts";

let m: TestMachine;
let t: TestTerminal;

/** What a terminal shows, without colours and other controls. */
const plain = (text: string): string => text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r", "");

beforeAll(() => {
  m = boot();
  m.run("systemctl start docker; docker pull -q alpine");
  t = m.terminal(24, 100);
}, 60_000);

test("without a daemon it says so", () => {
  expect(m.run("docker -H unix:///nope ps")).toMatchObject({
    stdout: "",
    stderr: "Cannot connect to the Docker daemon at unix:///nope. Is the docker daemon running?\n",
    status: 1,
  });
});

test.each([
  ["docker foo", "docker: unknown command: docker foo\n\nRun 'docker --help' for more information\n", 1],
  [
    "docker ps x",
    "docker: 'docker ps' accepts no arguments\n\nUsage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information\n",
    1,
  ],
  ["docker service ls", "not supported in Drydock: swarm mode\n", 1],
  ["docker run -p 80:x alpine", "docker: invalid containerPort: x\n\nRun 'docker run --help' for more information\n", 125],
  ["docker rm ghost", "Error response from daemon: No such container: ghost\n", 1],
  ["docker rm -f ghost", "Error response from daemon: No such container: ghost\n", 0],
])("%s", (line, stderr, status) => {
  expect(m.run(line)).toMatchObject({ stdout: "", stderr, status });
});

test("run ends with the status of the container, its streams kept apart", () => {
  expect(m.run("docker run --rm alpine sh -c 'echo out; echo err >&2; exit 7'")).toMatchObject({
    stdout: "out\n",
    stderr: "err\n",
    status: 7,
  });
});

test("standard input goes to the container with -i", () => {
  expect(m.run("printf 'a\\nb\\n' | docker run --rm -i alpine wc -l")).toMatchObject({ stdout: "2\n", status: 0 });
});

test("environment, files of variables and the user's own", () => {
  m.write("/tmp/vars", "# none\nB=2\nHOME\nNONE\n");
  expect(m.run("docker run --rm -e A=1 --env-file /tmp/vars alpine env | grep -v HOSTNAME | sort").stdout).toBe(
    "A=1\nB=2\nHOME=/root\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
  );
});

test("lists, templates, names", () => {
  m.run("docker run -d --name web -l tier=front alpine sleep 1000");
  expect(m.run("docker ps --format 'table {{.Names}}\\t{{.Image}}\\t{{.Label \"tier\"}}'").stdout).toBe(
    "NAMES     IMAGE     tier\nweb       alpine    front\n",
  );
  expect(m.run("docker inspect -f '{{.State.Status}} {{.Config.Labels.tier}} {{json .Config.Cmd}}' web").stdout).toBe(
    'running front ["sleep","1000"]\n',
  );
  expect(m.run("docker exec web sh -c 'exit 5'").status).toBe(5);
  expect(m.run("docker cp /etc/hostname web:/tmp/h; docker exec web cat /tmp/h; docker diff web").stdout).toBe(
    "drydock\nC /tmp\nA /tmp/h\n",
  );
  expect(m.run("docker rm -f web ghost")).toMatchObject({
    stdout: "web\n",
    stderr: "Error response from daemon: No such container: ghost\n",
    status: 0,
  });
});

test("a terminal inside: its size follows, keys leave it, attach comes back", () => {
  t.type("docker run -it --rm --name term alpine sh\n", 2500);
  t.resize(30, 90);
  t.wait(500);
  expect(plain(t.type("tty; stty size\n"))).toContain("/dev/pts/0\n30 90\n");
  expect(plain(t.type("\x10\x11"))).toMatch(/root@drydock:~# $/);
  t.type("docker attach term\n", 1500);
  expect(plain(t.type("exit 3\n", 2000))).toMatch(/root@drydock:~# $/);
  expect(plain(t.type("echo $?\n"))).toContain("\n3\n");
});

test("^C goes on to the container; the third time the client leaves", () => {
  t.type("docker run --rm alpine sh -c 'trap \"exit 9\" INT; while :; do sleep 1; done'\n", 2500);
  t.type("\x03", 2500);
  expect(plain(t.type("echo $?\n"))).toContain("\n9\n");
  t.type("docker run --rm --name deaf alpine sleep 1000\n", 2500);
  t.type("\x03", 300);
  t.type("\x03", 300);
  expect(plain(t.type("\x03", 800))).toContain("got 3 SIGTERM/SIGINTs, forcefully exiting\n");
  expect(m.run("docker rm -f deaf")).toMatchObject({ stdout: "deaf\n", status: 0 });
});

test("Tab completes commands, flags and names", () => {
  m.run("docker run -d --name complete-me alpine sleep 1000");
  expect(plain(t.type("docker ren\t")).trimEnd()).toMatch(/docker rename$/);
  expect(plain(t.type("comp\t")).trimEnd()).toMatch(/complete-me$/);
  t.type("\x15");
  expect(plain(t.type("docker run --netw\t"))).toMatch(/--network$/);
  t.type("\x15");
  m.run("docker rm -f complete-me");
});

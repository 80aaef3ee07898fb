import { expect, test } from "vitest";
import { bootDocker, type DockerMachine } from "../../machine/docker-testing.ts";

const none = { NetworkMode: "none" };
const loop = ["sh", "-c", "trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.1; done"];

interface Summary {
  readonly Id: string;
  readonly Names: string[];
  readonly State: string;
}
const list = (m: DockerMachine): Summary[] => m.api("GET", "/containers/json?all=1").body as Summary[];

/** What is left once all containers are removed: processes, mounts, files. */
const leftovers = (m: DockerMachine): string =>
  m.run(
    `ps -e -o comm= | grep -vE '^(init|bash|dockerd|ps|grep|sh)$'
grep -E '/var/lib/docker/(overlay2|containers)|netns' /proc/mounts
ls /var/lib/docker/containers /run/containerd/s /run/containerd/io.containerd.runtime.v2.task/moby /var/run/docker/containerd /var/run/docker/runtime-runc/moby | grep -v : | grep .
find /sys/fs/cgroup/docker -mindepth 1 -type d`,
  ).stdout;

test("containers outlive a daemon that is killed; the next one stops them, and starts those that are to be started always", () => {
  const m = bootDocker();
  m.api("POST", "/containers/create?name=one", { Image: "alpine", Cmd: loop, HostConfig: none });
  m.api("POST", "/containers/create?name=always", {
    Image: "alpine",
    Cmd: loop,
    HostConfig: { ...none, RestartPolicy: { Name: "always" } },
  });
  m.api("POST", "/containers/create?name=short", { Image: "alpine", Cmd: ["sh", "-c", "sleep 0.5; exit 4"], HostConfig: none });
  m.api("POST", "/containers/create?name=gone", { Image: "alpine", Cmd: ["sleep", "0.5"], HostConfig: { ...none, AutoRemove: true } });
  for (const name of ["one", "always", "short", "gone"]) expect(m.api("POST", `/containers/${name}/start`).status).toBe(204);
  m.run("kill -9 $(pidof dockerd); sleep 1");
  expect(m.run("pgrep -c containerd-shim").stdout).toBe("4\n");
  expect(m.run("systemctl start docker").status).toBe(0);
  expect(Object.fromEntries(list(m).map(({ Names, State }) => [Names[0], State]))).toEqual({
    "/one": "exited",
    "/always": "running",
    "/short": "exited",
  });
  expect(m.api("GET", "/containers/one/json").body).toMatchObject({ State: { ExitCode: 5 } });
  expect(m.api("GET", "/containers/short/json").body).toMatchObject({ State: { ExitCode: 4 } });
  for (const name of ["one", "always", "short"]) expect(m.api("DELETE", `/containers/${name}?force=1`).status).toBe(204);
  expect(leftovers(m)).toBe("");
  m.check();
});

test("an orderly restart finds everything again", () => {
  const m = bootDocker();
  m.api("POST", "/containers/create?name=one", { Image: "alpine", Cmd: loop, HostConfig: none });
  m.api("POST", "/containers/create?name=keeps", {
    Image: "alpine",
    Cmd: loop,
    HostConfig: { ...none, RestartPolicy: { Name: "unless-stopped" } },
  });
  for (const name of ["one", "keeps"]) m.api("POST", `/containers/${name}/start`);
  const before = list(m).map(({ Id }) => Id);
  expect(m.run("systemctl restart docker").status).toBe(0);
  expect(list(m).map(({ Id }) => Id)).toEqual(before);
  expect(Object.fromEntries(list(m).map(({ Names, State }) => [Names[0], State]))).toEqual({ "/one": "exited", "/keeps": "running" });
  for (const name of ["one", "keeps"]) m.api("DELETE", `/containers/${name}?force=1`);
  expect(leftovers(m)).toBe("");
  m.check();
});

test("with live-restore containers run on without a daemon, and the next one takes them up", () => {
  const m = bootDocker();
  m.run("mkdir -p /etc/docker; echo '{\"live-restore\":true}' > /etc/docker/daemon.json; systemctl restart docker");
  m.api("POST", "/containers/create?name=one", {
    Image: "alpine",
    Cmd: ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done"],
    HostConfig: none,
  });
  m.api("POST", "/containers/one/start");
  const pid = (): number => (m.api("GET", "/containers/one/json").body as { State: { Pid: number } }).State.Pid;
  const before = pid();
  for (const how of ["systemctl restart docker", "kill -9 $(pidof dockerd); sleep 0.5; systemctl start docker"]) {
    expect(m.run(how).status).toBe(0);
    expect(pid()).toBe(before);
  }
  m.run("sleep 0.5");
  const lines = m.run("cut -d'\"' -f4 /var/lib/docker/containers/*/*-json.log | tr -cd '0-9\\n'").stdout.trim().split("\n").map(Number);
  expect(lines).toEqual(lines.map((_, i) => i + 1));
  expect(lines.length).toBeGreaterThan(10);
  expect(m.api("POST", "/containers/one/exec", { Cmd: ["true"] }).status).toBe(201);
  m.api("DELETE", "/containers/one?force=1");
  expect(leftovers(m)).toBe("");
  m.check();
});

const curl = (method: string, path: string, data = ""): string =>
  `curl -s -o /dev/null -w '${method} %{http_code}\\n' -X ${method} ${data} --unix-socket /var/run/docker.sock 'http://localhost/v1.41${path}'`;

/** Killed at many moments of a life: what was reported is there, what is there can be removed, and nothing else is left. */
test("a daemon that is killed at any moment loses no container that it has reported", () => {
  const m = bootDocker();
  m.write("/tmp/body", JSON.stringify({ Image: "alpine", Cmd: loop, HostConfig: none }));
  m.write(
    "/tmp/life",
    [
      curl("POST", "/containers/create?name=life", "-H 'Content-Type: application/json' -d @/tmp/body"),
      curl("POST", "/containers/life/start"),
      curl("POST", "/containers/life/stop?t=1"),
      curl("DELETE", "/containers/life"),
    ].join("\n"),
  );
  for (let ms = 2; ms < 200; ms += 9) {
    m.run(`: > /tmp/answers; (sh /tmp/life > /tmp/answers) & sleep ${ms / 1000}; kill -9 $(pidof dockerd); wait; sleep 0.2`);
    expect(m.run("systemctl start docker").status, m.log).toBe(0);
    const answers = m.read("/tmp/answers");
    const found = list(m);
    if (answers.includes("POST 201") && !answers.includes("DELETE 204")) {
      // Its removal may have been done, and its answer lost.
      const asked = answers.split("\n").filter((line) => line !== "").length;
      if (asked < 4) expect(found, `${ms} ms: ${answers}`).toHaveLength(1);
    } else if (answers.includes("DELETE 204")) expect(found, `${ms} ms: ${answers}`).toHaveLength(0);
    for (const { Id } of found) expect(m.api("DELETE", `/containers/${Id}?force=1`).status, `${ms} ms: ${m.log}`).toBe(204);
    expect(leftovers(m), `${ms} ms: ${answers}`).toBe("");
  }
  m.check();
}, 120_000);

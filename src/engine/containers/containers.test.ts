import { beforeAll, expect, test } from "vitest";
import { bootDocker, type DockerMachine } from "../../machine/docker-testing.ts";

let m: DockerMachine;
beforeAll(() => {
  m = bootDocker();
});

const none = { NetworkMode: "none" };
const loop = ["sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done"];

function create(name: string, body: object): string {
  const { status, text, body: answer } = m.api("POST", `/containers/create?name=${name}`, { Image: "alpine", HostConfig: none, ...body });
  expect(status, text).toBe(201);
  return (answer as { Id: string }).Id;
}

function start(name: string, body: object): string {
  const id = create(name, body);
  const { status, text } = m.api("POST", `/containers/${name}/start`);
  expect(status, text).toBe(204);
  return id;
}

const remove = (...names: string[]): void => {
  for (const name of names) expect(m.api("DELETE", `/containers/${name}?force=1&v=1`).status).toBe(204);
};

/** Its output: the container is started, waited for and removed. */
function output(command: readonly string[], hostConfig: object = {}, config: object = {}): string {
  start("out", { Cmd: command, Tty: false, ...config, HostConfig: { ...none, ...hostConfig } });
  m.api("POST", "/containers/out/wait");
  const { stdout } = m.run("cat /var/lib/docker/containers/*/*-json.log");
  remove("out");
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { log: string }).log)
    .join("");
}

const message = (method: string, path: string, body?: unknown): [number, string] => {
  const answer = m.api(method, path, body);
  return [answer.status, (answer.body as { message?: string }).message ?? ""];
};

test("a container is created, started, waited for and removed", () => {
  const id = start("one", { Cmd: ["sh", "-c", "echo out; echo err >&2; exit 3"] });
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(m.api("POST", "/containers/one/wait").body).toEqual({ Error: null, StatusCode: 3 });
  expect(m.api("GET", `/containers/${id.slice(0, 5)}/json`).body).toMatchObject({ State: { Status: "exited", ExitCode: 3, Pid: 0 } });
  expect(m.run(`cut -d, -f1,2 /var/lib/docker/containers/${id}/${id}-json.log | sort`).stdout).toBe(
    '{"log":"err\\n","stream":"stderr"\n{"log":"out\\n","stream":"stdout"\n',
  );
  remove("one");
  expect(message("GET", "/containers/one/json")).toEqual([404, "No such container: one"]);
  expect(
    m.run("ls /var/lib/docker/containers /run/containerd/s /run/containerd/io.containerd.runtime.v2.task/moby | grep -v :").stdout.trim(),
  ).toBe("");
  m.check();
});

test("states and what they do not allow", () => {
  const id = start("aa", { Cmd: loop });
  expect(m.api("POST", "/containers/aa/start").status).toBe(304);
  expect(message("POST", "/containers/aa/unpause")).toEqual([500, `Container ${id} is not paused`]);
  expect(m.api("POST", "/containers/aa/pause").status).toBe(204);
  expect(message("POST", "/containers/aa/pause")).toEqual([409, `Container ${id} is already paused`]);
  expect(message("POST", "/containers/aa/exec", { Cmd: ["true"] })).toEqual([
    409,
    "Container aa is paused, unpause the container before exec",
  ]);
  expect(m.api("POST", "/containers/aa/unpause").status).toBe(204);
  expect(message("DELETE", "/containers/aa")[1]).toBe(
    `You cannot remove a running container ${id}. Stop the container before attempting removal or force remove`,
  );
  expect(message("POST", "/containers/aa/kill?signal=x")).toEqual([400, "Invalid signal: x"]);
  expect(m.api("POST", "/containers/aa/stop?t=5").status).toBe(204);
  expect(m.api("POST", "/containers/aa/stop").status).toBe(304);
  expect(message("POST", "/containers/aa/kill")).toEqual([409, `Cannot kill container: aa: Container ${id} is not running`]);
  expect(m.api("GET", "/containers/aa/json").body).toMatchObject({ State: { ExitCode: 5, Status: "exited" } });
  expect(message("POST", "/containers/aa/rename?name=aa")[1]).toBe("Renaming a container with the same name as its current name");
  expect(message("POST", "/containers/create?name=aa", { Image: "alpine" })).toEqual([
    409,
    `Conflict. The container name "/aa" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  ]);
  remove("aa");
});

test("what cannot be started says why, and has an exit code", () => {
  create("nope", { Cmd: ["nope"] });
  const words =
    'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown';
  expect(message("POST", "/containers/nope/start")).toEqual([400, words]);
  expect(m.api("GET", "/containers/nope/json").body).toMatchObject({ State: { Status: "created", ExitCode: 127, Error: words } });
  create("etc", { Cmd: ["/etc"] });
  expect(m.api("POST", "/containers/etc/start").status).toBe(400);
  expect(m.api("GET", "/containers/etc/json").body).toMatchObject({ State: { ExitCode: 126 } });
  create("user", { Cmd: ["true"], User: "nosuch" });
  expect(message("POST", "/containers/user/start")[1]).toBe("unable to find user nosuch: no matching entries in passwd file");
  remove("nope", "etc", "user");
});

test.each([
  [{ HostConfig: { Memory: 1000 } }, 400, "Minimum memory limit allowed is 6MB"],
  [{ HostConfig: { NanoCpus: 9e9 } }, 400, "Range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available"],
  [{ HostConfig: { CpusetCpus: "9" } }, 400, "Requested CPUs are not available - requested 9, available: 0-3"],
  [{ HostConfig: { CapAdd: ["FOO"] } }, 400, 'invalid CapAdd: unknown capability: "CAP_FOO"'],
  [{ HostConfig: { SecurityOpt: ["foo"] } }, 500, 'invalid --security-opt 1: "foo"'],
  [{ HostConfig: { RestartPolicy: { Name: "always" }, AutoRemove: true } }, 400, "can't create 'AutoRemove' container with restart policy"],
  [{ HostConfig: { LogConfig: { Type: "foo" } } }, 400, 'error looking up logging plugin foo: plugin "foo" not found'],
  [{ HostConfig: { Runtime: "foo" } }, 400, "Unknown runtime specified foo"],
  [{ Env: ["=x"] }, 400, "invalid environment variable: =x"],
  [{ WorkingDir: "foo" }, 400, "the working directory 'foo' is invalid, it needs to be an absolute path"],
  [{ Image: "nope" }, 404, "No such image: nope:latest"],
])("create with %j is refused", (body, status, words) => {
  expect(message("POST", "/containers/create", { Image: "alpine", Cmd: ["true"], ...body })).toEqual([status, words]);
});

test("options are what the program sees", () => {
  expect(output(["hostname"], {}, { Hostname: "foo" })).toBe("foo\n");
  expect(output(["sh", "-c", "echo $X $PATH"], {}, { Env: ["X=1"] })).toBe(
    "1 /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
  );
  expect(output(["pwd"], {}, { WorkingDir: "/new/dir" })).toBe("/new/dir\n");
  expect(output(["id"], { GroupAdd: ["5"] }, { User: "12:34" })).toBe("uid=12 gid=34 groups=34,5\n");
  expect(output(["touch", "/x"], { ReadonlyRootfs: true })).toBe("touch: /x: Read-only file system\n");
  expect(output(["sh", "-c", "ulimit -n; ulimit -Hn"], { Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }] })).toBe("100\n200\n");
  expect(output(["grep", "-E", "^(CapEff|Seccomp|NoNewPrivs):", "/proc/1/status"])).toBe(
    "CapEff:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n",
  );
  expect(
    output(["sh", "-c", "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max"], {
      Memory: 64_000_000,
      PidsLimit: 20,
      NanoCpus: 5e8,
    }),
  ).toBe("64000000\n20\n50000 100000\n");
  expect(output(["ps", "-o", "pid,args"], { Init: true })).toMatch(
    /^PID {3}COMMAND\n {4}1 \/sbin\/docker-init -- ps -o pid,args\n +\d+ ps -o pid,args\n$/,
  );
  expect(output(["chown", "1", "/tmp"], { CapDrop: ["ALL"] })).toBe("chown: /tmp: Operation not permitted\n");
});

test("further processes: their output, exit codes and errors", () => {
  start("aa", { Cmd: loop });
  const { body } = m.api("POST", "/containers/aa/exec", { Cmd: ["sh", "-c", "echo out; exit 4"], AttachStdout: true });
  const { Id: id } = body as { Id: string };
  const answer = m.run(
    `curl -s -X POST -H 'Content-Type: application/json' -d '{}' --unix-socket /var/run/docker.sock http://localhost/exec/${id}/start | od -An -c`,
  );
  expect(answer.stdout.replace(/ +/g, " ")).toBe(" 001 \\0 \\0 \\0 \\0 \\0 \\0 004 o u t \\n\n");
  expect(m.api("GET", `/exec/${id}/json`).body).toMatchObject({ Running: false, ExitCode: 4, ProcessConfig: { entrypoint: "sh" } });
  expect(message("POST", `/exec/${id}/start`, { Detach: true })).toEqual([409, `Error: Exec command ${id} has already run`]);
  expect(message("POST", "/exec/nosuch/start", {})).toEqual([404, "No such exec instance: nosuch"]);
  const bad = m.api("POST", "/containers/aa/exec", { Cmd: ["nope"], AttachStdout: true }).body as { Id: string };
  expect(m.api("POST", `/exec/${bad.Id}/start`, { Tty: false }).text).toContain(
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown\r\n',
  );
  expect(m.api("GET", `/exec/${bad.Id}/json`).body).toMatchObject({ ExitCode: 126 });
  remove("aa");
});

test("logs are kept, cut and turned over", () => {
  start("aa", {
    Cmd: ["sh", "-c", "for i in 1 2 3 4 5 6 7; do echo line $i; done; printf end"],
    Tty: true,
    HostConfig: { ...none, LogConfig: { Type: "json-file", Config: { "max-size": "200", "max-file": "2" } } },
  });
  m.api("POST", "/containers/aa/wait");
  expect(m.api("GET", "/containers/aa/logs?stdout=1&tail=2").text).toBe("line 7\r\nend");
  expect(m.run("ls /var/lib/docker/containers/*/ | grep -c json.log").stdout).toBe("2\n");
  expect(message("GET", "/containers/aa/logs")).toEqual([400, "Bad parameters: you must choose at least one stream"]);
  remove("aa");
});

test("restart policies, health checks and the events that tell of them", () => {
  start("again", { Cmd: ["sh", "-c", "exit 4"], HostConfig: { ...none, RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } } });
  m.run("sleep 2");
  expect(m.api("GET", "/containers/again/json").body).toMatchObject({ State: { Status: "exited", ExitCode: 4 }, RestartCount: 2 });
  start("sick", { Cmd: loop, Healthcheck: { Test: ["CMD", "test", "-e", "/tmp/ok"], Interval: 2e8, Retries: 2 } });
  m.run("sleep 1");
  expect(m.api("GET", "/containers/sick/json").body).toMatchObject({ State: { Health: { Status: "unhealthy" } } });
  m.run("touch /proc/$(pgrep -f 'trap .exit 5' | head -1)/root/tmp/ok; sleep 0.6");
  expect(m.api("GET", "/containers/sick/json").body).toMatchObject({ State: { Health: { Status: "healthy", FailingStreak: 0 } } });
  const filters = encodeURIComponent(JSON.stringify({ container: ["again", "sick"], event: ["die", "health_status"] }));
  const events = m.api("GET", `/events?since=1&until=${m.run("date +%s.%N").stdout.trim()}&filters=${filters}`).text;
  expect(
    events
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { Action: string }).Action),
  ).toEqual([...["die", "die", "die"], ...["health_status: unhealthy", "health_status: healthy"]]);
  remove("again", "sick");
});

test("files go in and out as archives", () => {
  create("aa", { Cmd: ["true"] });
  m.run("cd /tmp && echo hi > f && tar cf f.tar f");
  const put = (path: string): string =>
    m.run(
      `curl -s -w '%{http_code}' -X PUT -H 'Content-Type: application/x-tar' --data-binary @/tmp/f.tar --unix-socket /var/run/docker.sock 'http://localhost/containers/aa/archive?path=${path}'`,
    ).stdout;
  expect(put("/tmp")).toBe("200");
  expect(put("/nope")).toBe('{"message":"Could not find the file /nope in container aa"}\n404');
  expect(put("/etc/passwd")).toBe('{"message":"extraction point is not a directory"}\n500');
  expect(m.run("curl -s --unix-socket /var/run/docker.sock 'http://localhost/containers/aa/archive?path=/tmp/f' | tar xO").stdout).toBe(
    "hi\n",
  );
  expect(m.api("HEAD", "/containers/aa/archive?path=/bin/sh").text).toContain("X-Docker-Container-Path-Stat: ");
  expect(m.api("GET", "/containers/aa/changes").body).toEqual([
    { Path: "/tmp", Kind: 0 },
    { Path: "/tmp/f", Kind: 1 },
  ]);
  remove("aa");
});

test("limits change while it runs; memory runs out", () => {
  const id = start("aa", { Cmd: loop, HostConfig: { ...none, Memory: 32 * 1024 ** 2 } });
  expect(message("POST", "/containers/aa/update", { Memory: 128 * 1024 ** 2 })[1]).toBe(
    `Cannot update container ${id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
  );
  expect(m.api("POST", "/containers/aa/update", { Memory: 16 * 1024 ** 2, NanoCpus: 1e9 }).body).toEqual({ Warnings: null });
  expect(m.run(`cat /sys/fs/cgroup/docker/${id}/memory.max /sys/fs/cgroup/docker/${id}/cpu.max`).stdout).toBe("16777216\n100000 100000\n");
  const stats = m.api("GET", "/containers/aa/stats?stream=0").body as { memory_stats: { limit: number }; pids_stats: { current: number } };
  expect(stats.memory_stats.limit).toBe(16_777_216);
  expect(stats.pids_stats.current).toBeGreaterThan(0);
  remove("aa");
  start("oom", {
    Cmd: ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=64M count=1"],
    HostConfig: { ...none, Memory: 8 * 1024 ** 2, MemorySwap: 8 * 1024 ** 2 },
  });
  m.api("POST", "/containers/oom/wait");
  expect(m.api("GET", "/containers/oom/json").body).toMatchObject({ State: { OOMKilled: true, ExitCode: 137 } });
  remove("oom");
  m.check();
});

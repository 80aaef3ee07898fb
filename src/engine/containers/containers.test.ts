import { expect, test } from "vitest";
import { bootDocker } from "../../machine/docker-testing.ts";

const none = { HostConfig: { NetworkMode: "none" } };

test("a container is created, started, waited for and removed", () => {
  const m = bootDocker();
  const command = ["sh", "-c", "echo out; echo err >&2; exit 3"];
  const { status, body } = m.api("POST", "/containers/create?name=one", { Image: "alpine", Cmd: command, ...none });
  expect(status).toBe(201);
  const { Id: id } = body as { Id: string };
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(m.api("POST", "/containers/one/start").status).toBe(204);
  expect(m.api("POST", "/containers/one/wait").body).toEqual({ Error: null, StatusCode: 3 });
  expect(m.api("GET", `/containers/${id.slice(0, 5)}/json`).body).toMatchObject({ State: { Status: "exited", ExitCode: 3, Pid: 0 } });
  expect(m.run(`cut -d, -f1,2 /var/lib/docker/containers/${id}/${id}-json.log | sort`).stdout).toBe(
    '{"log":"err\\n","stream":"stderr"\n{"log":"out\\n","stream":"stdout"\n',
  );
  expect(m.api("DELETE", "/containers/one").status).toBe(204);
  expect(m.api("GET", "/containers/one/json")).toMatchObject({ status: 404, body: { message: "No such container: one" } });
  expect(
    m.run(
      "ls /var/lib/docker/containers /run/containerd/io.containerd.runtime.v2.task/moby /run/containerd/s /sys/fs/cgroup/docker -d; ls /var/lib/docker/containers",
    ).stderr,
  ).toBe("");
  m.check();
});

import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

test("a service is started, told of, restarted and stopped", () => {
  const m = boot();
  expect(m.run("systemctl status docker | head -3; systemctl is-active docker").stdout).toBe(
    "○ docker.service - Docker Application Container Engine\n     Loaded: loaded (/lib/systemd/system/docker.service; disabled; preset: enabled)\n     Active: inactive (dead)\ninactive\n",
  );
  expect(m.run("systemctl start docker")).toEqual({ stdout: "", stderr: "", status: 0 });
  expect(
    m.run("curl -s --unix-socket /var/run/docker.sock http://localhost/_ping; systemctl is-active docker; ps -o ppid= -C dockerd").stdout,
  ).toMatch(/^OKactive\n +1\n$/);
  const pid = m.run("pidof dockerd").stdout;
  expect(m.run("service docker restart").status).toBe(0);
  expect(m.run("pidof dockerd").stdout).not.toBe(pid);
  expect(m.run("systemctl stop docker; systemctl is-active docker; pidof dockerd")).toEqual({
    stdout: "inactive\n",
    stderr: "Warning: Stopping docker.service, but it can still be activated by:\n  docker.socket\n",
    status: 1,
  });
});

test("units that do not exist, and verbs", () => {
  const m = boot();
  expect(m.run("systemctl start ghost")).toEqual({
    stdout: "",
    stderr: "Failed to start ghost.service: Unit ghost.service not found.\n",
    status: 5,
  });
  expect(m.run("systemctl status ghost")).toEqual({ stdout: "", stderr: "Unit ghost.service could not be found.\n", status: 4 });
  expect(m.run("systemctl frob docker")).toEqual({ stdout: "", stderr: "Unknown command verb frob.\n", status: 1 });
});

test("whoever connects to a service's socket starts it, again after it was killed", () => {
  const m = boot();
  const ping = "curl -s --unix-socket /run/docker.sock http://localhost/_ping; echo; ps -o ppid= -C dockerd";
  expect(m.run("pidof dockerd; ls -l /run/docker.sock | cut -c1-10").stdout).toBe("srw-rw----\n");
  expect(m.run(ping).stdout).toMatch(/^OK\n +1\n$/);
  const pid = m.run("pidof dockerd").stdout;
  expect(m.run("kill -9 $(pidof dockerd); sleep 0.1; pidof dockerd").stdout).toBe("");
  expect(m.run(ping).stdout).toMatch(/^OK\n +1\n$/);
  expect(m.run("pidof dockerd").stdout).not.toBe(pid);
  m.check();
});

test("an enabled service is started after the prompt", () => {
  const m = boot({ services: ["docker"] });
  const t = m.terminal();
  t.wait(1000);
  expect(m.run("systemctl is-active docker; systemctl is-enabled docker").stdout).toBe("active\nenabled\n");
});
